"""A store on a server that cannot be used: one line with the cure, the right code, and no harm."""

import asyncio
import shutil

import psycopg
import pytest

from bellbuoy.stores import migrations, postgres_tables
from bellbuoy.stores.opening import open_store
from tests.stores.older import make_postgres
from tests.stores.samples import event, worker
from tests.stores.test_migrations import STEP

COMMANDS = (["events"], ["watch", "--once"], ["store", "check"])
OLD, NEW = migrations.HEAD, f"{int(migrations.HEAD) + 1:04}"


@pytest.fixture(params=COMMANDS, ids=" ".join)
def refused(request, call):
    """Run a command on a store, which must end with this code; the line that says why."""

    def refused(address: str, code: int) -> str:
        done = call(*request.param, "--store", address)
        assert done.returncode == code, done.stderr
        assert done.stdout == ""
        (line,) = [each for each in done.stderr.splitlines() if each.startswith("bellbuoy: ")]
        assert "canary" not in done.stderr
        return line

    return refused


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """From now on a Bellbuoy with one schema more."""

    def write() -> None:
        versions = tmp_path / "versions"
        shutil.copytree(migrations.VERSIONS, versions)
        (versions / f"v{NEW}_colour.py").write_text(STEP.format(more="pass"))
        monkeypatch.setattr(migrations, "VERSIONS", versions)
        monkeypatch.setattr(migrations, "HEAD", NEW)

    return write


def make(address: str, *workers: str) -> None:
    """A store with an event, and with workers that are alive."""

    async def made() -> None:
        async with open_store(address) as store:
            await store.append([event(1)])
            for id in workers:
                await store.renew(worker(id))

    asyncio.run(made())


def everything(address: str) -> list[object]:
    """All rows of all tables, and the tables themselves."""
    with psycopg.connect(address) as session:
        asked = """
            SELECT table_name, string_agg(column_name, ',') FROM information_schema.columns
            WHERE table_schema = current_schema() GROUP BY 1 ORDER BY 1
        """
        tables = session.execute(asked).fetchall()
        return [
            (name, columns, session.execute(f"SELECT * FROM {name}").fetchall())
            for name, columns in tables
        ]


def test_a_server_that_is_away_is_named(refused):
    """With host and port."""
    line = refused("postgresql://me:canary@127.0.0.1:1/bellbuoy", 3)
    assert "postgresql://me@127.0.0.1:1/bellbuoy" in line
    assert "check that the server runs" in line


def test_a_wrong_password_is_not_shown(refused, cluster):
    """The cure is."""
    with psycopg.connect(cluster.address, autocommit=True) as session:
        session.execute("CREATE ROLE locked LOGIN PASSWORD 'right-canary'")
        rules = cluster.data / "pg_hba.conf"
        rules.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        session.execute("SELECT pg_reload_conf()")
    line = refused(cluster.address.replace("postgres@", "locked:canary@", 1), 3)
    assert "correct the user or the password" in line


def test_a_server_that_is_too_old_is_left_alone(refused, postgres_address, monkeypatch):
    """Nothing is made there."""
    monkeypatch.setattr(postgres_tables, "OLDEST", 99)
    assert "99 is the oldest that works" in refused(postgres_address, 3)
    assert everything(postgres_address) == []


def test_a_newer_schema_is_left_alone(refused, postgres_address):
    """The line says who can read it."""
    make(postgres_address)
    with psycopg.connect(postgres_address) as session:
        session.execute("UPDATE alembic_version SET version_num = '0099'")
    before = everything(postgres_address)
    assert "newer Bellbuoy (schema 0099, this one knows" in refused(postgres_address, 3)
    assert everything(postgres_address) == before


def test_a_newer_version_waits_for_the_workers_of_the_older_one(
    refused, postgres_address, next_version
):
    """It names them, and leaves the tables as they are."""
    make(postgres_address, "a", "b")
    before = everything(postgres_address)
    next_version()
    line = refused(postgres_address, 4)
    assert f"has schema {OLD} and cannot be brought to {NEW}" in line
    assert "stop a.example:1, b.example:1, then start this again" in line
    assert everything(postgres_address) == before


def test_an_older_version_is_refused_once_a_newer_one_was_there(
    refused, postgres_address, next_version, monkeypatch
):
    """What the newer one made is left as it is."""
    make_postgres(postgres_address, "0003")
    next_version()
    make(postgres_address)
    monkeypatch.undo()
    before = everything(postgres_address)
    assert f"newer Bellbuoy (schema {NEW}" in refused(postgres_address, 3)
    assert everything(postgres_address) == before
