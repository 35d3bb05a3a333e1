"""What a config asks for, in words."""

from datetime import time

import pytest

from bellbuoy.config.spoken import (
    plain_matcher,
    spoken_expectation,
    spoken_matcher,
    spoken_quiet,
    spoken_rhythm,
    spoken_route,
)
from bellbuoy.model.delivery import Matcher
from bellbuoy.model.facts import Expectation, ExpectedValue, Impact
from bellbuoy.routing.routes import Route
from bellbuoy.routing.schedules import Quiet, parse_rhythm, parse_window


def test_a_matcher_is_told_in_the_words_of_the_config():
    """In one order, whatever the order of a set is today."""
    asked = Matcher(
        providers=("github",), components=("API", "Git*"), impacts=frozenset(Impact), text=("db",)
    )
    assert spoken_matcher(asked) == (
        "providers: github; components: API, Git*; "
        "impacts: none, minor, major, critical, unknown; text: db"
    )
    assert spoken_matcher(Matcher()) == "everything"
    assert plain_matcher(asked)["impacts"] == [impact.value for impact in Impact]


def test_what_somebody_wrote_cannot_steer_a_terminal():
    """A silence may have been added by another person, with anything in it."""
    assert spoken_matcher(Matcher(text=("a\x1b[31m\nb",))) == "text: a [31m b"


@pytest.mark.parametrize(
    "written", ["22:00-07:00", "mon-fri 22:00-07:00", "sat,sun", "mon,wed 10:00-24:00"]
)
def test_quiet_hours_are_told_as_they_are_written(written):
    """With the zone that they are meant in."""
    quiet = Quiet(windows=(parse_window(written),), timezone="Europe/Berlin")
    assert spoken_quiet(quiet) == f"quiet {written} (Europe/Berlin)"


def test_quiet_around_some_hours_says_so():
    """Outside of is not during."""
    quiet = Quiet(windows=(parse_window("mon-fri 09:00-17:00"),), timezone="UTC", outside=True)
    assert spoken_quiet(quiet) == "quiet outside of mon-fri 09:00-17:00 (UTC)"
    assert parse_window("mon-fri 09:00-17:00").begin == time(9)


@pytest.mark.parametrize(
    ("written", "said"),
    [("daily 09:00", "daily at 09:00"), ("tue-thu 18:30", "tue-thu at 18:30")],
)
def test_a_digest_says_when_it_goes_out(written, said):
    """Its days and its hour."""
    assert spoken_rhythm(parse_rhythm(written, "UTC")) == f"one digest {said} (UTC)"


def test_a_route_says_all_of_its_conditions():
    """Nothing that holds a message back is left unsaid."""
    route = Route(
        name="nights",
        to=("ops",),
        when=Matcher(kinds=("incident",)),
        unless=Matcher(text=("test",)),
        late=True,
        hold=300.0,
        remind=7200.0,
        ahead=(86400.0, 3600.0),
        quiet=Quiet(windows=(parse_window("sat,sun"),), timezone="UTC"),
        digest=parse_rhythm("daily 09:00", "UTC"),
    )
    assert spoken_route(route) == (
        "when kinds: incident",
        "unless text: test",
        "also what was over before it was seen",
        "held back for 5 m; what ends meanwhile is never told",
        "told again every 2 h while it is open",
        "planned work is told again 1 d and 1 h ahead",
        "quiet sat,sun (UTC)",
        "one digest daily at 09:00 (UTC)",
    )
    assert spoken_route(Route(name="all", to=("ops",))) == ("everything that is announced",)


def test_what_a_probe_expects_is_told_with_every_condition():
    """Statuses as classes where they are whole."""
    expect = Expectation(text="ok", values=(ExpectedValue(path="$.a", steps=("a",), value=True),))
    assert spoken_expectation(expect) == 'HTTP 2xx with the text "ok" and $.a true'
    assert spoken_expectation(Expectation(statuses=frozenset({204, 404}))) == "HTTP 204 or 404"
