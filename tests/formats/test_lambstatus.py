"""LambStatus has no format of its own: its one document is a history that `feed` reads."""

import pytest

from bellbuoy.formats import Formats, feed
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import Snapshot
from bellbuoy.model.known import Seen
from tests.formats.conversation import converse
from tests.formats.lives import Life
from tests.formats.samples import ROOT, page_at

URL = f"{ROOT}/history.rss"
PAGE = page_at(URL, "feed")
ITEM = """<item><title><![CDATA[{title}]]></title><link>{root}/{path}</link>
<guid>{root}/{path}</guid><pubDate>Wed, 04 Mar 2026 17:20:00 GMT</pubDate>
<content:encoded><![CDATA[{messages}]]></content:encoded></item>"""
MESSAGE = "<p><small>Mar 4, 2026, {time} UTC</small><br><strong>{status}</strong> - {text}</p>"


def feed_of(*items: tuple[str, str, list[tuple[str, str, str]]]) -> bytes:
    """A feed of the vendor's shape: path, title and messages of each item, newest first."""
    written = "".join(
        ITEM.format(
            root=ROOT,
            path=path,
            title=title,
            messages="".join(
                MESSAGE.format(time=time, status=status, text=text)
                for time, status, text in messages
            ),
        )
        for path, title, messages in items
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>Acme Status - Incident History</title><link>{ROOT}</link>"
        "<description></description><generator>Feed for Node.js</generator>"
        f"{written}</channel></rss>"
    ).encode()


def read(body: bytes) -> Snapshot:
    """What one look at such a feed finds."""
    return converse(feed.read(PAGE, Seen()), {URL: body})[0]


OPEN = [("17:20", "Identified", "A full disk."), ("17:00", "Investigating", "Looking.")]
WORK = ("maintenances/7pEQ", "New disks", [("16:00", "Scheduled", "We swap disks.")])


def test_it_is_recognised_as_a_feed_and_read_with_every_message():
    """Its messages, their words and times stand in the text of an item."""
    body = feed_of(WORK, ("incidents/bqoD", "Slow API", OPEN))
    found, _ = converse(recognise(URL, Formats()), {URL: body})
    assert (found.format, found.url, found.name) == ("feed", URL, "Acme")
    work, incident = read(body).incidents
    assert (work.id, work.kind, work.status) == ("7pEQ", "maintenance", "scheduled")
    assert (incident.id, incident.kind, incident.status) == ("bqoD", "incident", "identified")
    assert [(one.status, one.body, str(one.at)[11:16]) for one in incident.updates] == [
        ("investigating", "Looking.", "17:00"), ("identified", "A full disk.", "17:20"),
    ]  # fmt: skip


def test_a_life_is_announced_message_by_message():
    """And the same feed again is no news."""
    life = Life(feed, PAGE)
    assert life.look({URL: feed_of(("incidents/bqoD", "Slow API", OPEN[1:]))}) == [
        ("incident.opened", "Looking.")
    ]
    ended = [("17:40", "Resolved", "Done."), *OPEN]
    body = feed_of(("incidents/bqoD", "Slow API", ended))
    assert life.look({URL: body}) == [
        ("incident.updated", "A full disk."), ("incident.resolved", "Done."),
    ]  # fmt: skip
    assert life.look({URL: body}) == []


@pytest.mark.corpus
def test_the_recorded_feed_is_recognised_and_read(corpus):
    """Two incidents with three messages each, and planned work."""
    body = (corpus / "lambstatus/lambstatus-demo/history-2017-10-14.rss").read_bytes()
    url = "https://lambstatus.github.io/demo-status/history.rss"
    found, _ = converse(recognise(url, Formats()), {url: body})
    assert (found.format, found.url, found.name) == ("feed", url, "MyService")
    assert [
        (one.title, one.status, [update.status for update in one.updates], one.url)
        for one in read(body).incidents
    ] == [
        (
            "Network maintenance",
            "scheduled",
            ["scheduled"],
            "https://lambstatus.github.io/demo-status/maintenances/7pEQuSc083Rv",
        ),
        (
            "DNS resolution issues",
            "monitoring",
            ["investigating", "monitoring", "monitoring"],
            "https://lambstatus.github.io/demo-status/incidents/bqoDstalneID",
        ),
        (
            "Delayed webhook deliveries",
            "resolved",
            ["investigating", "investigating", "resolved"],
            "https://lambstatus.github.io/demo-status/incidents/A8fMkUJ4fiuQ",
        ),
    ]
    assert all(update.at and update.body for one in read(body).incidents for update in one.updates)
