"""Playing exchanges: what is sent in, what is thrown in, and what runs in a thread."""

# ruff: noqa: SIM117 - a vendor and its client read better one below the other

import asyncio
import gc
import threading
import weakref
from contextlib import suppress

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


async def test_x2_what_follows_a_large_body_is_done_in_a_thread_too():
    """The end of an exchange works on all that it was told, also where the last answer failed."""

    def read(vendor):
        threads = []
        for path in ("/small", "/large", "/small", "/missing"):
            with suppress(FetchError):
                yield Request.get(vendor.at(path))
            threads.append(threading.current_thread() is not threading.main_thread())
        return threads

    script = {"/large": Answer(body=bytes(300_000)), "/small": Answer(body=b"x")}
    async with faultd(script) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            assert await visit.drive(read(vendor)) == [False, True, True, True]


async def test_x2_one_thread_reads_at_a_time_and_a_reading_left_behind_holds_up_none():
    """Threads share one lock with the loop; a turn ends with the visit, not with the thread."""
    go_on = threading.Event()
    reading = []

    def read(vendor, *, hangs=False):
        yield Request.get(vendor.url)
        reading.append(1)
        if hangs:
            go_on.wait(10)
        assert len(reading) == 1
        reading.pop()

    settings = HttpSettings(allow_private=LOOPBACK, timeout=1.0, per_host=9)

    async def visit(vendor, driver, exchange):
        async with driver.visit(vendor.url) as visit:
            await visit.drive(exchange)

    async with faultd(Answer(body=bytes(300_000))) as vendor, Driver(settings) as driver:
        await asyncio.gather(*(visit(vendor, driver, read(vendor)) for _ in range(8)))
        with pytest.raises(FetchError):
            await visit(vendor, driver, read(vendor, hangs=True))
        reading.clear()
        await visit(vendor, driver, read(vendor))
        reading.append(1)
        go_on.set()


async def test_a_question_that_failed_leaves_nothing_for_the_collector():
    """What was read is given up with the visit: no circle through the failure keeps it."""

    class Kept:
        pass

    def read(vendor):
        kept = Kept()
        left.append(weakref.ref(kept))
        try:
            yield Request.get(vendor.at("/missing"))
        except FetchError:
            return

    left = []
    gc.disable()
    try:
        async with faultd({}) as vendor, Driver(HERE) as driver:
            async with driver.visit(vendor.url) as visit:
                await visit.drive(read(vendor))
        assert left[0]() is None
    finally:
        gc.enable()
