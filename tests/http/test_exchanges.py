"""Playing exchanges: what is sent in, what is thrown in, and what runs in a thread."""

# ruff: noqa: SIM117 - a vendor and its client read better one below the other

import asyncio
import threading
import time

import pytest

from bellbuoy.errors import FetchError, ReadError, Unreadable
from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.model.known import Validators
from tests.faultd import LOOPBACK, Answer, document, faultd

HERE = HttpSettings(allow_private=LOOPBACK, timeout=5)


async def test_the_first_answer_may_be_there_already():
    """The face is asked once: what was fetched answers the exchange's first question."""

    def read(vendor):
        face = yield Request.get(vendor.at("/face"))
        later = yield Request.get(vendor.at("/later"))
        return face.body, later.body

    script = {"/face": Answer(body=b"f"), "/later": Answer(body=b"l")}
    async with faultd(script) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            first = await visit.ask(Request.get(vendor.at("/face")))
            assert await visit.drive(read(vendor), first=first) == (b"f", b"l")
            assert set(visit.fresh) == {vendor.at("/face"), vendor.at("/later")}
        assert [r.path for r in vendor.requests] == ["/face", "/later"]


async def test_later_questions_are_conditional_by_their_own_validators():
    """A 304, and a body with the kept hash, both come in as 304 without a body."""

    def read(vendor):
        one = yield Request.get(vendor.at("/etag"))
        two = yield Request.get(vendor.at("/hash"))
        three = yield Request.get(vendor.at("/new"))
        return [(r.status, r.body) for r in (one, two, three)]

    script = {
        "/etag": document(b"a", etag='"1"'),
        "/hash": Answer(body=b"b"),
        "/new": Answer(body=b"c"),
    }
    async with faultd(script) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            await visit.drive(read(vendor))
            kept = {**visit.fresh, vendor.at("/new"): Validators(body_hash=b"old" * 5 + b"!")}
        async with driver.visit(vendor.url) as visit:
            outcome = await visit.drive(read(vendor), validators=kept)
            assert outcome == [(304, b""), (304, b""), (200, b"c")]
            assert visit.fresh[vendor.at("/etag")] == kept[vendor.at("/etag")]
        assert "if-none-match" not in vendor.requests[1].headers


async def test_an_optional_question_fails_softly_and_is_remembered():
    """The FetchError is thrown in, the exchange goes on, and the visit knows that one failed."""

    def read(vendor):
        yield Request.get(vendor.at("/face"))
        try:
            yield Request.get(vendor.at("/gone"))
        except FetchError as error:
            reason = error.reason
        last = yield Request.get(vendor.at("/face"))
        return reason, last.status

    async with faultd({"/face": Answer(body=b"x")}) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            assert await visit.drive(read(vendor)) == (Unreadable.GONE, 200)
            assert not visit.all_answered


async def test_a_failure_that_the_exchange_does_not_catch_leaves_it_closed():
    """The error comes out as it was thrown in, and `finally` in the generator ran."""
    closed = []

    def read(vendor):
        try:
            yield Request.get(vendor.at("/gone"))
        finally:
            closed.append(True)

    async with faultd({}) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            with pytest.raises(FetchError) as caught:
                await visit.drive(read(vendor))
    assert caught.value.reason is Unreadable.GONE
    assert closed == [True]


async def test_what_the_format_raises_comes_out_unchanged():
    """A ReadError is the page's fault, anything else is a bug that must look like one."""

    def broken(error):
        yield Request.get("http://unused.example/")
        raise error

    async with faultd(Answer(body=b"x")) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            first = await visit.ask(Request.get(vendor.url))
            for error in (ReadError("u", "f", "$", "bad"), KeyError("bug")):
                with pytest.raises(type(error)):
                    await visit.drive(broken(error), first=first)


@pytest.mark.parametrize(("size", "in_thread"), [(256 * 1024, False), (256 * 1024 + 1, True)])
async def test_x2_a_large_body_is_read_in_a_thread(size, in_thread):
    """Over 256 KiB the loop's thread does not read."""

    def read(vendor):
        yield Request.get(vendor.url)
        return threading.current_thread() is not threading.main_thread()

    async with faultd(Answer(body=bytes(size))) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            assert await visit.drive(read(vendor)) is in_thread


async def test_x2_errors_and_further_questions_of_a_thread_come_back():
    """A generator that was resumed in a thread may ask on, or raise."""

    def read(vendor):
        yield Request.get(vendor.at("/large"))
        yield Request.get(vendor.at("/small"))
        yield Request.get(vendor.at("/large"))
        raise ReadError("u", "f", "$", "bad")

    script = {"/large": Answer(body=bytes(300_000)), "/small": Answer(body=b"x")}
    async with faultd(script) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            with pytest.raises(ReadError):
                await visit.drive(read(vendor))
        assert len(vendor.requests) == 3


async def test_x2_a_reading_that_passes_the_deadline_is_left_behind_and_closed_later():
    """A thread cannot be stopped: the visit ends on time, the generator is closed afterwards."""
    go_on, closed = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def read(vendor):
        try:
            yield Request.get(vendor.url)
            go_on.wait(10)
            yield Request.get(vendor.url)
        finally:
            loop.call_soon_threadsafe(closed.set)

    settings = HttpSettings(allow_private=LOOPBACK, timeout=0.5)
    async with faultd(Answer(body=bytes(300_000))) as vendor, Driver(settings) as driver:
        async with driver.visit(vendor.url) as visit:
            with pytest.raises(FetchError) as caught:
                await visit.drive(read(vendor))
            assert caught.value.timed_out
        go_on.set()
        await asyncio.wait_for(closed.wait(), 5)
        assert len(vendor.requests) == 1


async def test_x2_the_loop_stays_responsive_while_large_bodies_are_read():
    """While bodies of 8 MiB arrive and are read, the loop is never held up for long."""

    def read(vendor):
        response = yield Request.get(vendor.url)
        return sum(response.body[i : i + 1] == b"x" for i in range(0, len(response.body), 16))

    lags = []

    async def watch():
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - began - 0.005)

    body = b"x" * (8 * 1024 * 1024)
    async with faultd(Answer(body=body)) as vendor, Driver(HERE) as driver:
        watching = asyncio.create_task(watch())
        for _ in range(3):
            async with driver.visit(vendor.url) as visit:
                assert await visit.drive(read(vendor)) == len(body) // 16
        watching.cancel()
    lags.sort()
    assert lags[int(len(lags) * 0.9)] < 0.05
