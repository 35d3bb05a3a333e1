"""A page that somebody pokes is looked at soon, and never sooner than its host allows."""

import asyncio
from datetime import timedelta

import pytest

from bellbuoy.app import App
from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.model.facts import Snapshot
from bellbuoy.polling.scheduler import POKED_AFTER
from tests.detection.saying import page_says
from tests.polling.scripted import ScriptedNetwork, config, now, page
from tests.polling.test_polling import monitored

QUIET = page_says(stamp=0)
URL = page().url


def times(network: ScriptedNetwork) -> list[float]:
    """When the page was asked."""
    return network.times[URL]


@pytest.mark.parametrize("wait", [0.0, 1.0, 4.9, 5.0, 20.0])
def test_a_poked_page_is_looked_at_at_once_but_five_seconds_after_the_look_before(
    wait: float,
) -> None:
    """A vendor that pokes at each of its updates does not make us ask at each."""
    network = ScriptedNetwork(lambda _url, _time: QUIET)

    async def poke(app: App) -> None:
        await app.first_sweep()
        await asyncio.sleep(wait)
        assert await app.poke(URL)

    monitored(config(page(every=600)), network, seconds=60, during=poke)
    first, second = times(network)
    assert second - first == pytest.approx(max(wait, POKED_AFTER), abs=0.2)


def test_a_hundred_pokes_are_one_look() -> None:
    """They only say again what is known."""
    network = ScriptedNetwork(lambda _url, _time: QUIET)

    async def poke(app: App) -> None:
        await app.first_sweep()
        for _ in range(100):
            assert await app.poke(URL)
            await asyncio.sleep(0.01)

    monitored(config(page(every=600)), network, seconds=60, during=poke)
    assert len(times(network)) == 2


def test_a_poke_never_puts_a_look_off() -> None:
    """What is due sooner stays due sooner, and the next looks keep their pace."""
    network = ScriptedNetwork(lambda _url, _time: QUIET)

    async def poke(app: App) -> None:
        await app.first_sweep()
        for _ in range(40):
            await asyncio.sleep(0.5)
            await app.poke(URL)

    monitored(config(page(every=10)), network, seconds=60, during=poke)
    gaps = [late - early for early, late in zip(times(network), times(network)[1:], strict=False)]
    assert max(gaps) <= 11


def test_h5_a_poke_does_not_shorten_what_a_host_asked_for() -> None:
    """Retry-After 600 means ten minutes, whoever says what meanwhile."""

    def script(url: str, _time: float) -> Snapshot:
        raise FetchError(url, Unreadable.REFUSED, "429", status=429, retry_after=600)

    network = ScriptedNetwork(script)

    async def poke(app: App) -> None:
        await app.first_sweep()
        for _ in range(50):
            await asyncio.sleep(10)
            assert await app.poke(URL)

    monitored(config(page()), network, seconds=1, during=poke)
    assert len(times(network)) == 1


def test_a_page_that_is_being_looked_at_is_asked_again_after_that_look() -> None:
    """It is asked once more when that look is over: it may have been answered before the change."""
    most = 0

    async def slow(_url: str, _time: float) -> Snapshot:
        nonlocal most
        most = max(most, network.in_flight)
        await asyncio.sleep(3)
        return QUIET

    network = ScriptedNetwork(slow)

    async def poke(app: App) -> None:
        while not network.in_flight:  # noqa: ASYNC110 - in virtual time it costs nothing
            await asyncio.sleep(0.1)
        place = app.place(URL)
        assert place is not None
        assert place.due_at is None
        assert await app.poke(URL)

    monitored(config(page(every=600)), network, seconds=60, during=poke)
    assert most == 1
    first, second = times(network)
    assert second - first == pytest.approx(POKED_AFTER, abs=0.2)


def test_what_is_not_watched_cannot_be_poked() -> None:
    """And nothing is asked that is not in the config."""
    network = ScriptedNetwork(lambda _url, _time: QUIET)

    async def poke(app: App) -> None:
        assert not await app.poke("https://elsewhere.example")
        assert app.place("https://elsewhere.example") is None

    monitored(config(page()), network, seconds=20, during=poke)
    assert network.asked.keys() <= {URL}


def test_every_place_tells_how_its_page_stands_and_when_it_is_looked_at_next() -> None:
    """In the order of the config, from the first moment on."""
    network = ScriptedNetwork(lambda _url, _time: QUIET)
    pages = [page(number, every=60) for number in range(5)]

    async def look(app: App) -> None:
        assert [place.page for place in app.places()] == pages
        assert all(place.state.health.read_at is None for place in app.places())
        await app.first_sweep()
        await asyncio.sleep(0.5)
        for place in app.places():
            assert app.place(place.page.key) == place
            assert place.state.health.read_at is not None
            assert place.due_at is not None
            assert timedelta() < place.due_at - now() <= timedelta(seconds=67)

    monitored(config(*pages), network, seconds=1, during=look)
