"""P7: from one version to the next."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from bellbuoy.errors import AlreadyRunningError, StoreError, StoreNewerError
from bellbuoy.model.facts import IncidentKind
from bellbuoy.model.leases import Lease, shard
from bellbuoy.stores import migrations, sqlite
from bellbuoy.stores.opening import open_store
from bellbuoy.stores.retention import began_at
from tests.stores.older import FIXTURES, HAS_WORDS, VERSIONS, fixture, make_postgres
from tests.stores.samples import NOW, event, page, worker

PAGE = page().key
STEP = '''
"""One more column."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0005"
down_revision = "0004"

def upgrade():
    op.add_column("event", Column("colour", Text))
    {more}
'''


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """A Bellbuoy with one version more; call it with what else its step does."""

    def write(more: str = "pass") -> None:
        versions = tmp_path / "versions"
        shutil.copytree(migrations.VERSIONS, versions, dirs_exist_ok=True)
        (versions / "v0005_colour.py").write_text(STEP.format(more=more))
        monkeypatch.setattr(migrations, "VERSIONS", versions)
        monkeypatch.setattr(migrations, "HEAD", "0005")

    return write


def tables(path) -> set[str]:
    """What the database says of its tables, without white space."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {"".join(sql.split()).lower() for name, sql in rows if name != "alembic_version"}


def columns(path, table) -> list[str]:
    """The columns of a table."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


async def make(database):
    """A database with two events; its log's identity."""
    async with open_store(str(database)) as store:
        await store.append([event(1), event(2)])
        return store.log_id


async def test_p7_the_steps_lead_to_the_tables_of_a_new_database(tmp_path):
    """Taken one by one from nothing, they make what is made at once."""
    await make(tmp_path / "new.db")
    stepped = tmp_path / "stepped.db"
    sqlite3.connect(stepped).close()
    engine = sqlite.connect(stepped)
    with engine.execution_options(**sqlite.WRITING).begin() as connection:
        migrations.upgrade(connection)
    engine.dispose()
    assert tables(stepped) == tables(tmp_path / "new.db")
    assert sqlite._version(stepped) == migrations.HEAD


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request, database):
    """Make a store as a Bellbuoy with an older schema left it; its address."""

    def make(version: str) -> str:
        if request.param == "postgresql":
            address = request.getfixturevalue("postgres_address")
            make_postgres(address, version)
            return address
        database.parent.mkdir()
        shutil.copy(fixture(version), database)
        return str(database)

    return make


@pytest.mark.parametrize("version", VERSIONS)
async def test_p7_a_store_of_every_version_opens(older, version):
    """What an older Bellbuoy left is read by this one, with all that is in it."""
    async with open_store(older(version), poller=True) as store:
        assert await store.check() == ()
        assert store.log_id == "5c0e7a3d1b9f4826"
        assert [each.reason for each in await store.read_events()] == ["ä", None, None]
        assert await store.read_cursor("console") == 2
        found = await store.load_known("https://status.acme.example")
        assert found.incidents["i1"].updates[1].body == "Found it."
        assert found.components["c1"].name == "Part c1"
        ((waiting, _),) = await store.due_deliveries("ops", NOW)
        assert waiting.seq == 2
        assert await store.references("ops", [waiting.lane]) == {waiting.lane: "m-1"}
        assert await store.disabled() == {"dev"}


def test_p7_every_version_has_its_file():
    """Whoever raises the version keeps what the one before it left."""
    assert [path.stem for path in sorted(FIXTURES.glob("*.db"))] == [
        f"schema-{version}" for version in VERSIONS
    ]
    assert VERSIONS[-1] == migrations.HEAD


async def test_p7_workers_of_an_earlier_time_are_there(older):
    """They are not alive, and what they held is taken over."""
    async with open_store(older("0004"), poller=True) as store:
        roster = await store.roster()
        assert [(each.worker, each.is_live) for each in roster.members] == [(worker("w1"), False)]
        assert roster.pokes == (PAGE,)
        seen = {name: roster.holdings.get(name) for name in (shard(1), shard(2), shard(3))}
        assert await store.claim("w2", seen) == (
            Lease(shard(1), 4),
            Lease(shard(2), 3),
            Lease(shard(3), 1),
        )


@pytest.mark.parametrize("version", [each for each in VERSIONS if each < HAS_WORDS])
async def test_p7_old_rows_answer_new_questions(older, version):
    """What an older Bellbuoy wrote is found by page, by words and by its beginning."""
    async with open_store(older(version), poller=True) as store:
        assert [each.seq for each in await store.latest_events(page=PAGE)] == [3, 2, 1]
        assert [each.seq for each in await store.search_events("trouble ac")] == [2, 1]
        assert [each.seq for each in await store.search_events("A")] == [3, 2, 1]
        (first, *_) = await store.read_events()
        assert await store.find_event(first.id) == first
        listed = await store.incidents()
        assert [(key, each.key, began_at(each)) for key, each in listed] == [
            (PAGE, "i2", NOW),
            (PAGE, "i1", NOW),
        ]
        assert await store.incidents(kind=IncidentKind.INCIDENT) == listed
        assert await store.incidents(kind=IncidentKind.MAINTENANCE) == ()
        assert [each.key for _, each in await store.incidents(since=NOW)] == ["i1"]
        assert (await store.incident(PAGE, "i1")).updates[1].body == "Found it."
        assert await store.oldest_waiting() == {"ops": NOW}
        assert list(await store.all_components()) == [PAGE]
        await store.append([event(77, title="A new one")])
        assert [each.seq for each in await store.search_events("new")] == [4]
        assert await store.check() == ()


async def test_p7_a_damaged_row_stops_no_upgrade(database):
    """Its event and its incident are named by `check` after as before; all others are there."""
    database.parent.mkdir()
    shutil.copy(fixture("0002"), database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE event SET facts = x'c1ff' WHERE seq = 2")
        connection.execute("UPDATE incident SET facts = x'80' WHERE key = 'i2'")
        connection.execute("UPDATE incident_update SET facts = x'c1' WHERE position = 0")
    async with open_store(str(database), poller=True) as store:
        problems = "\n".join(await store.check())
        assert "event.facts" in problems
        assert "incident.facts" in problems
        assert "1 events cannot be found by their words" in problems
        assert [each.seq for each in await store.search_events("acme")] == [3, 1]


async def test_p7_an_older_database_is_copied_and_brought_up_to_date(database, next_version):
    """The step is taken, nothing is lost, and the copy is what was there before."""
    log_id = await make(database)
    next_version()
    for _ in range(2):
        async with open_store(str(database), poller=True) as store:
            assert store.log_id == log_id
            assert await store.last_seq() == 2
    assert "colour" in columns(database, "event")
    kept = database.with_name(database.name + ".schema-0004")
    assert "colour" not in columns(kept, "event")
    assert sqlite._version(kept) == "0004"
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_p7_a_step_that_fails_changes_nothing(database, next_version):
    """The database is as it was, and the error names the copy."""
    await make(database)
    before = tables(database)
    next_version(more="op.execute('INSERT INTO no_such_table VALUES (1)')")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"as it was: .*no such table.*\.schema-0004"):
            async with open_store(str(database), poller=True):
                pass
    assert tables(database) == before
    assert sqlite._version(database) == "0004"


async def test_p7_a_newer_database_is_refused(database, next_version):
    """An older Bellbuoy leaves it alone and says who can read it."""
    await make(database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "HEAD", "0001")
        before = database.read_bytes()
        for poller in (False, True):
            with pytest.raises(StoreNewerError, match="newer Bellbuoy"):
                async with open_store(str(database), poller=poller):
                    pass
    assert database.read_bytes() == before


async def test_p7_a_database_in_use_by_an_older_poller_is_not_migrated(
    database, next_version, monkeypatch
):
    """A reader of a newer version takes no step under a running poller; alone it does."""
    monkeypatch.setattr(sqlite, "MIGRATED_WITHIN", 0.1)
    async with open_store(str(database), poller=True):
        next_version()
        with pytest.raises(AlreadyRunningError, match=r"schema 0004 and cannot .* stop that one"):
            async with open_store(str(database)):
                pass
    async with open_store(str(database)) as store:
        assert await store.last_seq() == 0
    assert "colour" in columns(database, "event")


def test_p7_the_head_is_the_newest_step():
    """The number in the code is that of the last file, and the files are in order."""
    names = sorted(path.name for path in migrations.VERSIONS.glob("v*.py"))
    assert names[-1].startswith(f"v{migrations.HEAD}_")
    assert [name[1:5] for name in names] == [f"{n:04}" for n in range(1, len(names) + 1)]
