"""Pages that PagerDuty hosts: the data in the web page, and what its services are by it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, pagerduty
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, page_at

FOLDER = FIXTURES / "pagerduty"
BODY = (FOLDER / "sample" / "index.html").read_bytes()
MARK = b'<script id="data" type="application/json">'
HEAD = BODY.partition(MARK)[0] + MARK
DATA = BODY.removeprefix(HEAD).partition(b"</script>")[0]
TAIL = BODY.removeprefix(HEAD).removeprefix(DATA)
FACE = f"{ROOT}/index.html"
HOME = "https://status.pagerduty.com"


def read(body: bytes = BODY, seen: Seen | None = None) -> Snapshot:
    """What one visit finds."""
    page = page_at(FACE, "pagerduty")
    snapshot, asked = converse(pagerduty.read(page, seen or Seen()), {FACE: body})
    assert asked == [FACE]
    return snapshot


def edited(edit: Callable[[Any], object]) -> bytes:
    """The sample page after an edit in place of what its data holds of incidents."""
    document = json.loads(DATA)
    edit(document["summary"])
    data = json.dumps(document, separators=(",", ":"))
    return HEAD + data.replace("<", "\\u003c").replace(">", "\\u003e").encode() + TAIL


def after(snapshot: Snapshot) -> Seen:
    """What is held after a look."""
    open_ids = frozenset(one.id for one in snapshot.incidents if one.is_open)
    return Seen(first_look=False, entries=snapshot.entries, open_ids=open_ids)


def statuses(snapshot: Snapshot) -> dict[str, str]:
    """How each component is."""
    return {one.id: one.status.value for one in snapshot.components}


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    want = msgspec.json.decode((FOLDER / "sample.golden.json").read_bytes(), type=Snapshot)
    found = read()
    assert msgspec.structs.replace(found, entries={}) == want
    assert found.entries.keys() == {incident.id for incident in found.incidents}


def test_a_service_is_as_the_newest_update_of_the_worst_open_incident_says():
    """An update that is not the newest, and an incident that is over, say nothing of now."""
    assert statuses(read()) == {
        "PSVC001": "major_outage", "PSVC002": "operational", "PSVC003": "operational",
    }  # fmt: skip

    def add(summary: Any) -> None:
        first = summary["open_incidents"][0]
        other = json.loads(json.dumps(first)) | {"id": "PINC004"}
        for hit, word in zip(
            other["updates"][0]["impacted_business_services"], ("minor", "pink"), strict=True
        ):
            hit["severity"] = word
        summary["open_incidents"].append(other)

    worst = read(edited(add))
    assert statuses(worst)["PSVC001"] == "major_outage"
    assert statuses(worst)["PSVC002"] == "unknown"


def test_while_an_open_incident_cannot_be_read_nothing_is_said_to_be_fine():
    """It may hit any of the services."""
    for wrong in (None, 7, [], {}, {"id": "P1"}, {"updates": []}):
        body = edited(lambda summary, wrong=wrong: summary["open_incidents"].append(wrong))
        snapshot = read(body)
        assert snapshot.components == ()
        assert snapshot.complete == frozenset()
        assert snapshot.incidents == read().incidents
        past = edited(lambda summary, wrong=wrong: summary["resolved_incidents"].append(wrong))
        assert read(past) == read()


@pytest.mark.parametrize("hits", [None, 7, [7], {"a": 1}, [{"severity": 3}]])
def test_where_it_cannot_be_read_what_is_hit_nothing_is_said_to_be_fine(hits):
    """The incident itself is told all the same."""

    def spoil(summary: Any) -> None:
        summary["open_incidents"][0]["updates"][0]["impacted_business_services"] = hits

    snapshot = read(edited(spoil))
    assert snapshot.components == ()
    assert snapshot.complete == frozenset()
    assert snapshot.incidents[0].id == "PINC003"


def test_an_incident_ends_when_it_moves_to_the_other_list():
    """Its last update says so, and its postmortem is one more."""

    def end(summary: Any) -> None:
        one = summary["open_incidents"].pop()
        last = one["updates"][0] | {
            "id": "PUPD303", "status": "resolved", "severity": "all_good",
            "reported_at": "2023-12-15T22:00:00Z", "message": "<p>Done.</p>",
        }  # fmt: skip
        one["updates"].insert(0, last)
        summary["resolved_incidents"].insert(0, one | {"postmortem": None})

    first = read()
    second = read(edited(end), after(first))
    [incident] = second.incidents
    assert incident.id == "PINC003"
    assert incident.status is IncidentStatus.RESOLVED
    assert [update.status for update in incident.updates] == ["investigating"] * 2 + ["resolved"]
    assert incident.impact is Impact.MAJOR
    assert str(incident.resolved_at) == "2023-12-15 22:00:00+00:00"
    assert second.complete == {Part.OPEN_INCIDENTS, Part.COMPONENTS}
    assert set(statuses(second).values()) == {"operational"}
    assert second.components[0].status_raw == ""


def test_words_that_nobody_has_seen_are_unknown():
    """Neither over nor fine."""

    def odd(summary: Any) -> None:
        update = summary["open_incidents"][0]["updates"][0]
        update["status"], update["severity"] = "pondering", "pink"
        update["impacted_business_services"][0]["severity"] = "pink"

    snapshot = read(edited(odd))
    incident = snapshot.incidents[0]
    assert (incident.status, incident.status_raw) == (IncidentStatus.UNKNOWN, "pondering")
    assert (incident.impact, incident.impact_raw) == (Impact.MINOR, "minor")
    assert snapshot.components[0].status is ComponentStatus.UNKNOWN


def test_what_was_over_long_ago_comes_without_its_messages():
    """Half of a page's bytes are old postmortems, which are no news."""
    incidents = {one.id: one for one in read().incidents}
    assert incidents["PINC001"].updates == ()
    assert incidents["PINC001"].status is IncidentStatus.RESOLVED
    assert [update.id for update in incidents["PINC002"].updates][-1] == "PPM0002"


def test_unchanged_entries_are_not_decoded(monkeypatch):
    """Equal bytes are unchanged; services are still told."""
    first = read()
    monkeypatch.setattr(pagerduty, "read_incident", lambda *_, **__: pytest.fail("was decoded"))
    second = read(BODY.replace(b"Sorry", b"Please"), after(first))
    assert second.incidents == ()
    assert second.unchanged == first.entries.keys()
    assert second.components == first.components
    assert second.window == first.window


def test_a_page_that_was_cut_behind_its_data_is_refused():
    """The end of the page must be there."""
    for length in range(len(HEAD + DATA), len(BODY.rstrip())):
        with pytest.raises(ReadError) as caught:
            read(BODY[:length])
        assert caught.value.reason is Unreadable.CUT


@pytest.mark.parametrize("data", [b"", b"null", b"{}", b"[]", b'{"summary":{},"layout":{}}'])
def test_another_s_data_is_not_pagerduty_s(data):
    """A script of that name may be anybody's."""
    body = HEAD + data + TAIL
    assert pagerduty.claims(Response(url=ROOT, status=200, body=body)) is None
    with pytest.raises(ReadError):
        read(body)


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(DATA), st.booleans())
def test_a_mutated_body_is_read_or_refused_and_never_breaks(data, is_whole):
    """Whatever a server sends, reading ends with a snapshot or a ReadError."""
    body = HEAD + data + (TAIL if is_whole else b"")
    pagerduty.claims(Response(url=FACE, status=200, body=body))
    try:
        snapshot = read(body)
    except ReadError:
        return
    clean(snapshot)
    again = read(body, after(snapshot))
    assert not {one.id for one in again.incidents} & again.unchanged


# Recordings


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["good", "minor"])
def test_every_recording_is_recognised_and_read(corpus: Path, name):
    """Its services, 80 incidents that are over, and one that is not; every word is known."""
    body = (corpus / f"pagerduty/pagerduty/pagerduty-{name}.html").read_bytes()
    found, _ = converse(recognise(HOME, Formats()), {HOME: body})
    assert (found.format, found.url, found.name) == ("pagerduty", HOME, "PagerDuty")
    snapshot = read(body)
    is_good = name == "good"
    assert len(snapshot.incidents) == (80 if is_good else 81)
    assert sum(one.is_open for one in snapshot.incidents) == (0 if is_good else 1)
    assert snapshot.complete == {Part.OPEN_INCIDENTS, Part.COMPONENTS}
    assert len(snapshot.components) == 64
    worst = {one.status for one in snapshot.components} - {ComponentStatus.OPERATIONAL}
    assert worst == (set() if is_good else {ComponentStatus.DEGRADED})
    for incident in snapshot.incidents:
        assert incident.status is not IncidentStatus.UNKNOWN
        assert incident.impact is not Impact.UNKNOWN
        assert incident.started_at
        assert incident.is_open or incident.resolved_at
        assert all(update.at and update.body for update in incident.updates)
    assert sum(len(incident.updates) for incident in snapshot.incidents) > 10
    assert read(body, after(snapshot)).incidents == ()


@pytest.mark.corpus
def test_the_recordings_played_in_turn_tell_each_thing_once(corpus: Path):
    """The open incident is news once, and the past never."""
    folder = corpus / "pagerduty/pagerduty"
    bodies = [(folder / f"pagerduty-{name}.html").read_bytes() for name in ("good", "minor")]
    player = Replay(Formats()["pagerduty"], page_at(HOME, "pagerduty"), "")
    first = [e for body in bodies for e in player.visit(Recorded(name="x", at=None, body=body))]
    assert [event.kind.value for event in first] == [
        "incident.opened", "incident.updated", "incident.updated",
    ]  # fmt: skip
    again = [e for body in bodies for e in player.visit(Recorded(name="x", at=None, body=body))]
    assert again == []
    assert len(player.known.incidents) == 81
