"""The pretend internet of many workers, in a process of its own, which remembers who asked what.

    with Vendors(plan) as vendors:
        vendors.urls                # one for each page
        vendors.begin()             # from now on pages change, as the script says
        vendors.polls()             # who looked at which page, from when to when

A worker is told by the `http.contact` of its config, which is in its User-Agent. Instants are those
of the system's clock in seconds, as the database has them.
"""

import asyncio
import re
import time
from collections import defaultdict
from datetime import datetime
from typing import Any

import msgspec
from benchmarks.servers import Servers, World, serve
from msgspec import Struct

from tests.fleet import script
from tests.fleet.script import Life, Plan

SLOW_EVERY = 10
"""Of so many pages one answers late, so that looks are in flight when something happens."""

SLOW = 0.3
"""How late, in seconds."""

_HEAD = re.compile(
    rb"GET /p(\d+)/history\.atom .*?\r\nuser-agent: \S+ \(\+([^)\r]+)\)", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(rb"\r\nif-none-match: *([^\r]+)", re.IGNORECASE)


class Poll(Struct, frozen=True, array_like=True):
    """A look at a page: who, at what, and from when to when it was on its way here."""

    who: str
    page: int
    began: float
    ended: float


class Vendors(Servers):
    """The parent's side."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("tests.fleet.vendors", plan.hosts, {"plan": msgspec.to_builtins(plan)})
        self.plan = plan

    def at(self, page: int) -> str:
        """The address of a page."""
        return self.urls[page % self.plan.hosts] + script.path(page)

    def begin(self) -> None:
        """Let the script begin."""
        self.ask({"begin": True})

    def is_told(self) -> bool:
        """Whether every message of the script is there."""
        return self.ask({"told": True})

    def not_polled_since(self, instant: float) -> int:
        """How many pages nobody has looked at since then."""
        return self.ask({"since": instant})

    def knows(self, who: str) -> bool:
        """Whether that worker has looked at anything."""
        return self.ask({"knows": who})

    def polls(self) -> list[Poll]:
        """Every look so far."""
        return msgspec.convert(self.ask({"polls": True}), list[Poll])


class _World:
    """What the pages say, and who asked."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lives: dict[int, list[Life]] = defaultdict(list)
        for life in script.lives(plan):
            self._lives[life.page].append(life)
        self._last = max(
            (life.at[-1] for lives in self._lives.values() for life in lives), default=0
        )
        self._began = float("inf")
        self._start: datetime = script.began()
        self._bodies: dict[tuple[int, ...], bytes] = {}
        self._polled = [0.0] * plan.pages
        self._seen: set[str] = set()
        self.polls: list[Poll] = []

    def reply(self, question: dict[str, Any]) -> Any:
        if "begin" in question:
            self._began = time.time()
            return True
        if "told" in question:
            return time.time() > self._began + self._last
        if "knows" in question:
            return question["knows"] in self._seen
        if "since" in question:
            return sum(at < question["since"] for at in self._polled)
        return msgspec.to_builtins(self.polls)

    def note(self, who: str, page: int, began: float) -> None:
        self._polled[page] = began
        self._seen.add(who)
        self.polls.append(Poll(who, page, began, time.time()))

    def answer(self, page: int, head: bytes) -> bytes:
        """The whole answer: 304 to whoever has seen it."""
        mine = self._lives.get(page, ())
        time_now = time.time() - self._began
        said = tuple(life.said(time_now) for life in mine)
        tag = f'"{page if any(said) else ""}-{"-".join(map(str, said))}"'.encode()
        known = _TAG.search(head)
        if known is not None and known[1] == tag:
            return b"HTTP/1.1 304 Not Modified\r\nETag: %b\r\n\r\n" % tag
        place = (page, *said) if any(said) else ()
        if (body := self._bodies.get(place)) is None:
            shown = list(zip(mine, said, strict=True)) if place else []
            self._bodies[place] = body = script.document(shown, self._start)
        return (
            b"HTTP/1.1 200 OK\r\nETag: %b\r\nContent-Type: application/atom+xml\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (tag, len(body), body)
        )


class _Serving(asyncio.Protocol):
    def __init__(self, world: _World) -> None:
        self._world = world
        self._read = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            found = _HEAD.search(head)
            if found is None:
                self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                continue
            page, who, began = int(found[1]), found[2].decode(), time.time()
            if page % SLOW_EVERY:
                self._finish(who, page, began, head)
            else:
                loop = asyncio.get_running_loop()
                loop.call_later(SLOW, self._finish, who, page, began, head)

    def _finish(self, who: str, page: int, began: float, head: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._world.answer(page, head))
        self._world.note(who, page, began)


def _make(options: dict[str, Any]) -> World:
    world = _World(msgspec.convert(options["plan"], Plan))
    return lambda: _Serving(world), world.reply


if __name__ == "__main__":
    serve(_make)
