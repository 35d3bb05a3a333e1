"""N2: a receiver is told no faster than it likes."""

import asyncio

from bellbuoy.delivery.pacing import Paces
from bellbuoy.notifiers import Pace
from tests.virtual_time import run_virtual


async def times(paces, pace, messages, kind="slack"):
    """When each of so many messages that wait together may go, in seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def one():
        await paces.turn(kind, pace)
        return round(loop.time() - began, 6)

    return await asyncio.gather(*(one() for _ in range(messages)))


def test_n2_a_channel_is_told_once_a_second_in_the_order_of_asking():
    """And right away after it was left alone."""

    async def situation():
        paces, pace = Paces(), Pace(key="#ops", every=1.0)
        assert await times(paces, pace, 4) == [0, 1, 2, 3]
        await asyncio.sleep(10)
        assert await times(paces, pace, 2) == [0, 1]

    run_virtual(situation())


def test_n2_a_burst_goes_at_once_and_the_rest_in_its_time():
    """Five in two seconds: five, then one every 0.4 s."""

    async def situation():
        pace = Pace(key="hook", every=0.4, burst=5)
        assert await times(Paces(), pace, 7) == [0, 0, 0, 0, 0, 0.4, 0.8]

    run_virtual(situation())


def test_n2_receivers_with_one_channel_share_it_and_others_do_not_wait():
    """Two receivers for #ops are one; #dev, and another kind, have their own."""

    async def situation():
        paces = Paces()
        ops, dev = Pace(key="#ops", every=1.0), Pace(key="#dev", every=1.0)
        first, second, other, kind = await asyncio.gather(
            times(paces, ops, 1),
            times(paces, ops, 1),
            times(paces, dev, 1),
            times(paces, ops, 1, kind="teams"),
        )
        assert (first, second, other, kind) == ([0], [1], [0], [0])

    run_virtual(situation())
