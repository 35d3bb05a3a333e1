"""A PgBouncer to test through: it gives each transaction to whichever of two sessions is free.

Each place has a user of its own, whose search path leads to a schema of its own, as a pooler
takes no options: https://www.pgbouncer.org/config.html#ignore_startup_parameters
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp
from time import monotonic, sleep

import psycopg

WANTING = "no PgBouncer is installed: Debian's package pgbouncer is one"
PASSWORD = "pooled"
SESSIONS = 2
"""Sessions of the server that all sessions of a user share."""

_SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listens}
unix_socket_dir =
pool_mode = transaction
default_pool_size = {sessions}
server_idle_timeout = 1
auth_type = plain
auth_file = {folder}/users
logfile = {folder}/log
pidfile = {folder}/pid
"""


def program() -> str | None:
    """Where PgBouncer is."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class Pooler:
    """A PgBouncer in transaction mode before a server, and users whom it lets in."""

    def __init__(self, server: str, folder: Path) -> None:
        self._server = server
        self.users = [f"test_{token_hex(6)}" for _ in range(1000)]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with psycopg.connect(server) as session:
            self.database = session.info.dbname
            text = _SETTINGS.format(
                host=session.info.host,
                port=session.info.port,
                listens=self.port,
                sessions=SESSIONS,
                folder=folder,
            )
        (folder / "settings.ini").write_text(text)
        (folder / "users").write_text("".join(f'"{user}" "{PASSWORD}"\n' for user in self.users))

    @contextmanager
    def place(self) -> Iterator[str]:
        """The address of an empty schema, through the pooler; it is dropped afterwards."""
        user = self.users.pop()
        with psycopg.connect(self._server, autocommit=True) as session:
            session.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")
            session.execute(f"CREATE SCHEMA AUTHORIZATION {user}")
            session.execute(f"ALTER ROLE {user} SET search_path = {user}")
        try:
            yield f"postgresql://{user}:{PASSWORD}@127.0.0.1:{self.port}/{self.database}"
        finally:
            with psycopg.connect(self._server, autocommit=True) as session:
                session.execute(f"SELECT {_END_ALL}", (user,))
                session.execute(f"DROP OWNED BY {user}")
                session.execute(f"DROP ROLE {user}")


_END_ALL = "pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s"


@contextmanager
def pooler(server: str) -> Iterator[Pooler | None]:
    """A pooler that is gone afterwards; None where the program is not installed."""
    found = program()
    if found is None:
        yield None
        return
    folder = Path(mkdtemp(prefix="bellbuoy-pgbouncer-"))
    try:
        made = Pooler(server, folder)
        command = [found, "-q", str(folder / "settings.ini")]
        if sys.platform != "win32" and os.geteuid() == 0:  # it refuses to run as root
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, "postgres")
            command[1:1] = ["-u", "postgres"]
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd="/")
        try:
            _wait_for(made.port, running)
            yield made
        finally:
            running.kill()
            running.wait(20)
    finally:
        shutil.rmtree(folder)


def _wait_for(port: int, running: "subprocess.Popen[bytes]") -> None:
    ends_at = monotonic() + 20
    while monotonic() < ends_at and running.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        sleep(0.02)
    raise RuntimeError("PgBouncer did not start")
