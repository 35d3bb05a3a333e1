"""Brokers that are killed and come back while events go to them: R2, R3 and M7 with real servers.

Events are recorded all the time, a real courier brings them from a real store, and what the broker
has at the end is read by a consumer. Kafka's pretend cluster forgets everything when it is killed,
so it is stopped in the middle and goes on.
"""

import asyncio
import itertools
import random
import signal
import time
from contextlib import ExitStack

import pytest

from bellbuoy.http.driver import utcnow
from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.notifiers import Notifiers, Receiver
from bellbuoy.stores.opening import open_store
from tests import brokers
from tests.delivery.scenes import Heard, Scene, life, stop
from tests.event_samples import message
from tests.notifiers.consumers import CONSUMERS

LANES = 20
EVERY = 0.4
"""Seconds between two steps of all lanes: 50 events a second."""

NOTIFIERS = Notifiers()


class Counting(Heard):
    """An observer that counts."""

    arrived = 0
    failed = 0

    def attempted(self, details):
        """Count it."""
        super().attempted(details)
        is_done = details.delivery.status is DeliveryStatus.DONE
        self.arrived += is_done
        self.failed += not is_done


class Load:
    """Records events until it is told to end, and knows how many arrived."""

    def __init__(self, store, consumer):
        settings = NOTIFIERS[consumer.kind].Settings.model_validate(consumer.settings())
        receiver = Receiver(name="ops", kind=consumer.kind, settings=settings)
        self.heard = Counting()
        self.it = Scene(store, heard=self.heard, receiver=receiver, clock=utcnow)
        self.courier = self.it.courier(notifier=NOTIFIERS[consumer.kind])
        self.recorded = 0
        self.is_over = False
        self.goes_on = asyncio.Event()

    @property
    def outcomes(self):
        """The last attempts that were in vain."""
        attempts = [one.delivery for one in self.it.heard.attempts]
        vain = [one.last for one in attempts if one.status is not DeliveryStatus.DONE]
        return [(f"{one.at:%H:%M:%S}", one.seconds, one.outcome) for one in vain[-LANES:]]

    async def record(self):
        """Record a step of every lane again and again."""
        dispatcher = self.it.dispatcher()
        await dispatcher.begin()
        for step in itertools.count():
            await self.goes_on.wait()
            if self.is_over:
                return
            events = [one for lane in range(LANES) for one in life(f"i{lane}", 1, first=step)]
            await self.it.store.append(events)
            self.recorded += len(events)
            await dispatcher.catch_up()
            self.courier.wake()
            await asyncio.sleep(EVERY)

    async def until(self, condition, within=60):
        """Wait for something that happens while events go out."""
        until = time.monotonic() + within
        while not condition():
            assert time.monotonic() < until, (
                f"{self.heard.arrived} of {self.recorded}: {self.outcomes}"
            )
            await asyncio.sleep(0.02)

    async def troubled(self, times, trouble, seed):
        """Trouble the broker so often while events go out; return when nothing waits any more."""
        chance = random.Random(seed)
        courier = asyncio.create_task(self.courier.run())
        recording = asyncio.create_task(self.record())
        try:
            for _ in range(times):
                self.goes_on.set()
                wanted = self.heard.arrived + chance.randrange(1, 100)
                await self.until(lambda wanted=wanted: self.heard.arrived >= wanted)
                await self.until(lambda: self.courier._flying)
                await trouble()
                self.goes_on.clear()
                await self.until(lambda: self.heard.arrived == self.recorded)
            self.is_over = True
            self.goes_on.set()
            await recording
            await self.until(lambda: self.heard.arrived == self.recorded)
        finally:
            recording.cancel()
            await stop(courier)


def firsts(events):
    """The events without repeats: where each stood first."""
    return list({event["bellbuoykey"]: event for event in events}.values())


def check(heard, log):
    """Nothing is missing, and each incident has its order."""
    heard = [event for event in heard if event["data"]["incident"]["id"] != "before"]
    assert {event["id"] for event in heard} == {event.id for event in log}
    for lane in range(LANES):
        steps = [
            event["data"]["seq"]
            for event in firsts(heard)
            if event["data"]["incident"]["id"] == f"i{lane}"
        ]
        assert steps == sorted(steps), f"i{lane}"


async def settled(consumer):
    """Let the broker make what it makes for the first message.

    RabbitMQ 3.10 writes down which quorum queues it has after about a second; one that is killed
    before that does not find the new one again.
    """
    notifier = NOTIFIERS[consumer.kind]
    async with notifier.open(notifier.Settings.model_validate(consumer.settings())) as door:
        await door.notify(message(life("before", 1)[0]))
    await asyncio.sleep(2 if consumer.kind == "rabbitmq" else 0)


@pytest.fixture
def times(full_profile):
    """How often a broker is troubled."""
    return 20 if full_profile else 5


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["redis", "nats", "rabbitmq"])
async def test_m7_r2_r3_a_broker_that_is_killed_again_and_again_misses_nothing(
    kind, times, tmp_path
):
    """Each time all that waited is there within a minute, in order, at least once."""
    with brokers.own(kind) as server:
        server.start()
        await server.answers()
        async with open_store(str(tmp_path / "bellbuoy.db")) as store:
            consumer = CONSUMERS[kind](server.address)
            load = Load(store, consumer)
            await settled(consumer)

            async def trouble():
                server.kill()
                # A send waits for a server that is back soon: the first time it stays away.
                await load.until(lambda: load.heard.failed)
                server.start()
                await server.answers()

            await load.troubled(times, trouble, seed=kind)
            heard = await consumer.heard()
            check(heard, await store.read_events(limit=100_000))


@pytest.mark.timeout(900)
async def test_m7_r2_r3_a_cluster_of_kafka_that_stands_still_misses_nothing(times, tmp_path):
    """It goes on after a moment, and has everything once, in order: the producer is idempotent."""
    with ExitStack() as stack:
        cluster = stack.enter_context(brokers.kafka())
        async with open_store(str(tmp_path / "bellbuoy.db")) as store:
            consumer = CONSUMERS["kafka"](",".join(cluster.servers))
            load = Load(store, consumer)

            async def trouble():
                cluster.signal(signal.SIGSTOP)
                recorded = load.recorded
                # What was on its way may be acknowledged already; what is sent now is not.
                at_most = load.heard.arrived + len(load.courier._flying)
                await load.until(lambda: load.recorded >= recorded + 2 * LANES)
                assert load.heard.arrived <= at_most
                cluster.signal(signal.SIGCONT)

            await load.troubled(times, trouble, seed="kafka")
            heard = await consumer.heard()
            check(heard, await store.read_events(limit=100_000))
            assert len(heard) == load.recorded
