"""Many workers in one process, in virtual time: real Apps over one store in memory.

    async with Simulation(World(pages=2000, ...), workers=5) as simulation:
        simulation.lines[3].wire = Wire.DEAD
        await asyncio.sleep(300)

Nothing is real but Bellbuoy: pages are what a script says, and each worker reaches the vendors and
the store over a wire of its own, which can be cut, held up, or dead.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import Any, Self
from unittest.mock import patch

import msgspec

from bellbuoy.app import App
from bellbuoy.config import Config, Watched
from bellbuoy.errors import FetchError, StoreUnavailableError, Unreadable
from bellbuoy.events import Event
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.http import HttpSettings
from bellbuoy.model.facts import (
    Impact,
    Incident,
    IncidentKind,
    IncidentUpdate,
    Part,
    Snapshot,
)
from bellbuoy.model.known import Validators
from bellbuoy.observer import Observer, VisitDone
from bellbuoy.stores.memory import MemoryStore
from tests.fleet.script import STATUSES, Life
from tests.polling.scripted import PlainFormat, page
from tests.virtual_time import START, now

LATENCY = 0.2
"""How long an answer takes, in virtual seconds."""

DEADLINE = 20.0
"""How long a visit may take, in virtual seconds."""

_NONE = Validators()
_QUIET = msgspec.json.encode(Snapshot(complete=frozenset({Part.OPEN_INCIDENTS})))


class Wire(StrEnum):
    """How a worker is connected to everything else."""

    WHOLE = "whole"
    CUT = "cut: whatever it asks fails"
    HELD = "held up: whatever it asks waits until it goes on"
    DEAD = "dead: it never hears of anything again"


class World:
    """What all pages say, and who looks at them.

    So many `lives` begin at an instant `between` two, in virtual seconds.
    """

    def __init__(
        self, *, pages: int, every: float, lives: int, between: tuple[float, float], seed: int
    ) -> None:
        self.pages = tuple(page(number, every=every) for number in range(pages))
        self.seed = seed
        self.lives = _lives(pages, lives, between, Random(seed))
        self.polls: dict[str, list[float]] = defaultdict(list)
        self.flying: dict[str, int] = defaultdict(int)
        self.at_once: list[str] = []
        self._bodies: dict[tuple[str, int], tuple[bytes, Validators]] = {}

    def says(self, url: str, time: float) -> tuple[bytes, Validators]:
        """The body of a page at a time, and the validators that vouch for it."""
        life = self.lives.get(url)
        said = life.said(time) if life else 0
        key = (url, said) if said else ("", 0)
        if key not in self._bodies:
            body = _said(url, life.at[:said]) if life and said else _QUIET
            tag = f"{key}"
            self._bodies[key] = body, Validators(etag=tag, body_hash=tag.encode())
        return self._bodies[key]

    def texts(self) -> Mapping[str, list[str]]:
        """Every message of the script, by the page that says it."""
        return {
            url: [_text(url, n) for n in range(len(life.at))] for url, life in self.lives.items()
        }


class Line:
    """A worker's own way to the vendors, as a `Network`, and to the store."""

    def __init__(self, world: World, store: MemoryStore) -> None:
        self.world = world
        self.store = _Reached(store, self)
        self._wire = Wire.WHOLE
        self._changed = asyncio.Event()

    @property
    def wire(self) -> Wire:
        """How it is connected."""
        return self._wire

    @wire.setter
    def wire(self, wire: Wire) -> None:
        self._wire = wire
        self._changed.set()
        self._changed = asyncio.Event()

    async def passed(self) -> bool:
        """Wait until something gets through; False if it does not."""
        while self._wire in {Wire.HELD, Wire.DEAD}:
            await self._changed.wait()
        return self._wire is Wire.WHOLE

    def visit(self, url: str, *, platform: str | None = None, slow: bool = False) -> "_Talk":
        """Begin a visit."""
        return _Talk(self, url)


class _Reached:
    """The store, as far as the wire reaches."""

    def __init__(self, store: MemoryStore, line: Line) -> None:
        self._store = store
        self._line = line

    def under(self, lease: Any) -> "_Reached":
        return _Reached(self._store.under(lease), self._line)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def reached(*args: Any, **kwargs: Any) -> Any:
            if not await self._line.passed():
                raise StoreUnavailableError("the store cannot be reached")
            return await found(*args, **kwargs)

        setattr(self, name, reached)
        return reached


class _Talk:
    """One visit over a worker's wire."""

    __slots__ = ("_line", "_url", "fresh")
    all_answered = True
    moved_to: str | None = None
    latency: float | None = LATENCY

    def __init__(self, line: Line, url: str) -> None:
        self._line = line
        self._url = url
        self.fresh: dict[str, Validators] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def ask(self, request: Request, validators: Validators = _NONE) -> Response:
        await self._pass(request.url)
        world, url, loop = self._line.world, request.url, asyncio.get_running_loop()
        world.polls[url].append(loop.time())
        world.flying[url] += 1
        if world.flying[url] > 1:
            world.at_once.append(url)
        try:
            await asyncio.sleep(LATENCY)
        finally:
            world.flying[url] -= 1
        await self._pass(url)
        body, self.fresh[url] = world.says(url, loop.time())
        if validators.etag == self.fresh[url].etag:
            return Response(url=url, status=304, headers={})
        return Response(url=url, status=200, headers={}, body=body)

    async def _pass(self, url: str) -> None:
        if self._line.wire is Wire.WHOLE:
            return
        try:
            async with asyncio.timeout(DEADLINE):
                is_through = await self._line.passed()
        except TimeoutError:
            raise FetchError(url, Unreadable.NETWORK, "no answer", timed_out=True) from None
        if not is_through:
            raise FetchError(url, Unreadable.NETWORK, "no route to host")

    async def drive(
        self, exchange: Exchange[Any], *, first: Any = None, validators: object = None
    ) -> Any:
        try:
            next(exchange)
            exchange.send(first)
        except StopIteration as end:
            return end.value
        raise AssertionError("a page here is one document")


class Simulation:
    """Workers over one store and one world. They are numbered from 0 as they join."""

    def __init__(self, world: World, *, workers: int) -> None:
        self.world = world
        self.store = MemoryStore(is_shared=True, now=now)
        self.outcomes: Counter[str] = Counter()
        self.config = Config(
            watched=tuple(Watched(page=one) for one in world.pages),
            http=HttpSettings(seats=400),
            store="memory:",
            formats={"plain": PlainFormat()},
        )
        self._first = workers
        # Shares go by the workers' ids, so these are drawn from the seed, too.
        self._ids = Random(world.seed)
        self.lines: list[Line] = []
        self._apps: dict[int, App] = {}

    async def __aenter__(self) -> Self:
        for _ in range(self._first):
            await self.join()
        return self

    async def __aexit__(self, *_: object) -> None:
        for number in list(self._apps):
            if self.lines[number].wire is not Wire.WHOLE:
                self.lines[number].wire = Wire.CUT
            await self.leave(number)

    async def join(self) -> int:
        """Start one more worker; its number."""
        line = Line(self.world, self.store)
        app = App(self.config, store=line.store, network=line, observer=_Counting(self), now=now)
        with patch("bellbuoy.app.token_hex", lambda size: self._ids.randbytes(size).hex()):
            await app.__aenter__()
        number = len(self.lines)
        self.lines.append(line)
        self._apps[number] = app
        return number

    async def leave(self, number: int) -> None:
        """Let a worker end as by SIGTERM."""
        await self._apps.pop(number).__aexit__(None, None, None)

    @property
    def working(self) -> list[int]:
        """The workers that have not left and reach everything."""
        return [number for number in self._apps if self.lines[number].wire is Wire.WHOLE]

    async def events(self) -> list[Event]:
        """The whole log."""
        found: list[Event] = []
        while batch := await self.store.read_events(after=len(found)):
            found += batch
        return found


class _Counting(Observer):
    def __init__(self, simulation: Simulation) -> None:
        self._outcomes = simulation.outcomes

    def visit_done(self, details: VisitDone) -> None:
        self._outcomes[details.outcome] += 1


def _lives(pages: int, count: int, between: tuple[float, float], chance: Random) -> dict[str, Life]:
    made = {}
    for number in chance.sample(range(pages), count):
        at = [chance.uniform(*between)]
        while len(at) < len(STATUSES):
            at.append(at[-1] + chance.uniform(5, 60))
        made[page(number).url] = Life(number, 0, tuple(at))
    return made


def _text(url: str, number: int) -> str:
    return f"{url}: message {number}"


def _said(url: str, at: tuple[float, ...]) -> bytes:
    stamps = [START + timedelta(seconds=each) for each in at]
    updates = tuple(
        IncidentUpdate(
            id=f"u{n}", status=STATUSES[n], body=_text(url, n), at=stamp, updated_at=stamp
        )
        for n, stamp in enumerate(stamps)
    )
    incident = Incident(
        id="i1",
        kind=IncidentKind.INCIDENT,
        title="Trouble",
        status=updates[-1].status,
        impact=Impact.MAJOR,
        started_at=stamps[0],
        updated_at=stamps[-1],
        updates=updates,
    )
    complete = frozenset({Part.OPEN_INCIDENTS})
    return msgspec.json.encode(Snapshot(incidents=(incident,), complete=complete))
