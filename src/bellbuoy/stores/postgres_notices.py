"""To hear from PostgreSQL that events were recorded: a hint, never needed.

A connection of its own listens (https://www.postgresql.org/docs/15/sql-listen.html). Where
that cannot be, behind a pooler or while the server is away, whoever waits looks again anyway:
a pooler gives each transaction to another session, so what one of them hears reaches nobody.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Any

from psycopg import Connection, OperationalError
from psycopg import Error as DriverError

AGAIN_AFTER = 5.0
"""Seconds until it is tried again to listen."""

_CLOSES_WITHIN = 1.0
"""Seconds that closing waits for a connection that is being made."""

Session = Connection[tuple[Any, ...]]


class Notices:
    """Listens from the first call of `listen` on. All of it runs on the event loop.

    `connect` makes a session, or None where it would hear nothing: then it is not asked again.
    """

    def __init__(self, connect: Callable[[], Session | None]) -> None:
        self._connect = connect
        self._opening: asyncio.Future[Session | None] | None = None
        self._session: Session | None = None
        self._socket = -1
        self._again_at = 0.0
        self._is_closed = False

    def listen(self, channel: str, ring: Callable[[], None]) -> None:
        """Have `ring` called at each notice, soon after; nothing happens if it is so already."""
        loop = asyncio.get_running_loop()
        is_opening = self._opening is not None and not self._opening.done()
        if is_opening or self._session is not None or self._is_closed:
            return
        if loop.time() < self._again_at:
            return
        self._again_at = loop.time() + AGAIN_AFTER
        self._opening = loop.run_in_executor(None, self._open, channel)
        self._opening.add_done_callback(lambda opening: self._opened(opening, ring))

    async def close(self) -> None:
        """Listen no more."""
        self._is_closed = True
        if self._opening is not None:
            await asyncio.wait([self._opening], timeout=_CLOSES_WITHIN)
        self._drop()

    def _open(self, channel: str) -> Session | None:
        session = self._connect()
        if session is None:
            return None
        try:
            session.execute(f"LISTEN {channel}".encode())
        except DriverError:
            session.close()
            raise
        return session

    def _opened(self, opening: asyncio.Future[Session | None], ring: Callable[[], None]) -> None:
        if opening.cancelled() or opening.exception() is not None:
            return
        session = opening.result()
        if session is None:
            self._again_at = inf
            return
        if not self._is_closed:
            # Windows's own loop watches no sockets.
            with suppress(NotImplementedError):
                asyncio.get_running_loop().add_reader(session.fileno(), self._hear, ring)
                self._session, self._socket = session, session.fileno()
                return
        session.close()

    def _hear(self, ring: Callable[[], None]) -> None:
        if self._session is None:
            return
        heard = False
        try:
            self._session.pgconn.consume_input()
            while self._session.pgconn.notifies() is not None:
                heard = True
        except OperationalError:
            self._drop()
        if heard:
            ring()

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            # A session that broke knows its socket no more.
            asyncio.get_running_loop().remove_reader(self._socket)
            session.close()
