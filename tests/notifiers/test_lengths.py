"""Texts are made to fit without breaking an escape, and without losing a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.notifiers import _discord_embeds, _slack_blocks
from bellbuoy.notifiers._lengths import CUT, cut, listed, spread, units
from tests.notifiers.fakes import discord, slack

WORDS = st.text("ab &<>*_~`|[]@#:/-+\\\n😀€", max_size=80)
MEDIA = {
    "slack": (_slack_blocks.escaped, slack.plain),
    "discord": (_discord_embeds.escaped, discord.plain),
}


def test_a_character_beyond_the_basic_plane_is_two_units():
    """As services written in JavaScript or Java count."""
    assert units("a€😀") == 4


@pytest.mark.parametrize("medium", MEDIA)
@given(text=WORDS, limit=st.integers(2, 60))
def test_j1_a_text_that_is_cut_reads_as_its_own_beginning(medium, text, limit):
    """It fits, ends with the sign of a cut, and no escape in it is broken."""
    escape, plain = MEDIA[medium]
    shown = cut(text, limit, escape)
    assert units(shown) <= limit
    if plain(shown) != text:
        assert shown.endswith(CUT)
        assert text.startswith(plain(shown.removesuffix(CUT)))


@given(text=WORDS, limit=st.integers(2, 60))
def test_a_text_is_not_cut_more_than_it_must(text, limit):
    """One character more would not fit, apart from the blanks at its end."""
    shown = cut(text, limit)
    if shown.endswith(CUT) and not text.endswith(CUT):
        kept = len(shown) - 1
        rest = text[kept:]
        longer = text[: kept + len(rest) - len(rest.lstrip()) + 1]
        assert units(longer + CUT) > limit or longer == text


@given(st.lists(st.text("ab😀", max_size=9)))
def test_n2_no_line_is_lost_when_lines_are_spread(lines):
    """They keep their order, and every text fits."""
    texts = spread(lines, 20)
    assert "\n".join(texts).split("\n") == (lines or [""])
    assert all(units(text) <= 20 for text in texts)


def test_of_many_texts_the_first_are_listed_and_the_others_counted():
    """The reader knows that there are more."""
    assert listed(["one", "two"], 20) == "one, two"
    assert listed(["one", "two", "three", "four"], 20) == "one, two, and 2 more"
