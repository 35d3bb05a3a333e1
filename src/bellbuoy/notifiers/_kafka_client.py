"""A client of Kafka, and what its answers mean."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, Producer
from faststream.confluent import KafkaBroker

from bellbuoy.errors import DeliveryError, RefusedError
from bellbuoy.notifiers import _brokers
from bellbuoy.notifiers._link import Lose, unreachable

if TYPE_CHECKING:
    from bellbuoy.notifiers.kafka import Settings

GIVEN_UP_AFTER = 25.0
"""Seconds after which the producer gives a message up, before we give up the producer."""


@asynccontextmanager
async def client(settings: "Settings", lose: Lose) -> AsyncGenerator[KafkaBroker]:
    """A client that connects, and reconnects, by itself."""
    loop = asyncio.get_running_loop()

    def failed(error: KafkaError) -> None:
        # The library tries for ever; only that it is not let in is of interest at once.
        if error.name() == "_AUTHENTICATION":
            loop.call_soon_threadsafe(lose, f"user and password are refused ({error.str()})")

    broker = KafkaBroker(
        list(settings.servers),
        logger=None,
        client_id="bellbuoy",
        enable_idempotence=True,
        # As Java's producers do it, so that a key has one partition whoever writes.
        partitioner="murmur2_random",
        config=_options(settings, failed),
    )
    try:
        await broker.connect()
        yield broker
    finally:
        # Stopping waits until everything was sent, and nothing given up may be sent later.
        producer: Producer = attrgetter("_producer.producer.producer")(broker.config.producer)
        producer.purge()
        await broker.stop()


def meaning(error: Exception, settings: "Settings") -> DeliveryError | None:
    """What it says of the message or the settings; None if it is the connection that fails."""
    if isinstance(error, DeliveryError):
        return error
    if not isinstance(error, KafkaException):
        return None
    name = error.args[0].name()
    if name in {"MSG_SIZE_TOO_LARGE", "INVALID_MSG_SIZE"}:
        return RefusedError(
            f"the event is larger than {settings.topic} takes; raise its `max.message.bytes`"
        )
    if name in {"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"}:
        return unreachable(f"there is no topic {settings.topic}; create it, or name another")
    if name == "TOPIC_AUTHORIZATION_FAILED":
        return unreachable(f"this user may not write to {settings.topic}; let it")
    return None


def _options(settings: "Settings", failed: Callable[[KafkaError], None]) -> Any:
    """What the library is told beside what FastStream tells it."""
    login, way = ("sasl_" if settings.user else ""), ("ssl" if settings.tls else "plaintext")
    options: dict[str, Any] = {
        "message.timeout.ms": int(GIVEN_UP_AFTER * 1000),
        # A batch is refused as a whole, also because of its own size: each event stands for itself.
        "batch.num.messages": 1,
        "error_cb": failed,
        "security.protocol": login + way,
    }
    if settings.user and settings.password:
        options["sasl.mechanism"] = settings.mechanism
        options["sasl.username"] = settings.user
        options["sasl.password"] = settings.password.get_secret_value()
    if settings.ca_file is not None:
        _brokers.authorities(settings.ca_file)
        options["ssl.ca.location"] = str(settings.ca_file)
    return options
