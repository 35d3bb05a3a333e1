"""What only incident.io writes: the evidence by which its answers are recognised.

JSON: `page.id` is a ULID and there is no `page.time_zone`. Feed: its generator, or a ULID in
every address and a status in every text. HTML: marks of its own in the data for the browser.
All were taken from recorded answers; none of it is documented.
"""

import msgspec
from msgspec import Raw, Struct

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._incidentio_feed import bare_name, is_mine, is_ulid, name_of
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._markup import Tag, tokens
from bellbuoy.formats._statuspage_wire import Head
from bellbuoy.formats._syndication import read_feed

_FEEDS = frozenset({"feed.atom", "feed.rss", "history.atom", "history.rss"})
_BELOW = _FEEDS | {"api", "history", "incidents", "maintenances", "proxy"}


class _Document(Struct):
    page: Raw = Raw(b"null")


def claim(response: Response, format: str) -> Claim | None:
    """Whether an answer bears one of these marks; its page's address is where it was found."""
    root = page_root(response.url, _BELOW)
    text = text_of(response).lstrip()
    if root is None or not text:
        return None
    if text.startswith("{"):
        name = _name_in_json(text)
    elif is_web_page(text):
        name = _name_in_html(text)
    else:
        name = _name_in_feed(response, format)
    return None if name is None else Claim(format=format, url=root, name=name or host(root))


def why_foreign(head: Head | None) -> str:
    """Why a document with such a `page` is not incident.io's; empty if it is."""
    if head is None:
        return "it is missing"
    if head.time_zone:
        return "it has a time zone: this is a true Statuspage; say `format: statuspage`"
    if not is_ulid(head.id or ""):
        return "its id is no ULID, so this is not incident.io's; `format: statuspage` may fit"
    return ""


def _name_in_json(text: str) -> str | None:
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, RecursionError):
        return None
    head = decode_entry(document.page, Head)
    return None if head is None or why_foreign(head) else head.name or ""


def _name_in_html(text: str) -> str | None:
    is_own = "self.__next_f.push" in text and (
        "expose_status_summary_api" in text
        or ("incident.io" in text and 'data-testid="system-status"' in text)
    )
    return _title(text) if is_own else None


def _title(text: str) -> str:
    stream = tokens(text)
    for token in stream:
        if isinstance(token, Tag) and token.name == "title" and token.begins:
            title = next(stream, "")
            return bare_name(title.strip()) if isinstance(title, str) else ""
    return ""


def _name_in_feed(response: Response, format: str) -> str | None:
    try:
        feed = read_feed(response, format)
    except ReadError:
        return None
    return name_of(feed) if is_mine(feed) else None
