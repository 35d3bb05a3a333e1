"""One code path for every database."""

from types import SimpleNamespace

import pytest
from sqlalchemy import ClauseElement
from sqlalchemy.dialects import postgresql, sqlite

from bellbuoy.stores import eventlog, knowledge, outbox, schema
from bellbuoy.stores.statements import chunks, insert_new, upsert

DIALECTS = [postgresql.dialect(), sqlite.dialect()]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_statement_is_one_that_the_database_can_say(dialect):
    """Also PostgreSQL, which is not there yet."""
    said = 0
    for module in (eventlog, knowledge, outbox):
        for value in vars(module).values():
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, ClauseElement):
                    said += bool(str(each.compile(dialect=dialect)))
    assert said > 20


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_insert_is_one_that_the_database_can_say(dialect):
    """With what to do where the key is there already."""
    connection = SimpleNamespace(dialect=dialect)
    for table in schema.metadata.tables.values():
        names = [column.name for column in table.columns if not column.primary_key]
        if names:
            said = str(upsert(connection, table, *names).compile(dialect=dialect))
            assert "ON CONFLICT" in said
            assert "DO UPDATE SET" in said
        assert "DO NOTHING" in str(insert_new(connection, table).compile(dialect=dialect))


def test_chunks_hold_every_value_in_order():
    """At most so many in each."""
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
