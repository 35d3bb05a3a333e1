"""A PostgreSQL that cannot be used: each time one line with the cure, and no password."""

import subprocess
import sys

import psycopg
import pytest

from bellbuoy.errors import StoreError, StoreUnavailableError
from bellbuoy.stores import postgres_tables
from bellbuoy.stores.opening import is_there, open_store
from tests.postgres import database

PASSWORD = "canary-password"


async def refused(address: str, *, kind: type[StoreError] = StoreError) -> str:
    """The line that says why; it is the same for a poller and for others."""
    said = set()
    for poller in (False, True):
        with pytest.raises(kind) as caught:
            async with open_store(address, poller=poller):
                pass
        said.add(str(caught.value))
    (line,) = said
    assert "\n" not in line
    assert "canary" not in line
    return line


async def test_a_server_that_is_away_is_unavailable(cluster):
    """The line names host and port, and says what to look at."""
    cluster.stop()
    address = cluster.address.replace("postgres@", f"me:{PASSWORD}@")
    line = await refused(address, kind=StoreUnavailableError)
    assert line.startswith(f"postgresql://me@127.0.0.1:{cluster.port}/postgres: ")
    assert "check that the server runs" in line


async def test_a_host_that_is_not_there_is_unavailable():
    """A name that nobody knows."""
    address = f"postgresql://me:{PASSWORD}@no-such-host.invalid/bellbuoy"
    assert "check the name of the host" in await refused(address, kind=StoreUnavailableError)


async def test_a_wrong_password_is_said_and_not_shown(cluster):
    """Neither the right one nor the wrong one."""
    with psycopg.connect(cluster.address, autocommit=True) as session:
        session.execute("CREATE ROLE locked LOGIN PASSWORD 'another-canary'")
    rules = cluster.data / "pg_hba.conf"
    rules.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
    with psycopg.connect(cluster.address, autocommit=True) as session:
        session.execute("SELECT pg_reload_conf()")
    address = cluster.address.replace("postgres@", "locked:PASSWORD@", 1)
    assert "correct the user or the password" in await refused(
        address.replace("PASSWORD", PASSWORD)
    )
    assert "put the password into the address" in await refused(address.replace(":PASSWORD", ""))


async def test_a_database_or_a_user_that_is_not_there_is_said(postgres_server):
    """With the statement that makes it."""
    place = postgres_server.partition("?")[0].rpartition("/")[0]
    assert "CREATE DATABASE" in await refused(f"{place}/no_such_database")
    assert "CREATE ROLE" in await refused(f"{postgres_server.rstrip('?')}?user=no_such_role")


@pytest.mark.parametrize(
    "address",
    [
        *("u:canary%@host/db", "u:can/canary@host:5432/db", "u:12/canary@host/db", "h/db?canary=1"),
        *("u:p@canary@host/db", "u:canary/12"),
    ],
)
async def test_an_address_that_libpq_does_not_understand_is_not_shown(address):
    """What it says of it would quote the password."""
    assert "%XX" in await refused(f"postgresql://{address}")


async def test_a_server_that_is_too_old_is_refused(postgres_address, monkeypatch):
    """Before anything is asked of it that it could not answer."""
    monkeypatch.setattr(postgres_tables, "OLDEST", 99)
    assert "99 is the oldest that works, so upgrade it" in await refused(postgres_address)
    with pytest.raises(StoreError, match="oldest"):
        is_there(postgres_address)


async def test_a_database_that_holds_no_unicode_is_refused(postgres_server):
    """Before a vendor's text meets it."""
    options = "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    with database(postgres_server, options) as address:
        assert "ENCODING 'UTF8'" in await refused(address)


async def test_a_search_path_that_leads_nowhere_is_refused(postgres_server):
    """The tables would have no place."""
    sign = "&" if "?" in postgres_server else "?"
    line = await refused(f"{postgres_server}{sign}options=-csearch_path%3Dno_such_schema")
    assert "CREATE SCHEMA" in line


@pytest.mark.parametrize("table", ["alembic_version", "event", "log"])
async def test_tables_of_another_program_are_left_alone(postgres_address, table):
    """Also where it keeps its version as we do."""
    with psycopg.connect(postgres_address, autocommit=True) as session:
        session.execute(f"CREATE TABLE {table} (version_num text)")
        line = await refused(postgres_address)
        assert f"another program ({table})" in line
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
        assert session.execute(tables).fetchone() == (1,)


async def test_a_user_that_may_make_no_tables_is_told_the_right(postgres_address):
    """Since PostgreSQL 15 nobody but its owner may, in a new database."""
    name = f"guest_{postgres_address[-12:]}"
    with psycopg.connect(postgres_address, autocommit=True) as session:
        (place,) = session.execute("SELECT current_schema()").fetchone()
        session.execute(f"CREATE ROLE {name} LOGIN")
        session.execute(f"GRANT USAGE ON SCHEMA {place} TO {name}")
        try:
            line = await refused(f"{postgres_address}&user={name}")
        finally:
            session.execute(f"DROP OWNED BY {name}")
            session.execute(f"DROP ROLE {name}")
    assert "GRANT USAGE, CREATE ON SCHEMA" in line


async def test_p4_a_row_that_does_not_decode_is_damage(postgres_address):
    """The check finds it, and the cure is a dump, not a file."""
    async with open_store(postgres_address, poller=True) as store:
        with psycopg.connect(postgres_address, autocommit=True) as session:
            session.execute("INSERT INTO page VALUES ('https://x.example', 'nonsense', NULL)")
        (problem,) = await store.check()
        assert "page.state" in problem
        with pytest.raises(StoreError, match=r"is damaged .*restore a dump made by `pg_dump`"):
            await store.load_states(["https://x.example"])


def test_without_psycopg_the_line_names_the_extra():
    """It is not installed with Bellbuoy itself."""
    script = (
        "import sys\n"
        "sys.modules['psycopg'] = None\n"
        "from bellbuoy.cli.program import main\n"
        "sys.exit(main(['events', '--store', 'postgresql://u:canary@h/db']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].endswith("pip install 'bellbuoy[postgres]'")
    assert "canary" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["events"],
        ["watch", "--once"],
        ["store", "check"],
        ["silence", "list"],
        ["receivers", "list"],
    ],
    ids=" ".join,
)
def test_a_command_ends_with_the_code_of_the_store(command):
    """One line, exit code 3, no password."""
    address = f"postgresql://me:{PASSWORD}@127.0.0.1:1/bellbuoy"
    done = subprocess.run(
        [sys.executable, "-m", "bellbuoy", *command, "--store", address],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    said = [line for line in done.stderr.splitlines() if line.startswith("bellbuoy: ")]
    assert len(said) == 1
    assert "postgresql://me@127.0.0.1:1/bellbuoy" in said[0]
    assert "canary" not in done.stdout + done.stderr
