"""Feeds as entries: Atom 1.0 (RFC 4287), RSS 2.0, RSS 1.0 and JSON Feed 1.1, of any vendor.

lxml reads strictly. What it refuses is read by recovery only where the body still ends with
its root's closing tag, because a body that was cut must never look like a shorter feed; what
is then still no feed, but positively says so, is left to feedparser.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from typing import Any, NoReturn
from urllib.parse import urljoin

import msgspec
from lxml import etree as untyped_etree  # pyright: ignore[reportAttributeAccessIssue] - it has no types
from msgspec import Struct

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats._answers import text_of, why_not
from bellbuoy.formats._instants import parse_iso, parse_rfc822
from bellbuoy.formats._markup import to_text, unescape

etree: Any = untyped_etree

MAX_ENTRIES = 2_000
"""Entries read of one feed; the largest real one holds 50."""

_BARE = re.compile(r"&(?![#a-zA-Z][a-zA-Z0-9]{0,31};)")
_ILLEGAL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))
_CUT_WITHIN = frozenset(
    {
        etree.ErrorTypes.ERR_TAG_NOT_FINISHED,
        etree.ErrorTypes.ERR_CDATA_NOT_FINISHED,
        etree.ErrorTypes.ERR_COMMENT_NOT_FINISHED,
        etree.ErrorTypes.ERR_PI_NOT_FINISHED,
    }
)

_LONGEST_REFERENCE = 34
"""Characters of the longest reference that `_BARE` knows."""

_SLICE = 65_536
"""Characters that are mended at a time."""

_MAX_ODD = 131_072
"""The largest body that is given to feedparser, in characters: it is slow."""

_ATOM = "{http://www.w3.org/2005/Atom}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_RSS1 = "{http://purl.org/rss/1.0/}"

_ROOTS = {
    f"{_ATOM}feed": "atom",
    "rss": "rss",
    "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF": "rdf",
}

_ATOM_FIELDS = {
    "id": "id",
    "title": "title",
    "content": "body",
    "summary": "summary",
    "published": "published",
    "updated": "updated",
}
_RSS_FIELDS = {
    "title": "title",
    "link": "link",
    "description": "summary",
    "guid": "id",
    "pubDate": "published",
    "status": "status",
}

# The elements of each dialect, and the field of Entry that each of them fills.
_FIELDS = {
    **{f"{_ATOM}{name}": field for name, field in _ATOM_FIELDS.items()},
    **{f"{space}{name}": field for name, field in _RSS_FIELDS.items() for space in ("", _RSS1)},
    f"{_CONTENT}encoded": "body",
    "content:encoded": "body",
    f"{_DC}date": "published",
}


class Entry(Struct, frozen=True, kw_only=True):
    """One entry of a feed, as it stands there; what is absent is empty.

    `body` is the fullest text, which is HTML if `is_markup`. `published` and `updated` are
    unread texts, because each shape trusts them differently. `status` is an element that
    Microsoft's feeds have.
    """

    id: str = ""
    link: str = ""
    title: str = ""
    body: str = ""
    is_markup: bool = True
    published: str = ""
    updated: str = ""
    status: str = ""


class Feed(Struct, frozen=True, kw_only=True):
    """A feed; `dialect` is "atom", "rss", "rdf", "json" or "odd"."""

    dialect: str
    id: str = ""
    title: str = ""
    link: str = ""
    description: str = ""
    generator: str = ""
    author: str = ""
    entries: tuple[Entry, ...] = ()


def read_feed(response: Response, format: str) -> Feed:
    """The feed that an answer holds. Raises ReadError in the name of `format` if it is none."""
    text = text_of(response).lstrip()
    if text[:1] == "{":
        return _json_feed(text, response, format)
    root = _root_name(text, response, format)
    data = text.encode("utf-8", "replace")
    try:
        tree = etree.fromstring(data, _parser(recover=False))
    except etree.XMLSyntaxError as error:
        if not _ends_whole(text, root):
            _refuse(response, format, f"line {error.lineno}", "the body was cut", Unreadable.CUT)
        return _recovered(text, response, format)
    feed = _from_tree(tree, response.url)
    if feed is None:
        _refuse(response, format, f"<{root}>", "not the root of a feed")
    return feed


def instant(text: str) -> datetime | None:
    """An instant in either syntax that feeds use; None if it is in neither."""
    return parse_iso(text) or parse_rfc822(text)


def _parser(*, recover: bool) -> Any:
    return etree.XMLParser(
        encoding="utf-8",
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _refuse(
    response: Response,
    format: str,
    place: str,
    problem: str,
    reason: Unreadable = Unreadable.NOT_THE_FORMAT,
) -> NoReturn:
    raise ReadError(response.url, format, place, problem, reason=reason)


def _root_name(text: str, response: Response, format: str) -> str:
    """The name of the root element.

    Raises ReadError for an empty body, a web page, a body cut before its root, and a
    document type that could declare entities (XML 1.0, section 2.8): no feed needs one.
    """
    place = 0
    while True:
        while text[place : place + 1].isspace():
            place += 1
        if text.startswith("<?", place):
            closing, size = text.find("?>", place), 2
        elif text.startswith("<!--", place):
            closing, size = text.find("-->", place), 3
        elif text[place : place + 9].upper() == "<!DOCTYPE":
            closing, size = text.find(">", place), 1
            if text[place + 9 : place + 20].strip().lower().startswith("html"):
                break
            if "[" in text[place : closing if closing >= 0 else len(text)]:
                _refuse(response, format, "the document type", "it declares entities")
        else:
            break
        if closing < 0:
            _refuse(response, format, "the prologue", "the body was cut", Unreadable.CUT)
        place = closing + size
    if text[place : place + 1] not in {"<", ""}:
        return _odd_root(text, response, format)
    head = text[place + 1 : place + 1 + 200]
    name = head.replace(">", " ").replace("/", " ").partition(" ")[0].split("\n")[0].strip()
    if len(text) - place <= 200 and ">" not in head:
        _refuse(response, format, "the root", "the body is empty or cut", Unreadable.CUT)
    if name not in {"feed", "rss", "rdf:RDF"} and name.partition(":")[2] != "feed":
        reason, problem = why_not(response, text[place:])
        _refuse(response, format, f"<{name[:40]}>", problem, reason)
    return name


def _odd_root(text: str, response: Response, format: str) -> str:
    """The root of a feed behind other text, for example a warning of the server's script."""
    head = text[:4_096]
    for name in ("rss", "feed", "rdf:RDF"):
        if f"<{name} " in head or f"<{name}>" in head:
            return name
    reason, problem = why_not(response, text)
    _refuse(response, format, "the beginning", problem, reason)


def _ends_whole(text: str, root: str) -> bool:
    """Whether a body ends with its root's closing tag, apart from comments behind it."""
    text = text.rstrip()
    while text.endswith("-->") and "<!--" in text:
        text = text[: text.rindex("<!--")].rstrip()
    return text.endswith(f"</{root}>")


def _recovered(text: str, response: Response, format: str) -> Feed:
    """A feed with small faults in its XML, such as a bare ampersand or a control character."""
    data = "".join(map(_mended, _slices(text))).encode("utf-8", "replace")
    parser = _parser(recover=True)
    try:
        tree = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        tree = None
    if any(error.type in _CUT_WITHIN for error in parser.error_log):
        _refuse(response, format, "the end", "the body was cut", Unreadable.CUT)
    feed = None if tree is None else _from_tree(tree, response.url)
    if feed is None and len(text) <= _MAX_ODD:
        feed = _odd(data, response)
    if feed is None:
        _refuse(response, format, "the root", "no feed, even by recovery")
    return feed


def _mended(text: str) -> str:
    return _BARE.sub("&amp;", text.translate(_ILLEGAL))


def _slices(text: str) -> Iterator[str]:
    """A text in slices; no slice ends within a reference.

    Python holds its lock for all of a call, so that even a thread that mends eight megabytes
    at once stops the event loop for half a second.
    """
    start = 0
    while start < len(text):
        end = start + _SLICE
        if end < len(text):
            reference = text.rfind("&", end - _LONGEST_REFERENCE, end)
            end = end if reference < 0 else reference
        yield text[start:end]
        start = end


def _from_tree(root: Any, base: str) -> Feed | None:
    dialect = _ROOTS.get(root.tag)
    if dialect == "atom":
        entries = root.findall(f"{_ATOM}entry")[:MAX_ENTRIES]
        return Feed(
            dialect=dialect,
            id=_child(root, f"{_ATOM}id"),
            title=_child(root, f"{_ATOM}title"),
            link=_atom_link(root, base),
            generator=_child(root, f"{_ATOM}generator"),
            author=_child(root, f"{_ATOM}author/{_ATOM}name"),
            entries=tuple(_entry(entry, base) for entry in entries),
        )
    space = _RSS1 if dialect == "rdf" else ""
    channel = root.find(f"{space}channel") if dialect else None
    if dialect is None or channel is None:
        return None
    items = (root if dialect == "rdf" else channel).findall(f"{space}item")[:MAX_ENTRIES]
    return Feed(
        dialect=dialect,
        title=_child(channel, f"{space}title"),
        link=_child(channel, f"{space}link"),
        description=_child(channel, f"{space}description"),
        generator=_child(channel, "generator"),
        entries=tuple(_entry(item, base) for item in items),
    )


def _child(element: Any, path: str) -> str:
    found = element.find(path)
    return "" if found is None else _text(found)


def _text(element: Any) -> str:
    if len(element) == 0:
        return (element.text or "").strip()
    return unescape("".join(element.itertext())).strip()


def _entry(element: Any, base: str) -> Entry:
    values: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for child in element:
        field = _FIELDS.get(child.tag)
        if field is None or field in values:
            continue
        values[field] = _markup(child) if field in {"body", "summary"} else _text(child)
        if field in {"body", "summary"}:
            kinds[field] = child.get("type", "html")
        elif field == "title" and child.get("type") == "html":
            values[field] = to_text(values[field])
        elif field == "id" and child.tag == "guid" and child.get("isPermaLink") != "false":
            values.setdefault("guid_link", values["id"])
    if element.tag == f"{_ATOM}entry":
        values["link"] = _atom_link(element, base)
    chosen = "body" if values.get("body") else "summary"
    return Entry(
        id=values.get("id", ""),
        link=_absolute(values.get("link", "") or values.get("guid_link", ""), base),
        title=values.get("title", ""),
        body=values.get(chosen, ""),
        is_markup=kinds.get(chosen, "html") != "text",
        published=values.get("published", ""),
        updated=values.get("updated", ""),
        status=values.get("status", ""),
    )


def _markup(element: Any) -> str:
    """The text of an element, or the markup in it (Atom's `type="xhtml"`)."""
    if len(element) == 0:
        return (element.text or "").strip()
    inner = (etree.tostring(child, encoding="unicode") for child in element)
    return f"{element.text or ''}{''.join(inner)}".strip()


def _atom_link(element: Any, base: str) -> str:
    """The address of the page for people: RFC 4287, 4.2.7.2, `rel` is "alternate" by default."""
    for link in element.findall(f"{_ATOM}link"):
        if link.get("rel", "alternate") == "alternate":
            return _absolute(link.get("href", ""), base)
    return ""


def _absolute(address: str, base: str) -> str:
    if not address or address.lower().startswith(("http://", "https://")):
        return address
    try:
        return urljoin(base, address)
    except ValueError:
        return ""


class _JsonItem(Struct, frozen=True):
    id: Any = ""
    url: str | None = ""
    title: str | None = ""
    content_html: str | None = ""
    content_text: str | None = ""
    date_published: str | None = ""
    date_modified: str | None = ""


class _JsonFeed(Struct, frozen=True):
    version: str = ""
    title: str | None = ""
    home_page_url: str | None = ""
    items: tuple[_JsonItem, ...] = ()


def _json_feed(text: str, response: Response, format: str) -> Feed:
    """JSON Feed, https://www.jsonfeed.org/version/1.1/."""
    try:
        document = msgspec.json.decode(text, type=_JsonFeed)
    except (msgspec.DecodeError, RecursionError) as error:
        cut = "truncated" in str(error)
        reason = Unreadable.CUT if cut else Unreadable.NOT_THE_FORMAT
        _refuse(response, format, "$", str(error), reason)
    if not document.version.startswith("https://jsonfeed.org/version/"):
        _refuse(response, format, "$.version", "JSON, but not a JSON Feed")
    entries = (
        Entry(
            id=str(item.id or ""),
            link=_absolute(item.url or "", response.url),
            title=item.title or "",
            body=item.content_html or item.content_text or "",
            is_markup=bool(item.content_html),
            published=item.date_published or "",
            updated=item.date_modified or "",
        )
        for item in document.items[:MAX_ENTRIES]
    )
    return Feed(
        dialect="json",
        title=document.title or "",
        link=document.home_page_url or "",
        entries=tuple(entries),
    )


def _odd(data: bytes, response: Response) -> Feed | None:
    """What feedparser makes of it. It is only ever given a stream: it opens texts as paths."""
    import feedparser  # noqa: PLC0415 - slow to load, and needed for almost no feed

    try:
        document: Any = feedparser.parse(
            BytesIO(data), sanitize_html=False, resolve_relative_uris=False
        )
    except Exception:  # noqa: BLE001 - a guess at a broken document may fail in any way
        return None
    if not document.version:
        return None
    return Feed(
        dialect="odd",
        title=_said(document.feed, "title"),
        link=_said(document.feed, "link"),
        entries=tuple(_odd_entry(entry, response.url) for entry in document.entries[:MAX_ENTRIES]),
    )


def _odd_entry(entry: Any, base: str) -> Entry:
    bodies = (_said(part, "value") for part in entry.get("content") or ())
    return Entry(
        id=_said(entry, "id"),
        link=_absolute(_said(entry, "link"), base),
        title=_said(entry, "title"),
        body=next(bodies, "") or _said(entry, "summary"),
        published=_said(entry, "published"),
        updated=_said(entry, "updated") if "updated" in entry else "",
    )


def _said(mapping: Any, key: str) -> str:
    return str(mapping.get(key) or "")
