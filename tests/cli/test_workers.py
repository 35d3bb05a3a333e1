"""Who shares the work, as a person asks for it; and what a process may be there for."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from bellbuoy.model.leases import DISPATCHER, Role, Worker, receiver_lease, shard
from bellbuoy.stores.opening import open_store

STARTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def shared(postgres_address) -> str:
    """A store with two workers, of which one is off its network, and a lease that is free."""

    async def fill() -> None:
        async with open_store(postgres_address) as store:
            for id, roles, is_offline in (
                ("one", (Role.POLL, Role.DELIVER), False),
                ("two", (Role.POLL,), True),
            ):
                await store.renew(
                    Worker(
                        id=id,
                        name=f"{id}.example:7",
                        roles=roles,
                        version="0.1.0",
                        started_at=STARTED,
                        is_offline=is_offline,
                    )
                )
            names = (shard(0), shard(1), DISPATCHER, receiver_lease("ops"))
            await store.claim("one", dict.fromkeys(names))
            await store.claim("two", {shard(2): None})
            await store.release("one", [shard(1)])

    asyncio.run(fill())
    return postgres_address


def test_a_line_says_what_each_worker_holds(call, shared):
    """And the last one what nobody holds."""
    done = call("workers", "--store", shared)
    assert done.returncode == 0
    head, one, two, free = done.stdout.splitlines()
    assert head.split() == ["WORKER", "ROLES", "VERSION", "SINCE", "SHARDS", "DELIVERS", "HEARD"]
    assert one.startswith("one.example:7  poll,deliver  0.1.0    2026-03-02 09:00:00 UTC  1 ")
    assert "dispatcher, ops" in one
    assert two.endswith(" s ago, offline")
    assert free == "held by nobody: 1 (shard 001)"
    assert done.stderr == ""


def test_as_json_every_lease_is_named(call, shared):
    """For a script that watches over a fleet."""
    told = json.loads(call("workers", "--store", shared, "--json").stdout)
    one, two = told["workers"]
    assert one["leases"] == ["dispatcher", "receiver ops", "shard 000"]
    assert one["roles"] == ["poll", "deliver"]
    assert one["started_at"] == "2026-03-02T09:00:00.000Z"
    assert (one["is_live"], one["is_offline"]) == (True, False)
    assert (two["leases"], two["is_offline"]) == (["shard 002"], True)
    assert told["free"] == ["shard 001"]


def test_a_store_in_a_file_has_no_workers(call, tmp_path):
    """That is no fault, but worth a word."""
    path = tmp_path / "one.db"

    async def make() -> None:
        async with open_store(str(path)):
            pass

    asyncio.run(make())
    done = call("workers", "--store", str(path))
    assert done.returncode == 0
    assert done.stdout == "no workers\n"
    assert "one process polls and delivers with a store in a file" in done.stderr


@pytest.mark.parametrize(
    ("roles", "cure"),
    [
        ("", "--roles: names nothing; there are: poll, deliver"),
        ("polling", "--roles: 'polling' is no role of this command; there are: poll, deliver"),
        ("web", "--roles: 'web' is no role of this command; there are: poll, deliver"),
        ("poll", "one process polls and delivers: name both"),
        ("deliver", "one process polls and delivers: name both"),
    ],
)
def test_roles_that_cannot_be_are_refused(call, roles, cure):
    """With what there is, or what would be needed, and exit code 2."""
    done = call("watch", "--roles", roles, "--once")
    assert done.returncode == 2
    assert cure in done.stderr
