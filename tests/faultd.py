"""A scripted vendor on loopback: answers as a script says, badly where it says so.

    async with faultd([Answer(503), Answer(body=b"{}")]) as vendor:
        ...                                   # first request: 503, every later one: {}
        assert vendor.requests[0].headers["user-agent"].startswith("Bellbuoy/")

A script is one of

- an `Answer`: given to every request,
- a list of answers: one per request, in order; the last one is given for ever after,
- a dict of path (without query) -> script: 404 for other paths,
- a function of the `Received` request that returns an `Answer`; `received.number` counts the
  requests of this vendor from 0. It may be a coroutine function.

`document(body, etag=...)` is a ready function: a page that answers conditional requests.

Each vendor listens on an address of its own (127.x.y.z) and a free port, so vendors are
different hosts. `vendor.url` has no trailing slash; `vendor.at("/feed.atom")` is an address
below it. With `ssl=` (a server-side `ssl.SSLContext`) the address is https.

`vendor.requests` are all requests so far, `vendor.connections` counts TCP connections ever
made, `vendor.open_connections` those open now, `vendor.resumed` is one bool per TLS
connection. `vendor.script` may be replaced at any time. `await vendor.until(3)` returns once
three requests came, `await vendor.until_closed()` once no connection is open.
"""

import asyncio
import inspect
import random
import ssl as tls
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

LOOPBACK = ("127.0.0.0/8",)
"""What `HttpSettings.allow_private` must hold for a page to lie at a scripted vendor."""


@dataclass(frozen=True)
class Answer:
    """What is sent back to one request.

    `headers` is a mapping or a list of pairs (to repeat a field). `framing` says how the end
    of the body is told: "length", "chunked", or "close" (only by closing). `delay` are
    seconds before the first byte, `rate` bytes of body per second, `piece` how many bytes go
    out at a time. `cut` closes the connection after that many bytes of the body as sent, `reset`
    does so with a TCP reset. `hang` never answers. `raw` is sent instead of everything else,
    and the connection is closed then. `close` closes after a good answer. `endless` repeats
    the body for ever.
    """

    status: int = 200
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    body: bytes = b""
    framing: str = "length"
    delay: float = 0.0
    rate: float | None = None
    piece: int | None = None
    cut: int | None = None
    reset: bool = False
    hang: bool = False
    raw: bytes | None = None
    close: bool = False
    endless: bool = False


@dataclass(frozen=True)
class Received:
    """One request as it came. Header names are lower-case; `at` is loop time in seconds."""

    number: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


Script = (
    Answer
    | Sequence[Answer]
    | Mapping[str, "Script"]
    | Callable[[Received], "Answer | Awaitable[Answer]"]
)


def document(
    body: bytes,
    *,
    etag: str | None = None,
    last_modified: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Callable[[Received], Answer]:
    """A script: the body, and 304 to whoever has its validators."""
    fields = dict(headers or {})
    if etag is not None:
        fields["ETag"] = etag
    if last_modified is not None:
        fields["Last-Modified"] = last_modified

    def answer(received: Received) -> Answer:
        condition = received.headers.get("if-none-match")
        since = received.headers.get("if-modified-since")
        same = condition == etag if condition is not None else since == last_modified
        if (condition is not None or since is not None) and same:
            return Answer(304, fields)
        return Answer(200, fields, body)

    return answer


@dataclass
class Vendor:
    """A running scripted vendor."""

    script: Script
    host: str
    scheme: str = "http"
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    resumed: list[bool] = field(default_factory=list)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    _left: asyncio.Event = field(default_factory=asyncio.Event)
    _turns: dict[int, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The vendor's address, without a trailing slash."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        return len(self._writers)

    def at(self, path: str) -> str:
        """An address below the vendor's."""
        return f"{self.url}/{path.lstrip('/')}"

    async def until(self, count: int) -> None:
        """Return once `count` requests came."""
        while len(self.requests) < count:
            self._came.clear()
            await self._came.wait()

    async def until_closed(self) -> None:
        """Return once no connection is open."""
        while self._writers:
            self._left.clear()
            await self._left.wait()

    async def _choose(self, script: Script, received: Received) -> Answer:
        if isinstance(script, Answer):
            return script
        if isinstance(script, Mapping):
            chosen = script.get(received.path)
            return Answer(404) if chosen is None else await self._choose(chosen, received)
        if callable(script):
            made = script(received)
            return await made if inspect.isawaitable(made) else made
        turn = self._turns.get(id(script), 0)
        self._turns[id(script)] = turn + 1
        return script[min(turn, len(script) - 1)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        connection = writer.get_extra_info("ssl_object")
        if connection is not None:
            self.resumed.append(bool(connection.session_reused))
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:
            # The test is over; a cancelled handler would be reported by the stream server.
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            self._left.set()
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        received = await self._receive(reader)
        if received is None:
            return False
        answer = await self._choose(self.script, received)
        await asyncio.sleep(answer.delay)
        if answer.hang:
            await reader.read()
            return False
        if answer.raw is not None:
            writer.write(answer.raw)
            await writer.drain()
            return False
        await _send(writer, answer, head=received.method == "HEAD")
        if answer.reset:
            writer.transport.abort()
        keeps = answer.cut is None and not answer.close and answer.framing != "close"
        return keeps and received.headers.get("connection", "").lower() != "close"

    async def _receive(self, reader: asyncio.StreamReader) -> Received | None:
        line = await reader.readline()
        if not line:
            return None
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while (line := await reader.readline()) not in {b"\r\n", b"\n", b""}:
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        now = asyncio.get_running_loop().time()
        received = Received(len(self.requests), method, target, headers, body, now)
        self.requests.append(received)
        self._came.set()
        return received


async def _send(writer: asyncio.StreamWriter, answer: Answer, *, head: bool) -> None:
    pairs = answer.headers.items() if isinstance(answer.headers, Mapping) else answer.headers
    fields = [f"{name}: {value}" for name, value in pairs]
    bodyless = head or answer.status in {204, 304} or answer.status < 200
    if answer.framing == "chunked":
        fields.append("Transfer-Encoding: chunked")
    elif answer.framing == "close":
        fields.append("Connection: close")
    elif not bodyless and not any(f.lower().startswith("content-length:") for f in fields):
        size = 10**12 if answer.endless else len(answer.body)
        fields.append(f"Content-Length: {size}")
    if answer.close:
        fields.append("Connection: close")
    writer.write("\r\n".join([f"HTTP/1.1 {answer.status} Said", *fields, "", ""]).encode("latin-1"))
    sent = 0
    while not bodyless:
        async for piece in _pieces(answer):
            left = len(piece) if answer.cut is None else min(len(piece), answer.cut - sent)
            writer.write(piece[:left])
            sent += left
            await writer.drain()
            if answer.cut is not None and sent >= answer.cut:
                return
        if not answer.endless:
            break
    await writer.drain()


async def _pieces(answer: Answer) -> AsyncIterator[bytes]:
    """The body as it goes over the wire, at its pace."""
    size = answer.piece or (max(1, int(answer.rate / 10)) if answer.rate else 65536)
    for start in range(0, len(answer.body), size):
        piece = answer.body[start : start + size]
        if answer.framing == "chunked":
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
        else:
            yield piece
        if answer.rate:
            await asyncio.sleep(len(piece) / answer.rate)
    if answer.framing == "chunked" and not answer.endless:
        yield b"0\r\n\r\n"


def loopback_address() -> str:
    """An address of 127.0.0.0/8 that hardly anybody else has."""
    chosen = random.SystemRandom()
    return f"127.{chosen.randint(1, 254)}.{chosen.randint(0, 255)}.{chosen.randint(1, 254)}"


@asynccontextmanager
async def faultd(
    script: Script, *, ssl: tls.SSLContext | None = None, host: str | None = None
) -> AsyncIterator[Vendor]:
    """Serve a script until the block ends."""
    vendor = Vendor(script, host or loopback_address(), "https" if ssl else "http")
    server = await asyncio.start_server(
        vendor._serve, vendor.host, 0, ssl=ssl, limit=2**20, backlog=1000
    )
    vendor.port = server.sockets[0].getsockname()[1]
    try:
        yield vendor
    finally:
        server.close()
        for task in list(vendor._tasks):
            task.cancel()
        await asyncio.gather(*vendor._tasks, return_exceptions=True)
        await server.wait_closed()
