"""Is it them or us: who answers while one page does not."""

from bellbuoy.polling.witnesses import Witnesses

MINE = "https://api.acme.example/health"
OTHER = "https://status.other.example"
THIRD = "https://status.third.example"


def test_it_is_them_once_another_host_answered_between_two_looks():
    """Not at the first look, and not for an answer that came before it."""
    who = Witnesses()
    who.answered(OTHER, OTHER)
    assert not who.is_them(MINE, MINE)
    assert not who.is_them(MINE, MINE)
    who.answered(OTHER, OTHER)
    assert who.is_them(MINE, MINE)
    assert who.is_them(MINE, MINE), "and it stays so"


def test_another_page_of_the_same_host_is_no_witness():
    """Its own server would be heard where another cannot be."""
    who = Witnesses()
    who.answered(OTHER, OTHER)
    assert not who.is_them(MINE, MINE)
    who.answered("https://api.acme.example/v2", "https://api.acme.example/v2")
    assert not who.is_them(MINE, MINE)


def test_where_nobody_else_is_watched_the_second_look_decides():
    """Nobody could be a witness."""
    who = Witnesses()
    assert [who.is_them(MINE, MINE) for _ in range(3)] == [False, True, True]


def test_an_answer_ends_the_doubt():
    """The next silence is a first one again."""
    who = Witnesses()
    assert [who.is_them(MINE, MINE) for _ in range(2)] == [False, True]
    who.answered(MINE, MINE)
    assert not who.is_them(MINE, MINE)


def test_a_silence_while_everybody_was_silent_does_not_count():
    """After our own outage the last to come back is not taken for down."""
    who = Witnesses()
    for url in (OTHER, THIRD):
        who.answered(url, url)
    assert not who.is_them(MINE, MINE)
    who.silent(OTHER)
    who.silent(THIRD)
    assert not who.is_them(MINE, MINE)
    who.answered(OTHER, OTHER)
    assert not who.is_them(MINE, MINE), "the first silence with a witness"
    who.answered(OTHER, OTHER)
    assert who.is_them(MINE, MINE)
