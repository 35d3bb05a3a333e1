"""Who hears of an event, and why not."""

from bellbuoy.events import NO_LONGER_WATCHED, EventKind
from bellbuoy.model.facts import Impact, Provider
from bellbuoy.routing.matchers import Matcher, Reason
from bellbuoy.routing.routes import Decision, Route, announces, decide
from tests.event_samples import component_event, incident_event, monitor_event, page_event

OPS = Route(name="routes.0", to=("ops",))


def reason(event, route=OPS, interests=None):
    """Whether one route tells its one receiver, and why."""
    (decision,) = decide(event, [route], interests or {})
    return decision.told, decision.reason


def test_all_routes_that_match_run():
    """Two routes tell their own receivers; the one that does not match says why."""
    routes = [
        OPS,
        Route(name="web", to=("web",), when=Matcher(providers=("github",))),
        Route(name="pager", to=("pager",), when=Matcher(impacts=frozenset({Impact.MAJOR}))),
    ]
    assert decide(incident_event(), routes, {}) == (
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
    decisions = decide(incident_event(), routes, {})
    assert [(d.route, d.told, d.reason) for d in decisions] == [
        ("first", False, Reason.PROVIDER),
        ("first", False, Reason.PROVIDER),
        ("second", True, Reason.MATCHED),
        ("third", False, Reason.ALREADY_TOLD),
    ]


def test_c7_late_lives_only_where_the_route_asks_for_them():
    """A life that was over before it was seen pages nobody, but a console shows it."""
    event = incident_event(EventKind.INCIDENT_RESOLVED, late=True)
    assert reason(event) == (False, Reason.LATE)
    assert reason(event, Route(name="r", to=("ops",), late=True)) == (True, Reason.MATCHED)
    assert announces(event, (), {}).told


def test_an_edit_is_for_the_log_unless_it_edits_the_end():
    """The root cause is written into the closing update: who hears of the end hears of that."""
    edited = incident_event(EventKind.INCIDENT_EDITED)
    closing = incident_event(EventKind.INCIDENT_EDITED, closing=True)
    assert reason(edited) == (False, Reason.LOG_ONLY)
    assert reason(closing) == (True, Reason.MATCHED)
    assert not announces(edited, ("incident",), {}).told
    assert announces(closing, (), {}).told


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
    assert announces(component_event("API"), (), interests).told


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
    assert not announces(planned, (), {}).told
    assert announces(planned, ("maintenance",), {}).told
    assert announces(incident_event(), ("maintenance",), {}).reason is Reason.KIND
