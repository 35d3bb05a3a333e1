"""The way to a receiver: an exchange for each message, or a door that stays open.

Does not decide when something is sent, nor what its answer means (courier).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.exchange import Exchange
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import (
    Digest,
    DigestDoor,
    DigestNotifier,
    Door,
    DoorNotifier,
    HttpNotifier,
    Message,
    Notifier,
)

Send = Callable[[Exchange[Receipt]], Awaitable[Receipt]]
"""Performs a receiver's exchange; the app hands in the driver's."""

Notify = Callable[[Message | Digest], Awaitable[Receipt]]
"""Tells a receiver, as its kind does. Raises DeliveryError."""


async def opened(notifier: Notifier, settings: Any, send: Send, stack: AsyncExitStack) -> Notify:
    """The way to a receiver with these settings; a door is open for as long as the stack.

    Raises TypeError of a kind that has neither `notify` nor `open`, and whatever a door raises
    that does not open: DeliveryError, if it is a good one.
    """
    if isinstance(notifier, HttpNotifier):
        return lambda told: _uncancelled(send(_exchange(notifier, told, settings)))
    if not isinstance(notifier, DoorNotifier):
        raise TypeError(f"{notifier!r} has neither `notify` nor `open`")
    door = await stack.enter_async_context(notifier.open(settings))
    return lambda told: _uncancelled(_through(door, told))


async def _uncancelled(telling: Awaitable[Receipt]) -> Receipt:
    """What telling comes to; cancelled by a library, and not by us, it has failed."""
    try:
        return await telling
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise DelayedError("unexpected CancelledError", uncertain=True) from None


def _exchange(notifier: HttpNotifier, told: Message | Digest, settings: Any) -> Exchange[Receipt]:
    if isinstance(told, Message):
        return notifier.notify(told, settings)
    if not isinstance(notifier, DigestNotifier):
        raise RefusedError("this kind of receiver takes no digests")
    return notifier.digest(told, settings)


async def _through(door: Door, told: Message | Digest) -> Receipt:
    if isinstance(told, Message):
        return await door.notify(told)
    if not isinstance(door, DigestDoor):
        raise RefusedError("this kind of receiver takes no digests")
    return await door.digest(told)
