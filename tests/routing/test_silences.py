"""What a silence mutes, and what it never does."""

from datetime import timedelta

from bellbuoy.events import EventKind
from bellbuoy.model.delivery import Matcher, Silence, Standing
from bellbuoy.routing.matchers import NOWHERE, Reason
from bellbuoy.routing.routes import Route, decide
from bellbuoy.routing.silences import silenced_by
from tests.event_samples import AT, component_event, incident_event, monitor_event, page_event

HOUR = timedelta(hours=1)
OPS = (Route(name="all", to=("ops",)),)


OF_OPENAI = Matcher(providers=("openai",))


def mute(matcher: Matcher = OF_OPENAI) -> Silence:
    """A silence from an hour ago for two hours."""
    return Silence(
        id="s1",
        matcher=matcher,
        starts_at=AT - HOUR,
        ends_at=AT + HOUR,
        author="ann",
        created_at=AT - HOUR,
    )


def is_muted(event, matcher) -> bool:
    """Whether a silence like this mutes an event now."""
    return silenced_by(event, [mute(matcher)], AT, NOWHERE) is not None


def test_a_silence_holds_from_its_start_until_before_its_end():
    """The end itself is told again."""
    event = incident_event()
    for at, muted in ((-HOUR, True), (HOUR - timedelta(seconds=1), True), (HOUR, False)):
        assert (silenced_by(event, [mute()], AT + at, NOWHERE) is not None) is muted
    assert silenced_by(event, [mute()], AT - 2 * HOUR, NOWHERE) is None


def test_a_silence_mutes_only_what_it_surely_matches():
    """An incident that names no component may be the other one's; so may being offline."""
    api = Matcher(providers=("openai",), components=("API",))
    assert is_muted(incident_event(components=("API",)), api)
    assert is_muted(component_event("API"), api)
    assert not is_muted(incident_event(components=()), api)
    assert not is_muted(incident_event(components=("Sora",)), api)
    assert not is_muted(page_event(), api)
    assert not is_muted(monitor_event(), api)
    assert not is_muted(monitor_event(), Matcher(providers=("*",)))
    assert is_muted(page_event(), Matcher(providers=("openai",)))


def test_whoever_was_told_of_the_beginning_is_told_of_the_end_all_the_same():
    """What goes on is muted; a page that never ends would be worse than one more message."""
    told = {"ops": Standing(told=True, rule="all")}
    updated, resolved = (
        decide(incident_event(kind), OPS, standings=told, silences=[mute()])[0]
        for kind in (EventKind.INCIDENT_UPDATED, EventKind.INCIDENT_RESOLVED)
    )
    assert (updated.told, updated.reason, updated.by) == (False, Reason.SILENCED, "s1")
    assert resolved.told


def test_what_was_silenced_is_told_from_its_next_event_after_the_silence():
    """The incident goes on, so it is news; if it ends first, there is none."""
    never = {"ops": Standing()}
    later = incident_event(EventKind.INCIDENT_UPDATED, observed_at=AT + 2 * HOUR)
    ended = incident_event(EventKind.INCIDENT_RESOLVED, observed_at=AT + 2 * HOUR)
    (updated,) = decide(later, OPS, standings=never, silences=[mute()])
    (resolved,) = decide(ended, OPS, standings=never, silences=[mute()])
    assert updated.told
    assert resolved.reason is Reason.NEVER_TOLD
