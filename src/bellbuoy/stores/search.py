"""Which events have which words, kept in SQLite. Every function runs inside a transaction.

The words (`words`) are in a table of FTS5 without content
(https://www.sqlite.org/fts5.html, section 4.4.1), whose rowid is `seq`. It is written in the
transactions that write the log.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, text

from bellbuoy.events import Event
from bellbuoy.stores.words import words_in, words_of

# Of the words nothing but the rows is kept (`detail=none`): no two words have to stand side by
# side. The tokenizer `ascii` parts words at spaces and folds nothing that is not folded already.
CREATE = (
    "CREATE VIRTUAL TABLE event_words USING fts5(words, content='', detail=none, tokenize='ascii')"
)
_ADD = "INSERT INTO event_words (rowid, words) VALUES (?, ?)"
_DROP = "INSERT INTO event_words (event_words, rowid, words) VALUES ('delete', ?, ?)"
_FIND = text("""
    SELECT event.seq, event.facts
    FROM event_words CROSS JOIN event ON event.seq = event_words.rowid
    WHERE event_words MATCH :wanted AND event_words.rowid < :before
    ORDER BY event_words.rowid DESC LIMIT :most
""")
_UNEQUAL = """
    SELECT
        (SELECT count(*) FROM event WHERE seq NOT IN (SELECT id FROM event_words_docsize)),
        (SELECT count(*) FROM event_words_docsize WHERE id NOT IN (SELECT seq FROM event))
"""


def create(connection: Connection) -> None:
    """Make what the words are kept in, in a database that is new."""
    connection.exec_driver_sql(CREATE)


def add(connection: Connection, events: Iterable[Event]) -> None:
    """Keep the words of events that were just recorded."""
    connection.exec_driver_sql(_ADD, [(each.seq, " ".join(words_of(each))) for each in events])


def drop(connection: Connection, events: Iterable[tuple[int, Event | None]]) -> None:
    """Forget the words of events, by `seq`, that leave the log; None is one that is damaged."""
    rows = [(seq, " ".join(words_of(each)) if each else "") for seq, each in events]
    connection.exec_driver_sql(_DROP, rows)


def find(connection: Connection, said: str, before: int, limit: int) -> Sequence[Any]:
    """The rows (seq, facts) of events that have all these words, newest first."""
    wanted = words_in(said)
    if not wanted:
        return ()
    match = " ".join(f'"{word}"' for word in wanted) + "*"
    values = {"wanted": match, "before": before, "most": limit}
    return connection.execute(_FIND, values).all()


def problems(connection: Connection) -> tuple[str, ...]:
    """What is wrong with the words, if anything. Raises an error of SQLite if they are damaged."""
    # Only by this are all words read: an integrity check of FTS5 would lock out the writer.
    connection.exec_driver_sql(
        "CREATE VIRTUAL TABLE temp.event_vocabulary USING fts5vocab(main, event_words, row)"
    )
    connection.exec_driver_sql("SELECT count(*), sum(doc) FROM temp.event_vocabulary").all()
    connection.exec_driver_sql("DROP TABLE temp.event_vocabulary")
    missing, left = connection.exec_driver_sql(_UNEQUAL).one()
    found = ((missing, "events cannot be found by their words"), (left, "events have only words"))
    return tuple(f"{number} {what}" for number, what in found if number)
