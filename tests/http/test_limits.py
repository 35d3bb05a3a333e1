"""How many at once, how fast, and who waits for whom."""

import asyncio
import random

import pytest

from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.http.limits import (
    KEEP_ALIVE,
    MAX_KEPT,
    PLATFORM_BURST,
    PLATFORM_RATE,
    Budget,
    Kept,
    Limits,
    Seat,
)
from tests.faultd import LOOPBACK, Answer, faultd
from tests.virtual_time import run_virtual


async def stay(limits, host, seconds, *, platform=None, slow=False, log=None, name=None):
    """One visit that takes this long once it has its seat."""
    seat = Seat(limits)
    await seat.enter(host, platform, slow=slow)
    if log is not None:
        log.append((name or host, asyncio.get_running_loop().time()))
    try:
        await asyncio.sleep(seconds)
    finally:
        seat.leave()


def test_seats_bound_how_many_visits_run_at_once():
    """Ten visits of a second on two seats take five seconds, in the order they came."""

    async def situation():
        limits, log = Limits(2, 2), []
        await asyncio.gather(*(stay(limits, f"h{i}", 1, log=log) for i in range(10)))
        assert log == [(f"h{i}", float(i // 2)) for i in range(10)]

    run_virtual(situation())


def test_one_host_gets_few_visits_at_once_and_its_queue_takes_no_seats():
    """Fifty pages of one busy host leave the seats to others."""

    async def situation():
        limits, log = Limits(4, 2), []
        busy = [stay(limits, "busy", 10, log=log) for _ in range(50)]
        other = [stay(limits, f"h{i}", 0, log=log) for i in range(20)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(visit) for visit in busy]
            await asyncio.sleep(0)
            await asyncio.gather(*other)
            assert max(at for host, at in log if host != "busy") == 0
            assert sum(host == "busy" for host, _ in log) == 2
            for task in tasks:
                task.cancel()

    run_virtual(situation())


def test_h16_pages_that_timed_out_share_a_tenth_of_the_seats():
    """900 of 1,000 pages hang, and the healthy 100 never wait for them."""

    async def situation():
        limits, log = Limits(100, 2), []
        async with asyncio.TaskGroup() as group:
            hung = [group.create_task(stay(limits, f"hung{i}", 20, slow=True)) for i in range(900)]
            for _ in range(10):
                began = asyncio.get_running_loop().time()
                await asyncio.gather(*(stay(limits, f"h{i}", 0.2, log=log) for i in range(100)))
                # Ten seats are the slow ones', so 100 healthy visits need two rounds.
                assert asyncio.get_running_loop().time() - began < 0.5
                await asyncio.sleep(60)
            for task in hung:
                task.cancel()

    run_virtual(situation())


def test_h14_a_thousand_hosts_of_one_platform_are_asked_at_the_platforms_rate():
    """Whatever the number of hosts, no second holds more than the rate and the burst."""

    async def situation():
        limits, log = Limits(1000, 2), []
        await asyncio.gather(
            *(stay(limits, f"h{i}", 0.1, platform="p", log=log) for i in range(1000)),
            *(stay(limits, f"free{i}", 0.1, log=log) for i in range(10)),
        )
        times = [at for host, at in log if not host.startswith("free")]
        assert all(at == 0 for host, at in log if host.startswith("free"))
        for start in range(int(max(times)) + 1):
            in_second = sum(start <= at < start + 1 for at in times)
            assert in_second <= PLATFORM_RATE + PLATFORM_BURST
        assert max(times) == pytest.approx((1000 - PLATFORM_BURST) / PLATFORM_RATE, abs=0.1)

    run_virtual(situation())


def test_h14_a_visit_that_has_begun_goes_before_those_that_have_not():
    """Later questions do not lose their deadline in the queue of a first sweep."""

    async def situation():
        budget, order = Budget(1, 1), []

        async def take(name, *, begun):
            await budget.take(begun=begun)
            order.append((name, round(asyncio.get_running_loop().time())))

        async with asyncio.TaskGroup() as group:
            for i in range(3):
                group.create_task(take(f"new{i}", begun=False))
            await asyncio.sleep(0)
            group.create_task(take("begun", begun=True))
        assert order == [("new0", 0), ("begun", 1), ("new1", 2), ("new2", 3)]

    run_virtual(situation())


def test_whoever_gives_up_waiting_leaves_every_place_as_it_was():
    """Visits cancelled at random instants lose no seat, no place at a host and no token."""

    async def situation(seed):
        chance = random.Random(seed)
        limits = Limits(3, 2)
        tasks = [
            asyncio.create_task(
                stay(
                    limits,
                    f"h{i % 5}",
                    chance.random(),
                    platform=chance.choice([None, "p"]),
                    slow=chance.random() < 0.3,
                )
            )
            for i in range(60)
        ]
        for task in chance.sample(tasks, 30):
            await asyncio.sleep(chance.random() / 10)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (limits.seats.free, limits.slow_seats.free) == (3, 1)
        assert not limits.seats.waiting
        assert limits._hosts == {}

    for seed in range(30):
        run_virtual(situation(seed))


def test_a_cancelled_waiter_hands_its_turn_on():
    """Cancelled in the very moment its turn came, a visit passes it to the next."""

    async def situation():
        limits = Limits(1, 1)
        first = Seat(limits)
        await first.enter("a", None, slow=False)
        log = []
        second = asyncio.create_task(stay(limits, "b", 0))
        third = asyncio.create_task(stay(limits, "c", 0, log=log))
        await asyncio.sleep(1)
        first.leave()
        second.cancel()
        await asyncio.gather(second, third, return_exceptions=True)
        assert log == [("c", 1.0)]
        assert limits.seats.free == 1

    run_virtual(situation())


async def test_two_pages_that_redirect_to_each_other_do_not_block_each_other():
    """A visit holds one host's place at a time, so circles of hosts cannot lock."""
    async with faultd(Answer(body=b"x")) as a, faultd(Answer(body=b"x")) as b:
        a.script = {"/": Answer(302, {"Location": b.at("/end")}), "/end": Answer(body=b"x")}
        b.script = {"/": Answer(302, {"Location": a.at("/end")}), "/end": Answer(body=b"x")}
        settings = HttpSettings(allow_private=LOOPBACK, per_host=1, timeout=3)

        async with Driver(settings) as driver:

            async def look(url):
                async with driver.visit(url) as visit:
                    return (await visit.ask(Request.get(url))).status

            looks = [look(v.at("/")) for _ in range(5) for v in (a, b)]
            assert await asyncio.gather(*looks) == [200] * 10


async def test_per_host_is_what_the_vendor_sees():
    """Ten visits to one host are never more than two requests at once there."""
    running, most = 0, 0

    async def answer(received):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return Answer(body=b"x")

    async with faultd(answer) as vendor:
        async with Driver(HttpSettings(allow_private=LOOPBACK)) as driver:

            async def look():
                async with driver.visit(vendor.url) as visit:
                    await visit.ask(Request.get(vendor.url))

            await asyncio.gather(*(look() for _ in range(10)))
        assert most == 2
        assert len(vendor.requests) == 10


def test_the_number_of_hosts_with_idle_connections_is_bounded():
    """The first ones keep theirs while they are visited; a forgotten one frees its place."""
    kept = Kept()
    hosts = [f"h{i}" for i in range(MAX_KEPT)]
    assert all(kept.keeps(host, 0.0) for host in hosts)
    assert not kept.keeps("late", 1.0)
    assert all(kept.keeps(host, 60.0) for host in hosts[1:])
    assert not kept.keeps("late", KEEP_ALIVE - 1)
    assert kept.keeps("late", KEEP_ALIVE)
    assert not kept.keeps("later", KEEP_ALIVE)


async def test_a_host_beyond_the_bound_keeps_its_connection_for_one_visit(monkeypatch):
    """All questions of a visit share it, and we close it when the visit ends."""
    monkeypatch.setattr("bellbuoy.http.limits.MAX_KEPT", 1)
    async with (
        faultd(Answer(body=b"x")) as kept,
        faultd(Answer(body=b"x")) as closed,
        Driver(HttpSettings(allow_private=LOOPBACK)) as driver,
    ):
        for vendor in (kept, closed, kept, closed):
            async with driver.visit(vendor.url) as visit:
                for path in ("a", "b", "c"):
                    await visit.ask(Request.get(vendor.at(path)))
        assert (kept.connections, closed.connections) == (1, 2)
        assert len(closed.requests) == 6
        await closed.until_closed()
        assert kept.open_connections == 1


async def test_a_host_that_a_visit_was_led_away_from_is_left(monkeypatch):
    """Beyond the bound, what a redirect came over is closed before the visit ends."""
    monkeypatch.setattr("bellbuoy.http.limits.MAX_KEPT", 1)
    async with (
        faultd(Answer(body=b"x")) as kept,
        faultd(Answer(body=b"x")) as there,
        faultd(Answer(302, {"Location": there.url})) as here,
        Driver(HttpSettings(allow_private=LOOPBACK)) as driver,
    ):
        async with driver.visit(kept.url) as visit:
            await visit.ask(Request.get(kept.url))
        async with driver.visit(here.url) as visit:
            await visit.ask(Request.get(here.url))
            await here.until_closed()
            assert there.open_connections == 1
        await there.until_closed()


def test_a_platform_is_asked_as_often_by_many_workers_as_by_one():
    """Each of four has a quarter of the budget, also of one that was begun before."""

    async def situation():
        limits = Limits(10_000, 2)
        await limits.take_token("early", begun=False)
        limits.divide(4)
        for platform in ("early", "late"):
            began = asyncio.get_running_loop().time()
            for _ in range(PLATFORM_BURST + 150):
                await limits.take_token(platform, begun=False)
            took = asyncio.get_running_loop().time() - began
            assert took == pytest.approx(150 / (PLATFORM_RATE / 4), rel=0.02)

    run_virtual(situation())
