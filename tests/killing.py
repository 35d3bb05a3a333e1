"""`bellbuoy` that kills itself at the N-th call of its store, before or after it is done.

python -m tests.killing N before|after -- watch --config ...
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from bellbuoy.__main__ import main
from bellbuoy.stores.sql import SqlStore

CALLS = (
    "load_states",
    "load_known",
    "commit",
    "save_states",
    "append",
    "read_cursor",
    "write_cursor",
    "dispatch",
    "due_deliveries",
    "settle",
)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _counted(
    call: Callable[..., Awaitable[Any]], count: list[int], *, when: str
) -> Callable[..., Awaitable[Any]]:
    @wraps(call)
    async def counted(*args: Any, **kwargs: Any) -> Any:
        count[0] -= 1
        is_last = count[0] == 0
        if is_last and when == "before":
            _die()
        result = await call(*args, **kwargs)
        if is_last:
            _die()
        return result

    return counted


if __name__ == "__main__":
    left = [int(sys.argv[1])]
    for name in CALLS:
        setattr(SqlStore, name, _counted(getattr(SqlStore, name), left, when=sys.argv[2]))
    sys.argv = ["bellbuoy", *sys.argv[4:]]
    main()
