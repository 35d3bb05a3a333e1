"""IBM Cloud: few incidents among many rows that are none."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, ibmcloud
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import Impact, Incident, IncidentStatus, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample

PATH = "getEnhancedStatus"
FACE = f"{ROOT}/{PATH}"
GOOD = sample("ibmcloud")[FACE]
HOME = "https://cloud.ibm.com/status"


def read(body: bytes = GOOD, seen: Seen | None = None) -> Snapshot:
    """Read the sample page, or another body in its place."""
    return converse(ibmcloud.read(page_at(ROOT, "ibmcloud"), seen or Seen()), {FACE: body})[0]


def edited(edit: Callable[[Any], object]) -> bytes:
    """The sample after an edit in place of its rows."""
    document = json.loads(GOOD)
    edit(document["statusItems"])
    return json.dumps(document).encode()


def one(snapshot: Snapshot, id: str = "INC0000002") -> Incident:
    """An incident of a snapshot."""
    return next(incident for incident in snapshot.incidents if incident.id == id)


def after(snapshot: Snapshot) -> Seen:
    """What is held after a look."""
    return Seen(first_look=False, entries=snapshot.entries, history_due=False)


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    golden = json.loads((FIXTURES / "ibmcloud" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read(), order="deterministic"))
    assert found.pop("entries").keys() == {"INC0000001", "INC0000002"}
    assert found == golden


@pytest.mark.parametrize("type", ["release_note", "announcement", "maintenance", "", None, 7])
def test_only_rows_of_the_recorded_type_are_incidents(type):
    """Everything else on the page is news of another kind."""
    body = edited(lambda rows: rows[1].update(type=type))
    assert [incident.id for incident in read(body).incidents] == ["INC0000001"]


@pytest.mark.parametrize(
    ("word", "status"),
    [("resolved", "resolved"), ("Resolved", "resolved"), ("new", "unknown"), ("", "unknown"),
     (None, "unknown"), ("in-progress-ish", "unknown")],
)  # fmt: skip
def test_a_state_that_nobody_recorded_is_unknown_and_never_over(word, status):
    """Even with an end beside it."""
    body = edited(lambda rows: rows[1].update(state=word, outageEnd=1772636400000))
    incident = one(read(body))
    assert (incident.status, incident.status_raw) == (IncidentStatus(status), word or "")
    assert (incident.resolved_at is None) == (status == "unknown")


@pytest.mark.parametrize(
    ("severity", "impact"),
    [(1, Impact.CRITICAL), (2, Impact.MAJOR), (3, Impact.MINOR), (4, Impact.MINOR),
     (0, Impact.UNKNOWN), (99, Impact.UNKNOWN), ("", Impact.UNKNOWN), (None, Impact.UNKNOWN)],
)  # fmt: skip
def test_the_first_severity_is_the_worst(severity, impact):
    """What is on no scale is unknown."""
    assert one(read(edited(lambda rows: rows[1].update(sev=severity)))).impact is impact


def test_each_service_is_named_in_each_of_its_regions_within_a_bound():
    """A region is a group; what is global is in none."""

    def spread(rows: Any) -> None:
        rows[1]["regions"] = [f"r{number}" for number in range(300)]

    parts = one(read(edited(spread))).components
    assert len(parts) == 200
    assert parts[7].group == "r7"
    assert {part.group for part in one(read()).components} == {None}


def test_an_end_is_told_once():
    """There is no message with it: the page's list tells it."""
    replay = Replay(ibmcloud, page_at(ROOT, "ibmcloud"), PATH)

    def begin(rows: Any) -> None:
        rows[1]["state"] = "investigating"

    def end(rows: Any) -> None:
        rows[1].update(state="resolved", updateTime=1772640000000, outageEnd=1772639000000)

    kinds = []
    for name, body in enumerate((edited(begin), edited(end), edited(end), edited(begin))):
        events = replay.visit(Recorded(name=str(name), at=None, body=body))
        kinds.append([event.kind.value for event in events])
    assert kinds == [["incident.opened"], ["incident.resolved"], [], []]


def test_a_row_that_left_is_neither_over_nor_gone():
    """The page is a window of about a year."""
    replay = Replay(ibmcloud, page_at(ROOT, "ibmcloud"), PATH)
    for number in range(30):
        body = edited(lambda rows: rows.pop(1)) if number else GOOD
        assert replay.visit(Recorded(name=str(number), at=None, body=body)) == ()
    assert len(replay.known.incidents) == 2


def test_rows_as_before_are_not_read_again(monkeypatch):
    """Nor are those that are no incidents, ever."""
    first = read()
    monkeypatch.setattr(ibmcloud, "_incident", lambda *_: pytest.fail("was read"))
    second = read(GOOD.replace(b"A new profile", b"A newer profile"), after(first))
    assert (second.incidents, second.unchanged) == ((), first.entries.keys())


@pytest.mark.parametrize("broken", [None, 7, "x", [], {}, {"type": "incident"}])
def test_a_row_that_cannot_be_read_costs_only_itself(broken):
    """Its brothers are read."""
    assert read(edited(lambda rows: rows.insert(0, broken))).incidents == read().incidents


@pytest.mark.parametrize("field", ["name", "state", "sev", "regions", "resourceIDs", "updateTime"])
@pytest.mark.parametrize("wrong", [None, 7.5, {"a": 1}, [[3], None, {}], True])
def test_a_wrong_field_of_a_row_costs_only_itself(field, wrong):
    """Its other fields are read."""
    body = edited(lambda rows: rows[1].update({field: wrong}))
    assert one(read(body)).title == "Slow answers"


def test_it_is_recognised_by_its_page_and_by_its_rows():
    """A list without a row is anybody's."""
    page = b"<!DOCTYPE html><html><head><title>IBM Cloud</title></head></html>"
    for address in (HOME, f"{HOME}?selected=history"):
        claim = ibmcloud.claims(Response(url=address, status=200, body=page))
        assert claim is not None
        assert (claim.url, claim.name) == (HOME, "IBM Cloud")
    other = Response(url="https://cloud.ibm.com/docs", status=200, body=page)
    assert ibmcloud.claims(other) is None
    assert ibmcloud.claims(Response(url=FACE, status=200, body=b"\n " + GOOD))
    empty = b'{"statusItems":[],"resources":[]}'
    assert ibmcloud.claims(Response(url=FACE, status=200, body=empty)) is None


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    ibmcloud.claims(Response(url=FACE, status=200, body=body))
    try:
        snapshot = read(body)
    except ReadError:
        return
    clean(snapshot)
    assert read(body, after(snapshot)).incidents == ()


@pytest.mark.corpus
def test_the_recorded_body_is_recognised_and_read(corpus):
    """Ten rows, six of them incidents, all of them over."""
    body = body_of(corpus / "ibm-cloud/ibm-cloud/IBM-enhancedstatus.json")
    address = f"{HOME}/{PATH}"
    found, _ = converse(recognise(address, Formats()), {address: body})
    assert (found.format, found.url, found.name) == ("ibmcloud", HOME, "IBM Cloud")
    answer = Response(url=address, status=200, body=body)
    others = [format for name, format in Formats().items() if name != "ibmcloud"]
    assert not [format.NAME for format in others if format.claims(answer)]
    page = page_at(HOME, "ibmcloud")
    snapshot, _ = converse(ibmcloud.read(page, Seen()), {address: body})
    assert [len(one.components) for one in snapshot.incidents] == [12, 1, 6, 6, 6, 1]
    for incident in snapshot.incidents:
        assert (incident.status, incident.impact) == (IncidentStatus.RESOLVED, Impact.MAJOR)
        assert incident.title
        assert incident.started_at
        assert incident.resolved_at
        assert incident.updated_at
        assert incident.updates == ()
    replay = Replay(ibmcloud, page, f"status/{PATH}")
    for name in ("1", "2"):
        assert replay.visit(Recorded(name=name, at=None, body=body)) == ()
    assert len(replay.known.incidents) == 6


@pytest.mark.corpus
def test_no_recording_of_another_engine_is_taken_for_ibm_s(corpus):
    """Wherever it lies, its fields are others."""
    count = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or "ibm-cloud" in path.parts or path.suffix == ".md":
            continue
        if "series" in path.parent.name and path.name[:4] > "0003":
            continue
        assert ibmcloud.claims(Response(url=FACE, status=200, body=body_of(path))) is None, path
        count += 1
    assert count > 50
