"""An import in batches of three rows that kills itself at the N-th step towards the database.

python -m tests.stores.killed_import STORE FILE N
"""

import os
import signal
import sys
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy import event as engine_events

from bellbuoy.stores import exported
from bellbuoy.stores.exported import Export
from bellbuoy.stores.importing import load
from bellbuoy.stores.opening import open_database


def die_at(step: int) -> None:
    """Be gone before or after that statement, or before that commit."""
    left = step

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "after_cursor_execute", "begin", "commit"):
        engine_events.listen(Engine, name, count)


if __name__ == "__main__":
    exported.ROWS = 3
    die_at(int(sys.argv[3]))
    with (
        Path(sys.argv[2]).open("rb") as stream,
        open_database(sys.argv[1], poller=True, unfinished_too=True) as database,
    ):
        load(database, Export(stream, sys.argv[2]), lambda *_: None)
