"""N8: a sign of life that stays away when the monitor does."""

import asyncio

from bellbuoy.delivery.heartbeat import Heartbeat
from bellbuoy.exchange import Response
from bellbuoy.model.delivery import Beat
from bellbuoy.observer import VisitDone
from tests.delivery.scenes import Heard
from tests.virtual_time import run_virtual

VISIT = VisitDone(page_key="p", provider="acme", outcome="not modified", seconds=0.1)
URL = "https://hc-ping.example/secret"


class Switch:
    """The service that waits for signs: when each came, and what it answers."""

    def __init__(self):
        self.signs = []
        self.status = 200

    async def send(self, exchange):
        """Perform one exchange."""
        request = next(exchange)
        assert (request.method, request.url) == ("GET", URL)
        self.signs.append(round(asyncio.get_running_loop().time()))
        try:
            exchange.send(Response(url=URL, status=self.status))
        except StopIteration as ended:
            return ended.value
        raise AssertionError("one question is all")


def watching(switch, heard):
    """A heartbeat every minute for pages that are looked at every minute."""
    return Heartbeat(Beat(url=URL, every=60.0), 60.0, switch.send, heard)


async def visits(heartbeat, seconds):
    """A visit ends every minute for so long."""
    for _ in range(seconds // 60):
        heartbeat.visit_done(VISIT)
        await asyncio.sleep(60)


def test_n8_the_sign_stays_away_when_polling_stalls_and_comes_back_with_it():
    """The process lives, but no visit ends: that is what the switch is for."""

    async def situation():
        switch, heard = Switch(), Heard()
        heartbeat = watching(switch, heard)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(heartbeat.run())
            await visits(heartbeat, 600)
            during = len(switch.signs)
            await asyncio.sleep(3600)
            after = len(switch.signs)
            await visits(heartbeat, 600)
            task.cancel()
        assert during == 10
        assert after - during <= 6
        assert len(switch.signs) - after >= 9
        assert [h.what for h in heard.happenings] == [
            "polling stalled, so the heartbeat is withheld",
            "the heartbeat goes on",
        ]

    run_virtual(situation())


def test_n8_when_the_task_ends_no_sign_comes():
    """A loop that stopped asks nobody."""

    async def situation():
        switch = Switch()
        task = asyncio.create_task(watching(switch, Heard()).run())
        await asyncio.sleep(150)
        task.cancel()
        await asyncio.sleep(3600)
        assert switch.signs == [0, 60, 120]

    run_virtual(situation())


def test_a_switch_that_does_not_answer_well_is_told_of_once_without_its_address():
    """The address is a secret; the next good answer is told, too."""

    async def situation():
        switch, heard = Switch(), Heard()
        heartbeat = watching(switch, heard)
        switch.status = 404
        task = asyncio.create_task(heartbeat.run())
        await visits(heartbeat, 300)
        switch.status = 200
        await visits(heartbeat, 300)
        task.cancel()
        assert [h.what for h in heard.happenings] == [
            "the heartbeat was not taken: HTTP 404",
            "the heartbeat goes on",
        ]

    run_virtual(situation())


def test_the_address_is_not_printed():
    """It is a secret."""
    assert "hc-ping" not in repr(Beat(url=URL))
