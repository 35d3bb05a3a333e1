"""Who reads what a broker was given: each CloudEvent as one dictionary, in the order of the broker.

    async with CONSUMERS[kind](address) as consumer:
        settings = notifier.Settings.model_validate(consumer.settings())
        ...                                        # send something
        assert [event["id"] for event in await consumer.heard()] == ...

Each has a stream, an exchange or a topic of its own, and connects anew each time it reads, so a
broker may be killed meanwhile.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from secrets import token_hex
from typing import Any, ClassVar, Self
from urllib.parse import unquote

import aio_pika
import nats
import redis.asyncio
from aio_pika.exceptions import AMQPError
from confluent_kafka import Consumer as KafkaClient
from confluent_kafka import TopicPartition
from redis.exceptions import RedisError

from tests.event_schema import valid_wire

OURS = ("partitionkey", "bellbuoy")
"""How extensions begin: the event without them is one that keeps its schema."""

logging.getLogger("aio_pika").addHandler(logging.NullHandler())
logging.getLogger("aiormq").addHandler(logging.NullHandler())


class Consumer(ABC):
    """What all of them are: a name of its own at one broker."""

    kind: ClassVar[str]
    complaints: tuple[str, ...] = ()

    def __init__(self, address: str) -> None:
        self.address = address
        self.name = f"test-{token_hex(6)}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.forget()

    @abstractmethod
    def settings(self, **more: Any) -> dict[str, Any]:
        """What the config would say."""

    @abstractmethod
    async def heard(self) -> list[dict[str, Any]]:
        """All that was given so far."""

    @abstractmethod
    async def forget(self) -> None:
        """Take away at the broker what was made there."""


def checked(event: dict[str, Any]) -> dict[str, Any]:
    """The same event, which keeps the published schema without its extensions."""
    valid_wire({name: value for name, value in event.items() if not name.startswith(OURS)})
    return event


def joined(
    headers: Mapping[str, str], prefix: str, content_type: str | None, data: bytes
) -> dict[str, Any]:
    """An event of binary mode as one dictionary."""
    attributes = {
        name.removeprefix(prefix): text for name, text in headers.items() if name.startswith(prefix)
    }
    return checked({**attributes, "datacontenttype": content_type, "data": json.loads(data)})


class RedisConsumer(Consumer):
    """Reads a stream from its beginning."""

    kind = "redis"

    def settings(self, **more: Any) -> dict[str, Any]:
        """What the config would say."""
        return {"url": self.address, "stream": self.name, **more}

    async def heard(self) -> list[dict[str, Any]]:
        """All that was given so far."""
        async with redis.asyncio.from_url(self.address) as client:
            entries = await client.xrange(self.name)
        assert all(fields.keys() == {b"data"} for _, fields in entries)
        return [checked(json.loads(fields[b"data"])) for _, fields in entries]

    async def forget(self) -> None:
        """Take away what was made at the broker."""
        with suppress(RedisError):
            async with redis.asyncio.from_url(self.address) as client:
                await client.delete(self.name)


async def no_word(error: Exception) -> None:
    """What the NATS client says is said by the test."""


class NatsConsumer(Consumer):
    """Reads a stream message by message."""

    kind = "nats"

    def settings(self, **more: Any) -> dict[str, Any]:
        """What the config would say."""
        return {"url": self.address, "stream": self.name, "subject": self.name, **more}

    async def heard(self) -> list[dict[str, Any]]:
        """All that was given so far."""
        self.messages = []
        client = await nats.connect(self.address, error_cb=no_word)
        try:
            jetstream = client.jetstream()
            state = (await jetstream.stream_info(self.name)).state
            for seq in range(state.first_seq, state.last_seq + 1):
                self.messages.append(await jetstream.get_msg(self.name, seq=seq))
        finally:
            await client.close()
        return [self._event(each) for each in self.messages]

    def _event(self, message: Any) -> dict[str, Any]:
        assert all(text.isascii() for text in message.headers.values())
        headers = {name: unquote(text) for name, text in message.headers.items()}
        event = joined(headers, "ce-", headers["content-type"], message.data)
        assert headers["Nats-Msg-Id"] == event["bellbuoykey"]
        return event

    async def forget(self) -> None:
        """Take away what was made at the broker."""
        with suppress(nats.errors.Error, OSError):
            client = await nats.connect(self.address, error_cb=no_word, max_reconnect_attempts=1)
            with suppress(nats.errors.Error):
                await client.jetstream().delete_stream(self.name)
            await client.close()


class RabbitMqConsumer(Consumer):
    """Empties the quorum queue that the receiver makes."""

    kind = "rabbitmq"
    quiet_for = 0.5

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.messages: list[Any] = []

    def settings(self, **more: Any) -> dict[str, Any]:
        """What the config would say."""
        return {"url": self.address, "exchange": self.name, "queue": self.name, **more}

    async def heard(self) -> list[dict[str, Any]]:
        """All that was given so far."""
        connection = await aio_pika.connect(self.address)
        async with connection, connection.channel() as channel:
            await channel.set_qos(prefetch_count=1000)
            queue = await channel.get_queue(self.name)
            with suppress(TimeoutError):  # There is no other sign that the queue is empty.
                async with queue.iterator(timeout=self.quiet_for) as messages:
                    async for message in messages:
                        self.messages.append(message)
                        await message.ack()
        return [self._event(each) for each in self.messages]

    def _event(self, message: Any) -> dict[str, Any]:
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        event = joined(message.headers, "cloudEvents_", message.content_type, message.body)
        assert message.message_id == event["bellbuoykey"]
        return event

    async def forget(self) -> None:
        """Take away what was made at the broker."""
        with suppress(AMQPError, OSError):
            connection = await aio_pika.connect(self.address)
            async with connection, connection.channel() as channel:
                await channel.queue_delete(self.name)
                await channel.exchange_delete(self.name)


class KafkaConsumer(Consumer):
    """Reads every partition of a topic from its beginning."""

    kind = "kafka"

    def settings(self, **more: Any) -> dict[str, Any]:
        """What the config would say."""
        return {"servers": self.address.split(","), "topic": self.name, **more}

    async def heard(self) -> list[dict[str, Any]]:
        """All that was given so far."""
        client = KafkaClient({"bootstrap.servers": self.address, "group.id": self.name})
        try:
            partitions = client.list_topics(self.name, timeout=10).topics[self.name].partitions
            ends = {
                number: client.get_watermark_offsets(TopicPartition(self.name, number), timeout=10)
                for number in partitions
            }
            client.assign([TopicPartition(self.name, number, 0) for number in partitions])
            left = sum(last - first for first, last in ends.values())
            self.messages = []
            while left:
                for message in client.consume(left, timeout=10):
                    assert message.error() is None
                    self.messages.append(message)
                    left -= 1
        finally:
            client.close()
        return [self._event(each) for each in self.messages]

    async def forget(self) -> None:
        """Nothing: the topic ends with its pretend cluster."""

    def _event(self, message: Any) -> dict[str, Any]:
        headers = {name: text.decode() for name, text in message.headers()}
        event = joined(headers, "ce_", headers["content-type"], message.value())
        assert message.key().decode() == event["partitionkey"]
        return event


CONSUMERS: dict[str, type[Consumer]] = {
    each.kind: each for each in (RedisConsumer, NatsConsumer, RabbitMqConsumer, KafkaConsumer)
}
