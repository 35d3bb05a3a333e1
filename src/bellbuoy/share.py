"""What this process does of the work that many workers share.

    leases of shards        ──> polling.rounds
    the rest of the leases  ──> delivery.post

It is the `Holder` of a `Membership`, and hears from it who else is there.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from bellbuoy.config import Config
from bellbuoy.delivery.patience import Patience
from bellbuoy.delivery.post import Post
from bellbuoy.errors import LeaseLostError
from bellbuoy.model.leases import (
    DISPATCHER,
    RENEW_EVERY,
    SHARDS,
    Lease,
    Role,
    Roster,
    Worker,
    is_shard,
    receiver_lease,
    shard,
)
from bellbuoy.observer import Happened, Observer
from bellbuoy.polling.rounds import Rounds
from bellbuoy.workers.clock import Clock

_SHARDS = tuple(map(shard, range(SHARDS)))


class Share:
    """Does what is leased. `divide` is told among how many workers the limits are divided.

    `clock` is set by the store's. Without a `post`, whoever made it delivers by itself what is
    leased for that.
    """

    def __init__(
        self,
        config: Config,
        worker: Worker,
        observer: Observer,
        divide: Callable[[int], None],
        clock: Clock,
        rounds: Rounds,
        post: Post | None,
    ) -> None:
        self._worker = worker
        self._observer = observer
        self._divide = divide
        self._clock = clock
        self._rounds = rounds
        self._post = post
        self._strangers: frozenset[str] = frozenset()
        receivers = [receiver_lease(one.name) for one in config.receivers]
        work = {Role.POLL: _SHARDS, Role.DELIVER: (DISPATCHER, *receivers) if receivers else ()}
        self.names: Mapping[Role, Sequence[str]] = {
            role: names for role, names in work.items() if role in worker.roles
        }
        self._shards: set[str] = set()
        self._may_forget = asyncio.Event()

    async def gained(self, leases: Iterable[Lease]) -> None:
        """See `Holder`."""
        rest: list[Lease] = []
        shards: list[Lease] = []
        for lease in leases:
            (shards if is_shard(lease.name) else rest).append(lease)
        # First who delivers: what is recorded from now on is to be told.
        if rest and self._post is not None:
            await self._post.gained(rest)
        if shards:
            await self._rounds.gained(shards)
            self._shards.update(lease.name for lease in shards)
            self._note_whether_it_may_forget()

    def lost(self, names: Iterable[str]) -> None:
        """See `Holder`."""
        names = list(names)
        self._forgo(names)
        self._rounds.lost(filter(is_shard, names))
        if self._post is not None:
            self._post.lost(names)

    def lapsed(self) -> None:
        """See `Holder`."""
        self._rounds.lapsed()

    async def let_go(self, names: Iterable[str]) -> None:
        """See `Holder`."""
        names = list(names)
        self._forgo(names)
        if self._post is not None:
            await self._post.let_go(name for name in names if not is_shard(name))
        await self._rounds.let_go(filter(is_shard, names))

    def poked(self, page_key: str) -> None:
        """See `Holder`."""
        self._rounds.scheduler.poke(page_key)

    def heard(self, roster: Roster) -> None:
        """See `Holder`."""
        if self._clock.set_by(roster.at):
            self._observer.happened(Happened(what=_set_right(self._clock), level="warning"))
        pollers = roster.live(Role.POLL)
        self._divide(max(len(pollers), 1))
        strangers = frozenset(one.name for one in pollers if one.watches != self._worker.watches)
        for name in sorted(strangers - self._strangers):
            what = (
                f"{name} watches other pages than this worker: until all have the same config, "
                "pages of only one of the two may not be polled, and none are forgotten"
            )
            self._observer.happened(Happened(what=what, level="warning"))
        self._strangers = strangers
        self._note_whether_it_may_forget()

    async def forget_unwatched(self) -> None:
        """Forget what is watched no longer, as soon as nobody watches what others do not.

        While a new config is rolled out, some do. It is done under the lease of a shard, whichever:
        who was paused since may know an old config. A store that refuses is waited for.
        """
        patience = Patience("the end of what is watched no longer", self._observer)
        while True:
            try:
                return await patience.insist(self._forget_unwatched)
            except LeaseLostError:
                # The next sign of life tells what is left.
                await asyncio.sleep(RENEW_EVERY)

    async def _forget_unwatched(self) -> None:
        while not self._may_forget.is_set():  # It may have been cleared again since it was set.
            await self._may_forget.wait()
        await self._rounds.forget_unwatched(min(self._shards))

    def _forgo(self, names: Iterable[str]) -> None:
        self._shards.difference_update(names)
        self._note_whether_it_may_forget()

    def _note_whether_it_may_forget(self) -> None:
        if self._shards and not self._strangers:
            self._may_forget.set()
        else:
            self._may_forget.clear()


def _set_right(clock: Clock) -> str:
    off = clock.off.total_seconds()
    how = "ahead of" if off > 0 else "behind"
    return (
        f"the clock of this machine is {abs(off):.0f} s {how} that of the store, which it goes by "
        "from now on; set it right, best by NTP"
    )
