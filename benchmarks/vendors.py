"""Pretend vendors in a process of their own.

    with Vendors("same", hosts=200) as vendors:
        vendors.urls                      # one for each host: http://127.x.y.z:port

What they answer is said by the name of a script, below.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from benchmarks import documents
from benchmarks.servers import Servers, World, serve

SMALL = {"short", "brief"}
"""Scripts whose feed has three entries instead of 25."""

KNOWING = {"same", "brief"}
"""Scripts that answer 304 to whoever has seen the feed."""


class Vendors(Servers):
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
        options = {
            "script": script,
            "certificate": str(certificate) if certificate else None,
            "closes": closes,
            "hanging": hosts if hanging is None else hanging,
        }
        super().__init__("benchmarks.vendors", hosts, options)

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
        self._feed = documents.feed(entries=3) if self.script in SMALL else documents.feed()
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
        if self.script in KNOWING and b"if-none-match:" in head.lower():
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


def _make(options: dict[str, Any]) -> World:
    world = _World(options)

    def answer(question: dict[str, Any]) -> Any:
        if "change" in question:
            world.changed.add(question["change"])
            return True
        return {"asked": world.asked, "told": world.told}

    return lambda: _Serving(world), answer


if __name__ == "__main__":
    serve(_make)
