"""Workers in virtual time that crash, stand still, are cut off, leave and join (M1, M2)."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

import pytest

from bellbuoy.events import Event
from tests.conftest import PROFILE
from tests.fleet.simulation import Simulation, Wire, World
from tests.virtual_time import run_virtual

TAKEN_OVER = 30.0
"""How much longer than its period a page may wait when its worker is gone, in seconds."""


def wrong(world: World, events: Sequence[Event]) -> list[str]:
    """What is lost, recorded twice, out of order, or not of the script."""
    told = Counter(event.update.body for event in events if event.update)
    places = {event.update.body: event.seq for event in events if event.update}
    texts = world.texts().values()
    wanted = {text for life in texts for text in life}
    found = [f"{count} times: {text}" for text, count in told.items() if count > 1]
    found += [f"lost: {text}" for text in sorted(wanted - told.keys())]
    found += [
        f"not of the script: {event.kind} {event.observed_at}"
        for event in events
        if event.update is None
    ]
    found += [f"{one} after {two}" for life in texts for one, two in pairwise(life)
              if places.get(one, 0) > places.get(two, 0)]  # fmt: skip
    return found


def longest(world: World, end: float) -> float:
    """The longest that any page was not looked at, in seconds."""
    return max(
        late - early for times in world.polls.values() for early, late in pairwise([*times, end])
    )


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No looking for cycles among millions of objects that live: it takes half of the time."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("uncollected")
def test_m1_m2_a_hundred_thousand_pages_on_ten_workers_that_fail():
    """Five minutes and half a million looks: nothing is lost, doubled, or looked at by two."""
    world = World(pages=100_000, every=60.0, lives=1000, between=(45, 110), seed=1)

    async def situation() -> tuple[list[Event], int]:
        async with Simulation(world, workers=10) as simulation:
            lines = simulation.lines
            await asyncio.sleep(70)
            lines[3].wire = Wire.DEAD
            await asyncio.sleep(30)
            lines[5].wire = Wire.HELD
            lines[7].wire = Wire.CUT
            await asyncio.sleep(60)
            lines[5].wire = lines[7].wire = Wire.WHOLE
            await asyncio.sleep(20)
            await simulation.leave(0)
            await asyncio.sleep(10)
            await simulation.join()
            await asyncio.sleep(110)
            return await simulation.events(), sum(simulation.outcomes.values())

    events, visits = run_virtual(situation(), grain=0.05)
    assert len(world.polls) == 100_000
    assert visits >= 490_000
    assert wrong(world, events) == []
    assert world.at_once == []
    assert longest(world, 300) <= 60 + TAKEN_OVER


async def disturb(simulation: Simulation, chance: Random, seconds: float) -> None:
    """Let workers fail in every way for so long; one at least is always left to work."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        await asyncio.sleep(chance.uniform(1, 30))
        victims = simulation.working[1:]
        what = chance.choice(["join", "leave", *Wire])
        if what == "join" or not victims:
            await simulation.join()
        elif what == "leave":
            await simulation.leave(chance.choice(victims))
        else:
            line = simulation.lines[chance.choice(victims)]
            line.wire = Wire(what)
            if line.wire in {Wire.CUT, Wire.HELD}:
                loop.call_later(chance.uniform(1, 60), setattr, line, "wire", Wire.WHOLE)


@pytest.mark.parametrize("seed", range(60 if PROFILE == "full" else 6))
def test_m1_m2_workers_fail_at_random(seed: int):
    """Whatever happens when: all is recorded once, and in the end every page is looked at."""
    chance = Random(seed)
    world = World(pages=300, every=20.0, lives=100, between=(45, 500), seed=seed)

    async def situation() -> list[Event]:
        async with Simulation(world, workers=chance.randint(1, 5)) as simulation:
            await asyncio.sleep(40)
            await disturb(simulation, chance, 560)
            await asyncio.sleep(150)
            return await simulation.events()

    events = run_virtual(situation(), seed=seed, grain=0.05)
    assert wrong(world, events) == []
    assert world.at_once == []
    assert min(times[-1] for times in world.polls.values()) > 700
