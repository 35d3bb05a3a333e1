"""A made-up life through the real dispatcher and real couriers."""

from datetime import UTC, datetime, timedelta

from bellbuoy.delivery.drill import drill, life
from bellbuoy.model.delivery import Matcher
from bellbuoy.model.facts import Impact, IncidentStatus
from bellbuoy.routing.matchers import NOWHERE
from bellbuoy.routing.routes import Route
from bellbuoy.routing.schedules import Quiet, parse_rhythm, parse_window
from tests.delivery.ears import Ears, listener
from tests.event_samples import OPENAI
from tests.event_schema import valid

PAGE = "https://status.openai.com"
STEPS = ["incident.opened", "incident.updated", "incident.resolved"]
ALWAYS = Quiet(windows=(parse_window("00:00-24:00"),), timezone="UTC")


async def play(*receivers, routes, impact=Impact.MAJOR):
    """The lines of a drill, and what its receivers heard."""
    ears = Ears(lambda: datetime.now(UTC))
    events = life("DRILL", OPENAI, PAGE, impact=impact)
    lines = await drill(events, routes, NOWHERE, receivers, {"ears": ears}, None)
    return lines, ears.heard


def told(lines):
    """The lines as (receiver, event, outcome, detail)."""
    return [(line.receiver, line.kind.value, line.outcome, line.detail) for line in lines]


def test_a_made_up_life_is_marked_in_every_text_and_keeps_the_schema():
    """Nobody can take it for real, also where only a title is shown."""
    events = life("DRILL", OPENAI, PAGE, impact=Impact.CRITICAL, components=("API",))
    valid(events)
    assert [event.kind.value for event in events] == STEPS
    assert events[-1].incident.status is IncidentStatus.RESOLVED
    assert len({event.lane for event in events}) == 1
    assert events[0].lane != life("DRILL", OPENAI, PAGE)[0].lane
    for event in events:
        assert event.incident.title.startswith("DRILL: ")
        assert event.update.body.startswith("DRILL: ")
        assert event.update.body.endswith("Nothing is wrong.")
        assert [each.name for each in event.incident.components] == ["API"]


async def test_each_step_is_taken_and_the_report_says_by_which_route():
    """In the order of the receivers, with what they answered."""
    everything = Route(name="all", to=("b", "a"))
    lines, heard = await play(listener("a"), listener("b"), routes=[everything])
    assert told(lines) == [(to, step, "taken", "heard") for step in STEPS for to in "ab"]
    assert {(line.route, line.reference) for line in lines} == {("all", "m1")}
    assert len(heard) == 6


async def test_waiting_is_skipped_and_told():
    """A hold, quiet hours that may be now, and a digest; reminders do not come."""
    rhythm = parse_rhythm("daily 09:00", "UTC")
    routes = [
        Route(name="hold", to=("held",), hold=600, remind=60),
        Route(name="digest", to=("digest",), digest=rhythm),
    ]
    lines, heard = await play(listener("held"), listener("digest"), routes=routes)
    assert [line.outcome for line in lines] == ["taken"] * 6
    assert 599 < lines[0].waited < 610
    assert lines[2].waited < 1
    assert all(0 < line.waited < timedelta(days=1, minutes=1).total_seconds() for line in lines)
    assert len(heard) == 6


async def test_quiet_hours_that_never_end_are_told_and_end_the_drill():
    """It does not wait for ever."""
    lines, heard = await play(listener("a"), routes=[Route(name="r", to=("a",), quiet=ALWAYS)])
    assert heard == []
    assert told(lines)[0] == ("a", "incident.opened", "not told", "quiet hours")
    assert {line.outcome for line in lines} == {"not told"}


async def test_whoever_is_not_asked_for_is_told_with_the_reason():
    """As `explain` would say it."""
    bar = Route(name="bar", to=("a",), when=Matcher(impacts=frozenset({Impact.CRITICAL})))
    lines, heard = await play(listener("a"), routes=[bar])
    assert heard == []
    assert told(lines) == [
        ("a", step, "not told", "an impact that was not asked for") for step in STEPS
    ]


async def test_a_receiver_that_does_not_take_it_is_tried_once_for_each_step():
    """Also where the clock jumps for another one, and where it has no door at all."""
    receivers = [listener(name, name) for name in ("refused", "gone", "no door", "taken")]
    names = tuple(each.name for each in receivers)
    routes = [Route(name="all", to=names[:3]), Route(name="hold", to=("taken",), hold=600)]
    lines, heard = await play(*receivers, routes=routes)
    by_receiver = {
        name: [(line.outcome, line.detail) for line in lines if line.receiver == name]
        for name in names
    }
    assert by_receiver == {
        "refused": [("not taken", "no such channel")] * 3,
        "gone": [
            ("not taken", "gone for good"),
            ("not told", "the receiver wants no more events"),
            ("not told", "the receiver wants no more events"),
        ],
        "no door": [("not taken", "cannot be opened: the key is wrong")] * 3,
        "taken": [("taken", "heard")] * 3,
    }
    assert max(line.waited for line in lines if line.receiver != "taken") < 5
    assert {name for name, _, _ in heard} == {"taken"}


async def test_a_receiver_without_a_route_has_no_line():
    """Its name in the config is not enough."""
    lines, _ = await play(listener("a"), listener("b"), routes=[Route(name="r", to=("a",))])
    assert {line.receiver for line in lines} == {"a"}
