"""Cachet: four lists that only together are the page, and numbers instead of words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, _cachet_look, cachet
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, IncidentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import Answer, converse
from tests.formats.lives import Life
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, page_at, sample

PAGE = page_at(ROOT, "cachet")
GOOD = sample("cachet")
INCIDENTS, GROUPS, COMPONENTS, SCHEDULES = (
    PAGE.at(path)
    for path in (cachet._INCIDENTS, cachet._GROUPS, cachet._COMPONENTS, cachet._SCHEDULES)
)


def read(answers: Mapping[str, Answer] | None = None, seen: Seen | None = None) -> Snapshot:
    """Read the sample page, with other answers where they are given."""
    return converse(cachet.read(PAGE, seen or Seen()), {**GOOD, **(answers or {})})[0]


def after(snapshot: Snapshot, **more: Any) -> Seen:
    """What is held right after a snapshot."""
    open_ids = frozenset(one.id for one in snapshot.incidents if one.is_open)
    return Seen(**{"first_look": False, "entries": snapshot.entries, "open_ids": open_ids, **more})


def edited(address: str, edit: Any) -> bytes:
    """A document of the sample page after an edit in place of its rows."""
    document = json.loads(GOOD[address])
    edit(document["data"])
    return json.dumps(document).encode()


def of_pages(address: str, pages: int) -> bytes:
    """A document of the sample page that is the first of several."""
    document = json.loads(GOOD[address])
    document["meta"]["pagination"]["total_pages"] = pages
    return json.dumps(document).encode()


def life() -> Life:
    """The sample page, looked at again and again."""
    return Life(cachet, PAGE)


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The documents and the objects that they must become stand side by side."""
    golden = json.loads((FIXTURES / "cachet" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read(), order="deterministic"))
    del found["entries"]
    assert found == golden


def test_the_latest_status_counts_and_not_the_first_one():
    """`status` stays what it was when the incident began."""
    statuses = {one.id: one.status for one in read().incidents}
    assert statuses["8"] is IncidentStatus.MONITORING
    assert statuses["7"] is IncidentStatus.RESOLVED

    def edit(rows: list[Any]) -> None:
        rows[0].update(latest_status=None)
        rows[1].update(latest_status=None, status=2)

    older = {one.id: one.status for one in read({INCIDENTS: edited(INCIDENTS, edit)}).incidents}
    assert older["8"] is IncidentStatus.INVESTIGATING
    assert older["7"] is IncidentStatus.RESOLVED


def test_numbers_that_came_as_texts_are_the_same_numbers():
    """Some databases answer so; a number that nobody knows is unknown."""

    def edit(rows: list[Any]) -> None:
        rows[0].update(id="8", latest_status="3")
        rows[1].update(latest_status=77)

    found = read({INCIDENTS: edited(INCIDENTS, edit)})
    assert found.incidents[0] == read().incidents[0]
    assert found.incidents[1].status is IncidentStatus.UNKNOWN


def test_every_visit_owes_the_next_because_no_list_tells_of_the_others():
    """The incidents stay as they are while a component fails."""
    assert read().owes


def test_a_duration_that_moves_is_no_change(monkeypatch):
    """It is the age of the incident at the time of the answer; nothing is decoded for it."""
    first = read()
    decode = _cachet_look.decode_entry
    monkeypatch.setattr(
        _cachet_look,
        "decode_entry",
        lambda raw, shape: (
            pytest.fail("decoded") if b"latest_icon" in bytes(raw) else decode(raw, shape)
        ),
    )
    moved = GOOD[INCIDENTS].replace(b'"duration": 16', b'"duration": 29')
    assert moved != GOOD[INCIDENTS]
    second = read({INCIDENTS: moved}, after(first))
    assert second.unchanged == {"7", "8", "schedule-8"}
    assert second.incidents == ()


def test_planned_work_is_read_once_and_again_when_it_changed(monkeypatch):
    """An entry that is as it was is not decoded, and its list stays a whole one."""
    first = read()
    moved = edited(SCHEDULES, lambda rows: rows[0].update(status=1))
    second = read({SCHEDULES: moved}, after(first))
    assert [(one.id, one.status.value) for one in second.incidents] == [
        ("schedule-8", "in_progress")
    ]
    monkeypatch.setattr(_cachet_look, "_schedule", lambda *_: pytest.fail("was decoded"))
    third = read({SCHEDULES: moved}, after(second))
    assert (third.incidents, third.complete) == ((), first.complete)
    assert third.unchanged == {"7", "8", "schedule-8"}


def test_of_two_rows_of_planned_work_with_one_number_the_last_one_counts():
    """Also when only one of them is new."""

    def edit(rows: list[Any]) -> None:
        rows.append({**rows[0], "status": 1})

    twice = {SCHEDULES: edited(SCHEDULES, edit)}
    first = read(twice)
    assert first.incidents[-1].status is IncidentStatus.IN_PROGRESS
    second = read(twice, after(first))
    assert "schedule-8" in second.unchanged
    assert "schedule-8" not in {one.id for one in second.incidents}


@pytest.mark.parametrize("part", ["message", "name", "latest_human_status"])
def test_whatever_else_changed_in_an_entry_is_read(part):
    """Also where the text speaks of a duration."""
    body = edited(INCIDENTS, lambda rows: rows[0].update({part: '"duration": 12'}))
    assert read({INCIDENTS: body}, after(read())).incidents[0].id == "8"
    last = edited(INCIDENTS, lambda rows: rows[0].update(another=part))
    assert read({INCIDENTS: last}, after(read())).incidents[0].id == "8"


@pytest.mark.parametrize("answer", [404, 500, b"", b"<html></html>", b'{"data": []}'])
@pytest.mark.parametrize("address", [GROUPS, COMPONENTS, SCHEDULES])
def test_a_list_that_cannot_be_had_is_not_empty(address, answer):
    """What it would have told stays as it is known, names included."""
    part = {COMPONENTS: Part.COMPONENTS, SCHEDULES: Part.OPEN_MAINTENANCES}.get(address)
    first = read()
    found = read({address: answer}, after(first))
    assert found.complete == first.complete - {part}
    if address == GROUPS:
        assert found.components == first.components
    changed = edited(INCIDENTS, lambda rows: rows[0].update(name="Slower API"))
    found = read({address: answer, INCIDENTS: changed}, after(first))
    assert [one.name for one in found.incidents[0].components] == ["API"]


def test_an_incident_whose_component_has_no_name_yet_is_read_again():
    """It stands without it until the list of components can be had."""
    first = read({COMPONENTS: 500})
    assert first.incidents[0].components == ()
    second = read(seen=after(first))
    assert [one.name for one in second.incidents[0].components] == ["API"]


def test_a_component_of_none_is_none():
    """Number 0 stands for it."""
    body = edited(INCIDENTS, lambda rows: rows[0].update(component_id=0))
    found = read({INCIDENTS: body})
    assert found.incidents[0].components == ()
    assert "8" in found.entries


@pytest.mark.parametrize("address", [INCIDENTS, COMPONENTS, SCHEDULES])
def test_of_several_pages_the_first_is_not_complete(address):
    """Absence is a fact only where the list is whole."""
    found = read({address: of_pages(address, 2)})
    assert len(found.complete) == 2
    assert found.window is not None
    assert found.window.is_full == (address == INCIDENTS)


def test_an_old_incident_that_moves_up_into_the_list_is_no_news():
    """The list holds so many of the newest; when one is deleted an older one slides in."""
    page = life()
    assert page.look(GOOD) == [("incident.opened", "It is faster now.")]
    older = edited(INCIDENTS, lambda rows: rows.append({**rows[1], "id": 3}))
    assert page.look({**GOOD, INCIDENTS: older}) == []
    newer = edited(INCIDENTS, lambda rows: rows.insert(0, {**rows[1], "id": 9}))
    assert page.look({**GOOD, INCIDENTS: newer}) == [
        ("incident.opened", "Some uploads fail."), ("incident.resolved", "All is well."),
    ]  # fmt: skip


def test_a_life_to_its_end_and_the_planned_work_beside_it():
    """Each message is one step; work that begins rewrites its only message."""
    page = life()
    page.look(GOOD)
    fixed = {"id": 13, "status": 4, "human_status": "Fixed", "message": "Fixed."}

    def end(rows: list[Any]) -> None:
        rows[0]["updates"].insert(0, fixed)
        rows[0].update(latest_status=4, latest_human_status="Fixed", is_resolved=True)

    ended = {**GOOD, INCIDENTS: edited(INCIDENTS, end)}
    assert page.look(ended) == [("incident.resolved", "Fixed.")]
    for status, kind in {1: "maintenance.started", 2: "maintenance.completed"}.items():
        body = edited(SCHEDULES, lambda rows, status=status: rows[0].update(status=status))
        assert page.look({**ended, SCHEDULES: body}) == [(kind, "We swap disks.")]
        assert page.look({**ended, SCHEDULES: body}) == []


def test_an_incident_that_was_deleted_is_withdrawn_only_when_its_address_is_gone():
    """Absence alone is not an end."""
    first = read()
    url = f"{ROOT}/incidents/8"
    gone = {INCIDENTS: edited(INCIDENTS, lambda rows: rows.pop(0)), url: 404}
    assert read(gone, after(first, missing={"8": url})).gone == {"8"}
    assert read({**gone, url: 500}, after(first, missing={"8": url})).gone == frozenset()
    assert Part.OPEN_INCIDENTS in read(gone).complete


def test_a_row_that_cannot_be_read_costs_itself_and_the_wholeness_of_its_list():
    """Its brothers are read."""
    for broken in (None, 7, "x", [], {}, {"id": None}, {"id": [1], "human_status": "x"}):
        for address in (INCIDENTS, COMPONENTS, SCHEDULES):
            body = edited(address, lambda rows, broken=broken: rows.append(broken))
            found = read({address: body})
            assert len(found.complete) == 2
            assert found.incidents == read().incidents
            assert found.components == read().components


def test_rows_of_another_vendor_are_refused():
    """A list in pages is no evidence."""
    with pytest.raises(ReadError, match="data"):
        read(
            {INCIDENTS: edited(INCIDENTS, lambda rows: rows.__setitem__(slice(None), [{"id": 1}]))}
        )
    assert read({INCIDENTS: edited(INCIDENTS, lambda rows: rows.clear())}).components


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(*(mutated(GOOD[address]) for address in (INCIDENTS, GROUPS, COMPONENTS, SCHEDULES)))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(incidents, groups, components, planned):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    answers = {INCIDENTS: incidents, GROUPS: groups, COMPONENTS: components, SCHEDULES: planned}
    for address, body in answers.items():
        cachet.claims(Response(url=address, status=200, body=body))
    try:
        snapshot = read(answers)
    except ReadError:
        return
    clean(snapshot)
    again = read(answers, after(snapshot))
    assert not {one.id for one in again.incidents} & again.unchanged


# Recordings


def recorded(corpus: Path) -> dict[str, bytes]:
    """The recorded lists by their addresses."""
    folder = corpus / "cachet/cachet-demo"
    names = {"incidents": INCIDENTS, "groups": GROUPS, "components": COMPONENTS}
    names["schedules"] = SCHEDULES
    return {address: (folder / f"{name}.json").read_bytes() for name, address in names.items()}


@pytest.mark.corpus
def test_every_recorded_body_is_recognised_at_its_own_address(corpus):
    """Each of the four lists alone is enough."""
    formats = Formats()
    for address, body in recorded(corpus).items():
        found, _ = converse(recognise(address, formats), {address: body})
        assert (found.format, found.url, found.name) == ("cachet", ROOT, "status.example.com")


@pytest.mark.corpus
def test_the_recorded_page_is_read_whole_and_once(corpus):
    """All words are known but the impact, and a second look decodes no incident."""
    found = read(recorded(corpus))
    assert [(one.id, one.status.value, len(one.updates)) for one in found.incidents] == [
        ("1", "resolved", 4), ("2", "monitoring", 2), ("schedule-1", "scheduled", 1),
    ]  # fmt: skip
    assert [update.status.value for update in found.incidents[0].updates] == [
        "investigating", "identified", "monitoring", "resolved",
    ]  # fmt: skip
    assert len(found.components) == 6
    assert {one.status for one in found.components} == {ComponentStatus.OPERATIONAL}
    assert [one.group for one in found.components].count("Services") == 2
    assert found.complete == set(Part)
    again = read(recorded(corpus), after(found))
    assert again.incidents == ()
    assert again.unchanged == {"1", "2", "schedule-1"}
    page = life()
    assert [kind for kind, _ in page.look(recorded(corpus))] == ["incident.opened"]
    assert page.look(recorded(corpus)) == []
