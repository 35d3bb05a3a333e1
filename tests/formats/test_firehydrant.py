"""FireHydrant: lives told by milestones, notes and times; components told by what is open."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.events import Event
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, firehydrant
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    Incident,
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
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample

PATH = "data/payload.json"
FACE = f"{ROOT}/{PATH}"
GOOD = sample("firehydrant")[FACE]
TIMEOUTS, BROUGHT_IN, AHEAD, MOVED = (f"22222222-0000-4000-8000-00000000000{n}" for n in "1234")


def read(body: bytes = GOOD, seen: Seen | None = None) -> Snapshot:
    """Read the sample page, or another body in its place."""
    return converse(firehydrant.read(page_at(ROOT, "firehydrant"), seen or Seen()), {FACE: body})[0]


def edited(edit: Callable[[Any], object]) -> bytes:
    """The sample after an edit in place."""
    document = json.loads(GOOD)
    edit(document)
    return json.dumps(document).encode()


def one(snapshot: Snapshot, id: str = TIMEOUTS) -> Incident:
    """An incident of a snapshot."""
    return next(incident for incident in snapshot.incidents if incident.id == id)


def after(snapshot: Snapshot) -> Seen:
    """What is held after a look."""
    return Seen(first_look=False, entries=snapshot.entries, history_due=False)


def visits(*bodies: bytes) -> list[Event]:
    """The events of the last of some bodies, seen in order."""
    replay = Replay(firehydrant, page_at(ROOT, "firehydrant"), PATH)
    events: tuple[Event, ...] = ()
    for number, body in enumerate(bodies):
        events = replay.visit(Recorded(name=str(number), at=None, body=body))
    return list(events)


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    golden = json.loads((FIXTURES / "firehydrant" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read(), order="deterministic"))
    assert found.pop("entries").keys() == {incident["id"] for incident in golden["incidents"]}
    assert found == golden


@pytest.mark.parametrize(
    ("milestone", "status"),
    [
        ("started", "investigating"),
        ("acknowledged", "investigating"),
        ("identified", "identified"),
        ("mitigated", "monitoring"),
        ("monitoring", "monitoring"),
        ("resolved", "resolved"),
        ("postmortem_started", "postmortem"),
        ("closed", "resolved"),
        ("pending-customer-response", "unknown"),
    ],
)
def test_an_incident_stands_where_its_furthest_milestone_says(milestone, status):
    """Milestones that its owner made up tell nothing."""
    times = {milestone: "2026-03-04T10:05:00Z"}
    body = edited(lambda page: page["incidents"][0].update(timestamps=times))
    assert one(read(body)).status is IncidentStatus(status)


def test_of_planned_work_only_the_end_is_certain():
    """Whether it has begun cannot be told without a clock."""
    snapshot = read()
    assert (one(snapshot, AHEAD).kind, one(snapshot, AHEAD).status) == (
        IncidentKind.MAINTENANCE, IncidentStatus.UNKNOWN,
    )  # fmt: skip
    assert one(snapshot, MOVED).status is IncidentStatus.COMPLETED
    assert one(snapshot, MOVED).updates[-1].status is IncidentStatus.COMPLETED


@pytest.mark.parametrize(
    ("slug", "impact"),
    [("SEV1", Impact.CRITICAL), ("SEV2", Impact.MAJOR), ("SEV4", Impact.MINOR),
     ("UNSET", Impact.UNKNOWN), ("Purple", Impact.UNKNOWN), (None, Impact.UNKNOWN)],
)  # fmt: skip
def test_the_usual_severities_are_impacts_and_others_are_unknown(slug, impact):
    """The owner's word is kept."""
    incident = one(read(edited(lambda page: page["incidents"][0].update(severitySlug=slug))))
    assert (incident.impact, incident.impact_raw) == (impact, slug or "")


def test_an_end_between_two_looks_is_told_by_its_milestone_and_then_its_note():
    """A milestone moves the incident; a note that follows is a message after the end."""

    def end(page: Any) -> None:
        incident = page["incidents"][0]
        incident["timestamps"]["resolved"] = "2026-03-04T11:00:00Z"
        steps = ({"milestoneUpdate": {"currentMilestone": "resolved"}}, {"note": {"note": "Over."}})
        for second, details in enumerate(steps):
            at = f"2026-03-04T11:00:0{second}.5Z"
            entry = {"time": at, "occurredAt": at, "details": details}
            incident["timeline"].insert(0, entry)

    ended, noted = visits(GOOD, edited(end))
    assert (ended.kind.value, noted.kind.value) == ("incident.resolved", "incident.updated")
    assert noted.update is not None
    assert noted.update.body == "Over."
    assert ended.incident is not None
    assert ended.incident.resolved_at == datetime(2026, 3, 4, 11, tzinfo=UTC)
    assert visits(GOOD, edited(end), GOOD, edited(end)) == []


def test_other_words_under_the_time_of_writing_are_an_edit():
    """The time that is shown may move with them."""
    other = GOOD.replace(b"Requests time out.", b"Requests to the API time out.")
    assert [event.kind.value for event in visits(GOOD, other)] == ["incident.edited"]


def test_a_component_is_as_the_worst_incident_that_is_not_over_says():
    """The word is the page's own, by its own table; over is over."""
    status = {part.name: part.status for part in read().components}
    assert status == {
        "API": ComponentStatus.MAJOR_OUTAGE,
        "Console": ComponentStatus.MAINTENANCE,
        "Docs": ComponentStatus.OPERATIONAL,
    }

    def slow(page: Any) -> None:
        page["conditions"] = {"Unavailable": "OFFLINE", "Slow": "DEGRADED"}
        page["incidents"][2].update(severitySlug="SEV3")
        for place, word in ((1, "Slow"), (2, "Purple")):
            page["incidents"][2]["components"].append(
                {**page["components"][place], "condition": word}
            )
        page["incidents"][2]["components"].append({**page["components"][0], "condition": "Slow"})

    parts = read(edited(slow)).components
    assert [(part.status, part.status_raw) for part in parts] == [
        (ComponentStatus.MAJOR_OUTAGE, "Unavailable"),
        (ComponentStatus.DEGRADED, "Slow"),
        (ComponentStatus.UNKNOWN, "Purple"),
    ]


def test_entries_as_before_are_not_read_again(monkeypatch):
    """The conditions of what is not over are still told."""
    first = read()
    monkeypatch.setattr(firehydrant, "read_incident", lambda *_: pytest.fail("was read"))
    second = read(GOOD.replace(b'"uiVersion":2', b'"uiVersion":3'), after(first))
    assert (second.incidents, second.unchanged) == ((), first.entries.keys())
    assert second.components == first.components


def test_what_is_over_is_not_even_looked_into(monkeypatch):
    """Some pages hold a thousand of those."""
    first = read()
    looked: list[object] = []
    decode = firehydrant.decode_entry

    def count(raw: Any, shape: Any) -> Any:
        looked.append(shape)
        return decode(raw, shape)

    monkeypatch.setattr(firehydrant, "decode_entry", count)
    read(GOOD, after(first))
    assert looked.count(firehydrant.IncidentHead) == 2
    assert firehydrant.IncidentRow not in looked


@pytest.mark.parametrize("broken", [None, 7, "x", [], {}, {"id": ""}, {"id": 7}])
def test_an_entry_that_cannot_be_read_costs_only_itself(broken):
    """Neither its brothers nor the other list."""
    body = edited(
        lambda page: (page["incidents"].append(broken), page["components"].append(broken))
    )
    snapshot = read(body)
    assert (snapshot.incidents, snapshot.components) == (read().incidents, read().components)
    assert snapshot.complete == frozenset()
    assert read().complete == {Part.COMPONENTS}


@pytest.mark.parametrize("broken", [None, 7, {"time": 3}, {"details": []}])
def test_an_entry_of_a_timeline_that_cannot_be_read_costs_only_itself(broken):
    """The other messages are read."""
    body = edited(lambda page: page["incidents"][0]["timeline"].append(broken))
    assert one(read(body)).updates == one(read()).updates


@pytest.mark.parametrize("field", ["title", "timestamps", "components", "timeline", "severitySlug"])
@pytest.mark.parametrize("wrong", [None, 7, {"a": 1}, [[3], None, {}], "x"])
def test_a_wrong_field_of_an_incident_costs_only_itself(field, wrong):
    """Its id and its other fields are read."""
    snapshot = read(edited(lambda page: page["incidents"][1].update({field: wrong})))
    assert one(snapshot, BROUGHT_IN).url == ROOT
    assert len(snapshot.incidents) == 4


def test_a_table_in_other_words_is_not_its_own():
    """Lists named components and incidents are anybody's."""
    for conditions in ({}, {"a": "b"}, {"a": 3}):
        body = edited(lambda page, table=conditions: page.update(conditions=table))
        assert firehydrant.claims(Response(url=FACE, status=200, body=body)) is None
    nameless = edited(lambda page: page.update(config={"uiVersion": 2}))
    assert firehydrant.claims(Response(url=FACE, status=200, body=nameless)) is None


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    firehydrant.claims(Response(url=FACE, status=200, body=body))
    try:
        snapshot = read(body)
    except ReadError:
        return
    clean(snapshot)
    again = read(body, after(snapshot))
    assert (again.incidents, again.components) == ((), snapshot.components)


@pytest.mark.corpus
def test_the_recorded_body_is_recognised_and_read(corpus):
    """Four ended incidents; three of them were brought in from another engine."""
    body = body_of(corpus / "firehydrant/redis/firehydrant-redis.json")
    root = "https://status.redis.io"
    address = f"{root}/{PATH}"
    found, _ = converse(recognise(address, Formats()), {address: body})
    assert (found.format, found.url, found.name) == ("firehydrant", root, "Redis Service Health")
    answer = Response(url=address, status=200, body=body)
    others = [format for name, format in Formats().items() if name != "firehydrant"]
    assert not [format.NAME for format in others if format.claims(answer)]
    page = page_at(root, "firehydrant")
    snapshot, _ = converse(firehydrant.read(page, Seen()), {address: body})
    told = [
        (one.status.value, one.impact_raw, [update.status.value for update in one.updates])
        for one in snapshot.incidents
    ]
    resolved = ["identified"] * 3 + ["resolved"]
    assert told == [
        ("resolved", "SEV2", ["investigating", "investigating", *resolved]),
        ("completed", "MAINTENANCE", ["completed"]),
        ("resolved", "UNSET", ["monitoring", "resolved"]),
        ("resolved", "SEV4", ["investigating", "unknown", "resolved", "unknown"]),
    ]
    assert all(one.started_at and one.resolved_at and one.updated_at for one in snapshot.incidents)
    assert [len(one.components) for one in snapshot.incidents] == [0, 5, 0, 0]
    assert {part.status for part in snapshot.components} == {ComponentStatus.OPERATIONAL}
    replay = Replay(firehydrant, page, PATH)
    for name in ("1", "2"):
        assert replay.visit(Recorded(name=name, at=None, body=body)) == ()
    assert len(replay.known.incidents) == 4


@pytest.mark.corpus
def test_no_recording_of_another_engine_is_taken_for_firehydrants(corpus):
    """Wherever it lies, its fields are others."""
    count = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or "firehydrant" in path.parts or path.suffix == ".md":
            continue
        if "series" in path.parent.name and path.name[:4] > "0003":
            continue
        answer = Response(url=FACE, status=200, body=body_of(path))
        assert firehydrant.claims(answer) is None, path
        count += 1
    assert count > 50
