"""Instatus: the public JSON of a page, and the data within its web page for the texts.

    summary.json ──> what is not over
         ├─> v3/components.json    every component (else v2/components.json)
         └─ an incident is new or changed, or one vanished?
              └─> the web page     its messages and components; how it ended

Documented at https://instatus.com/help/api/public-data. It needs no key. A list that is absent
from the summary is empty. `page.status` is no word on incidents: it said UP beside an open one.

- Recognised by `page.status` in the vendor's own words, by a list of components in such words
  and this shape, or by a web page whose data names the vendor.
- An incident is known by its id (a cuid), an update by the id in the web page's data, so an
  edit is told from a new message.
- The summary lists all incidents that are open, and the web page those of 90 days: a window
  that cannot overflow. There is no history of messages once an incident is over.
- An end without its last words: the summary drops what is over, and the web page then tells
  status and time of the end only.

Caches may serve an older web page beside a newer summary, so it is asked once more after it
answered. What it says of open incidents counts only for those that the summary lists.

Cannot say: regions; the text of an ending; the end of planned work where the web page does not
list it. `history.atom` and `history.rss` exist, but no recording shows them.

Does not decide what changed (`detection.merge`).

No recording verified: anything within `activeMaintenances` (read as documented); an id taken
from `url`, where the documentation shows none; `children` that are not empty; MINOROUTAGE,
UNDERMAINTENANCE, MONITORING and the words of planned work; the updates in a web page later than
2023, whose other texts come as one for each language.
"""

from collections.abc import Generator

import msgspec
from msgspec import Raw, Struct

from bellbuoy.errors import FetchError, ReadError, Unreadable, VisitError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._instatus_look import Look
from bellbuoy.formats._instatus_page import is_mine, read_notices
from bellbuoy.formats._instatus_wire import (
    ABSENT,
    COMPONENT_STATUSES,
    ComponentList,
    Head,
    Rows,
    Summary,
)
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.formats._markup import Tag, tokens
from bellbuoy.model.facts import Page, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "instatus"
PLATFORM: str | None = "instatus"
PROBES = ("summary.json",)

_COMPONENTS = ("v3/components.json", "v2/components.json")
_PAGE_STATUSES = frozenset({"UP", "HASISSUES", "UNDERMAINTENANCE"})
_MOST_ASKED = 5
"""How many incidents are asked for at their own addresses in one visit."""

_ID_LENGTHS = range(24, 28)
_HEAD = 65_536

Asking = Generator[Request, Response, None]


class _Below:
    """What lies directly below a page: its documents, and its incidents by their ids."""

    _NAMES = frozenset(
        {"api", "v2", "v3", "summary.json", "history.atom", "history.rss", "history", "default"}
        | {"incident", "maintenance", "subscribe", "public-api"}
    )

    def __contains__(self, segment: object) -> bool:
        return segment in self._NAMES or (isinstance(segment, str) and _is_id(segment))


class _Document(Struct):
    page: Raw = ABSENT
    components: Rows = None


class _Component(Struct, rename="camel"):
    status: str | None = None
    group: Raw | msgspec.UnsetType = msgspec.UNSET
    is_parent: Raw | msgspec.UnsetType = msgspec.UNSET


def claims(response: Response) -> Claim | None:
    """Its JSON or its web page, by words and data that no other has."""
    root = page_root(response.url, _Below())
    text = text_of(response).lstrip()
    if root is None:
        return None
    if text.startswith("{"):
        name = _name_in_json(text)
    else:
        name = _title(text) if is_web_page(text) and is_mine(text) else None
    return None if name is None else Claim(format=NAME, url=root, name=name or host(root))


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Only `summary.json` must be readable; what else is asked may be away.

    Raises ReadError if the summary is not Instatus's.
    """
    response = yield _get(page.at("summary.json"))
    summary = decode(response, Summary, format=NAME)
    look = Look(page, seen, summary, _identified(summary, response.url))
    yield from _ask_components(look)
    if look.wants_page:
        yield from _ask_page(look)
    yield from _ask_missing(look)
    return look.snapshot()


def _get(url: str, accept: str = "application/json") -> Request:
    return Request.get(url, accept=accept)


def _identified(summary: Summary, url: str) -> Head:
    head = decode_entry(summary.page, Head)
    if head is None:
        raise ReadError(url, NAME, "$.page", "there is no such object")
    if not head.status or not (head.name or head.url):
        raise ReadError(url, NAME, "$.page.status", "a page of Instatus has a status and a name")
    return head


def _ask_components(look: Look) -> Asking:
    """Ask for the components, in the first version that the page has."""
    for path in _COMPONENTS:
        try:
            response = yield _get(look.page.at(path))
            if not response.not_modified:
                look.take_components(decode(response, ComponentList, format=NAME))
        except VisitError as error:
            look.note_unread(error)
        else:
            return


def _ask_page(look: Look) -> Asking:
    """Ask for the web page, which alone holds messages and ends."""
    try:
        response = yield _get(look.page.at(""), "text/html")
        if response.not_modified:
            look.note_page(is_final=False)
        else:
            active, recent = read_notices(response, NAME)
            look.take_page(active, recent)
    except VisitError as error:
        is_final = error.reason in {Unreadable.GONE, Unreadable.NOT_THE_FORMAT}
        look.note_page(is_final=is_final)


def _ask_missing(look: Look) -> Asking:
    """Ask whether incidents that are long missing still have an address."""
    missing = [(id, url) for id, url in look.seen.missing.items() if url and id not in look.told]
    for id, url in missing[:_MOST_ASKED]:
        try:
            yield _get(url, "*/*")
        except FetchError as error:
            if error.status in {404, 410}:
                look.gone.add(id)


def _name_in_json(text: str) -> str | None:
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, RecursionError):
        return None
    head = decode_entry(document.page, Head)
    if head is not None and head.status in _PAGE_STATUSES and head.url:
        return head.name or ""
    rows = [decode_entry(raw, _Component) for raw in (document.components or ())[:50]]
    return "" if rows and all(map(_is_component, rows)) else None


def _is_component(row: _Component | None) -> bool:
    if row is None or row.status not in COMPONENT_STATUSES:
        return False
    return row.group is not msgspec.UNSET or row.is_parent is not msgspec.UNSET


def _is_id(segment: str) -> bool:
    """Whether it has the form of a cuid (https://github.com/paralleldrive/cuid)."""
    return (
        len(segment) in _ID_LENGTHS
        and segment[0] == "c"
        and segment.isascii()
        and segment.isalnum()
        and segment == segment.lower()
    )


def _title(text: str) -> str:
    """What "Whereby - Status" is about."""
    stream = tokens(text[:_HEAD])
    for token in stream:
        if isinstance(token, Tag) and token.name == "title" and token.begins:
            title = next(stream, "")
            words = " ".join(title.split()) if isinstance(title, str) else ""
            return words.removesuffix(" Status").removesuffix(" -")
    return ""
