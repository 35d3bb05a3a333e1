"""What only Atlassian Statuspage writes: the evidence by which its answers are recognised.

JSON: `page.id` is 12 lower-case letters and digits and `page.time_zone` is there; imitations
have other ids and leave the zone out. HTML: Statuspage's own asset host or React class. Feed:
the id scheme of its Atom, the description of its RSS. Header: `x-statuspage-version`.
All were taken from recorded answers; none of it is documented.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
from lxml import etree as untyped_etree  # pyright: ignore[reportAttributeAccessIssue] - no types
from msgspec import Raw, Struct

from bellbuoy.exchange import Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._statuspage_wire import ABSENT, Head

etree: Any = untyped_etree

_ID_LENGTH = 12
_ULID_LENGTH = 26
_VERSION = "x-statuspage-version"
_ASSETS = "dka575ofm4ao0.cloudfront.net"
_FEEDS = frozenset({"history.atom", "history.rss"})
_BELOW = _FEEDS | {"api", "history", "history.json", "incidents", "uptime", "maintenance"}

# libxml2 compares each attribute of a tag with all others: a long head is not worth reading.
_HEAD = 65_536


class _Document(Struct):
    page: Raw = ABSENT


def is_own_id(id: str) -> bool:
    """Whether an id has the form of Statuspage's."""
    return len(id) == _ID_LENGTH and id.isascii() and id.isalnum() and id == id.lower()


def is_ulid(id: str) -> bool:
    """Whether an id is a ULID (https://github.com/ulid/spec), as incident.io's are."""
    return len(id) == _ULID_LENGTH and id.isascii() and id.isalnum() and id == id.upper()


def claim(response: Response, format: str) -> Claim | None:
    """Whether an answer bears one of these marks; its page's address is where it was found."""
    root = page_root(response.url, _BELOW)
    text = text_of(response)[:_HEAD].lstrip()
    if root is None:
        return None
    if text.startswith("{"):
        name = _name_in_json(response)
    elif is_web_page(text):
        name = _name_in_html(response, text)
    elif urlsplit(response.url).path.rpartition("/")[2] in _FEEDS:
        name = _name_in_feed(text)
    else:
        return None
    return None if name is None else Claim(format=format, url=root, name=name or host(root))


def _name_in_json(response: Response) -> str | None:
    try:
        document = msgspec.json.decode(response.body, type=_Document)
    except (msgspec.DecodeError, RecursionError):
        return None
    head = decode_entry(document.page, Head)
    if head is None or not is_own_id(head.id or ""):
        return None
    return head.name or "" if head.time_zone or _VERSION in response.headers else None


def _name_in_html(response: Response, text: str) -> str | None:
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
    try:
        tree = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None
    if tree is None:
        return None
    assets = (*tree.xpath("//script/@src"), *tree.xpath("//link/@href"))
    is_own = (
        _VERSION in response.headers
        or any(_host_of(str(asset)) == _ASSETS for asset in assets)
        or bool(tree.xpath("//*[@data-react-class='HistoryIndex']"))
    )
    return _name(str(tree.xpath("string(//title)"))) if is_own else None


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _name_in_feed(text: str) -> str | None:
    facts: dict[str, str] = {}
    for place, value in _leaves(text):
        facts.setdefault(place, value)
        if place in {"entry", "item"}:
            break
    is_atom = facts.get("id", "").startswith("tag:") and facts["id"].endswith(",2005:/history")
    is_own = is_atom or facts.get("description") == "Statuspage"
    return _name(facts.get("title", "")) if is_own else None


def _leaves(text: str) -> Iterator[tuple[str, str]]:
    """The elements of a feed as they end: local name and text, up to the first that is wrong."""
    parser = etree.XMLPullParser(
        events=("end",), resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        parser.feed(text.partition("?>")[2] if text.startswith("<?xml") else text)
        for _, element in parser.read_events():
            yield etree.QName(element).localname, (element.text or "").strip()
    except etree.XMLSyntaxError:
        return


def _name(title: str) -> str:
    """What "GitHub Status - Incident History" is about."""
    name = " ".join(title.split()).removesuffix(" - Incident History")
    return name.removesuffix(" Status").removesuffix(" Status Page")
