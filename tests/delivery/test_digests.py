"""N2: what waits in numbers becomes one message; nothing of it is lost."""

import asyncio
import json
from types import SimpleNamespace

from msgspec.structs import replace
from pydantic import BaseModel

from bellbuoy.delivery import courier
from bellbuoy.delivery.courier import GATHERED_ABOVE
from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.exchange import Request
from bellbuoy.model.delivery import DeliveryStatus, Receipt
from bellbuoy.notifiers import Pace, Receiver
from bellbuoy.stores.memory import MemoryStore
from tests.delivery.scenes import Scene, life, stop
from tests.virtual_time import run_virtual


class Settings(BaseModel):
    """None."""


def chat(pace=None):
    """A kind of receiver that takes digests: what it is sent are the ids of the events."""

    def notify(message, settings):
        return send([message.event.id], message.delivery.key)

    def digest(digest, settings):
        return send([each.event.id for each in digest.messages], digest.id)

    def send(ids, key):
        body = json.dumps({"ids": ids, "key": key}).encode()
        response = yield Request.post("https://chat.example", body, content_type="text/plain")
        if response.status == 400:
            raise RefusedError("HTTP 400")
        if response.status != 200:
            raise DelayedError(f"HTTP {response.status}", uncertain=response.status == 504)
        return Receipt(reference="m1")

    members = {"notify": notify, "digest": digest, "KIND": "chat", "Settings": Settings}
    if pace is not None:
        members["pace"] = lambda settings: pace
    return SimpleNamespace(api_version=1, **members)


class Service:
    """Answers as its script says; remembers what it took, and every key with its ids."""

    def __init__(self, script=lambda _: 200):
        self.script = script
        self.took = []
        self.keys = {}

    async def send(self, exchange):
        """Perform one exchange."""
        request = json.loads(next(exchange).body)
        assert self.keys.setdefault(request["key"], request["ids"]) == request["ids"]
        status = self.script(request)
        if status == 200:
            self.took.append(request["ids"])
        try:
            exchange.send(SimpleNamespace(status=status))
        except StopIteration as ended:
            return ended.value
        raise AssertionError("one question is all it asks")

    @property
    def ids(self):
        """Every event that it took, in order."""
        return [event_id for ids in self.took for event_id in ids]


def scene(service):
    """A scene whose receiver is a chat."""
    receiver = Receiver(name="ops", kind="chat", settings=Settings())
    return Scene(MemoryStore(), sink=service, receiver=receiver)


async def recorded(it, *events):
    """Events with their deliveries; their ids in the order of the log."""
    await it.record(*events)
    return [event.id for event in await it.store.read_events(limit=10_000)]


def test_n2_five_hundred_events_at_one_a_second_become_a_few_messages_and_none_is_lost():
    """The first go as they are; the flood behind them is one digest, in order."""

    async def situation():
        service = Service()
        it = scene(service)
        ids = await recorded(it, *(step for n in range(100) for step in life(f"i{n}", 5)))
        await it.run_for(60, notifier=chat(Pace(key="#ops", every=1.0)))
        assert sorted(service.ids) == sorted(ids)
        assert len(service.took) < 10
        for n in range(100):
            own = ids[5 * n : 5 * n + 5]
            assert [one for one in service.ids if one in own] == own

    run_virtual(situation())


def test_up_to_twenty_messages_go_one_by_one():
    """A busy hour is not a flood."""

    async def situation():
        service = Service()
        it = scene(service)
        await recorded(it, *life("i1", GATHERED_ABOVE))
        await it.run_for(60, notifier=chat())
        assert len(service.took) == GATHERED_ABOVE

    run_virtual(situation())


def test_n4_a_digest_is_sent_again_with_the_same_key_and_the_same_events():
    """What comes meanwhile waits behind it, and does not change it."""

    async def situation():
        answers = iter([503, 504, 200])
        service = Service(lambda _: next(answers, 200))
        it = scene(service)
        first = await recorded(it, *life("i1", 30))
        async with asyncio.TaskGroup() as group:
            group.create_task(it.run_for(300, notifier=chat()))
            await asyncio.sleep(1)
            ids = await recorded(it, *life("i1", 2, first=30))
        assert service.took == [first, *([one] for one in ids[30:])]
        assert len(service.keys) == 3

    run_virtual(situation())


def test_n3_one_poison_message_in_a_digest_costs_only_itself():
    """A digest that is refused is taken apart."""

    async def situation():
        service = Service()
        it = scene(service)
        ids = await recorded(it, *(life(f"i{n}", 1)[0] for n in range(40)))
        service.script = lambda request: 400 if ids[7] in request["ids"] else 200
        await it.run_for(600, notifier=chat())
        assert sorted(service.ids) == sorted(set(ids) - {ids[7]})
        (dead,) = await it.store.deliveries(status=DeliveryStatus.DEAD)
        assert dead.event_id == ids[7]
        assert await it.count(DeliveryStatus.WAITING) == 0

    run_virtual(situation())


def test_n1_seventy_hours_of_a_dead_chat_end_in_few_messages_in_order(monkeypatch):
    """An event every hour, each of its own incident or of an old one: all arrive."""
    # Other processes are looked for every five seconds; here are none, and it is 70 hours.
    monkeypatch.setattr(courier, "LOOK_EVERY", 60.0)

    async def situation():
        loop = asyncio.get_running_loop()
        service = Service(lambda _: 503 if loop.time() < 70 * 3600 else 200)
        it = scene(service)
        async with asyncio.TaskGroup() as group:
            group.create_task(it.run_for(72 * 3600, notifier=chat()))
            for hour in range(70):
                ids = await recorded(it, *life(f"i{hour % 30}", 1, first=hour))
                await asyncio.sleep(3600)
        assert sorted(service.ids) == sorted(ids)
        assert [i for i in service.ids if i in ids[0::30]] == ids[0::30]
        assert len(service.took) <= 30
        assert await it.count(DeliveryStatus.WAITING) == 0

    run_virtual(situation())


def test_a_receiver_that_takes_no_digests_any_more_gets_each_event():
    """The kind was changed in the config while a digest waited."""

    async def situation():
        service = Service(lambda _: 503)
        it = scene(service)
        ids = await recorded(it, *life("i1", 30))
        await it.run_for(3, notifier=chat())
        service.script = lambda _: 200
        plain = chat()
        del plain.digest
        await it.run_for(60, notifier=plain)
        assert service.took == [[one] for one in ids]

    run_virtual(situation())


def test_r3_a_message_that_is_tried_for_days_holds_up_no_other_lane_of_a_digest_behind_it():
    """Nor those behind the digest, which would not be seen for all its members."""

    async def situation():
        poison = []
        service = Service(lambda request: 503 if request["ids"] == poison else 200)
        it = scene(service)
        lanes = [each for number in range(60) for each in life(f"d{number}", 2)]
        ids = await recorded(it, *life("i1", 2), *lanes)
        poison.append(ids[0])
        deliveries = sorted(await it.store.deliveries(limit=1000), key=lambda each: each.seq)
        await it.store.settle(*(replace(each, digest="d1") for each in deliveries[1:]))
        running = asyncio.create_task(it.courier(notifier=chat()).run())
        await asyncio.sleep(30)
        assert service.took == []
        others = (await recorded(it, *life("other", 3)))[len(ids) :]
        await asyncio.sleep(300)
        assert set(service.ids) == {*ids[2:], *others}
        assert len(service.took) <= 10
        for number in range(60):
            first, second = ids[2 + 2 * number : 4 + 2 * number]
            assert service.ids.index(first) < service.ids.index(second)
        poison.clear()
        await asyncio.sleep(24 * 3600)
        await stop(running)
        assert service.ids[-2:] == ids[:2]
        assert len(service.ids) == len(ids) + len(others)

    run_virtual(situation())


def test_r3_a_digest_waits_for_an_earlier_message_of_one_of_its_lanes():
    """An earlier one that is being retried goes first."""

    async def situation():
        answers = iter([503])
        service = Service(lambda _: next(answers, 200))
        it = scene(service)
        ids = await recorded(it, *life("i1", 3), *life("i2", 1))
        deliveries = sorted(await it.store.deliveries(), key=lambda each: each.seq)
        await it.store.settle(*(replace(each, digest="d1") for each in deliveries[1:]))
        await it.run_for(60, notifier=chat())
        assert service.took == [[ids[0]], ids[1:]]

    run_virtual(situation())
