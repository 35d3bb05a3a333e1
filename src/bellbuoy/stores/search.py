"""Which events have which words. Every function runs inside a transaction.

The words (`words`) are taken apart here, never by the database, so both find the same:

- SQLite keeps them in a table of FTS5 without content (https://www.sqlite.org/fts5.html,
  section 4.4.1), whose rowid is `seq`. The tokenizer `ascii` parts words at spaces and folds
  nothing that is not folded already. Of the words nothing but the rows is kept (`detail=none`):
  no two words have to stand side by side.
- PostgreSQL keeps them as they are in a `tsvector` without places, under a GIN index
  (https://www.postgresql.org/docs/15/datatype-textsearch.html): no configuration, no dictionary.

It is written in the transactions that write the log.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, TextClause, text

from bellbuoy.events import Event
from bellbuoy.stores.words import words_in, words_of


class _Dialect(Struct, frozen=True, kw_only=True):
    """How a database says it.

    `packed` makes of words what it keeps, `dropped` of an event the values that name its words,
    and `asked` of words what is looked for: all of them, of the last its beginning.
    """

    create: tuple[str, ...]
    add: str
    drop: str
    find: TextClause
    unequal: str
    compact: tuple[str, ...]
    packed: Callable[[AbstractSet[str]], object]
    dropped: Callable[[int, Event | None], tuple[object, ...]]
    asked: Callable[[Sequence[str]], str]


_SQLITE = _Dialect(
    create=(
        """CREATE VIRTUAL TABLE event_words
        USING fts5(words, content='', detail=none, tokenize='ascii')""",
    ),
    add="INSERT INTO event_words (rowid, words) VALUES (?, ?)",
    drop="INSERT INTO event_words (event_words, rowid, words) VALUES ('delete', ?, ?)",
    find=text("""
        SELECT event.seq, event.facts
        FROM event_words CROSS JOIN event ON event.seq = event_words.rowid
        WHERE event_words MATCH :wanted AND event_words.rowid < :before
        ORDER BY event_words.rowid DESC LIMIT :most
    """),
    unequal="""
        SELECT
            (SELECT count(*) FROM event WHERE seq NOT IN (SELECT id FROM event_words_docsize)),
            (SELECT count(*) FROM event_words_docsize WHERE id NOT IN (SELECT seq FROM event))
    """,
    # Words that were dropped leave marks behind until all are merged into one:
    # https://www.sqlite.org/fts5.html, section 6.8
    compact=("INSERT INTO event_words (event_words) VALUES ('optimize')",),
    packed=" ".join,
    dropped=lambda seq, event: (seq, " ".join(words_of(event)) if event else ""),
    asked=lambda wanted: " ".join(f'"{word}"' for word in wanted) + "*",
)

_POSTGRESQL = _Dialect(
    create=(
        "CREATE TABLE event_words (seq bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX event_words_words ON event_words USING gin (words)",
    ),
    add="INSERT INTO event_words (seq, words) VALUES (%s, array_to_tsvector(%s::text[]))",
    drop="DELETE FROM event_words WHERE seq = %s",
    find=text("""
        SELECT event.seq, event.facts
        FROM event_words JOIN event ON event.seq = event_words.seq
        WHERE event_words.words @@ CAST(:wanted AS tsquery) AND event_words.seq < :before
        ORDER BY event_words.seq DESC LIMIT :most
    """),
    unequal="""
        SELECT
            (SELECT count(*) FROM event WHERE seq NOT IN (SELECT seq FROM event_words)),
            (SELECT count(*) FROM event_words WHERE seq NOT IN (SELECT seq FROM event))
    """,
    compact=(),
    packed=sorted,
    dropped=lambda seq, _: (seq,),
    # Words are letters and digits, so there is no quote in them.
    asked=lambda wanted: " & ".join(f"'{word}'" for word in wanted) + ":*",
)


def create(connection: Connection) -> None:
    """Make what the words are kept in, in a database that is new."""
    for statement in _dialect(connection).create:
        connection.exec_driver_sql(statement)


def add(connection: Connection, events: Iterable[Event]) -> None:
    """Keep the words of events that were just recorded."""
    said = _dialect(connection)
    rows = [(each.seq, said.packed(words_of(each))) for each in events]
    connection.exec_driver_sql(said.add, rows)


def drop(connection: Connection, events: Iterable[tuple[int, Event | None]]) -> None:
    """Forget the words of events, by `seq`, that leave the log; None is one that is damaged."""
    said = _dialect(connection)
    connection.exec_driver_sql(said.drop, [said.dropped(seq, each) for seq, each in events])


def compact(connection: Connection) -> None:
    """Give up the room of words that were dropped, where the database does not do it itself."""
    for statement in _dialect(connection).compact:
        connection.exec_driver_sql(statement)


def find(connection: Connection, said: str, before: int, limit: int) -> Sequence[Any]:
    """The rows (seq, facts) of events that have all these words, newest first."""
    wanted = words_in(said)
    if not wanted:
        return ()
    dialect = _dialect(connection)
    values = {"wanted": dialect.asked(wanted), "before": before, "most": limit}
    return connection.execute(dialect.find, values).all()


def problems(connection: Connection) -> tuple[str, ...]:
    """What is wrong with the words, if anything. Raises an error of SQLite if they are damaged."""
    said = _dialect(connection)
    if said is _SQLITE:
        _read_all(connection)
    missing, left = connection.exec_driver_sql(said.unequal).one()
    found = ((missing, "events cannot be found by their words"), (left, "events have only words"))
    return tuple(f"{number} {what}" for number, what in found if number)


def _read_all(connection: Connection) -> None:
    # Only by this are all words read: an integrity check of FTS5 would lock out the writer.
    connection.exec_driver_sql(
        "CREATE VIRTUAL TABLE temp.event_vocabulary USING fts5vocab(main, event_words, row)"
    )
    connection.exec_driver_sql("SELECT count(*), sum(doc) FROM temp.event_vocabulary").all()
    connection.exec_driver_sql("DROP TABLE temp.event_vocabulary")


def _dialect(connection: Connection) -> _Dialect:
    return _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
