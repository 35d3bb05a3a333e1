"""A client of RabbitMQ, and what its answers mean."""

import logging
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aio_pika import RobustConnection
from aio_pika import exceptions as said
from faststream.rabbit import (
    Channel,
    ExchangeType,
    QueueType,
    RabbitBroker,
    RabbitExchange,
    RabbitQueue,
)
from faststream.security import BaseSecurity

from bellbuoy.errors import DeliveryError, RefusedError
from bellbuoy.notifiers import _brokers
from bellbuoy.notifiers._link import OPEN_WITHIN, Lose, unreachable

if TYPE_CHECKING:
    from bellbuoy.notifiers.rabbitmq import Settings

_NEVER = 1e9
"""Seconds after which the library reconnects by itself: it is closed long before."""

_SIZE = "message size"
"""After these words the server says how large a message is that it does not take."""

for _name in ("aio_pika", "aiormq"):
    # What is to be said of it is said by us; a library without a handler writes to stderr.
    logging.getLogger(_name).addHandler(logging.NullHandler())


@asynccontextmanager
async def client(settings: "Settings", lose: Lose) -> AsyncGenerator[RabbitBroker]:
    """A client that has been let in, and whose exchange and queue are there."""
    url = settings.url.get_secret_value()
    tls: ssl.SSLContext | None = None
    if urlsplit(url).scheme == "amqps":
        tls = _brokers.authorities(settings.ca_file)
    broker = RabbitBroker(
        url,
        logger=None,
        timeout=OPEN_WITHIN,
        reconnect_interval=_NEVER,
        default_channel=Channel(on_return_raises=True),
        security=BaseSecurity(ssl_context=tls, use_ssl=True) if tls else None,
        on_close=[lambda _, why: lose(f"the connection was lost: {why}")],
    )
    made: list[RobustConnection] = []

    def connection(*given: Any, **named: Any) -> RobustConnection:
        made.append(RobustConnection(*given, **named))
        return made[-1]

    # FastStream closes no connection that failed, and such a one warns when it is collected.
    vars(broker)["_connection_kwargs"]["connection_class"] = connection
    try:
        await broker.connect()
        await _declare(broker, settings)
        yield broker
    finally:
        await broker.stop()
        for each in made:
            await each.close()


def exchange(settings: "Settings") -> RabbitExchange:
    """Where events are published."""
    return RabbitExchange(settings.exchange, type=ExchangeType.TOPIC, durable=True)


def too_large(error: Exception, size: int) -> RefusedError | None:
    """What it says of the message of this size, in bytes; None if it is not that one's fault.

    The server closes the channel for a message, and all that wait on it hear the same.
    """
    is_it = isinstance(error, said.ChannelPreconditionFailed) and f"{_SIZE} {size} " in str(error)
    why = "the event is larger than its `max_message_size`; raise that"
    return RefusedError(why) if is_it else None


def meaning(error: Exception, settings: "Settings") -> DeliveryError | None:
    """What it says of the message or the settings; None if it is the connection that fails."""
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, said.ProbableAuthenticationError | said.AuthenticationError):
        return unreachable("user and password are refused; say them in `url`")
    if isinstance(error, said.ChannelPreconditionFailed):
        if _SIZE in str(error):  # another one's
            return None
        return unreachable(
            f"the exchange {settings.exchange} or the queue {settings.queue} is there, but made "
            f"otherwise: name another, or delete it ({error})"
        )
    if isinstance(error, said.PublishError):
        return unreachable(
            f"no queue takes what {settings.exchange} gets: bind one to it, or name one as `queue`"
        )
    if isinstance(error, said.DeliveryError):
        return unreachable("it did not take the event, because a queue is full or away")
    return None


async def _declare(broker: RabbitBroker, settings: "Settings") -> None:
    declared = await broker.declare_exchange(exchange(settings))
    if settings.queue is not None:
        queue = RabbitQueue(
            settings.queue,
            queue_type=QueueType.QUORUM,
            # Consumers beside each other would take the events of one incident in any order.
            arguments={"x-single-active-consumer": True},
        )
        await (await broker.declare_queue(queue)).bind(declared, "#")
