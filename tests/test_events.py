"""Events leave the house as the documentation and the published schema say."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations, product
from pathlib import Path
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from bellbuoy.events import (
    ALREADY_OPEN,
    ANNOUNCED_FAMILIES,
    FAMILIES,
    NO_LONGER_WATCHED,
    ComponentFacts,
    Event,
    EventKind,
    IncidentComponent,
    IncidentFacts,
    PageRef,
    Phase,
    UpdateFacts,
    content_hash,
    event_id,
    from_json,
    json_schema,
    page_ref,
    to_builtins,
    to_json,
)
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Page,
    Provider,
)
from bellbuoy.testing import sample_events
from tests.event_samples import (
    AT,
    OPENAI,
    PAGE,
    component_event,
    incident_event,
    monitor_event,
    page_event,
)
from tests.event_schema import valid, valid_wire

PUBLISHED = Path(__file__).parents[1] / "docs" / "event.schema.json"


def wire(event):
    """The event as a reader of its JSON sees it."""
    return json.loads(to_json(event))


def test_the_published_schema_is_the_one_of_the_code():
    """If not, write the schema of the code into it: `json.dumps(json_schema(), indent=2)`."""
    assert json.loads(PUBLISHED.read_text("utf-8")) == json_schema()


def test_the_schema_is_a_schema():
    """Any validator of draft 2020-12 can use it."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_of_every_kind_keeps_the_schema(kind):
    """Also what the tests of plugins are given."""
    [ordinary] = [event for event in list(sample_events())[: len(EventKind)] if event.kind is kind]
    valid([ordinary])
    assert kind.family in FAMILIES


@pytest.mark.parametrize(
    ("before", "after", "phase"),
    [
        ("operational", "major_outage", Phase.BEGINS),
        ("unknown", "major_outage", Phase.BEGINS),
        ("degraded", "major_outage", Phase.GOES_ON),
        ("major_outage", "operational", Phase.ENDS),
    ],
)
def test_trouble_of_a_component_begins_where_it_was_well_or_nothing_was_known(before, after, phase):
    """A probe that is down when we come is told as a beginning."""
    event = component_event()
    component = replace(event.component, status=ComponentStatus(after))
    event = replace(event, component=component, changes={"status": (before, after)})
    assert event.phase is phase


def test_hostile_long_and_bare_events_keep_the_schema():
    """What a vendor writes does not change the shape."""
    assert len(valid(sample_events())) > len(EventKind)


@pytest.mark.parametrize(
    "broken",
    [
        {"specversion": 1},
        {"time": "yesterday"},
        {"time": None},
        {"data": None},
        {"id": None},
        {"data.seq": "1"},
        {"data.late": None},
        {"data.observed_at": "soon"},
        {"data.incident.impact": "catastrophic"},
        {"data.incident.status": "on fire"},
        {"data.changes": {"impact": ["minor"]}},
    ],
)
def test_the_schema_refuses_what_no_event_is(broken):
    """A wrong type, a word that is not ours, half a change."""
    event = wire(incident_event())
    for path, value in broken.items():
        *parents, name = path.split(".")
        place = event
        for parent in parents:
            place = place[parent]
        place[name] = value
    with pytest.raises(jsonschema.ValidationError):
        valid_wire(event)


def test_the_json_of_an_incident_is_exactly_this():
    """The keys and their order are a contract: programs read them."""
    event = incident_event(
        EventKind.INCIDENT_CHANGED, group="Core", changes={"title": ("a", "b")}, reason="because"
    ).numbered(42)
    assert wire(event) == {
        "specversion": "1.0",
        "id": event.id,
        "source": "https://status.openai.com",
        "type": "dev.bellbuoy.incident.changed.v1",
        "subject": "openai/incidents/i1",
        "time": "2026-02-23T16:09:30Z",
        "datacontenttype": "application/json",
        "data": {
            "seq": 42,
            "observed_at": "2026-02-23T16:09:30Z",
            "late": False,
            "provider": {"slug": "openai", "name": "OpenAI"},
            "page": {"key": "https://status.openai.com", "url": "https://status.openai.com"},
            "incident": {
                "id": "i1",
                "kind": "incident",
                "title": "Elevated error rate for ChatGPT conversations",
                "url": "https://status.openai.com/incidents/i1",
                "impact": "major",
                "impact_raw": "major",
                "status": "investigating",
                "status_raw": "investigating",
                "started_at": "2026-02-23T16:09:30Z",
                "updated_at": "2026-02-23T16:09:30Z",
                "resolved_at": None,
                "components": [
                    {"id": "c0", "name": "Conversations", "group": "Core", "status": "unknown"}
                ],
            },
            "update": {
                "id": "u1",
                "status": "investigating",
                "status_raw": "investigating",
                "body": "We are investigating.",
                "at": "2026-02-23T16:09:30Z",
            },
            "changes": {"title": ["a", "b"]},
            "reason": "because",
        },
    }
    assert list(wire(event)) == [
        "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"
    ]  # fmt: skip


def test_the_json_of_a_component_is_exactly_this():
    """From and to stand in `changes`; there is no incident and no update."""
    event = component_event("API", group="Core")
    assert wire(event)["subject"] == "openai/components/c1"
    assert wire(event)["data"] == {
        "seq": 0,
        "observed_at": "2026-02-23T16:09:30Z",
        "late": False,
        "provider": {"slug": "openai", "name": "OpenAI"},
        "page": {"key": "https://status.openai.com", "url": "https://status.openai.com"},
        "component": {
            "id": "c1",
            "name": "API",
            "group": "Core",
            "region": None,
            "status": "partial_outage",
            "status_raw": "partial_outage",
        },
        "changes": {"status": ["operational", "partial_outage"]},
    }


def test_what_there_is_nothing_of_is_left_out():
    """No `time` where the vendor gave none, no empty `incident`, `changes` or `reason`."""
    event = wire(monitor_event())
    assert "time" not in event
    assert event["source"] == "urn:bellbuoy:monitor"
    assert event["subject"] == "bellbuoy/monitor"
    assert event["data"].keys() == {"seq", "observed_at", "late", "provider", "page"}
    assert wire(page_event(reason="blocked"))["data"]["reason"] == "blocked"


def test_c7_vendor_time_and_our_time_are_two_fields():
    """A backdated start changes `time` only; the lag can be read off."""
    early = AT - timedelta(hours=10)
    event = wire(incident_event(at=early, late=True))
    assert (event["time"], event["data"]["observed_at"], event["data"]["late"]) == (
        "2026-02-23T06:09:30Z",
        "2026-02-23T16:09:30Z",
        True,
    )


@given(
    at=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    body=st.text(),
    title=st.text(),
)
def test_an_event_is_one_line_of_json_with_times_in_utc(at, body, title):
    """`jq` and `tail` read it line by line; the plain values say the same."""
    event = incident_event(at=at, body=body, title=title)
    line = to_json(event)
    assert b"\n" not in line
    assert b"\r" not in line
    read = valid_wire(json.loads(line))
    assert read["time"].endswith("Z")
    assert datetime.fromisoformat(read["time"]) == at
    assert json.loads(json.dumps(to_builtins(event))) == read
    assert read["data"]["update"]["body"] == body


def test_a_number_of_the_log_changes_nothing_else():
    """The id belongs to the change, not to its place."""
    event = incident_event()
    numbered = event.numbered(7)
    assert numbered.seq == 7
    assert {**asdict(numbered), "seq": 0} == asdict(event)
    assert event.seq == 0


def test_r1_an_id_is_made_of_what_makes_the_change_and_nothing_else():
    """Any part that differs gives another id; text cannot be moved from one part to the next."""
    parts = [("p", "q"), ("a", "b"), tuple(EventKind)[:2], ("u", "v", "p"), ("1", "2", "a")]
    ids = [event_id(*each) for each in product(*parts)]
    assert len(set(ids)) == len(ids)
    assert all(UUID(id).version == 5 for id in ids)
    kind = EventKind.INCIDENT_OPENED
    assert event_id("p", "ab", kind, "", "") != event_id("pa", "b", kind, "", "")


def test_r1_ids_are_the_same_in_every_release():
    """They are keys in other people's systems: a changed recipe would announce all again."""
    assert event_id(
        "https://status.acme.example", "abc", EventKind.INCIDENT_RESOLVED, "u7", "0"
    ) == ("c285845c-fe52-5f26-b176-e3bdc1709d0c")
    assert content_hash("resolved", "All  is\nwell.") == "e303e6a479c44b73f081b3f6842d5096"


def test_white_space_is_no_change_and_everything_else_is():
    """Vendors reformat their texts; a word, its case or the status is a change."""
    same = content_hash("resolved", "All is well.")
    assert content_hash("resolved", " All\n is\twell. ") == same
    others = [("resolved", "all is well."), ("resolved", "All is well"), ("", "All is well.")]
    hashes = [same, *(content_hash(*other) for other in others)]
    assert all(one != other for one, other in combinations(hashes, 2))
    assert content_hash("resolved", "\ud800")


def test_r3_a_lane_is_one_incident_of_one_page():
    """Or one component, or the page itself: what must be told in order."""
    events = [
        incident_event(),
        incident_event(incident="i2"),
        incident_event(page=page_ref(Page(key="k", url="u", provider=OPENAI, format="feed"))),
        component_event(),
        page_event(),
        monitor_event(),
    ]
    assert len({event.lane for event in events}) == len(events)
    later = incident_event(EventKind.INCIDENT_RESOLVED, update="u9", title="Renamed")
    assert later.lane == events[0].lane
    assert page_event(EventKind.PAGE_READABLE).lane == page_event().lane == f"{PAGE.key} "


@pytest.mark.parametrize(
    ("event", "hidden"),
    [
        (incident_event(EventKind.INCIDENT_EDITED), True),
        (incident_event(EventKind.INCIDENT_EDITED, closing=True), False),
        (incident_event(EventKind.MAINTENANCE_EDITED), True),
        (incident_event(EventKind.INCIDENT_WITHDRAWN, reason=NO_LONGER_WATCHED), True),
        (incident_event(EventKind.INCIDENT_WITHDRAWN), False),
        (incident_event(reason=ALREADY_OPEN), False),
        (incident_event(EventKind.INCIDENT_RESOLVED, status=IncidentStatus.RESOLVED), False),
    ],
)
def test_what_is_for_the_log_only(event, hidden):
    """A corrected typo wakes nobody up; the root cause in the closing update is told."""
    assert event.is_log_only is hidden


def test_every_family_is_one_a_person_can_choose():
    """Kinds are dotted, and each default is a family."""
    assert {kind.family for kind in EventKind} == set(FAMILIES)
    assert set(FAMILIES) > ANNOUNCED_FAMILIES


def test_a_time_of_another_zone_is_the_same_instant():
    """Contract or not, a reader never sees a wrong instant."""
    tokyo = AT.astimezone(timezone(timedelta(hours=9)))
    assert datetime.fromisoformat(wire(incident_event(at=tokyo))["time"]) == AT


TEXT = st.text(max_size=30)
ANY_TIME = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
MAYBE_TIME = st.none() | ANY_TIME
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT
ANY_EVENT = st.builds(
    Event,
    id=TEXT,
    kind=st.sampled_from(EventKind),
    provider=st.builds(Provider, slug=TEXT, name=TEXT),
    page=st.builds(PageRef, key=TEXT, url=TEXT),
    observed_at=ANY_TIME,
    at=MAYBE_TIME,
    seq=st.integers(0, 2**62),
    late=st.booleans(),
    incident=st.none()
    | st.builds(
        IncidentFacts,
        id=TEXT,
        kind=st.sampled_from(IncidentKind),
        title=TEXT,
        url=TEXT,
        impact=st.sampled_from(Impact),
        impact_raw=TEXT,
        status=st.sampled_from(IncidentStatus),
        status_raw=TEXT,
        started_at=MAYBE_TIME,
        updated_at=MAYBE_TIME,
        resolved_at=MAYBE_TIME,
        components=st.lists(
            st.builds(
                IncidentComponent,
                id=TEXT,
                name=TEXT,
                group=st.none() | TEXT,
                status=st.sampled_from(ComponentStatus),
            ),
            max_size=2,
        ).map(tuple),
    ),
    update=st.none()
    | st.builds(
        UpdateFacts,
        id=TEXT,
        status=st.sampled_from(IncidentStatus),
        status_raw=TEXT,
        body=TEXT,
        at=MAYBE_TIME,
    ),
    component=st.none()
    | st.builds(
        ComponentFacts,
        id=TEXT,
        name=TEXT,
        group=st.none() | TEXT,
        region=st.none() | TEXT,
        status=st.sampled_from(ComponentStatus),
        status_raw=TEXT,
    ),
    changes=st.dictionaries(TEXT, st.tuples(VALUES, VALUES), max_size=2),
    reason=st.none() | st.text(min_size=1, max_size=30),
)


@given(ANY_EVENT)
def test_what_is_written_as_json_is_read_as_the_same_event(event):
    """All of it but `closing`, which is not told."""
    assert from_json(to_json(event)) == event


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8")))
def test_garbage_is_refused_with_a_value_error_and_nothing_else(garbage):
    """Whoever hands in a file is told, whatever is in it."""
    with pytest.raises(ValueError, match=r"\S"):
        from_json(garbage)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    ("specversion",), ("id",), ("source",), ("type",), ("subject",), ("time",), ("data",),
    *(("data", name) for name in ("seq", "observed_at", "late", "provider", "page", "changes")),
    *(("data", "incident", name) for name in ("impact", "status", "components", "started_at")),
    ("data", "update", "at"),
]  # fmt: skip


@given(st.sampled_from(PLACES), JSON)
def test_an_event_with_anything_in_any_place_is_read_or_refused_with_a_value_error(path, value):
    """A kind that is unknown, a time that is none, a list where a mapping belongs."""
    broken = wire(incident_event(changes={"title": ("a", "b")}))
    *parents, name = path
    place = broken
    for parent in parents:
        place = place[parent]
    place[name] = value
    with suppress(ValueError):
        assert isinstance(from_json(json.dumps(broken).encode()), Event)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("observed_at", '"2026-02-23T16:09:30"', "timezone"),
        ("changes", '{"a": ' + "[" * 50_000, "nested too deep"),
    ],
)
def test_what_would_fail_later_is_refused_at_once(field, value, said):
    """A time without a zone cannot be compared; a tower of lists would end the process."""
    line = json.dumps(wire(incident_event(changes={"a": (1, 2)})))
    before = json.dumps(wire(incident_event(changes={"a": (1, 2)}))["data"][field])
    with pytest.raises(ValueError, match=said):
        from_json(line.replace(before, value).encode())


@given(st.integers(min_value=0))
def test_a_cut_line_is_refused(cut):
    """A file that was not written to its end."""
    line = to_json(incident_event())
    with pytest.raises(ValueError, match=r"\S"):
        from_json(line[: cut % len(line)])
