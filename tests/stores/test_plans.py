"""How SQLite answers what a dashboard asks: it looks up, and reads no table through."""

import re
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import event as engine_events

from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.model.facts import IncidentKind
from tests.stores.samples import NOW, page

PAGES = [page().key, "https://status.other.example"]
PLANNED = IncidentKind.MAINTENANCE
LAST_INCIDENT = (NOW, page().key, "i1")
LAST_DELIVERY = (7, "ops", "x")
WAITING = DeliveryStatus.WAITING

QUESTIONS = {
    "events": lambda store: store.latest_events(),
    "events before": lambda store: store.latest_events(before=7),
    "events of a page": lambda store: store.latest_events(page=PAGES[0], before=7),
    "words": lambda store: store.search_events("api err", before=7),
    "an event": lambda store: store.find_event("x"),
    "an incident": lambda store: store.incident(PAGES[0], "i1"),
    "incidents": lambda store: store.incidents(),
    "incidents before": lambda store: store.incidents(before=LAST_INCIDENT),
    "incidents of a kind": lambda store: store.incidents(kind=PLANNED, before=LAST_INCIDENT),
    "incidents since": lambda store: store.incidents(since=NOW, before=LAST_INCIDENT),
    "incidents of pages": lambda store: store.incidents(page_keys=PAGES, before=LAST_INCIDENT),
    "incidents of pages since": lambda store: store.incidents(
        page_keys=PAGES, since=NOW, kind=PLANNED
    ),
    "deliveries": lambda store: store.deliveries(),
    "deliveries before": lambda store: store.deliveries(before=LAST_DELIVERY),
    "deliveries of a receiver": lambda store: store.deliveries(
        receiver="ops", before=LAST_DELIVERY
    ),
    "deliveries of a status": lambda store: store.deliveries(status=WAITING, before=LAST_DELIVERY),
    "deliveries of an event": lambda store: store.deliveries(event_id="x", before=LAST_DELIVERY),
    "oldest waiting": lambda store: store.oldest_waiting(),
    "held": lambda store: store.due_held(NOW),
    "next held": lambda store: store.next_held(),
}

ORDERED = {
    "incidents": "SCAN incident USING INDEX incident_began_at",
    "deliveries": "SCAN delivery USING INDEX delivery_seq",
    "oldest waiting": "SCAN delivery USING COVERING INDEX delivery_waiting",
}
"""Indexes that are followed from their end, for as far as the answer goes."""

FEW = {"incidents since", "incidents of pages", "incidents of pages since", "held"}
"""What is found first and sorted then."""


@pytest.fixture
def plan(sql):
    """The plans of all that a question says to the database."""

    async def plan(question) -> list[str]:
        said = []

        def note(_connection, _cursor, statement, parameters, *_):
            if statement.lstrip().startswith("SELECT"):
                said.append((statement, parameters))

        engine_events.listen(sql._engine, "before_cursor_execute", note)
        await question(sql)
        engine_events.remove(sql._engine, "before_cursor_execute", note)
        assert said
        with closing(sqlite3.connect(sql.place)) as connection:
            return [
                row[-1]
                for statement, values in said
                for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            ]

    return plan


@pytest.mark.parametrize("name", QUESTIONS)
async def test_no_question_reads_a_table_through(plan, name):
    """Each is looked up; what comes in order is not sorted, and what has no bound is followed."""
    plans = await plan(QUESTIONS[name])
    scans = [each for each in plans if each.startswith("SCAN") and "VIRTUAL TABLE" not in each]
    assert scans == ([ORDERED[name]] if name in ORDERED else [])
    sorts = [each for each in plans if "TEMP B-TREE" in each and "RIGHT PART" not in each]
    assert not sorts or name in FEW


async def test_words_are_looked_up_and_followed_from_the_newest(plan):
    """FTS5 is given the words and the bound, and its rows come in the order that is asked for."""
    words, events = await plan(QUESTIONS["words"])
    assert re.fullmatch(r"SCAN event_words VIRTUAL TABLE INDEX \d+:<?M1<?", words)
    assert events == "SEARCH event USING INTEGER PRIMARY KEY (rowid=?)"


async def test_pruning_looks_up_who_was_told_of_the_lanes_that_go(sql):
    """The account of all others, which may be of a whole log, is not read."""
    from bellbuoy.stores import eventlog

    said = str(eventlog._DROP_THREADS.compile(sql._engine))
    said = said.replace("(__[POSTCOMPILE_lanes])", "(?)")
    with closing(sqlite3.connect(sql.place)) as connection:
        values = ("",) * said.count("?")
        rows = connection.execute(f"EXPLAIN QUERY PLAN {said}", values).fetchall()
    plans = [row[-1] for row in rows]
    assert plans[0] == "SEARCH thread USING INDEX thread_lane (lane=?)"
    assert not [each for each in plans if each.startswith("SCAN thread")]
