"""What systemd is told of a service: that it is ready, alive, stopping.

The protocol is a datagram of `NAME=value` lines to the socket that NOTIFY_SOCKET names; an `@`
at its beginning stands for the abstract namespace. Without that variable nothing is done:
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html. With WatchdogSec, systemd
asks by WATCHDOG_USEC for a sign of life in each such span, and advises to give one in each half:
https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def supervised(stuck: Callable[[], tuple[str, ...]]) -> AsyncGenerator[None]:
    """Tell systemd that the service is ready, then that it lives, and at last that it stops.

    `stuck` gives the reasons why only a restart would help: as long as there is one, no sign of
    life is given, so that systemd restarts the service.
    """
    _notify("READY=1")
    watchdog = asyncio.create_task(_give_signs(stuck), name="watchdog")
    try:
        yield
    finally:
        watchdog.cancel()
        await asyncio.gather(watchdog, return_exceptions=True)
        _notify("STOPPING=1")


async def _give_signs(stuck: Callable[[], tuple[str, ...]]) -> None:
    span = _watchdog_span()
    while span is not None:
        reasons = stuck()
        _notify(f"STATUS={'; '.join(reasons)}" if reasons else "WATCHDOG=1\nSTATUS=watching")
        await asyncio.sleep(span / 2)


def _watchdog_span() -> float | None:
    """In how many seconds systemd wants to hear of this process; None if it does not."""
    span, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not span.isdecimal() or int(span) == 0 or pid not in {"", str(os.getpid())}:
        return None
    return int(span) / 1e6


def _notify(lines: str) -> None:
    """Send lines to the service manager, if there is one; it is not waited for."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    # Whoever does not listen, or not quickly enough, must not end the monitor or hold it up.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(lines.encode(), address)
