"""Events into a file, one CloudEvent of JSON per line, on disk before it counts as delivered."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

from bellbuoy.errors import DelayedError
from bellbuoy.events import to_json
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message

api_version = 1
KIND = "file"


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
            await asyncio.to_thread(_append, self._path, line)
        except OSError as error:
            raise DelayedError(f"{self._path}: {error.strerror or error}") from error
        return Receipt(detail=str(self._path))


def _append(path: Path, line: bytes) -> None:
    """Append a whole line, opening anew each time, so that a rotated file is left alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        # A crash or a full disk may have left half a line: it must not swallow the next one.
        is_torn = size > 0 and _last_byte(descriptor, size) != b"\n"
        data = memoryview(b"\n" + line if is_torn else line)
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last_byte(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1)


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Lines]:
    """A way to the file; it is opened for each line."""
    yield _Lines(settings.path)
