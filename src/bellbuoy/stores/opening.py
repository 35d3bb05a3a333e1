"""Which store an address means, and the way to open it for as long as it is used."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bellbuoy.errors import StoreError
from bellbuoy.stores import Store

if TYPE_CHECKING:
    from bellbuoy.stores.database import Database

MEMORY = "memory:"


POSTGRESQL = "postgresql://"


@asynccontextmanager
async def open_store(url: str, *, poller: bool = False) -> AsyncGenerator[Store]:
    """Open the store at an address: of a file, of a server, or in memory.

    `sqlite:////abs/path.db` or a plain path, `postgresql://USER:PASSWORD@HOST/NAME`, or
    `memory:`. What is not there is made; an older one is migrated, of a file after a copy. With
    `poller`, this is the one process that polls with a file; on a server, leases say who may
    write what. Raises StoreError (StoreCorruptError, StoreNewerError, StoreUnavailableError),
    and AlreadyRunningError if another process polls with the file, or if the store must be
    migrated while it is in use. One that is half imported is refused.
    """
    if url == MEMORY:
        from bellbuoy.stores.memory import MemoryStore  # noqa: PLC0415 - only what is used

        yield MemoryStore()
        return
    with _database(url, poller=poller) as database:
        from bellbuoy.stores import sql, unfinished  # noqa: PLC0415 - SQLAlchemy is heavy

        try:
            unfinished.refuse(database)
            store = sql.SqlStore(database, sql.read_log_id(database.reading, database.place))
            try:
                yield store
            finally:
                await store.close()
        finally:
            await database.close()


def is_shared(url: str) -> bool:
    """Whether many processes may poll with the store at an address, as workers."""
    return url.startswith(POSTGRESQL)


def is_there(url: str) -> bool:
    """Whether a store is at an address, so that opening it makes no new one. Raises StoreError."""
    if url == MEMORY:
        return False
    if url.startswith(POSTGRESQL):
        _require_psycopg()
        from bellbuoy.stores import postgres_tables  # noqa: PLC0415 - an extra

        return postgres_tables.is_there(url)
    return sqlite_path(url).exists()


def place_of(url: str) -> str:
    """An address as people may see it, without a password. Raises StoreError."""
    if url == MEMORY:
        return MEMORY
    if url.startswith(POSTGRESQL):
        _require_psycopg()
        from bellbuoy.stores import postgres  # noqa: PLC0415 - an extra

        return postgres.parse(url).place
    return str(sqlite_path(url))


@contextmanager
def open_database(
    url: str, *, poller: bool = False, unfinished_too: bool = False
) -> Generator["Database"]:
    """What is under a store, for work on the whole of it outside of a loop.

    Raises as `open_store` does, and StoreError for `memory:`. With `unfinished_too`, one that is
    half imported is let pass.
    """
    if url == MEMORY:
        raise StoreError("memory: what is in it is seen by its own process only; name a file")
    with _database(url, poller=poller) as database:
        from bellbuoy.stores import unfinished  # noqa: PLC0415 - SQLAlchemy is heavy

        try:
            if not unfinished_too:
                unfinished.refuse(database)
            yield database
        finally:
            asyncio.run(database.close())


def _database(url: str, *, poller: bool) -> "AbstractContextManager[Database]":
    if url.startswith(POSTGRESQL):
        _require_psycopg()
        from bellbuoy.stores import postgres  # noqa: PLC0415 - an extra

        return postgres.opened(url)
    path = sqlite_path(url)
    from bellbuoy.stores import sqlite  # noqa: PLC0415 - SQLAlchemy is heavy

    return sqlite.opened(path, poller=poller)


def _require_psycopg() -> None:
    try:
        import psycopg  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise StoreError(
            "a store on PostgreSQL needs psycopg: pip install 'bellbuoy[postgres]'"
        ) from error


def sqlite_path(url: str) -> Path:
    """The file that an address or a plain path means. Raises StoreError for any other."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        return _resolved(url, url)
    if scheme != "sqlite":
        # Not the whole address: it may hold a password.
        place = urlsplit(url).hostname or ""
        raise StoreError(
            f"{scheme}://{place}: there is no such kind of store: use sqlite:////path, "
            f"postgresql://USER:PASSWORD@HOST/NAME, or {MEMORY}"
        )
    if not rest.startswith("/") or "?" in rest:
        raise StoreError(f"{url}: should read like sqlite:////absolute/path.db, or be a path")
    return _resolved(url, rest[1:])


def _resolved(url: str, path: str) -> Path:
    if not path or path.startswith(":") or "\0" in path:
        raise StoreError(f"{url!r} names no file: use a path, or {MEMORY}")
    return Path(path).resolve()
