"""Uptime Kuma: a slug in the address, monitors by their latest beat, one pinned incident."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError, VisitError
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, _uptimekuma_look, uptimekuma
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import Answer, converse
from tests.formats.lives import Life
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, page_at, sample

PAGE = page_at(f"{ROOT}/status/acme", "uptimekuma")
DOCUMENT = f"{ROOT}/api/status-page/acme"
BEATS = f"{ROOT}/api/status-page/heartbeat/acme"
GOOD = sample("uptimekuma")


def read(answers: Mapping[str, Answer] | None = None, seen: Seen | None = None) -> Snapshot:
    """Read the sample page, with other answers where they are given."""
    return converse(uptimekuma.read(PAGE, seen or Seen()), {**GOOD, **(answers or {})})[0]


def edited(**changes: Any) -> dict[str, Answer]:
    """The answers of the sample page, whose first document has other parts."""
    document = json.loads(GOOD[DOCUMENT])
    return {**GOOD, DOCUMENT: json.dumps({**document, **changes}).encode()}


def pinned(**changes: Any) -> dict[str, Answer]:
    """The answers of the sample page with another pinned incident."""
    return edited(incident={**json.loads(GOOD[DOCUMENT])["incident"], **changes})


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The documents and the objects that they must become stand side by side."""
    golden = json.loads((FIXTURES / "uptimekuma" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read(), order="deterministic"))
    del found["entries"]
    assert found == golden


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        (f"{ROOT}/status/acme", BEATS),
        (f"{ROOT}/status/acme/?x=1#top", BEATS),
        (DOCUMENT, BEATS),
        (BEATS, BEATS),
        (f"{ROOT}/kuma/status/acme", f"{ROOT}/kuma/api/status-page/heartbeat/acme"),
        (f"{ROOT}/status", f"{ROOT}/api/status-page/heartbeat/default"),
        (ROOT, f"{ROOT}/api/status-page/heartbeat/default"),
        ("https://status/status/acme", "https://status/api/status-page/heartbeat/acme"),
        ("https://status/", "https://status/api/status-page/heartbeat/default"),
    ],
)
def test_the_address_of_a_page_holds_its_slug(address, asked):
    """Whichever of its addresses is watched; without a slug it is the default page."""
    exchange = uptimekuma.read(page_at(address, "uptimekuma"), Seen())
    assert next(exchange).url == asked
    exchange.close()


def test_a_document_is_claimed_under_its_own_path_only():
    """The slug cannot be known otherwise."""
    for address, body in GOOD.items():
        claim = uptimekuma.claims(Response(url=f"{address}?x=1", status=200, body=body))
        assert claim is not None
        assert claim.url == PAGE.url
        assert claim.name == ("Acme" if address == DOCUMENT else "status.example.com")
        for other in (ROOT, f"{ROOT}/summary.json", f"{ROOT}/api/status-page/", f"{address}/x"):
            assert uptimekuma.claims(Response(url=other, status=200, body=body)) is None


@pytest.mark.parametrize(
    "answer", [404, 500, b"", b"<html></html>", b"{}", b'{"heartbeatList":{}}']
)
@pytest.mark.parametrize("address", [DOCUMENT, BEATS])
def test_without_either_document_the_look_has_failed(address, answer):
    """Names without beats, or beats without names, are nothing to tell."""
    with pytest.raises(VisitError):
        read({address: answer})


def test_a_page_without_monitors_is_a_page():
    """It may be there for its incidents alone."""
    beats = b'{"heartbeatList": {}, "uptimeList": {}}'
    found = read({**edited(publicGroupList=[]), BEATS: beats})
    assert (found.components, found.complete) == ((), set(Part))
    assert found.incidents == read().incidents


def test_a_number_that_nobody_knows_is_never_green():
    """Nor is a beat that cannot be read, nor a monitor without one."""
    for word in ("4", "true", "null", '"up"', "[]"):
        body = GOOD[BEATS].replace(b'"status": 0', b'"status": ' + word.encode())
        found = {one.name: one.status for one in read({BEATS: body}).components}
        assert found["Mail"] is ComponentStatus.UNKNOWN
        assert found["API"] is ComponentStatus.OPERATIONAL
    lists = json.loads(GOOD[BEATS])
    for wrong in (None, 7, {}, [3], [[]]):
        lists["heartbeatList"]["1"] = wrong
        found = {
            one.name: one.status for one in read({BEATS: json.dumps(lists).encode()}).components
        }
        assert found["API"] is ComponentStatus.UNKNOWN
    del lists["heartbeatList"]["1"]
    assert len(read({BEATS: json.dumps(lists).encode()}).components) == 5


def test_a_page_without_the_place_for_an_incident_says_nothing_of_incidents():
    """Version 2 has a list of them elsewhere, which no recording shows."""
    document = json.loads(GOOD[DOCUMENT])
    del document["incident"]
    body = json.dumps({**document, "incidents": []}).encode()
    assert Part.OPEN_INCIDENTS not in read({DOCUMENT: body}).complete
    for wrong in ({}, {"id": None}, [], 7, "x"):
        assert Part.OPEN_INCIDENTS not in read(edited(incident=wrong)).complete
    assert Part.OPEN_INCIDENTS in read(edited(incident=None)).complete


def test_a_new_text_is_a_new_message_and_other_words_under_its_stamp_an_edit():
    """The page shows the latest text only."""
    life = Life(uptimekuma, PAGE)
    assert [kind for kind, _ in life.look(GOOD)] == ["incident.opened", "maintenance.started"]
    assert life.look(GOOD) == []
    later = {"lastUpdatedDate": "2026-03-04 18:00:00"}
    assert life.look(pinned(content="Half is sent.", **later)) == [
        ("incident.updated", "Half is sent.")
    ]
    assert life.look(pinned(content="Half was sent.", **later)) == [
        ("incident.edited", "Half was sent.")
    ]


def test_what_is_pinned_no_more_is_withdrawn_after_a_while_and_never_resolved():
    """The only address of an incident is its place on the page."""
    life = Life(uptimekuma, PAGE)
    life.look(GOOD)
    bare = edited(incident=None, maintenanceList=[])
    kinds = [kind for _ in range(30) for kind, _ in life.look(bare)]
    assert sorted(kinds) == ["incident.withdrawn", "maintenance.withdrawn"]
    assert next(kind for kind, _ in life.look(GOOD)) == "incident.reopened"


def test_c5_what_a_page_does_not_speak_of_is_not_withdrawn():
    """A document without these parts, or with one that cannot be read, proves nothing."""
    life = Life(uptimekuma, PAGE)
    life.look(GOOD)
    mute = edited(incident=7, maintenanceList=None)
    assert [kind for _ in range(30) for kind, _ in life.look(mute)] == []
    assert all(one.is_open for one in life.known.incidents.values())


def after(snapshot: Snapshot) -> Seen:
    """What is held after a look."""
    open_ids = frozenset(one.id for one in snapshot.incidents if one.is_open)
    return Seen(first_look=False, open_ids=open_ids, entries=snapshot.entries)


def test_what_is_as_it_was_is_not_decoded_again(monkeypatch):
    """The beats move at each look; what is pinned and planned is known by its bytes."""
    first = read()
    assert first.entries.keys() == {"2", "maintenance-2"}
    moved = {BEATS: GOOD[BEATS].replace(b'"status": 0', b'"status": 1')}
    monkeypatch.setattr(_uptimekuma_look, "_IncidentRow", None)
    monkeypatch.setattr(_uptimekuma_look, "_MaintenanceRow", None)
    second = read(moved, after(first))
    assert (second.incidents, second.unchanged) == ((), {"2", "maintenance-2"})
    assert (second.complete, second.gone) == (first.complete, frozenset())
    assert second.components != first.components


def test_only_what_changed_is_decoded():
    """A new text of the incident leaves the planned work alone."""
    found = read(pinned(content="Half is sent."), after(read(edited())))
    assert [one.id for one in found.incidents] == ["2"]
    assert found.unchanged == {"maintenance-2"}


def test_of_two_rows_with_one_number_the_last_one_counts():
    """Also when only one of them is new."""
    rows = json.loads(GOOD[DOCUMENT])["maintenanceList"]
    twice = edited(maintenanceList=[rows[0], {**rows[0], "status": "ended"}])
    first = read(twice)
    assert first.incidents[-1].status is IncidentStatus.COMPLETED
    second = read(twice, after(first))
    assert (second.incidents, second.unchanged) == ((), {"2", "maintenance-2"})


def test_bytes_of_the_one_list_are_nothing_known_in_the_other():
    """Both count from 1."""
    row = json.loads(GOOD[DOCUMENT])["maintenanceList"][0]
    found = read(edited(incident=row), after(read(edited())))
    assert [one.id for one in found.incidents] == ["2"]
    assert found.unchanged == {"maintenance-2"}


def test_another_incident_in_the_same_place_is_another_incident():
    """And the one before it is gone."""
    life = Life(uptimekuma, PAGE)
    life.look(GOOD)
    events = life.look(pinned(id=3, title="Search is slow", content="Slow."))
    assert events == [("incident.opened", "Slow.")]
    seen = Seen(first_look=False, open_ids=frozenset({"2", "maintenance-2"}))
    assert read(pinned(id=3), seen).gone == {"2"}


def test_planned_work_goes_its_way_and_may_come_again():
    """A message is known by its time slot, so the next one is a new one."""
    rows = json.loads(GOOD[DOCUMENT])["maintenanceList"]

    def work(**changes: Any) -> dict[str, Answer]:
        return edited(incident=None, maintenanceList=[{**rows[0], **changes}])

    life = Life(uptimekuma, PAGE)
    assert life.look(work(status="scheduled")) == []
    kinds = [life.look(work(status=word))[0][0] for word in ("under-maintenance", "ended")]
    assert kinds == ["maintenance.started", "maintenance.completed"]
    slot = [{"startDate": "2026-03-11T17:30:00.000Z"}]
    again = work(status="scheduled", timeslotList=slot)
    assert [kind for kind, _ in life.look(again)] == ["maintenance.scheduled"]
    assert read(work(status="paused")).incidents[0].status is IncidentStatus.UNKNOWN
    for wrong in (None, [], [None], [{"startDate": 7}], 7):
        found = read(work(timeslotList=wrong)).incidents[0]
        assert (found.started_at, found.updates[0].id) == (None, "message")
    assert read(work(timezoneOffset=None)).incidents[0].started_at is None


@pytest.mark.parametrize("broken", [None, 7, "x", [], {}, {"id": None, "monitorList": 3}])
def test_a_row_that_cannot_be_read_costs_itself_and_the_wholeness_of_its_list(broken):
    """Its brothers are read."""
    document = json.loads(GOOD[DOCUMENT])
    document["publicGroupList"].append(broken)
    document["publicGroupList"][0]["monitorList"].append(broken)
    document["maintenanceList"].append(broken)
    found = read({DOCUMENT: json.dumps(document).encode()})
    assert found.complete == {Part.OPEN_INCIDENTS}
    assert (found.incidents, found.components) == (read().incidents, read().components)


@pytest.mark.parametrize("config", [None, 7, {}, {"slug": 3, "title": "x"}])
def test_a_document_without_a_slug_is_refused(config):
    """It is another vendor's, or an error."""
    with pytest.raises(ReadError, match="slug"):
        read(edited(config=config))


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD[DOCUMENT]), mutated(GOOD[BEATS]))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(document, beats):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    answers: dict[str, Answer] = {DOCUMENT: document, BEATS: beats}
    uptimekuma.claims(Response(url=DOCUMENT, status=200, body=document))
    uptimekuma.claims(Response(url=BEATS, status=200, body=beats))
    try:
        snapshot = read(answers, Seen(first_look=False, open_ids=frozenset({"2", "9"})))
    except ReadError:
        return
    clean(snapshot)
    assert not {one.id for one in snapshot.incidents} & snapshot.gone
    again = read(answers, after(snapshot))
    assert again.incidents == ()
    assert again.unchanged == {one.id for one in snapshot.incidents}


# Recordings


def recorded(corpus: Path) -> dict[str, bytes]:
    """The recorded documents by their addresses."""
    folder = corpus / "uptime-kuma/demo"
    return {
        f"{ROOT}/api/status-page/demo": (folder / "status-page.json").read_bytes(),
        f"{ROOT}/api/status-page/heartbeat/demo": (folder / "heartbeat.json").read_bytes(),
    }


@pytest.mark.corpus
def test_every_recorded_body_is_recognised_at_its_own_address(corpus):
    """Each of the two documents alone is enough."""
    formats = Formats()
    for address, body in recorded(corpus).items():
        found, _ = converse(recognise(address, formats), {address: body})
        assert (found.format, found.url) == ("uptimekuma", f"{ROOT}/status/demo")


@pytest.mark.corpus
def test_the_recorded_page_is_read_whole_and_once(corpus):
    """One monitor is being worked on, the other is down; a second look says nothing."""
    page = page_at(f"{ROOT}/status/demo", "uptimekuma")
    found, _ = converse(uptimekuma.read(page, Seen()), recorded(corpus))
    assert found.name == "Demo"
    assert found.complete == set(Part)
    assert [(one.name, one.group, one.status.value) for one in found.components] == [
        ("API", "Services", "maintenance"), ("Webhooks", "Services", "major_outage"),
    ]  # fmt: skip
    incident, work = found.incidents
    assert (incident.status, incident.impact) == (IncidentStatus.INVESTIGATING, Impact.UNKNOWN)
    assert (incident.started_at, incident.updates[0].at) == (None, None)
    assert work.status is IncidentStatus.IN_PROGRESS
    assert work.started_at
    assert work.started_at.isoformat() == "2026-09-12T11:26:00+00:00"
    life = Life(uptimekuma, page)
    assert len(life.look(recorded(corpus))) == 2
    assert life.look(recorded(corpus)) == []
