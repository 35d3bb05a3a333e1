"""Which store an address means, and the way to open it for as long as it is used."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bellbuoy.errors import StoreError
from bellbuoy.stores import Store

MEMORY = "memory:"


@asynccontextmanager
async def open_store(url: str, *, poller: bool = False) -> AsyncGenerator[Store]:
    """Open the store at `sqlite:////abs/path.db`, at a plain path, or in memory (`memory:`).

    A database that is not there is made, with its directories; an older one is migrated
    after a copy. With `poller`, this is the one process that polls with it. Raises
    StoreError (StoreCorruptError, StoreNewerError, StoreUnavailableError), and
    AlreadyRunningError if another process polls with it.
    """
    if url == MEMORY:
        from bellbuoy.stores.memory import MemoryStore  # noqa: PLC0415 - only what is used

        yield MemoryStore()
        return
    path = sqlite_path(url)
    from bellbuoy.stores import sql, sqlite  # noqa: PLC0415 - SQLAlchemy is heavy

    with ExitStack() as held:
        if poller:
            held.enter_context(sqlite.poller_lock(path))
        sqlite.prepare(path, locked=poller)
        engine = sqlite.connect(path)
        held.callback(engine.dispose)
        store = sql.SqlStore(engine, path, sql.read_log_id(engine, str(path)))
        try:
            yield store
        finally:
            await store.close()


def sqlite_path(url: str) -> Path:
    """The file that an address or a plain path means. Raises StoreError for any other."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        return _resolved(url, url)
    if scheme != "sqlite":
        # Not the whole address: it may hold a password.
        place = urlsplit(url).hostname or ""
        raise StoreError(
            f"{scheme}://{place}: there is no such kind of store: use sqlite:////path, or {MEMORY}"
        )
    if not rest.startswith("/") or "?" in rest:
        raise StoreError(f"{url}: should read like sqlite:////absolute/path.db, or be a path")
    return _resolved(url, rest[1:])


def _resolved(url: str, path: str) -> Path:
    if not path or path.startswith(":") or "\0" in path:
        raise StoreError(f"{url!r} names no file: use a path, or {MEMORY}")
    return Path(path).resolve()
