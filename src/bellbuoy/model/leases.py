"""Who does what, where several processes share one store.

A **worker** is a process. It shows a sign of life every few seconds, and what it alone may write
is named by the **leases** that it holds: a shard of the pages, the dispatcher, a receiver. Only
the store's clock says who is alive, so clocks of machines may differ.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit
from zlib import crc32

from msgspec import Struct

SHARDS = 256
"""Shards of the pages. With many times more than workers, shares differ little."""

LEASE_FOR = timedelta(seconds=15)
"""How long a sign of life counts. After that, others may take over what a worker held."""

RENEW_EVERY = 5.0
"""A sign of life is shown this often, in seconds, so that two may be lost."""

REMEMBERED_FOR = timedelta(hours=1)
"""How long a worker that is gone is still named."""

DISPATCHER = "dispatcher"
"""The lease of whoever turns events into deliveries."""


class Role(StrEnum):
    """What a worker is there for."""

    POLL = "poll"
    """To look at pages."""
    DELIVER = "deliver"
    """To decide who hears of events, and to tell them."""
    WEB = "web"
    """To show it."""


class Worker(Struct, frozen=True, kw_only=True):
    """A process. Its `id` is new at each start; `name` says to people where it runs.

    `process` tells whoever runs on the same machine whether it still runs; it may be empty.
    `watches` is the fingerprint of the pages that it was told to watch. With `is_alone` it polls
    all of them or none: it shares with nobody.
    """

    id: str
    name: str
    roles: tuple[Role, ...]
    version: str
    started_at: datetime
    process: str = ""
    watches: str = ""
    is_alone: bool = False
    is_offline: bool = False


class Lease(Struct, frozen=True):
    """The right to write what `name` stands for. `epoch` rises whenever it changes hands."""

    name: str
    epoch: int


class Holding(Struct, frozen=True):
    """A lease as it stands; `owner` is the id of a worker, None if it is free."""

    owner: str | None
    epoch: int


class Member(Struct, frozen=True, kw_only=True):
    """A worker as the store knows it: alive until then, unless it shows another sign of life."""

    worker: Worker
    until: datetime
    is_live: bool

    @property
    def heard_at(self) -> datetime:
        """When it showed its last sign of life, by the store's clock."""
        return self.until - LEASE_FOR


class Roster(Struct, frozen=True, kw_only=True):
    """Who is there at an instant `at` of the store's clock, and who holds what, by name.

    Members come by id. `pokes` are the keys of pages that somebody wants looked at.
    """

    at: datetime
    members: tuple[Member, ...] = ()
    holdings: Mapping[str, Holding] = {}
    pokes: tuple[str, ...] = ()

    def live(self, role: Role) -> tuple[Worker, ...]:
        """The workers alive that have this role."""
        return tuple(one.worker for one in self.members if one.is_live and role in one.worker.roles)

    def held_by(self, worker_id: str) -> dict[str, Lease]:
        """The leases of a worker, by name."""
        return {
            name: Lease(name, holding.epoch)
            for name, holding in self.holdings.items()
            if holding.owner == worker_id
        }

    def shards_of(self, worker_id: str) -> int:
        """How many shards of the pages a worker holds."""
        return sum(map(is_shard, self.held_by(worker_id)))


def shard_of(page_key: str) -> str:
    """The lease under which a page is polled: all pages of a host have the same one."""
    place = urlsplit(page_key)
    return shard(crc32(f"{place.scheme}://{place.netloc}".encode()) % SHARDS)


def shard(number: int) -> str:
    """The lease of the shard of this number, from 0 to `SHARDS` - 1."""
    return f"shard {number:03}"


def is_shard(name: str) -> bool:
    """Whether this is the lease of a shard, and not one of deliveries."""
    return name.startswith("shard ")


def receiver_lease(receiver: str) -> str:
    """The lease of whoever delivers to a receiver."""
    return f"receiver {receiver}"
