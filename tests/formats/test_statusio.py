"""Status.io: numbers for words, components in places, and lists of what goes on."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.errors import ReadError
from bellbuoy.events import EventKind
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, statusio
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.samples import FIXTURES, body_of, page_at, sample

((ADDRESS, GOOD),) = sample("statusio").items()
PAGE = page_at(ADDRESS, "statusio")


def read(body: bytes, seen: Seen | None = None) -> Snapshot:
    """What one visit finds; it asks one question."""
    snapshot, asked = converse(statusio.read(PAGE, seen or Seen()), {ADDRESS: body})
    assert asked == [ADDRESS]
    return snapshot


def after(snapshot: Snapshot) -> Seen:
    """What is held right after a snapshot."""
    return Seen(first_look=False, entries=snapshot.entries)


def changed(**parts: Any) -> bytes:
    """The sample with parts of its result changed."""
    document = json.loads(GOOD)
    document["result"].update(parts)
    return json.dumps(document).encode()


def row(**changes: Any) -> dict[str, Any]:
    """The sample's incident, changed."""
    return {**json.loads(GOOD)["result"]["incidents"][0], **changes}


# What is read


def test_the_sample_becomes_the_objects_beside_it():
    """The golden pair."""
    golden = (FIXTURES / "statusio" / "sample.golden.json").read_bytes()
    found = msgspec.structs.replace(read(GOOD), entries={})
    assert found == msgspec.json.decode(golden, type=Snapshot)


def test_a_component_is_one_for_each_place_in_which_it_exists():
    """The place is its region; a component without places is itself."""
    found = read(GOOD)
    assert [(one.name, one.region, one.status) for one in found.components] == [
        ("Hub", "Virginia", ComponentStatus.PARTIAL_OUTAGE),
        ("Hub", "Ireland", ComponentStatus.OPERATIONAL),
        ("Docs", None, ComponentStatus.UNKNOWN),
    ]
    assert found.complete == {Part.COMPONENTS}


@pytest.mark.parametrize("state", [400, 0, "100", None])
def test_a_state_that_no_source_names_is_unknown(state):
    """Its number stays beside it."""
    message = {"details": "x", "state": state, "datetime": "2026-09-22T17:22:08Z"}
    (found, *_) = read(changed(incidents=[row(messages=[message])])).incidents
    assert found.status is IncidentStatus.UNKNOWN
    assert found.updates[0].status is IncidentStatus.UNKNOWN
    assert found.impact is Impact.UNKNOWN
    assert found.status_raw == (str(state) if isinstance(state, int) else "")


def test_one_bad_entry_does_not_cost_the_others():
    """In any list."""
    statuses = [4, {"id": None}, {"id": "x", "name": "X", "status_code": 300}]
    found = read(changed(status=statuses, incidents=[None, {}, row()], maintenance=[]))
    assert [one.id for one in found.incidents] == ["b1"]
    assert [one.status for one in found.components] == [ComponentStatus.DEGRADED]
    assert found.complete == frozenset()


# What changes


def test_an_entry_that_is_as_before_is_not_decoded():
    """Unless its list is another: then work has begun."""
    first = read(GOOD)
    again = read(GOOD, after(first))
    assert again.incidents == ()
    assert again.unchanged == {"b1", "c1", "c2"}
    first = read(changed())
    work = json.loads(GOOD)["result"]["maintenance"]
    begun = read(changed(maintenance={"active": work["upcoming"]}), after(first))
    assert [(one.id, one.status) for one in begun.incidents] == [("c2", IncidentStatus.IN_PROGRESS)]


def play(*bodies: bytes) -> list[list[EventKind]]:
    """What each body announces."""
    replay = Replay(statusio, PAGE, ADDRESS.removeprefix("https://status.example.com"))
    files = [Recorded(name="x", at=None, body=body) for body in bodies]
    return [[event.kind for event in replay.visit(file)] for file in files]


def test_a_life_as_far_as_it_is_told():
    """New messages are updates, other words under one instant an edit, and absence is no end."""
    messages = row()["messages"]
    quiet = changed(incidents=[], maintenance={})
    opened = changed(incidents=[row(messages=messages[1:])], maintenance={})
    updated = changed(incidents=[row()], maintenance={})
    other = [{**messages[0], "details": "Other words."}, messages[1]]
    edited = changed(incidents=[row(messages=other)], maintenance={})
    assert play(quiet, opened, updated, edited, edited, quiet, quiet, quiet, quiet) == [
        [],
        [EventKind.INCIDENT_OPENED],
        [EventKind.INCIDENT_UPDATED],
        [EventKind.INCIDENT_EDITED],
        *([] for _ in range(5)),
    ]


# Bad input


@pytest.mark.parametrize(
    "document",
    [
        {"result": []},
        {"result": {"status": []}},
        {"result": {"status_overall": {"status_code": 100}}},
        {"status": {"indicator": "none"}},
    ],
)
def test_a_document_of_another_shape_is_refused(document):
    """Not one of them is a page without incidents."""
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
    assert again.unchanged == {one.id for one in snapshot.incidents}


# Recordings


def claim_of(body: bytes) -> str | None:
    """The address under which an answer is claimed."""
    found = statusio.claims(Response(url=ADDRESS, status=200, body=body))
    return found.url if found else None


@pytest.mark.corpus
def test_the_recorded_page_is_recognised_and_no_other_is(corpus):
    """Under its real address, by all formats together."""
    body = (corpus / "statusio/docker/docker_partial.json").read_bytes()
    address = "https://api.status.io/1.0/status/533c6539221ae15e3f000031"
    found, asked = converse(recognise(address, Formats()), {address: body})
    assert (found.format, found.url, asked) == ("statusio", address, [address])
    for path in corpus.rglob("*"):
        if path.is_file() and "statusio" not in path.parts and "series" not in path.parent.name:
            assert claim_of(body_of(path)) is None, path


@pytest.mark.corpus
def test_the_recorded_page_is_read(corpus):
    """Docker in 2020, with one incident."""
    found = read((corpus / "statusio/docker/docker_partial.json").read_bytes())
    (incident,) = found.incidents
    assert (incident.title, incident.status) == (
        "Docker Hub automated builds issue",
        IncidentStatus.INVESTIGATING,
    )
    assert (incident.impact, incident.impact_raw) == (Impact.MAJOR, "400")
    assert [(one.name, one.group, one.status) for one in incident.components] == [
        ("Docker Hub Automated Builds", "AWS", ComponentStatus.PARTIAL_OUTAGE)
    ]
    assert [one.id for one in incident.updates] == ["2020-07-16T17:22:08.369Z"]
    assert len(found.components) == 8
    assert {one.region for one in found.components} == {"AWS"}
    assert not any(one.status is ComponentStatus.UNKNOWN for one in found.components)


@pytest.mark.corpus
def test_recorded_bodies_played_twice_give_nothing_the_second_time(corpus):
    """The past, served again, is not news."""
    body = (corpus / "statusio/docker/docker_partial.json").read_bytes()
    assert play(body, GOOD, body, GOOD)[2:] == [[], []]


@pytest.mark.corpus
def test_the_vendor_s_own_example_is_read(corpus):
    """No recording, but the documentation: planned work in both lists."""
    path = corpus / "statusio/_docs-example/statusio-incident-doc-derived.json"
    found = read(path.read_bytes())
    assert [(one.title, one.status) for one in found.incidents] == [
        ("Authentication Issues", IncidentStatus.IDENTIFIED),
        ("Network Upgrade", IncidentStatus.IN_PROGRESS),
        ("Mobile App Upgrade", IncidentStatus.SCHEDULED),
    ]
    assert [one.group for one in found.incidents[0].components] == ["Virginia", "Ireland"]
