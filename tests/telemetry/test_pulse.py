"""How late the event loop wakes."""

import asyncio

from bellbuoy.telemetry.pulse import EVERY, pulse
from tests.virtual_time import run_virtual


def test_p9_a_loop_that_is_held_up_is_told_with_how_long():
    """Twice a second; whoever blocks the loop for two seconds makes one wake-up that late."""
    lags: list[float] = []

    async def situation():
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(pulse(lags.append))
        await asyncio.sleep(10 * EVERY + 0.1)
        loop._now += 2.0  # As work does that never lets go of the loop.
        await asyncio.sleep(5 * EVERY)
        task.cancel()

    run_virtual(situation())
    assert 14 <= len(lags) <= 16
    assert [round(lag, 1) for lag in lags if lag > 0.001] == [1.6]
