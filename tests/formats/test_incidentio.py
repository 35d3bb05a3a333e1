"""incident.io: its JSON and its feed as one page, and what is asked when."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.detection.merge import merge
from bellbuoy.detection.seen import seen as seen_of
from bellbuoy.errors import ReadError
from bellbuoy.events import EventKind
from bellbuoy.exchange import Response
from bellbuoy.formats import incidentio
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus, Part, Snapshot
from bellbuoy.model.known import Known, Seen
from tests.formats.conversation import converse
from tests.formats.samples import FIXTURES, ROOT, page_at, sample

PAGE = page_at(ROOT, "incidentio")
SUMMARY, INCIDENTS = f"{ROOT}/api/v2/summary.json", f"{ROOT}/api/v2/incidents.json"
ATOM, RSS = f"{ROOT}/feed.atom", f"{ROOT}/feed.rss"
OPEN, ENDED = "01M34TAFM9WBGEBE3G1GBH4SE8", "01M2V76GEPJB0HQGRA0QERRZ3T"
SAMPLE = sample("incidentio")


def read(answers: Any, seen: Seen | None = None) -> tuple[Snapshot, list[str]]:
    """What one visit finds, and the paths it asks."""
    snapshot, asked = converse(incidentio.read(PAGE, seen or Seen()), answers)
    return snapshot, [url.removeprefix(ROOT).lstrip("/") for url in asked]


def settled(snapshot: Snapshot, **more: Any) -> Seen:
    """What is held right after a snapshot."""
    known = {
        "first_look": False,
        "history_due": False,
        "entries": snapshot.entries,
        "stamp": snapshot.stamp,
        "open_ids": frozenset(one.id for one in snapshot.incidents if one.is_open),
    }
    return Seen(**{**known, **more})


def summary(**changes: Any) -> bytes:
    """The sample's summary with some of its parts changed; None takes one out."""
    document = json.loads(SAMPLE[SUMMARY])
    document.update(changes)
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


def row(**changes: Any) -> dict[str, Any]:
    """The sample's open incident, changed."""
    return {**json.loads(SAMPLE[SUMMARY])["incidents"][0], **changes}


def feed_of(id: str, word: str, text: str, at: str, title: str = "Elevated errors") -> bytes:
    """A feed of one incident."""
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>Kitely status</title>'
        f"<generator>incident.io</generator><entry><title>{title}</title>"
        f'<link href="{ROOT}//incidents/{id}"/><updated>{at}</updated><content type="html">'
        f"&lt;b&gt;Status: {word}&lt;/b&gt;&lt;br/&gt;&lt;br/&gt;{text}&lt;br/&gt;&lt;br/&gt;"
        "&lt;b&gt;Affected components&lt;/b&gt;&lt;ul&gt;&lt;li&gt;Login (Operational)&lt;/li&gt;"
        "&lt;/ul&gt;</content></entry></feed>"
    ).encode()


def by_id(snapshot: Snapshot) -> dict[str, Any]:
    """The incidents of a snapshot by their ids."""
    return {incident.id: incident for incident in snapshot.incidents}


# --- What is read ---------------------------------------------------------------------------


def test_the_sample_becomes_the_objects_beside_it():
    """The golden pair: three documents, and what they say together."""
    golden = (FIXTURES / "incidentio" / "sample.golden.json").read_bytes()
    found, asked = read(SAMPLE)
    assert asked == ["api/v2/summary.json", "api/v2/incidents.json", "feed.atom"]
    assert msgspec.structs.replace(found, entries={}) == msgspec.json.decode(golden, type=Snapshot)


def test_planned_work_becomes_the_objects_beside_it():
    """The golden pair of planned work, which no recording shows."""
    folder = FIXTURES / "incidentio"
    found, _ = read({SUMMARY: (folder / "planned.json").read_bytes(), ATOM: 404, RSS: 404})
    golden = (folder / "planned.json.golden.json").read_bytes()
    assert msgspec.structs.replace(found, entries={}) == msgspec.json.decode(golden, type=Snapshot)


def test_the_feed_gives_an_incident_its_components_and_its_address():
    """The JSON of incident.io names none."""
    found = by_id(read(SAMPLE)[0])[OPEN]
    assert [(one.name, one.status) for one in found.components] == [
        ("Login", ComponentStatus.PARTIAL_OUTAGE),
        ("Images", ComponentStatus.DEGRADED),
    ]
    assert found.url == f"{ROOT}/incidents/{OPEN}"
    assert [update.id[:2] for update in found.updates] == ["01", "01"]


def test_words_are_read_as_they_are_meant_and_unknown_ones_are_unknown():
    """`full_outage` is a major outage, and a new word never reads as operational."""
    found = read(SAMPLE)[0].components
    assert [one.status for one in found] == [
        ComponentStatus.MAJOR_OUTAGE,
        ComponentStatus.OPERATIONAL,
        ComponentStatus.UNKNOWN,
    ]
    assert found[2].status_raw == "a new word"


@pytest.mark.parametrize("nothing", [None, "null", []])
def test_a_list_that_is_absent_null_or_empty_means_that_nothing_is_open(nothing):
    """incident.io leaves empty lists out; others saw null."""
    document = json.loads(summary(incidents=None, scheduled_maintenances=None))
    if nothing is not None:
        empty = None if nothing == "null" else nothing
        document |= {"incidents": empty, "scheduled_maintenances": empty}
    found, _ = read({SUMMARY: json.dumps(document).encode()})
    assert found.incidents == ()
    assert found.complete == {Part.OPEN_INCIDENTS, Part.OPEN_MAINTENANCES}


def test_components_are_never_a_complete_list_unless_there_is_none_left():
    """25 of them are listed, another choice each time; but a page without any lost everything."""
    assert Part.COMPONENTS not in read(SAMPLE)[0].complete
    emptied = read({SUMMARY: summary(components=[], incidents=None)})[0]
    assert emptied.complete == {Part.COMPONENTS}


def test_planned_work_is_read_from_its_own_list():
    """In the words of incident.io."""
    work = row(
        id="01M34TAFM9WBGEBE3G1GBH4SE9", status="maintenance_scheduled", impact="maintenance"
    )
    found = by_id(read({SUMMARY: summary(scheduled_maintenances=[work])})[0])
    assert found[work["id"]].status is IncidentStatus.SCHEDULED
    assert found[work["id"]].kind == "maintenance"
    assert found[work["id"]].impact is Impact.NONE


# --- What is asked, and when ----------------------------------------------------------------


def test_a_look_without_news_is_one_question():
    """Nothing appeared, changed or vanished: the same entries are not decoded."""
    first, _ = read(SAMPLE)
    second, asked = read(SAMPLE, settled(first))
    assert asked == ["api/v2/summary.json"]
    assert second.incidents == ()
    assert second.unchanged == {OPEN}


def test_other_components_in_another_order_are_not_worth_a_question():
    """It happens at every look."""
    first, _ = read({**SAMPLE, SUMMARY: summary()})
    shuffled = summary(components=json.loads(SAMPLE[SUMMARY])["components"][::-1][:2])
    assert read({SUMMARY: shuffled}, settled(first))[1] == ["api/v2/summary.json"]


@pytest.mark.parametrize(
    ("what", "changes", "more", "asked"),
    [
        ("an update", {"incidents": [row(status="identified")]}, {}, ["feed.atom"]),
        ("a new incident", {"incidents": [row(), row(id=OPEN[:-1] + "9")]}, {}, ["feed.atom"]),
        ("one vanished", {"incidents": None}, {}, ["api/v2/incidents.json", "feed.atom"]),
        ("a gap", {}, {"after_gap": True}, ["api/v2/incidents.json"]),
        ("a moved stamp", {}, {"history_due": True, "stamp": None}, ["api/v2/incidents.json"]),
        ("history due", {}, {"history_due": True}, []),
        ("only the stamp", {}, {"stamp": None}, []),
    ],
)
def test_more_is_asked_only_when_something_is_to_be_learnt(what, changes, more, asked):
    """The face is small; the rest is asked for a reason."""
    first, _ = read({**SAMPLE, SUMMARY: summary()})
    seen = settled(first, **more)
    _, found = read({**SAMPLE, SUMMARY: summary(**changes)}, seen)
    assert found == ["api/v2/summary.json", *asked], what


def test_the_other_dialect_of_the_feed_is_asked_where_the_first_is_missing():
    """Some pages have only feed.rss."""
    found, asked = read({**SAMPLE, ATOM: 404, RSS: SAMPLE[ATOM]})
    assert asked[-2:] == ["feed.atom", "feed.rss"]
    assert by_id(found)[OPEN].components


def test_a_page_whose_other_documents_are_away_is_still_read():
    """Only the face must be there."""
    for answer in (404, 500, b"<html>", b"", b"{}", SAMPLE[SUMMARY][:50]):
        found, _ = read({SUMMARY: SAMPLE[SUMMARY], INCIDENTS: answer, ATOM: answer, RSS: answer})
        assert OPEN in by_id(found)
        assert by_id(found)[OPEN].components == ()


def test_a_question_without_an_answer_is_owed_but_a_document_that_is_not_there_is_none():
    """The face will not change again only because the feed was away for a moment."""
    for answer, owed in ((500, True), (b"<html>", True), (404, False), (SAMPLE[ATOM], False)):
        found, _ = read({SUMMARY: SAMPLE[SUMMARY], INCIDENTS: 404, ATOM: answer, RSS: 404})
        assert found.owes is owed, answer
    assert not read({**SAMPLE, ATOM: 500, RSS: SAMPLE[ATOM]})[0].owes
    first, _ = read(SAMPLE)
    unexplained = {SUMMARY: summary(incidents=None), INCIDENTS: 404, ATOM: SAMPLE[ATOM]}
    assert read(unexplained, settled(first))[0].owes


def test_not_modified_means_that_nothing_is_new_there():
    """304 has no body, and that is no fault."""
    unmodified = Response(url=ATOM, status=304)
    found, _ = read({SUMMARY: SAMPLE[SUMMARY], INCIDENTS: unmodified, ATOM: unmodified})
    assert OPEN in by_id(found)
    assert found.window is None


def test_an_incident_that_is_long_missing_is_asked_for_at_its_own_address():
    """Only 404 and 410 say that it is gone."""
    first, _ = read(SAMPLE)
    ids = {f"01M34TAFM9WBGEBE3G1GBH4S0{n}": status for n, status in enumerate((404, 410, 500))}
    seen = settled(
        first, open_ids=frozenset(ids), missing={id: f"{ROOT}/incidents/{id}" for id in ids}
    )
    answers = {f"{ROOT}/incidents/{id}": status for id, status in ids.items()}
    found, _ = read({SUMMARY: summary(incidents=None), ATOM: 404, **answers}, seen)
    assert found.gone == {id for id, status in ids.items() if status in {404, 410}}


# --- How incidents end ----------------------------------------------------------------------


def test_r6_a_vanished_incident_ends_with_what_the_history_says():
    """The JSON knows the ids of the updates, so the feed's words are not needed."""
    first, _ = read(SAMPLE)
    ended = row(status="resolved", resolved_at="2026-09-22T16:00:00Z")
    history = json.dumps({"incidents": [ended]}).encode()
    found, asked = read({SUMMARY: summary(incidents=None), INCIDENTS: history}, settled(first))
    assert asked == ["api/v2/summary.json", "api/v2/incidents.json"]
    assert by_id(found)[OPEN].status is IncidentStatus.RESOLVED
    assert by_id(found)[OPEN].resolved_at == datetime(2026, 9, 22, 16, tzinfo=UTC)


def test_r6_a_vanished_incident_ends_with_the_latest_words_of_the_feed():
    """Where the page has no history document."""
    first, _ = read(SAMPLE)
    feed = feed_of(OPEN, "Resolved", "All is well again.", "2026-09-22T16:00:00Z")
    answers = {SUMMARY: summary(incidents=None), INCIDENTS: 404, ATOM: feed}
    found = by_id(read(answers, settled(first))[0])[OPEN]
    assert found.status is IncidentStatus.RESOLVED
    assert [(one.id, one.body) for one in found.updates] == [
        ("latest:2026-09-22T16:00:00Z", "All is well again.")
    ]


def test_r6_a_vanished_incident_that_nothing_explains_stays_as_it_was():
    """Absence is not resolution; and a feed that is behind says nothing of the end."""
    first, _ = read(SAMPLE)
    for answer in (404, SAMPLE[ATOM]):
        answers = {SUMMARY: summary(incidents=None), INCIDENTS: 404, ATOM: answer}
        found, _ = read(answers, settled(first))
        assert OPEN not in by_id(found)
        assert OPEN not in found.unchanged


def test_an_incident_is_the_same_under_another_id_in_its_address():
    """Ids in the JSON may differ from those in the feed: title and start tell."""
    other = "01M34TAFM9ABCDEFGHJKMNPQRS"
    far = "01M2V76GEPABCDEFGHJKMNPQRS"
    for id, joined in ((other, True), (far, False)):
        feed = feed_of(id, "Monitoring", "x", "2026-09-22T15:26:40Z")
        found = by_id(read({SUMMARY: SAMPLE[SUMMARY], ATOM: feed})[0])
        assert bool(found[OPEN].components) is joined
    feed = feed_of(other, "Monitoring", "x", "2026-09-22T15:26:40Z", title="Another")
    assert not by_id(read({SUMMARY: SAMPLE[SUMMARY], ATOM: feed})[0])[OPEN].components
    first, _ = read(SAMPLE)
    feed = feed_of(other, "Resolved", "Done.", "2026-09-22T16:00:00Z")
    found, _ = read({SUMMARY: summary(incidents=None), ATOM: feed}, settled(first))
    assert by_id(found)[OPEN].status is IncidentStatus.RESOLVED
    assert found.window.ids == {OPEN}


def test_what_the_json_told_of_an_end_is_not_told_again_by_the_feed():
    """The same end in other words and under another id would be news twice."""
    first, _ = read(SAMPLE)
    changed = {**SAMPLE, SUMMARY: summary(incidents=[row(status="identified")])}
    found, asked = read(changed, settled(first))
    assert asked == ["api/v2/summary.json", "feed.atom"]
    assert by_id(found).keys() == {OPEN}


def test_a_life_that_came_and_went_between_two_looks_is_told_by_the_feed():
    """Where nothing else tells it."""
    first, _ = read({SUMMARY: summary(incidents=None), ATOM: SAMPLE[ATOM]})
    assert by_id(first).keys() == {ENDED}
    new = "01M3QZZZZZWBGEBE3G1GBH4SE8"
    feed = feed_of(new, "Resolved", "It is over.", "2026-09-30T00:00:00Z", title="Short")
    answers = {SUMMARY: summary(incidents=None), ATOM: feed}
    found, _ = read(answers, settled(first, history_due=True, stamp=None))
    assert by_id(found)[new].status is IncidentStatus.RESOLVED
    again, _ = read(answers, settled(found, history_due=True, stamp=None))
    assert again.incidents == ()
    assert new in again.unchanged


def test_a_whole_life_is_each_step_once(monkeypatch):
    """Through merge: opened, updated, resolved; nothing twice, with and without a history."""
    identified, monitoring = row()["incident_updates"][::-1]
    steps = [
        summary(incidents=None),
        summary(incidents=[row(status="identified", incident_updates=[identified])]),
        summary(incidents=[row(incident_updates=[monitoring, identified])]),
        summary(incidents=None),
    ]
    resolved = {**monitoring, "id": "01M34X00000000000000000000", "status": "resolved"}
    resolved |= {"body": "Done.", "display_at": "2026-09-22T16:00:00Z"}
    ended = row(status="resolved", incident_updates=[resolved, monitoring, identified])
    feeds = [
        SAMPLE[ATOM],
        feed_of(OPEN, "Identified", identified["body"], "2026-09-22T15:04:05Z"),
        feed_of(OPEN, "Monitoring", monitoring["body"], "2026-09-22T15:26:40Z"),
        feed_of(OPEN, "Resolved", "Done.", "2026-09-22T16:00:00Z"),
    ]
    for has_history in (False, True):
        known, now, kinds = Known(page_key=PAGE.key), datetime(2026, 9, 22, 15, tzinfo=UTC), []
        for face, feed in zip(steps, feeds, strict=True):
            history = [ended] if face == steps[-1] and known.incidents else []
            answers = {SUMMARY: face, ATOM: feed}
            if has_history:
                answers[INCIDENTS] = json.dumps({"incidents": history}).encode()
            for _ in range(3):
                past = seen_of(known, now, read_at=now, every=60.0)
                snapshot, _ = read(answers, past)
                merged = merge(PAGE, known, snapshot, now)
                known, kinds = merged.known, [*kinds, *(event.kind for event in merged.events)]
        assert kinds == [
            EventKind.INCIDENT_OPENED,
            EventKind.INCIDENT_UPDATED,
            EventKind.INCIDENT_RESOLVED,
        ], has_history


# --- What is refused and what is claimed ----------------------------------------------------


def test_a_true_statuspage_is_refused_by_name():
    """It has a time zone, or an id of its own form."""
    head = {"id": "kctbh9vrtdwd", "name": "GitHub", "updated_at": "2026-09-22T15:26:40Z"}
    for page in (head, {**head, "time_zone": "Etc/UTC"}):
        with pytest.raises(ReadError, match="format: statuspage"):
            read({SUMMARY: summary(page=page)})


def test_its_json_its_feed_and_its_html_are_claimed_for_the_same_page():
    """Under the page's own address, whatever was asked."""
    html = b"<!DOCTYPE html><html><head><title>Kitely Status</title></head><body>"
    html += b'<script>self.__next_f.push([1,"{\\"expose_status_summary_api\\":true}"])</script>'
    for path, body in (
        ("/api/v2/summary.json", SAMPLE[SUMMARY]),
        ("/feed.atom", SAMPLE[ATOM]),
        ("/feed.atom", SAMPLE[ATOM].replace(b"<generator>incident.io</generator>", b"")),
        ("/", html),
        ("/incidents/01M34TAFM9WBGEBE3G1GBH4SE8?x=1", html),
    ):
        claim = incidentio.claims(Response(url=ROOT + path, status=200, body=body))
        assert claim is not None, path
        assert (claim.format, claim.url, claim.name) == ("incidentio", ROOT, "Kitely")


def test_nothing_of_another_vendor_is_claimed():
    """Positive evidence only."""
    others = sample("statuspage") | sample("feed")
    for url, body in others.items():
        assert incidentio.claims(Response(url=url, status=200, body=body)) is None, url
    for body in (b"<html>incident.io</html>", b"{}", b"[]", b'{"page": null}', b"", b"\xff"):
        assert incidentio.claims(Response(url=ROOT, status=200, body=body)) is None


@given(st.data())
def test_h7_changed_documents_are_read_or_refused_and_nothing_else(data):
    """Only ReadError leaves the format."""
    answers = dict(SAMPLE)
    for url in data.draw(st.sets(st.sampled_from(sorted(SAMPLE)), min_size=1)):
        body = bytearray(SAMPLE[url])
        place = data.draw(st.integers(0, len(body)))
        end = place + data.draw(st.integers(0, 30))
        body[place:end] = data.draw(
            st.one_of(
                st.binary(max_size=8), st.sampled_from([b"null", b"[]", b"{}", b'"', b"1e999"])
            )
        )
        answers[url] = bytes(body)
        incidentio.claims(Response(url=url, status=200, body=answers[url]))
    try:
        found, _ = read(answers)
    except ReadError:
        return
    assert read(answers)[0] == found


# --- Recorded bodies ------------------------------------------------------------------------


@pytest.mark.corpus
def test_every_recorded_body_of_openai_is_read(corpus):
    """Four captures in order: 25 components each, and the incidents of two of them."""
    folder = corpus / "incidentio" / "openai"
    feed = (folder / "openai-feed-2025-10-20.rss").read_bytes()
    opened = {}
    for path in sorted(folder.glob("*.json")):
        found, _ = read({SUMMARY: path.read_bytes(), ATOM: 404, RSS: feed})
        assert found.name == "OpenAI"
        assert len(found.components) == 25
        assert Part.COMPONENTS not in found.complete
        opened[path.name] = [one.id for one in found.incidents if one.is_open]
    assert [len(ids) for ids in opened.values()] == [0, 1, 0, 2]


@pytest.mark.corpus
def test_every_recorded_page_of_incident_io_is_claimed_and_no_other(corpus):
    """HTML of Rollbar, Miro and OpenAI, their JSON and feeds; nothing else in the corpus."""
    for path in sorted(corpus.rglob("*")):
        if path.suffix not in {".html", ".json", ".atom", ".rss", ".xml"} or "series" in str(path):
            continue
        claim = incidentio.claims(Response(url=ROOT, status=200, body=path.read_bytes()))
        assert (claim is not None) is ("incidentio" in path.parts), path
