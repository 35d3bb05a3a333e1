"""One receiver's attempts, in virtual time: days of trouble in a moment."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bellbuoy.delivery import courier as room
from bellbuoy.errors import DelayedError, StoreUnavailableError
from bellbuoy.model.delivery import DeliveryStatus, Receipt
from bellbuoy.routing.routes import Route
from bellbuoy.stores.memory import MemoryStore
from tests.delivery.scenes import EVERYTHING, Scene, Sink, answer, failed, hook, life, stop
from tests.virtual_time import move_wall_clock, now, run_virtual

HOUR = 3600.0
DONE, DEAD, WAITING = DeliveryStatus.DONE, DeliveryStatus.DEAD, DeliveryStatus.WAITING


def scene(script=lambda _: answer(), **rest):
    """A scene over the store in memory."""
    return Scene(MemoryStore(), Sink(script), **rest)


def mixed(lanes, steps):
    """Lives of several incidents, one step of each in turn."""
    lives = [life(f"i{lane}", steps) for lane in range(lanes)]
    return [one for step in zip(*lives, strict=True) for one in step]


def test_n1_r2_seventy_hours_without_the_receiver_lose_nothing():
    """All arrive, in order, within minutes of its return; meanwhile it is hardly disturbed."""

    async def situation():
        began = now()
        back = began + timedelta(hours=70)
        it = scene(lambda got: answer() if got.at >= back else failed())
        await it.record(*mixed(lanes=3, steps=4))
        await it.run_for(71 * HOUR)
        for lane in range(3):
            assert it.sink.steps(f"i{lane}") == ["u0", "u1", "u2", "u3"]
        assert await it.count(DONE) == 12
        in_vain = [got for got in it.sink.got if not got.accepted]
        assert {got.update for got in in_vain} == {"u0"}
        assert len(in_vain) < 3 * 600
        last = max(got.at for got in it.sink.got)
        assert last - back < timedelta(minutes=15)

    run_virtual(situation())


def test_n1_after_three_days_it_is_dead_visible_and_can_be_revived():
    """A dead letter with its last outcome, a warning, and a second chance by hand."""

    async def situation():
        it = scene(lambda _: failed("name not known"))
        await it.record(*life("i0", 1))
        await it.run_for(71 * HOUR)
        assert await it.count(WAITING) == 1
        await it.run_for(2 * HOUR)
        [dead] = await it.store.deliveries(status=DEAD)
        assert dead.last.outcome == "name not known"
        [warning] = it.heard.told("is dead")
        assert warning.level == "warning"
        tries = len(it.sink.got)
        await it.run_for(HOUR)
        assert len(it.sink.got) == tries
        it.sink.script = lambda got: answer() if len(it.sink.got) > tries + 5 else failed()
        await it.store.revive(dead.id, now())
        await it.run_for(HOUR)
        assert await it.count(DONE) == 1

    run_virtual(situation())


def test_a_machine_that_slept_for_a_week_does_not_bury_what_it_could_not_send():
    """It wakes up without a network for ten minutes: late is better than never."""

    async def situation():
        it = scene(lambda _: failed())
        await it.record(*life("i0", 1))
        await it.run_for(10)
        move_wall_clock(7 * 24 * HOUR)
        await it.run_for(10 * 60)
        it.sink.script = lambda _: answer()
        await it.run_for(15 * 60)
        assert await it.count(DONE) == 1

    run_virtual(situation())


def test_r3_a_late_incident_holds_up_no_other_and_keeps_its_own_order():
    """One incident is refused for two hours; the others arrive within a second."""

    async def situation():
        began = now()
        back = began + timedelta(hours=2)
        it = scene(lambda got: answer(503) if got.incident == "i0" and got.at < back else answer())
        await it.record(*mixed(lanes=20, steps=5))
        await it.run_for(3 * HOUR)
        others = [got for got in it.sink.got if got.incident != "i0"]
        assert max(got.at for got in others) - began < timedelta(seconds=1)
        for lane in range(20):
            assert it.sink.steps(f"i{lane}") == ["u0", "u1", "u2", "u3", "u4"]

    run_virtual(situation())


def test_r3_a_slow_answer_to_one_incident_does_not_stop_the_next_step_of_another():
    """Twenty-nine seconds for one lane; the others go through their whole lives meanwhile."""

    async def slowly():
        await asyncio.sleep(29)
        return answer()

    async def situation():
        began = now()
        it = scene(lambda got: slowly() if got.incident == "i0" else answer())
        await it.record(*mixed(lanes=10, steps=5))
        await it.run_for(200)
        others = [got for got in it.sink.got if got.incident != "i0"]
        assert len(others) == 45
        assert max(got.at for got in others) - began < timedelta(seconds=1)
        assert it.sink.steps("i0") == ["u0", "u1", "u2", "u3", "u4"]

    run_virtual(situation())


@pytest.mark.parametrize("lanes", [1, 20])
@pytest.mark.parametrize("is_once", [False, True])
def test_r2_what_is_answered_while_the_store_reads_is_not_sent_again(is_once, lanes):
    """A read that began before the answer was settled shows it as waiting still."""

    class Slow(MemoryStore):
        async def due_deliveries(self, receiver, at, limit=50):
            found = await super().due_deliveries(receiver, at, limit)
            await asyncio.sleep(0.3)
            return found

    async def slowly(got):
        await asyncio.sleep(0.1 * (1 + int(got.incident[1:]) % 7))
        return answer()

    async def situation():
        it = Scene(Slow(), Sink(slowly))
        await it.record(*mixed(lanes, steps=5))
        await (it.courier().drain() if is_once else it.run_for(200))
        assert len(it.sink.got) == 5 * lanes
        for lane in range(lanes):
            assert it.sink.steps(f"i{lane}") == ["u0", "u1", "u2", "u3", "u4"]

    run_virtual(situation())


def test_n6_a_receiver_that_hangs_delays_no_other_and_takes_no_memory():
    """The other hears each event at the same instant as if none hung; the rest is in the store."""

    async def never():
        await asyncio.sleep(30)
        return failed("no answer within 30 s", uncertain=True)

    async def soon():
        await asyncio.sleep(0.05)
        return answer()

    async def situation(hangs):
        began = now()
        it = scene(lambda _: soon())
        beside = Sink(lambda _: never() if hangs else answer())
        second = hook("second")
        routes = (*EVERYTHING, Route(name="also", to=("second",)))
        dispatcher = it.dispatcher(it.receiver, second, routes=routes)
        await dispatcher.begin()
        other = it.courier(receiver=second, send=beside.send)
        tasks = [asyncio.create_task(each.run()) for each in (other, it.courier())]
        for n in range(5):
            await it.store.append(
                [event for lane in range(200) for event in life(f"i{lane}", 1, n)]
            )
            await dispatcher.catch_up()
            await asyncio.sleep(24)
        assert len(other._claimed) <= room.CLAIM
        assert len(other._flying) <= room.AT_ONCE
        for task in tasks:
            await stop(task)
        assert len(it.sink.got) == 1000
        assert len(beside.got) == (4 * 4 if hangs else 1000)
        return [(got.id, got.at - began) for got in it.sink.got]

    assert run_virtual(situation(hangs=True)) == run_virtual(situation(hangs=False))


def test_n3_a_poison_message_is_parked_and_the_rest_goes_on():
    """One of a hundred is refused: 99 arrive, and the later ones of its incident say "gap"."""

    async def situation():
        it = scene(
            lambda got: answer(400) if (got.incident, got.update) == ("i3", "u1") else answer()
        )
        await it.record(*mixed(lanes=20, steps=5))
        await it.run_for(60)
        assert await it.count(DONE) == 99
        [dead] = await it.store.deliveries(status=DEAD)
        assert (dead.attempts, dead.last.outcome) == (1, "HTTP 400")
        gaps = [(got.incident, got.update) for got in it.sink.got if _gap(got)]
        assert gaps == [("i3", "u2"), ("i3", "u3"), ("i3", "u4")]
        await it.record(*life("i3", 1, first=5))
        await it.run_for(60)
        assert _gap(it.sink.got[-1])

    run_virtual(situation())


def _gap(got):
    return "bellbuoy-after-gap" in got.headers


def test_n4_what_may_have_arrived_comes_again_as_a_repeat_with_the_same_key():
    """The answer was lost once: every later attempt says so, also after a plain failure."""

    async def situation():
        replies = [failed(), failed(uncertain=True), answer(503), answer()]
        it = scene(lambda _: replies.pop(0))
        await it.record(*life("i0", 1))
        await it.run_for(HOUR)
        assert len({got.id for got in it.sink.got}) == 1
        repeats = ["bellbuoy-repeat" in got.headers for got in it.sink.got]
        assert repeats == [False, False, True, True]

    run_virtual(situation())


def test_a_410_disables_the_receiver_for_good_and_parks_what_waits():
    """It is asked no more, neither now nor after a restart, and nothing is lost from sight."""

    async def situation():
        it = scene(lambda got: answer(410))
        await it.record(*life("i0", 3))
        await it.run_for(60)
        assert len(it.sink.got) == 1
        assert await it.store.disabled() == {"ops"}
        assert await it.count(DEAD) == 3
        [warning] = it.heard.told("disabled")
        assert warning.level == "warning"
        await it.record(*life("i1", 1))
        assert it.heard.withholdings[-1].reason == "the receiver wants no more events"
        await it.run_for(60)
        await asyncio.wait_for(it.courier().drain(), 60)
        assert len(it.sink.got) == 1
        assert await it.count(WAITING) == 0

    run_virtual(situation())


def test_a_receiver_that_is_enabled_again_is_told_without_a_restart():
    """`receivers revive` counts beside a running `watch`: what was dead and what comes next."""

    async def situation():
        it = scene(lambda got: answer() if len(it.sink.got) > 1 else answer(410))
        await it.record(*life("i0", 2))
        running = asyncio.create_task(it.courier().run())
        await asyncio.sleep(HOUR)
        assert (len(it.sink.got), await it.count(DEAD)) == (1, 2)
        await it.store.enable("ops")
        for dead in await it.store.deliveries(status=DEAD):
            await it.store.revive(dead.id, now())
        await it.record(*life("i1", 1))
        await asyncio.sleep(60)
        assert await it.count(DONE) == 3
        await stop(running)

    run_virtual(situation())


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_meant_for_every_incident(status):
    """A receiver that asks for ten minutes hears nothing for ten minutes."""

    async def situation():
        began = now()
        back = began + timedelta(seconds=600)
        it = scene(
            lambda got: answer() if got.at >= back else answer(status, **{"retry-after": "600"})
        )
        await it.record(*mixed(lanes=20, steps=2))
        await it.run_for(1000)
        early = [got for got in it.sink.got if got.at < back]
        assert len(early) <= room.AT_ONCE
        assert len([got for got in it.sink.got if got.accepted]) == 40
        assert max(got.at for got in it.sink.got) - back < timedelta(seconds=10)

    run_virtual(situation())


class FullDisk(MemoryStore):
    """A store that refuses to write for a while."""

    full_until = None

    async def settle(self, *deliveries):
        """Refuse while the disk is full."""
        if self.full_until is not None and now() < self.full_until:
            raise StoreUnavailableError("the disk is full")
        await super().settle(*deliveries)


def test_p2_a_full_disk_for_an_hour_sends_nothing_twice():
    """What was answered waits to be settled; it is told once, and once more when it is over."""

    async def situation():
        it = Scene(FullDisk(), Sink())
        await it.record(*mixed(lanes=6, steps=2))
        it.store.full_until = now() + timedelta(hours=1)
        await it.run_for(2 * HOUR)
        assert len(it.sink.got) == 12
        assert await it.count(DONE) == 12
        begun, ended = it.heard.told("waits for the store")
        assert (begun.level, ended.level) == ("error", "info")
        assert "the disk is full" in begun.what

    run_virtual(situation())


def test_a_bug_in_a_notifier_is_retried_reported_and_ends_nothing():
    """It is told as unexpected, by its kind and place: its words may hold a secret."""
    bug = ValueError("token=canary")

    async def situation():
        it = scene()
        broken = True

        async def send(exchange):
            request = next(exchange)
            if broken and b"i0" in request.body:
                raise bug
            exchange.close()
            return Receipt()

        await it.record(*life("i0", 1), *life("i1", 1))
        await it.run_for(30, send=send)
        assert await it.count(DONE) == 1
        [waiting] = await it.store.deliveries(status=WAITING)
        assert waiting.last.outcome.startswith("unexpected ValueError at test_courier.py:")
        assert "canary" not in str(it.heard.happenings)
        assert it.heard.told("unexpected ValueError")[0].level == "error"
        broken = False
        await it.run_for(HOUR, send=send)
        assert await it.count(DONE) == 2

    run_virtual(situation())


def door(notify, opening=None):
    """A notifier with a door of its own."""

    @asynccontextmanager
    async def open_it(settings):
        if opening is not None:
            opening()
        yield SimpleNamespace(notify=notify)

    return SimpleNamespace(api_version=1, KIND="door", Settings=BaseModel, open=open_it)


def test_a_notifier_that_answers_with_nothing_is_not_believed():
    """Only a Receipt says that the receiver has it."""

    async def situation():
        async def notify(message):
            return None

        it = scene()
        await it.record(*life("i0", 1))
        await it.run_for(1, notifier=door(notify))
        [waiting] = await it.store.deliveries()
        assert waiting.last.outcome.startswith("unexpected TypeError")

    run_virtual(situation())


def test_a_door_takes_one_event_at_a_time_in_the_order_of_the_log():
    """A terminal or a file is one stream."""

    async def situation():
        busy, came = [], []

        async def notify(message):
            assert not busy
            busy.append(1)
            await asyncio.sleep(0.1)
            busy.clear()
            came.append(message.event.seq)
            return Receipt()

        it = scene()
        await it.record(*mixed(lanes=5, steps=1))
        await it.run_for(10, notifier=door(notify))
        assert came == [1, 2, 3, 4, 5]

    run_virtual(situation())


def test_r3_a_wide_door_takes_a_step_of_each_of_several_incidents_at_once():
    """As many as it says, and never two of one incident."""

    async def situation():
        it, flying, came, most = scene(), [], [], 0

        async def notify(message):
            nonlocal most
            incident = message.event.incident.id
            assert incident not in flying
            flying.append(incident)
            most = max(most, len(flying))
            await asyncio.sleep(1)
            flying.remove(incident)
            came.append((incident, message.event.update.id))
            return Receipt()

        wide = door(notify)
        wide.at_once = 7
        await it.record(*mixed(lanes=10, steps=4))
        await it.run_for(60, notifier=wide)
        assert most == 7
        assert len(came) == 40
        for lane in range(10):
            steps = [step for incident, step in came if incident == f"i{lane}"]
            assert steps == ["u0", "u1", "u2", "u3"]

    run_virtual(situation())


def test_m7_a_door_whose_broker_was_away_for_days_has_all_within_a_minute():
    """The waits do not grow while it is away."""

    async def situation():
        it = scene()
        back = now() + timedelta(hours=60)
        came = []

        async def notify(message):
            if now() < back:
                await asyncio.sleep(10)
                raise DelayedError("connection refused", retry_after=5.0, away=True)
            came.append(now())
            return Receipt()

        await it.record(*mixed(lanes=3, steps=4))
        await it.run_for(61 * HOUR, notifier=door(notify))
        assert len(came) == 12
        assert max(came) - back < timedelta(minutes=1)

    run_virtual(situation())


@pytest.mark.parametrize("error", [OSError("no broker"), DelayedError("no broker")])
def test_a_door_that_cannot_be_opened_is_tried_again(error):
    """A broker that is down when we start does not end the process, and loses nothing."""

    async def situation():
        refusals = [error, error]
        came = []

        def opening():
            if refusals:
                raise refusals.pop()

        async def notify(message):
            came.append(message.event.id)
            return Receipt()

        it = scene()
        await it.record(*life("i0", 2))
        await it.courier(notifier=door(notify, opening)).drain()
        assert not came
        await it.run_for(100, notifier=door(notify, opening))
        assert len(came) == 2
        assert it.heard.told("cannot be opened")

    run_virtual(situation())


def test_a_reference_is_kept_and_given_to_the_next_message_of_the_incident():
    """So that a later step can edit, or be threaded below, the first."""

    async def situation():
        came = []

        async def notify(message):
            came.append((message.event.incident.id, message.reference))
            return Receipt(reference=f"ts-{message.event.incident.id}")

        it = scene()
        await it.record(*life("i0", 2), *life("i1", 1))
        await it.run_for(10, notifier=door(notify))
        assert sorted(came) == [("i0", ""), ("i0", "ts-i0"), ("i1", "")]

    run_virtual(situation())


def test_a_drain_tries_everything_that_is_due_once():
    """`--once`: the good ones go through their whole lives, the bad one is tried a single time."""

    async def situation():
        it = scene(lambda got: failed() if got.incident == "i0" else answer())
        await it.record(*mixed(lanes=60, steps=3))
        await it.courier().drain()
        assert len(it.sink.got) == 59 * 3 + 1
        await it.courier().drain()
        assert len(it.sink.got) == 59 * 3 + 1

    run_virtual(situation())


def test_a_drain_ends_although_the_receiver_hangs():
    """What was tried first is due again before the last was tried: it waits for the next run."""

    async def never():
        await asyncio.sleep(30)
        return failed(uncertain=True)

    async def situation():
        it = scene(lambda _: never())
        await it.record(*mixed(lanes=12, steps=1))
        await it.courier().drain()
        assert len(it.sink.got) == 12

    run_virtual(situation())


def test_a_drain_says_that_the_store_refuses():
    """A single run that cannot keep what it did must not look like a good one."""

    async def situation():
        it = Scene(FullDisk(), Sink())
        await it.record(*life("i0", 1))
        it.store.full_until = now() + timedelta(hours=1)
        with pytest.raises(StoreUnavailableError):
            await it.courier().drain()

    run_virtual(situation())


def test_news_is_delivered_at_once_and_another_processes_within_seconds():
    """A wake-up is only a hint: without it, five seconds are the worst."""

    async def situation():
        it = scene()
        courier = it.courier()
        task = asyncio.create_task(courier.run())
        await asyncio.sleep(100)
        await it.record(*life("i0", 1))
        courier.wake()
        recorded = now()
        await asyncio.sleep(1)
        assert it.sink.got[0].at == recorded
        await it.record(*life("i1", 1))
        recorded = now()
        await asyncio.sleep(10)
        assert it.sink.got[1].at - recorded <= timedelta(seconds=5)
        await stop(task)

    run_virtual(situation())


def test_p8_a_stop_lets_sends_end_for_four_seconds_and_leaves_the_rest():
    """Answers within four seconds are settled, hung ones stay in the store, nothing new is sent."""

    async def after(seconds):
        await asyncio.sleep(seconds)
        return answer()

    async def situation():
        it = scene(lambda got: after(3 if got.incident == "i0" else 300))
        await it.record(*mixed(lanes=10, steps=2))
        task = asyncio.create_task(it.courier().run())
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        await stop(task)
        assert asyncio.get_running_loop().time() - began <= room.STOP_WITHIN
        assert len(it.sink.got) == room.AT_ONCE
        [done] = await it.store.deliveries(status=DONE)
        assert done.lane.endswith("i0")
        assert await it.count(WAITING) == 19

    run_virtual(situation())


@given(
    seed=st.integers(0, 2**32),
    stops=st.lists(st.floats(0.01, 30), min_size=1, max_size=6),
)
def test_p8_stopped_at_any_instant_everything_arrives_in_order(seed, stops):
    """R2, R3: with lost answers, slow answers, refusals for now, and a stop at any moment."""
    chance = Random(seed)

    async def reply():
        await asyncio.sleep(chance.choice([0, 0.2, 2, 6]))
        roll = chance.random()
        if roll < 0.2:
            return failed(uncertain=True)
        return answer(chance.choice([500, 429])) if roll < 0.4 else answer()

    async def situation():
        it = scene(lambda _: reply(), seed=seed)
        await it.record(*mixed(lanes=4, steps=3))
        for seconds in stops:
            await it.run_for(seconds)
        it.sink.script = lambda _: answer()
        await it.run_for(2 * HOUR)
        assert await it.count(DONE) == 12
        for lane in range(4):
            came = it.sink.steps(f"i{lane}", accepted=False)
            assert list(dict.fromkeys(came)) == ["u0", "u1", "u2"]
            assert came == sorted(came)

    run_virtual(situation(), seed=seed)


def test_m3_a_courier_that_may_not_begin_asks_its_store_now_and_then_only():
    """Something is due, and may be due for as long as the store is away."""

    async def situation():
        it = Scene(MemoryStore())
        await it.record(*life("i1", 1))
        asked = []
        next_due = it.store.next_due

        async def counted(*given):
            asked.append(given)
            return await next_due(*given)

        it.store.next_due = counted
        await it.run_for(60, may_begin=lambda: False)
        assert len(asked) <= 13
        assert it.sink.got == []

    run_virtual(situation())


def test_j2_a_library_that_cancels_itself_is_an_attempt_that_failed():
    """It is tried again later, and not at once and for ever."""

    async def situation():
        it = Scene(MemoryStore())
        await it.record(*life("i1", 1))

        async def send(exchange):
            exchange.close()
            raise asyncio.CancelledError

        await it.run_for(5, send=send)
        (delivery,) = await it.store.deliveries()
        assert 1 <= delivery.attempts <= 5
        assert delivery.last.outcome == "unexpected CancelledError"

    run_virtual(situation())
