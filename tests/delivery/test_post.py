"""Who delivers what is leased, and what ends when a lease goes."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from bellbuoy.delivery.post import Post
from bellbuoy.errors import StoreUnavailableError
from bellbuoy.model.leases import DISPATCHER, receiver_lease
from bellbuoy.notifiers import Pace, Receiver
from bellbuoy.stores.memory import MemoryStore
from tests.delivery.scenes import EVERYTHING, Heard, Scene, life
from tests.delivery.test_digests import Service, Settings, chat
from tests.polling.scripted import config, page
from tests.stores.samples import worker
from tests.virtual_time import now, run_virtual

OPS = Receiver(name="ops", kind="chat", settings=Settings())
TO_OPS = receiver_lease("ops")


@asynccontextmanager
async def posted(service, store):
    """A post whose only receiver takes a message a second, and its tasks by name."""
    settings = replace(
        config(page()),
        receivers=(OPS,),
        routes=EVERYTHING,
        notifiers={"chat": chat(Pace(key="#ops", every=1.0))},
    )
    tasks = {}

    def start(name, work):
        tasks[name] = asyncio.create_task(work)
        return tasks[name]

    yield (
        Post(
            settings, store, service.send, start,
            now=now, observer=Heard(), may_begin=lambda: True,
        ),
        tasks,
    )  # fmt: skip
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


async def leased(store, *names):
    """These leases, held by one worker."""
    await store.renew(worker("one"))
    return await store.claim("one", dict.fromkeys(names))


def test_m3_what_waits_for_its_turn_when_the_lease_goes_is_not_sent():
    """Whoever has it by then sends it, and maybe what comes after it."""

    async def situation():
        store, service = MemoryStore(is_shared=True, now=now), Service()
        scene = Scene(store, receiver=OPS)
        await scene.record(*(each for number in range(4) for each in life(f"i{number}", 1)))
        async with posted(service, store) as (post, _):
            await post.gained(await leased(store, TO_OPS))
            await asyncio.sleep(0.5)
            post.lost([TO_OPS])
            await asyncio.sleep(10)
            assert len(service.took) == 1

    run_virtual(situation())


def test_m4_of_leases_of_which_one_cannot_be_served_none_is():
    """The worker counts none of them as its own, so nobody would end what had begun."""

    async def situation():
        store, service = MemoryStore(is_shared=True, now=now), Service()
        async with posted(service, store) as (post, tasks):
            leases = await leased(store, TO_OPS, DISPATCHER)

            async def away():
                raise StoreUnavailableError("the server is away")

            store.last_seq = away
            with pytest.raises(StoreUnavailableError):
                await post.gained(sorted(leases, key=lambda each: each.name == DISPATCHER))
            await asyncio.wait(tasks.values(), timeout=10)
            assert {name: task.done() for name, task in tasks.items()} == {"courier": True}

    run_virtual(situation())
