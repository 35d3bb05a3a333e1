"""A file that was not there before: a copy or an export, whole or not at all."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from bellbuoy.errors import StoreError


@contextmanager
def new_file(path: Path) -> Generator[int]:
    """The descriptor of a new file, for its owner alone; the file is gone again if this fails.

    Raises StoreError if something is there already.
    """
    # O_BINARY: Windows would else put a carriage return before each line feed.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError as error:
        raise StoreError(f"{path} is there already, and is left as it is") from error
    try:
        yield descriptor
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)
