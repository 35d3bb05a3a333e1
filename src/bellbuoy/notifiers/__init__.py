"""Receivers' kinds; one module each.

A notifier is a module with the attributes of `Notifier`. To add one, write
`notifiers/X.py`, `tests/notifiers/test_X.py` and golden payloads: the registry finds it by
its name, which is the receiver's `kind` in the config.

A kind that speaks HTTP offers `notify`, a pure exchange that the driver performs; one with a
door of its own (a file, a terminal, a broker) offers `open` instead. Three more things may be
offered: `digest` (or a `digest` of the door) tells of many events in one message, without it
each comes by itself; `pace` says how fast the receiver may be told; and `renew_every` how
often it must be told again of what is open, so that it does not forget.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct
from pydantic import BaseModel

from bellbuoy.events import Event
from bellbuoy.exchange import Exchange
from bellbuoy.model.delivery import Delivery, Receipt, Service

API_VERSION = 1
"""The version of the `Notifier` protocol; provisional until 1.0."""


class Receiver(Struct, frozen=True, kw_only=True):
    """A named, configured destination. `settings` is of its kind's `Settings`."""

    name: str
    kind: str
    settings: Any


class Message(Struct, frozen=True, kw_only=True):
    """One event for one receiver, with its delivery, whose `occasion` says why now.

    `sent_at` is this attempt's time in Unix seconds. `reference` is the receiver's message
    of the same incident, if there is one. `repeat` is true when an earlier attempt may have
    arrived although no answer came back. `services` are the operator's own that need what
    has trouble.
    """

    event: Event
    delivery: Delivery
    sent_at: int
    reference: str = ""
    repeat: bool = False
    services: tuple[Service, ...] = ()


class Digest(Struct, frozen=True, kw_only=True):
    """Many events for one receiver that become one message, in the order of the log.

    `id` is the key for idempotency, the same at every attempt. `messages` are at least two;
    their deliveries' `reason` says why they were not told one by one. `sent_at` and `repeat`
    are as in a message.
    """

    id: str
    messages: tuple[Message, ...]
    sent_at: int
    repeat: bool = False


class Pace(Struct, frozen=True, kw_only=True):
    """How fast a receiver may be told: `burst` messages at once, then one every `every` seconds.

    Receivers of one kind with the same `key` share it: a channel, or an address.
    """

    key: str
    every: float
    burst: int = 1


class Notifier(Protocol):
    """What every notifier module holds."""

    api_version: int
    """`API_VERSION` at the time of writing."""

    KIND: str
    """Its name in the config, which is the module's name."""

    Settings: type[BaseModel]
    """What the config may say of a receiver of this kind, beside `kind`."""


@runtime_checkable
class HttpNotifier(Notifier, Protocol):
    """A notifier whose receiver is reached over HTTP."""

    def notify(self, message: Message, settings: Any) -> Exchange[Receipt]:
        """Send one event. Every answer is sent in, whatever its status; redirects are not followed.

        Raises RefusedError, DisabledError or DelayedError if the receiver did not take it.
        """
        ...


@runtime_checkable
class DigestNotifier(HttpNotifier, Protocol):
    """A notifier that can tell of many events in one message."""

    def digest(self, digest: Digest, settings: Any) -> Exchange[Receipt]:
        """Send them all; the errors are those of `notify`."""
        ...


@runtime_checkable
class PacedNotifier(Notifier, Protocol):
    """A notifier whose receivers limit how often they may be told."""

    def pace(self, settings: Any) -> Pace | None:
        """How fast a receiver with these settings may be told; None if as fast as can be."""
        ...


@runtime_checkable
class RenewingNotifier(Notifier, Protocol):
    """A notifier whose receivers forget what they are not told again and again."""

    def renew_every(self, settings: Any) -> float | None:
        """After how many seconds what is open must be told again; None if never.

        It is told as a reminder, which a kind that renews says without raising attention.
        """
        ...


class Door(Protocol):
    """An open way to a receiver that is not reached over HTTP."""

    async def notify(self, message: Message) -> Receipt:
        """Send one event. Raises DeliveryError if the receiver did not take it."""
        ...


@runtime_checkable
class DigestDoor(Door, Protocol):
    """A way over which many events go in one message."""

    async def digest(self, digest: Digest) -> Receipt:
        """Send them all. Raises DeliveryError if the receiver did not take them."""
        ...


@runtime_checkable
class DoorNotifier(Notifier, Protocol):
    """A notifier with a door of its own."""

    def open(self, settings: Any) -> AbstractAsyncContextManager[Door]:
        """Open the way to the receiver, for as long as its courier lives."""
        ...


@runtime_checkable
class WideDoorNotifier(DoorNotifier, Protocol):
    """A notifier whose doors take messages of several lanes at once."""

    at_once: int
    """Of how many lanes; of one lane there is never more than one on its way."""


@runtime_checkable
class DigestDoorNotifier(DoorNotifier, Protocol):
    """A notifier whose every door is a DigestDoor; it says so with `digests = True`."""

    digests: bool


def takes_digests(notifier: Notifier) -> bool:
    """Whether many events may go to it in one message."""
    return isinstance(notifier, DigestNotifier | DigestDoorNotifier)


def seats(notifier: Notifier, *, over_http: int) -> int:
    """How many lanes of a receiver of this kind are told at once; of one lane it is one message."""
    if isinstance(notifier, HttpNotifier):
        return over_http
    return notifier.at_once if isinstance(notifier, WideDoorNotifier) else 1


def renewal(notifier: Notifier, settings: Any) -> float:
    """After how many seconds it must be told again of what is open; 0 if it never must."""
    if not isinstance(notifier, RenewingNotifier):
        return 0.0
    return notifier.renew_every(settings) or 0.0


class Notifiers(Mapping[str, Notifier]):
    """Every notifier by kind: the built-in ones, loaded at first use, and `extra` from plugins."""

    def __init__(self, extra: Mapping[str, Notifier] | None = None) -> None:
        self._extra = dict(extra or {})

    def __getitem__(self, kind: str) -> Notifier:
        if kind in self._extra:
            return self._extra[kind]
        if kind not in builtin_kinds():
            raise KeyError(kind)
        return import_module(f"{__name__}.{kind}")  # pyright: ignore[reportReturnType] - the contract test checks each module

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*builtin_kinds(), *self._extra}))

    def __len__(self) -> int:
        return len({*builtin_kinds(), *self._extra})


def builtin_kinds() -> frozenset[str]:
    """The kinds in this package."""
    names = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return frozenset(name for name in names if name[0] != "_")
