"""Heroku: colours, what is over, and what is planned."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Claim, Formats, heroku
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import Impact, IncidentKind, IncidentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import Answer, converse
from tests.formats.lives import Life
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample

PAGE = page_at(ROOT, "heroku")
CURRENT = f"{ROOT}/api/v4/current-status"
GOOD = sample("heroku")


def read(
    answers: dict[str, Answer] | None = None, seen: Seen | None = None
) -> tuple[Snapshot, list[str]]:
    """Read the sample page, with other answers where they are given."""
    return converse(heroku.read(PAGE, seen or Seen()), {**GOOD, **(answers or {})})


def seen_after(snapshot: Snapshot, **changes: Any) -> Seen:
    """What is held after a first look."""
    held: dict[str, Any] = {
        "first_look": False,
        "open_ids": frozenset(one.id for one in snapshot.incidents if one.is_open),
        "entries": snapshot.entries,
    }
    return Seen(**(held | changes))


def edited(edit: Any) -> bytes:
    """The current status after an edit in place."""
    document = json.loads(GOOD[CURRENT])
    edit(document)
    return json.dumps(document).encode()


def changed(name: str, place: int = 0, **fields: Any) -> dict[str, Answer]:
    """The current status with one entry of a list changed."""
    return {CURRENT: edited(lambda document: document[name][place].update(fields))}


def the(id: str, snapshot: Snapshot) -> Any:
    """One incident of a snapshot."""
    return next(one for one in snapshot.incidents if one.id == id)


def own(id: int, /, **fields: Any) -> dict[str, Answer]:
    """Something's own object, as it stood in its list but for some fields."""
    document = json.loads(GOOD[CURRENT])
    [entry] = [one for one in document["incidents"] + document["scheduled"] if one["id"] == id]
    return {f"{ROOT}/api/v3/issues/{id}": json.dumps(entry | fields).encode()}


EMPTY = {CURRENT: edited(lambda document: document.update(incidents=[], scheduled=[]))}
RESOLVED = [{"id": 9, "update_type": "resolved", "contents": "Done."}]


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    golden = json.loads((FIXTURES / "heroku" / "sample.golden.json").read_text())
    snapshot, asked = read()
    found = json.loads(msgspec.json.encode(snapshot, order="deterministic"))
    del found["entries"]
    assert found == golden
    assert asked == [CURRENT]


def test_an_incident_is_over_when_its_state_says_so():
    """`resolved` was seen to be false beside it, and an update alone ends nothing."""
    assert the("3000", read()[0]).status is IncidentStatus.RESOLVED
    updates = json.loads(GOOD[CURRENT])["incidents"][1]["updates"]
    snapshot, _ = read(changed("incidents", state="open", resolved=True, updates=updates))
    incident = the("3001", snapshot)
    assert incident.status is IncidentStatus.INVESTIGATING
    assert [one.status for one in incident.updates] == ["investigating", "unknown"]
    assert incident.updates[-1].status_raw == "resolved"


@pytest.mark.parametrize(
    ("state", "types", "status"),
    [
        ("open", [], "investigating"),
        ("open", ["odd"], "investigating"),
        ("resolved", [], "resolved"),
        (None, ["issue"], "investigating"),
        (None, ["resolved", "issue"], "resolved"),
        (None, ["odd"], "unknown"),
        ("pondering", [], "unknown"),
    ],
)
def test_without_a_state_that_is_known_the_newest_update_tells(state, types, status):
    """A word that nobody knows is kept, and is neither fine nor an error."""
    updates = [{"id": place, "update_type": one} for place, one in enumerate(types)]
    incident = the("3001", read(changed("incidents", state=state, updates=updates))[0])
    assert incident.status == status
    assert incident.status_raw == (state or types[0])


@pytest.mark.parametrize(
    ("types", "status"),
    [
        (["scheduled"], "scheduled"),
        (["maintenance", "scheduled"], "in_progress"),
        (["resolved", "maintenance"], "completed"),
        (["odd", "maintenance"], "in_progress"),
    ],
)
def test_planned_work_is_as_far_as_its_newest_update_says(types, status):
    """Its state stays "upcoming" for months after it is done; when it begins is prose."""
    updates = [{"id": place, "update_type": one} for place, one in enumerate(types)]
    for state in (None, "upcoming"):
        work = the("3002", read(changed("scheduled", state=state, updates=updates))[0])
        assert (work.kind, work.status) == (IncidentKind.MAINTENANCE, status)
        assert (work.started_at, work.impact) == (None, Impact.NONE)


def test_the_impact_is_the_worst_colour_among_the_updates():
    """The last update is green again, which says nothing of how bad it was."""
    snapshot, _ = read()
    assert (the("3001", snapshot).impact, the("3001", snapshot).impact_raw) == ("major", "red")
    assert the("3000", snapshot).impact is Impact.MINOR
    for updates in (None, [], [{"id": 1, "status_prod": "mauve"}]):
        found = the("3001", read(changed("incidents", updates=updates))[0])
        assert found.impact is Impact.UNKNOWN


def test_an_entry_that_is_as_before_is_not_decoded(monkeypatch):
    """Equal bytes are unchanged, whatever moved around them."""
    first, _ = read()
    look = "bellbuoy.formats.heroku.read_incident"
    monkeypatch.setattr(look, lambda *_: pytest.fail("was decoded"))
    moved = GOOD[CURRENT].replace(b'"purple"', b'"green"')
    second, asked = read({CURRENT: moved}, seen_after(first))
    assert asked == [CURRENT]
    assert (second.incidents, second.unchanged) == ((), {"3000", "3001", "3002"})
    assert second.components[-1].status == "operational"


def test_what_vanished_is_asked_how_it_ended():
    """What is planned is known by its updates, since no list says what it is."""
    first, _ = read()
    done = json.loads(GOOD[CURRENT])["scheduled"][0]["updates"]
    answers = {**EMPTY, **own(3001, state="resolved"), **own(3002, updates=RESOLVED + done)}
    second, asked = read(answers, seen_after(first))
    assert asked == [CURRENT, f"{ROOT}/api/v3/issues/3001", f"{ROOT}/api/v3/issues/3002"]
    assert [(one.kind, one.status) for one in second.incidents] == [
        ("incident", "resolved"),
        ("maintenance", "completed"),
    ]
    assert not second.owes


def test_a_life_is_told_once():
    """Opened, away without a word, over by its own word, and old copies after that."""
    life = Life(heroku, PAGE)
    assert life.look(GOOD) == [
        ("maintenance.started", "It is underway."),
        ("incident.opened", "Requests time out.\n\nWe work on it."),
    ]
    assert life.look(GOOD) == life.look(EMPTY) == []
    updates = {number: json.loads(own(number)[f"{ROOT}/api/v3/issues/{number}"])["updates"]
               for number in (3001, 3002)}  # fmt: skip
    at = "2026-03-04T18:00:00Z"
    ended = {
        **EMPTY,
        **own(3001, state="resolved", updated_at=at, updates=RESOLVED + updates[3001]),
        **own(3002, updated_at=at, updates=RESOLVED + updates[3002]),
    }
    assert life.look(ended) == [("maintenance.completed", "Done."), ("incident.resolved", "Done.")]
    assert life.look(GOOD) == life.look(ended) == life.look(EMPTY) == []


@pytest.mark.parametrize(
    "answer",
    [own(3001), own(3001, id=7, state="resolved")]
    + [{f"{ROOT}/api/v3/issues/3001": one} for one in (b"[]", b"{}", b"<html></html>", 500, 404)],
)
def test_any_other_answer_ends_nothing(answer):
    """The question stays, and a missing address proves nothing so early."""
    first, _ = read()
    second, _ = read({**EMPTY, **answer}, seen_after(first))
    assert (second.incidents, second.gone, second.owes) == ((), frozenset(), True)


def test_c5_what_is_long_missing_is_gone_only_if_its_address_is():
    """Withdrawn is what was there and has no address any more."""
    first, _ = read()
    seen = seen_after(first, missing={"3001": ""})
    for status, gone in ((404, {"3001"}), (410, {"3001"}), (403, set())):
        answers: dict[str, Answer] = {**EMPTY, f"{ROOT}/api/v3/issues/3001": status}
        assert read(answers, seen)[0].gone == gone


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("status", Part.COMPONENTS),
        ("incidents", Part.OPEN_INCIDENTS),
        ("scheduled", Part.OPEN_MAINTENANCES),
    ],
)
def test_a_list_with_an_entry_that_cannot_be_read_is_not_complete(name, part):
    """One broken entry costs itself, not its brothers, and its list proves no absence."""
    whole, _ = read()
    assert whole.complete == set(Part)
    for broken in (None, 7, "x", [], {}, {"id": None}, {"id": ""}):
        body = edited(lambda document, broken=broken: document[name].append(broken))
        snapshot, _ = read({CURRENT: body})
        assert snapshot.complete == whole.complete - {part}
        assert (snapshot.incidents, snapshot.components) == (whole.incidents, whole.components)


@pytest.mark.parametrize("field", ["title", "state", "full_url", "updates", "created_at"])
@pytest.mark.parametrize("wrong", [None, 7, {"a": 1}, [3, {}, {"id": []}], True])
def test_a_wrong_field_of_an_incident_costs_only_itself(field, wrong):
    """Its other fields are read, whatever stands there."""
    incident = the("3001", read(changed("incidents", **{field: wrong}))[0])
    assert incident.status is IncidentStatus.INVESTIGATING
    assert incident.url == f"{ROOT}/incidents/3001"


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": [], "incidents": [], "scheduled": []}',
        b'{"status": [{"system": "Apps", "status": "green"}], "incidents": []}',
        b'{"status": {"Production": "green"}, "issues": []}',
        b'{"status": [1], "incidents": [], "scheduled": []}',
    ],
)
def test_a_document_of_another_kind_is_not_the_format(body):
    """Version 3 of the document is one: it was never recorded."""
    with pytest.raises(ReadError, match="heroku"):
        read({CURRENT: body})
    assert heroku.claims(Response(url=CURRENT, status=200, body=body)) is None


def test_its_own_host_is_known_by_its_web_page():
    """Nothing else is at that address; elsewhere a web page is no evidence."""
    page = b"<!DOCTYPE html><html><head><title>Heroku Status</title></head></html>"
    for address in ("https://status.heroku.com", "https://status.heroku.com/incidents/1918"):
        claim = heroku.claims(Response(url=address, status=200, body=page))
        assert claim == Claim(format="heroku", url="https://status.heroku.com", name="Heroku")
    assert heroku.claims(Response(url=ROOT, status=200, body=page)) is None


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD[CURRENT]), mutated(own(3001, state="resolved")[f"{ROOT}/api/v3/issues/3001"]))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(current, end):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    heroku.claims(Response(url=CURRENT, status=200, body=current))
    answers: dict[str, Answer] = {CURRENT: current, f"{ROOT}/api/v3/issues/3001": end}
    try:
        snapshot, _ = read(answers, Seen(open_ids=frozenset({"3001"})))
    except ReadError:
        return
    clean(snapshot)
    again, _ = read(answers, seen_after(snapshot))
    assert not {one.id for one in again.incidents} & again.unchanged


# Recordings


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "status", "colours"),
    [
        ("heroku_incident.json", "investigating", ["yellow", "yellow", "yellow"]),
        ("heroku_maintenance.json", "completed", ["green", "blue", "green"]),
    ],
)
def test_every_recorded_body_is_recognised_and_read_once(corpus, name, status, colours):
    """All words are known; a second and a third look are no news."""
    body = body_of(corpus / "heroku/heroku" / name)
    found, _ = converse(recognise(CURRENT, Formats()), {CURRENT: body})
    assert (found.format, found.url, found.name) == ("heroku", ROOT, "Heroku")
    snapshot, _ = read({CURRENT: body})
    [incident] = snapshot.incidents
    assert incident.status == status
    assert [one.status_raw for one in snapshot.components] == colours
    assert all(one.status != "unknown" and one.at and one.body for one in incident.updates)
    assert snapshot.complete == set(Part)
    player = Replay(heroku, PAGE, "api/v4/current-status")
    recorded = Recorded(name=name, at=None, body=body)
    first = [event.kind.value for event in player.visit(recorded)]
    assert first == (["incident.opened"] if incident.is_open else [])
    assert player.visit(recorded) == player.visit(recorded) == ()
