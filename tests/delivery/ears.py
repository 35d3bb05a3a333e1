"""A kind of receiver that only listens, for tests of what is told to whom and when."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from pydantic import BaseModel

from bellbuoy.errors import DisabledError, RefusedError
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Digest, Message, Receiver


class Settings(BaseModel):
    """`answer` is what it says to everything: taken, refused, gone, or it has no door at all."""

    name: str
    answer: str = "taken"


class Ears:
    """Hears messages and digests, each as (receiver, when, the deliveries in it)."""

    api_version = 1
    KIND = "ears"
    Settings = Settings
    digests = True

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.heard = []

    @asynccontextmanager
    async def open(self, settings: Settings) -> AsyncGenerator["Door"]:
        """A door, if there is one."""
        if settings.answer == "no door":
            raise RefusedError("the key is wrong")
        yield Door(self, settings)


class Door:
    """The way to one receiver."""

    def __init__(self, ears: Ears, settings: Settings) -> None:
        self.ears = ears
        self.settings = settings

    async def notify(self, message: Message) -> Receipt:
        """Hear one event."""
        return self._hear((message,))

    async def digest(self, digest: Digest) -> Receipt:
        """Hear many."""
        return self._hear(digest.messages)

    def _hear(self, messages: tuple[Message, ...]) -> Receipt:
        if self.settings.answer == "refused":
            raise RefusedError("no such channel")
        if self.settings.answer == "gone":
            raise DisabledError("gone for good")
        contents = tuple((message.delivery, message.event) for message in messages)
        self.ears.heard.append((self.settings.name, self.ears.clock(), contents))
        return Receipt(detail="heard", reference="m1")


def listener(name: str, answer: str = "taken") -> Receiver:
    """A receiver of that kind."""
    return Receiver(name=name, kind="ears", settings=Settings(name=name, answer=answer))
