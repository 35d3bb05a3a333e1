"""Steps from one schema to the next, in order; Alembic runs them.

A new database is built from `schema.metadata` and stamped; a test proves that the steps,
taken one by one, lead to the same tables. To change a table, change `schema`, write
`versions/vNNNN_what.py` and raise `HEAD`.
"""

from pathlib import Path

from sqlalchemy import Connection

from bellbuoy.errors import StoreNewerError
from bellbuoy.stores.faults import damaged

HEAD = "0004"
"""The newest version. Kept here too, so that Alembic is only imported when there is a step."""

VERSIONS = Path(__file__).parent / "versions"


def upgrade(connection: Connection) -> None:
    """Take every step that is missing, inside the caller's transaction."""
    from alembic import command  # noqa: PLC0415 - half a second that most starts never need
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _literal(Path(__file__).parent))
    config.set_main_option("version_locations", _literal(VERSIONS))
    config.set_main_option("path_separator", "newline")
    command.upgrade(config, "head")


def known_version(place: str, found: object) -> str:
    """The version of a schema, as it stands in the database, if this Bellbuoy knows it.

    Raises StoreCorruptError where it is none, and StoreNewerError.
    """
    text = str(found)
    if not text.isdigit():
        raise damaged(place, "its version is not readable")
    if int(text) > int(HEAD):
        raise StoreNewerError(
            f"{place} was written by a newer Bellbuoy (schema {text}, this one knows {HEAD}): "
            "use that one, or another store"
        )
    return text


def _literal(path: Path) -> str:
    return str(path).replace("%", "%%")
