"""Letting a receiver have another try at what is dead."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from bellbuoy.model.delivery import Delivery
from bellbuoy.stores import Store


async def send_again(
    store: Store, receiver: str, dead: Iterable[Delivery], now: datetime
) -> tuple[int, bool]:
    """Make dead deliveries of a receiver wait again, due now.

    Whoever answered that it wants no more (410) is told again from now on. Returns how many
    wait again, and whether it was enabled. Raises StoreError.
    """
    was_disabled = receiver in await store.disabled()
    if was_disabled:
        await store.enable(receiver)
    ids = [each.id for each in dead]
    # Those that wait together share a transaction.
    await asyncio.gather(*(store.revive(id, now) for id in ids))
    return len(ids), was_disabled
