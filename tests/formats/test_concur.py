"""SAP Concur: what a message's type says, and how little of a long history is read."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, concur
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import Impact, IncidentStatus, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, page_at

FOLDER = FIXTURES / "concur"
BODY = (FOLDER / "sample/api/open/incidents").read_bytes()
FACE = f"{ROOT}/api/open/incidents"
HOME = "https://open.concur.com"
SHELL = b"<!doctype html><html><head><title>Concur Open</title></head></html>"
RECORDED = "concur/sap-concur/Concur-incidents.json"


def read(body: bytes = BODY, seen: Seen | None = None) -> Snapshot:
    """What one visit finds; it asks for one document only."""
    snapshot, asked = converse(concur.read(page_at(ROOT, "concur"), seen or Seen()), {FACE: body})
    assert asked == [FACE]
    return snapshot


def edited(place: int, **fields: Any) -> bytes:
    """The sample after an edit of one incident."""
    document = json.loads(BODY)
    document["incidents"][place].update(fields)
    return json.dumps(document).encode()


def after(snapshot: Snapshot) -> Seen:
    """What is held after a look."""
    return Seen(first_look=False, entries=snapshot.entries)


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    want = msgspec.json.decode((FOLDER / "sample.golden.json").read_bytes(), type=Snapshot)
    found = read()
    assert msgspec.structs.replace(found, entries={}) == want
    assert found.entries.keys() == {incident.id for incident in found.incidents}


def test_an_incident_is_over_by_its_own_word_only():
    """A message that says so, while the incident does not, makes it unknown, which is open."""
    messages = json.loads(BODY)["incidents"][1]["messages"]
    for status, rows, expected in (
        ("RESOLVED", messages, IncidentStatus.POSTMORTEM),
        ("RESOLVED", messages[:1], IncidentStatus.RESOLVED),
        ("RESOLVED", [], IncidentStatus.RESOLVED),
        ("OPEN", messages[:1], IncidentStatus.INVESTIGATING),
        ("OPEN", messages[:2], IncidentStatus.UNKNOWN),
        ("OPEN", [], IncidentStatus.UNKNOWN),
    ):
        incident = read(edited(1, status=status, messages=rows)).incidents[1]
        assert (incident.status, incident.status_raw) == (expected, status)
        assert (incident.resolved_at is not None) is incident.status.is_over


def test_a_type_that_nobody_has_seen_is_unknown_and_an_update_keeps_it():
    """The vendor's word stays beside it."""
    messages = json.loads(BODY)["incidents"][0]["messages"]
    messages[0]["message_type"] = "Issue Pondered"
    updates = read(edited(0, messages=messages)).incidents[0].updates
    assert [update.status for update in updates] == ["unknown", "unknown"]
    assert [update.status_raw for update in updates] == ["Issue Pondered", "Issue Status Update"]


def test_a_message_without_english_is_still_a_message():
    """Its type says how far the incident is."""
    messages = json.loads(BODY)["incidents"][0]["messages"]
    for body in ({"de": "Auf Deutsch."}, {"en": 7}, None):
        messages[0]["body"] = body
        update = read(edited(0, messages=messages)).incidents[0].updates[0]
        assert (update.body, update.status) == ("", IncidentStatus.INVESTIGATING)


def test_unchanged_entries_are_not_decoded(monkeypatch):
    """Equal bytes are unchanged."""
    first = read()
    monkeypatch.setattr(concur, "_incident", lambda _: pytest.fail("was decoded"))
    second = read(BODY.replace(b'{\n "incidents"', b'{"incidents"'), after(first))
    assert second.incidents == ()
    assert second.unchanged == first.entries.keys()
    assert second.window == first.window


def test_of_a_history_of_many_years_only_the_newest_is_read():
    """It comes newest first."""
    document = json.loads(BODY)
    row = document["incidents"][2]
    document["incidents"] += [{**row, "id": number} for number in range(3_000, 1_000, -1)]
    snapshot = read(json.dumps(document).encode())
    assert len(snapshot.incidents) == concur.MOST_ENTRIES
    assert snapshot.incidents[0] == read().incidents[0]


@pytest.mark.parametrize("wrong", [None, 7, "x", [], {}, {"id": 4}])
def test_an_entry_that_cannot_be_read_costs_only_itself(wrong):
    """Its brothers are told."""
    document = json.loads(BODY)
    document["incidents"].insert(1, wrong)
    assert read(json.dumps(document).encode()).incidents == read().incidents


@pytest.mark.parametrize("field", ["severity", "start_date", "end_date", "messages"])
@pytest.mark.parametrize("wrong", [7, {"a": 1}, [[3], None, {}], True])
def test_a_wrong_field_costs_only_itself(field, wrong):
    """The others are read, whatever stands there."""
    incidents = {one.id: one for one in read(edited(1, **{field: wrong})).incidents}
    assert incidents["4602"] == read().incidents[0]
    assert "4601" in incidents or field == "messages"


def test_its_own_host_is_known_by_its_web_page():
    """The page is a shell without data; elsewhere a shell is no evidence."""
    claim = concur.claims(Response(url=f"{HOME}/incidents", status=200, body=SHELL))
    assert claim is not None
    assert claim.url == HOME
    assert concur.claims(Response(url=ROOT, status=200, body=SHELL)) is None


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(BODY))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body):
    """Whatever a server sends, reading ends with a snapshot or a ReadError."""
    concur.claims(Response(url=FACE, status=200, body=body))
    concur.claims(Response(url=f"{HOME}/api/v3/banner", status=200, body=body))
    try:
        snapshot = read(body)
    except ReadError:
        return
    clean(snapshot)
    again = read(body, after(snapshot))
    assert not {one.id for one in again.incidents} & again.unchanged


# Recordings


@pytest.mark.corpus
def test_both_recordings_are_recognised_under_their_real_paths(corpus: Path):
    """The banner leads to the page."""
    for path, name in (
        ("/api/open/incidents", "Concur-incidents.json"),
        ("/api/v3/banner", "Concur-banner.json"),
    ):
        body = (corpus / "concur/sap-concur" / name).read_bytes()
        found, _ = converse(recognise(HOME + path, Formats()), {HOME + path: body})
        assert (found.format, found.url, found.name) == ("concur", HOME, "SAP Concur")


@pytest.mark.corpus
def test_the_recording_is_read(corpus: Path):
    """Every word in it is known, and every message has a time and a text."""
    body = (corpus / RECORDED).read_bytes()
    snapshot = read(body)
    assert len(snapshot.incidents) == 25
    assert sum(len(incident.updates) for incident in snapshot.incidents) == 112
    for incident in snapshot.incidents:
        assert incident.status in {IncidentStatus.RESOLVED, IncidentStatus.POSTMORTEM}
        assert incident.impact is not Impact.UNKNOWN
        assert incident.started_at
        assert incident.resolved_at
        assert incident.components
        assert incident.title
        times = [update.at for update in incident.updates if update.at]
        assert times == sorted(times)
        assert len(times) == len(incident.updates)
        for update in incident.updates:
            assert update.status is not IncidentStatus.UNKNOWN
            assert update.body
    assert read(body, after(snapshot)).incidents == ()


@pytest.mark.corpus
def test_the_recording_played_as_it_grew_tells_every_step_once(corpus: Path):
    """From its oldest state to its newest, and then once more without any event."""
    document = json.loads((corpus / RECORDED).read_bytes())
    player = Replay(Formats()["concur"], page_at(ROOT, "concur"), "api/open/incidents")
    grown = [
        json.dumps({"incidents": document["incidents"][place:]}).encode()
        for place in range(10, -1, -1)
    ]
    first = [e for body in grown for e in player.visit(Recorded(name="x", at=None, body=body))]
    assert len({event.id for event in first}) == len(first) > 10
    assert len(player.known.incidents) == 25
    again = [e for body in grown for e in player.visit(Recorded(name="x", at=None, body=body))]
    assert again == []
