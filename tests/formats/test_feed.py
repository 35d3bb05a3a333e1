"""Feeds of any vendor: what is read from them."""

import os
import time
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.exchange import Response
from bellbuoy.formats import feed
from bellbuoy.formats._statuspage_feed import read_when
from bellbuoy.model.facts import IncidentKind, IncidentStatus, Snapshot
from tests.formats.feeds import DOCUMENTS, FIXTURES, URL, after, history, ids, read, update_html

MINUTE = "%Y-%m-%dT%H:%M"

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
    assert found.scheduled_until == datetime(2020, 1, 9, 16, tzinfo=UTC)
    assert found.kind is IncidentKind.MAINTENANCE


@pytest.mark.parametrize(
    ("plan", "published", "until"),
    [
        ("Jan  8, 21:00 UTC &nbsp;-&nbsp; Jan  9, 01:00 UTC", "2020-01-08T21:00:00Z", (9, 1)),
        ("Jan 8, 9:00 - 10:00 PST", "2020-01-08T09:00:00-08:00", (8, 18)),
        ("Dec 31, 23:00 PST - Jan 1, 01:00 PST", "2019-12-31T23:00:00-08:00", (1, 9)),
        ("Jan 8, 21:00 CET - Jan 9, 01:00 CEST", "2020-01-08T21:00:00+01:00", None),
        ("Jan 8, 21:00 - 20:00 UTC", "2020-01-08T21:00:00Z", None),
        ("Jan 8, 21:00 UTC", "2020-01-08T21:00:00Z", None),
        ("soon - later", "2020-01-08T21:00:00Z", None),
    ],
)
def test_x5_a_planned_end_is_certain_or_it_is_not_known(plan, published, until):
    """It is as long after the start, an instant, as the two times on the wall are apart."""
    html = f"<p><strong>THIS IS A SCHEDULED EVENT {plan}</strong></p>"
    html += update_html("Dec 12, 22:33 UTC", "Scheduled", "x")
    found = read(history(html, published=published, updated=published)).incidents[0]
    assert found.scheduled_until == (until and datetime(2020, 1, *until, tzinfo=UTC))


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
