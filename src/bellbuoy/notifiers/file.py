"""Events into a file, one CloudEvent of JSON per line, on disk before it counts as delivered."""

import os
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

from bellbuoy.errors import DelayedError
from bellbuoy.events import to_json
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message
from bellbuoy.notifiers._threads import aside
from bellbuoy.platform import sync_names

api_version = 1
KIND = "file"

_OURS = b'{"specversion":'
"""How every line of ours begins."""

_LOOK_BACK = 1 << 16
_BINARY = getattr(os, "O_BINARY", 0)


class Settings(BaseModel):
    """`path` is the file that is appended to; it is made if need be, readable by its owner."""

    model_config = ConfigDict(extra="forbid")

    path: Path

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()


class _Lines:
    """`_named` is the file, by device and number, whose name is on disk for certain."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._named: tuple[int, int] | None = None

    async def notify(self, message: Message) -> Receipt:
        line = to_json(message.event) + b"\n"
        try:
            await aside(lambda: self._append(line))
        except OSError as error:
            # The line may be there all the same: what failed may be the sync.
            problem = f"{self._path}: {error.strerror or error}"
            raise DelayedError(problem, uncertain=True) from error
        return Receipt(detail=str(self._path))

    def _append(self, line: bytes) -> None:
        """Append a whole line, opening anew each time, so that a rotated file is left alone."""
        path = self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            self._named = None
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o600)
        try:
            found = os.fstat(descriptor)
            is_file = stat.S_ISREG(found.st_mode)
            is_named = self._named == (found.st_dev, found.st_ino)
            if is_file:
                _mend(descriptor, is_first=not is_named)
            data = memoryview(line)
            while data:
                data = data[os.write(descriptor, data) :]
            if is_file:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_file and not is_named:
            sync_names(path)
            self._named = (found.st_dev, found.st_ino)


def _mend(descriptor: int, *, is_first: bool) -> None:
    """Take away half a line of ours that a crash or a full disk left: it will come again whole.

    A power cut can also leave zeros in a line, with its end behind them; that is looked for at
    the `is_first` line. Half a line of somebody else's is not ours to take; it only gets its end.
    """
    size = os.fstat(descriptor).st_size
    is_ended = not size or _read(descriptor, size - 1, 1) == b"\n"
    if is_ended and not is_first:
        return
    line = _last_line(descriptor, size)
    if is_ended and b"\0" not in line:
        return
    head = line.partition(b"\0")[0]
    if head.startswith(_OURS) or _OURS.startswith(head):
        os.ftruncate(descriptor, size - len(line))
    elif not is_ended:
        os.write(descriptor, b"\n")


def _last_line(descriptor: int, size: int) -> bytes:
    """The last line, with its end if it has one."""
    tail, start = b"", size
    while start and b"\n" not in tail[:-1]:
        length = min(start, _LOOK_BACK)
        start -= length
        tail = _read(descriptor, start, length) + tail
    return tail[tail.rfind(b"\n", 0, -1) + 1 :]


def _read(descriptor: int, start: int, length: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, length)


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Lines]:
    """A way to the file; it is opened for each line."""
    yield _Lines(settings.path)
