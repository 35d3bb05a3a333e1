"""Who was told of an open incident, at a glance."""

import pytest
from msgspec.structs import replace

from bellbuoy.config import Config
from bellbuoy.model.delivery import DeliveryStatus, Matcher, Standing
from bellbuoy.model.facts import Impact, IncidentStatus
from bellbuoy.notifiers import Receiver
from bellbuoy.routing.routes import Route
from bellbuoy.stores import Outgoing
from bellbuoy.web.dashboard.told import Ledger, Told, opening, read, told
from tests.web.sites import delivery, incident, minutes_ago, update, watched
from tests.web.sites import told as events_of

ACME = watched("acme", "Acme")
TROUBLE = incident(
    "i1",
    "Slow",
    update(1, IncidentStatus.INVESTIGATING, "It is slow.", minutes_ago(9)),
    impact=Impact.MINOR,
)
EVENT = opening(ACME.page, TROUBLE)
LANE = EVENT.lane


def _config(*routes: Route, receivers: tuple[str, ...] = ("ops", "pager")) -> Config:
    return Config(
        watched=(ACME,),
        store="memory:",
        receivers=tuple(Receiver(name=one, kind="webhook", settings=None) for one in receivers),
        routes=routes,
    )


def _to(*receivers: str, **matcher: object) -> Route:
    return Route(name="rule", to=receivers, when=Matcher(**matcher))  # type: ignore[arg-type]


def test_whoever_was_told_is_named():
    """And who was not is left out."""
    ledger = Ledger(standings={("ops", LANE): Standing(told=True)})
    assert told(EVENT, ledger, _config()) == Told(told=("ops",))


def test_what_waits_what_failed_and_what_is_held_are_told_apart():
    """Telling is not told."""
    ledger = Ledger(
        standings={
            ("a", LANE): Standing(told=True),
            ("b", LANE): Standing(told=True),
            ("c", LANE): Standing(held=(delivery(1, EVENT, DeliveryStatus.HELD),)),
        },
        waiting=frozenset({("a", LANE)}),
        dead=frozenset({("b", LANE)}),
    )
    config = _config(receivers=("a", "b", "c", "d"))
    assert told(EVENT, ledger, config) == Told(waiting=("a",), failed=("b",), held=("c",))


def test_a_reason_that_was_written_goes_before_what_routes_say_today():
    """It was silenced then."""
    ledger = Ledger(withheld={("pager", LANE): "silenced"})
    assert told(EVENT, ledger, _config(_to("pager"))) == Told(why="silenced")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({Impact.MAJOR, Impact.CRITICAL}, "below major"),
        ({Impact.CRITICAL}, "below critical"),
        ({Impact.NONE, Impact.MAJOR}, "an impact that was not asked for"),
    ],
)
def test_an_impact_that_no_route_asks_for_is_said_in_few_words(asked, why):
    """Where the route asks for a least impact, that is the reason."""
    config = _config(_to("ops", impacts=frozenset(asked)))
    assert told(EVENT, Ledger(), config).why == why


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (_config(receivers=()), "there are no receivers yet"),
        (_config(), "no route leads anywhere"),
        (_config(_to("ops", providers=("other",))), "another provider"),
        (_config(_to("ops")), "nobody yet"),
    ],
)
def test_nobody_was_told_for_a_reason(config, why):
    """Of several the one that was nearest to a yes."""
    assert told(EVENT, Ledger(), config).why == why


async def test_what_was_written_of_a_lane_is_read_and_nothing_of_others(site, seen):
    """Four questions, however many incidents there are."""
    lanes = {one.lane for one in seen.deliveries}
    dead = next(one for one in seen.deliveries if one.status is DeliveryStatus.DEAD)
    held = replace(dead, id="other", lane="elsewhere", status=DeliveryStatus.WITHHELD, reason="no")
    await site.store.dispatch("dispatcher", 6, Outgoing(new=(held,), told=(("ops", LANE, "r"),)))
    ledger = await read(site.store, ("ops", "pager"), {*lanes, LANE})
    assert ledger.dead == {(dead.receiver, dead.lane)}
    assert {place[0] for place in ledger.waiting} == {"ops"}
    assert ledger.withheld == {}
    assert ledger.standings[("ops", LANE)].told
    assert await read(site.store, (), lanes) == Ledger()


def test_an_incident_without_updates_can_still_be_told_of():
    """Some vendors say no word."""
    bare = incident("i2", "Down")
    event = opening(ACME.page, bare)
    assert event.update is None
    assert event.lane == f"{ACME.page.key} i2"
    assert events_of(ACME, TROUBLE)[0].lane == LANE


def test_an_incident_of_which_no_time_is_known_can_still_be_told_of():
    """Rows of an older version have none, and the board must not fall over one of them."""
    timeless = incident("i3", "When?", started_at=None, updated_at=None, first_seen_at=None)
    assert told(opening(ACME.page, timeless), Ledger(), _config(_to("ops"))).why == "nobody yet"
