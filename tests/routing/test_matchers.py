"""What an event must be like to be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.events import EventKind, IncidentComponent
from bellbuoy.model.delivery import Matcher, Service
from bellbuoy.model.facts import Impact, Provider
from bellbuoy.routing.matchers import (
    Landscape,
    Need,
    Reason,
    Verdict,
    is_like,
    matches,
    services,
)
from tests.event_samples import component_event, incident_event, monitor_event, page_event
from tests.moments import least_cpu

YES = Verdict(told=True, reason=Reason.MATCHED)


def no(reason: Reason) -> Verdict:
    """The answer no, for this reason."""
    return Verdict(told=False, reason=reason)


def test_an_empty_matcher_takes_the_announced_families_only():
    """Without a word, incidents, pages and the monitor are told; the rest is not."""
    for event in (incident_event(), page_event(), monitor_event()):
        assert matches(Matcher(), event) == YES
    planned = incident_event(EventKind.MAINTENANCE_SCHEDULED)
    for event in (planned, component_event()):
        assert matches(Matcher(), event) == no(Reason.KIND)


def test_kinds_are_families_or_whole_kinds():
    """`maintenance` takes every step of planned work, `incident.resolved` only the end."""
    asked = Matcher(kinds=("maintenance", "incident.resolved"))
    assert matches(asked, incident_event(EventKind.MAINTENANCE_STARTED)) == YES
    assert matches(asked, incident_event(EventKind.INCIDENT_RESOLVED)) == YES
    assert matches(asked, incident_event(EventKind.INCIDENT_UPDATED)) == no(Reason.KIND)


def test_providers_are_globs_of_slug_or_name_in_any_case():
    """`open*` and `OPENAI` find OpenAI, by its slug or by the name for people."""
    event = incident_event(provider=Provider(slug="openai", name="OpenAI (ChatGPT)"))
    for glob in ("openai", "OPEN*", "*chatgpt*", "open?i"):
        assert matches(Matcher(providers=("github", glob)), event) == YES
    assert matches(Matcher(providers=("github",)), event) == no(Reason.PROVIDER)


def test_being_offline_concerns_whoever_follows_any_provider():
    """A route for one provider hears that we cannot see it: silence is not health."""
    assert matches(Matcher(providers=("github",)), monitor_event()) == YES
    assert matches(Matcher(providers=("github",)), page_event()) == no(Reason.PROVIDER)


def test_impacts_are_a_set_and_hide_nothing_that_has_none():
    """Major is told and minor is not; an unreadable page has no impact and is told."""
    asked = Matcher(impacts=frozenset({Impact.MAJOR, Impact.CRITICAL}))
    assert matches(asked, incident_event(impact=Impact.MAJOR)) == YES
    assert matches(asked, incident_event(impact=Impact.MINOR)) == no(Reason.IMPACT)
    assert matches(asked, page_event()) == YES


def test_components_match_by_their_name_or_their_group():
    """`chat*` finds the component, `eu` everything in that group."""
    event = incident_event(components=("ChatGPT [web]",), group="EU")
    assert matches(Matcher(components=("chat*",)), event) == YES
    assert matches(Matcher(components=("eu",)), event) == YES
    assert matches(Matcher(components=("chatgpt [web]",)), event) == YES
    assert matches(Matcher(components=("API",)), event) == no(Reason.COMPONENT)


def test_an_incident_that_names_no_component_passes_every_component_matcher():
    """A filter must never hide an outage: not stated is not "not affected"."""
    event = incident_event(components=())
    verdict = matches(Matcher(components=("API",)), event)
    assert verdict == Verdict(told=True, reason=Reason.NOT_STATED)


def test_a_component_taken_off_an_incident_is_still_told_of_that():
    """Who followed the incident for the API learns that it is not about the API any more."""
    event = incident_event(
        EventKind.INCIDENT_CHANGED,
        components=("Web",),
        changes={"components": ("API, Web", "Web")},
    )
    assert matches(Matcher(components=("API",)), event) == YES


@pytest.mark.parametrize(
    ("glob", "name", "fits"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "aXbY", False),
        ("*ab", "aab", True),
        ("?", "", False),
        ("a?c", "abc", True),
        ("[a]", "a", False),
        ("STRASSE", "Straße", True),
        ("a**", "a", True),
    ],
)
def test_globs(glob, name, fits):
    """Stars and question marks are all there is, and case does not count."""
    assert is_like(glob, name) is fits


@given(parts=st.lists(st.text(alphabet="ab", max_size=4), min_size=1, max_size=5), filler=st.text())
def test_a_glob_finds_whatever_stands_where_its_stars_are(parts, filler):
    """Any text in the place of each star fits."""
    assert is_like("*".join(parts), filler.join(parts))


def test_x3_a_glob_of_many_stars_takes_no_longer():
    """The glob that makes a backtracking matcher run for ever is answered at once."""

    def act():
        assert not is_like("a*" * 100 + "b", "a" * 300)

    assert least_cpu(act, enough=0.5) < 0.5


def test_pages_categories_and_types_narrow_further():
    """A provider's other page, a category of the catalog, one step of a life."""
    event = incident_event(EventKind.INCIDENT_RESOLVED)
    landscape = Landscape(categories={"openai": "ai"})
    assert matches(Matcher(pages=("*openai.com",)), event) == YES
    assert matches(Matcher(pages=("*github*",)), event) == no(Reason.PAGE)
    assert matches(Matcher(categories=("ai",)), event, landscape) == YES
    assert matches(Matcher(categories=("cdn*",)), event, landscape) == no(Reason.CATEGORY)
    assert matches(Matcher(types=("incident.resolved",)), event) == YES
    assert matches(Matcher(types=("incident.opened",)), event) == no(Reason.KIND)


def test_words_are_looked_for_in_the_title_and_in_the_message():
    """Anywhere, in any case; with a star the whole text has to fit. What has no text passes."""
    event = incident_event(title="Elevated errors", body="Logins FAIL in Frankfurt.\nWe look.")
    for words in ("elevated", "frankfurt", "*fail*look.", "Elevated*"):
        assert matches(Matcher(text=(words,)), event) == YES
    for words in ("paris", "errors*", "fail*"):
        assert matches(Matcher(text=(words,)), event) == no(Reason.TEXT)
    assert matches(Matcher(text=("paris",)), page_event()) == YES


def test_regions_and_paths_of_components_are_found():
    """`eu-west-1`, `eu-west-1/ec2` and `ec2` find the service in its region."""
    event = incident_event(components=("ec2",), group="eu-west-1")
    for glob in ("ec2", "eu-west-1", "eu-west-1/ec2", "eu-*/*"):
        assert matches(Matcher(components=(glob,)), event) == YES
    assert matches(Matcher(components=("us-east-1/ec2",)), event) == no(Reason.COMPONENT)


def test_the_short_names_of_aws_are_found():
    """AWS names a service in full, and its short name only before the region in its id."""
    service = IncidentComponent(
        id="ec2-us-east-1", name="Amazon Elastic Compute Cloud", group="us-east-1"
    )
    event = incident_event()
    event = replace(event, incident=replace(event.incident, components=(service,)))
    for glob in ("us-east-1/ec2", "ec2", "us-east-1/amazon elastic*", "*/ec2"):
        assert matches(Matcher(components=(glob,)), event) == YES
    for glob in ("eu-west-1/ec2", "us-east-1/s3", "ec2-us-east-1"):
        assert matches(Matcher(components=(glob,)), event) == no(Reason.COMPONENT)


def test_a_service_of_ones_own_finds_what_it_needs():
    """By its name or its owner; a component that it does not need is not its trouble."""
    checkout = Service(name="checkout", owner="payments")
    needs = (Need(service=checkout, on=(Matcher(providers=("openai",), components=("API",)),)),)
    landscape = Landscape(needs=needs)
    hit, other = incident_event(components=("API",)), incident_event(components=("Sora",))
    for matcher in (Matcher(services=("check*",)), Matcher(owners=("payments",))):
        assert matches(matcher, hit, landscape) == YES
        assert matches(matcher, other, landscape) == no(Reason.SERVICE)
        assert matches(matcher, monitor_event(), landscape) == YES
    assert matches(Matcher(owners=("web",)), hit, landscape) == no(Reason.SERVICE)
    assert services(hit, landscape) == (checkout,)
    assert services(incident_event(components=()), landscape) == (checkout,)
    assert services(other, landscape) == ()
