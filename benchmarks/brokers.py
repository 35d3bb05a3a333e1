"""From the log to each broker, beside a plain loop of the broker's own client.

Both send the same bodies, with as many on their way at once, and wait for each acknowledgement.
Ours is the whole way: log, route, delivery, publish, settle. What the broker has afterwards is
read by a consumer. Kafka is the pretend cluster of librdkafka.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

import aio_pika
import nats
import redis.asyncio
from confluent_kafka import Producer
from tests import brokers
from tests.notifiers.consumers import CONSUMERS

from bellbuoy import platform
from bellbuoy.app import App
from bellbuoy.config import Config
from bellbuoy.events import to_json
from bellbuoy.http import HttpSettings
from bellbuoy.notifiers import Notifiers, Receiver
from bellbuoy.notifiers._link import AT_ONCE
from bellbuoy.routing.routes import Route
from bellbuoy.stores.opening import open_store
from benchmarks import lives
from benchmarks.delivery import APPENDED, WHOLE, Settled
from benchmarks.figures import Figure, Scale, apart, micros, ratio

Publish = Callable[[bytes], Awaitable[Any]]


def run(scale: Scale) -> Iterator[Figure]:
    for kind in CONSUMERS:
        with brokers.server(kind) as address:
            yield _beside(kind, address, scale.of(2000, 100), min(scale.repeats, 3))


def _beside(kind: str, address: str, events: int, repeats: int) -> Figure:
    ours, plain, cpu = [], [], []
    counts = {"events": 0, "lost": 0, "twice": 0, "disordered": 0}
    for _ in range(repeats):
        done = apart("benchmarks.brokers", "plainly", kind=kind, address=address, count=events)
        plain.append(done["seconds"])
        consumer = CONSUMERS[kind](address)
        arguments = {"kind": kind, "settings": consumer.settings(), "count": events}
        done = apart("benchmarks.brokers", "delivered", **arguments)
        ours.append(done["seconds"])
        cpu.append(done["cpu"] / events)
        for name, number in asyncio.run(_judged(consumer, events)).items():
            counts[name] += number
    return Figure(
        what=f"{events:,} events into `{kind}`: events per second (CPU {micros(cpu)} each); "
        f"time against a loop of its client, {AT_ONCE} at once",
        ours=f"{events / median(ours):.0f}/s",
        baseline=f"{events / median(plain):.0f}/s",
        target=WHOLE,
        measured=ratio(ours, plain)[1],
        holds=not (counts["lost"] or counts["twice"] or counts["disordered"]),
        counts=counts,
    )


async def _judged(consumer: Any, count: int) -> dict[str, int]:
    """How many events were lost, came twice, or came before an earlier one of their lane."""
    places = {event.id: (event.lane, n) for n, event in enumerate(lives.events(count))}
    async with consumer:
        heard = [event["id"] for event in await consumer.heard()]
    disordered, newest = 0, dict[str, int]()
    for lane, place in map(places.__getitem__, heard):
        disordered += place < newest.get(lane, -1)
        newest[lane] = max(place, newest.get(lane, -1))
    lost, twice = len(places.keys() - set(heard)), len(heard) - len(set(heard))
    return {"events": len(heard), "lost": lost, "twice": twice, "disordered": disordered}


def delivered(kind: str, settings: dict[str, Any], count: int) -> dict[str, float]:
    """Record events in a running monitor as fast as it goes, until all are settled."""

    async def main() -> dict[str, float]:
        settled = Settled(count)
        with tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory:
            config = _config(kind, settings, f"sqlite:///{Path(directory) / 'bellbuoy.db'}")
            async with (
                open_store(config.store, poller=True) as store,
                App(config, store=store, observer=settled),
            ):
                began, cpu = time.monotonic(), time.process_time()
                waiting = lives.events(count)
                while some := list(islice(waiting, APPENDED)):
                    await store.append(some)
                await settled.all.wait()
                return {
                    "seconds": time.monotonic() - began,
                    "cpu": time.process_time() - cpu,
                }

    return platform.run(main)


def _config(kind: str, settings: dict[str, Any], store: str) -> Config:
    good = Notifiers()[kind].Settings.model_validate(settings)
    return Config(
        watched=(),
        receivers=(Receiver(name="broker", kind=kind, settings=good),),
        routes=(Route(name="all", to=("broker",)),),
        http=HttpSettings(),
        store=store,
    )


def plainly(kind: str, address: str, count: int) -> dict[str, float]:
    """The baseline: the same bodies by the broker's own client, and nothing kept."""

    async def main() -> dict[str, float]:
        bodies = iter([to_json(event) for event in lives.events(count)])
        consumer = CONSUMERS[kind](address)
        async with consumer, AsyncExitStack() as stack:
            publish = await stack.enter_async_context(_PLAIN[kind](consumer))

            async def take() -> None:
                for body in bodies:
                    await publish(body)

            began = time.monotonic()
            await asyncio.gather(*(take() for _ in range(AT_ONCE)))
            return {"seconds": time.monotonic() - began}

    return platform.run(main)


@asynccontextmanager
async def _redis(consumer: Any) -> AsyncIterator[Publish]:
    async with redis.asyncio.from_url(consumer.address, max_connections=AT_ONCE) as client:
        yield lambda body: client.xadd(consumer.name, {"data": body}, maxlen=100_000)


@asynccontextmanager
async def _nats(consumer: Any) -> AsyncIterator[Publish]:
    client = await nats.connect(consumer.address)
    jetstream = client.jetstream()
    await jetstream.add_stream(name=consumer.name, subjects=[consumer.name])
    yield lambda body: jetstream.publish(consumer.name, body)
    await client.close()


@asynccontextmanager
async def _rabbitmq(consumer: Any) -> AsyncIterator[Publish]:
    connection = await aio_pika.connect(consumer.address)
    async with connection, connection.channel() as channel:
        quorum = {"x-queue-type": "quorum"}
        await channel.declare_queue(consumer.name, durable=True, arguments=quorum)

        def publish(body: bytes) -> Awaitable[Any]:
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            return channel.default_exchange.publish(message, consumer.name)

        yield publish


@asynccontextmanager
async def _kafka(consumer: Any) -> AsyncIterator[Publish]:
    loop = asyncio.get_running_loop()
    servers = {"bootstrap.servers": consumer.address, "enable.idempotence": True, "linger.ms": 0}
    producer, is_over = Producer(servers), Event()

    def hear() -> None:
        while not is_over.is_set():
            producer.poll(0.1)

    def publish(body: bytes) -> Awaitable[Any]:
        stored = loop.create_future()

        def answered(error: Any, _: Any) -> None:
            loop.call_soon_threadsafe(stored.set_result, error)

        producer.produce(consumer.name, body, on_delivery=answered)
        return stored

    thread = Thread(target=hear)
    thread.start()
    yield publish
    is_over.set()
    thread.join()


_PLAIN = {"redis": _redis, "nats": _nats, "rabbitmq": _rabbitmq, "kafka": _kafka}
