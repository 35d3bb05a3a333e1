"""Laws of who is told, whatever happens and whatever the routes say."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.events import EventKind, Phase
from bellbuoy.model.delivery import DeliveryStatus, Matcher, Occasion, Silence
from bellbuoy.model.facts import Impact
from bellbuoy.observer import Observer
from bellbuoy.routing.matchers import NOWHERE
from bellbuoy.routing.routes import Route
from bellbuoy.routing.schedules import Quiet, parse_rhythm, parse_window
from bellbuoy.stores.memory import MemoryStore
from tests.delivery.scenes import hook
from tests.event_samples import AT, incident_event
from tests.virtual_time import run_virtual

RECEIVERS = ("ops", "web")
IMPACTS = st.sampled_from([Impact.MINOR, Impact.MAJOR, Impact.CRITICAL])
COMPONENTS = st.sampled_from([(), ("API",), ("Web",), ("API", "Web")])
MATCHERS = st.builds(
    Matcher,
    impacts=st.frozensets(IMPACTS, max_size=2),
    components=st.sampled_from([(), ("API",), ("Web",)]),
    types=st.sampled_from([(), ("incident.opened",), ("incident.resolved", "incident.updated")]),
)
ROUTES = st.lists(
    st.builds(
        Route,
        name=st.uuids().map(str),
        to=st.lists(st.sampled_from(RECEIVERS), min_size=1, max_size=2, unique=True).map(tuple),
        when=MATCHERS,
        unless=st.none() | MATCHERS,
        hold=st.sampled_from([0.0, 0.0, 120.0, 900.0]),
        remind=st.sampled_from([0.0, 600.0]),
        quiet=st.none()
        | st.just(Quiet(windows=(parse_window("16:30-18:00"),), timezone="UTC"))
        | st.just(Quiet(windows=(parse_window("16:20-17:00"),), timezone="UTC", outside=True)),
        digest=st.none() | st.just(parse_rhythm("daily 17:30", "UTC")),
    ),
    min_size=1,
    max_size=4,
)
KINDS = {
    False: (EventKind.INCIDENT_OPENED,),
    True: (
        EventKind.INCIDENT_UPDATED,
        EventKind.INCIDENT_UPDATED,
        EventKind.INCIDENT_CHANGED,
        EventKind.INCIDENT_RESOLVED,
    ),
}


@st.composite
def stories(draw):
    """Two incidents that open, go on, end and open again, with minutes between their events."""
    is_open, was_open = {"i1": False, "i2": False}, set()
    events, minutes = [], 0
    for number in range(draw(st.integers(1, 12))):
        minutes += draw(st.integers(0, 25))
        incident = draw(st.sampled_from(["i1", "i2"]))
        kind = draw(st.sampled_from(KINDS[is_open[incident]]))
        if kind is EventKind.INCIDENT_OPENED and incident in was_open:
            kind = EventKind.INCIDENT_REOPENED
        is_open[incident] = kind is not EventKind.INCIDENT_RESOLVED
        was_open.add(incident)
        events.append(
            incident_event(
                kind,
                incident=incident,
                update=f"u{number}",
                body=f"step {number}",
                impact=draw(IMPACTS),
                components=draw(COMPONENTS),
                observed_at=AT + timedelta(minutes=minutes),
            )
        )
    return events


SILENCES = st.lists(
    st.builds(
        lambda matcher, start, length: Silence(
            id=str(start),
            matcher=matcher,
            starts_at=AT + timedelta(minutes=start),
            ends_at=AT + timedelta(minutes=start + length),
            author="ann",
            created_at=AT,
        ),
        MATCHERS,
        st.integers(0, 100),
        st.integers(1, 60),
    ),
    max_size=2,
)


async def played(events, routes, silences, restarts):
    """What each receiver takes, in the order in which it may go; time goes on by minutes."""
    store = MemoryStore()
    clock = [AT]

    def dispatcher():
        return Dispatcher(
            store,
            routes,
            NOWHERE,
            [hook(name) for name in RECEIVERS],
            now=lambda: clock[0],
            observer=Observer(),
            digesting=["ops"],
        )

    taken = {name: [] for name in RECEIVERS}
    ours = dispatcher()
    await ours.begin()
    for silence in silences:
        await store.add_silence(silence)
    waiting = list(events)
    minute = 0
    while waiting or await store.next_held() is not None:
        clock[0] = AT + timedelta(minutes=minute)
        while waiting and waiting[0].observed_at <= clock[0]:
            await store.append([waiting.pop(0)])
            if not restarts:
                await ours.catch_up()
        if restarts:
            ours = dispatcher()
        await ours.catch_up()
        for name in RECEIVERS:
            while due := await store.due_deliveries(name, clock[0]):
                for delivery, event in due:
                    taken[name].append((delivery, event))
                    await store.settle(replace(delivery, status=DeliveryStatus.DONE))
        minute += 7 if restarts else 1 if waiting else 20
        if minute > 60 * 96:
            break
    return store, taken


@settings(deadline=None)
@given(events=stories(), routes=ROUTES, silences=SILENCES, restarts=st.booleans())
def test_no_end_without_a_beginning_no_beginning_without_its_end_and_all_in_order(
    events, routes, silences, restarts
):
    """For every receiver and incident, over holds, quiet hours, digests, silences, restarts."""

    async def situation():
        store, taken = await played(events, routes, silences, restarts)
        for name in RECEIVERS:
            told = [(d, e) for d, e in taken[name] if d.occasion is Occasion.EVENT]
            for lane in {event.lane for event in events}:
                mine = [event for _, event in told if event.lane == lane]
                assert [e.seq for e in mine] == sorted({e.seq for e in mine})
                assert not mine or mine[0].phase is not Phase.ENDS
                log = [e for e in await store.read_events() if e.lane == lane]
                if mine:
                    since = mine[0].seq
                    ends = [e.seq for e in log if e.phase is Phase.ENDS and e.seq > since]
                    assert [e.seq for e in mine if e.phase is Phase.ENDS] == ends
                after_end = [
                    d
                    for d, e in taken[name]
                    if d.occasion is Occasion.REMINDER and e.lane == lane and log[-1].seq == e.seq
                ]
                assert not (after_end and log[-1].phase is Phase.ENDS)

    run_virtual(situation())


@settings(deadline=None)
@given(events=stories(), routes=ROUTES, silences=SILENCES)
def test_whatever_is_not_told_has_its_reason_and_nothing_is_told_twice(events, routes, silences):
    """Each event is for each receiver told, withheld with a reason, or never asked for."""

    async def situation():
        store, taken = await played(events, routes, silences, restarts=False)
        deliveries = await store.deliveries(limit=10_000)
        keys = [delivery.id for name in RECEIVERS for delivery, _ in taken[name]]
        assert len(keys) == len(set(keys))
        for delivery in deliveries:
            is_settled = delivery.status in {DeliveryStatus.DONE, DeliveryStatus.WITHHELD}
            assert is_settled or delivery.occasion is Occasion.REMINDER
            if delivery.status is DeliveryStatus.WITHHELD:
                assert delivery.reason

    run_virtual(situation())
