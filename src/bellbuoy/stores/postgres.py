"""A PostgreSQL database: to connect to it, to be its only poller, to hear of its events.

    reading  ──> each transaction sees one instant and cannot write
    writing  ──> one session; a poller's holds the poller's lock for as long as it lives

So whoever lost the lock has lost the connection that could write with it. Where the tables
come from is in `postgres_tables`. What PostgreSQL promises is quoted from
https://www.postgresql.org/docs/15/.
"""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, LiteralString
from zlib import crc32

import psycopg
from msgspec import Struct
from psycopg import conninfo, errors
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from bellbuoy.errors import AlreadyRunningError, StoreError
from bellbuoy.stores.database import READERS
from bellbuoy.stores.faults import mapped
from bellbuoy.stores.postgres_notices import Notices

STALLED_AFTER = "10s"
"""How long a transaction may stand still before the server ends it and its locks.

A process that is paused or cut off in the middle of one would keep all others waiting.
"""

LOCK_WITHIN = "3s"
"""How long to wait for the poller's lock: the server may not know yet that the last one died."""

ASK_AFTER = 1.0
"""Seconds of rest after which a session is asked whether it is still there."""

_ANNOUNCES = "bellbuoy announces"
_RESTS_SINCE = "bellbuoy rests since"
_POLLER = int.from_bytes(b"bell", "big")
_DEFAULTS = {
    "fallback_application_name": "bellbuoy",
    "client_encoding": "UTF8",
    "connect_timeout": "10",
    # Without these a connection to a machine that vanished is waited on for 15 minutes.
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
# A server that answers before it has written would lose in a crash what it said is on disk.
_SETTINGS = """
    SELECT set_config('idle_in_transaction_session_timeout', %s, false),
        CASE current_setting('synchronous_commit')
        WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
# The same the other way round: when the server gives a vanished poller up, in seconds.
_WATCHED = (
    "SELECT set_config('tcp_keepalives_idle', '10', false), "
    "set_config('tcp_keepalives_interval', '5', false), "
    "set_config('tcp_keepalives_count', '3', false), "
    "set_config('tcp_user_timeout', '25000', false)"
)

Session = psycopg.Connection[tuple[Any, ...]]


class Address(Struct, frozen=True):
    """Where a server is and how to log in, as libpq's parameters; `place` says it to people."""

    parameters: dict[str, Any]
    place: str


def parse(url: str) -> Address:
    """What `postgresql://USER:PASSWORD@HOST/NAME` means, with all that libpq takes after a `?`.

    The syntax is https://www.postgresql.org/docs/15/libpq-connect.html, 34.1.1.2. Raises
    StoreError, which never shows a password.
    """
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        given = {}
    if not given or _is_misread(given):
        # What libpq says of it quotes the address, and so the password.
        raise StoreError(
            "the address of the store is not one that PostgreSQL understands: it should read "
            "postgresql://USER:PASSWORD@HOST:5432/NAME, with %XX for special signs in the password"
        )
    return Address(_DEFAULTS | given, _place(given))


def connect(address: Address) -> Session:
    """A session in which nothing has begun."""
    session = psycopg.connect(**address.parameters, autocommit=True)
    session.execute(_SETTINGS, (STALLED_AFTER,))
    return session


def engine(creator: Callable[[], Session], *, size: int, writes: bool) -> Engine:
    """An engine whose transactions may write, or see one instant."""
    made = create_engine(
        "postgresql+psycopg://",
        creator=creator,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        use_native_hstore=False,
        hide_parameters=True,
    )
    event.listen(made, "begin", partial(_begin, _WRITE if writes else _READ))
    event.listen(made, "commit", _notify)
    event.listen(made, "checkin", _rest)
    event.listen(made, "checkout", _look_after)
    return made


class PostgresDatabase:
    """An existing database, as a `Database`. With `lock`, the one that is polled with."""

    is_shared = True

    def __init__(self, address: Address, lock: "PollerLock | None" = None) -> None:
        self.place = address.place
        plain = partial(connect, address)
        writer = plain if lock is None else partial(lock.connect, address)
        self.reading = engine(plain, size=READERS, writes=False)
        self.writing = engine(writer, size=1, writes=True)
        self._notices = Notices(plain)

    def damage(self) -> tuple[str, ...]:
        """Nothing: the server looks after its files (`pg_amcheck`); our rows are read anyway."""
        return ()

    def copy(self, target: Path) -> None:
        """Refuse: the server's own tool copies it as a whole."""
        raise StoreError(
            f"{self.place} is copied with PostgreSQL's own tool, also while it runs: "
            f"pg_dump --format=custom --file={target} {self.place}"
        )

    def announce(self, connection: Connection, log_id: str) -> None:
        """See `Database`."""
        connection.info[_ANNOUNCES] = _channel(log_id)

    def listen(self, log_id: str, ring: Callable[[], None]) -> None:
        """See `Database`."""
        self._notices.listen(_channel(log_id), ring)

    async def close(self) -> None:
        """See `Database`."""
        await self._notices.close()
        self.reading.dispose()
        self.writing.dispose()


class PollerLock:
    """The right to poll with a database: an advisory lock of the session that writes.

    It ends with that session, whatever happens to the process. A session that comes after
    a broken one of ours takes it again, and ends ours if the server still holds it for alive.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._last: tuple[Any, ...] | None = None

    def connect(self, address: Address) -> Session:
        """A session that holds the lock. Raises AlreadyRunningError if another one does."""
        with ExitStack() as undo:
            session = connect(address)
            undo.callback(session.close)
            session.execute(_WATCHED)
            self._end_last(session)
            self._take(session)
            self._last = session.execute(
                "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            ).fetchone()
            undo.pop_all()
        return session

    def _end_last(self, session: Session) -> None:
        if self._last is not None:
            session.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE pid = %s AND backend_start = %s",
                self._last,
            )

    def _take(self, session: Session) -> None:
        key = poller_key(session)
        try:
            with session.transaction():
                session.execute(f"SET LOCAL lock_timeout = '{LOCK_WITHIN}'")
                session.execute("SELECT pg_advisory_lock(%s::int, %s::int)", key)
        except errors.LockNotAvailable:
            raise AlreadyRunningError(
                f"another Bellbuoy polls with {self._place}{_holder(session, key)}: read along "
                "with `bellbuoy events --follow`, or stop the other one"
            ) from None


def poller_key(session: Session) -> tuple[int, int]:
    """The two numbers of the lock; advisory locks are the database's, a store is a schema's."""
    return _POLLER, schema_number(session)


def schema_number(session: Session) -> int:
    """A number for the schema in which the tables of a session are."""
    row = session.execute("SELECT current_schema()").fetchone()
    # What is taken for an `int` there has a sign.
    return crc32(str(row and row[0]).encode()) - 2**31


@contextmanager
def opened(url: str, *, poller: bool) -> Generator[PostgresDatabase]:
    """The database at an address, brought up to date. Raises StoreError, AlreadyRunningError."""
    from bellbuoy.stores import postgres_tables  # noqa: PLC0415 - it needs what is above

    address = parse(url)
    with mapped(address.place):
        postgres_tables.prepare(address)
        database = PostgresDatabase(address, PollerLock(address.place) if poller else None)
        with ExitStack() as undo:
            undo.callback(database.writing.dispose)
            undo.callback(database.reading.dispose)
            if poller:
                database.writing.connect().close()
            undo.pop_all()
    yield database


def _begin(said: str, connection: Connection) -> None:
    connection.info.pop(_ANNOUNCES, None)
    connection.exec_driver_sql(said)


def _notify(connection: Connection) -> None:
    """Once for all that a transaction records, at its end."""
    channel = connection.info.pop(_ANNOUNCES, None)
    if channel is not None:
        connection.exec_driver_sql(f"NOTIFY {channel}")


def _rest(session: object, record: ConnectionPoolEntry) -> None:  # noqa: ARG001 - SQLAlchemy's
    record.info[_RESTS_SINCE] = monotonic()


def _look_after(session: Session, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Replace a session that broke while it rested, so that no call has to fail for it.

    Of one that is in use all the time it is not asked: it would be a question more for each.
    """
    if monotonic() - record.info.get(_RESTS_SINCE, inf) > ASK_AFTER:
        try:
            session.execute("SELECT 1")
        except psycopg.OperationalError as error:
            raise DisconnectionError from error


def _is_misread(given: dict[str, Any]) -> bool:
    """Whether part of a password is taken for the host, the port or the name: it holds @ or /."""
    port = str(given.get("port") or "").replace(",", "")
    return (
        "@" in f"{given.get('host')}{given.get('dbname')}"
        or "/" in str(given.get("dbname"))
        or not (port.isdigit() or not port)
    )


def _channel(log_id: str) -> str:
    return f"bellbuoy_{log_id}"


def _place(given: dict[str, Any]) -> str:
    host = str(given.get("host") or given.get("hostaddr") or "")
    host = f"[{host}]" if ":" in host else host
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    if host.startswith("/"):  # the directory of a socket
        return f"postgresql://{user}/{given.get('dbname') or ''}?host={host}"
    return f"postgresql://{user}{host}{port}/{given.get('dbname') or ''}"


_HOLDER: LiteralString = """
    SELECT pid, coalesce(host(client_addr), '') FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND classid::bigint = %s AND objid::bigint = %s AND granted
"""


def _holder(session: Session, key: tuple[int, int]) -> str:
    row = session.execute(_HOLDER, tuple(number % 2**32 for number in key)).fetchone()
    if row is None:
        return ""
    return f" (from {row[1]}, session {row[0]})" if row[1] else f" (session {row[0]})"
