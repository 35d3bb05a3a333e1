"""The webhook for real: a socket, the driver, and SQLite on disk."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from bellbuoy.delivery import courier as room
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver, utcnow
from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.stores.opening import open_store
from tests.delivery.scenes import SECRET, Scene, hook, life, stop
from tests.event_schema import valid_wire
from tests.faultd import Answer, faultd


class Clock:
    """The real time, and what a test adds to it so as not to wait for a retry."""

    ahead = timedelta()

    def __call__(self):
        """The instant that the courier believes in."""
        return utcnow() + self.ahead


@asynccontextmanager
async def delivering(receiver_url, tmp_path, within=5.0):
    """A scene with real parts, and its courier's way to send."""
    clock = Clock()
    async with open_store(str(tmp_path / "bellbuoy.db")) as store, Driver(HttpSettings()) as driver:
        it = Scene(store, receiver=hook(url=receiver_url), clock=clock)

        def send(exchange):
            return driver.send(exchange, timeout=within)

        yield it, clock, send


def told(vendor):
    """The (incident, update) of every request."""
    datas = [valid_wire(json.loads(request.body))["data"] for request in vendor.requests]
    return [(data["incident"]["id"], data["update"]["id"]) for data in datas]


async def test_an_event_arrives_signed_and_is_settled(tmp_path):
    """What the receiver verifies is what was recorded."""
    async with (
        faultd(Answer(200, body=b"ok")) as vendor,
        delivering(vendor.at("/hook"), tmp_path) as (it, _, send),
    ):
        await it.record(*life("i1", 2))
        await it.courier(send=send).drain()
        assert told(vendor) == [("i1", "u0"), ("i1", "u1")]
        for request in vendor.requests:
            event = Webhook(SECRET).verify(request.body, dict(request.headers))
            assert event["id"] == request.headers["webhook-id"]
            assert request.headers["content-type"] == "application/cloudevents+json"
        done = await it.store.deliveries(status=DeliveryStatus.DONE)
        assert [each.last.outcome for each in done] == ["HTTP 200", "HTTP 200"]


@pytest.mark.parametrize("cut", [Answer(raw=b""), Answer(200, body=b"long", cut=2, reset=True)])
async def test_n4_an_answer_that_was_lost_is_two_posts_of_one_key(tmp_path, cut):
    """The connection ends after the body was read: the same event comes again, as a repeat."""
    async with (
        faultd([cut, Answer(204)]) as vendor,
        delivering(vendor.url, tmp_path) as (it, clock, send),
    ):
        await it.record(*life("i1", 1))
        await it.courier(send=send).drain()
        [waiting] = await it.store.deliveries()
        assert waiting.last.uncertain
        clock.ahead += timedelta(minutes=1)
        await it.courier(send=send).drain()
        first, second = vendor.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert "bellbuoy-repeat" not in first.headers
        assert second.headers["bellbuoy-repeat"] == "true"
        assert first.body == second.body


async def test_a_receiver_that_was_away_is_not_told_of_a_repeat(tmp_path):
    """Nobody listened, so nothing can have arrived."""
    async with faultd(Answer(204)) as vendor:
        pass
    async with delivering(vendor.url, tmp_path) as (it, clock, send):
        await it.record(*life("i1", 1))
        await it.courier(send=send).drain()
        [waiting] = await it.store.deliveries()
        assert not waiting.last.uncertain
        assert waiting.status is DeliveryStatus.WAITING


async def test_n6_a_receiver_that_hangs_does_not_delay_another(tmp_path, monkeypatch):
    """One never answers; the other has fifty events before the first deadline has passed."""
    monkeypatch.setattr(room, "STOP_WITHIN", 0.1)
    async with (
        faultd(Answer(hang=True)) as hung,
        faultd(Answer(204)) as vendor,
        delivering(vendor.url, tmp_path, within=30) as (it, _, send),
    ):
        await it.record(*[event for n in range(50) for event in life(f"i{n}", 1)])
        slow = hook("ops", hung.url)
        task = asyncio.create_task(it.courier(receiver=slow, send=send).run())
        await hung.until(4)
        async with asyncio.timeout(20):
            await it.courier(send=send).drain()
        assert len(vendor.requests) == 50
        assert len(hung.requests) == 4
        await stop(task)


async def test_redirects_are_not_followed(tmp_path):
    """A signed event goes where the operator said, or nowhere."""
    async with (
        faultd(Answer(204)) as elsewhere,
        faultd(Answer(307, {"Location": elsewhere.url})) as vendor,
        delivering(vendor.url, tmp_path) as (it, _, send),
    ):
        await it.record(*life("i1", 1))
        await it.courier(send=send).drain()
        [dead] = await it.store.deliveries(status=DeliveryStatus.DEAD)
        assert dead.last.outcome == "HTTP 307"
        assert not elsewhere.requests


async def test_w8_nothing_that_is_told_or_kept_shows_the_address_or_the_secret(tmp_path):
    """Observer, attempts and receipts name the receiver, never its address."""
    async with (
        faultd([Answer(500), Answer(400), Answer(raw=b"")]) as vendor,
        delivering(vendor.at("/canary"), tmp_path) as (it, clock, send),
    ):
        await it.record(*life("i1", 3), *life("i2", 1), *life("i3", 1))
        for _ in range(3):
            await it.courier(send=send).drain()
            clock.ahead += timedelta(hours=1)
        shown = repr((it.heard.happenings, it.heard.attempts, await it.store.deliveries()))
        assert "HTTP 400" in shown
        assert "canary" not in shown
        assert SECRET[6:] not in shown
