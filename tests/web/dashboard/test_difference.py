"""Edits, word by word."""

from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.web.dashboard.difference import MOST_WORDS, Piece, difference

TEXTS = st.lists(st.sampled_from(["a", "b", "c", " ", "\n", "é"]), max_size=30).map("".join)


def test_a_word_that_became_another_is_told_with_what_stayed():
    """The words around it stay unmarked."""
    assert difference("About 2 % fail.", "About 4 % fail.") == (
        Piece("same", "About "),
        Piece("gone", "2"),
        Piece("new", "4"),
        Piece("same", " "),
        Piece("same", "% fail."),
    )


@given(TEXTS, TEXTS)
def test_what_stayed_and_came_is_the_text_after_the_edit(before, after):
    """Nothing of it is lost, whatever the edit was."""
    pieces = difference(before, after)
    assert "".join(piece.text for piece in pieces if piece.how != "gone") == after


@given(TEXTS)
def test_the_same_text_has_no_marks(text):
    """There was no edit."""
    assert all(piece.how == "same" for piece in difference(text, text))


def test_a_very_long_text_is_told_whole_before_and_after():
    """Comparing would take longer than anybody waits."""
    long = "word " * (MOST_WORDS + 1)
    assert [piece.how for piece in difference(long, f"{long} end")] == ["gone", "new"]
