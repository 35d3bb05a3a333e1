"""How fast receivers are told: a bucket of tokens for each channel or address.

Buckets are kept in memory: after a restart a receiver may hear a burst more than it likes, and
then says so itself (429), which is honoured.
"""

import asyncio

from bellbuoy.notifiers import Pace


class Paces:
    """The buckets of all receivers of a process; what shares a key shares a bucket."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    async def turn(self, kind: str, pace: Pace) -> None:
        """Wait until one more message may go. Turns are given in the order of asking."""
        now = asyncio.get_running_loop().time()
        key = f"{kind} {pace.key}"
        # The time at which the bucket is full again (the virtual scheduling algorithm, ITU-T
        # I.371): one message moves it by `every`, and it may lie `burst` messages ahead.
        full_at = max(self._next.get(key, now), now)
        self._next[key] = full_at + pace.every
        wait = full_at - now - pace.every * (pace.burst - 1)
        if wait > 0:
            await asyncio.sleep(wait)
