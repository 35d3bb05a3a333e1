"""Programs of the operator's: run without a shell, for a bounded time, with bounded output.

    run -> its standard input written and closed -> it ends | its time is up -> what it printed
    ask -> a line to its standard input -> a line of its output | its time is up

Does not decide what an exit code or an answer means (the notifier).
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
        self.spoke = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - asyncio calls it
        self.output += data
        del self.output[:-MAX_OUTPUT]
        self.spoke.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - so
        if fd != 0:
            self.silent.set()

    def process_exited(self) -> None:
        self.ended.set()
        self.spoke.set()


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
        await _finish(transport, program)
    output = program.output.decode("utf-8", "replace")
    return Ended(code=transport.get_returncode() or 0, output=output)


class Helper:
    """A program that answers each line with a line, started when it is asked.

    It is ended where an answer does not come in time, and when it was not asked for `idle`
    seconds. One question at a time.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], *, idle: float) -> None:
        self._command = command
        self._env = env
        self._idle = idle
        self._started: _Started | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, line: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109 - part of the promise
        """Its answer, without the end of the line; empty if it ended instead.

        Raises OSError if it cannot be started, and TimeoutError after `timeout` seconds.
        """
        if self._timer:
            self._timer.cancel()
        if self._started is None or self._started[1].ended.is_set():
            await self.close()
            self._started = await _start(self._command, self._env)
        transport, program = self._started
        answered = False
        try:
            async with asyncio.timeout(timeout):
                program.output.clear()
                stdin = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
                if not stdin.is_closing():
                    stdin.write(line + b"\n")
                while not (answered := b"\n" in program.output) and not program.ended.is_set():
                    program.spoke.clear()
                    await program.spoke.wait()
        finally:
            if not answered:
                await self.close()
        self._timer = asyncio.get_running_loop().call_later(self._idle, self._retire)
        return bytes(program.output.partition(b"\n")[0]) if answered else b""

    async def close(self) -> None:
        """End it, if it runs."""
        if self._timer:
            self._timer.cancel()
        if self._started is not None:
            transport, program = self._started
            self._started = None
            await _finish(transport, program)

    def _retire(self) -> None:
        if self._started is not None:
            end_group(self._started[0].get_pid())


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


async def _finish(transport: asyncio.SubprocessTransport, program: _Program) -> None:
    """End it and its group, if it has not ended, even if this is cancelled; close its pipes.

    It is asked to end, and killed if it does not.
    """
    pid = transport.get_pid()
    try:
        if not program.ended.is_set():
            try:
                end_group(pid)
                await _wait(program.ended, GRACE)
            finally:
                end_group(pid, force=True)
            await _wait(program.ended, GRACE)
    finally:
        transport.close()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
