"""The one client of a broker: shared, kept, given up as a whole, and never used again then."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.notifiers._link import AGAIN_AFTER, ANSWER_WITHIN, OPEN_WITHIN, Link
from tests.virtual_time import run_virtual


class Broker:
    """Opens clients, and knows what became of each."""

    def __init__(self):
        self.opened = 0
        self.closed = []
        self.lose = None
        self.trouble = None

    @asynccontextmanager
    async def open(self, lose):
        """A client: its number."""
        await asyncio.sleep(1)
        if self.trouble is not None:
            raise self.trouble
        self.opened += 1
        self.lose = lose
        number = self.opened
        try:
            yield number
        finally:
            self.closed.append(number)

    def link(self, meaning=lambda _: None):
        """The way to it."""
        return Link("host:1", self.open, meaning, ["pass", "password"])


async def acknowledged(client):
    """Publish with success."""
    return f"by {client}"


async def silent(client):
    """Publish without any answer."""
    await asyncio.Event().wait()


def failing(error):
    """Publish, and fail."""

    async def publish(client):
        raise error

    return publish


async def failure(link, publish):
    """How a message fails."""
    with pytest.raises(DelayedError) as caught:
        await link.send(publish)
    return caught.value


def test_a_client_that_is_lost_while_it_opens_is_closed_and_another_one_serves():
    """Nobody would close it later, for by then it is forgotten."""

    async def situation():
        broker = Broker()

        @asynccontextmanager
        async def lost(lose):
            async with broker.open(lose) as client:
                lose("the connection was lost")
                yield client

        ways = iter([lost, broker.open])

        def way(lose):
            return next(ways)(lose)

        link = Link("host:1", way, lambda _: None)
        assert (await link.send(acknowledged)).detail == "by 2"
        assert broker.closed == [1]
        await link.close()
        assert broker.closed == [1, 2]

    run_virtual(situation())


def test_those_who_want_a_client_at_the_same_time_share_one_that_is_kept():
    """It is opened once, and serves until the end."""

    async def situation():
        broker = Broker()
        link = broker.link()
        receipts = await asyncio.gather(*(link.send(acknowledged) for _ in range(5)))
        assert {one.detail for one in receipts} == {"by 1"}
        await link.close()
        assert broker.closed == [1]

    run_virtual(situation())


def test_m7_a_client_without_an_answer_for_thirty_seconds_is_built_anew():
    """Whoever waits for an answer of it is told at once; the next message has another client."""

    async def situation():
        broker = Broker()
        link = broker.link()
        loop = asyncio.get_running_loop()
        await link.send(acknowledged)
        began = loop.time()
        late = asyncio.create_task(failure(link, silent))
        await asyncio.sleep(20)
        later = asyncio.create_task(failure(link, silent))
        for error in await asyncio.gather(late, later):
            assert error.detail == "host:1: no acknowledgement within 30 s"
            assert (error.uncertain, error.away, error.retry_after) == (True, True, AGAIN_AFTER)
        assert loop.time() - began == pytest.approx(ANSWER_WITHIN, abs=0.01)
        assert (await link.send(acknowledged)).detail == "by 2"
        assert broker.closed == [1]
        await link.close()

    run_virtual(situation())


def test_n4_a_lost_connection_is_told_to_all_who_wait_and_may_have_taken_their_messages():
    """The library says so, and the answer can never come."""

    async def situation():
        broker = Broker()
        link = broker.link()
        waiting = [asyncio.create_task(failure(link, silent)) for _ in range(3)]
        await asyncio.sleep(2)
        broker.lose("the connection was lost")
        errors = await asyncio.gather(*waiting)
        assert {one.detail for one in errors} == {"host:1: the connection was lost"}
        assert all(one.uncertain for one in errors)
        broker.lose("the connection was lost")
        assert (await link.send(acknowledged)).detail == "by 2"
        await link.close()

    run_virtual(situation())


@pytest.mark.parametrize("error", [OSError("reset by peer"), asyncio.CancelledError()], ids=repr)
def test_an_error_that_nobody_understands_gives_the_client_up(error):
    """It could be in any condition, also if the library cancels by itself."""

    async def situation():
        broker = Broker()
        link = broker.link()
        assert (await failure(link, failing(error))).uncertain
        assert (await link.send(acknowledged)).detail == "by 2"
        await link.close()

    run_virtual(situation())


def test_what_is_about_the_message_leaves_the_client_as_it_is():
    """It is refused by itself, in the broker's name."""

    async def situation():
        broker = Broker()
        link = broker.link(lambda error: RefusedError("too large") if error else None)
        with pytest.raises(RefusedError, match=r"^host:1: too large$"):
            await link.send(failing(ValueError("1 MB")))
        assert (await link.send(acknowledged)).detail == "by 1"
        await link.close()

    run_virtual(situation())


def test_a_broker_that_is_away_is_tried_for_ten_seconds_and_has_nothing():
    """So the message is no repeat; and one that is back meanwhile costs nothing but the wait."""

    async def situation():
        broker = Broker()
        broker.trouble = ConnectionRefusedError("connection refused")
        link = broker.link()
        loop = asyncio.get_running_loop()
        began = loop.time()
        error = await failure(link, acknowledged)
        assert error.detail == "host:1: connection refused"
        assert (error.uncertain, error.away) == (False, True)
        assert OPEN_WITHIN - 2 <= loop.time() - began <= OPEN_WITHIN + 0.1
        sending = asyncio.create_task(link.send(acknowledged))
        await asyncio.sleep(4)
        broker.trouble = None
        assert (await sending).detail == "by 1"
        await link.close()

    run_virtual(situation())


def test_a_broker_that_takes_connections_and_says_nothing_is_away_too():
    """Opening has the same deadline."""

    async def situation():
        @asynccontextmanager
        async def never(lose):
            await asyncio.Event().wait()
            yield 1

        link = Link("host:1", never, lambda _: None)
        assert (await failure(link, acknowledged)).detail == "host:1: no answer within 10 s"
        await link.close()

    run_virtual(situation())


def test_a_login_that_is_refused_is_said_at_once():
    """Trying it again and again would lock the account."""

    async def situation():
        broker = Broker()
        broker.trouble = PermissionError("who are you, password?")
        link = broker.link(lambda error: DelayedError(f"refused: {error}", away=True))
        loop = asyncio.get_running_loop()
        began = loop.time()
        first, second = await asyncio.gather(*(failure(link, acknowledged) for _ in range(2)))
        assert first is second
        assert first.detail == "host:1: refused: who are you, ***?"
        assert loop.time() - began < 1.1
        await link.close()

    run_virtual(situation())


def test_p8_a_stop_leaves_no_client_also_one_that_is_just_opened():
    """Whoever sends is cancelled by the courier; what is open is closed here."""

    async def situation():
        broker = Broker()
        link = broker.link()
        sending = asyncio.create_task(link.send(silent))
        await asyncio.sleep(0.5)
        sending.cancel()
        await asyncio.wait([sending])
        await link.close()
        assert broker.opened == len(broker.closed) == 0
        sending = asyncio.create_task(link.send(silent))
        await asyncio.sleep(2)
        sending.cancel()
        await asyncio.wait([sending])
        await link.close()
        assert broker.closed == [1]

    run_virtual(situation())
