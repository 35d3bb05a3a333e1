"""Slack: what is asked, how notes are told apart, and what ends an incident."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, _slack_look, slack
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

PAGE = page_at(ROOT, "slack")
CURRENT = f"{ROOT}/api/v2.0.0/current"
HISTORY = f"{ROOT}/api/v2.0.0/history"
GOOD = sample("slack")


def read(
    answers: dict[str, Answer] | None = None, seen: Seen | None = None
) -> tuple[Snapshot, list[str]]:
    """Read the sample page, with other answers where they are given."""
    return converse(slack.read(PAGE, seen or Seen()), {**GOOD, **(answers or {})})


def seen_after(snapshot: Snapshot, **changes: Any) -> Seen:
    """What is held after a first look."""
    held: dict[str, Any] = {
        "first_look": False,
        "open_ids": frozenset(one.id for one in snapshot.incidents if one.is_open),
        "entries": snapshot.entries,
    }
    return Seen(**(held | changes))


def edited(address: str, edit: Any) -> bytes:
    """A document of the sample page after an edit in place."""
    document = json.loads(GOOD[address])
    edit(document)
    return json.dumps(document).encode()


def drop(id: int) -> Any:
    """Take an incident out of `current`, whose dates go back."""

    def edit(document: dict[str, Any]) -> None:
        document["active_incidents"] = [
            one for one in document["active_incidents"] if one["id"] != id
        ]
        document["date_updated"] = "2026-03-03T23:00:00-08:00"

    return edit


def resolve(*notes: str) -> Any:
    """Let the first event of the history be over, with more notes."""

    def edit(document: list[Any]) -> None:
        one = document[0]
        one.update(status="resolved", date_updated="2026-03-04T10:00:00-08:00")
        one["notes"] += [
            {"date_created": f"2026-03-04T10:0{place}:00-08:00", "body": note}
            for place, note in enumerate(notes)
        ]

    return edit


def the(id: str, snapshot: Snapshot) -> Any:
    """One incident of a snapshot."""
    return next(one for one in snapshot.incidents if one.id == id)


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The documents and the objects that they must become stand side by side."""
    golden = json.loads((FIXTURES / "slack" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read()[0], order="deterministic"))
    del found["entries"]
    assert found == golden


def test_notes_of_one_time_are_told_apart_by_their_place_from_the_oldest():
    """`current` lists them newest first, the history oldest first: the ids are the same."""
    notes = the("1602", read()[0]).updates
    assert [note.id for note in notes] == [
        "2026-03-04T16:40:00+00:00", "2026-03-04T17:20:00+00:00", "2026-03-04T17:20:00+00:00#2",
    ]  # fmt: skip
    assert [note.body for note in notes][1:] == [
        "We found something.",
        "A deploy is the cause.\n\nWe roll it back.",
    ]


def test_one_instant_in_two_zones_is_one_note():
    """The zone of the page moves with the season."""
    moved = GOOD[CURRENT].replace(b"09:20:00-08:00", b"10:20:00-07:00")
    assert the("1602", read({CURRENT: moved})[0]) == the("1602", read()[0])


def test_the_history_is_asked_at_the_first_look_and_after_a_gap_only():
    """While nothing is odd, `current` tells all."""
    first, asked = read()
    assert asked == [CURRENT, HISTORY]
    again, asked = read(seen=seen_after(first))
    assert asked == [CURRENT]
    assert (again.incidents, again.unchanged) == ((), {"1601", "1602"})
    assert read(seen=seen_after(first, after_gap=True))[1] == [CURRENT, HISTORY]


def test_a_new_note_needs_no_question():
    """The page's dates are those of the incident that changed."""
    first, _ = read({CURRENT: edited(CURRENT, lambda _: None)})

    def add(document: dict[str, Any]) -> None:
        at = "2026-03-04T09:50:00-08:00"
        document["date_updated"] = document["active_incidents"][0]["date_updated"] = at
        document["active_incidents"][0]["notes"].insert(0, {"date_created": at, "body": "Soon."})

    second, asked = read({CURRENT: edited(CURRENT, add)}, seen_after(first))
    assert asked == [CURRENT]
    assert [one.id for one in second.incidents] == ["1602"]
    assert second.incidents[0].updates[-1].body == "Soon."
    assert second.unchanged == {"1601"}


def test_what_came_and_went_between_two_looks_is_found_by_the_dates_of_the_page():
    """Nothing vanished, but the page speaks of an event that is not listed."""
    first, _ = read()
    moved = edited(
        CURRENT, lambda document: document.update(date_updated="2026-03-04T11:00:00-08:00")
    )
    failed, asked = read({CURRENT: moved, HISTORY: 503}, seen_after(first))
    assert asked == [CURRENT, HISTORY]
    assert failed.owes
    seen = seen_after(first, entries={**first.entries, **failed.entries})
    second, asked = read({CURRENT: moved}, seen)
    assert asked == [CURRENT, HISTORY]
    assert not second.owes
    assert second.unchanged == {"1599", "1600", "1601", "1602"}
    seen = seen_after(first, entries={**first.entries, **second.entries})
    assert read({CURRENT: moved}, seen)[1] == [CURRENT]


def test_an_incident_that_vanished_ends_as_the_history_tells():
    """The note that came with the end is the end, in one step."""
    first, _ = read()
    answers: dict[str, Answer] = {
        CURRENT: edited(CURRENT, drop(1602)),
        HISTORY: edited(HISTORY, resolve("<p>Uploads work again.</p>")),
    }
    second, asked = read(answers, seen_after(first))
    assert asked == [CURRENT, HISTORY]
    assert not second.owes
    incident = the("1602", second)
    assert incident.status is IncidentStatus.RESOLVED
    assert [note.status for note in incident.updates] == ["investigating", "resolved"]

    # A summary added later is one more note, and not the end.
    answers[HISTORY] = edited(HISTORY, resolve("<p>Uploads work again.</p>", "Summary: ..."))
    entries = {**first.entries, **second.entries}
    open_ids = frozenset({"1601"})
    third, _ = read(answers, Seen(first_look=False, entries=entries, open_ids=open_ids,
                                  after_gap=True))  # fmt: skip
    notes = the("1602", third).updates
    assert [note.status for note in notes] == ["investigating", "resolved", "resolved"]


@pytest.mark.parametrize("history", [GOOD[HISTORY], b"[]", 500, b"<html></html>", b"null"])
def test_an_end_that_the_history_does_not_know_yet_stays_owed(history):
    """A cache may answer with an older copy; nothing is ended by absence."""
    first, _ = read()
    answers: dict[str, Answer] = {CURRENT: edited(CURRENT, drop(1602)), HISTORY: history}
    second, _ = read(answers, seen_after(first))
    assert second.owes
    assert "1602" not in second.unchanged | {one.id for one in second.incidents}


def test_a_history_as_it_was_names_what_is_over_again():
    """A 304 is the same answer once more."""
    first, _ = read()
    same = Response(url=HISTORY, status=304)
    second, _ = read({HISTORY: same}, seen_after(first, after_gap=True))
    assert second.unchanged == {"1599", "1600", "1601", "1602"}
    assert not second.owes
    unknown, _ = read({HISTORY: same}, Seen())
    assert unknown.owes


def test_c5_a_history_as_it_was_does_not_bring_back_what_was_active_and_withdrawn():
    """It was over before it went on again, and the old list of what is over tells nothing new."""
    life = Life(slack, PAGE)
    life.look(GOOD)
    ended = next(row for row in json.loads(GOOD[HISTORY]) if row["id"] == 1600)
    note = {"date_created": "2026-03-04T09:30:00-08:00", "body": "It goes on."}

    def again(document: dict[str, Any]) -> None:
        row = {**ended, "status": "active", "notes": [note, *ended["notes"][::-1]]}
        document["active_incidents"].append(row)

    same = Response(url=HISTORY, status=304)
    life.look({CURRENT: edited(CURRENT, again), HISTORY: same})
    assert "1600" in life.open_ids()
    assert ("incident.withdrawn", "") in life.withdraw()
    quiet = edited(CURRENT, lambda page: page.update(active_incidents=[], date_updated="x"))
    assert life.look({CURRENT: quiet, HISTORY: same}) == []
    assert life.open_ids() == frozenset()


@pytest.mark.parametrize(
    ("status", "is_gone"), [(404, True), (410, True), (403, False), (500, False)]
)
def test_c5_only_a_missing_address_proves_that_an_incident_is_gone(status, is_gone):
    """Any other error proves nothing."""
    first, _ = read()
    url = the("1602", first).url
    answers: dict[str, Answer] = {CURRENT: edited(CURRENT, drop(1602)), url: status}
    snapshot, asked = read(answers, seen_after(first, missing={"1602": url}))
    assert asked == [CURRENT, HISTORY, url]
    assert snapshot.gone == ({"1602"} if is_gone else set())


def test_documented_words_that_were_never_recorded_are_planned_work():
    """Slack's own page names them; a word that nobody knows stays unknown."""
    for word, status in {"scheduled": "scheduled", "paused": "unknown"}.items():
        body = edited(
            CURRENT, lambda document, word=word: document["active_incidents"][0].update(
                status=word, type="strange"
            )
        )  # fmt: skip
        incident = the("1602", read({CURRENT: body})[0])
        kind = IncidentKind.MAINTENANCE if word == "scheduled" else IncidentKind.INCIDENT
        assert (incident.status, incident.status_raw, incident.kind) == (status, word, kind)
        assert (incident.impact, incident.impact_raw) == (Impact.UNKNOWN, "strange")


def test_a_list_with_an_entry_that_cannot_be_read_is_not_complete():
    """One broken entry costs itself, not its brothers, and its list proves no absence."""
    whole, _ = read()
    assert whole.complete == {Part.OPEN_INCIDENTS}
    for broken in (None, 7, "x", [], {}, {"id": None}, {"id": ""}, {"id": [1]}):
        body = edited(CURRENT, lambda page, broken=broken: page["active_incidents"].append(broken))
        snapshot, _ = read({CURRENT: body})
        assert snapshot.complete == frozenset()
        assert snapshot.incidents == whole.incidents


@pytest.mark.parametrize("field", ["title", "type", "url", "services", "notes", "date_updated"])
@pytest.mark.parametrize("wrong", [None, 7, {"a": 1}, [[3], None, {}], True])
def test_a_wrong_field_of_an_incident_costs_only_itself(field, wrong):
    """Its other fields are read, whatever stands there."""
    body = edited(CURRENT, lambda page: page["active_incidents"][0].update({field: wrong}))
    assert the("1602", read({CURRENT: body})[0]).status is IncidentStatus.INVESTIGATING


def test_a_page_that_is_read_again_decodes_no_entry(monkeypatch):
    """Equal bytes are unchanged, whatever moved around them."""
    first, _ = read()
    monkeypatch.setattr(_slack_look, "read_event", lambda *_, **__: pytest.fail("was decoded"))
    moved = GOOD[CURRENT].replace(b'"status": "active",\n "date', b'"status":"active","date', 1)
    second, _ = read({CURRENT: moved}, seen_after(first, after_gap=True))
    assert second.incidents == ()
    assert second.unchanged == {"1599", "1600", "1601", "1602"}


@pytest.mark.parametrize(
    "address",
    [
        "https://slack-status.com",
        "https://status.slack.com/calendar",
        "https://slack-status.com/2026-08/e07b9271f0346c3b",
    ],
)
def test_its_own_hosts_are_known_by_their_web_pages(address):
    """Nothing else is at those addresses; elsewhere a web page is no evidence."""
    page = b"<!DOCTYPE html><html><head><title>Slack System Status</title></head></html>"
    claim = slack.claims(Response(url=address, status=200, body=page))
    assert claim is not None
    assert claim.url == address[: address.index(".com") + 4]
    assert slack.claims(Response(url=ROOT, status=200, body=page)) is None
    evil = "https://slack-status.com.example.com/"
    assert slack.claims(Response(url=evil, status=200, body=page)) is None


# A life, as it is told


def test_a_life_is_told_once_and_in_order():
    """Opened, ended by the note that came with the end, a summary later, and old copies between."""
    life = Life(slack, PAGE)
    opened = life.look({CURRENT: GOOD[CURRENT], HISTORY: GOOD[HISTORY]})
    assert opened == [
        ("incident.opened", "Nobody can connect.\nWe are looking into it."),
        ("incident.opened", "A deploy is the cause.\n\nWe roll it back."),
    ]
    assert life.look({CURRENT: GOOD[CURRENT]}) == []
    ended = edited(CURRENT, drop(1602))

    def whole(*notes: str) -> bytes:
        def edit(document: list[Any]) -> None:
            document[0]["notes"] = json.loads(GOOD[CURRENT])["active_incidents"][0]["notes"][::-1]
            resolve(*notes)(document)

        return edited(HISTORY, edit)

    assert life.look({CURRENT: ended, HISTORY: GOOD[HISTORY]}) == []
    assert life.look({CURRENT: ended, HISTORY: whole("It works.")}) == [
        ("incident.resolved", "It works.")
    ]
    assert life.look({CURRENT: GOOD[CURRENT], HISTORY: GOOD[HISTORY]}) == []
    assert life.look({CURRENT: ended, HISTORY: whole("It works.")}) == []
    moved = ended.replace(b'"date_updated": "2026-03-03T23:00:00-08:00", "active',
                          b'"date_updated": "2026-03-05T23:00:00-08:00", "active')  # fmt: skip
    assert life.look({CURRENT: moved, HISTORY: whole("It works.", "Summary.")}) == [
        ("incident.updated", "Summary.")
    ]
    assert life.look({CURRENT: moved, HISTORY: whole("It works.", "Summary.")}) == []


def test_an_end_without_a_word_is_an_end():
    """The note that was there already is then the one that ended it."""
    life = Life(slack, PAGE)
    life.look({CURRENT: GOOD[CURRENT], HISTORY: GOOD[HISTORY]})
    quiet = edited(CURRENT, lambda page: page.update(active_incidents=page["active_incidents"][:1]))

    def end(document: list[Any]) -> None:
        one = json.loads(GOOD[CURRENT])["active_incidents"][1]
        document.insert(0, one | {"status": "resolved"})

    events = life.look({CURRENT: quiet, HISTORY: edited(HISTORY, end)})
    assert [kind for kind, _ in events] == ["incident.resolved"]
    assert life.look({CURRENT: quiet, HISTORY: edited(HISTORY, end)}) == []


# Mutations


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD[CURRENT]), mutated(GOOD[HISTORY]))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(current, history):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    slack.claims(Response(url=CURRENT, status=200, body=current))
    slack.claims(Response(url=HISTORY, status=200, body=history))
    answers: dict[str, Answer] = {CURRENT: current, HISTORY: history}
    try:
        snapshot, _ = read(answers)
    except ReadError:
        return
    clean(snapshot)
    again, _ = read(answers, seen_after(snapshot))
    assert not {one.id for one in again.incidents} & again.unchanged


# Recordings

SERIES = ("series-current-2020-10", "series-current-2021-12", "series-current-2023-12")


def recorded(corpus: Path) -> Iterator[tuple[str, Path]]:
    """Every recording with the address at which it was found."""
    for path in sorted((corpus / "slack").rglob("*.json")):
        document = "history" if "history" in path.name else "current"
        yield f"{ROOT}/api/v2.0.0/{document}", path


def bodies(folder: Path) -> Iterator[Recorded]:
    """The files of a series in order, each at the instant in its name."""
    for path in sorted(folder.iterdir()):
        at = datetime.strptime(path.name[5:20], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        yield Recorded(name=path.name, at=at, body=path.read_bytes())


@pytest.mark.corpus
def test_every_recorded_body_is_recognised_and_read(corpus):
    """Only the empty ones are refused; all words are known; nothing is decoded twice."""
    words: Counter[str] = Counter()
    empty = 0
    formats = Formats()
    for address, path in recorded(corpus):
        body = body_of(path)
        if not body:
            empty += 1
            continue
        found, _ = converse(recognise(address, formats), {address: body})
        assert (found.format, found.url, found.name) == ("slack", ROOT, "Slack"), path
        is_history = address == HISTORY
        quiet = b'{"status":"ok","date_updated":"x","active_incidents":[]}'
        answers: dict[str, Answer] = {CURRENT: quiet, address: body}
        snapshot, _ = converse(slack.read(PAGE, Seen()), answers)
        again, _ = converse(slack.read(PAGE, seen_after(snapshot, after_gap=True)), answers)
        assert again.incidents == ()
        assert again.unchanged == {one.id for one in snapshot.incidents}
        assert is_history or snapshot.complete == {Part.OPEN_INCIDENTS}
        for one in snapshot.incidents:
            words.update((one.status_raw, one.impact_raw))
            assert one.status is not IncidentStatus.UNKNOWN
            assert one.impact is not Impact.UNKNOWN
            assert one.started_at
            assert one.updated_at
            assert one.url.startswith("https://")
            assert all(note.at and note.body for note in one.updates)
    assert empty == 4
    assert words["active"] > 300
    assert min(words[word] for word in ("resolved", "notice", "outage")) > 6


@pytest.mark.corpus
@pytest.mark.parametrize("name", SERIES)
def test_a_series_played_twice_in_a_row_gives_nothing_the_second_time(corpus, name):
    """The past, served again, is not news; and nothing ends because it is not listed."""
    player = Replay(Formats()["slack"], PAGE, "api/v2.0.0/current")
    folder = corpus / "slack/slack" / name
    first = [event for body in bodies(folder) for event in player.visit(body)]
    assert len({event.id for event in first}) == len(first)
    kinds = Counter(event.kind.value for event in first)
    assert kinds["incident.opened"] > 10
    assert kinds["incident.updated"] > kinds["incident.changed"]
    assert not kinds["incident.resolved"]
    again = [event for body in bodies(folder) for event in player.visit(body)]
    assert [event for event in again if event.kind.family != "page"] == []
