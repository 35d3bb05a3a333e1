"""Each benchmark runs, in a tiny form: what is looked at is counts, never times."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from benchmarks import documents
from benchmarks.__main__ import ROWS
from benchmarks.figures import Figure, Scale, ratio, spread

from bellbuoy.formats import builtin_names

SHORT = {"cachet", "instatus", "uptimekuma"}
"""Formats that read a short list of what goes on, or texts that are still owed, at each look."""

TINY = Scale(repeats=1, size=0.01)


@pytest.fixture
def figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What the benchmark of that name yields in its tiny form."""
    monkeypatch.chdir(Path(__file__).parents[1])  # where its processes find `benchmarks`
    return list(import_module(f"benchmarks.{request.param}").run(TINY))


def measured(row: str):
    """Give a test the figures of one benchmark."""
    return pytest.mark.parametrize("figures", [row], indirect=True)


@measured("not_modified")
def test_every_poll_of_both_sides_is_answered_304(figures):
    """A benchmark of unchanged polls in which something else came would measure that."""
    counts = figures[0].counts
    assert counts["visits"] == counts["not modified"] > 0
    assert counts["baseline 304"] > 0


@measured("same_feed")
def test_a_feed_with_a_new_etag_is_never_a_change(figures):
    """Neither the same bytes nor a moved stamp of the feed lead to anything that is written."""
    for figure in figures:
        assert figure.counts["unchanged"] == figure.counts["visits"] > 0


@measured("new_tls")
def test_polls_over_new_tls_connections_succeed_and_idle_ones_are_counted(figures):
    """The chain is verified, by resumption or in full; those that stay small stay open."""
    assert figures[0].counts["not modified"] > 0
    assert [figure.counts["open"] for figure in figures[1:]] == [30, 30, 0]


@measured("same_history")
def test_no_entry_of_an_unchanged_history_is_decoded(figures):
    """All fifty are known by their bytes."""
    assert figures[0].counts["decoded"] == 0
    assert figures[0].counts["unchanged"] == 50
    assert 140_000 < figures[0].counts["size"] < 180_000


@measured("formats")
def test_every_format_is_measured_and_decodes_no_history_twice(figures):
    """Two visits at most of each, and at last the slowest of all."""
    *rows, slowest = figures
    named = [re.match(r"`(\w+)`, (typical|largest|the only one) ", row.what) for row in rows]
    assert {found[1] for found in named if found} == builtin_names()
    assert all(named)
    assert all(row.counts["documents"] > 0 for row in rows)
    again = {
        found[1]
        for row, found in zip(rows, named, strict=True)
        if found and row.counts["decoded again"]
    }
    assert again <= SHORT
    assert slowest.counts["visits"] > 0


@measured("first_sweep")
def test_a_first_sweep_reads_every_page_and_knows_its_history(figures):
    """Each page is fine afterwards, and its fifty incidents are known."""
    counts = figures[0].counts
    assert counts["pages"] == counts["fine"] == 50
    assert counts["known"] == 50


@measured("hung_pages")
def test_healthy_pages_are_polled_beside_hung_ones(figures):
    """Both sides of the comparison polled something."""
    assert all(f.counts["ours"] > 0 and f.counts["baseline"] > 0 for f in figures)


@measured("printed_line")
def test_every_change_is_printed(figures):
    """Each changed page leads to a line of a real `bellbuoy watch`."""
    assert figures[0].counts["printed"] == 3


@measured("routing")
def test_routing_tells_whom_a_plain_loop_tells(figures):
    """Twenty decisions for each event, of which five tell someone, as the baseline does."""
    counts = figures[0].counts
    assert counts["decisions"] == 20 * 50
    assert counts["told"] == counts["plainly told"] == 5 * 50


@measured("delivery")
def test_r2_r3_what_is_delivered_under_load_is_whole_single_and_in_order(figures):
    """Every receiver has every event once, and each incident in its order, at any rate."""
    is_whole = {"lost": 0, "twice": 0, "disordered": 0}
    assert figures[0].counts == {"deliveries": 500, **is_whole}
    # Once with all five, and once while the fifth hangs.
    assert all(figure.counts == {"deliveries": 900, **is_whole} for figure in figures[1:])


@measured("brokers")
@pytest.mark.timeout(300)  # eight processes, each of which loads every library
def test_r2_r3_what_goes_into_each_broker_is_whole_single_and_in_order(figures):
    """Every one of them has every event once, and each incident in its order."""
    assert len(figures) == 4
    for figure in figures:
        assert figure.counts == {"events": 100, "lost": 0, "twice": 0, "disordered": 0}


@measured("metrics")
def test_every_visit_is_counted(figures):
    """What is measured is what is told at `/metrics`."""
    counts = figures[0].counts
    assert counts["visits"] == counts["counted"] == 2000


@measured("event_page")
def test_every_question_of_a_long_log_is_answered(figures):
    """A page of events is full, and a word of one incident finds its five events."""
    assert [figure.counts["found"] for figure in figures] == [50, 50, 50, 5]
    assert all(figure.counts["events"] == 10_000 for figure in figures)


@measured("sse")
def test_every_listener_of_the_stream_hears(figures):
    """And is still there when its memory is counted."""
    soon, small = figures
    assert soon.counts["heard"] == small.counts["listeners"] == 50


@measured("serve")
def test_polls_go_on_while_somebody_listens(figures):
    """On the side that is served there is a listener, and rest is measured too."""
    rest, polls = figures
    assert rest.counts == {"runs": 1}
    assert polls.counts["visits"] >= 20
    assert polls.counts["listeners"] == 1


@measured("board")
def test_the_board_shows_every_provider_and_every_open_incident(figures):
    """One of forty has trouble."""
    assert figures[0].counts == {"tiles": 40, "cards": 1}


@measured("start")
def test_starts_are_measured(figures):
    """Both processes ran, and the first request came."""
    assert figures[0].counts["runs"] == 1
    assert figures[1].counts["requests"] == 1


def test_every_row_is_tested_here():
    """A benchmark that no test runs would rot."""
    source = Path(__file__).read_text(encoding="utf-8")
    assert all(f'@measured("{row}")' in source for row in ROWS)


def test_the_documents_have_the_sizes_of_real_ones():
    """25 entries, and 50 incidents in about 150 KB."""
    assert documents.feed().count(b"<entry>") == 25
    assert documents.feed() != documents.feed(moved=1)
    assert documents.incidents().count(b'"impact"') == 50


def test_a_ratio_is_the_median_of_pairs():
    """Each measurement is held against the baseline that ran beside it."""
    value, words = ratio([1.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    assert value == 2.0
    assert words == "2x (1 to 3)"
    assert spread([1.0, 2.0, 3.0]) == "2 (1 to 3)"


def test_the_command_says_what_it_measures():
    """`python -m benchmarks --help` names every row."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "COLUMNS": "200"},
    )
    assert all(row in done.stdout for row in ROWS)


@pytest.mark.usefixtures("postgres_server")
@measured("stores")
def test_every_visit_and_event_is_written_to_postgresql(figures):
    """As many as on the other side."""
    assert [figure.counts["written"] for figure in figures] == [50, 50]


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("cluster")
@measured("fleet")
def test_many_workers_poll_take_over_and_write_nothing(figures):
    """Each number of workers polled, each way of ending was seen, and unchanged polls are free."""
    *polling, joined, retired, killed, wal = figures
    assert [figure.counts["workers"] for figure in polling] == [1, 2]
    assert all(figure.counts["polls"] > 0 for figure in polling)
    assert [figure.counts["runs"] for figure in (joined, retired, killed)] == [1, 1, 1]
    assert wal.counts == {"bytes": 0, "polls": 500}
