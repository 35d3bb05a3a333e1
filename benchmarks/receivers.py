"""Pretend receivers in a process of their own: each takes every POST and remembers when.

with Receivers(5) as receivers:
    receivers.urls                    # one for each: http://127.x.y.z:port
    receivers.arrived()               # of each the (webhook-id, seconds), as they came
"""

import asyncio
import re
import time
from typing import Any

from benchmarks.servers import Servers, World, serve

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID = re.compile(rb"\r\nwebhook-id: *([^\r]+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 204 No Content\r\nDate: Mon, 05 Jan 2026 12:00:00 GMT\r\n\r\n"


class Receivers(Servers):
    """The parent's side. Those from the `hanging`-th on take everything and never answer."""

    def __init__(self, count: int, *, hanging: int | None = None) -> None:
        options = {"hanging": count if hanging is None else hanging}
        super().__init__("benchmarks.receivers", count, options)

    def arrived(self) -> list[list[tuple[str, float]]]:
        """What each got since it was asked last, in seconds of the system's monotonic clock."""
        return self.ask("arrived")


def _make(options: dict[str, Any]) -> World:
    places = {address: n for n, address in enumerate(options["addresses"])}
    arrived: list[list[tuple[str, float]]] = [[] for _ in places]

    def answer(_: Any) -> Any:
        told = [list(some) for some in arrived]
        for some in arrived:
            some.clear()
        return told

    class Taking(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            self.place = places[transport.get_extra_info("sockname")[0]]
            self.read = bytearray()

        def data_received(self, data: bytes) -> None:
            self.read += data
            while (end := self.read.find(b"\r\n\r\n")) >= 0:
                head = bytes(self.read[:end])
                whole = end + 4 + int(_LENGTH.search(head)[1])  # type: ignore[index]
                if len(self.read) < whole:
                    return
                del self.read[:whole]
                id = _ID.search(head)[1].decode()  # type: ignore[index]
                arrived[self.place].append((id, time.monotonic()))
                if self.place < options["hanging"]:
                    self.transport.write(_ANSWER)

    return Taking, answer


if __name__ == "__main__":
    serve(_make)
