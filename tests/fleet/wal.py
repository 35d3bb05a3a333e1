"""Who wrote how much to PostgreSQL's write-ahead log, table by table.

Read with PostgreSQL's own extension (https://www.postgresql.org/docs/15/pgwalinspect.html), which
says of each record which relation it is of.
"""

import re
from collections import Counter
from typing import LiteralString

import psycopg

QUIET = ("wal_level=minimal", "max_wal_senders=0", "autovacuum=off", "checkpoint_timeout=1h")
"""Settings with which a server writes nothing of its own accord."""

_RELATION = re.compile(r"rel \d+/\d+/(\d+)")
_NAMES: LiteralString = """
    SELECT pg_relation_filenode(relation.oid), coalesce(main.relname, relation.relname)
    FROM pg_class relation
    LEFT JOIN pg_index ON indexrelid = relation.oid
    LEFT JOIN pg_class toasted ON toasted.reltoastrelid = coalesce(indrelid, relation.oid)
    LEFT JOIN pg_class main ON main.oid = coalesce(toasted.oid, indrelid)
    WHERE relation.relkind IN ('r', 'i', 't')
"""


class Wal:
    """The log of a database as it grows; `read` begins where it ended the last time."""

    def __init__(self, address: str) -> None:
        self._session = psycopg.connect(address, autocommit=True)
        self._session.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        self.skip()

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def skip(self) -> None:
        """Forget what was written so far."""
        self._from = self._place()

    def read(self) -> dict[str, int]:
        """Bytes written since, by table; what is of none is named by what it is of ("Transaction").

        What asking for it writes into the catalogue is left out.
        """
        until = self._place()
        # The server refuses to be asked for nothing.
        rows = self._records(until) if until != self._from else []
        self._from = until
        names = dict(self._session.execute(_NAMES).fetchall())
        written: Counter[str] = Counter()
        for manager, size, blocks in rows:
            found = _RELATION.search(blocks or "")
            name = names.get(int(found[1]), "?") if found else manager
            if not name.startswith("pg_"):
                written[name] += size
        return dict(written)

    def _records(self, until: str) -> list[tuple[str, int, str | None]]:
        return self._session.execute(
            "SELECT resource_manager, record_length, block_ref"
            " FROM pg_get_wal_records_info(%s, %s)",
            (self._from, until),
        ).fetchall()

    def _place(self) -> str:
        # What is inserted and not flushed yet cannot be read, and goes with what comes after it.
        row = self._session.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        return str(row and row[0])
