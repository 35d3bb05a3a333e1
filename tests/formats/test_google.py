"""Google Cloud and Google Workspace: what their one list says, through the years."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.events import Event
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, _google_wire, google
from bellbuoy.model.facts import ComponentStatus, Impact, Incident, IncidentStatus, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at
from tests.polling.test_replay import bodies

FOLDER = FIXTURES / "google"
SAMPLE = (FOLDER / "sample" / "incidents.json").read_bytes()
OLD = (FOLDER / "incidents-2020.json").read_bytes()
CLOUD = "https://status.cloud.google.com"
WORKSPACE = "https://www.google.com/appsstatus/dashboard"
WORDS = {"SERVICE_INFORMATION", "SERVICE_DISRUPTION", "SERVICE_OUTAGE", "AVAILABLE", ""}

Rows = list[dict[str, Any]]


def read(body: bytes = SAMPLE, seen: Seen | None = None, root: str = ROOT) -> Snapshot:
    """What one visit finds; it asks for one document only."""
    answers = {f"{root}/incidents.json": body}
    snapshot, asked = converse(google.read(page_at(root, "google"), seen or Seen()), answers)
    assert asked == list(answers)
    return snapshot


def edited(edit: Callable[[Rows], object], body: bytes = SAMPLE) -> bytes:
    """The sample after an edit in place."""
    rows = json.loads(body)
    edit(rows)
    return json.dumps(rows).encode()


def one(snapshot: Snapshot, id: str) -> Incident:
    """An incident of a snapshot."""
    return next(incident for incident in snapshot.incidents if incident.id == id)


def after(snapshot: Snapshot) -> Seen:
    """What is held after a look."""
    return Seen(first_look=False, entries=snapshot.entries, history_due=False)


# What is read


@pytest.mark.parametrize(
    ("body", "golden"), [(SAMPLE, "sample"), (OLD, "incidents-2020.json")], ids=["now", "2020"]
)
def test_a_list_reads_as_its_golden_snapshot(body, golden):
    """The document and the objects that it must become stand side by side."""
    want = msgspec.json.decode((FOLDER / f"{golden}.golden.json").read_bytes(), type=Snapshot)
    found = read(body)
    assert msgspec.structs.replace(found, entries={}) == want
    assert found.window is not None
    assert found.entries.keys() == found.window.ids


def test_an_incident_is_open_while_it_has_no_end():
    """Absent and null both mean so, as does no time at all, whatever its messages say."""
    for missing in ("absent", None, "0001-01-01T00:00:00Z", "soon"):

        def reopen(rows: Rows, missing: str | None = missing) -> None:
            rows[1]["end"] = missing
            if missing == "absent":
                del rows[1]["end"]

        incident = one(read(edited(reopen)), "AcmeOverIncident0002")
        assert incident.status is IncidentStatus.INVESTIGATING
        assert incident.updates[-1].status_raw == "AVAILABLE"
        assert incident.updates[-1].status is IncidentStatus.UNKNOWN
        assert incident.components[0].status is ComponentStatus.PARTIAL_OUTAGE


def test_the_impact_written_over_the_end_is_no_new_trouble():
    """When a report follows, the message that told the end loses its AVAILABLE."""
    updates = one(read(), "AcmeOverIncident0002").updates
    assert [update.status_raw for update in updates] == [
        "SERVICE_DISRUPTION", "SERVICE_DISRUPTION", "AVAILABLE",
    ]  # fmt: skip
    assert [update.status for update in updates] == [
        IncidentStatus.INVESTIGATING, IncidentStatus.UNKNOWN, IncidentStatus.RESOLVED,
    ]  # fmt: skip


def test_the_severity_tells_the_impact_where_nothing_else_does():
    """So it was before 2021; an unknown word is kept and hides nothing."""
    for word, impact in (("low", Impact.NONE), ("high", Impact.MAJOR), ("dire", Impact.UNKNOWN)):
        body = edited(lambda rows, word=word: rows[0].update(severity=word), OLD)
        incident = one(read(body), "compute/20012")
        assert (incident.impact, incident.impact_raw) == (impact, word)


def test_each_product_is_named_in_each_location():
    """Where it is over already it is fine there; the page's components are not a list."""
    snapshot = read()
    parts = one(snapshot, "AcmeOpenIncident0001").components
    assert {(part.name, part.group, part.status.value) for part in parts} == {
        ("Acme Store", "europe-west4", "major_outage"),
        ("Acme Queue", "europe-west4", "major_outage"),
        ("Acme Store", "us-east1", "operational"),
        ("Acme Queue", "us-east1", "operational"),
    }
    assert snapshot.components == ()


def test_of_very_many_pairs_each_product_and_each_location_is_still_named():
    """One incident of 2025 named 55 products and 61 locations; a filter for one must find it."""
    products = [{"id": f"p{n}", "title": f"Product {n}"} for n in range(55)]
    places = [{"id": f"place-{n}", "title": f"Place {n}"} for n in range(61)]
    fields = {"affected_products": products, "currently_affected_locations": places}
    parts = one(
        read(edited(lambda rows: rows[0].update(fields))), "AcmeOpenIncident0001"
    ).components
    assert len(parts) <= _google_wire.MOST_PAIRS
    assert {part.name for part in parts} == {product["title"] for product in products}
    assert {part.group for part in parts} >= {place["id"] for place in places}


def test_identities_do_not_depend_on_how_a_time_is_spelt():
    """The vendor changed from Z to an offset in 2021."""
    other = SAMPLE.replace(b"+00:00", b"Z")
    ids = [[update.id for update in one(read(body), "AcmeOpenIncident0001").updates]
           for body in (SAMPLE, other)]  # fmt: skip
    assert ids[0] == ids[1]


def test_updates_of_one_instant_are_two_updates():
    """It was never seen; none may hide the other if it happens."""

    def same(rows: Rows) -> None:
        rows[0]["updates"][0]["created"] = rows[0]["updates"][1]["created"]

    updates = one(read(edited(same)), "AcmeOpenIncident0001").updates
    assert [update.id[-2:] for update in updates] == ["00", "#2"]


def test_an_incident_has_its_page_below_the_dashboard_and_nowhere_else():
    """What stands in `uri` is not followed: it may name any host."""
    body = edited(lambda rows: rows[0].update(id="//evil.example/x", uri="https://evil.example"))
    incident = one(read(body, root=WORKSPACE), "//evil.example/x")
    assert incident.url == f"{WORKSPACE}/incidents/%2F%2Fevil.example%2Fx"


@pytest.mark.parametrize("broken", [None, 7, "x", [], {}, {"id": "alone"}])
def test_an_entry_that_cannot_be_read_costs_only_itself(broken):
    """Its brothers are told."""
    found = read(edited(lambda rows: rows.insert(0, broken)))
    assert found.incidents == read().incidents


@pytest.mark.parametrize("wrong", [None, 7, {"a": 1}, [3], True])
@pytest.mark.parametrize(
    "field", ["updates", "affected_products", "currently_affected_locations", "modified", "end"]
)
def test_a_wrong_field_costs_only_itself(field, wrong):
    """The incident is still told, and still open."""
    found = one(read(edited(lambda rows: rows[0].update({field: wrong}))), "AcmeOpenIncident0001")
    assert found.title == "Acme Store requests fail in two regions"
    assert found.is_open


# What is skipped, what is refused


def test_what_did_not_change_is_not_decoded(monkeypatch):
    """Equal bytes are unchanged, in whatever order they come."""
    first = read()

    def fail(*_args: Any) -> None:
        pytest.fail("an unchanged entry was decoded")

    monkeypatch.setattr(_google_wire, "read_incident", fail)
    again = read(seen=after(first))
    assert again.incidents == ()
    assert again.unchanged == first.entries.keys()
    assert (again.entries, again.window) == (first.entries, first.window)


def test_a_changed_entry_comes_alone():
    """Its brothers are only named."""
    first = read()
    second = read(SAMPLE.replace(b"a bad deploy", b"a very bad deploy"), after(first))
    assert [incident.id for incident in second.incidents] == ["AcmeOpenIncident0001"]
    assert second.unchanged == {"AcmeOverIncident0002", "AcmeOddIncident00003"}


@pytest.mark.parametrize("body", [b"[]", b"[[]]", b'[{"id": "x"}]', b"{}", b"null"])
def test_a_list_without_an_incident_of_this_shape_is_refused(body):
    """A whole year without one was never seen, so it says that something else stands there."""
    with pytest.raises(ReadError) as caught:
        read(body)
    assert caught.value.reason is Unreadable.NOT_THE_FORMAT


def test_h7_a_body_cut_at_any_byte_is_cut():
    """No cut leaves a list that can be read."""
    for length in range(0, len(SAMPLE) - 1, 7):
        with pytest.raises(ReadError) as caught:
            read(SAMPLE[:length])
        assert caught.value.reason is Unreadable.CUT, length


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The sample with bytes or values replaced."""
    body = draw(st.sampled_from([SAMPLE, OLD]))
    if draw(st.booleans()):
        for _ in range(draw(st.integers(1, 6))):
            place = draw(st.integers(0, len(body)))
            body = body[:place] + draw(st.binary(max_size=12)) + body[place + 9 :]
        return body
    rows = json.loads(body)
    for _ in range(draw(st.integers(1, 6))):
        value: Any = rows
        while isinstance(value, (dict, list)) and value:
            names = sorted(value) if isinstance(value, dict) else range(len(value))
            key = draw(st.sampled_from(names))
            if draw(st.integers(0, 2)) == 0 or not isinstance(value[key], (dict, list)):
                value[key] = draw(VALUES)
                break
            value = value[key]
    return json.dumps(rows).encode()


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated())
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body):
    """Whatever a server sends, reading ends with a snapshot or a ReadError."""
    google.claims(Response(url=f"{ROOT}/incidents.json", status=200, body=body))
    try:
        snapshot = read(body)
    except ReadError:
        return
    clean(snapshot)
    assert read(body, after(snapshot)).incidents == ()


# What is recognised


@pytest.mark.parametrize(
    ("address", "root", "name"),
    [
        (f"{CLOUD}/incidents.json", CLOUD, "Google Cloud"),
        (f"{WORKSPACE}/incidents.json", WORKSPACE, "Google Workspace"),
        (f"{ROOT}/sub/incidents.json", f"{ROOT}/sub", "status.example.com"),
    ],
)
def test_a_list_is_claimed_for_the_dashboard_above_it(address, root, name):
    """The fields tell whose it is, and so elsewhere too."""
    for body in (SAMPLE, OLD):
        claim = google.claims(Response(url=address, status=200, body=body))
        assert claim is not None
        assert (claim.format, claim.url, claim.name) == ("google", root, name)


def test_the_web_pages_of_the_dashboards_are_claimed_and_no_other_of_these_hosts():
    """Any page of Google's search lies beside Workspace's."""
    html = b"<!DOCTYPE html><html><title>Status</title></html>"
    for address, root in (
        (CLOUD, CLOUD),
        (f"{CLOUD}/summary", CLOUD),
        (f"{CLOUD}/incidents/5fGQt4VbkDnr3Yp8PXPr", CLOUD),
        (f"{WORKSPACE}/en/summary", WORKSPACE),
        ("https://www.google.com/", None),
        ("https://www.google.com/appsstatus", None),
        (ROOT, None),
    ):
        claim = google.claims(Response(url=address, status=200, body=html))
        assert (claim.url if claim else None) == root


# Recordings

SERIES = {
    "series-incidents-2020-11": {"opened": 4, "updated": 7, "resolved": 3},
    "series-incidents-2025-08": {},
    "series-incidents-2026": {"opened": 4, "updated": 33, "resolved": 5, "edited": 7},
}


def recorded(corpus: Path) -> list[Path]:
    """Every recorded list."""
    folder = corpus / "google-status"
    return sorted(path for path in folder.rglob("*.json*") if path.is_file())


@pytest.mark.corpus
def test_every_recorded_body_is_read_recognised_and_of_known_words(corpus):
    """Only the empty files of failed fetches are refused."""
    words: Counter[str] = Counter()
    refused = 0
    others = [format for name, format in Formats().items() if name != "google"]
    for path in recorded(corpus):
        body = body_of(path)
        answer = Response(url=f"{CLOUD}/incidents.json", status=200, body=body)
        if not body:
            refused += 1
            assert google.claims(answer) is None
            with pytest.raises(ReadError):
                read(body)
            continue
        claim = google.claims(answer)
        assert claim is not None
        assert claim.url == CLOUD
        assert not [format.NAME for format in others if format.claims(answer)]
        snapshot = clean(read(body, root=CLOUD))
        assert len(snapshot.incidents) == len(json.loads(body))
        assert read(body, after(snapshot), CLOUD).incidents == ()
        for incident in snapshot.incidents:
            assert incident.impact is not Impact.UNKNOWN
            assert incident.started_at
            assert incident.updated_at
            assert incident.title
            assert incident.updates[0].status is not IncidentStatus.RESOLVED or incident.resolved_at
            assert all(update.at and update.body for update in incident.updates)
            assert len({update.id for update in incident.updates}) == len(incident.updates)
            assert incident.components
            words.update(update.status_raw for update in incident.updates)
    assert refused == 3
    assert words.keys() == WORDS


def play(corpus: Path, series: str) -> tuple[list[Event], list[Event]]:
    """The events of a series, and of the same series played again."""
    replay = Replay(google, page_at(CLOUD, "google"), "incidents.json")
    folder = corpus / "google-status/google-cloud" / series
    first = [event for body in bodies(folder) for event in replay.visit(body)]
    return first, [event for body in bodies(folder) for event in replay.visit(body)]


@pytest.mark.corpus
@pytest.mark.parametrize("series", SERIES)
def test_a_series_tells_each_step_once_and_nothing_the_second_time(corpus, series):
    """Hundreds of incidents age out of the list meanwhile, which is no event at all."""
    first, again = play(corpus, series)
    counts = Counter(event.kind.value.removeprefix("incident.") for event in first)
    assert counts == SERIES[series]
    assert [event for event in again if event.kind.family != "page"] == []


@pytest.mark.corpus
def test_no_recording_of_another_engine_is_taken_for_googles(corpus):
    """Wherever it lies, its fields are others."""
    count = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or "google-status" in path.parts or path.suffix == ".md":
            continue
        if "series" in path.parent.name and path.name[:4] > "0003":
            continue
        answer = Response(url=f"{ROOT}/incidents.json", status=200, body=body_of(path))
        assert google.claims(answer) is None, path
        count += 1
    assert count > 50
