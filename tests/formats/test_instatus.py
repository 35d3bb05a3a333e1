"""Instatus: its summary, its components, and what only its web page tells."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.detection.merge import merge
from bellbuoy.detection.seen import seen as seen_of
from bellbuoy.errors import ReadError
from bellbuoy.events import Event, EventKind
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, instatus
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Part,
    Snapshot,
)
from bellbuoy.model.known import Known, Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample

PAGE = page_at(ROOT, "instatus")
SAMPLE = dict(sample("instatus"))
SUMMARY, V3, V2 = (f"{ROOT}/{path}" for path in ("summary.json", *instatus._COMPONENTS))
WEB = f"{ROOT}/"
HTML = (FIXTURES / "instatus" / "page.html").read_bytes()
GOOD = {**SAMPLE, WEB: HTML}
OPEN, ENDED = "cm7vq0a1b0001aaaaaaaaaaaa", "cm7vq0a1b0009zzzzzzzzzzzz"
BEGAN = datetime(2026, 9, 22, 15, 30, tzinfo=UTC)


def read(answers: Any, seen: Seen | None = None) -> tuple[Snapshot, list[str]]:
    """What one visit finds, and the paths it asks."""
    snapshot, asked = converse(instatus.read(PAGE, seen or Seen()), answers)
    return snapshot, [url.removeprefix(ROOT).lstrip("/") for url in asked]


def after(snapshot: Snapshot, **more: Any) -> Seen:
    """What is held right after a snapshot."""
    open_ids = frozenset(one.id for one in snapshot.incidents if one.is_open)
    return Seen(**{"first_look": False, "entries": snapshot.entries, "open_ids": open_ids, **more})


def summary(*, status: str = "UP", **parts: Any) -> bytes:
    """A summary with some lists."""
    page = {"name": "Kitely", "url": ROOT, "status": status}
    return json.dumps({"page": page, **parts}).encode()


def row(**changes: Any) -> dict[str, Any]:
    """The sample's open incident, changed."""
    return {**json.loads(SAMPLE[SUMMARY])["activeIncidents"][0], **changes}


def web_page(active: list[Any], notices: dict[str, Any] | None = None) -> bytes:
    """A web page of today with such data."""
    data = {
        "site": {"languageUrl": "https://lang.instatus.com"},
        "activeIncidents": active,
        "notices": notices or {},
    }
    piece = json.dumps([1, f"5:{json.dumps(data, separators=(',', ':'))}"])
    return f"<!DOCTYPE html><html><script>self.__next_f.push({piece})</script></html>".encode()


class Life:
    """A page looked at again and again, once a minute."""

    def __init__(self) -> None:
        self.known = Known(page_key=PAGE.key)
        self.now = BEGAN
        self.asked: list[str] = []

    def look(self, answers: Any) -> list[Event]:
        """One visit; returns its events."""
        before = self.now
        self.now += timedelta(seconds=60)
        asked = seen_of(self.known, self.now, read_at=before, every=60)
        snapshot, self.asked = read(answers, asked)
        merged = merge(PAGE, self.known, clean(snapshot), self.now)
        self.known = merged.known
        return list(merged.events)


# What is read


def test_the_sample_becomes_the_objects_beside_it():
    """The golden pair: three documents, and what they say together."""
    golden = (FIXTURES / "instatus" / "sample.golden.json").read_bytes()
    found, asked = read(GOOD)
    assert asked == ["summary.json", "v3/components.json", ""]
    assert msgspec.structs.replace(found, entries={}) == msgspec.json.decode(golden, type=Snapshot)


def test_an_open_incident_counts_although_the_page_says_up():
    """The page's own status is no word on incidents."""
    found, _ = read(GOOD)
    assert {one.id for one in found.incidents if one.is_open} >= {OPEN}
    assert Part.OPEN_INCIDENTS in found.complete


def test_lists_that_are_absent_are_empty_ones():
    """The vendor leaves empty lists out."""
    found, asked = read({SUMMARY: summary(), V3: b'{"components": []}'})
    assert found.incidents == ()
    assert found.complete == {Part.COMPONENTS, Part.OPEN_INCIDENTS}
    assert asked == ["summary.json", "v3/components.json"]
    assert not found.owes


def test_while_something_is_wrong_the_page_is_read_whatever_its_face_says():
    """The summary stays the same when one more component fails."""
    assert read({SUMMARY: summary(status="HASISSUES"), V3: SAMPLE[V3]})[0].owes
    assert not read({SUMMARY: summary(), V3: SAMPLE[V3]})[0].owes


def test_the_older_shape_of_components_is_read_as_well():
    """Groups hold their children there, and the second address is asked where the first is gone."""
    child = {"id": "c1", "name": "Web", "status": "MINOROUTAGE", "isParent": False, "children": []}
    parent = {"id": "c0", "name": "Apps", "status": "OPERATIONAL", "isParent": True}
    older = json.dumps({"components": [{**parent, "children": [child]}]}).encode()
    found, asked = read({SUMMARY: summary(), V3: 404, V2: older})
    assert asked == ["summary.json", "v3/components.json", "v2/components.json"]
    assert [(one.name, one.group, one.is_group, one.status) for one in found.components] == [
        ("Apps", None, True, ComponentStatus.OPERATIONAL),
        ("Web", "Apps", False, ComponentStatus.PARTIAL_OUTAGE),
    ]
    assert Part.COMPONENTS in found.complete
    assert not found.owes


def test_components_that_cannot_be_had_are_owed_and_not_gone():
    """A later document may fail; the incidents stand."""
    found, _ = read({SUMMARY: SAMPLE[SUMMARY], WEB: HTML})
    assert found.components == ()
    assert Part.COMPONENTS not in found.complete
    assert found.owes
    assert len(found.incidents) == 3


def test_one_bad_entry_does_not_cost_the_others():
    """But then the list is not complete."""
    rows = [3, {"id": None}, row(), {"id": 4, "name": "x"}, row(name="again")]
    found, _ = read({SUMMARY: summary(activeIncidents=rows), V3: SAMPLE[V3], WEB: 404})
    assert [(one.id, one.title) for one in found.incidents] == [(OPEN, "Elevated errors")]
    assert Part.OPEN_INCIDENTS not in found.complete


def test_the_web_page_of_2023_is_read_as_well():
    """It held the same data in one script."""
    update = {"id": "u1", "started": "2026-09-22T15:05:00.000Z", "status": "IDENTIFIED"}
    notice = {"id": OPEN, "updates": [{**update, "message": "Found."}], "components": []}
    data = {"lang": "https://lang.instatus.com", "activeIncidents": [notice], "notices": {}}
    script = json.dumps({"props": data}, separators=(",", ":"))
    html = f'<!DOCTYPE html><html><script id="__NEXT_DATA__">{script}</script></html>'.encode()
    found, _ = read({**GOOD, WEB: html})
    incident = next(one for one in found.incidents if one.id == OPEN)
    assert [(one.id, one.body) for one in incident.updates] == [("u1", "Found.")]


# What is asked when


def test_an_entry_that_is_as_before_is_not_decoded():
    """And the web page is asked once more after it answered, because caches may be older."""
    first, _ = read(GOOD)
    second, asked = read(GOOD, after(first))
    assert asked[-1] == ""
    assert {one.id for one in second.incidents} == {OPEN, "cm7vq0a1b0002bbbbbbbbbbbb"}
    third, asked = read(GOOD, after(first, entries={**first.entries, **second.entries}))
    assert asked == ["summary.json", "v3/components.json"]
    assert third.incidents == ()
    assert third.unchanged == {one.id for one in first.incidents}


@pytest.mark.parametrize(("answer", "times"), [(404, 1), (b"<html>Hello</html>", 1), (503, 5)])
def test_a_web_page_that_does_not_tell_is_not_asked_for_ever(answer, times):
    """None at all, none with data, or a server in trouble."""
    life = Life()
    answers = {**SAMPLE, WEB: answer}
    looks = []
    for _ in range(8):
        life.look(answers)
        looks.append("" in life.asked)
    assert looks == [True] * times + [False] * (8 - times)


def test_an_incident_that_is_long_missing_is_asked_for_at_its_own_address():
    """Only an address that is gone withdraws it."""
    url = f"{ROOT}/gone"
    seen = Seen(first_look=False, open_ids=frozenset({"x"}), missing={"x": url})
    found, asked = read({SUMMARY: summary(), V3: SAMPLE[V3], WEB: HTML, url: 404}, seen)
    assert asked[-1] == "gone"
    assert found.gone == {"x"}


# Lives


def test_a_life_from_its_opening_to_its_end():
    """The summary opens it, the web page gives it words, and tells its end when it vanished."""
    life = Life()
    quiet = {SUMMARY: summary(), V3: SAMPLE[V3], WEB: web_page([])}
    life.look(quiet)
    first = {"id": "u1", "status": "INVESTIGATING", "started": "2026-09-22T15:31:00Z"}
    told = {"id": OPEN, "components": [], "updates": [{**first, "message": "Looking."}]}
    opened = row(status="INVESTIGATING", updatedAt="2026-09-22T15:31:00Z")
    rows = summary(status="HASISSUES", activeIncidents=[opened])
    events = life.look({**quiet, SUMMARY: rows, WEB: web_page([told])})
    assert [event.kind for event in events] == [EventKind.INCIDENT_OPENED]
    assert events[0].update is not None
    assert events[0].update.body == "Looking."

    second = {"id": "u2", "status": "MONITORING", "started": "2026-09-22T15:40:00Z"}
    told["updates"].insert(0, {**second, "message": "Watching."})
    watched = row(status="MONITORING", updatedAt="2026-09-22T15:40:00Z")
    rows = summary(status="HASISSUES", activeIncidents=[watched])
    events = life.look({**quiet, SUMMARY: rows, WEB: web_page([told])})
    assert [event.kind for event in events] == [EventKind.INCIDENT_UPDATED]

    end = {"id": OPEN, "name": {"default": "Elevated errors"}, "status": "RESOLVED"}
    notices = {OPEN: {**end, "resolved": "2026-09-22T15:50:00Z", "impact": "PARTIALOUTAGE"}}
    older = web_page([told], {OPEN: {**end, "status": "MONITORING"}})
    assert life.look({**quiet, WEB: older}) == [], "an older copy knows of no end"
    assert life.look({**quiet, WEB: web_page([], notices)}) == [], "seen once"
    events = life.look({**quiet, WEB: web_page([], notices)})
    assert [event.kind for event in events] == [EventKind.INCIDENT_RESOLVED]
    assert life.look({**quiet, WEB: web_page([], notices)}) == []
    assert "" not in life.asked


def test_an_end_that_was_dated_back_is_taken_when_it_was_seen_twice():
    """People write down ends later, and at the time when it really ended."""
    life = Life()
    quiet = {SUMMARY: summary(), V3: SAMPLE[V3]}
    life.look({**quiet, SUMMARY: summary(activeIncidents=[row()]), WEB: web_page([])})
    end = {"id": OPEN, "name": "Elevated errors", "status": "RESOLVED"}
    notices = {OPEN: {**end, "resolved": "2026-09-22T15:10:00Z", "impact": "PARTIALOUTAGE"}}
    assert life.look({**quiet, WEB: web_page([], notices)}) == []
    events = life.look({**quiet, WEB: web_page([], notices)})
    assert [event.kind for event in events] == [EventKind.INCIDENT_RESOLVED]


def test_an_end_that_is_newer_than_the_latest_change_is_told_at_once():
    """The web page says when, and the summary said when it had last changed."""
    life = Life()
    quiet = {SUMMARY: summary(), V3: SAMPLE[V3]}
    life.look({**quiet, SUMMARY: summary(activeIncidents=[row()]), WEB: web_page([])})
    end = {"id": OPEN, "name": "Elevated errors", "status": "RESOLVED"}
    notices = {OPEN: {**end, "resolved": "2026-09-22T15:50:00Z", "impact": "PARTIALOUTAGE"}}
    events = life.look({**quiet, WEB: web_page([], notices)})
    assert [event.kind for event in events] == [EventKind.INCIDENT_RESOLVED]
    assert events[0].incident is not None
    assert events[0].incident.resolved_at == datetime(2026, 9, 22, 15, 50, tzinfo=UTC)


def test_absence_alone_never_ends_an_incident():
    """Where no web page tells the end, it stays open, and is asked for less and less."""
    life = Life()
    quiet = {SUMMARY: summary(), V3: SAMPLE[V3], WEB: web_page([])}
    life.look({**quiet, SUMMARY: summary(activeIncidents=[row()])})
    looks = []
    for _ in range(40):
        assert life.look(quiet) == []
        looks.append("" in life.asked)
    assert life.known.incidents[OPEN].is_open
    assert all(looks[:15])
    assert sum(looks[20:]) == 4


def test_planned_work_that_left_the_summary_is_not_asked_for_at_every_look():
    """Nothing recorded tells how its end is told."""
    life = Life()
    work = json.loads(SAMPLE[SUMMARY])["activeMaintenances"]
    quiet = {SUMMARY: summary(), V3: SAMPLE[V3], WEB: web_page([])}
    life.look({**quiet, SUMMARY: summary(activeMaintenances=work)})
    looks = []
    for _ in range(20):
        assert life.look(quiet) == []
        looks.append("" in life.asked)
    assert sum(looks) == 4
    assert not life.known.is_unsettled


@pytest.mark.parametrize("minutes", [None, "", "soon", "-5", "9" * 9, [1], 4.5])
def test_a_duration_of_planned_work_that_is_none_leaves_its_end_unknown(minutes):
    """And the work itself is read all the same."""
    (work,) = json.loads(SAMPLE[SUMMARY])["activeMaintenances"]
    document = summary(activeMaintenances=[work | {"duration": minutes}])
    found, _ = read({**SAMPLE, SUMMARY: document})
    (planned,) = [one for one in found.incidents if one.kind == "maintenance"]
    assert planned.started_at is not None
    assert planned.scheduled_until is None


def test_the_recorded_end_of_an_incident_is_read():
    """`notices` of a web page, with what its components are called."""
    seen = Seen(first_look=False, open_ids=frozenset({ENDED}))
    found, _ = read({SUMMARY: summary(), V3: SAMPLE[V3], WEB: HTML}, seen)
    (ended,) = found.incidents
    assert (ended.title, ended.status) == ("Failing logins", IncidentStatus.RESOLVED)
    assert ended.impact is Impact.CRITICAL
    assert [one.name for one in ended.components] == ["API"]


# Bad input


@pytest.mark.parametrize(
    "document",
    [
        {"page": {"id": "kctbh9vrtdwd", "name": "GitHub", "time_zone": "Etc/UTC"}},
        {"page": {"status": {"indicator": "none"}, "name": "x"}},
        {"page": {"status": "UP"}},
        {"activeIncidents": []},
    ],
)
def test_the_summary_of_another_vendor_is_refused(document):
    """Not one of them is a page without incidents."""
    with pytest.raises(ReadError, match="page"):
        read({**GOOD, SUMMARY: json.dumps(document).encode()})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """A document with bytes or values replaced."""
    if body.startswith(b"<") or draw(st.booleans()):
        for _ in range(draw(st.integers(1, 6))):
            place = draw(st.integers(0, len(body)))
            end = place + draw(st.integers(0, 40))
            body = body[:place] + draw(st.binary(max_size=12)) + body[end:]
        return body
    document = json.loads(body)
    for _ in range(draw(st.integers(1, 6))):
        value = document
        while isinstance(value, (dict, list)) and value:
            keys = sorted(value) if isinstance(value, dict) else range(len(value))
            key = draw(st.sampled_from(keys))
            if draw(st.integers(0, 2)) == 0 or not isinstance(value[key], (dict, list)):
                value[key] = draw(VALUES)
                break
            value = value[key]
    return json.dumps(document).encode()


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(st.data(), st.sampled_from(sorted(GOOD)))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(data, address):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    answers = {**GOOD, address: data.draw(mutated(GOOD[address]))}
    try:
        snapshot, _ = read(answers)
    except ReadError:
        assert address == SUMMARY
        return
    clean(snapshot)
    again, _ = read(answers, after(snapshot))
    assert {one.id for one in again.incidents} <= {one.id for one in snapshot.incidents}
    assert not again.unchanged & {one.id for one in again.incidents}


# Recognition


def claim_of(body: bytes, path: str = "") -> str | None:
    """The name under which an answer is claimed."""
    found = instatus.claims(Response(url=f"{ROOT}/{path}", status=200, body=body))
    return None if found is None else f"{found.name} at {found.url}"


def test_a_page_is_found_from_any_address_below_it():
    """Its documents, its feeds' folders, and its incidents."""
    for path in ("summary.json", "v3/components.json", "default/history/1", OPEN, ""):
        assert claim_of(SAMPLE[SUMMARY], path) == f"Kitely at {ROOT}"
    assert claim_of(HTML, f"incident/{OPEN}") == f"Kitely at {ROOT}"
    assert claim_of(SAMPLE[V3].replace(b"A NEW WORD", b"OPERATIONAL"), "v3/components.json") == (
        f"status.example.com at {ROOT}"
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"page": {"status": "UP"}}',
        b'{"page": {"status": "operational", "url": "https://x.example"}}',
        b'{"components": []}',
        b'{"components": [{"id": "1", "status": "OPERATIONAL"}]}',
        b'{"components": [{"id": "1", "status": "operational", "group": null}]}',
        b'<!DOCTYPE html><html><a href="https://instatus.com">Instatus</a></html>',
        b"<!DOCTYPE html><html><script>self.__next_f.push([1])</script></html>",
    ],
)
def test_what_only_resembles_it_is_not_claimed(body):
    """Positive evidence only."""
    assert claim_of(body) is None


# Recordings


def recorded(corpus) -> dict[str, tuple[str, bytes]]:
    """Every recorded body with the path under which it was served."""
    paths = {"components.json": "v3/components.json", "summary-incident.json": "summary.json"}
    return {
        path.name: (paths.get(path.name, "" if path.suffix == ".html" else "summary.json"), body)
        for path in sorted((corpus / "instatus").rglob("*.*"))
        if (body := body_of(path))
    }


@pytest.mark.corpus
def test_every_recorded_body_is_recognised_and_no_other_is(corpus):
    """Under its real path, by all formats together."""
    bodies = recorded(corpus)
    assert len(bodies) == 6
    for name, (path, body) in bodies.items():
        answers = {ROOT: 404, f"{ROOT}/{path}".rstrip("/"): body}
        found, _ = converse(recognise(f"{ROOT}/{path}", Formats()), answers)
        assert (found.format, found.url) == ("instatus", ROOT), name
    for path in corpus.rglob("*"):
        if path.is_file() and "instatus" not in path.parts and "series" not in path.parent.name:
            assert claim_of(body_of(path)) is None, path


@pytest.mark.corpus
def test_the_recorded_summary_is_read_with_all_its_words(corpus):
    """Two incidents that are open since 2023."""
    _, body = recorded(corpus)["summary-incident.json"]
    found, _ = read({SUMMARY: body, V3: 404, V2: 404, WEB: 404})
    assert [(one.title, one.status, one.impact, one.kind) for one in found.incidents] == [
        ("partial", IncidentStatus.INVESTIGATING, Impact.MAJOR, IncidentKind.INCIDENT),
        ("degraded", IncidentStatus.INVESTIGATING, Impact.MINOR, IncidentKind.INCIDENT),
    ]
    assert all(one.started_at and one.updated_at for one in found.incidents)
    assert found.name == "testing-sms"


@pytest.mark.corpus
def test_the_recorded_components_are_read_in_both_shapes(corpus):
    """Groups are rows of the newer one, and nest."""
    bodies = recorded(corpus)
    found, _ = read({SUMMARY: summary(), V3: bodies["components.json"][1]})
    assert [(one.name, one.group, one.is_group) for one in found.components] == [
        ("API", "Gcore Systems", False),
        ("Gcore Systems", None, True),
        ("Global services", "CDN", True),
        ("Advanced Analytics", "Global services", False),
        ("API Documentation", "Gcore Systems", False),
        ("CDN", None, True),
    ]
    older = bodies["Perplexity-instatus.json"][1]
    found, _ = read({SUMMARY: older, V3: older})
    assert [one.name for one in found.components] == ["Website", "API", "Computer"]
    assert {one.status for one in found.components} == {ComponentStatus.OPERATIONAL}
    assert (found.name, found.owes) == ("Perplexity", False)


@pytest.mark.corpus
def test_the_recorded_web_pages_give_texts_components_and_ends(corpus):
    """Of 2023 with an open incident, of 2026 with three that ended."""
    bodies = recorded(corpus)
    id = "clepq7d3819967m8n6wf54e6yx"
    rows = [row(id=id, status="IDENTIFIED")]
    older = bodies["whereby-notice-2023-03.html"][1]
    found, _ = read({SUMMARY: summary(activeIncidents=rows), V3: 404, V2: 404, WEB: older})
    (incident,) = found.incidents
    assert [one.name for one in incident.components] == ["Embedded API", "Admin dashboard"]
    (update,) = incident.updates
    assert (update.id, update.status) == ("clepq7d3y19989m8n65f9n63vi", IncidentStatus.IDENTIFIED)
    assert update.body.startswith("We've identified an issue")
    assert update.at == datetime(2023, 3, 1, 13, 41, 6, 588000, tzinfo=UTC)

    ended = {"cmlpfqxm1025lm9vl6pqsm05u", "cmluspz3f0inlgoe2bahk9uqc", "cmmanwpis0c9gw0jvjjh2bulu"}
    seen = Seen(first_look=False, open_ids=frozenset(ended))
    newer = bodies["whereby-good.html"][1]
    found, _ = read({SUMMARY: summary(), V3: SAMPLE[V3], WEB: newer}, seen)
    assert {one.id for one in found.incidents} == ended
    assert all(one.status.is_over and one.resolved_at for one in found.incidents)
    empty, _ = read({**SAMPLE, WEB: bodies["whereby-notice-2023-12.html"][1]})
    assert not any(one.updates for one in empty.incidents)


@pytest.mark.corpus
def test_recorded_bodies_played_twice_give_nothing_the_second_time(corpus):
    """The past, served again, is not news."""
    replay = Replay(instatus, PAGE, "summary.json")
    bodies = [body for path, body in recorded(corpus).values() if path == "summary.json"]
    files = [Recorded(name="x", at=None, body=body) for body in (*bodies, bodies[-1])]
    assert [event for file in files for event in replay.visit(file)]
    assert [event for file in files for event in replay.visit(file)] == []
