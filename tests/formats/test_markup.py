"""HTML of vendors as plain text."""

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.formats import _markup
from bellbuoy.formats._markup import MAX_MARKUP, Tag, join, to_text, tokens
from bellbuoy.model.known import Seen
from tests.conftest import PROFILE
from tests.formats.recordings import FORMATS, visits
from tests.moments import least_cpu


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("one<br>two<br/>three<BR />four", "one\ntwo\nthree\nfour"),
        ("<p>one</p><p>two</p>\n\n<p>three", "one\n\ntwo\n\nthree"),
        ("<p>one\n  two\t three</p>", "one two three"),
        ("plain\n\nlines", "plain\n\nlines"),
        ("a<ul><li>b<li>c</ul>d", "a\n- b\n- c\nd"),
        ("<ol>\n <li> b </li>\n <li></li></ol>", "- b"),
        ('a <a class="x" href="https://a.example/?a=1&amp;b=2">b</a>.', "a b (https://a.example/?a=1&b=2)."),
        ("<a href='https://a.example/'>https://a.example</a>", "https://a.example"),
        ("<a href=https://a.example><img src=x></a>", "https://a.example"),
        ("<a href='javascript:alert(1)'>this</a> <a name=x>that</a>", "this that"),
        ("<a href=\"https://a.example/'>'\" title='>'>x</a>", "x (https://a.example/'>')"),
        ("<a href=https://a.example>b<a href=https://c.example>d</a>e", "b (https://a.example)d (https://c.example)e"),
        ("a &lt; b &amp;&amp; c &nbsp; &copy; &#8364; &bogus; &", "a < b && c © € &bogus; &"),
        ("3 < 5 and <3, <, < b", "3 < 5 and <3, <, < b"),
        ("<script>if (a < b) { '</p>' }</script>x<style>p {}</STYLE>y", "xy"),
        ("a<!-- <p> -->b<!doctype x>c<?php x ?>d", "abcd"),
        ("<b>bold</b><i>er</i> <unknown-tag x=1>text</unknown-tag>", "bolder text"),
        ("<h1>T</h1>text<hr>more<table><tr><td>1</td><td>2</td></tr>", "T\ntext\nmore\n\n12"),
        ("text <b", "text"),
        ("text <a href='https://never", "text"),
        ("</p></p>x", "x"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_a_person_would_read(markup, text):
    """Paragraphs, breaks, lists and links; never a tag, a script or a comment."""
    assert to_text(markup) == text


@given(st.text(alphabet="<>/!-?a b='\"&;#x\n", max_size=200))
def test_any_markup_becomes_text(markup):
    """Nothing fails, every token is a tag or a text, and no end is before its beginning."""
    for token in tokens(markup):
        assert isinstance(token, Tag | str)
    assert to_text(markup) == to_text(markup).strip()


def test_of_an_endless_text_only_the_beginning_is_read():
    """Whole feeds are shorter than what is read of one text."""
    assert len(to_text("a" * (MAX_MARKUP + 1))) == MAX_MARKUP


NESTS = {
    "links": ("<a href=https://x.example>y", "</a>"),
    "links without a text": ("<a href=https://x.example>", "</a>"),
    "links in other things": ("<div><a href=https://x.example title='>'>y<b>", "</b></a></div>"),
    "lists": ("<ul><li>y", "</li></ul>"),
    "boxes": ("<div x=1>", "</div>"),
    "scripts": ("<script>", "</script>"),
    "comments": ("<!--", "-->"),
}


@pytest.mark.parametrize("name", NESTS)
def test_x3_a_megabyte_of_things_in_one_another_takes_a_moment(name, monkeypatch):
    """Half a second of CPU at most, even if all of it were read."""
    monkeypatch.setattr(_markup, "MAX_MARKUP", 1_000_000)
    begin, end = NESTS[name]
    depth = 1_000_000 // len(begin + end)
    nested = begin * depth + end * depth
    assert least_cpu(lambda: to_text(nested), enough=0.5) < 0.5


@pytest.mark.parametrize("name", ["p", "br", "li", "strong", "a", "blockquote", "section", "x-y"])
def test_a_tag_is_the_same_however_it_is_spelled(name):
    """The usual tags are known by sight, and mean what the slower way makes of them."""
    for bare, spelled in (("<{}>", "<{} >"), ("</{}>", "</{} >"), ("<{}/>", "<{}  />")):
        known = list(tokens(f"a{bare.format(name)}b"))
        assert known == list(tokens(f"a{spelled.format(name)}b"))
        assert known == ["a", Tag(name, begins="/" not in bare[:2]), "b"]


PIECES = [
    "<p>", "</p>", "<br>", "<br />", "<P>", "<li>", "</ul>", "<b>", "</b>", "<a>", "</a>",
    "<div x>", "<a href='https://x.example/?a=1&amp;b=2' title='", "'>",
    "<a href=https://x.example>", '<a href="https://x.example/?a=1&amp;b=2">', '<b HREF="', '">',
    '<A Title="x">', '<script type="x">', '<p class="a"b">', "<script>", "</script>", "<!--",
    "-->", "<!", "</", "p>", "<", ">", "&nbsp;", "&amp;", "&lt", "lt;", "&am", "&", "&#10;", "a",
    "https://x.example/", " ", "  ", "-", "- ", "\n", "\r", "\x1c", "\xa0", "\u2028", "é",
]  # fmt: skip


@settings(max_examples=20_000 if PROFILE == "full" else 1_000)
@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join))
def test_the_quick_way_gives_the_same_text(markup):
    """Markup whose tags are known by sight is not taken apart into tokens, or it is left alone."""
    text = _markup._text_of_plain(markup)
    assert text is None or text == join(tokens(markup))


def test_what_counts_as_a_blank_is_what_python_splits_at():
    """None is forgotten, beside others or alone."""
    for sign in map(chr, range(sys.maxunicode + 1)):
        if sign.isspace():
            assert _markup._is_even(f"a{sign}b") == _markup._is_even(f"é{sign}") == (sign in " \n")


@pytest.mark.corpus
def test_the_quick_way_gives_the_same_text_of_every_recorded_note(corpus: Path, monkeypatch):
    """And most of them are read by it."""
    quick = _markup._text_of_plain
    notes: dict[str, str | None] = {}

    def noted(markup: str) -> str | None:
        return notes.setdefault(markup, quick(markup))

    monkeypatch.setattr(_markup, "_text_of_plain", noted)
    for format in FORMATS:
        for visit in visits(format, corpus):
            visit.read(Seen())
    assert len(notes) > 100
    for markup, text in notes.items():
        assert text is None or text == join(tokens(markup))
    assert sum(text is not None for text in notes.values()) > 0.9 * len(notes)
