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
    def __init__(self, path: Path) -> None:
        self._path = path

    async def notify(self, message: Message) -> Receipt:
        line = to_json(message.event) + b"\n"
        try:
            await aside(lambda: _append(self._path, line))
        except OSError as error:
            # The line may be there all the same: what failed may be the sync.
            problem = f"{self._path}: {error.strerror or error}"
            raise DelayedError(problem, uncertain=True) from error
        return Receipt(detail=str(self._path))


def _append(path: Path, line: bytes) -> None:
    """Append a whole line, opening anew each time, so that a rotated file is left alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o600)
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if is_file:
            _mend(descriptor)
        data = memoryview(line)
        while data:
            data = data[os.write(descriptor, data) :]
        if is_file:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        _sync_directory(path.parent)


def _mend(descriptor: int) -> None:
    """Take away half a line of ours that a crash or a full disk left: it will come again whole.

    Half a line of somebody else's is not ours to take; it only gets its end.
    """
    size = os.fstat(descriptor).st_size
    if not size or _read(descriptor, size - 1, 1) == b"\n":
        return
    tail, start = b"", size
    while start and b"\n" not in tail:
        length = min(start, _LOOK_BACK)
        start -= length
        tail = _read(descriptor, start, length) + tail
    tail = tail.rpartition(b"\n")[2]
    if tail.startswith(_OURS) or _OURS.startswith(tail):
        os.ftruncate(descriptor, size - len(tail))
    else:
        os.write(descriptor, b"\n")


def _read(descriptor: int, start: int, length: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, length)


def _sync_directory(directory: Path) -> None:
    """A new file's name is on disk only once its directory is; Windows has no such thing."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Lines]:
    """A way to the file; it is opened for each line."""
    yield _Lines(settings.path)
