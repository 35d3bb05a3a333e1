"""Who hears of an event, and why not."""

from datetime import timedelta

from bellbuoy.events import NO_LONGER_WATCHED, EventKind
from bellbuoy.model.delivery import DeliveryStatus, Matcher, Standing
from bellbuoy.model.facts import Impact, Provider
from bellbuoy.routing.matchers import NOWHERE, Landscape, Reason
from bellbuoy.routing.routes import Decision, Route, announces, decide, nearest
from bellbuoy.routing.schedules import Quiet, parse_window
from tests.event_samples import (
    AT,
    component_event,
    incident_event,
    message,
    monitor_event,
    page_event,
)

OPS = Route(name="routes.0", to=("ops",))


def reason(event, route=OPS, interests=None):
    """Whether one route tells its one receiver, and why."""
    (decision,) = decide(event, [route], Landscape(interests=interests or {}))
    return decision.told, decision.reason


def test_all_routes_that_match_run():
    """Two routes tell their own receivers; the one that does not match says why."""
    routes = [
        OPS,
        Route(name="web", to=("web",), when=Matcher(providers=("github",))),
        Route(name="pager", to=("pager",), when=Matcher(impacts=frozenset({Impact.MAJOR}))),
    ]
    assert decide(incident_event(), routes) == (
        Decision(receiver="ops", route="routes.0", told=True, reason=Reason.MATCHED),
        Decision(receiver="web", route="web", told=False, reason=Reason.PROVIDER),
        Decision(receiver="pager", route="pager", told=True, reason=Reason.MATCHED),
    )


def test_a_receiver_of_two_routes_hears_once():
    """The first route that matches tells; the second says that it was told already."""
    routes = [
        Route(name="first", to=("ops", "ops"), when=Matcher(providers=("github",))),
        Route(name="second", to=("ops",)),
        Route(name="third", to=("ops",)),
    ]
    decisions = decide(incident_event(), routes)
    assert [(d.route, d.told, d.reason) for d in decisions] == [
        ("first", False, Reason.PROVIDER),
        ("second", True, Reason.MATCHED),
        ("third", False, Reason.ALREADY_TOLD),
    ]


def test_c7_late_lives_only_where_the_route_asks_for_them():
    """A life that was over before it was seen pages nobody, but a console shows it."""
    event = incident_event(EventKind.INCIDENT_RESOLVED, late=True)
    assert reason(event) == (False, Reason.LATE)
    assert reason(event, Route(name="r", to=("ops",), late=True)) == (True, Reason.MATCHED)
    assert announces(event, (), NOWHERE).told


def test_an_edit_is_for_the_log_unless_it_edits_the_end():
    """The root cause is written into the closing update: who hears of the end hears of that."""
    edited = incident_event(EventKind.INCIDENT_EDITED)
    closing = incident_event(EventKind.INCIDENT_EDITED, closing=True)
    assert reason(edited) == (False, Reason.LOG_ONLY)
    assert reason(closing) == (True, Reason.MATCHED)
    assert not announces(edited, ("incident",), NOWHERE).told
    assert announces(closing, (), NOWHERE).told


def test_a_page_taken_out_of_the_config_rings_nowhere():
    """What is "no longer watched" is our own doing: it stays in the log."""
    event = incident_event(EventKind.INCIDENT_WITHDRAWN, reason=NO_LONGER_WATCHED)
    assert reason(event, Route(name="r", to=("ops",), late=True)) == (False, Reason.LOG_ONLY)


def test_components_that_matter_narrow_incidents_of_that_provider_only():
    """With `components: [API]` at OpenAI, its other incidents are quiet; GitHub's are not."""
    interests = {"openai": ("API",)}
    assert reason(incident_event(components=("API",)), interests=interests)[0]
    assert reason(incident_event(components=("Sora",)), interests=interests) == (
        False,
        Reason.INTEREST,
    )
    assert reason(incident_event(components=()), interests=interests) == (True, Reason.NOT_STATED)
    github = incident_event(components=("Sora",), provider=Provider(slug="github", name="GitHub"))
    assert reason(github, interests=interests)[0]
    assert reason(page_event(), interests=interests)[0]
    assert reason(monitor_event(), interests=interests)[0]


def test_components_that_matter_are_announced_with_their_changes_and_planned_work():
    """Naming a component asks for everything that happens to it."""
    interests = {"openai": ("API",)}
    planned = EventKind.MAINTENANCE_SCHEDULED
    assert reason(component_event("API"), interests=interests)[0]
    assert reason(component_event("Sora"), interests=interests) == (False, Reason.INTEREST)
    assert reason(component_event("API")) == (False, Reason.KIND)
    assert reason(incident_event(planned, components=("API",)), interests=interests)[0]
    assert not reason(incident_event(planned, components=("Sora",)), interests=interests)[0]
    assert announces(component_event("API"), (), Landscape(interests=interests)).told


def test_a_page_with_interests_of_its_own_does_not_go_by_its_provider():
    """A probe is told of beside a status page of which only some components, or none, matter."""
    event = component_event("Acme API")
    own = {event.page.key: ("*",)}
    assert reason(event, interests=own)[0]
    assert reason(event, interests={**own, "openai": ("Sora",)})[0]
    assert not reason(event, interests={"openai": ("Sora",)})[0]


def test_a_route_that_says_its_kinds_gets_those_alone():
    """`kinds: [incident]` keeps component changes away even where the component matters."""
    route = Route(name="r", to=("ops",), when=Matcher(kinds=("incident",)))
    interests = {"openai": ("API",)}
    assert reason(component_event("API"), route, interests) == (False, Reason.KIND)
    asked = Route(name="r", to=("ops",), when=Matcher(kinds=("component",)))
    assert reason(component_event("Sora"), asked) == (True, Reason.MATCHED)


def test_a_console_shows_the_usual_kinds_or_those_it_asked_for():
    """`watch --kinds maintenance` shows planned work and nothing else."""
    planned = incident_event(EventKind.MAINTENANCE_STARTED)
    assert not announces(planned, (), NOWHERE).told
    assert announces(planned, ("maintenance",), NOWHERE).told
    assert announces(incident_event(), ("maintenance",), NOWHERE).reason is Reason.KIND


QUIET = Route(
    name="quiet", to=("ops",), quiet=Quiet(windows=(parse_window("mon-sun"),), timezone="UTC")
)
HOLD = Route(name="hold", to=("ops",), hold=120)


NEVER_TOLD = Standing()


def one(event, *routes, standing=NEVER_TOLD):
    """The decision that counts, for a receiver that stands like this."""
    return nearest(decide(event, routes, standings={"ops": standing}))["ops"]


def held(reason, minutes=2):
    """A standing with the opening held back."""
    opened = message(
        incident_event(),
        status=DeliveryStatus.HELD,
        reason=reason,
        due_at=AT + timedelta(minutes=minutes),
    )
    return Standing(held=(opened.delivery,))


def test_the_end_of_what_a_receiver_was_never_told_of_is_not_told():
    """No orphan resolve: an end without a beginning only puzzles."""
    resolved = incident_event(EventKind.INCIDENT_RESOLVED)
    assert one(resolved, OPS).reason is Reason.NEVER_TOLD
    assert one(page_event(EventKind.PAGE_READABLE), OPS).reason is Reason.NEVER_TOLD
    assert one(resolved, OPS, standing=Standing(told=True)).told


def test_whoever_was_told_that_it_began_is_told_how_it_goes_on_whatever_the_filters_say():
    """An incident that falls below the bar, or loses the component, still ends for them."""
    route = Route(name="major", to=("ops",), when=Matcher(impacts=frozenset({Impact.MAJOR})))
    told = Standing(told=True, rule="major")
    for kind in (EventKind.INCIDENT_UPDATED, EventKind.INCIDENT_RESOLVED):
        decision = one(incident_event(kind, impact=Impact.MINOR), route, standing=told)
        assert (decision.told, decision.reason) == (True, Reason.FOLLOWS)
    edited = incident_event(EventKind.INCIDENT_EDITED, impact=Impact.MINOR)
    assert not one(edited, route, standing=told).told


def test_a_raised_impact_a_component_that_joins_and_a_reopening_are_told_to_whoever_waits_for_it():
    """The first event that passes is the first message."""
    major = Route(name="major", to=("ops",), when=Matcher(impacts=frozenset({Impact.MAJOR})))
    api = Route(name="api", to=("ops",), when=Matcher(components=("API",)))
    changed = EventKind.INCIDENT_CHANGED
    assert not one(incident_event(impact=Impact.MINOR), major).told
    assert one(incident_event(changed, impact=Impact.MAJOR), major).told
    assert not one(incident_event(components=("Web",)), api).told
    assert one(incident_event(changed, components=("Web", "API")), api).told
    assert one(incident_event(EventKind.INCIDENT_REOPENED), OPS).told


def test_unless_takes_away_what_it_surely_matches():
    """A route for everything but one component still tells of what names none."""
    route = Route(name="r", to=("ops",), unless=Matcher(components=("Sora",)))
    assert one(incident_event(components=("Sora",)), route).reason is Reason.UNLESS
    assert one(incident_event(components=("API",)), route).told
    assert one(incident_event(components=()), route).told


def test_a_hold_waits_with_the_beginning_and_what_follows_waits_no_longer():
    """Two minutes from the first sight; an update a minute later is due at the same time."""
    opened = one(incident_event(), HOLD)
    assert (opened.told, opened.reason) == (True, Reason.HOLD)
    assert opened.due_at == AT + timedelta(minutes=2)
    later = incident_event(EventKind.INCIDENT_UPDATED, observed_at=AT + timedelta(minutes=1))
    assert one(later, HOLD, standing=held(Reason.HOLD)).due_at == AT + timedelta(minutes=2)
    assert one(later, HOLD, standing=Standing(told=True)).due_at is None


def test_s8_what_ends_while_it_is_held_back_is_a_flap_and_its_end_is_not_told():
    """Both stay in the log with the reason; after the hold the end is told."""
    for minutes, flap in ((1, True), (3, False)):
        at = AT + timedelta(minutes=minutes)
        resolved = incident_event(EventKind.INCIDENT_RESOLVED, observed_at=at)
        decision = one(resolved, HOLD, standing=held(Reason.HOLD))
        assert (decision.reason is Reason.FLAP) is flap
        assert decision.told is not flap


def test_what_ends_in_quiet_hours_came_and_went():
    """It waits with its beginning for the digest."""
    resolved = incident_event(EventKind.INCIDENT_RESOLVED)
    decision = one(resolved, QUIET, standing=held(Reason.QUIET, minutes=600))
    assert (decision.told, decision.reason) == (True, Reason.QUIET)


def test_of_several_routes_to_one_receiver_the_promptest_tells():
    """At night only critical: the route without quiet hours wins where it matches."""
    critical = Route(name="c", to=("ops",), when=Matcher(impacts=frozenset({Impact.CRITICAL})))
    decision = one(incident_event(impact=Impact.CRITICAL), QUIET, HOLD, critical)
    assert (decision.route, decision.due_at) == ("c", None)
    assert one(incident_event(), QUIET, HOLD, critical).route == "hold"
    assert one(incident_event(), QUIET, critical).reason is Reason.QUIET


def test_a_late_life_is_told_whole_and_at_once_where_the_route_asks_for_it():
    """It is over, so neither a hold nor a missing beginning means anything."""
    route = Route(name="r", to=("ops",), late=True, hold=60)
    decision = one(incident_event(EventKind.INCIDENT_RESOLVED, late=True), route)
    assert (decision.told, decision.due_at) == (True, None)


def test_a_notice_without_a_life_is_judged_by_itself():
    """A page that moved neither waits for a hold nor needs a beginning."""
    moved = page_event(EventKind.PAGE_MOVED)
    assert one(moved, HOLD).due_at is None
    never = Route(name="r", to=("ops",), when=Matcher(kinds=("incident",)))
    assert not one(moved, never, standing=Standing(told=True)).told
