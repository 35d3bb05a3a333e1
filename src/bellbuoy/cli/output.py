"""Where a command's words go: results to standard output, everything else to standard error."""

import asyncio
import errno
import os
import select
import sys
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self, TextIO

from bellbuoy.text import clean_text

_LOOK_EVERY = 0.5
"""How often, in seconds, it is looked whether the reader is still there."""

_PATIENCE = 0.2
"""How long, in seconds, the end waits for a reader that does not read."""


def say(text: str) -> None:
    """Tell the person: on standard error, without anything that steers a terminal."""
    try:
        print(clean_text(text, 100_000), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return  # Nobody listens there; that must not end what is going on.


def write(text: str) -> None:
    """Write a result to standard output at once; where a letter is lacking, its code."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), end="", flush=True)


class Printer:
    """Writes to standard output in a thread of its own, through a stream of its own.

    So a reader that does not read (a paused pager, a slow pipe) holds up nothing but its own
    lines, and not the end of the process either. Every write is flushed.
    """

    def __init__(self, encoding: str | None = None) -> None:
        self._jobs: SimpleQueue[tuple[str, Future[None]] | None] = SimpleQueue()
        self._stream, self._is_own = _stream(encoding)
        self._thread = Thread(target=self._work, name="stdout", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._jobs.put(None)
        self._thread.join(_PATIENCE)

    async def write(self, text: str) -> None:
        """Write text as it is; returns when it was flushed.

        Raises BrokenPipeError if the reader went away, OSError if it cannot be written.
        """
        done: Future[None] = Future()
        self._jobs.put((text, done))
        await asyncio.wrap_future(done)

    async def until_gone(self) -> None:
        """Return when the reader went away, within a second, also if nothing is written."""
        while not _is_gone(self._stream):  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(_LOOK_EVERY)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            text, done = job
            if not done.set_running_or_notify_cancel():
                continue
            try:
                self._stream.write(text)
                self._stream.flush()
            except OSError as error:
                # A closed pipe is EINVAL on Windows.
                gone = error.errno in {errno.EPIPE, errno.EINVAL}
                done.set_exception(BrokenPipeError(errno.EPIPE, "closed") if gone else error)
            else:
                done.set_result(None)
        if self._is_own:
            with suppress(OSError):
                self._stream.close()


def _is_gone(stream: TextIO) -> bool:
    """Whether nobody can read what is written; False where the system cannot tell (Windows)."""
    poll = getattr(select, "poll", None)
    if poll is None or stream.closed:
        return False
    try:
        asked = poll()
        asked.register(stream.fileno(), 0)
        return any(found & select.POLLERR for _, found in asked.poll(0))
    except (OSError, ValueError):
        return False


def _stream(encoding: str | None) -> tuple[TextIO, bool]:
    """Standard output as a stream of its own, and whether it is that."""
    sys.stdout.flush()
    try:
        descriptor = os.dup(sys.stdout.fileno())
    except (OSError, ValueError):
        return sys.stdout, False  # Something without a descriptor stands there: a test, a shell.
    encoding = encoding or sys.stdout.encoding
    return os.fdopen(descriptor, "w", encoding=encoding, errors="backslashreplace"), True
