"""Deliveries: how each receiver stands, what came of each event, and sending it again."""

import pytest

from bellbuoy.model.delivery import Attempt, DeliveryStatus
from bellbuoy.notifiers import Notifiers, Receiver
from tests.web.reading import press, read
from tests.web.sites import (
    Seen,
    delivery,
    everyday,
    minutes_ago,
    open_site,
)

ROW = "//li[@class='delivery']"
CARD = "//li[contains(@class,'receiver')]"


def receiver(name: str) -> Receiver:
    """A receiver that is a file."""
    settings = Notifiers({})["file"].Settings(path=f"{name}.jsonl")
    return Receiver(name=name, kind="file", settings=settings)


@pytest.fixture
async def site(seen, web, address):
    """A site with two receivers, of which one wants no more."""
    receivers = (receiver("ops"), receiver("pager"))
    async with open_site(seen, web=web, address=address, receivers=receivers) as opened:
        await opened.store.disable(
            "pager", Attempt(at=minutes_ago(3), seconds=0.1, outcome="410 Gone")
        )
        yield opened


async def test_each_receiver_says_how_it_stands(client):
    """Counts, how long the oldest waits, and that it wants no more."""
    page = await read(client, "/deliveries")
    ops, pager = page.texts(CARD)
    assert page.texts(f"{CARD}[1]//dl/div") == ["sent1", "waiting1", "held0", "withheld0", "dead0"]
    assert "The oldest has waited 30 min." in ops
    assert "dead1" in pager
    assert "It answered that it wants no more (410)" in pager


async def test_each_delivery_tells_its_event_its_route_and_the_answer(client):
    """Newest first, with a way to the incident."""
    page = await read(client, "/deliveries")
    waiting, dead, sent = page.texts(ROW)
    assert "Elevated error rate for ChatGPT conversations OpenAI · incident updated" in waiting
    assert "to pager by routes.0" in dead
    assert "1 attempt" in dead
    assert "204 No Content" in sent
    assert page.all(f"{ROW}[1]//p/a/@href")[0].startswith("/incidents/")


@pytest.mark.parametrize(
    ("query", "count"),
    [("status=dead", 1), ("receiver=ops", 2), ("status=dead&receiver=ops", 0), ("status=held", 0)],
)
async def test_filters_stand_in_the_address(client, query, count):
    """By status and by receiver."""
    page = await read(client, f"/deliveries?{query}")
    assert page.all(f"count({ROW})") == count
    assert ("None like that" in page.text) is (count == 0)


async def test_a_status_that_is_none_says_which_there_are(client):
    """And a place that is none is refused."""
    assert "withheld" in (await read(client, "/deliveries?status=lost")).text
    assert (await read(client, "/deliveries?before=x")).status == 400


async def test_who_may_not_write_sees_no_button(client):
    """But is told where to sign in."""
    page = await read(client, "/deliveries")
    assert not page.all("//form[@method='post']")
    assert page.all("//a[@href='/sign-in?next=/deliveries']")


async def test_a_dead_delivery_is_sent_again_and_its_receiver_told_again(client, site, writes):
    """As the command does: who is given another try is not left disabled."""
    page = await read(client, "/deliveries", headers=writes)
    form = page.all(f"{ROW}//form")[0]
    fields = {one.get("name"): one.get("value") for one in form.findall("input")}
    done = await press(client, form.get("action"), fields, writes)
    assert done.texts("//*[@class='said']") == ["Sent again: 1 delivery."]
    (revived,) = await site.store.deliveries(receiver="pager")
    assert (revived.status, revived.attempts) == (DeliveryStatus.WAITING, 0)
    assert await site.store.disabled() == frozenset()


async def test_all_dead_of_a_receiver_are_sent_again_at_once(client, site, writes):
    """Twice does nothing twice."""
    done = await press(client, "/deliveries/send-again", {"receiver": "pager"}, writes)
    assert "Sent again: 1 delivery." in done.text
    again = await press(client, "/deliveries/send-again", {"receiver": "pager"}, writes)
    assert "Nothing was changed" in again.text
    assert (await site.store.count_deliveries("pager"))[DeliveryStatus.WAITING] == 1


async def test_a_receiver_that_wanted_no_more_is_told_again(client, site, writes):
    """What is dead stays dead by that."""
    done = await press(client, "/deliveries/enable", {"receiver": "pager"}, writes)
    assert "It is told again from now on." in done.text
    assert await site.store.disabled() == frozenset()
    assert (await site.store.count_deliveries("pager"))[DeliveryStatus.DEAD] == 1


@pytest.mark.parametrize("path", ["send-again", "enable"])
async def test_a_form_without_token_or_for_nobody_changes_nothing(client, site, writes, path):
    """401 and 404."""
    asked = {"receiver": "pager"}
    assert (await client.post(f"/deliveries/{path}", data=asked)).status_code == 401
    stranger = await client.post(f"/deliveries/{path}", data={"receiver": "x"}, headers=writes)
    assert stranger.status_code == 404
    assert await site.store.disabled() == {"pager"}


def _many() -> Seen:
    everything = everyday()
    event = everything.events[-2]
    return Seen(
        pages=everything.pages[:1],
        events=(event,),
        deliveries=tuple(
            delivery(1, event, id=f"{event.id}/ops/{number:03}") for number in range(120)
        ),
    )


@pytest.mark.parametrize("seen", [_many()])
async def test_pages_of_it_miss_nothing_and_repeat_nothing(client):
    """Although all of them have the same place in the log."""
    counts, path = [], "/deliveries?receiver=ops"
    while path:
        page = await read(client, path)
        counts.append(len(page.all(ROW)))
        path = next(iter(page.all("//a[@rel='next']/@href")), "")
    assert counts == [50, 50, 20]


class TestWithoutReceivers:
    """Nobody is told of anything."""

    @pytest.fixture
    async def site(self, seen, web, address):
        """A site without receivers."""
        async with open_site(seen, web=web, address=address) as opened:
            yield opened

    async def test_it_says_how_to_add_one(self, client):
        """With lines to paste."""
        page = await read(client, "/deliveries")
        assert "Nobody is told" in page.text
        assert "receivers:" in page.text
