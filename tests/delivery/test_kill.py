"""kill -9 between a send and its settling: at least once, in order, nothing lost (R2 to R4, P1).

The receiver kills the process that sends to it: before it answers, right after, or a moment later.
A new process begins where the store says. The log was written before, so what is tried here
is the way from the log to a receiver.
"""

import asyncio
import json
import os
import random
import signal
import sys

from bellbuoy.http.driver import utcnow
from bellbuoy.stores.opening import open_store
from tests.delivery.scenes import SECRET, Scene, hook, life
from tests.faultd import Answer, faultd

CHILD = """
import asyncio, sys
from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.delivery.courier import Courier
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver, utcnow
from bellbuoy.notifiers import Receiver, webhook
from bellbuoy.observer import Observer
from bellbuoy.routing.matchers import NOWHERE
from bellbuoy.routing.routes import Route
from bellbuoy.stores.opening import open_store

async def main(path, url, secret):
    settings = webhook.Settings(url=url, secret=secret)
    receiver = Receiver(name="ops", kind="webhook", settings=settings)
    parts = {"now": utcnow, "observer": Observer()}
    async with open_store(path, poller=True) as store, Driver(HttpSettings()) as driver:
        send = lambda exchange: driver.send(exchange, timeout=10)
        routes = (Route(name="all", to=("ops",)),)
        await Dispatcher(store, routes, NOWHERE, [receiver], **parts).catch_up()
        await Courier(store, receiver, webhook, send, **parts).drain()

asyncio.run(main(*sys.argv[1:]))
"""
LANES, STEPS = 6, 6


class Assassin:
    """A receiver that takes every event, and now and then the life of its sender."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.victim = None
        self.kills = 0

    async def __call__(self, received):
        """Answer, or not."""
        manner = self.random.choice(["spare", "spare", "before", "after", "later"])
        if manner == "before":
            self.kill(self.victim)
            return Answer(raw=b"")
        if manner != "spare":
            delay = 0.0 if manner == "after" else self.random.uniform(0, 0.02)
            asyncio.get_running_loop().call_later(delay, self.kill, self.victim)
        return Answer(204)

    def kill(self, victim):
        """The end of one process, if it still is."""
        if victim.returncode is None:
            self.kills += 1
            os.kill(victim.pid, signal.SIGKILL)


async def test_r2_r3_r4_p1_killed_between_send_and_settle_again_and_again(tmp_path, full_profile):
    """Every event arrives, each incident's in order, until a process ends by itself."""
    path = str(tmp_path / "bellbuoy.db")
    assassin = Assassin(seed=7)
    async with faultd(assassin) as vendor:
        async with open_store(path) as store:
            it = Scene(store, receiver=hook(url=vendor.url), clock=utcnow)
            await it.dispatcher().begin()
            lives = [life(f"i{lane}", STEPS) for lane in range(LANES)]
            await store.append([one for step in zip(*lives, strict=True) for one in step])
            log = await store.read_events()
        rounds = 0
        while True:
            rounds += 1
            assassin.victim = await asyncio.create_subprocess_exec(
                sys.executable, "-c", CHILD, path, vendor.url, SECRET
            )
            code = await assassin.victim.wait()
            if code == 0:
                break
            assert code == -signal.SIGKILL
            if assassin.kills >= (60 if full_profile else 12):
                vendor.script = Answer(204)
        came = [json.loads(request.body) for request in vendor.requests]
        assert {event["id"] for event in came} == {event.id for event in log}
        for lane in range(LANES):
            steps = [
                event["data"]["update"]["id"]
                for event in came
                if event["data"]["incident"]["id"] == f"i{lane}"
            ]
            assert steps == sorted(steps), f"i{lane} in {rounds} rounds"
        async with open_store(path) as store:
            assert await store.read_events() == log
            assert await store.check() == ()
    assert rounds > 3
    # A repeat is what a kill before settling costs, and nothing else does.
    assert len(came) - len(log) <= assassin.kills * 4
