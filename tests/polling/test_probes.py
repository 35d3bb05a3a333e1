"""Probed addresses in virtual time: what is told of them, when, and when it is us."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise

import pytest

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.events import Event
from bellbuoy.exchange import Response
from bellbuoy.model.facts import Expectation, Page, Provider
from bellbuoy.stores.memory import MemoryStore
from tests.detection.saying import page_says
from tests.polling.scripted import ScriptedNetwork, config, page
from tests.polling.test_polling import kinds, monitored, now_at
from tests.virtual_time import run_virtual

API = Page(
    key="https://api.acme.example/health",
    url="https://api.acme.example/health",
    provider=Provider(slug="acme", name="Acme API"),
    format="probe",
    every=30.0,
    every_is_explicit=True,
    expect=Expectation(),
)
OTHERS = tuple(page(number) for number in range(5))
Answering = Callable[[float], Response | Awaitable[Response]]


def answer(status: int = 200, **headers: str) -> Response:
    """What the address answers."""
    return Response(url=API.url, status=status, headers=headers, body=b"same")


def nobody(*_: object) -> Response:
    """No connection."""
    raise FetchError(API.url, Unreadable.NETWORK, "no connection")


async def hanging(*_: object) -> Response:
    """A connection, and then nothing."""
    await asyncio.sleep(3600)
    return answer()


def watched(
    script: Answering,
    *,
    seconds: float,
    others: Sequence[Page] = OTHERS,
    others_say: Callable[[float], object] = lambda time: None,
    store: MemoryStore | None = None,
) -> tuple[list[Event], list[float]]:
    """Watch the address among others: the events, and when it was asked."""

    def said(url: str, time: float) -> object:
        if url == API.url:
            return script(time)
        others_say(time)
        return page_says(stamp=0)

    network = ScriptedNetwork(said)  # type: ignore[arg-type]
    events = monitored(config(API, *others), network, seconds=seconds, store=store)
    return events, network.times[API.url]


def moves(events: list[Event]) -> list[tuple[str, str, str | None]]:
    """Each change of the address: from, to, and what was seen; nothing else happened."""
    assert all(event.kind == "component.changed" for event in events), kinds(events)
    return [(*event.changes["status"], event.reason) for event in events]


def after(event: Event, seconds: float) -> float:
    """How long after an instant of the run an event was observed, in seconds."""
    return (event.observed_at - now_at(seconds)).total_seconds()  # type: ignore[operator]


def test_down_and_up_are_told_once_each_when_two_looks_agree() -> None:
    """The body is the same all the time: a status alone makes the difference."""
    events, _ = watched(lambda t: answer(503 if 300 < t < 900 else 200), seconds=1500)
    assert moves(events) == [
        ("operational", "major_outage", "HTTP 503"),
        ("major_outage", "operational", "HTTP 200"),
    ]
    assert after(events[0], 300) <= 30 + 15 + 1
    assert after(events[1], 900) <= 30 + 15 + 1


@pytest.mark.parametrize("wrong", [answer(500), nobody, hanging])
def test_a_flap_of_a_single_look_is_not_told(wrong) -> None:
    """Neither down nor up again, whatever it was."""
    count = 0

    def script(time: float) -> Response | Awaitable[Response]:
        nonlocal count
        count += 1
        if count % 10:
            return answer()
        return wrong if isinstance(wrong, Response) else wrong()

    events, times = watched(script, seconds=3600)
    assert events == []
    assert len(times) > 100


@pytest.mark.parametrize("silence", [nobody, hanging])
def test_nobody_answering_while_others_do_is_down(silence) -> None:
    """An outage of theirs, told like any other."""
    events, times = watched(lambda t: silence() if 300 < t < 3900 else answer(), seconds=4500)
    assert [move[:2] for move in moves(events)] == [
        ("operational", "major_outage"),
        ("major_outage", "operational"),
    ]
    assert str(events[0].reason).startswith("no answer: no ")
    assert after(events[0], 300) <= 120
    gaps = [late - early for early, late in pairwise(times)]
    assert max(gaps) <= 61, "an address that is down is not looked at more rarely"


def test_h15_when_everything_is_out_of_reach_nothing_is_said_to_be_down() -> None:
    """One that we are offline, one that we are back, and not a word of the address."""

    def offline(time: float) -> None:
        if 300 < time < 3900:
            nobody()

    events, _ = watched(
        lambda t: nobody() if 300 < t < 3900 else answer(), seconds=5000, others_say=offline
    )
    assert kinds(events) == {"monitor.offline": 1, "monitor.online": 1}


def test_h15_the_last_to_come_back_after_our_outage_is_not_down() -> None:
    """Others answer again a while before the address does."""

    def offline(time: float) -> None:
        if 300 < time < 3900:
            nobody()

    for seconds in range(3900, 3960, 5):
        events, _ = watched(
            lambda t, end=seconds: nobody() if 300 < t < end else answer(),
            seconds=5000,
            others_say=offline,
        )
        assert kinds(events)["component.changed"] == 0, seconds


def test_h15_while_we_are_offline_nothing_is_down_though_somebody_answers() -> None:
    """Most pages are out of reach, a few are not: the address is one of the most."""
    others = [page(number) for number in range(11)]

    def said(url: str, time: float) -> object:
        number = 0 if url == API.url else int(url.removeprefix("https://status").partition(".")[0])
        begins = 600 if url == API.url else 300
        return nobody() if number < 7 and begins < time < 1200 else page_says(stamp=0)

    network = ScriptedNetwork(
        lambda url, time: (said(url, time), answer())[1] if url == API.url else said(url, time)  # type: ignore[arg-type,return-value]
    )
    events = monitored(config(API, *others), network, seconds=2400)
    assert kinds(events) == {"monitor.offline": 1, "monitor.online": 1}


def test_h15_with_too_few_pages_to_know_it_is_unknown_not_down() -> None:
    """Two hosts, both silent: nobody can say whose fault it is."""

    def offline(time: float) -> None:
        if 300 < time < 3900:
            nobody()

    events, _ = watched(
        lambda t: nobody() if 300 < t < 3900 else answer(),
        seconds=5000,
        others=OTHERS[:1],
        others_say=offline,
    )
    assert kinds(events) == {"page.unreadable": 2, "page.readable": 2}
    assert {event.reason for event in events} == {"network", None}


def test_alone_the_second_look_decides() -> None:
    """Where nothing else is watched, nobody answering is down."""
    events, _ = watched(lambda t: nobody() if t > 300 else answer(), seconds=900, others=())
    assert [move[:2] for move in moves(events)] == [("operational", "major_outage")]
    assert after(events[0], 300) <= 61


def test_c8_what_is_down_at_the_first_look_is_told_once_it_was_seen_twice() -> None:
    """No incident would ever tell of it; what is up then is adopted in silence."""
    events, _ = watched(lambda t: answer(503), seconds=600)
    assert moves(events) == [("unknown", "major_outage", "HTTP 503")]
    events, _ = watched(lambda t: nobody(), seconds=600)
    assert [move[:2] for move in moves(events)] == [("unknown", "major_outage")]
    first = iter([answer(503)])
    events, _ = watched(lambda t: next(first, answer()), seconds=600)
    assert events == []


def test_h5_a_503_that_asks_for_peace_is_told_at_once_and_gets_it() -> None:
    """The next look is ten minutes away, and nobody wants to wait for it to be told."""
    events, times = watched(
        lambda t: answer(503, **{"retry-after": "600"}) if 300 < t < 1000 else answer(),
        seconds=3000,
    )
    assert [move[1] for move in moves(events)] == ["major_outage", "operational"]
    assert after(events[0], 300) <= 31
    assert max(late - early for early, late in pairwise(times)) >= 600


def test_h5_what_an_answering_host_asked_for_is_on_disk_at_once() -> None:
    """A kill -9 right after an answer that is no news must not make us forget it."""

    class Listening(MemoryStore):
        held: tuple[bool, ...] = ()

        async def commit(self, visit):  # type: ignore[no-untyped-def]
            self.held += (visit.state.health.held_until is not None,)
            return await super().commit(visit)

    store = Listening()
    watched(
        lambda t: answer(503, **({"retry-after": "600"} if t > 300 else {})),
        seconds=600,
        others=(),
        store=store,
    )
    assert store.held == (False, False, True)


def test_s2_h6_a_challenge_in_the_way_is_unreadable_and_not_down() -> None:
    """Nothing is known of what is behind it."""
    html = b"<html><title>Just a moment...</title></html>"
    wall = Response(url=API.url, status=403, body=html)
    events, _ = watched(lambda t: wall if t > 300 else answer(), seconds=1500)
    assert kinds(events) == {"page.unreadable": 1}
    assert events[0].reason == "blocked"


def test_that_we_ask_too_often_is_unreadable_and_not_down() -> None:
    """429 tells of us."""

    def script(time: float) -> Response:
        if time > 300:
            raise FetchError(API.url, Unreadable.REFUSED, "answered 429", status=429)
        return answer()

    events, _ = watched(script, seconds=1500)
    assert kinds(events) == {"page.unreadable": 1}


def test_a_look_that_sees_the_same_again_writes_nothing() -> None:
    """However often an address is asked, the store is left alone."""

    class Counting(MemoryStore):
        commits = 0

        async def commit(self, visit):  # type: ignore[no-untyped-def]
            self.commits += 1
            return await super().commit(visit)

    store = Counting()
    watched(lambda t: answer(), seconds=3600, others=(), store=store)
    assert store.commits == 1


def test_h16_a_hung_address_waits_among_the_slow() -> None:
    """That it hangs is an answer, but no reason to give it a quick seat."""
    store = MemoryStore()
    watched(lambda t: hanging(), seconds=600, store=store)
    (state,) = run_virtual(store.load_states([API.key])).values()
    assert state.health.timed_out
