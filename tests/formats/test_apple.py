"""Apple: one event below many services, JSON with and without a call around it, local times."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, apple
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Incident, IncidentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample
from tests.moments import least_cpu

PATH = "data/system_status_en_US.js"
FACE = f"{ROOT}/{PATH}"
GOOD = sample("apple")[FACE]
HOME = "https://www.apple.com/support/systemstatus"


def read(body: bytes = GOOD, seen: Seen | None = None) -> Snapshot:
    """Read the sample page, or another body in its place."""
    return converse(apple.read(page_at(ROOT, "apple"), seen or Seen()), {FACE: body})[0]


def edited(edit: Callable[[Any], object]) -> bytes:
    """The sample after an edit in place of its services."""
    document = json.loads(GOOD)
    edit(document["services"])
    return json.dumps(document).encode()


def one(snapshot: Snapshot, id: str) -> Incident:
    """An incident of a snapshot."""
    return next(incident for incident in snapshot.incidents if incident.id == id)


def after(snapshot: Snapshot) -> Seen:
    """What is held after a look."""
    return Seen(first_look=False, entries=snapshot.entries, history_due=False)


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    golden = json.loads((FIXTURES / "apple" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read(), order="deterministic"))
    assert found.pop("entries").keys() == {incident["id"] for incident in golden["incidents"]}
    assert found == golden


@pytest.mark.parametrize(
    "begin", ["jsonCallback(", "a.$b_1 (", "\n jsonCallback(", "\ufeff\n jsonCallback("]
)
@pytest.mark.parametrize("end", [");", ")", ") ;\n"])
def test_a_call_around_the_document_is_taken_off(begin, end):
    """Apple served JSONP before it served JSON."""
    body = begin.encode() + GOOD + end.encode()
    assert read(body) == read()
    assert apple.claims(Response(url=FACE, status=200, body=body))


@pytest.mark.parametrize("length", [-1, -2, -200, 20])
def test_h7_a_call_that_does_not_end_is_a_body_that_was_cut(length):
    """Even if the JSON inside it happens to be whole."""
    body = (b"jsonCallback(" + GOOD.strip() + b")")[:length]
    with pytest.raises(ReadError) as caught:
        read(body)
    assert caught.value.reason is Unreadable.CUT
    assert apple.claims(Response(url=FACE, status=200, body=body)) is None


@pytest.mark.parametrize("begin", [b"1a(", b"a b(", b"alert('x')(", b"(", b"x" * 100 + b"("])
def test_what_is_no_call_of_one_name_is_refused(begin):
    """Other scripts are none of the format's documents."""
    with pytest.raises(ReadError):
        read(begin + GOOD + b");")


def test_a_body_of_brackets_is_refused_at_once():
    """Taking the call off looks at no byte twice."""

    def refused(body: bytes) -> None:
        with pytest.raises(ReadError):
            read(body)

    for body in (b"a" + b"(" * 1_000_000, b"a(" + b")" * 1_000_000, b"a" * 1_000_000 + b"("):
        assert least_cpu(partial(refused, body), enough=2) < 2


def test_one_event_below_several_services_is_one_incident_with_all_their_texts():
    """Its services are those below which it stands, and those that it only names."""
    incident = one(read(), "1000000001")
    assert [part.name for part in incident.components] == ["App Store", "Books", "Music"]
    assert "be unable" in incident.updates[0].body
    assert "intermittent" in incident.updates[0].body


def test_a_service_that_is_hit_later_makes_the_event_a_changed_one():
    """The event's own bytes are as before; where it stands is not."""
    first = read()

    def spread(services: Any) -> None:
        services[-1]["events"].append(services[0]["events"][0])

    second = read(edited(spread), after(first))
    assert "1000000001" in {incident.id for incident in second.incidents}
    assert second.components[-1].status is ComponentStatus.MAJOR_OUTAGE


def test_posted_is_told_by_the_start_only_where_both_name_one_zone():
    """A name of a zone is no offset: the distance to an instant is."""
    assert one(read(), "1000000001").updated_at == datetime(2026, 3, 4, 20, 20, tzinfo=UTC)
    assert one(read(), "1000000003").updated_at is None  # the clocks went forward in between
    assert one(read(), "1000000004").updated_at is None  # no zone


@pytest.mark.parametrize("posted", ["", "x", "13/45/2026 99:99 PST", "03/04/9999 12:00 PST", None])
def test_a_time_that_is_none_is_not_known(posted):
    """The rest of the event is read."""
    body = edited(lambda services: services[0]["events"][0].update(datePosted=posted))
    incident = one(read(body), "1000000001")
    assert (incident.updated_at, incident.status) == (None, IncidentStatus.INVESTIGATING)


def test_an_end_is_a_new_message_with_its_status():
    """The end is told beside the services, which are operational again."""
    replay = Replay(apple, page_at(ROOT, "apple"), PATH)

    def end(services: Any) -> None:
        for place in (0, 1):
            services[place]["events"][0].update(
                eventStatus="resolved", datePosted="03/04/2026 14:00 PST",
                epochEndDate=1772659800000, message="Users were unable to make purchases.",
            )  # fmt: skip

    bodies = [Recorded(name=str(n), at=None, body=b) for n, b in enumerate((GOOD, edited(end)))]
    first = replay.visit(bodies[0])
    assert [event.kind.value for event in first] == ["incident.opened", "maintenance.started"]
    (event,) = replay.visit(bodies[1])
    assert event.kind.value == "incident.resolved"
    assert event.incident is not None
    assert event.incident.resolved_at == datetime(2026, 3, 4, 21, 30, tzinfo=UTC)
    assert [event for body in bodies for event in replay.visit(body)] == []


def test_a_message_posted_again_in_the_same_words_is_no_news():
    """Only the stamp moved."""
    replay = Replay(apple, page_at(ROOT, "apple"), PATH)
    replay.visit(Recorded(name="1", at=None, body=GOOD))
    bumped = GOOD.replace(b"12:20 PST", b"12:40 PST")
    assert replay.visit(Recorded(name="2", at=None, body=bumped)) == ()


def test_events_as_before_are_not_read_again(monkeypatch):
    """Equal bytes below the same services are unchanged; the services are still told."""
    first = read()
    monkeypatch.setattr(apple, "read_incident", lambda *_: pytest.fail("was read"))
    second = read(GOOD.replace(b'"drMessage":null,', b""), after(first))
    assert (second.incidents, second.unchanged) == ((), first.entries.keys())
    assert second.components == first.components


@pytest.mark.parametrize("broken", [None, 7, "x", [], {}, {"serviceName": ""}])
def test_a_service_that_cannot_be_read_costs_itself_and_the_completeness(broken):
    """Its brothers are read."""
    snapshot = read(edited(lambda services: services.append(broken)))
    assert snapshot.components == read().components
    assert snapshot.complete == frozenset()
    assert read().complete == {Part.COMPONENTS}


@pytest.mark.parametrize("events", [None, [None], [{}], [{"eventStatus": "ongoing"}]])
def test_never_green_a_service_whose_events_cannot_be_read_is_unknown(events):
    """Only an empty list of events, or events that are over, are good news."""
    snapshot = read(edited(lambda services: services[-1].update(events=events)))
    assert snapshot.components[-1].status is ComponentStatus.UNKNOWN


def test_it_is_recognised_by_its_page_and_by_its_documents():
    """The developers' document is a page of its own; another's page is nobody's."""
    page = b"<!DOCTYPE html><html><head><title>System Status</title></head></html>"
    for address in (HOME, f"{HOME}/"):
        claim = apple.claims(Response(url=address, status=200, body=page))
        assert claim is not None
        assert (claim.url, claim.name) == (HOME, "Apple")
    assert apple.claims(Response(url="https://www.apple.com/", status=200, body=page)) is None
    other = f"{HOME}/data/developer/system_status_en_US.js"
    claim = apple.claims(Response(url=other, status=200, body=GOOD))
    assert claim is not None
    assert claim.url == other
    snapshot, asked = converse(apple.read(page_at(other, "apple"), Seen()), {other: GOOD})
    assert (asked, len(snapshot.components)) == ([other], 5)


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    for wrapped in (body, b"jsonCallback(" + body + b");"):
        apple.claims(Response(url=FACE, status=200, body=wrapped))
        try:
            snapshot = read(wrapped)
        except ReadError:
            continue
        clean(snapshot)
        assert read(wrapped, after(snapshot)).incidents == ()


@pytest.mark.corpus
def test_the_recorded_body_is_recognised_and_read(corpus):
    """Two events, one of them below four services."""
    body = body_of(corpus / "apple/apple/Apple.json")
    address = f"{HOME}/{PATH}"
    found, _ = converse(recognise(address, Formats()), {address: body})
    assert (found.format, found.url, found.name) == ("apple", HOME, "Apple")
    others = [format for name, format in Formats().items() if name != "apple"]
    answer = Response(url=address, status=200, body=body)
    assert not [format.NAME for format in others if format.claims(answer)]
    snapshot, _ = converse(apple.read(page_at(HOME, "apple"), Seen()), {address: body})
    assert [(one.id, len(one.components)) for one in snapshot.incidents] == [
        ("1000005806", 4), ("2000005540", 1),
    ]  # fmt: skip
    assert all(one.status is IncidentStatus.RESOLVED for one in snapshot.incidents)
    assert {one.updated_at for one in snapshot.incidents} == {
        datetime(2026, 7, 30, 3, 20, tzinfo=UTC)
    }
    assert len(snapshot.components) == 78
    assert {part.status for part in snapshot.components} == {ComponentStatus.OPERATIONAL}
    replay = Replay(apple, page_at(HOME, "apple"), f"support/systemstatus/{PATH}")
    for name in ("1", "2"):
        assert replay.visit(Recorded(name=name, at=None, body=body)) == ()
    assert len(replay.known.components) == 78


@pytest.mark.corpus
def test_no_recording_of_another_engine_is_taken_for_apples(corpus):
    """Wherever it lies, its fields are others."""
    count = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or "apple" in path.parts or path.suffix == ".md":
            continue
        if "series" in path.parent.name and path.name[:4] > "0003":
            continue
        assert apple.claims(Response(url=FACE, status=200, body=body_of(path))) is None, path
        count += 1
    assert count > 50
