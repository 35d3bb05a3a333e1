"""Upptime: sites by their status; the numbers that move with every run are none of it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, upptime
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.lives import Life
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, page_at, sample

PAGE = page_at(ROOT, "upptime")
SUMMARY = f"{ROOT}/history/summary.json"
GOOD = sample("upptime")[SUMMARY]


def read(body: bytes = GOOD) -> Snapshot:
    """Read a page with this summary."""
    return converse(upptime.read(PAGE, Seen()), {SUMMARY: body})[0]


def edited(edit: Any) -> bytes:
    """The sample's summary after an edit in place."""
    rows = json.loads(GOOD)
    edit(rows)
    return json.dumps(rows).encode()


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    golden = json.loads((FIXTURES / "upptime" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read(), order="deterministic"))
    del found["entries"]
    assert found == golden


def test_numbers_that_move_are_no_change():
    """Uptimes and answer times are others at each run."""

    def later(rows: list[Any]) -> None:
        for row in rows:
            row.update(uptime="98.00%", uptimeDay="97.10%", time=7, timeDay=8)
            row["dailyMinutesDown"]["2026-03-02"] = 4

    assert read(edited(later)) == read()


def test_a_site_that_fails_is_announced_when_it_was_seen_so_twice():
    """Its copies alternate between an older and a newer one, and have no time of their own."""
    life = Life(upptime, PAGE)
    assert life.look({SUMMARY: GOOD}) == []
    down = edited(lambda rows: rows[0].update(status="down"))
    assert [life.look({SUMMARY: body}) for body in (down, GOOD, down)] == [[], [], []]
    assert life.look({SUMMARY: down}) == [("component.changed", "")]
    assert life.look({SUMMARY: down}) == []


def test_a_word_that_nobody_knows_is_never_green():
    """Nor is a missing one."""
    for word in ("Up!", "", None, 7, True):
        found = read(edited(lambda rows, word=word: rows[0].update(status=word)))
        assert found.components[0].status is ComponentStatus.UNKNOWN
        assert len(found.components) == 4


def test_a_site_that_was_taken_out_or_put_in_is_no_trouble():
    """People edit the list."""
    life = Life(upptime, PAGE)
    life.look({SUMMARY: GOOD})
    fewer = edited(lambda rows: rows.pop(1))
    assert [life.look({SUMMARY: body}) for body in (fewer, fewer, GOOD, GOOD)] == [[], [], [], []]


def test_two_sites_of_one_slug_are_one():
    """The first of them."""
    found = read(edited(lambda rows: rows.append({**rows[0], "status": "down"})))
    assert {one.id: one.status for one in found.components}["api"] is ComponentStatus.OPERATIONAL
    assert len(found.components) == 4


@pytest.mark.parametrize("broken", [None, 7, "x", [], {}, {"slug": None}, {"slug": ["x"]}])
def test_a_row_that_cannot_be_read_costs_itself_and_the_wholeness_of_the_list(broken):
    """Its brothers are read."""
    found = read(edited(lambda rows: rows.insert(0, broken)))
    assert found.complete == frozenset()
    assert found.components == read().components
    assert read().complete == {Part.COMPONENTS}


@pytest.mark.parametrize(
    "body", [b"[]", b"[{}]", b'[{"slug": "x", "status": "up"}]', b"{}", b"null", b"[7]"]
)
def test_a_list_of_something_else_is_refused(body):
    """Nothing in it tells what it is."""
    with pytest.raises(ReadError):
        read(body)
    assert upptime.claims(Response(url=SUMMARY, status=200, body=body)) is None


def test_a_repository_is_called_by_its_name():
    """Elsewhere the host has to do."""
    home = "https://raw.githubusercontent.com"
    for root, name in {
        f"{home}/acme/status/master": "acme/status",
        f"{home}/acme": "raw.githubusercontent.com",
        f"{ROOT}/acme/status": "status.example.com",
    }.items():
        url = f"{root}/history/summary.json"
        claim = upptime.claims(Response(url=url, status=200, body=GOOD))
        assert claim is not None
        assert (claim.url, claim.name) == (root, name)


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body):
    """Whatever a server sends, reading ends with a snapshot or a ReadError."""
    upptime.claims(Response(url=SUMMARY, status=200, body=body))
    try:
        snapshot = read(body)
    except ReadError:
        return
    clean(snapshot)
    ids = [one.id for one in snapshot.components]
    assert len(ids) == len(set(ids))


# Recordings

SERIES = {"manticoresearch": 55, "trynoice": 44}


def recorded(folder: Path) -> Iterator[Recorded]:
    """The files of a series in order, each at the instant in its name."""
    for path in sorted(folder.iterdir()):
        stamp = re.search(r"_(\d{8}T\d{6})Z", path.name)
        assert stamp is not None
        at = datetime.strptime(stamp[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        yield Recorded(name=path.name, at=at, body=path.read_bytes())


@pytest.mark.corpus
@pytest.mark.parametrize("name", SERIES)
def test_every_recorded_body_is_recognised_and_read_whole(corpus, name):
    """Under its real path; all words are known."""
    formats = Formats()
    bodies = list(recorded(corpus / "upptime" / name / "series-history-summary"))
    assert len(bodies) == SERIES[name]
    root = f"https://raw.githubusercontent.com/{name}/upptime/master"
    for one in bodies:
        url = f"{root}/history/summary.json"
        found, asked = converse(recognise(url, formats), {url: one.body})
        assert (found.format, found.url, found.name) == ("upptime", root, f"{name}/upptime")
        assert asked == [url]
        snapshot = read(one.body)
        assert snapshot.complete == {Part.COMPONENTS}
        assert len(snapshot.components) == len(json.loads(one.body))
        assert all(one.status is not ComponentStatus.UNKNOWN for one in snapshot.components)


def moves(bodies: list[Recorded]) -> Iterator[tuple[str, str, str]]:
    """What the series itself says: file, site and new status, wherever a known site moved."""
    held: dict[str, str] = {}
    for one in bodies:
        rows = {row["slug"]: row["status"] for row in json.loads(one.body)}
        for slug, status in rows.items():
            if held.get(slug, status) != status:
                yield one.name, slug, status
        held = rows


@pytest.mark.corpus
@pytest.mark.parametrize("name", SERIES)
def test_a_series_announces_every_move_of_a_status_once_and_nothing_else(corpus, name):
    """Each body is seen three times, as a page that is looked at every minute."""
    bodies = list(recorded(corpus / "upptime" / name / "series-history-summary"))
    player = Replay(Formats()["upptime"], PAGE, "history/summary.json")
    told: list[tuple[str, str, str]] = []
    for one in bodies:
        visits = [
            player.visit(
                Recorded(
                    name=one.name, at=one.at and one.at + timedelta(seconds=20 * n), body=one.body
                )
            )
            for n in range(3)
        ]
        assert visits[0] == visits[2] == ()
        for event in visits[1]:
            assert event.component is not None
            told.append((one.name, event.component.id, event.component.status_raw))
    assert told == list(moves(bodies))
    assert len(told) >= {"manticoresearch": 80, "trynoice": 2}[name]
    assert [event for _ in range(2) for event in player.visit(bodies[-1])] == []
