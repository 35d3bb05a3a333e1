"""A feed's three documents; pure. Everything in them is text: no markup, nothing to run.

Atom is RFC 4287, RSS is 2.0 (https://www.rssboard.org/rss-specification), JSON Feed is 1.1
(https://www.jsonfeed.org/version/1.1/). They are built as trees, so that nothing that a vendor
writes can be markup.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec
from msgspec import Struct

from bellbuoy.web.interop.feed_entries import Entry
from bellbuoy.web.interop.xml import Element, add, document, root
from bellbuoy.web.spoken import machine

ATOM = "http://www.w3.org/2005/Atom"
_DC = "http://purl.org/dc/elements/1.1/"

# Half of all readers take a title of RSS for HTML, whatever it says, and the other half for text.
# So an ampersand is left alone, and what could begin a tag never is one.
_OF_TITLE = {ord("<"): "&lt;"}

# The description is HTML (RSS 2.0, "Elements of <item>").
_OF_HTML = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\n"): "<br>"}


class Feed(Struct, frozen=True, kw_only=True):
    """A feed: its entries, the newest first, and what stands above them.

    `home` is the page for people, `address` its own. `updated_at` is when it changed last.
    """

    id: str
    title: str
    home: str
    address: str
    updated_at: datetime
    entries: tuple[Entry, ...]


def atom(feed: Feed) -> bytes:
    """The feed as Atom."""
    top = root(_atom("feed"), {None: ATOM})
    add(top, _atom("id"), feed.id)
    add(top, _atom("title"), feed.title)
    add(top, _atom("updated"), machine(feed.updated_at))
    for rel, address, media_type in (
        ("self", feed.address, "application/atom+xml"),
        ("alternate", feed.home, "text/html"),
    ):
        _link(top, rel, address, media_type)
    add(add(top, _atom("author")), _atom("name"), "Bellbuoy")
    add(top, _atom("generator"), "Bellbuoy")
    for each in feed.entries:
        _atom_entry(top, each)
    return document(top)


def _atom_entry(top: Element, each: Entry) -> None:
    entry = add(top, _atom("entry"))
    add(entry, _atom("id"), each.id)
    add(entry, _atom("title"), each.title, {"type": "text"})
    add(entry, _atom("updated"), machine(each.at))
    add(entry, _atom("published"), machine(each.at))
    _link(entry, "alternate", each.link, "text/html")
    if each.source:
        _link(entry, "via", _iri(each.source))
    add(add(entry, _atom("author")), _atom("name"), each.author)
    add(entry, _atom("category"), attributes={"term": each.kind})
    add(entry, _atom("content"), each.text, {"type": "text"})


def _link(parent: Element, rel: str, address: str, media_type: str = "") -> None:
    told = {"type": media_type} if media_type else {}
    add(parent, _atom("link"), attributes={"rel": rel, "href": address, **told})


def rss(feed: Feed) -> bytes:
    """The feed as RSS 2.0."""
    top = root("rss", {"atom": ATOM, "dc": _DC}, version="2.0")
    channel = add(top, "channel")
    add(channel, "title", feed.title.translate(_OF_TITLE))
    add(channel, "link", feed.home)
    add(channel, "description", "What changed on the status pages that are watched.")
    add(channel, "lastBuildDate", _rfc_date(feed.updated_at))
    add(channel, "generator", "Bellbuoy")
    _link(channel, "self", feed.address, "application/rss+xml")
    for each in feed.entries:
        item = add(channel, "item")
        add(item, "title", each.title.translate(_OF_TITLE))
        add(item, "link", each.link)
        add(item, "description", each.text.translate(_OF_HTML))
        add(item, f"{{{_DC}}}creator", each.author)
        add(item, "category", each.kind)
        add(item, "guid", each.id, {"isPermaLink": "false"})
        add(item, "pubDate", _rfc_date(each.at))
    return document(top)


def json_feed(feed: Feed) -> bytes:
    """The feed as JSON Feed; the vendor's time is in our own extension `_bellbuoy`."""
    return msgspec.json.encode(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": feed.title,
            "home_page_url": feed.home,
            "feed_url": feed.address,
            "items": list(map(_item, feed.entries)),
        }
    )


def _item(each: Entry) -> dict[str, Any]:
    source = {"external_url": each.source} if each.source else {}
    return {
        "id": each.id,
        "url": each.link,
        **source,
        "title": each.title,
        "content_text": each.text,
        "date_published": machine(each.at),
        "authors": [{"name": each.author}],
        "tags": [each.kind, *filter(None, (each.impact,))],
        "_bellbuoy": {"vendor_time": machine(each.vendor_at) if each.vendor_at else None},
    }


def _atom(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _rfc_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)


def _iri(address: str) -> str:
    """An address without what no address holds: vendors leave blanks in theirs."""
    return "".join(f"%{ord(char):02X}" if char in ' "<>\\^`{|}' else char for char in address)
