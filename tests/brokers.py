"""Brokers to test against: those that run here already, and some of our own that may be killed.

A server that runs is looked for at its usual port on this machine, or where BELLBUOY_REDIS,
BELLBUOY_NATS or BELLBUOY_RABBITMQ say. One of our own is a process with all it has in one
directory, if its program is installed. Kafka has no server here: librdkafka, the library that
speaks to it, brings a cluster that is a pretence but answers over sockets, in its own process.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

import pytest

USUAL = {
    "redis": "redis://127.0.0.1:6379",
    "nats": "nats://127.0.0.1:4222",
    "rabbitmq": "amqp://guest:guest@127.0.0.1:5672/",
}
PACKAGES = {"redis": "redis-server", "nats": "nats-server", "rabbitmq": "rabbitmq-server"}


def wanting(kind: str) -> str:
    """Why a test is skipped."""
    return (
        f"no {kind} answers: BELLBUOY_{kind.upper()} names one, "
        f"or Debian's package {PACKAGES[kind]} is one"
    )


def program(kind: str) -> str | None:
    """The program of a server."""
    # Debian's `rabbitmq-server` on the PATH changes to a user who may not read our directory.
    inside = sorted(Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server"))
    if kind == "rabbitmq":
        return str(inside[-1]) if inside else None
    return shutil.which(PACKAGES[kind]) or shutil.which(PACKAGES[kind], path="/usr/sbin")


def running(kind: str) -> str | None:
    """The address of the server that runs here; None if there is none."""
    address = os.environ.get(f"BELLBUOY_{kind.upper()}", USUAL[kind])
    place = urlsplit(address)
    with suppress(OSError), socket.create_connection((place.hostname, place.port), timeout=3):
        return address
    return None


@contextmanager
def server(kind: str) -> Iterator[str]:
    """The address of a server: one that runs, or one of our own; without either it is skipped.

    Of Kafka it is those of the pretend cluster.
    """
    if kind == "kafka":
        with kafka() as cluster:
            yield ",".join(cluster.servers)
        return
    if address := running(kind):
        yield address
        return
    with own(kind) as made:
        made.start()
        asyncio.run(made.answers())
        yield made.address


class Server:
    """A server of our own that may be killed; what was acknowledged is to be there afterwards."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self._folder = folder
        self.port = free_port()
        self._more_ports = [free_port(), free_port()]
        self._process: subprocess.Popen[bytes] | None = None
        login = "guest:guest@" if kind == "rabbitmq" else ""
        scheme = "amqp" if kind == "rabbitmq" else kind
        self.address = f"{scheme}://{login}127.0.0.1:{self.port}"

    def start(self, *more: str) -> None:
        """Start it; it does not answer yet."""
        command, environment = getattr(self, f"_{self.kind}")()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *more],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """`kill -9`, with all that it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            while self._is_heard():
                time.sleep(0.01)

    def _is_heard(self) -> bool:
        """Whether anybody still listens: what a program started ends a moment after it."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    async def answers(self) -> None:
        """Return once somebody can connect."""
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                await writer.wait_closed()
                return
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()
            await asyncio.sleep(0.05)

    def _redis(self) -> tuple[list[str], dict[str, str]]:
        # With `always` an entry is on disk before it is acknowledged.
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self._folder, "save": "",
                   "appendonly": "yes", "appendfsync": "always"}  # fmt: skip
        given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return [str(program("redis")), *given], {}

    def _nats(self) -> tuple[list[str], dict[str, str]]:
        given = ["-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self._folder)]
        return [str(program("nats")), *given], {}

    def _rabbitmq(self) -> tuple[list[str], dict[str, str]]:
        distribution, names = map(str, self._more_ports)
        place = {"MNESIA_BASE": "mnesia", "LOG_BASE": "logs", "ENABLED_PLUGINS_FILE": "plugins",
                 "CONFIG_FILE": "rabbitmq", "CONF_ENV_FILE": "env", "PID_FILE": "pid"}  # fmt: skip
        environment = {
            "HOME": str(self._folder),
            "RABBITMQ_NODENAME": f"bell{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": distribution,
            "ERL_EPMD_PORT": names,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            **{f"RABBITMQ_{name}": str(self._folder / path) for name, path in place.items()},
        }
        return [str(program("rabbitmq"))], environment


@contextmanager
def own(kind: str) -> Iterator[Server]:
    """A server of our own, not started yet; without its program the test is skipped."""
    if program(kind) is None:
        pytest.skip(wanting(kind))
    folder = Path(mkdtemp(prefix=f"bellbuoy-{kind}-"))
    made = Server(kind, folder)
    try:
        yield made
    finally:
        made.kill()
        _end_names(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _end_names(folder: Path) -> None:
    """End Erlang's service of names that a RabbitMQ of ours left: it has our directory as home."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (process / "environ").read_bytes().split(b"\0")
            if f"HOME={folder}".encode() in environment:
                os.kill(int(process.name), signal.SIGKILL)


MOCK = """
import sys
import time
from confluent_kafka import Producer
producer = Producer({"test.mock.num.brokers": 3, "log_level": 0})
brokers = producer.list_topics(timeout=10).brokers.values()
print(",".join(f"{each.host}:{each.port}" for each in brokers), flush=True)
sys.stdin.read()
"""


class Kafka:
    """A pretend cluster of three, in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", MOCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.servers = self._process.stdout.readline().decode().strip().split(",")
        assert all(re.fullmatch(r"127\.0\.0\.1:\d+", each) for each in self.servers)

    def signal(self, number: int) -> None:
        """Stop it in the middle (SIGSTOP), or let it go on (SIGCONT)."""
        self._process.send_signal(number)
        if number == signal.SIGSTOP:
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def kafka() -> Iterator[Kafka]:
    """A pretend cluster that is gone afterwards."""
    made = Kafka()
    try:
        yield made
    finally:
        made.close()


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@asynccontextmanager
async def cut(address: str) -> AsyncIterator["Cut"]:
    """A way to a server that can be cut."""
    place = urlsplit(address)
    made = Cut(str(place.hostname), int(place.port or 0))
    made.server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    made.address = address.replace(
        f"{place.hostname}:{place.port}", f"127.0.0.1:{made.server.sockets[0].getsockname()[1]}"
    )
    try:
        yield made
    finally:
        made.server.close()
        made.now()
        await asyncio.gather(*made.tasks, return_exceptions=True)


class Cut:
    """Hands bytes on in both directions until it is cut; `hears` is whether answers come back."""

    def __init__(self, host: str, port: int) -> None:
        self.address = ""
        self.server: asyncio.Server
        self.tasks: set[asyncio.Task[None]] = set()
        self.hears = True
        self._to = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()

    def now(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on what comes over a new connection."""
        there = await asyncio.open_connection(*self._to)
        self._writers |= {writer, there[1]}
        for source, target, is_answer in ((reader, there[1], False), (there[0], writer, True)):
            task = asyncio.create_task(self._hand_on(source, target, is_answer=is_answer))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _hand_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self.hears or not is_answer:
                    target.write(data)
        target.transport.abort()
        self._writers.discard(target)
