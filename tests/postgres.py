"""A PostgreSQL to test against: one that runs here already, or one of our own.

`BELLBUOY_POSTGRESQL` names a database whose user may make schemas and databases; without it
that is `test` on this machine's usual port. Where nobody answers, and where a test has to stop
the server, a cluster of our own is made in a new directory, if the programs are installed.
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
from urllib.parse import quote

import psycopg

USUAL = "postgresql://127.0.0.1:5432/test"
WANTING = (
    "no PostgreSQL answers: BELLBUOY_POSTGRESQL names one, or Debian's package postgresql is one"
)


def programs() -> Path | None:
    """Where `initdb` and `postgres` are, of the newest version."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve())
    newest = max(found, key=lambda each: each.parent.parent.name, default=None)
    return newest.parent if newest else None


def running() -> str | None:
    """The address of the server that runs here; None if there is none."""
    address = os.environ.get("BELLBUOY_POSTGRESQL", USUAL)
    with suppress(psycopg.Error), psycopg.connect(address, connect_timeout=3):
        return address
    return None


@contextmanager
def server() -> Iterator[str | None]:
    """The address of a server: one that runs, or one of our own; None if there can be none."""
    address, binaries = running(), programs()
    if address is not None or binaries is None:
        yield address
    else:
        with cluster(binaries) as own:
            own.start()
            yield own.address


class Cluster:
    """A server of our own, with everything in one directory; anybody here is let in."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder = folder
        self._binaries = binaries
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.data = folder / "data"
        if _is_root():
            shutil.chown(folder, "postgres")
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
                  "--no-sync")  # fmt: skip

    def start(self, *settings: str) -> None:
        """Start it, and return when it answers."""
        said = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._folder} -c fsync=off"
        options = " ".join([said, *(f"-c {each}" for each in settings)])
        self._control("start", "-o", options, "-l", str(self._folder / "log"))

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is a crash."""
        self._control("stop", "-m", mode)

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "60", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        # A server refuses to run as root.
        other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        command = [*(other if _is_root() else []), str(self._binaries / program), *arguments]
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd="/",
            timeout=90,
        )


@contextmanager
def cluster(binaries: Path) -> Iterator[Cluster]:
    """A cluster that is gone afterwards; it is not started."""
    # Not in the place for tests: the user of the server could not reach it there.
    folder = Path(mkdtemp(prefix="bellbuoy-postgres-"))
    try:
        made = Cluster(folder, binaries)
        try:
            yield made
        finally:
            if (made.data / "postmaster.pid").exists():
                made.stop("immediate")
    finally:
        shutil.rmtree(folder)


@contextmanager
def schema(server: str) -> Iterator[str]:
    """The address of a schema of its own in a database, which is dropped afterwards."""
    name = f"test_{token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f"CREATE SCHEMA {name}")
    sign = "&" if "?" in server else "?"
    try:
        yield f"{server}{sign}options={quote(f'-csearch_path={name}')}"
    finally:
        with psycopg.connect(server, autocommit=True) as session:
            session.execute(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def database(server: str, options: str = "") -> Iterator[str]:
    """The address of a database of its own, which is dropped afterwards."""
    name = f"test_{token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name} {options}")
        place = session.info
        password = f":{quote(place.password)}" if place.password else ""
        login = f"{quote(place.user)}{password}@{place.host}:{place.port}"
    try:
        yield f"postgresql://{login}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as session:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0
