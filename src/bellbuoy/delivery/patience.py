"""Waiting for a store that refuses just now: a disk may be full for an hour."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bellbuoy.errors import LeaseLostError, StoreError
from bellbuoy.observer import STORE, Happened, Observer

T = TypeVar("T")

PAUSE = 5.0
"""How long to wait after a store error, in seconds."""


class Patience:
    """Calls to a store that must succeed in the end; trouble is told once, and its end.

    `who` is who waits, for the observer. With `tries`, the last StoreError is raised; that
    somebody else has taken over is raised at once.
    """

    def __init__(self, who: str, observer: Observer, *, tries: int | None = None) -> None:
        self._who = who
        self._observer = observer
        self._tries = tries
        self._waiting = 0

    async def insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result, however often it has to be made."""
        tried = 0
        try:
            while True:
                try:
                    return await call()
                except LeaseLostError:
                    raise
                except StoreError as error:
                    tried += 1
                    if tried == 1:
                        self._begin(error)
                    if tried == self._tries:
                        raise
                    await asyncio.sleep(PAUSE)
        finally:
            if tried:
                self._end()

    def _begin(self, error: StoreError) -> None:
        self._waiting += 1
        if self._waiting == 1:
            self._tell(f"waits for the store: {error}", "error")

    def _end(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._tell("waits for the store no longer", "info")

    def _tell(self, what: str, level: str) -> None:
        self._observer.happened(Happened(what=f"{self._who} {what}", level=level, about=STORE))
