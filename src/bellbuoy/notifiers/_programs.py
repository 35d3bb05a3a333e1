"""Programs of the operator's: run without a shell, for a bounded time, with bounded output.

    run -> its standard input written and closed -> it ends | its time is up -> what it printed

Does not decide what an exit code means (the notifier).
"""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import cast

from msgspec import Struct

from bellbuoy.platform import end_group, own_group

MAX_OUTPUT = 8 * 1024
"""Bytes of output that are kept: the last ones, where programs say why they fail."""

GRACE = 2.0
"""How long a program that was asked to end may take to do so, in seconds."""

_LAST_WORDS = 0.5


class Ended(Struct, frozen=True, kw_only=True):
    """How a program ended: its exit code (below zero: the signal that ended it), its output."""

    code: int
    output: str


class _Program(asyncio.SubprocessProtocol):
    def __init__(self) -> None:
        self.output = bytearray()
        self.ended = asyncio.Event()
        self.silent = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - asyncio calls it
        self.output += data
        del self.output[:-MAX_OUTPUT]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - so
        if fd != 0:
            self.silent.set()

    def process_exited(self) -> None:
        self.ended.set()


_Started = tuple[asyncio.SubprocessTransport, _Program]


async def run(
    command: Sequence[str],
    given: bytes,
    *,
    env: Mapping[str, str],
    timeout: float,  # noqa: ASYNC109 - part of the promise
) -> Ended:
    """Run a program to its end with `given` as its standard input and no environment but `env`.

    Raises OSError if it cannot be started, and TimeoutError after `timeout` seconds. In that
    case, and when this is cancelled, it and all that it started are ended; what a program
    that ended by itself left running is its own affair.
    """
    transport, program = await _start(command, env)
    try:
        async with asyncio.timeout(timeout):
            stdin = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
            if not stdin.is_closing():  # It may have ended already.
                stdin.write(given)
            stdin.close()
            await program.ended.wait()
        # Whoever it left in the background may hold its output open.
        await _wait(program.silent, _LAST_WORDS)
    finally:
        try:
            if not program.ended.is_set():
                await _end(transport.get_pid(), program)
        finally:
            transport.close()
    output = program.output.decode("utf-8", "replace")
    return Ended(code=transport.get_returncode() or 0, output=output)


async def _start(command: Sequence[str], env: Mapping[str, str]) -> _Started:
    starting = asyncio.ensure_future(
        asyncio.get_running_loop().subprocess_exec(
            _Program, *command, stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=env, **own_group()
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_unwanted)
        with suppress(OSError):
            _, program = await asyncio.shield(starting)
            await _wait(program.ended, GRACE)
        raise


def _unwanted(starting: asyncio.Future[_Started]) -> None:
    """End what was being started when nobody wanted it any more: it has been given nothing yet."""
    if starting.cancelled() or starting.exception() is not None:
        return
    transport, _ = starting.result()
    pid = transport.get_pid()
    transport.close()
    end_group(pid, force=True)


async def _end(pid: int, program: _Program) -> None:
    """Ask its group to end, and end whoever of it does not, even if this is cancelled."""
    try:
        end_group(pid)
        await _wait(program.ended, GRACE)
    finally:
        end_group(pid, force=True)
    await _wait(program.ended, GRACE)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
