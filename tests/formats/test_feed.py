"""Feeds of any vendor: what is read, what is refused, and what a hostile one costs."""

import gc
import io
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import feedparser
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats import feed
from bellbuoy.formats._statuspage_feed import read_when
from bellbuoy.model.facts import IncidentKind, IncidentStatus, Snapshot
from bellbuoy.model.known import Seen
from tests.formats.samples import page_at

FIXTURES = Path(__file__).parent / "fixtures" / "feed"
DOCUMENTS = sorted(
    path.name for path in FIXTURES.iterdir() if path.is_file() and ".golden" not in path.name
)
URL = "https://feeds.example/feed"
MINUTE = "%Y-%m-%dT%H:%M"


def read(
    body: bytes,
    seen: Seen | None = None,
    *,
    url: str = URL,
    content_type: str = "",
    status: int = 200,
) -> Snapshot:
    """What one visit to a feed finds."""
    exchange = feed.read(page_at(url, "feed"), seen or Seen())
    request = next(exchange)
    assert request.url == url
    headers = {"content-type": content_type} if content_type else {}
    try:
        exchange.send(Response(url=url, status=status, headers=headers, body=body))
    except StopIteration as end:
        return end.value
    finally:
        exchange.close()
    raise AssertionError("a feed is one question")


def refused(body: bytes, **more) -> ReadError:
    """The error that a body is refused with."""
    with pytest.raises(ReadError) as caught:
        read(body, **more)
    return caught.value


def after(snapshot: Snapshot) -> Seen:
    """What is held after a snapshot."""
    return Seen(first_look=False, entries=snapshot.entries)


def update_html(when: str, word: str, text: str) -> str:
    """One update as Statuspage writes it."""
    return f"<p><small>{when}</small><br><strong>{word}</strong> - {text}</p>"


def history(
    html: str,
    *,
    published: str = "2026-05-28T20:41:00Z",
    updated: str = "",
    code: str = "abc123def456",
) -> bytes:
    """A Statuspage history with one incident."""
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:status.acme.example,2005:/history</id>'
        "<title>Acme Status - Incident History</title>"
        f"<entry><id>tag:status.acme.example,2005:Incident/1</id>"
        f'<link href="https://status.acme.example/incidents/{code}"/><title>Trouble</title>'
        f"<published>{published}</published><updated>{updated or published}</updated>"
        f'<content type="html">{escape(html)}</content></entry></feed>'
    ).encode()


def ids(snapshot: Snapshot) -> list[str]:
    """The update ids of a snapshot's only incident, oldest first."""
    return [update.id for update in snapshot.incidents[0].updates]


# --- What is read ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_becomes_the_objects_beside_it(name):
    """Golden pairs: the document and, beside it, everything that is read from it."""
    golden = msgspec.json.decode((FIXTURES / f"{name}.golden.json").read_bytes(), type=Snapshot)
    found = read((FIXTURES / name).read_bytes(), url=f"https://feeds.example/{name}")
    assert msgspec.structs.replace(found, entries={}) == golden
    assert set(found.entries) == found.window.ids


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_feed_never_says_that_a_list_is_complete_nor_when_it_changed(name):
    """It is a window of history: absence is not resolution, and its own date moves by itself."""
    found = read((FIXTURES / name).read_bytes())
    assert found.complete == frozenset()
    assert found.stamp is None


def test_h2_a_feed_with_the_same_entries_decodes_none_of_them():
    """A new feed date, a new order and new white space between the tags are no news."""
    body = (FIXTURES / "history.atom").read_bytes()
    first = read(body)
    again = body.replace(b"<updated>2026-06-02T09:15:12Z</updated>\n  <author>", b"<author>")
    assert again != body
    second = read(again, after(first))
    assert second.incidents == ()
    assert second.unchanged == first.window.ids == second.window.ids


def test_only_the_entry_that_changed_is_decoded():
    """One new word in one entry."""
    body = (FIXTURES / "history.atom").read_bytes()
    first = read(body)
    second = read(
        body.replace(b"Documents appear late", b"Documents appear very late"), after(first)
    )
    assert [incident.id for incident in second.incidents] == ["inc0000000b2"]
    assert second.unchanged == {"mnt0000000a1", "inc0000000c3"}


def test_a_channel_without_entries_is_a_quiet_page():
    """Azure's feed when all is well."""
    found = read(b'<rss version="2.0"><channel><title>Azure Status</title></channel></rss>')
    assert found.incidents == ()
    assert found.window.ids == frozenset()
    assert not found.window.is_full


def test_s5_a_window_is_full_when_it_holds_as_many_entries_as_it_ever_does():
    """25 entries of a Statuspage history mean that older ones may have fallen out."""
    whole = history(update_html("May 28, 20:41 UTC", "Resolved", "x")).decode()
    entry = whole[whole.index("<entry>") : whole.index("</feed>")]

    def of(count):
        entries = "".join(entry.replace("abc123def456", f"abc{n:09}") for n in range(count))
        return read(whole.replace(entry, entries).encode()).window

    assert not of(24).is_full
    assert of(25).is_full
    assert len(of(25).ids) == 25


def test_a_new_update_on_top_never_changes_the_ids_below_it():
    """Even where the same words came twice in the same minute."""
    lines = [
        update_html("May 28, 19:30 UTC", "Investigating", "We look."),
        update_html("May 28, 19:45 UTC", "Update", "Same words."),
        update_html("May 28, 19:45 UTC", "Update", "Same words."),
        update_html("May 28, 19:45 UTC", "Update", "Other words."),
        update_html("May 28, 20:41 UTC", "Resolved", "Done."),
    ]
    seen: list[str] = []
    for count in range(1, len(lines) + 1):
        found = ids(read(history("".join(reversed(lines[:count])))))
        assert found[:-1] == seen
        seen = found
    assert seen == [
        "2026-05-28T19:30/investigating/0",
        "2026-05-28T19:45/update/0",
        "2026-05-28T19:45/update/1",
        "2026-05-28T19:45/update/2",
        "2026-05-28T20:41/resolved/0",
    ]


def test_blanks_between_the_tags_change_nothing_that_is_read():
    """On 2026-05-23 the template put blanks between all tags, under the same dates."""
    tight = update_html("May 28, 20:41 UTC", "Resolved", "Done.<br /><br />Sorry.")
    loose = tight.replace("><", "> <").replace("<br />", "<br />\n ")
    first, second = read(history(tight)), read(history(loose))
    assert first.entries != second.entries
    assert first.incidents == second.incidents


def test_the_heading_update_keeps_the_status_before_it():
    """Half of GitHub's updates are headed "Update", which tells no state."""
    html = "".join(
        update_html(f"May 28, {hour}:00 UTC", word, "x")
        for hour, word in ((14, "Update"), (13, "Identified"), (12, "Update"))
    )
    found = read(history(html, published="2026-05-28T14:00:00Z")).incidents[0]
    said = [(update.status, update.status_raw) for update in found.updates]
    assert said == [
        (IncidentStatus.UNKNOWN, "Update"),
        (IncidentStatus.IDENTIFIED, "Identified"),
        (IncidentStatus.IDENTIFIED, "Update"),
    ]
    assert (found.status, found.status_raw) == (IncidentStatus.IDENTIFIED, "Update")


def test_a_text_with_headings_of_its_own_is_one_update():
    """Vendors write `<strong>Impact</strong>`, and sometimes `<small>`, into their texts."""
    text = "Work.<br /><strong>Impact</strong><br />None.<p><small>About 5</small> minutes</p>"
    found = read(history(update_html("May 28, 20:41 UTC", "Scheduled", text))).incidents[0]
    assert len(found.updates) == 1
    assert found.updates[0].body == "Work.\nImpact\nNone.\n\nAbout 5 minutes"
    assert found.kind is IncidentKind.MAINTENANCE


def test_an_unknown_word_is_unknown_and_kept_as_written():
    """Never operational, never an error."""
    found = read(history(update_html("May 28, 20:41 UTC", "Pondering", "x"))).incidents[0]
    assert (found.status, found.status_raw) == (IncidentStatus.UNKNOWN, "Pondering")
    assert found.is_open


def test_no_title_is_taken_for_an_end_but_by_a_word_at_its_head():
    """R6: words inside a title say nothing about how things stand."""
    for title in (
        "Issue with resolved tickets",
        "Closed captions are missing",
        "Available disks: none",
        "Fixed-line calls fail",
        "Operational data is late",
        "Completed orders are lost",
    ):
        body = f"<rss><channel><title>t</title><item><title>{title}</title></item></channel></rss>"
        assert read(body.encode()).incidents[0].is_open, title
    for title in ("Resolved: x", "[RESOLVED] x", "Resolved - x", "Resolved x", "[Fixed] x"):
        body = f"<rss><channel><title>t</title><item><title>{title}</title></item></channel></rss>"
        assert not read(body.encode()).incidents[0].is_open, title


def test_s6_an_incident_of_aws_keeps_its_id_when_its_first_entry_has_left_the_window():
    """Its entries are told apart by service and time only."""
    body = (FIXTURES / "aws.rss").read_text()
    first = body.index("<item>", body.index("Increased Error Rates"))
    shorter = body[:first] + body[body.index("</channel>") :]
    before, later = read(body.encode()), read(shorter.encode())
    assert before.incidents[0].id == later.incidents[0].id == "directconnect-eu-central-1"
    kept = [update.id for update in later.incidents[0].updates]
    assert kept == [update.id for update in before.incidents[0].updates][1:]


def test_azure_uses_a_guid_again_for_another_incident():
    """The guid is a slug of the title, so the date belongs to the identity."""

    def of(date):
        return read(
            "<rss><channel><title>Azure Status</title><item><guid isPermaLink='false'>vm-issues"
            f"</guid><title>VM</title><pubDate>{date}</pubDate></item></channel></rss>".encode()
        ).incidents[0]

    assert of("Thu, 23 Jul 2026 16:29:09 Z").id != of("Fri, 02 Oct 2026 08:00:00 Z").id


def test_c2_a_later_stamp_over_the_same_words_is_told_by_the_id_of_the_update():
    """Latest-only feeds: `latest:` and the stamp, so that merge can tell a bump from news."""
    body = (FIXTURES / "incidentio.rss").read_bytes()
    bumped = body.replace(b"09:43:12 GMT", b"09:59:00 GMT")
    first, second = read(body).incidents[0], read(bumped).incidents[0]
    assert first.updates[0].id == "latest:2025-10-20T09:43:12Z"
    assert second.updates[0].id == "latest:2025-10-20T09:59:00Z"
    assert first.updates[0].body == second.updates[0].body
    assert (first.id, first.started_at) == (second.id, second.started_at)


def test_a_feed_is_claimed_by_its_root_under_its_own_address():
    """Whatever vendor; its address is the page."""
    body = (FIXTURES / "plain.atom").read_bytes()
    claim = feed.claims(Response(url="HTTPS://Hutch.example:443/a.xml?x=1", status=200, body=body))
    assert (claim.format, claim.url, claim.name) == (
        "feed",
        "https://hutch.example/a.xml?x=1",
        "Hutch Status",
    )
    for body in (b"", b"{}", b"<html/>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<feed/>"):
        assert feed.claims(Response(url=URL, status=200, body=body)) is None


# --- Dates ----------------------------------------------------------------------------------


POSTMORTEM_AT = "2026-01-20T09:30:00Z"


@pytest.mark.parametrize(
    ("published", "updated", "whens", "years"),
    [
        ("2026-01-01T00:09:00Z", "", ["Jan 1, 00:09", "Dec 31, 23:50"], [2026, 2025]),
        ("2025-12-31T23:59:00Z", "", ["Dec 31, 23:59", "Dec 31, 23:00"], [2025, 2025]),
        ("2026-01-01T00:09:00Z", "2026-12-30T10:00:00Z", ["Jan 1, 00:09"], [2026]),
        ("2026-03-02T10:00:00Z", "", ["Mar 2, 10:00", "Jan 3, 9:00"], [2026, 2026]),
        ("2026-03-02T10:00:00Z", "", ["Mar 2, 10:00", "Nov 5, 9:00"], [2026, 2025]),
        ("2026-03-02T10:00:00Z", "", ["Mar 2, 10:00", "Apr 5, 9:00"], [2026, 2025]),
        ("2026-03-02T10:00:00Z", "", ["Mar 2, 10:00", "Mar 5, 9:00"], [2026, 2026]),
        ("2024-02-29T10:00:00Z", "", ["Feb 29, 10:00", "Feb 28, 9:00"], [2024, 2024]),
        ("2025-01-15T10:00:00Z", "", ["Jan 15, 10:00", "Feb 29, 9:00"], [2025, 2024]),
        ("2025-12-20T08:00:00Z", POSTMORTEM_AT, ["Jan 20, 9:30", "Dec 20, 8:00"], [2026, 2025]),
    ],
)  # fmt: skip
def test_c12_the_year_of_an_update_is_the_one_in_which_it_lies_before_the_update_above(
    published, updated, whens, years
):
    """The dates have no year: `published` gives that of the newest, and the order the rest."""
    words = ["Postmortem" if updated == POSTMORTEM_AT else "Resolved"]
    words += ["Investigating"] * len(whens)
    html = "".join(
        update_html(f"{when} UTC", word, "x") for when, word in zip(whens, words, strict=False)
    )
    found = read(history(html, published=published, updated=updated)).incidents[0]
    assert [update.at.year for update in reversed(found.updates)] == years


def test_c12_a_postmortem_in_an_rss_comes_after_the_date_of_its_item():
    """RSS has only the date at which the incident ended."""
    html = update_html("Feb 26, 10:22 PST", "Postmortem", "x")
    html += update_html("Dec 24, 11:21 PST", "Resolved", "x")
    body = (
        "<rss><channel><title>A</title><description>Statuspage</description><item><title>T</title>"
        f"<description>{escape(html)}</description>"
        "<pubDate>Tue, 24 Dec 2013 11:21:09 -0800</pubDate>"
        "<link>https://a.example/incidents/x</link></item></channel></rss>"
    )
    assert ids(read(body.encode())) == [
        "2013-12-24T11:21/resolved/0",
        "2014-02-26T10:22/postmortem/0",
    ]


def test_c12_planned_work_is_announced_in_the_year_before_it_begins():
    """`published` is its start, which lies in the future of its updates."""
    html = "<p><strong>THIS IS A SCHEDULED EVENT Jan 9, 14:00 - 16:00 UTC</strong></p>"
    html += update_html("Dec 17, 09:25 UTC", "Update", "x")
    html += update_html("Dec 12, 22:33 UTC", "Scheduled", "x")
    body = history(html, published="2020-01-09T14:00:00Z", updated="2019-12-17T09:26:20Z")
    found = read(body).incidents[0]
    assert [update.at.year for update in found.updates] == [2019, 2019]
    assert found.started_at == datetime(2020, 1, 9, 14, tzinfo=UTC)
    assert found.kind is IncidentKind.MAINTENANCE


# (date as written, `published` of its entry, the instant that is certain)
DATES = [
    ("May 28, 20:41 UTC", "2026-05-28T20:41:00Z", "2026-05-28T20:41"),
    ("May  8, 20:41 UTC", "2026-05-08T20:41:00Z", "2026-05-08T20:41"),
    ("May <var>28</var>, <var>20:41</var> UTC", "2026-05-28T20:41:00Z", "2026-05-28T20:41"),
    ("May <var data-var='date'> 8</var>, 20:41 UTC", "2026-05-08T20:41:59Z", "2026-05-08T20:41"),
    ("May 28, 20:41 GMT", "2026-05-28T20:41:00Z", "2026-05-28T20:41"),
    ("may 28, 20:41 utc", "2026-05-28T20:41:00Z", "2026-05-28T20:41"),
    ("September 3, 4:05 UTC", "2026-09-03T04:05:00Z", "2026-09-03T04:05"),
    ("May 28, 2025, 20:41 UTC", "2026-05-28T20:41:00Z", "2025-05-28T20:41"),
    ("May 28, 13:41 PDT", "2026-05-28T13:41:00-07:00", "2026-05-28T20:41"),
    ("Jan 28, 12:41 PST", "2026-01-28T12:41:00-08:00", "2026-01-28T20:41"),
    ("May 28, 16:41 EDT", "2026-05-28T16:41:00-04:00", "2026-05-28T20:41"),
    ("Jan 28, 15:41 EST", "2026-01-28T15:41:30-05:00", "2026-01-28T20:41"),
    ("May 28, 22:41 CEST", "2026-05-28T22:41:00+02:00", "2026-05-28T20:41"),
    ("Jan 28, 21:41 CET", "2026-01-28T21:41:00+01:00", "2026-01-28T20:41"),
    ("May 28, 21:41 BST", "2026-05-28T21:41:00+01:00", "2026-05-28T20:41"),
    ("May 29, 02:11 IST", "2026-05-29T02:11:00+05:30", "2026-05-28T20:41"),
    ("May 29, 04:41 CST", "2026-05-29T04:41:00+08:00", "2026-05-28T20:41"),
    ("May 28, 14:41 CST", "2026-05-28T14:41:00-06:00", "2026-05-28T20:41"),
    ("May 29, 02:26 +0545", "2026-05-29T02:26:00+05:45", "2026-05-28T20:41"),
    ("May 28, 17:41 -03", "2026-05-28T17:41:00-03:00", "2026-05-28T20:41"),
    ("May 28, 20:41 PDT", "2026-05-28T20:41:00Z", "2026-05-28T20:41"),
    ("May 28, 13:41 PDT", "2026-05-28T20:41:00Z", None),
    ("May 28, 13:41 PST", "2026-05-28T13:42:00-07:00", None),
    ("May 28, 16:41 EDT", "2026-05-28T22:41:00+02:00", None),
    ("May 28, 22:41 CEST", "2026-05-28T20:41:00Z", None),
    ("May 28, 20:41", "2026-05-28T20:41:00Z", "2026-05-28T20:41"),
    ("May 28, 20:40", "2026-05-28T20:41:00Z", None),
    ("May 28, 20:41 UTC", "", None),
    ("May 28, 20:41 UTC", "yesterday", None),
    ("Feb 30, 20:41 UTC", "2026-03-01T20:41:00Z", None),
    ("May 32, 20:41 UTC", "2026-05-28T20:41:00Z", None),
    ("May 28, 24:41 UTC", "2026-05-28T20:41:00Z", None),
    ("May 28, 20:61 UTC", "2026-05-28T20:41:00Z", None),
    ("Mai 28, 20:41 UTC", "2026-05-28T20:41:00Z", None),
    ("28 May, 20:41 UTC", "2026-05-28T20:41:00Z", None),
    ("May 28 20:41 UTC", "2026-05-28T20:41:00Z", None),
    ("May 28, 8:41 PM UTC", "2026-05-28T20:41:00Z", None),
    ("", "2026-05-28T20:41:00Z", None),
    ("May 28, 0000, 20:41 UTC", "2026-05-28T20:41:00Z", None),
    ("Jan 1, 00:00 UTC", "0001-01-01T00:00:00+00:00", None),
]  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Kolkata"])
def test_x5_a_date_is_certain_or_it_is_not_known(zone, monkeypatch):
    """40 spellings; where this machine stands never matters, and a zone is never assumed."""
    assert len(DATES) == 40
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for written, published, instant in DATES:
            found = read(history(update_html(written, "Resolved", "x"), published=published))
            updates = found.incidents[0].updates
            at = updates[0].at.strftime(MINUTE) if updates and updates[0].at else None
            assert at == instant, (written, published)
    finally:
        monkeypatch.undo()
        os.environ.setdefault("TZ", "UTC")
        time.tzset()


def test_x5_a_zone_of_rfc_822_is_known_once_its_sister_has_proved_itself():
    """A page that means Pacific time by PST means it by PDT as well."""
    html = update_html("Nov 4, 10:06 PST", "Resolved", "x")
    html += update_html("Nov 2, 22:30 PDT", "Identified", "x")
    proved = read(history(html, published="2013-11-04T10:06:36-08:00")).incidents[0]
    assert proved.updates[0].at == datetime(2013, 11, 3, 5, 30, tzinfo=UTC)
    unproved = read(history(html, published="2013-11-04T18:06:36Z")).incidents[0]
    assert unproved.updates[0].at is None


@given(
    st.text(max_size=80), st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 1, 1))
)
def test_x5_any_text_where_a_date_should_be_is_read_or_not_known(text, near):
    """No text makes reading a date fail."""
    when = read_when(text, near)
    assert when is None or when.wall <= near + timedelta(days=31)


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
    before = time.process_time()
    error = refused(body)
    assert error.place == "the document type"
    assert time.process_time() - before < 1


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
        before = time.process_time()
        read(raw)
        assert time.process_time() - before < 2


@pytest.mark.parametrize("name", EVIL)
def test_x3_a_megabyte_of_evil_outside_of_any_entry_takes_a_moment(name, full_profile):
    """Instead of the feed, and around what says that it is one."""
    raw = EVIL[name].encode()
    for body in (
        raw,
        b"<rss><channel>" + raw + b"</channel></rss>",
        b"Warning <rss><channel>" + raw[: 100_000 if full_profile else 20_000] + b"</rss>",
    ):
        before = time.process_time()
        with suppress(ReadError):
            read(body)
        assert time.process_time() - before < 2


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

    def cost(action, times):
        gc.collect()
        before = time.process_time()
        for _ in range(times):
            action()
        return (time.process_time() - before) / times

    ours = min(cost(lambda: read(body, seen), 10) for _ in range(3))
    theirs = min(cost(lambda: feedparser.parse(io.BytesIO(body)), 1) for _ in range(3))
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


# --- Recorded feeds -------------------------------------------------------------------------

SERIES = ("series-history-atom-2022-06", "series-history-atom-2026-06")


@pytest.mark.corpus
def test_every_recorded_feed_is_read(corpus):
    """Of every vendor in the corpus, with every update that stands in it."""
    names = [
        path
        for path in sorted(corpus.rglob("*"))
        if path.suffix in {".atom", ".rss", ".xml"} and "series" not in str(path)
    ]
    assert len(names) >= 29
    for path in names:
        body = path.read_bytes()
        found = read(body)
        assert feed.claims(Response(url=URL, status=200, body=body)), path
        assert len(found.incidents) == len(found.window.ids), path
        assert all(incident.updates for incident in found.incidents), path
        dated = body.count(b"&lt;small&gt;") + body.count(b"<small>")
        if dated:
            assert sum(len(incident.updates) for incident in found.incidents) == dated, path


@pytest.mark.corpus
@pytest.mark.parametrize("series", SERIES)
def test_the_ids_of_updates_stay_over_a_recorded_series(corpus, series):
    """GitHub: every update is found, and found again as long as its incident is listed."""
    held: dict[str, set[str]] = {}
    for path in sorted((corpus / "statuspage/github" / series).iterdir()):
        body = path.read_bytes()
        incidents = read(body).incidents
        assert sum(len(one.updates) for one in incidents) == body.count(b"&lt;small&gt;")
        for incident in incidents:
            found = {update.id for update in incident.updates}
            assert held.get(incident.id, set()) <= found, (path.name, incident.id)
            assert all(update.at for update in incident.updates)
            held[incident.id] = found
    assert len(held) >= 45


@pytest.mark.corpus
def test_the_json_and_the_feed_of_a_page_name_an_incident_alike(corpus):
    """GitHub: the same ids, and every update of the JSON at the same minute."""
    told = {}
    for path in sorted((corpus / "statuspage/github" / SERIES[1]).iterdir()):
        for incident in read(path.read_bytes()).incidents:
            told[incident.id] = {update.at.strftime(MINUTE) for update in incident.updates}
    joined = set()
    for path in sorted((corpus / "statuspage/github/series-summary-2026-08").iterdir()):
        document = msgspec.json.decode(path.read_bytes())
        for row in document["incidents"] + document["scheduled_maintenances"]:
            if row["id"] in told:
                joined.add(row["id"])
                times = {update["display_at"][:16] for update in row["incident_updates"]}
                assert times <= told[row["id"]], (path.name, row["id"])
    assert len(joined) == 10
