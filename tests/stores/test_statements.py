"""One code path for every database."""

from types import SimpleNamespace

import pytest
from sqlalchemy import ClauseElement, create_engine, select
from sqlalchemy.dialects import postgresql, sqlite

from bellbuoy.stores import eventlog, knowledge, outbox, schema
from bellbuoy.stores.statements import ROWS_AT_ONCE, chunks, insert_new, upsert, upsert_plain

DIALECTS = [postgresql.dialect(), sqlite.dialect()]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_statement_is_one_that_the_database_can_say(dialect):
    """Compiled alone, without a database."""
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


@pytest.mark.parametrize("count", [1, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 3])
def test_plain_rows_are_inserted_once_and_updated_after(count):
    """However many there are: those of whole statements and the rest."""
    engine = create_engine("sqlite://")
    schema.metadata.create_all(engine)
    table = schema.incident_update
    with engine.begin() as connection:
        for word in ("first", "second"):
            rows = [("page", "incident", n, f"{word} {n}", b"facts") for n in range(count)]
            upsert_plain(connection, table, rows, "body", "facts")
            held = connection.execute(select(table).order_by(table.c.position)).all()
            assert [tuple(row) for row in held] == rows


@pytest.mark.parametrize(("dialect", "mark"), [("sqlite", "?"), ("postgresql", "%s")], ids=str)
def test_many_plain_rows_take_one_statement_in_the_words_of_the_database(dialect, mark):
    """With as many values as rows, in the order of the table's columns, and no row left over."""
    said = []
    connection = SimpleNamespace(
        dialect=SimpleNamespace(name=dialect), exec_driver_sql=lambda *call: said.append(call)
    )
    rows = [("page", "incident", n, "body", b"facts") for n in range(2 * ROWS_AT_ONCE + 1)]
    upsert_plain(connection, schema.incident_update, rows, "body", "facts")
    (text, many), (_, rest) = said
    assert text.count(mark) == len(many[0]) == 5 * ROWS_AT_ONCE
    assert many[0][:5] == rows[0]
    assert len(many) == 2
    assert rest == rows[-1:]


@pytest.mark.parametrize("name", ["_DUE", "_NEXT", "_WAITING"])
def test_n6_what_waits_for_others_is_not_looked_through(name):
    """Of a receiver what waits for it, and of a lane that lane: else the cost is a square."""
    database = create_engine("sqlite://")
    schema.metadata.create_all(database)
    said = str(getattr(outbox, name).compile(dialect=sqlite.dialect()))
    with database.connect() as connection:
        values = (None,) * said.count("?")
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", values).all()
    plan = [row[-1] for row in rows if "delivery_" in row[-1]]
    assert plan[0].endswith("USING INDEX delivery_status (receiver=? AND status=?)")
    assert all("delivery_lane (receiver=? AND lane=? AND seq<?)" in each for each in plan[1:])
    assert len(plan) > 1
    assert not [row for row in rows if "SCAN" in row[-1]]


def test_who_was_told_of_a_lane_is_looked_up_not_looked_for():
    """The account of all lanes is kept as long as the log: it may not be read for each event."""
    database = create_engine("sqlite://")
    schema.metadata.create_all(database)
    asked = outbox._TOLD_OF.params(receivers=["ops", "dev"], lanes=["page i1"])
    said = str(asked.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
    with database.connect() as connection:
        values = ("",) * said.count("?")
        [row] = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", values).all()
    assert row[-1].startswith("SEARCH thread USING INDEX")


def test_chunks_hold_every_value_in_order():
    """At most so many in each."""
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
