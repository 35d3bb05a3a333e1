"""The single writer: many small writes, few transactions.

    run(job) ──> waiting ──> one transaction ──> one fsync ──> every job is answered
                 (what waits now, at most 200)   a savepoint for each job

It does not wait for company: a job that comes alone is committed alone, and those that come
meanwhile share the next transaction. A transaction that got long is closed early, because
other processes want to write too; what did not fit goes first in the next one.

Jobs run in one thread of their own, so the event loop never waits for a disk. (SQLAlchemy
over aiosqlite, which changes threads twice for every statement, took five times the time.)
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bellbuoy.errors import StoreError
from bellbuoy.stores.faults import mapped

T = TypeVar("T")
Job = Callable[[Connection], T]
_Waiting = tuple[Job[Any], asyncio.Future[Any]]
_Outcome = tuple[Any, BaseException | None]

MOST_JOBS = 200
LONGEST = 0.050
"""Seconds after which a transaction takes no further job."""


class Writer:
    """Runs jobs, each all or nothing, at most so many in a transaction.

    `engine` begins its transactions for writing.
    """

    def __init__(self, engine: Engine, place: str, most_jobs: int = MOST_JOBS) -> None:
        self._engine = engine
        self._most_jobs = most_jobs
        self._place = place
        self._waiting: deque[_Waiting] = deque()
        self._transaction: asyncio.Future[list[_Outcome]] | None = None
        self._thread = ThreadPoolExecutor(1, "bellbuoy-write")
        self._closed = False

    async def run(self, job: Job[T]) -> T:
        """What the job returns, once its transaction is on disk.

        A caller that is cancelled leaves its job undone if it has not begun, and wholly
        done or wholly undone if it has.
        """
        if self._closed:
            raise StoreError(f"{self._place}: the store is closed")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, answer))
        if self._transaction is None:
            self._begin()
        return await answer

    async def close(self) -> None:
        """Write what waits, and take no more."""
        self._closed = True
        while self._transaction is not None:
            await asyncio.wait([self._transaction])
        self._thread.shutdown()

    # Callbacks and no task of its own: what nobody can cancel needs no one to look after it.

    def _begin(self) -> None:
        batch = self._take()
        if not batch:
            self._transaction = None
            return
        jobs = [job for job, _ in batch]
        loop = asyncio.get_running_loop()
        self._transaction = loop.run_in_executor(self._thread, self._transact, jobs)
        self._transaction.add_done_callback(partial(self._end, batch))

    def _end(self, batch: list[_Waiting], transaction: asyncio.Future[list[_Outcome]]) -> None:
        outcomes = transaction.result()
        self._waiting.extendleft(reversed(batch[len(outcomes) :]))
        for (_, answer), outcome in zip(batch, outcomes, strict=False):
            _settle(answer, *outcome)
        self._begin()

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._most_jobs:
            job, answer = self._waiting.popleft()
            if not answer.done():
                batch.append((job, answer))
        return batch

    def _transact(self, jobs: Sequence[Job[Any]]) -> list[_Outcome]:
        """The outcomes of the first jobs, at least of one, committed together."""
        outcomes: list[_Outcome] = []
        begun = 0
        ends_at = monotonic() + LONGEST
        try:
            with mapped(self._place), self._engine.begin() as connection:
                if len(jobs) == 1:  # Alone it needs no savepoint: the transaction is its own.
                    return [(jobs[0](connection), None)]
                for begun, job in enumerate(jobs, 1):  # noqa: B007 - read when it fails
                    outcomes.append(self._attempt(connection, job))
                    if monotonic() > ends_at:
                        break
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            return [(None, error)] * (begun or len(jobs))
        return outcomes

    def _attempt(self, connection: Connection, job: Job[Any]) -> _Outcome:
        # SQLAlchemy's own `begin_nested` takes four times as long as a small job.
        connection.exec_driver_sql("SAVEPOINT job")
        try:
            with mapped(self._place):
                value = job(connection)
                connection.exec_driver_sql("RELEASE job")
        except Exception as error:  # noqa: BLE001 - one visit's failure does not fail the others
            try:
                connection.exec_driver_sql("ROLLBACK TO job")
                connection.exec_driver_sql("RELEASE job")
            except SQLAlchemyError:
                # After some errors, a full disk above all, SQLite has already rolled back the
                # whole transaction: https://www.sqlite.org/lang_transaction.html, section 3.2
                raise error from None
            return None, error
        return value, None


def _settle(answer: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(value)
    else:
        answer.set_exception(error)
