"""The pretend internet on loopback: every vendor an origin of its own, on free ports.

    async with pretend_internet(seed=7, seconds=20.0) as internet:
        config = demo_config(internet, store)
        ...  # watch it
        await internet.everything_read()

A page's address in the log stays the same from run to run where the system lets it: each
vendor has its own address of 127.77.0.0/16 and one well-known port, and only where these are
taken the next ones. Its key, which identifies it, never changes.
"""

import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic

from aiohttp import web

from bellbuoy.config import Config, Watched
from bellbuoy.demo.render import WRITTEN
from bellbuoy.demo.server import VendorServer
from bellbuoy.demo.world import Vendor, World
from bellbuoy.http import HttpSettings
from bellbuoy.model.facts import Page

PORT = 17077
"""Below the ports that systems hand out by themselves, so it is free unless a demo runs."""


class Internet:
    """The vendors that are being served, as pages to watch."""

    def __init__(
        self, world: World, servers: tuple[VendorServer, ...], addresses: tuple[str, ...]
    ) -> None:
        self.world = world
        self._servers = servers
        self.watched = tuple(
            Watched(page=_page(server.vendor, address, world.every))
            for server, address in zip(servers, addresses, strict=True)
        )

    @property
    def unread(self) -> tuple[str, ...]:
        """The names of the vendors whose page was not yet read after the world's end."""
        return tuple(
            server.vendor.provider.name for server in self._servers if not server.read.is_set()
        )

    async def everything_read(self) -> None:
        """Return once every page was read after the world's end, and those visits have ended."""
        for server in self._servers:
            await server.read.wait()


@asynccontextmanager
async def pretend_internet(seed: int, seconds: float) -> AsyncGenerator[Internet]:
    """Serve the world of a seed on loopback; its life begins when this is entered.

    Raises OSError if not even a free port of 127.0.0.1 can be had.
    """
    world = World(seed, seconds)
    beginning = monotonic()
    servers = tuple(
        VendorServer(vendor, lambda: monotonic() - beginning, world.end) for vendor in world.vendors
    )
    async with AsyncExitStack() as stack:
        addresses: list[str] = []
        for server, listener in zip(servers, _listeners(len(servers)), strict=True):
            host, port = listener.getsockname()
            addresses.append(f"http://{host}:{port}")
            runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.SockSite(runner, listener).start()
            stack.callback(server.close)
        yield Internet(world, servers, tuple(addresses))


def demo_config(internet: Internet, store: str) -> Config:
    """The configuration that watches the pretend internet, with state in `store`."""
    return Config(
        watched=internet.watched,
        http=HttpSettings(allow_private=("127.0.0.0/8",)),
        store=store,
    )


def _page(vendor: Vendor, address: str, every: float) -> Page:
    written = WRITTEN[vendor.shape]
    return Page(
        key=vendor.address,
        url=address + written.address_path,
        provider=vendor.provider,
        format=written.format,
        every=every,
        every_is_explicit=True,
    )


def _listeners(count: int) -> list[socket.socket]:
    for places in _places(count):
        opened: list[socket.socket] = []
        try:
            for place in places:
                opened.append(_listen(*place))  # noqa: PERF401 - those opened before a failure are closed
        except OSError:
            for listener in opened:
                listener.close()
        else:
            return opened
    return [_listen("127.0.0.1", 0) for _ in range(count)]


def _places(count: int) -> Iterator[list[tuple[str, int]]]:
    """Where to listen, the best first. Not every system has more of 127.0.0.0/8 than its first."""
    for block in range(16):
        yield [(f"127.77.{block}.{number}", PORT) for number in range(1, count + 1)]
    for block in range(16):
        first = PORT + block * count
        yield [("127.0.0.1", port) for port in range(first, first + count)]


def _listen(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port))
