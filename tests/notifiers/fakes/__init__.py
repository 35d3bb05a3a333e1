"""Pretend services: each checks what it is sent as strictly as the real one does, and answers so.

    async with WebhookFake() as fake:
        settings = webhook.Settings.model_validate(fake.settings())
        ...                                        # send it something
        assert fake.complaints == []               # it was well-formed
        assert "Elevated errors" in fake.heard[-1].text

A fake is what `tests/notifiers/test_conformance.py` needs of a kind of receiver: the `Fake`
protocol. A service that speaks HTTP is an `HttpFake` with three things of its own: `kind`,
`settings` and `take`. Add the class to `FAKES` in the suite, and it holds the kind to every
situation that is among the fake's `troubles`.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from aiohttp import web

RETRY_AFTER = 7
"""Seconds for which a busy service asks to be left alone."""


class Trouble(StrEnum):
    """What a service may do instead of taking a message."""

    BUSY = "busy"
    """It asks to come back later: 429 with `Retry-After: 7`, or its own words for that."""
    BROKEN = "broken"
    """It fails by itself: 500, or its own words for that."""
    CUT = "cut"
    """It took the message, and the connection ends before its answer."""
    POISON = "poison"
    """It refuses one message, by a word in its title, and takes others: `fake.poison`."""
    REFUSED_INSIDE = "refused inside"
    """It answers 200, and its body says that it did not take it and never will."""
    MOVED = "moved"
    """It answers with a redirect, which must not be followed."""
    ROTATED = "rotated"
    """Its secret was changed, so that the old one is refused: `fake.rotate()`."""


HTTP_TROUBLES = frozenset(
    {Trouble.BUSY, Trouble.BROKEN, Trouble.CUT, Trouble.POISON, Trouble.MOVED, Trouble.ROTATED}
)


@dataclass(frozen=True)
class Heard:
    """What a service took at once, in plain facts.

    `text` is every word that a reader sees, unescaped: title, body, fields, links. `key` is
    the idempotency key it came with; empty where the service knows none. `thread` is what
    it belongs to at the service (a message, a ticket, an alert); empty where each stands
    alone. `is_edit` says that it replaced an earlier text instead of standing beside it,
    `ends` that the service now counts its thread as over.
    """

    text: str
    key: str = ""
    thread: str = ""
    is_edit: bool = False
    ends: bool = False


class Fake(Protocol):
    """A pretend service on loopback, an async context manager."""

    kind: ClassVar[str]
    """The kind of receiver that it is."""

    troubles: ClassVar[frozenset[Trouble]]
    """What this service can do to a message."""

    knows_keys: ClassVar[bool]
    """Whether it recognises a repeat by its key; if not, a repeat must say so visibly."""

    says_when: ClassVar[bool]
    """Whether it says for how long it is busy: RETRY_AFTER."""

    keeps_states: ClassVar[bool]
    """Whether it is told what is so, again and again, and not what happened: then a repeat or a
    reminder says nothing new to anybody, and planned work that has not begun is not told."""

    poison: str
    """While not empty: messages with this word in their title are refused for ever."""

    @property
    def heard(self) -> Sequence[Heard]:
        """What it took, in order; a repeat that it recognises is heard again, too."""
        ...

    @property
    def complaints(self) -> Sequence[str]:
        """What was wrong with what it was sent: empty unless the test wants it wrong."""
        ...

    def settings(self) -> dict[str, Any]:
        """What the config would say of it now, without `kind`."""
        ...

    def next(self, trouble: Trouble) -> None:
        """Do this (BUSY, BROKEN, CUT, REFUSED_INSIDE, MOVED) to the next message, once."""
        ...

    def rotate(self) -> None:
        """Change its secret; `settings` then carries the new one."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class HttpFake:
    """A service that speaks HTTP, on a free port of 127.0.0.1.

    A subclass says its `kind`, what `settings` lead to it, and in `take` what it makes of a
    request; the troubles answer as most services do, and may be put otherwise.
    """

    kind: ClassVar[str]
    troubles: ClassVar[frozenset[Trouble]] = HTTP_TROUBLES
    knows_keys: ClassVar[bool] = False
    says_when: ClassVar[bool] = True
    keeps_states: ClassVar[bool] = False

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.complaints: list[str] = []
        self.poison = ""
        self.requests = 0
        self.rotations = 0
        self.url = ""
        self._troubles: deque[Trouble] = deque()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._runner.cleanup()

    def settings(self) -> dict[str, Any]:
        """What the config would say of it; to be said by the subclass."""
        raise NotImplementedError

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Check a request, add to `heard`, and answer; to be said by the subclass.

        What is wrong is answered with `self.refuse(...)`.
        """
        raise NotImplementedError

    def carries(self, request: web.Request) -> bool:
        """Whether a request carries a message, and is not only a question before it."""
        return True

    def next(self, trouble: Trouble) -> None:
        """Do this to the next request that carries a message, once."""
        assert trouble in self.troubles, f"{self.kind} has no trouble {trouble}"
        self._troubles.append(trouble)

    def rotate(self) -> None:
        """Change the secret: `settings` and `take` make it of `self.rotations`."""
        self.rotations += 1

    def refuse(
        self, complaint: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        """Refuse a request for good, and keep why."""
        self.complaints.append(complaint)
        return web.Response(status=status, text=complaint, headers=headers)

    def busy(self) -> web.Response:
        """Come back later."""
        return web.Response(status=429, headers={"Retry-After": str(RETRY_AFTER)})

    def broken(self) -> web.Response:
        """An error of its own."""
        return web.Response(status=500)

    def poisoned(self) -> web.Response:
        """The answer to a message that it will never take."""
        return web.Response(status=400)

    def refused_inside(self) -> web.Response:
        """A refusal that looks like a success; for services that have such."""
        raise NotImplementedError

    def moved(self) -> web.Response:
        """A redirect to itself, so that whoever follows it is heard."""
        return web.Response(status=307, headers={"Location": f"{self.url}/elsewhere"})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        body = await request.read()
        if request.path == "/elsewhere":
            return self.refuse("a redirect was followed")
        if not self.carries(request):
            return await self.take(request, body)
        if self.poison and self.poison.encode() in body:
            return self.poisoned()
        trouble = self._troubles.popleft() if self._troubles else None
        if trouble is None or trouble is Trouble.CUT:
            answer = await self.take(request, body)
            if trouble is Trouble.CUT and request.transport is not None:
                request.transport.close()
            return answer
        answers = {
            Trouble.BUSY: self.busy,
            Trouble.BROKEN: self.broken,
            Trouble.REFUSED_INSIDE: self.refused_inside,
            Trouble.MOVED: self.moved,
        }
        return answers[trouble]()
