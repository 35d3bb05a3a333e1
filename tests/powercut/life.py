"""A life of a store and of a file receiver, with a mark in the journal for each acknowledgement.

python -m tests.powercut.life ROOT

It may be killed and begun again: what is there already is not done twice. The marks are
`opened`, `visit N`, `dispatched N`, `settled N`, `pruned`, `line N` and `copied NAME N`, where N
counts up, and a copy holds the visits up to N.
"""

import asyncio
import ctypes
import sys
from pathlib import Path

from bellbuoy.events import Event
from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.model.facts import Page
from bellbuoy.model.known import Known
from bellbuoy.notifiers import Message, file
from bellbuoy.stores import Outgoing, Store, Visit
from bellbuoy.stores.opening import open_store
from tests.stores.samples import DAY, NOW, delivery, event, incident, known, page, update, visit

VISITS = 30
BEFORE_COPY = 20
OLD = 8
"""The first visits' events are old enough to be pruned."""

PRUNED_BEFORE = NOW - 50 * DAY
DISPATCHER = "dispatcher"


def database(root: Path) -> Path:
    """Where the store is, in directories that are new."""
    return root / "new" / "state" / "bellbuoy.db"


def lines(root: Path) -> Path:
    """Where the receiver writes, in a directory that is new."""
    return root / "told" / "here" / "lines.jsonl"


def page_of(number: int) -> Page:
    """The page of a visit."""
    return page(f"https://{number}.example")


def known_of(number: int) -> Known:
    """What a visit leaves known: enough to fill several pages of the database."""
    told = (update(1, "x" * 1500), update(2, f"Found it in {number}."))
    return known(incident(updates=told), incident("i2"), page_key=page_of(number).key)


def event_of(number: int) -> Event:
    """The event of a visit."""
    at = NOW - 100 * DAY if number <= OLD else NOW
    return event(number, of=page_of(number), observed_at=at)


def visit_of(number: int) -> Visit:
    """A visit, the first of its page."""
    return visit(None, known_of(number), event_of(number), of=page_of(number))


def mark(text: str) -> None:
    """Write a mark into the journal, if this process has the recorder."""
    recorder = ctypes.CDLL(None)
    if hasattr(recorder, "record_mark"):
        recorder.record_mark(text.encode())


async def _visit(store: Store, numbers: list[int]) -> None:
    async def one(number: int) -> None:
        await store.commit(visit_of(number))
        mark(f"visit {number}")

    await asyncio.gather(*map(one, numbers))


async def _dispatch(store: Store, upto: int) -> None:
    """One transaction for all that is new, and one for the end of each delivery."""
    cursor = await store.read_cursor(DISPATCHER) or 0
    fresh = [one for one in await store.read_events(after=cursor) if one.seq <= upto]
    if fresh:
        new = tuple(map(delivery, fresh))
        await store.dispatch(DISPATCHER, fresh[-1].seq, Outgoing(new=new))
    mark(f"dispatched {upto}")


async def _deliver(store: Store, told: Path) -> None:
    async with file.open(file.Settings(path=told)) as receiver:
        while due := await store.due_deliveries("ops", NOW):
            for waiting, about in due:
                await receiver.notify(Message(event=about, delivery=waiting, sent_at=0))
                mark(f"line {about.seq}")
                await store.settle(delivery(about, status=DeliveryStatus.DONE, attempts=1))
                mark(f"settled {waiting.seq}")


async def main(root: Path) -> None:
    """Everything that the store promises to keep, once."""
    async with open_store(str(database(root)), poller=True) as store:
        mark("opened")
        done = await store.last_seq()
        for first in range(1, BEFORE_COPY + 1, 4):
            await _visit(store, [n for n in range(first, first + 4) if n > done])
        await _dispatch(store, BEFORE_COPY)
        await _deliver(store, lines(root))
        for name in ("one.db", "two.db"):
            if not (root / name).exists():
                await store.backup(str(root / name))
                mark(f"copied {name} {BEFORE_COPY}")
        await store.prune(PRUNED_BEFORE)
        mark("pruned")
    # A second opening, with a new write-ahead log under the name of the old one.
    async with open_store(str(database(root)), poller=True) as store:
        done = await store.last_seq()
        for first in range(BEFORE_COPY + 1, VISITS + 1):
            await _visit(store, [first] if first > done else [])
        await _dispatch(store, VISITS)
        await _deliver(store, lines(root))
        await store.save_states([visit_of(1).state])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
