"""A clock for tests: an event loop in which waiting costs nothing.

    async def situation() -> None:
        began = now()
        await asyncio.sleep(70 * 3600)
        assert now() - began == timedelta(hours=70)

    run_virtual(situation())

Whenever nothing is ready to run, the loop's time jumps to its next timer. So seventy hours
pass in a moment, every run takes the same path, and a test of "nothing comes within an hour"
really waits for that hour. Work in threads (`asyncio.to_thread`, executors) takes no virtual time:
the loop stands still until it is done. Where nothing could ever happen any more,
`DeadlockError` is raised instead of hanging.

There are two clocks, as in the world. The loop's own (`asyncio.sleep`, timeouts, `loop.time()`) is
monotonic; `now()` is the wall clock, which `move_wall_clock` can set forward or back, or
which goes on alone while a machine is suspended.

With a `seed`, every timer fires up to a millisecond late, by that seed: timers that fall together
come in another order for each seed, as they may in the world.

With a `grain`, in seconds, timers fire only at its multiples, so that many share a turn of the
loop. A simulation of hundreds of thousands of visits is twice as fast with it.

It is meant for the memory store and a scripted driver: real sockets, and threads that a
library starts for itself (the SQL store's), do not hold the clock.
"""

import asyncio
import contextvars
import math
import random
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning, for tests that do not care."""


class DeadlockError(AssertionError):
    """Every task waits for something, and no timer is set: nothing will ever happen."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer when nothing is ready."""

    def __init__(
        self, start: datetime = START, seed: int | None = None, grain: float | None = None
    ) -> None:
        self._now = 0.0
        self._grain = grain
        self._threads = 0
        self._random = None if seed is None else random.Random(seed)
        super().__init__(_JumpingSelector(self._idle))
        self._clock_resolution = 1e-6
        self.epoch = start

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._now

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer; with a seed, up to a millisecond late, with a grain, up to that."""
        if self._random is not None:
            when += self._random.random() / 1000
        if self._grain is not None:
            # Always later than asked for: whoever wakes early goes back to sleep for nothing.
            when = (math.floor(when / self._grain + 1e-6) + 1) * self._grain
        return super().call_at(when, callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        """Run in a thread, in no virtual time."""
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    async def shutdown_default_executor(self, *timeout: Any) -> None:
        """Wait for the threads at the end, in no virtual time."""
        self._threads += 1
        await super().shutdown_default_executor(*timeout)
        self._threads -= 1

    def _thread_ended(self, _future: object) -> None:
        self._threads -= 1

    def _idle(self, timeout: float | None) -> float | None:
        """Nothing is ready: jump, or say how long to wait in real seconds."""
        if self._threads:
            return None
        if timeout is None:
            raise DeadlockError("nothing is ready, no timer is set, no thread works")
        self._now += timeout
        return 0


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, idle: Callable[[float | None], float | None]) -> None:
        super().__init__()
        self._idle = idle

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        return super().select(self._idle(timeout))


def run_virtual(
    main: Coroutine[Any, Any, T],
    *,
    start: datetime = START,
    seed: int | None = None,
    grain: float | None = None,
) -> T:
    """Run a coroutine to its end in virtual time, as `asyncio.run` does in real time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start, seed, grain)) as runner:
        return runner.run(main)


def now() -> datetime:
    """The wall clock, in UTC, inside `run_virtual`."""
    loop = _loop()
    return loop.epoch + timedelta(seconds=loop.time())


def move_wall_clock(seconds: float) -> None:
    """Set the wall clock alone: an NTP step, or a suspended machine that wakes up."""
    _loop().epoch += timedelta(seconds=seconds)


def _loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "only inside run_virtual"
    return loop
