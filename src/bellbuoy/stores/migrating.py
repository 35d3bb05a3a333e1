"""Bring a store up to date, and say what was done.

Every opening brings a store up to date; this is the same, for whoever wants it done at a time
of his own and to see it.
"""

from pathlib import Path

from msgspec import Struct

from bellbuoy.stores import migrations
from bellbuoy.stores.faults import mapped
from bellbuoy.stores.opening import POSTGRESQL, open_database, sqlite_path


class Migrated(Struct, frozen=True):
    """From which schema to which; `copy` is where a file's older form is kept, if it is."""

    place: str
    before: str
    after: str
    copy: Path | None


def migrate(url: str) -> Migrated:
    """Bring the store at an address up to date; it is there. Raises StoreError.

    Several processes may do so at once: one takes the steps, the others wait for it. Raises
    AlreadyRunningError if it is older and another process polls with it.
    """
    before = _version(url)
    with open_database(url) as database:
        place = database.place
    copy = None if url.startswith(POSTGRESQL) else _copy(sqlite_path(url), before)
    return Migrated(place, before, migrations.HEAD, copy)


def _version(url: str) -> str:
    if not url.startswith(POSTGRESQL):
        from bellbuoy.stores import sqlite  # noqa: PLC0415 - only what is used

        return sqlite.version(sqlite_path(url))
    from bellbuoy.stores import postgres  # noqa: PLC0415 - an extra

    address = postgres.parse(url)
    with mapped(address.place), postgres.connect(address) as session:
        row = session.execute("SELECT version_num FROM alembic_version").fetchone()
    return migrations.known_version(address.place, row and row[0])


def _copy(path: Path, before: str) -> Path | None:
    from bellbuoy.stores import sqlite  # noqa: PLC0415 - only what is used

    copy = sqlite.copy_before(path, before)
    return copy if before != migrations.HEAD and copy.exists() else None
