"""From decisions to deliveries, over both stores: what is held, released, dropped, repeated."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bellbuoy.events import EventKind
from bellbuoy.model.delivery import DeliveryStatus, Matcher, Occasion, Silence
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.routing.routes import Route
from bellbuoy.routing.schedules import Quiet, parse_rhythm, parse_window
from bellbuoy.stores.opening import open_store
from tests.delivery.scenes import Scene, hold_open, hook
from tests.event_samples import AT, component_event, incident_event

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NIGHT = Quiet(windows=(parse_window("16:00-20:00"),), timezone="UTC")
"""Quiet at the time of the samples (16:09) and until 20:00."""

KINDS = {
    "opened": EventKind.INCIDENT_OPENED,
    "updated": EventKind.INCIDENT_UPDATED,
    "resolved": EventKind.INCIDENT_RESOLVED,
    "changed": EventKind.INCIDENT_CHANGED,
    "reopened": EventKind.INCIDENT_REOPENED,
}


class Tale:
    """Events that happen at their minute, to a dispatcher that looks again and again."""

    def __init__(self, store):
        self.at = AT
        self.scene = Scene(store, clock=lambda: self.at)
        self.renewals = {}
        self.digesting = ["ops"]
        self.receivers = ["ops", "web"]
        self.arrives = False

    def begin(self, *routes):
        """A dispatcher with these routes, as after a start."""
        self.dispatcher = self.scene.dispatcher(
            *map(hook, self.receivers),
            routes=routes,
            digesting=self.digesting,
            renewals=self.renewals,
        )

    async def start(self, *routes):
        """Begin on a new log."""
        self.begin(*routes)
        await self.dispatcher.begin()

    async def tell(self, step, incident="i1", **rest):
        """One more event, now."""
        number = await self.scene.store.last_seq()
        values = {"update": f"u{number}", "body": f"{step} {number}", "observed_at": self.at}
        event = incident_event(KINDS[step], incident=incident, **{**values, **rest})
        await self.scene.store.append([event])
        await self.look()

    async def wait(self, until):
        """Let time pass, with a look every minute, or in a long time every ten."""
        end = self.at + until
        while self.at < end:
            self.at += MINUTE if until < 2 * HOUR else 10 * MINUTE
            await self.look()

    async def look(self):
        """Have the dispatcher see to what is new or due; with `arrives` it is sent, too."""
        await self.dispatcher.catch_up()
        if not self.arrives:
            return
        store = self.scene.store
        for each in await store.deliveries(status=DeliveryStatus.WAITING, limit=1000):
            await store.settle(replace(each, status=DeliveryStatus.DONE))

    async def silence(self, minutes=60, **matcher):
        """Somebody mutes something, from now on."""
        await self.scene.store.add_silence(
            Silence(
                id="s1",
                matcher=Matcher(**matcher),
                starts_at=self.at,
                ends_at=self.at + minutes * MINUTE,
                author="ann",
                created_at=self.at,
            )
        )

    async def all(self, receiver="ops"):
        """Every delivery as (incident, body's first word, status, reason or occasion)."""
        events = {e.seq: e for e in await self.scene.store.read_events(limit=1000)}
        found = await self.scene.store.deliveries(receiver=receiver, limit=1000)
        return [
            (
                events[each.seq].incident.id,
                events[each.seq].update.body.partition(" ")[0],
                each.status.value,
                each.reason or each.occasion.value,
            )
            for each in sorted(found, key=lambda each: (each.seq, each.created_at))
        ]

    async def told(self, receiver="ops"):
        """What was sent or is on its way, as (incident, what, occasion)."""
        return [
            (incident, what)
            for incident, what, status, _ in await self.all(receiver)
            if status in {"waiting", "done"}
        ]


@pytest.fixture(params=["memory", "sqlite"])
async def tale(request, tmp_path):
    """A tale over each store."""
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/bellbuoy.db"
    async with open_store(url) as store:
        yield Tale(store)


ALL = Route(name="all", to=("ops",))
HOLD = Route(name="hold", to=("ops",), hold=120)
QUIET = Route(name="quiet", to=("ops",), quiet=NIGHT)


async def test_s8_a_flap_inside_the_hold_is_dropped_with_its_resolve(tale):
    """Both stay in the log and among the deliveries, with the reason."""
    await tale.start(HOLD)
    await tale.tell("opened")
    await tale.wait(MINUTE)
    await tale.tell("resolved")
    await tale.wait(HOUR)
    reason = "it ended while the route held it back"
    assert await tale.all() == [
        ("i1", "opened", "withheld", reason),
        ("i1", "resolved", "withheld", reason),
    ]
    assert await tale.scene.store.last_seq() == 2


async def test_s8_thirty_flaps_a_day_and_one_outage_are_one_message_with_its_end(tale):
    """The log has all 62 changes, the receiver two of them, and no end without a beginning."""
    await tale.start(Route(name="r", to=("ops",), hold=120, when=Matcher(kinds=("component",))))

    async def move(number, *, down):
        operational, outage = ComponentStatus.OPERATIONAL, ComponentStatus.MAJOR_OUTAGE
        before, after = (operational, outage) if down else (outage, operational)
        event = component_event(
            changes={"status": (before, after)}, observed_at=tale.at, id=f"e{number}"
        )
        facts = replace(event.component, status=after)
        await tale.scene.store.append([replace(event, component=facts)])
        await tale.dispatcher.catch_up()

    for pair in range(30):
        await move(2 * pair, down=True)
        await tale.wait(MINUTE)
        await move(2 * pair + 1, down=False)
        await tale.wait(20 * MINUTE)
    await move(60, down=True)
    await tale.wait(10 * MINUTE)
    await move(61, down=False)
    assert await tale.scene.store.last_seq() == 62
    waiting = await tale.scene.store.waiting("ops")
    assert [delivery.event_id for delivery, _ in waiting] == ["e60", "e61"]
    assert await tale.scene.count(DeliveryStatus.WITHHELD) == 60


async def test_what_outlives_the_hold_is_told_in_order(tale):
    """The update that came meanwhile follows the beginning."""
    await tale.start(HOLD)
    await tale.tell("opened")
    await tale.wait(MINUTE)
    await tale.tell("updated")
    assert await tale.told() == []
    await tale.wait(MINUTE)
    assert await tale.told() == [("i1", "opened"), ("i1", "updated")]
    await tale.tell("resolved")
    assert await tale.told() == [("i1", "opened"), ("i1", "updated"), ("i1", "resolved")]


async def test_a_hold_survives_a_restart(tale):
    """What is held lies in the store; its end is known although it came while we were away."""
    await tale.start(HOLD)
    await tale.tell("opened", "i1")
    await tale.tell("opened", "i2")
    ended = incident_event(
        EventKind.INCIDENT_RESOLVED, incident="i2", body="resolved", observed_at=tale.at + MINUTE
    )
    await tale.scene.store.append([ended])
    tale.at += 5 * MINUTE
    tale.begin(HOLD)
    await tale.dispatcher.catch_up()
    assert await tale.told() == [("i1", "opened")]


async def test_a_raised_impact_goes_through_hold_and_quiet_hours_with_what_was_held(tale):
    """Whoever is woken hears the whole story in order."""
    critical = Matcher(impacts=frozenset({Impact.CRITICAL}))
    await tale.start(QUIET, Route(name="page", to=("ops",), when=critical))
    await tale.tell("opened", impact=Impact.MINOR)
    await tale.tell("changed", impact=Impact.CRITICAL)
    assert await tale.told() == [("i1", "opened"), ("i1", "changed")]


async def test_quiet_hours_end_in_one_digest_of_what_is_open_and_what_came_and_went(tale):
    """Nothing is told before; then all goes together, under one id."""
    await tale.start(QUIET)
    await tale.tell("opened", "i1")
    await tale.tell("resolved", "i1")
    await tale.tell("opened", "i2")
    await tale.wait(3 * HOUR)
    assert await tale.told() == []
    await tale.wait(HOUR)
    assert await tale.told() == [("i1", "opened"), ("i1", "resolved"), ("i2", "opened")]
    waiting = [delivery for delivery, _ in await tale.scene.store.waiting("ops")]
    assert waiting == []
    (first, *_) = await tale.scene.store.deliveries(receiver="ops")
    together = await tale.scene.store.waiting("ops", digest=first.digest)
    assert first.digest
    assert len(together) == 3
    await tale.tell("resolved", "i2")
    assert (await tale.told())[-1] == ("i2", "resolved")


async def test_a_receiver_that_takes_no_digests_gets_each_event_after_quiet_hours(tale):
    """A machine wants records, not a summary."""
    tale.digesting = []
    await tale.start(QUIET)
    await tale.tell("opened", "i1")
    await tale.tell("opened", "i2")
    await tale.wait(4 * HOUR)
    assert len(await tale.scene.store.waiting("ops")) == 2


async def test_a_single_message_of_quiet_hours_is_no_digest(tale):
    """One event is told as itself."""
    await tale.start(QUIET)
    await tale.tell("opened")
    await tale.wait(4 * HOUR)
    assert len(await tale.scene.store.waiting("ops")) == 1


async def test_a_daily_digest_collects_from_hour_to_hour(tale):
    """What comes after the hour waits for the next day."""
    route = Route(name="r", to=("ops",), digest=parse_rhythm("daily 18:00", "UTC"))
    await tale.start(route)
    await tale.tell("opened", "i1")
    await tale.tell("opened", "i2")
    await tale.wait(2 * HOUR)
    assert len(await tale.told()) == 2
    await tale.tell("opened", "i3")
    await tale.wait(HOUR)
    assert len(await tale.told()) == 2
    await tale.wait(23 * HOUR)
    assert len(await tale.told()) == 3


async def test_a_reminder_comes_while_it_is_open_and_counts_from_the_last_message(tale):
    """Told again after an hour of silence, of the newest event; never after the end."""
    tale.arrives = True
    await tale.start(Route(name="r", to=("ops",), remind=3600))
    await tale.tell("opened")
    await tale.wait(30 * MINUTE)
    await tale.tell("updated")
    await tale.wait(59 * MINUTE)
    assert len(await tale.told()) == 2
    await tale.wait(2 * MINUTE)
    await tale.wait(HOUR)
    reminders = [each for each in await tale.all() if each[3] == "reminder" and each[2] == "done"]
    assert reminders == [("i1", "updated", "done", "reminder")] * 2
    await tale.tell("resolved")
    await tale.wait(5 * HOUR)
    assert [each[3] for each in await tale.all()].count("reminder") == 2


@pytest.mark.parametrize("rest", [{"quiet": NIGHT}, {"digest": parse_rhythm("daily 20:00", "UTC")}])
async def test_what_came_and_went_while_it_waited_is_not_reminded_of(tale, rest):
    """Beginning and end go out together, and after an end nothing is told again."""
    await tale.start(Route(name="r", to=("ops",), remind=600, **rest))
    await tale.tell("opened")
    await tale.wait(MINUTE)
    await tale.tell("resolved")
    await tale.wait(12 * HOUR)
    assert await tale.told() == [("i1", "opened"), ("i1", "resolved")]


async def test_reminders_go_on_after_a_silence(tale):
    """Those that fall into it are withheld; the next one after it is told."""
    tale.arrives = True
    await tale.start(Route(name="r", to=("ops",), remind=3600))
    await tale.tell("opened")
    await tale.silence(minutes=90, providers=("openai",))
    await tale.wait(4 * HOUR)
    reminders = [status for _, _, status, _ in await tale.all()][1:]
    assert reminders == ["withheld", "done", "done", "done", "held"]


async def test_each_reminder_is_a_message_with_a_key_of_its_own(tale):
    """A receiver that drops what it had must not drop a reminder."""
    tale.arrives = True
    await tale.start(Route(name="r", to=("ops",), remind=3600))
    await tale.tell("opened")
    await tale.wait(3 * HOUR)
    sent = await tale.scene.store.deliveries(status=DeliveryStatus.DONE)
    assert len(sent) == 4
    assert len({delivery.key for delivery in sent}) == 4


@pytest.mark.parametrize("renewal", [0, 240])
async def test_r3_whoever_is_away_finds_no_heap_of_reminders(tale, renewal):
    """While what began could not be told, there is nothing to be reminded of; later there is."""
    tale.renewals = {"ops": renewal}
    await tale.start(Route(name="r", to=("ops",), remind=1800))
    await tale.tell("opened")
    await tale.wait(24 * HOUR)
    assert await tale.told() == [("i1", "opened")]
    tale.arrives = True
    await tale.wait(HOUR)
    assert await tale.told() == [("i1", "opened")] * (16 if renewal else 3)


async def test_a_receiver_that_no_route_names_any_more_is_reminded_of_nothing(tale):
    """It hears of no end, and would be told for ever that it goes on."""
    tale.arrives = True
    tale.renewals = {"ops": 240}
    await tale.start(ALL)
    await tale.tell("opened")
    tale.begin(Route(name="other", to=("web",)))
    await tale.wait(HOUR)
    assert await tale.told() == [("i1", "opened")]
    assert await tale.scene.count(DeliveryStatus.HELD) == 0


async def test_a_receiver_that_must_be_renewed_is_reminded_without_a_route_that_says_so(tale):
    """Alertmanager forgets what it is not told again."""
    tale.arrives = True
    tale.renewals = {"ops": 240}
    await tale.start(ALL)
    await tale.tell("opened")
    await tale.wait(9 * MINUTE)
    assert len(await tale.told()) == 3


async def test_r6_a_renewal_goes_through_quiet_hours_and_silences(tale):
    """Without it the receiver would say that it is over, and that would be wrong green."""
    tale.arrives = True
    tale.renewals = {"ops": 240}
    early = Quiet(windows=(parse_window("16:12-20:00"),), timezone="UTC")
    await tale.start(Route(name="quiet", to=("ops",), quiet=early))
    await tale.tell("opened")
    await tale.silence(providers=("openai",))
    await tale.wait(20 * MINUTE)
    await tale.tell("updated")
    assert len(await tale.told()) == 6
    assert {what for _, what in await tale.told()} == {"opened"}


async def test_a_reminder_of_a_receiver_that_needs_no_renewal_keeps_to_quiet_hours_and_silences(
    tale,
):
    """The app names every receiver, those that are never renewed with 0."""
    tale.renewals = {"ops": 0.0}
    early = Quiet(windows=(parse_window("16:12-20:00"),), timezone="UTC")
    await tale.start(Route(name="quiet", to=("ops",), quiet=early, remind=600))
    await tale.tell("opened")
    await tale.wait(2 * HOUR)
    assert await tale.told() == [("i1", "opened")]
    await tale.silence(providers=("openai",), minutes=600)
    await tale.wait(3 * HOUR)
    assert await tale.told() == [("i1", "opened")]


async def test_planned_work_is_told_again_ahead_of_its_start(tale):
    """A day and an hour before; a start that moves takes them along, a cancellation ends them."""
    route = Route(name="r", to=("ops",), when=Matcher(kinds=("maintenance",)), ahead=(86400, 3600))
    await tale.start(route)

    async def planned(kind, start, status=IncidentStatus.SCHEDULED):
        number = await tale.scene.store.last_seq()
        event = incident_event(
            kind, update=f"u{number}", body=kind, status=status, observed_at=tale.at
        )
        facts = replace(event.incident, started_at=start)
        await tale.scene.store.append([replace(event, incident=facts)])
        await tale.dispatcher.catch_up()

    def ahead(rows):
        return [row for row in rows if row[2] == "waiting" and row[3] == "ahead"]

    await planned(EventKind.MAINTENANCE_SCHEDULED, AT + 3 * 24 * HOUR)
    await planned(EventKind.MAINTENANCE_UPDATED, AT + 2 * 24 * HOUR)
    await tale.wait(23 * HOUR)
    assert ahead(await tale.all()) == []
    await tale.wait(2 * HOUR)
    assert len(ahead(await tale.all())) == 1
    await tale.wait(22 * HOUR)
    assert len(ahead(await tale.all())) == 2
    await planned(EventKind.MAINTENANCE_STARTED, AT + 2 * 24 * HOUR, IncidentStatus.IN_PROGRESS)
    await planned(EventKind.MAINTENANCE_SCHEDULED, AT + 5 * 24 * HOUR)
    await planned(EventKind.MAINTENANCE_COMPLETED, AT + 5 * 24 * HOUR, IncidentStatus.CANCELLED)
    await tale.wait(6 * 24 * HOUR)
    assert len(ahead(await tale.all())) == 2


async def test_a_silence_counts_at_once_and_says_so_and_the_end_is_still_told(tale):
    """Added by another process between two events, it mutes the second."""
    await tale.start(ALL)
    await tale.tell("opened", "i1")
    await tale.silence(providers=("openai",))
    await tale.tell("updated", "i1")
    await tale.tell("opened", "i2")
    await tale.tell("resolved", "i1")
    await tale.tell("resolved", "i2")
    assert await tale.told() == [("i1", "opened"), ("i1", "resolved")]
    assert [(i, w, r) for i, w, s, r in await tale.all() if s == "withheld"] == [
        ("i1", "updated", "silenced"),
        ("i2", "opened", "silenced"),
        ("i2", "resolved", "the end of what this receiver was never told of"),
    ]


async def test_a_silence_that_begins_during_a_hold_mutes_what_is_held(tale):
    """Judged again when its time has come."""
    await tale.start(HOLD)
    await tale.tell("opened")
    await tale.silence(providers=("openai",))
    await tale.wait(5 * MINUTE)
    assert await tale.all() == [("i1", "opened", "withheld", "silenced")]
    await tale.tell("resolved")
    assert await tale.told() == []


async def test_c6_a_reopening_is_told_to_whoever_heard_of_the_end(tale):
    """In the same lane, in order."""
    await tale.start(ALL)
    for step in ("opened", "resolved", "reopened", "resolved"):
        await tale.tell(step)
    assert [what for _, what in await tale.told()] == ["opened", "resolved", "reopened", "resolved"]


async def test_below_the_bar_is_written_down_once_for_each_receiver(tale):
    """`explain` reads it; a kind that a route never tells is not written down."""
    bar = Route(name="bar", to=("ops", "web"), when=Matcher(impacts=frozenset({Impact.CRITICAL})))
    await tale.start(bar, Route(name="other", to=("ops",), when=Matcher(kinds=("page",))))
    await tale.tell("opened", impact=Impact.MINOR)
    row = ("i1", "opened", "withheld", "an impact that was not asked for")
    assert await tale.all("ops") == [row]
    assert await tale.all("web") == [row]


async def test_whoever_was_told_is_told_of_the_end_after_the_retention(tale):
    """An incident of half a year: its first events are gone, its end is told."""
    await tale.start(ALL)
    await tale.tell("opened")
    (opened,) = await tale.scene.store.deliveries()
    await tale.scene.store.settle(replace(opened, status=DeliveryStatus.DONE))
    await hold_open(tale.scene.store, "i1")
    tale.at += timedelta(days=200)
    assert await tale.scene.store.prune(tale.at - timedelta(days=90)) == 1
    assert await tale.scene.store.deliveries() == ()
    await tale.tell("resolved")
    assert await tale.told() == [("i1", "resolved")]


async def test_c8_a_new_receiver_hears_of_all_that_is_open_in_one_digest(tale):
    """One message lists it; each of them is told of its end afterwards."""
    tale.receivers = ["ops"]
    await tale.start(ALL)
    for name in ("i1", "i2"):
        await tale.tell("opened", name)
    await hold_open(tale.scene.store, "i1", "i2")
    tale.receivers, tale.digesting = ["ops", "web"], ["web"]
    tale.begin(ALL, Route(name="new", to=("web",)))
    await tale.dispatcher.begin()
    welcome = await tale.scene.store.deliveries(receiver="web")
    assert {each.occasion for each in welcome} == {Occasion.OPEN}
    assert len({each.digest for each in welcome} - {""}) == 1
    await tale.tell("resolved", "i1")
    assert (await tale.told("web"))[-1] == ("i1", "resolved")
