"""Okta: the records in its web page, and what they do not say."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, okta
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import Impact, IncidentKind, IncidentStatus, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, page_at

FOLDER = FIXTURES / "okta"
BODY = (FOLDER / "sample" / "index.html").read_bytes()
HEAD, _, REST = BODY.partition(b"[{")
LIST, TAIL = b"[{" + REST.rpartition(b"}]")[0] + b"}]", REST.rpartition(b"}]")[2]
FACE = f"{ROOT}/index.html"
HOME = "https://status.okta.com"


def read(body: bytes = BODY, seen: Seen | None = None) -> Snapshot:
    """What one visit finds."""
    snapshot, asked = converse(okta.read(page_at(FACE, "okta"), seen or Seen()), {FACE: body})
    assert asked == [FACE]
    return snapshot


def edited(place: int, **fields: Any) -> bytes:
    """The sample page after an edit of one record."""
    rows = json.loads(LIST)
    rows[place].update(fields)
    return HEAD + json.dumps(rows, separators=(",", ":")).encode() + TAIL


def after(snapshot: Snapshot) -> Seen:
    """What is held after a look."""
    return Seen(first_look=False, entries=snapshot.entries)


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    want = msgspec.json.decode((FOLDER / "sample.golden.json").read_bytes(), type=Snapshot)
    found = read()
    assert msgspec.structs.replace(found, entries={}) == want
    assert found.entries.keys() == {incident.id for incident in found.incidents}


def test_words_that_nobody_has_seen_are_not_over_and_of_unknown_impact():
    """Only what says so is resolved."""
    for word, status in (("Resolved", "resolved"), ("Done", "unknown"), ("resolved ", "resolved")):
        incident = read(edited(0, Status__c=word)).incidents[0]
        assert (incident.status, incident.status_raw) == (status, word)
    odd = read(edited(0, Category__c="Feature Disruption")).incidents[0]
    assert (odd.impact, odd.impact_raw) == (Impact.UNKNOWN, "Feature Disruption")
    planned = read(edited(0, Status__c="Scheduled")).incidents[0]
    assert planned.kind is IncidentKind.MAINTENANCE


def test_unchanged_records_are_not_decoded(monkeypatch):
    """Equal bytes are unchanged, whatever moved around them."""
    first = read()
    monkeypatch.setattr(okta, "_incident", lambda *_: pytest.fail("was decoded"))
    second = read(BODY.replace(b"System Status", b"Status"), after(first))
    assert second.incidents == ()
    assert second.unchanged == first.entries.keys()
    assert second.window == first.window


def test_a_change_is_told_of_the_record_that_changed():
    """Its words have an id of their own by their stamp."""
    body = edited(0, Log__c="Fixed.", Status__c="Resolved",
                  Last_Updated__c="2026-07-30T20:00:00.000+0000")  # fmt: skip
    second = read(body, after(read()))
    [incident] = second.incidents
    assert incident.status is IncidentStatus.RESOLVED
    assert [update.id for update in incident.updates] == ["latest:2026-07-30T20:00:00+00:00"]


@pytest.mark.parametrize("wrong", [None, 7, "x", [], {}, {"Id": "a"}])
def test_a_record_that_cannot_be_read_costs_only_itself(wrong):
    """Its brothers are told."""
    rows = [*json.loads(LIST), wrong]
    body = HEAD + json.dumps(rows, separators=(",", ":")).encode() + TAIL
    assert read(body) == read()


def test_a_page_that_was_cut_behind_its_list_is_refused():
    """The end of the page must be there."""
    for length in range(len(HEAD + LIST), len(BODY.rstrip())):
        with pytest.raises(ReadError) as caught:
            read(BODY[:length])
        assert caught.value.reason is Unreadable.CUT


def test_a_page_without_records_says_nothing():
    """Neither that all is well nor whose it is."""
    for body in (HEAD + TAIL, HEAD + b"[]" + TAIL, HEAD + b"[{}]" + TAIL):
        with pytest.raises(ReadError):
            read(body)
        assert okta.claims(Response(url=HOME, status=200, body=body)) is None


def test_another_s_records_are_not_okta_s():
    """Any Salesforce may have an object of this name."""
    body = edited(0, Incident_Title__c=None)
    assert okta.claims(Response(url=FACE, status=200, body=body)) is None


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(LIST))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(rows):
    """Whatever a server sends, reading ends with a snapshot or a ReadError."""
    body = HEAD + rows + TAIL
    okta.claims(Response(url=FACE, status=200, body=body))
    try:
        snapshot = read(body)
    except ReadError:
        return
    clean(snapshot)
    again = read(body, after(snapshot))
    assert not {one.id for one in again.incidents} & again.unchanged


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(st.integers(0, len(BODY)), st.integers(0, 40), st.binary(max_size=12))
def test_a_page_with_other_bytes_in_it_is_read_or_refused(place, length, other):
    """Around the list, too."""
    body = BODY[:place] + other + BODY[place + length :]
    okta.claims(Response(url=FACE, status=200, body=body))
    try:
        clean(read(body))
    except ReadError:
        return


# Recordings


@pytest.mark.corpus
def test_the_recording_is_recognised_and_read(corpus: Path):
    """A dozen incidents of half a year, all over; every word is known."""
    body = (corpus / "okta-trust/okta/Okta-statuspage.html").read_bytes()
    found, _ = converse(recognise(HOME, Formats()), {HOME: body})
    assert (found.format, found.url, found.name) == ("okta", HOME, "Okta")
    snapshot = read(body)
    assert len(snapshot.incidents) == 12
    for incident in snapshot.incidents:
        assert incident.status is IncidentStatus.RESOLVED
        assert incident.impact is not Impact.UNKNOWN
        assert incident.started_at
        assert incident.updated_at
        assert incident.components
        assert all(part.group for part in incident.components)
        assert incident.updates[0].body
    assert read(body, after(snapshot)).incidents == ()


@pytest.mark.corpus
def test_the_recording_played_twice_gives_nothing(corpus: Path):
    """The past, served again, is not news."""
    body = (corpus / "okta-trust/okta/Okta-statuspage.html").read_bytes()
    player = Replay(Formats()["okta"], page_at(HOME, "okta"), "")
    events = [player.visit(Recorded(name="x", at=None, body=body)) for _ in range(3)]
    assert [list(some) for some in events] == [[], [], []]
    assert len(player.known.incidents) == 12


@pytest.mark.corpus
def test_the_old_feed_is_a_feed(corpus: Path):
    """It is no page of records."""
    url = "http://status.okta.com/services/xml/OktaTrustRSS"
    for name in ("okta-resolved.atom", "okta-service-disruption.atom"):
        body = (corpus / "okta-trust/okta" / name).read_bytes()
        found, _ = converse(recognise(url, Formats()), {url: body})
        assert (found.format, found.url) == ("feed", url)
