"""Pretend vendors in a process of their own, so that what they cost is not counted.

    with Vendors("same", hosts=200) as vendors:
        vendors.urls                      # one for each host: http://127.x.y.z:port

Each host is an address of 127.0.0.0/8. The process ends with its parent, and by itself after
ten minutes. What they answer is said by the name of a script, below.
"""

import asyncio
import json
import os
import random
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from benchmarks import documents

LONGEST = 600.0
BACKLOG = 256

Page = Callable[[str, bool], tuple[bytes, str] | None]


class Vendors:
    """The parent's side. `certificate` is a PEM file with key and chain, `closes` closes after
    each answer, and the hosts from the `hanging`-th on never answer."""

    def __init__(
        self,
        script: str,
        *,
        hosts: int,
        certificate: Path | None = None,
        closes: bool = False,
        hanging: int | None = None,
    ) -> None:
        network = random.randrange(2, 250)  # keeps out of others' way
        self.addresses = [f"127.{network}.{n // 250}.{n % 250 + 1}" for n in range(hosts)]
        self._scheme = "https" if certificate else "http"
        self._options = {
            "script": script,
            "addresses": self.addresses,
            "certificate": str(certificate) if certificate else None,
            "closes": closes,
            "hanging": hosts if hanging is None else hanging,
        }

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.vendors"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        port = self.ask(self._options)
        self.urls = [f"{self._scheme}://{address}:{port}" for address in self.addresses]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]

    def ask(self, question: Any) -> Any:
        """Send a line to the process, and return the line that it answers."""
        self._process.stdin.write(json.dumps(question) + "\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        return json.loads(self._process.stdout.readline())  # type: ignore[union-attr]

    def change(self, number: int) -> None:
        """Let a page be another one from now on."""
        self.ask({"change": number})

    def told(self) -> dict[str, float]:
        """When each page was first asked, and each changed one first told of it.

        By place: `asked` and `told`, in seconds of the system's monotonic clock.
        """
        return self.ask({"told": True})


class _World:
    """What the pages say, and when they said it."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.script: str = options["script"]
        self.hanging: int = options["hanging"]
        self.closes: bool = options["closes"]
        self.places = {address: n for n, address in enumerate(options["addresses"])}
        self.changed: set[int] = set()
        self.told: dict[int, float] = {}
        self.asked: dict[int, float] = {}
        self.answers = 0
        self._feed = documents.feed(entries=3) if self.script == "short" else documents.feed()
        self._bodies: dict[tuple[str, bool], bytes] = {
            ("summary.json", False): documents.summary(),
            ("summary.json", True): documents.summary(opened=True),
        }
        for changed in (False, True):
            self._bodies["incidents.json", changed] = documents.incidents()
            self._bodies["scheduled-maintenances.json", changed] = documents.incidents(
                kind="scheduled_maintenances", count=0
            )

    def answer(self, place: int, head: bytes) -> bytes | None:
        """The whole answer, or None to hang."""
        self.answers += 1
        self.asked.setdefault(place, time.monotonic())
        if place >= self.hanging:
            return None
        path = head.split(b" ", 2)[1].decode().rpartition("/")[2]
        if self.script == "statuspage":
            return self._statuspage(place, path, head)
        if self.script == "same" and b"if-none-match:" in head.lower():
            return self._written(304, '"x"')
        if self.script == "moved":
            body = self._feed
            stamp = b"2026-02-%02dT%02d:%02d:%02d.000Z" % (
                self.answers // 86400 % 28 + 1,
                self.answers // 3600 % 24,
                self.answers // 60 % 60,
                self.answers % 60,
            )
            body = body.replace(b"<updated>2026-01-05T12:00:00.000Z", b"<updated>" + stamp, 1)
            return self._written(200, f'"{self.answers}"', body)
        tag = f'"{self.answers}"' if self.script == "retagged" else '"x"'
        return self._written(200, tag, self._feed)

    def _statuspage(self, place: int, path: str, head: bytes) -> bytes:
        changed = place in self.changed
        body = self._bodies.get((path, changed))
        if body is None:
            return self._written(404, '"none"', b"{}")
        tag = f'"{path}{changed}"'
        if f"if-none-match: {tag}".encode().lower() in head.lower():
            return self._written(304, tag)
        if changed:
            self.told.setdefault(place, time.monotonic())
        return self._written(200, tag, body)

    def _written(self, status: int, tag: str, body: bytes = b"") -> bytes:
        words = {200: "OK", 304: "Not Modified", 404: "Not Found"}
        length = "" if status == 304 else f"Content-Length: {len(body)}\r\n"
        closing = "Connection: close\r\n" if self.closes else ""
        return (
            f"HTTP/1.1 {status} {words[status]}\r\nDate: Mon, 05 Jan 2026 12:00:00 GMT\r\n"
            f"Server: AtlassianEdge\r\nETag: {tag}\r\nVary: Accept-Encoding\r\n"
            "Last-Modified: Mon, 05 Jan 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\n"
            "Cache-Control: max-age=0, private, must-revalidate\r\nX-Request-Id: 0123456789ab\r\n"
            f"Strict-Transport-Security: max-age=63072000\r\nX-Cache: Miss\r\n{length}{closing}\r\n"
        ).encode() + body


class _Serving(asyncio.Protocol):
    def __init__(self, world: _World) -> None:
        self._world = world
        self._read = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._place = self._world.places[transport.get_extra_info("sockname")[0]]

    def data_received(self, data: bytes) -> None:
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            answer = self._world.answer(self._place, head)
            if answer is None:
                continue
            self._transport.write(answer)
            if self._world.closes:
                self._transport.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    # uvloop reports each connection that it closes while the other side still writes.
    loop.set_exception_handler(lambda _, __: None)
    lines = asyncio.StreamReader(limit=16 * 1024 * 1024)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    options = json.loads(await lines.readline())
    world = _World(options)
    context = None
    if options["certificate"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["certificate"])
    first, *others = options["addresses"]

    async def listen(addresses: list[str], port: int) -> asyncio.Server:
        return await loop.create_server(
            lambda: _Serving(world), addresses, port, ssl=context, backlog=BACKLOG
        )

    servers = [await listen([first], 0)]
    port = servers[0].sockets[0].getsockname()[1]
    if others:
        servers.append(await listen(others, port))
    _say(port)
    async with asyncio.timeout(LONGEST):
        while line := await lines.readline():
            question = json.loads(line)
            if "change" in question:
                world.changed.add(question["change"])
                _say(True)
            else:
                _say({"asked": world.asked, "told": world.told})


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    import uvloop

    try:
        uvloop.run(_serve())
    except TimeoutError:
        sys.exit(1)
    finally:
        os.close(1)
