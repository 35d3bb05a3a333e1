"""Instants, counts and matchers as a person reads them."""

from datetime import UTC, datetime

import pytest

from bellbuoy.cli.wording import counted, local, plain_matcher, spoken_matcher
from bellbuoy.model.delivery import Matcher
from bellbuoy.model.facts import Impact

AT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "2026-07-01 22:30:00 UTC"),
        ("Europe/Berlin", "2026-07-02 00:30:00 CEST"),
        ("Asia/Kolkata", "2026-07-02 04:00:00 IST"),
    ],
)
def test_an_instant_is_told_in_the_zone_with_its_name(zone, said):
    """Nobody has to guess whose clock it is."""
    assert local(AT, zone) == said


def test_one_is_not_several():
    """A count reads as a person would write it."""
    assert [counted(n, "event") for n in (0, 1, 2)] == ["0 events", "1 event", "2 events"]
    assert counted(2, "delivery", "deliveries") == "2 deliveries"


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
