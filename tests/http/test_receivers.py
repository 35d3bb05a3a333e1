"""Sending to receivers: every answer is theirs to judge, and their addresses stay secret."""

# ruff: noqa: SIM117 - a vendor and its client read better one below the other

import asyncio

import pytest

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.observer import Observer
from tests.faultd import Answer, faultd


def post(url, body=b'{"text": "canary"}'):
    """A notifier's exchange: one post, and its answer."""
    response = yield Request.post(
        url, body, content_type="application/json", headers={"Authorization": "Bearer t"}
    )
    return response


async def failed(driver, url, within=5):
    """The error of sending one post."""
    with pytest.raises(FetchError) as caught:
        await driver.send(post(url), timeout=within)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 204, 301, 308, 400, 404, 410, 429, 500, 503])
async def test_every_status_goes_into_the_exchange_and_no_redirect_is_followed(status):
    """The notifier decides what an answer means; its body and fields are there."""
    headers = {"Location": "http://127.0.0.1:1/", "Retry-After": "60", "X-Amz-Cf-Id": "1"}
    async with faultd(Answer(status, headers, b"said")) as receiver:
        async with Driver(HttpSettings()) as driver:
            response = await driver.send(post(receiver.at("/hook")), timeout=5)
            assert driver.held_until(receiver.url) is None
        assert response.status == status
        assert response.headers["retry-after"] == "60"
        assert response.body == (b"" if status == 204 else b"said")
        [request] = receiver.requests
        assert (request.method, request.body) == ("POST", b'{"text": "canary"}')
        assert request.headers["authorization"] == "Bearer t"
        assert request.headers["content-type"] == "application/json"


async def test_n4_a_lost_answer_is_uncertain_and_an_unmade_connection_is_not():
    """Only what may have arrived is marked as a possible repeat."""
    async with Driver(HttpSettings()) as driver:
        async with faultd(Answer(raw=b"")) as receiver:
            lost = await failed(driver, receiver.url)
            assert len(receiver.requests) == 1
        async with faultd(Answer(hang=True)) as receiver:
            silent = await failed(driver, receiver.url, within=0.3)
        async with faultd(Answer(200, body=b"long", cut=2)) as receiver:
            cut = await failed(driver, receiver.url)
        away = await failed(driver, receiver.url)
        odd = await failed(driver, "ftp://example.com/")
    assert (lost.uncertain, silent.uncertain, cut.uncertain) == (True, True, True)
    assert silent.timed_out
    assert (away.uncertain, odd.uncertain) == (False, False)
    assert {lost.reason, silent.reason, away.reason} == {Unreadable.NETWORK}


async def test_a_connection_that_takes_too_long_is_not_uncertain():
    """While there is no connection, nothing has left."""

    async def never(host):
        await asyncio.Event().wait()

    async with Driver(HttpSettings(), resolver=never) as driver:
        error = await failed(driver, "http://hooks.example/", within=0.2)
    assert error.timed_out
    assert not error.uncertain


async def test_w8_neither_an_error_nor_an_observer_sees_more_than_the_host():
    """A webhook's path is its password."""
    seen = []

    class Listener(Observer):
        def request_done(self, details):
            seen.append(details)

    async with faultd([Answer(200), Answer(raw=b"")]) as receiver:
        async with Driver(HttpSettings(), observer=Listener()) as driver:
            await driver.send(post(receiver.at("/services/canary?key=canary")), timeout=5)
            error = await failed(driver, receiver.at("/services/canary?key=canary"))
    assert receiver.requests[0].target == "/services/canary?key=canary"
    assert len(seen) == 2
    assert "canary" not in f"{seen}{error!r}{error.url}"
    assert receiver.url in error.url


async def test_a_failure_is_thrown_into_the_exchange_and_can_be_answered_there():
    """A notifier may try another address in the same exchange; it is closed at the end."""
    closed = []

    def notify(first, second):
        try:
            try:
                yield Request.post(first, b"x", content_type="text/plain")
            except FetchError as error:
                reason = error.reason
            response = yield Request.post(second, b"y", content_type="text/plain")
            return reason, response.status
        finally:
            closed.append(True)

    async with faultd(Answer(raw=b"")) as broken, faultd(Answer(200)) as working:
        async with Driver(HttpSettings()) as driver:
            outcome = await driver.send(notify(broken.url, working.url), timeout=5)
    assert outcome == (Unreadable.NETWORK, 200)
    assert closed == [True]


async def test_receivers_go_through_the_proxy_except_on_this_machine():
    """A corporate network reaches the internet by its proxy alone; loopback never does."""
    async with faultd(Answer(200, body=b"proxy")) as proxy, faultd(Answer(200)) as local:
        async with Driver(HttpSettings(proxy=proxy.url)) as driver:
            far = await driver.send(post("http://hooks.example/x"), timeout=5)
            await driver.send(post(local.url), timeout=5)
    assert far.body == b"proxy"
    assert [r.target for r in proxy.requests] == ["http://hooks.example/x"]
    assert len(local.requests) == 1


async def test_receivers_do_not_wait_for_seats():
    """With every seat taken by hung pages, an event still leaves."""
    settings = HttpSettings(seats=1, allow_private=("127.0.0.0/8",))
    async with faultd(Answer(hang=True)) as hung, faultd(Answer(200)) as receiver:
        async with Driver(settings) as driver, driver.visit(hung.url):
            response = await driver.send(post(receiver.url), timeout=1)
    assert response.status == 200
