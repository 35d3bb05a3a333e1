"""A network and a format for tests in virtual time: pages that are whatever a script says.

The format is called `plain`; a body is a `Snapshot` as JSON. The network holds no sockets: a
function of (address, seconds since the start) gives the snapshot (or a whole answer, for a probe),
or raises a FetchError, or waits.
"""

import asyncio
import inspect
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from typing import Any, Self

import msgspec

from bellbuoy.config import Config, Watched
from bellbuoy.errors import FetchError, ReadError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import API_VERSION, Claim
from bellbuoy.http import HttpSettings
from bellbuoy.model.facts import Page, Provider, Snapshot
from bellbuoy.model.known import Seen, Validators
from tests.virtual_time import now

_NONE = Validators()

Said = Snapshot | bytes | Response
Script = Callable[[str, float], Said | Awaitable[Said]]


class PlainFormat:
    """Reads a `Snapshot` that was written as JSON behind a `mark`."""

    api_version = API_VERSION
    PLATFORM = None
    PROBES = ("",)

    def __init__(self, name: str = "plain", mark: bytes = b"") -> None:
        self.NAME = name
        self.mark = mark
        self.reads = 0

    def claims(self, response: Response) -> Claim | None:
        """Claims what bears its mark, if it has one."""
        if not self.mark or not response.body.startswith(self.mark):
            return None
        return Claim(format=self.NAME, url=response.url.rstrip("/"), name="Vendor")

    def read(self, page: Page, seen: Seen) -> Exchange[Snapshot]:
        """One question, the page itself."""
        response = yield Request.get(page.url)
        self.reads += 1
        try:
            body = response.body.removeprefix(self.mark)
            return msgspec.json.decode(body, type=Snapshot)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ReadError(page.url, self.NAME, "$", str(error)) from error


class ScriptedNetwork:
    """Answers as the script says; counts what it was asked, and when."""

    def __init__(
        self,
        script: Script,
        *,
        etag: Callable[[bytes, int], str] | None = None,
        deadline: float = 20.0,
    ) -> None:
        self.script = script
        self.etag = etag or (lambda body, count: blake2b(body).hexdigest()[:16])
        self.deadline = deadline
        self.asked: Counter[str] = Counter()
        self.times: dict[str, list[float]] = defaultdict(list)
        self.unconditional: dict[str, list[float]] = defaultdict(list)
        self.headers: dict[str, str] = {}
        self.in_flight = 0
        self.most_in_flight = 0

    def visit(self, url: str, *, platform: str | None = None, slow: bool = False) -> "_Talk":
        """Begin a visit."""
        return _Talk(self)


class _Talk:
    def __init__(self, network: ScriptedNetwork) -> None:
        self._network = network
        self.fresh: dict[str, Validators] = {}
        self.all_answered = True
        self.moved_to: str | None = None
        self.latency: float | None = 0.05

    async def __aenter__(self) -> Self:
        self._network.in_flight += 1
        self._network.most_in_flight = max(self._network.most_in_flight, self._network.in_flight)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._network.in_flight -= 1

    async def ask(self, request: Request, validators: Validators = _NONE) -> Response:
        network = self._network
        time = asyncio.get_running_loop().time()
        network.asked[request.url] += 1
        network.times[request.url].append(time)
        if validators.etag is None:
            network.unconditional[request.url].append(time)
        try:
            async with asyncio.timeout(network.deadline):
                said = network.script(request.url, time)
                if inspect.isawaitable(said):
                    said = await said
        except TimeoutError:
            raise FetchError(
                request.url, Unreadable.NETWORK, "no answer in time", timed_out=True
            ) from None
        if isinstance(said, Response):
            return said
        body = said if isinstance(said, bytes) else msgspec.json.encode(said)
        etag = network.etag(body, network.asked[request.url])
        digest = blake2b(body, digest_size=16).digest()
        if etag == validators.etag:
            self.fresh[request.url] = Validators(etag=etag, body_hash=validators.body_hash)
            return Response(url=request.url, status=304, headers=network.headers)
        self.fresh[request.url] = Validators(etag=etag, body_hash=digest)
        return Response(url=request.url, status=200, headers=network.headers, body=body)

    async def drive(
        self,
        exchange: Exchange[Any],
        *,
        first: Response | FetchError | None = None,
        validators: Mapping[str, Validators] = {},
    ) -> Any:
        try:
            request = next(exchange)
            if isinstance(first, FetchError):
                request, first = exchange.throw(first), None
            while True:
                try:
                    response = first if first is not None else await self.ask(request)
                    first = None
                except FetchError as error:
                    self.all_answered = False
                    request = exchange.throw(error)
                else:
                    request = exchange.send(response)
        except StopIteration as end:
            return end.value
        finally:
            exchange.close()


def page(number: int = 0, *, every: float = 60.0, host: str | None = None) -> Page:
    """A page that is read as `plain`, with its period in seconds."""
    url = f"https://{host or f'status{number}.example'}"
    return Page(
        key=url,
        url=url,
        provider=Provider(slug=f"vendor{number}", name=f"Vendor {number}"),
        format="plain",
        every=every,
        every_is_explicit=True,
    )


def config(
    *pages: Page,
    seats: int = 100,
    format: PlainFormat | None = None,
    more: PlainFormat | None = None,
) -> Config:
    """A configuration that watches these pages and tells nobody."""
    return Config(
        watched=tuple(Watched(page=one) for one in pages),
        http=HttpSettings(seats=seats),
        store="memory:",
        formats={"plain": format or PlainFormat(), **({more.NAME: more} if more else {})},
    )


__all__ = ["PlainFormat", "ScriptedNetwork", "config", "now", "page"]
