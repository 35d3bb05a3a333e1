"""Host names to addresses, in threads of their own.

The loop's own lookup shares a handful of threads with everything else (libuv has four), so
a few domains whose name servers are silent would hold up every other page. These threads
are daemons: a lookup that hangs never delays the end of the process.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from aiohttp.abc import AbstractResolver, ResolveResult

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A host name to its addresses, as literals. Raises OSError if there is none."""

_MAX_LOOKUPS = 64


class Names(AbstractResolver):
    """What aiohttp asks for addresses; it keeps the answers for as long as it is told to."""

    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve = resolve or look_up
        self._places = asyncio.Semaphore(_MAX_LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of a name, in the order of preference; aiohttp filters by family."""
        del family
        async with self._places:
            addresses = await self._resolve(host)
        if not addresses:
            raise OSError(socket.EAI_NONAME, "the name has no address")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=0,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is kept open."""


async def look_up(host: str) -> list[str]:
    """The system's answer, asked in a thread. Raises OSError."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(outcome: list[str] | OSError) -> None:
        if answer.done():
            return
        if isinstance(outcome, OSError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def ask() -> None:
        outcome: list[str] | OSError
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            outcome = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        except OSError as error:
            outcome = error
        except UnicodeError as error:
            outcome = OSError(socket.EAI_NONAME, f"not a host name: {error}")
        with suppress(RuntimeError):  # The loop was closed meanwhile: nobody waits any more.
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    return await answer
