"""What a rehearsal says is what is delivered, by the same routes over the same time."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from msgspec.structs import replace

from bellbuoy.delivery import courier as room
from bellbuoy.delivery.courier import Courier
from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.delivery.rehearsal import rehearse
from bellbuoy.events import EventKind
from bellbuoy.model.delivery import DeliveryStatus, Matcher, Occasion, Silence
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.routing.matchers import NOWHERE, Reason
from bellbuoy.routing.routes import Route
from bellbuoy.routing.schedules import Quiet, parse_rhythm, parse_window
from bellbuoy.stores.memory import MemoryStore
from tests.delivery.ears import Ears, listener
from tests.delivery.scenes import Heard, stop
from tests.event_samples import component_event, incident_event, page_event
from tests.virtual_time import START, now, run_virtual

HOUR = 3600.0
DAYS = 6
PLANNED = Matcher(kinds=("maintenance",))
SERIOUS = Matcher(impacts=frozenset({Impact.MAJOR, Impact.CRITICAL}))
NIGHT = Quiet(windows=(parse_window("18:00-07:00"), parse_window("sat,sun")), timezone="Asia/Tokyo")
ROUTES = (
    Route(
        name="all", to=("all",), late=True, when=Matcher(kinds=("incident", "component", "page"))
    ),
    Route(name="hold", to=("hold",), hold=20 * 60, remind=5 * HOUR),
    Route(name="serious", to=("both",), when=SERIOUS),
    Route(name="rest", to=("both",), digest=parse_rhythm("mon-fri 09:00", "UTC")),
    Route(name="quiet", to=("quiet",), quiet=NIGHT, remind=2 * HOUR),
    Route(name="planned", to=("planned",), when=PLANNED, ahead=(24 * HOUR, HOUR)),
    Route(name="unless", to=("all",), unless=Matcher(components=("Conversations",)), hold=600),
)
RECEIVERS = tuple(map(listener, ("all", "hold", "both", "quiet", "planned", "renewed")))
RENEWALS = {"all": 0.0, "renewed": 7 * HOUR}
ALERTS = Route(name="alerts", to=("renewed",), when=SERIOUS)


def story(seed):
    """Lives of incidents, planned work, a component and a page over some days, in order."""
    chance = Random(seed)
    events = []
    for number in range(14):
        begins = START + timedelta(hours=chance.uniform(1, (DAYS - 2) * 24))
        events += life(f"i{number}", begins, chance)
    for number in range(4):
        events += planned_work(f"m{number}", START + timedelta(hours=chance.uniform(1, 40)), chance)
    for number, (kind, hours) in enumerate([("unreadable", 20), ("readable", 20.5)]):
        at = START + timedelta(hours=hours)
        events.append(page_event(EventKind(f"page.{kind}"), id=f"p{number}", observed_at=at))
    for number, status in enumerate([ComponentStatus.PARTIAL_OUTAGE, ComponentStatus.OPERATIONAL]):
        moved = component_event(id=f"c{number}", observed_at=START + timedelta(hours=30 + number))
        events.append(replace(moved, component=replace(moved.component, status=status)))
    return sorted(events, key=lambda event: event.observed_at)


def life(name, begins, chance):
    """An incident from its beginning to its end; the length is minutes or a day."""
    impact, late = chance.choice(list(Impact)), chance.random() < 0.15
    at, steps = begins, ["opened", *["updated"] * chance.randrange(4), "resolved"]
    if chance.random() < 0.2:
        steps += ["reopened", "resolved"]
    if chance.random() < 0.15:
        steps.remove("resolved")
    for number, step in enumerate(steps):
        over = step == "resolved"
        yield incident_event(
            EventKind(f"incident.{step}"),
            incident=name,
            update=f"u{number}",
            body=f"{name} {step} {number}",
            impact=impact,
            components=("Conversations",) if chance.random() < 0.5 else (),
            status=IncidentStatus.RESOLVED if over else IncidentStatus.INVESTIGATING,
            observed_at=at,
            late=late,
        )
        # Never at the instant at which something else falls due: then either may come first.
        at += timedelta(minutes=chance.choice([0, 3, 15, 40, 300, 1500]) * chance.uniform(1, 1.1))


def planned_work(name, announced, chance):
    """Planned work from its announcement to its end."""
    starts = announced + timedelta(hours=chance.choice([3, 30, 60]))
    steps = [
        (EventKind.MAINTENANCE_SCHEDULED, IncidentStatus.SCHEDULED, announced),
        (EventKind.MAINTENANCE_STARTED, IncidentStatus.IN_PROGRESS, starts),
        (EventKind.MAINTENANCE_COMPLETED, IncidentStatus.COMPLETED, starts + timedelta(hours=2)),
    ]
    for kind, status, at in steps:
        event = incident_event(kind, incident=name, update=kind, status=status, observed_at=at)
        yield replace(event, incident=replace(event.incident, started_at=starts))


def mutes(seed):
    """Two silences, somewhere in it."""
    chance = Random(f"silence {seed}")
    for number, matcher in enumerate([Matcher(providers=("openai",)), SERIOUS]):
        begins = START + timedelta(hours=chance.uniform(1, (DAYS - 2) * 24))
        yield Silence(
            id=f"s{number}",
            matcher=matcher,
            starts_at=begins,
            ends_at=begins + timedelta(hours=chance.choice([1, 9])),
            author="ann",
            created_at=begins,
        )


async def lived(events, silences, routes, until):
    """What receivers really hear: the dispatcher and the couriers run while it happens."""
    store, ears, heard = MemoryStore(), Ears(now), Heard()
    couriers = []
    dispatcher = Dispatcher(
        store,
        routes,
        NOWHERE,
        RECEIVERS,
        now=now,
        observer=heard,
        digesting=[each.name for each in RECEIVERS],
        renewals=RENEWALS,
        wake=lambda _: [courier.wake() for courier in couriers],
    )
    await dispatcher.begin()
    couriers += [
        Courier(store, each, ears, None, now=now, observer=heard, chance=Random(0))
        for each in RECEIVERS
    ]
    tasks = [asyncio.create_task(each.run()) for each in (dispatcher, *couriers)]
    happenings = [(event.observed_at, event) for event in events]
    happenings += [(silence.starts_at, silence) for silence in silences]
    for at, what in sorted(happenings, key=lambda each: each[0]):
        await asyncio.sleep((at - now()).total_seconds())
        await (store.add_silence(what) if isinstance(what, Silence) else store.append([what]))
    await asyncio.sleep((until - now()).total_seconds() + 1)
    for task in tasks:
        await stop(task)
    withheld = Counter((each.receiver, each.reason) for each in heard.withholdings)
    decided = {(each.receiver, each.about) for each in heard.withholdings}
    for each in await store.deliveries(status=DeliveryStatus.WITHHELD, limit=10_000):
        is_later = (each.receiver, each.event_id) not in decided
        if is_later or each.occasion is not Occasion.EVENT:
            withheld[each.receiver, each.reason] += 1
    return ears.heard, withheld


def in_words(messages):
    """Messages as (receiver, to the minute, what is in it), in the order in which they went."""
    return sorted(
        (
            receiver,
            round((at - START).total_seconds() / 60),
            sorted((delivery.occasion.value, event.id) for delivery, event in contents),
        )
        for receiver, at, contents in messages
    )


async def one_by_one(events):
    """The log as it is read."""
    for number, event in enumerate(events, 1):
        yield event.numbered(number)


async def rehearsed(events, silences, routes, until, **more):
    """What a rehearsal says of it."""
    found = await rehearse(
        one_by_one(events),
        routes,
        NOWHERE,
        RECEIVERS,
        until=until,
        digesting=[each.name for each in RECEIVERS],
        renewals=RENEWALS,
        silences=silences,
        **more,
    )
    assert list(found.messages) == sorted(found.messages, key=lambda message: message.at)
    return [(each.receiver, each.at, each.contents) for each in found.messages], found


@pytest.mark.parametrize("seed", range(6))
def test_a_rehearsal_of_the_config_in_force_says_what_was_delivered(seed, monkeypatch):
    """Holds, quiet hours, digests, reminders, notices ahead, renewals and silences included."""
    # Nothing else dispatches here, so couriers need not look by themselves.
    monkeypatch.setattr(room, "LOOK_EVERY", 24 * HOUR)
    routes, until = (*ROUTES, ALERTS), START + timedelta(days=DAYS)
    events, silences = story(seed), list(mutes(seed))

    async def situation():
        told, withheld = await lived(events, silences, routes, until)
        said, found = await rehearsed(events, silences, routes, until)
        assert in_words(said) == in_words(told)
        assert Counter(found.withheld) == withheld
        assert found.events == len(events)

    run_virtual(situation())


def test_the_stories_of_that_law_hold_all_that_routes_can_do():
    """Each way of waiting and each reason of theirs happens in one of them at least."""

    async def situation():
        reasons, occasions, digests = set(), set(), 0
        for seed in range(6):
            routes, until = (*ROUTES, ALERTS), START + timedelta(days=DAYS)
            said, found = await rehearsed(story(seed), list(mutes(seed)), routes, until)
            reasons |= {reason for _, reason in found.withheld}
            occasions |= {d.occasion for _, _, contents in said for d, _ in contents}
            digests += sum(len(contents) > 1 for _, _, contents in said)
            late = [1 for _, at, ((d, e), *_) in said if at - e.observed_at > timedelta(minutes=10)]
            assert late
        assert occasions == set(Occasion) - {Occasion.OPEN}
        assert reasons >= {Reason.SILENCED, Reason.FLAP, Reason.NEVER_TOLD, Reason.IMPACT}
        assert digests > 5

    run_virtual(situation())


def test_an_end_within_the_report_is_told_to_whoever_was_told_of_the_beginning_before_it():
    """`--since` cuts the report, not the memory."""
    events = [
        incident_event(observed_at=START),
        incident_event(
            EventKind.INCIDENT_RESOLVED,
            update="u2",
            status=IncidentStatus.RESOLVED,
            observed_at=START + timedelta(days=3),
        ),
    ]

    async def situation():
        until = START + timedelta(days=4)
        since = START + timedelta(days=2)
        said, found = await rehearsed(events, [], ROUTES[:1], until, since=since)
        assert [(to, at) for to, at, _ in said] == [("all", START + timedelta(days=3))]
        assert (found.events, dict(found.withheld)) == (1, {})
        nothing, found = await rehearsed(events, [], ROUTES[:1], until, since=until)
        assert (nothing, found.events, dict(found.withheld)) == ([], 0, {})

    run_virtual(situation())


def test_what_still_waits_at_the_end_is_counted():
    """A hold that is not over, and quiet hours that go on."""
    events = [incident_event(observed_at=START)]

    async def situation():
        until = START + timedelta(minutes=5)
        said, found = await rehearsed(events, [], (ROUTES[1],), until)
        assert said == []
        assert found.held["hold"] == 1
        assert found.held["all"] == 0

    run_virtual(situation())


def test_what_falls_due_with_an_event_comes_after_it():
    """An incident that ends at the instant of its reminder is not reminded of."""
    over = START + timedelta(seconds=ROUTES[1].hold + ROUTES[1].remind)
    events = [
        incident_event(observed_at=START),
        incident_event(
            EventKind.INCIDENT_RESOLVED,
            update="u2",
            status=IncidentStatus.RESOLVED,
            observed_at=over,
        ),
    ]

    async def situation():
        said, _ = await rehearsed(events, [], (ROUTES[1],), over + timedelta(days=1))
        assert [d.occasion for _, _, ((d, _),) in said] == [Occasion.EVENT, Occasion.EVENT]

    run_virtual(situation())


def test_a_long_log_is_rehearsed_in_time_and_nobody_is_forgotten():
    """An incident that is open, and reminded of, for thousands of events is told of its end."""
    end = START + timedelta(days=30)
    others = [
        incident_event(
            EventKind.INCIDENT_OPENED if step == 0 else EventKind.INCIDENT_RESOLVED,
            incident=f"i{number}",
            update=f"u{step}",
            status=IncidentStatus.RESOLVED if step else IncidentStatus.INVESTIGATING,
            observed_at=START + timedelta(minutes=10 * number + step),
        )
        for number in range(1500)
        for step in range(2)
    ]
    first = incident_event(incident="long", observed_at=START)
    last = incident_event(
        EventKind.INCIDENT_RESOLVED,
        incident="long",
        update="u9",
        status=IncidentStatus.RESOLVED,
        observed_at=end,
    )

    async def situation():
        began = time.process_time()
        said, _ = await rehearsed([first, *others, last], [], ROUTES[:2], end)
        assert time.process_time() - began < 60
        told = [contents for to, _, contents in said if to == "all"]
        assert len(told) == 3002
        assert told[-1][0][1].incident.id == "long"

    run_virtual(situation())
