"""A PostgreSQL database: to connect to it, to begin transactions, to hear of its events.

    reading  ──> each transaction sees one instant and cannot write
    writing  ──> each takes the log's row first, so those who write come one after the other
    leasing  ──> signs of life and leases, which wait for nobody who writes

Any number of processes may use it. Nothing is kept in a session: what a transaction needs is
said at its beginning, so a pooler may give each to another session. Where the tables come from
is in `postgres_tables`. What PostgreSQL promises is quoted from
https://www.postgresql.org/docs/15/.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import conninfo
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from bellbuoy.errors import StoreError
from bellbuoy.stores.database import READERS
from bellbuoy.stores.faults import mapped
from bellbuoy.stores.postgres_notices import Notices

STALLED_AFTER = "10s"
"""How long a transaction may stand still before the server ends it and its locks.

A process that is paused or cut off in the middle of one would keep all others waiting.
"""

ASK_AFTER = 1.0
"""Seconds of rest after which a session is asked whether it is still there."""

_ANNOUNCES = "bellbuoy announces"
_RESTS_SINCE = "bellbuoy rests since"
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
# A server that answers before it has written would lose in a crash what it said is on disk.
_ON_DISK = (
    "SELECT set_config('synchronous_commit', 'on', true) "
    "WHERE current_setting('synchronous_commit') = 'off'"
)

READS = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",)
"""How a transaction begins that sees one instant and cannot write."""

WRITES = ("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", _ON_DISK)
"""How one begins that may write."""

WRITES_IN_TURN = (*WRITES, "SELECT seq FROM log FOR UPDATE")
"""How one begins that may write whatever it wants, in any order.

Whoever holds the log's row waits for no other writer, so no two wait for each other.
"""

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
    """A session in which nothing has begun, of the server or of a pooler before it."""
    session = _log_in(address)
    if _is_pooled(session):
        # What one server has prepared, the next one does not know.
        session.prepare_threshold = None
    return session


def connect_to_listen(address: Address) -> Session | None:
    """A session that hears notices; None behind a pooler, where it would hear none."""
    session = _log_in(address)
    if _is_pooled(session):
        session.close()
        return None
    return session


def engine(creator: Callable[[], Session], begins: Sequence[str], *, size: int) -> Engine:
    """An engine whose transactions begin with these statements."""
    made = create_engine(
        "postgresql+psycopg://",
        creator=creator,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        use_native_hstore=False,
        hide_parameters=True,
    )
    event.listen(made, "begin", partial(_begin, begins))
    event.listen(made, "commit", _notify)
    event.listen(made, "checkin", _rest)
    event.listen(made, "checkout", _look_after)
    return made


class PostgresDatabase:
    """An existing database, as a `Database`."""

    is_shared = True

    def __init__(self, address: Address) -> None:
        self.place = address.place
        session = partial(connect, address)
        self.reading = engine(session, READS, size=READERS)
        self.writing = engine(session, WRITES_IN_TURN, size=1)
        self.leasing = engine(session, WRITES, size=1)
        self._notices = Notices(partial(connect_to_listen, address))

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
        self.leasing.dispose()


@contextmanager
def opened(url: str) -> Generator[PostgresDatabase]:
    """The database at an address, brought up to date. Raises StoreError, AlreadyRunningError."""
    from bellbuoy.stores import postgres_tables  # noqa: PLC0415 - it needs what is above

    address = parse(url)
    with mapped(address.place):
        postgres_tables.prepare(address)
    yield PostgresDatabase(address)


def _log_in(address: Address) -> Session:
    return psycopg.connect(**address.parameters, autocommit=True)


def _is_pooled(session: Session) -> bool:
    """Whether a pooler stands between: it logs us in itself, as a process that is none there."""
    try:
        row = session.execute("SELECT pg_backend_pid()").fetchone()
    except psycopg.Error:
        session.close()
        raise
    return row != (session.info.backend_pid,)


def _begin(said: Sequence[str], connection: Connection) -> None:
    connection.info.pop(_ANNOUNCES, None)
    opening, *rest = said
    bound = f"SET LOCAL idle_in_transaction_session_timeout = '{STALLED_AFTER}'"
    connection.exec_driver_sql("; ".join((opening, bound, *rest)))


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
