"""The stores under test."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bellbuoy.stores.opening import open_store
from tests.conftest import PROFILE

SERVERS = {"postgresql": "postgres_address", "pgbouncer": "pooled_address"}
"""The fixtures with the addresses of kinds that are no files."""

POOLED = ("pgbouncer",) if PROFILE == "full" else ()
"""The same server through a pooler; what is a pooler's own is tried in `test_pgbouncer` always."""

UNPOOLED = ("memory", "sqlite", "postgresql")
"""Every kind of store; enough where it is values that are many, and not ways to them."""

KINDS = (*UNPOOLED, *POOLED)
"""Every kind that keeps the contract."""


@pytest.fixture
def database(tmp_path) -> Path:
    """Where a database may be made."""
    return tmp_path / "state" / "bellbuoy.db"


@pytest.fixture(params=KINDS)
def address(request, database) -> str:
    """The address of a store of each kind."""
    if request.param in SERVERS:
        return request.getfixturevalue(SERVERS[request.param])
    return {"memory": "memory:", "sqlite": f"sqlite:///{database}"}[request.param]


@pytest.fixture(params=[kind for kind in KINDS if kind != "memory"])
def shared(request, database) -> str:
    """The address of a store that several processes may use, of each such kind."""
    if request.param in SERVERS:
        return request.getfixturevalue(SERVERS[request.param])
    return f"sqlite:///{database}"


@pytest.fixture
async def store(address):
    """An open, empty store of each kind."""
    async with open_store(address, poller=True) as opened:
        yield opened


@pytest.fixture
async def sql(database):
    """An open, empty store in SQLite."""
    async with open_store(str(database), poller=True) as opened:
        yield opened


@pytest.fixture
def ask(database):
    """Ask the file of the database something, beside the store."""

    def ask(statement: str, *values):
        with closing(sqlite3.connect(database)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return ask
