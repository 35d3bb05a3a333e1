"""The tests' clock keeps its own promises."""

import asyncio
import time
from datetime import timedelta

import pytest

from tests.virtual_time import START, DeadlockError, move_wall_clock, now, run_virtual


def test_seventy_hours_pass_in_a_moment():
    """Sleeping costs nothing, and both clocks agree on how long it was."""

    async def situation():
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(70 * 3600)
        assert asyncio.get_running_loop().time() - began == pytest.approx(70 * 3600)
        return now()

    real = time.monotonic()
    assert run_virtual(situation()) == START + timedelta(hours=70)
    assert time.monotonic() - real < 5


def test_timeouts_fire_before_what_they_guard():
    """A deadline of a second ends a wait of an hour after a second."""

    async def situation():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.sleep(3600)
        return now() - START

    assert run_virtual(situation()) == timedelta(seconds=1)


def test_work_in_threads_takes_no_virtual_time():
    """A timer never overtakes a thread that still works."""

    async def situation():
        order = []

        async def in_a_thread():
            await asyncio.to_thread(time.sleep, 0.05)
            order.append("thread")

        async with asyncio.TaskGroup() as group:
            group.create_task(in_a_thread())
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            order.append("timer")
        return order

    assert run_virtual(situation()) == ["thread", "timer"]


def test_the_wall_clock_moves_alone():
    """A suspended laptop wakes up hours later, while its monotonic clock stood still."""

    async def situation():
        move_wall_clock(8 * 3600)
        await asyncio.sleep(1)
        return now() - START, asyncio.get_running_loop().time()

    assert run_virtual(situation()) == (timedelta(hours=8, seconds=1), 1.0)


def test_waiting_for_nothing_is_an_error_instead_of_a_hang():
    """A test that could only hang fails at once and says why."""

    async def situation():
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run_virtual(situation())


def test_a_seed_shuffles_what_falls_together_and_repeats_itself():
    """Ten timers of one instant come in an order that the seed alone decides."""

    async def situation():
        order = []

        async def one(number):
            await asyncio.sleep(5)
            order.append(number)

        await asyncio.gather(*map(one, range(10)))
        return order

    orders = [run_virtual(situation(), seed=seed) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_a_grain_makes_timers_late_but_never_early():
    """They fire together at its multiples, also one that is due at such a multiple."""

    async def situation():
        woken = []

        async def one(delay):
            await asyncio.sleep(delay)
            woken.append((delay, asyncio.get_running_loop().time()))

        await asyncio.gather(*(one(number / 70) for number in range(1, 100)))
        return woken

    woken = run_virtual(situation(), grain=0.1)
    assert all(asked < at <= asked + 0.1 + 1e-6 for asked, at in woken)
    assert len({round(at, 6) for _, at in woken}) == 15
