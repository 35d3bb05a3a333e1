"""Better Stack: one document for the whole page."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.errors import ReadError
from bellbuoy.events import EventKind
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, _betterstack_wire, betterstack
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Part,
    Snapshot,
)
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample

PAGE = page_at(ROOT, "betterstack")
INDEX = f"{ROOT}/index.json"
GOOD = sample("betterstack")[INDEX]
REPORT, WORK, ENDED = "103", "102", "101"


def read(body: bytes, seen: Seen | None = None, date: str = "") -> Snapshot:
    """What one visit finds; it asks one question."""
    headers = {"date": date} if date else {}
    answer = Response(url=INDEX, status=200, headers=headers, body=body)
    snapshot, asked = converse(betterstack.read(PAGE, seen or Seen()), {INDEX: answer})
    assert asked == [INDEX]
    return snapshot


def after(snapshot: Snapshot) -> Seen:
    """What is held right after a snapshot."""
    open_ids = frozenset(one.id for one in snapshot.incidents if one.is_open)
    return Seen(first_look=False, entries=snapshot.entries, open_ids=open_ids)


def by_id(snapshot: Snapshot) -> dict[str, Any]:
    """The incidents of a snapshot by their ids."""
    return {incident.id: incident for incident in snapshot.incidents}


def index(id: str = "", **attributes: Any) -> bytes:
    """The sample with attributes of one of its objects changed."""
    document = json.loads(GOOD)
    for one in document["included"]:
        if one["id"] == id:
            one["attributes"].update(attributes)
    return json.dumps(document).encode()


def dropped(*ids: str) -> bytes:
    """The sample without some of its objects."""
    document = json.loads(GOOD)
    document["included"] = [one for one in document["included"] if one["id"] not in ids]
    return json.dumps(document).encode()


# What is read


def test_the_sample_becomes_the_objects_beside_it():
    """The golden pair."""
    golden = (FIXTURES / "betterstack" / "sample.golden.json").read_bytes()
    found = msgspec.structs.replace(read(GOOD), entries={})
    assert found == msgspec.json.decode(golden, type=Snapshot)


def test_the_order_of_the_document_is_none():
    """Updates follow their times, not their places."""
    document = json.loads(GOOD)
    document["included"].reverse()
    found = by_id(read(json.dumps(document).encode()))
    assert found == by_id(read(GOOD))


def test_a_report_ends_by_its_state_and_not_by_a_time():
    """`ends_at` is null on what is over as well; the last update tells when."""
    found = by_id(read(GOOD))[ENDED]
    assert found.status is IncidentStatus.RESOLVED
    assert found.resolved_at == found.updates[-1].at
    assert found.updates[-1].status is IncidentStatus.RESOLVED


def test_an_update_that_resolves_one_of_two_components_ends_nothing():
    """The worst word counts."""
    both = [
        {"status_page_resource_id": "21", "status": "resolved"},
        {"status_page_resource_id": 22, "status": "degraded"},
    ]
    found = by_id(read(index("1002", affected_resources=both)))[REPORT]
    assert found.updates[-1].status is IncidentStatus.INVESTIGATING


def test_words_that_are_new_are_unknown_and_kept():
    """Of a report, a component and an update."""
    odd = [{"status_page_resource_id": "21", "status": "wobbly"}]
    found = by_id(read(index(REPORT, aggregate_state="wobbly", affected_resources=odd)))[REPORT]
    assert (found.status, found.status_raw) == (IncidentStatus.UNKNOWN, "wobbly")
    assert found.components[0].status is ComponentStatus.UNKNOWN
    found = read(index("21", status="wobbly"))
    assert found.components[0].status is ComponentStatus.UNKNOWN
    assert found.components[0].status_raw == "wobbly"
    update = by_id(read(index("1002", affected_resources=odd)))[REPORT].updates[-1]
    assert (update.status, update.status_raw) == (IncidentStatus.UNKNOWN, "wobbly")


@pytest.mark.parametrize(
    ("date", "status"),
    [
        ("", IncidentStatus.SCHEDULED),
        ("Tue, 22 Sep 2026 23:59:59 GMT", IncidentStatus.SCHEDULED),
        ("Wed, 23 Sep 2026 00:00:00 GMT", IncidentStatus.IN_PROGRESS),
        ("nonsense", IncidentStatus.SCHEDULED),
    ],
)
def test_planned_work_begins_by_the_server_s_clock(date, status):
    """Its word is the same before and after."""
    found = by_id(read(GOOD, date=date))[WORK]
    assert (found.kind, found.status) == (IncidentKind.MAINTENANCE, status)
    assert found.updates[0].status is IncidentStatus.SCHEDULED


def test_a_message_after_the_start_of_planned_work_says_that_it_goes_on():
    """And "resolved" that it is complete."""
    body = index("900", published_at="2026-09-23T00:30:00Z")
    found = by_id(read(body))[WORK]
    assert {found.status, found.updates[0].status} == {IncidentStatus.IN_PROGRESS}
    over = [{"status_page_resource_id": "22", "status": "resolved"}]
    body = index("900", published_at="2026-09-23T00:30:00Z", affected_resources=over)
    assert by_id(read(body))[WORK].updates[0].status is IncidentStatus.COMPLETED
    found = by_id(read(index(WORK, aggregate_state="resolved")))[WORK]
    assert (found.status, found.impact) == (IncidentStatus.COMPLETED, Impact.NONE)


def test_components_are_a_complete_list_only_where_all_that_are_named_are_there():
    """Copies that people trim name more than they hold."""
    assert Part.COMPONENTS in read(GOOD).complete
    assert read(dropped("22")).complete == frozenset()


def test_what_an_object_names_but_the_document_lacks_is_left_out():
    """An update, a section, a component."""
    found = by_id(read(dropped("999", "10", "21")))[REPORT]
    assert [update.id for update in found.updates] == ["1002"]
    assert found.components == ()
    assert [one.group for one in read(dropped("10")).components] == [None, None]


# What is not decoded


def test_an_entry_that_is_as_before_is_not_decoded(monkeypatch):
    """Only a report of which something changed is read, be it one of its updates."""
    first = read(GOOD)
    again = read(GOOD, after(first))
    assert again.incidents == ()
    assert again.unchanged == {REPORT, WORK, ENDED}
    assert again.entries == first.entries
    assert again.components == first.components
    edited = read(index("999", message="It answers rarely."), after(first))
    assert [one.id for one in edited.incidents] == [REPORT]
    assert edited.unchanged == {WORK, ENDED}
    monkeypatch.setattr(betterstack, "read_report", None)
    assert read(GOOD, after(first)).incidents == ()


def test_planned_work_is_read_again_when_its_hour_comes():
    """Its bytes stay the same."""
    first = read(GOOD, date="Tue, 22 Sep 2026 12:00:00 GMT")
    assert WORK in read(GOOD, after(first), date="Tue, 22 Sep 2026 13:00:00 GMT").unchanged
    begun = read(GOOD, after(first), date="Wed, 23 Sep 2026 01:00:00 GMT")
    assert [(one.id, one.status) for one in begun.incidents] == [(WORK, IncidentStatus.IN_PROGRESS)]
    assert WORK in read(GOOD, after(begun), date="Wed, 23 Sep 2026 02:00:00 GMT").unchanged


# Lives


def play(*bodies: bytes) -> list[list[EventKind]]:
    """What each body announces."""
    replay = Replay(betterstack, PAGE, "index.json")
    files = [Recorded(name="x", at=None, body=body) for body in bodies]
    return [[event.kind for event in replay.visit(file)] for file in files]


def test_a_life_from_its_opening_to_its_end():
    """Each update is an event, an edit is an edit, and what was said is not said again."""
    opened = dropped("1002", REPORT)
    quiet = [EventKind.INCIDENT_OPENED]
    over = [{"status_page_resource_id": "21", "status": "resolved"}]
    ended = json.loads(index("1002", affected_resources=over, message="It is over."))
    for one in ended["included"]:
        if one["id"] == REPORT:
            one["attributes"].update(aggregate_state="resolved", affected_resources=over)
    last = json.dumps(ended).encode()
    edited = index("1002", message="It is slow.")
    assert play(opened, dropped("1002"), GOOD, edited, last, last, opened) == [
        [],
        quiet,
        [EventKind.INCIDENT_UPDATED],
        [EventKind.INCIDENT_EDITED],
        [EventKind.INCIDENT_RESOLVED],
        [],
        [],
    ]


def test_a_report_that_leaves_the_page_is_not_over():
    """The page shows as many reports as it likes."""
    assert play(GOOD, dropped(REPORT), dropped(REPORT), dropped(REPORT), dropped(REPORT)) == [
        [EventKind.INCIDENT_OPENED], [], [], [], []
    ]  # fmt: skip


# Bad input


@pytest.mark.parametrize(
    "document",
    [
        {"data": [{"type": "status_page"}], "included": []},
        {"data": {"type": "status_report"}, "included": []},
        {"data": {"type": "status_page", "attributes": {}}},
        {"data": {"type": "status_page"}, "included": {}},
    ],
)
def test_a_document_of_another_shape_is_refused(document):
    """Not one of them is a page without reports."""
    with pytest.raises(ReadError):
        read(json.dumps(document).encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The sample with bytes or values replaced."""
    body = GOOD
    if draw(st.booleans()):
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
@given(mutated())
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    try:
        snapshot = read(body)
    except ReadError:
        return
    clean(snapshot)
    again = read(body, after(snapshot))
    assert again.incidents == ()
    assert again.unchanged == by_id(snapshot).keys()


# Recognition


def claim_of(body: bytes, path: str = "") -> str | None:
    """The name under which an answer is claimed."""
    found = betterstack.claims(Response(url=f"{ROOT}/{path}", status=200, body=body))
    return None if found is None else f"{found.name} at {found.url}"


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": {"type": "status_page"}}',
        b'{"data": {"type": "status_page", "attributes": {"aggregate_state": "operational"}}}',
        b'{"data": {"type": "articles", "attributes": {"aggregate_state": "x", "subdomain": "y"}}}',
        b'<!DOCTYPE html><html><a href="https://betterstack.com/">Better Stack</a></html>',
        b"<!DOCTYPE html><html>https://uptime.betterstack.com/assets/status_pages</html>",
    ],
)
def test_what_only_resembles_it_is_not_claimed(body):
    """Positive evidence only."""
    assert claim_of(body) is None


def test_a_page_is_found_from_any_address_below_it():
    """Its document, its feed's and its lists'."""
    for path in ("index.json", "incidents", "feed", ""):
        assert claim_of(GOOD, path) == f"Kitely at {ROOT}"


# Recordings


def recorded(corpus) -> dict[str, tuple[str, bytes]]:
    """Every recorded body with the path under which it was served."""
    return {
        path.name: ("index.json" if path.suffix == ".json" else "", body_of(path))
        for path in sorted((corpus / "betterstack").rglob("*.*"))
        if path.suffix != ".xml" and path.parent.name != "huggingface"  # made by hand
    }


@pytest.mark.corpus
def test_every_recorded_body_is_recognised_and_no_other_is(corpus):
    """Under its real path, by all formats together."""
    bodies = recorded(corpus)
    names = {}
    for name, (path, body) in bodies.items():
        answers = {ROOT: 404, f"{ROOT}/{path}".rstrip("/"): body}
        found, _ = converse(recognise(f"{ROOT}/{path}", Formats()), answers)
        assert (found.format, found.url) == ("betterstack", ROOT), name
        names[name] = found.name
    assert sorted(names.values()) == ["Better Stack", "BuildJet", "Stormboard"]
    for path in corpus.rglob("*"):
        if path.is_file() and "betterstack" not in path.parts and "series" not in path.parent.name:
            assert claim_of(body_of(path)) is None, path


@pytest.mark.corpus
def test_the_recorded_page_is_read_with_all_its_words(corpus):
    """Three reports that are over, one of them planned work; it was trimmed by who kept it."""
    _, body = recorded(corpus)["index-2026-09.json"]
    found = read(body)
    assert [(one.id, one.kind, one.status) for one in found.incidents] == [
        ("1050825", IncidentKind.INCIDENT, IncidentStatus.RESOLVED),
        ("1049150", IncidentKind.INCIDENT, IncidentStatus.RESOLVED),
        ("1035022", IncidentKind.MAINTENANCE, IncidentStatus.COMPLETED),
    ]
    first = found.incidents[0]
    assert [one.id for one in first.updates] == ["5708773", "5709883", "5713636", "5719311"]
    assert [one.status for one in first.updates] == [IncidentStatus.INVESTIGATING] * 3 + [
        IncidentStatus.RESOLVED
    ]
    assert first.impact is Impact.MINOR
    assert first.resolved_at == first.updates[-1].at
    assert [(one.name, one.group, one.status) for one in found.components] == [
        ("Better Stack", "Better Stack", ComponentStatus.OPERATIONAL),
        ("Uptime", "Uptime", ComponentStatus.OPERATIONAL),
        ("Uptime backend processing health", "Uptime", ComponentStatus.UNKNOWN),
    ]
    assert found.complete == frozenset()
    assert found.name == "Better Stack"
    words = {one.status_raw for one in found.components if one.status == "unknown"}
    assert words == {"not_monitored"}
    assert _betterstack_wire.name_of(166666) == "166666"


@pytest.mark.corpus
def test_recorded_bodies_played_twice_give_nothing_the_second_time(corpus):
    """The past, served again, is not news."""
    _, body = recorded(corpus)["index-2026-09.json"]
    assert play(body, body, GOOD, body, GOOD)[3:] == [[], []]


@pytest.mark.corpus
def test_a_document_made_by_hand_is_no_page(corpus):
    """There `data` is a list, as no page serves it."""
    body = (corpus / "betterstack/huggingface/huggingface-better-stack-index.json").read_bytes()
    assert claim_of(body) is None
    with pytest.raises(ReadError, match="status_page"):
        read(body)
