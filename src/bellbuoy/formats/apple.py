"""Apple: the one document behind its System Status page.

    data/system_status_en_US.js ──> every service, with its events of the last days

The page is https://www.apple.com/support/systemstatus, its document lies at
https://www.apple.com/support/systemstatus/data/system_status_en_US.js and is not documented. It is
plain JSON today and was JSONP before (`jsonCallback({...});`, as
https://github.com/70-10/apple-system-status reads it); both are read.

Recognised by a list of services with `serviceName`, `redirectUrl` and `events`, or as a web page
by Apple's own address. Another document of this shape (another language, the developers' list)
is watched at its own address.

Identity: an event's `messageId`. It is repeated below every service that it hits, in other words
below some: those are one incident, whose text is all of its texts. An event shows its latest
message only, so an update is the `datePosted` of that.

Words: `ongoing` is investigating (of maintenance: in progress), `resolved` and `completed` are the
end. An Outage is a major, an Issue a minor impact, Maintenance none. There is no title: it is
made of the names of the services and the type.

Components: every service, and the list is complete. A service states no status: it is the worst
of its events that are not over, and operational if all are, which is what the page shows.

Times: start and end are epochs. `datePosted` is a local time with the name of a zone; it is read
by the distance to `startDate`, the same instant as the epoch, where both name the same zone.

Window: events leave some time after their end, and no address tells of them then, so no list of
incidents is complete.

Cannot say: groups, regions, earlier messages, and how an event ended that left between two looks.
No recording verified: an event that is not over (`ongoing` is told by tools that read it,
`completed` is an English word), the types Issue and Maintenance, the JSONP form, `drMessage` and
`drpost` when they are used, the documents in other places, the web page.
"""

from collections.abc import Iterable
from hashlib import sha1

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._apple_wire import ServiceRow, Told, read_component, read_incident
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.model.facts import Page, Part, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "apple"
PLATFORM: str | None = None
PROBES = ("data/system_status_en_US.js",)
HOSTS = ("www.apple.com",)

_HOME = "https://www.apple.com/support/systemstatus"
_DOCUMENT = PROBES[0]
_BELOW = frozenset({"data"})
_LONGEST_CALLBACK = 64
_HEAD = 1_024
_MOST_ENTRIES = 2_000


class _Document(Struct):
    services: list[Raw]


class _WholeDocument(Struct):
    """A document of which every service is as expected: read in one go."""

    services: list[ServiceRow]


def claims(response: Response) -> Claim | None:
    """A document of Apple's shape, or the web page at Apple's own address."""
    address, root = canonical(response.url), page_root(response.url, _BELOW)
    if address is None or root is None:
        return None
    is_home = address == _HOME or address.startswith((f"{_HOME}/", f"{_HOME}?"))
    name = "Apple" if host(root) in HOSTS else host(root)
    if response.body[:_HEAD].lstrip()[:1] == b"<":
        is_own_page = is_home and is_web_page(text_of(response))
        return Claim(format=NAME, url=_HOME, name=name) if is_own_page else None
    try:
        document = _document(response)
    except ReadError:
        return None
    row = decode_entry(document.services[0], ServiceRow) if document.services else None
    if row is None or not row.service_name or row.events is None:
        return None
    if row.redirect_url is msgspec.UNSET:
        return None
    return Claim(format=NAME, url=root if address == f"{root}/{_DOCUMENT}" else address, name=name)


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page, whose address may be that of a document.

    Raises ReadError if the answer names no service.
    """
    url = page.url if page.url.endswith(".js") else page.at(_DOCUMENT)
    response = yield Request.get(url)
    services, is_whole = _services(response)
    if not services:
        raise ReadError(response.url, NAME, "$.services", "no service has a name")
    told: dict[str, list[Told]] = {}
    components = tuple(read_component(name, row, told) for name, row in services.items())
    entries = {id: _hash(places) for id, places in told.items()}
    changed = [id for id, hash in entries.items() if seen.entries.get(id) != hash]
    return Snapshot(
        incidents=tuple(read_incident(id, told[id], page.url) for id in changed),
        components=components,
        complete=frozenset({Part.COMPONENTS} if is_whole else ()),
        unchanged=frozenset(entries.keys() - set(changed)),
        entries=entries,
        name="Apple" if host(page.url) in HOSTS else None,
    )


def _services(response: Response) -> tuple[dict[str, ServiceRow], bool]:
    """The services by their names, and whether these are all that the document lists."""
    plain = _unwrapped(response)
    try:
        rows = msgspec.json.decode(plain.body, type=_WholeDocument).services
        count = len(rows)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raws = decode(plain, _Document, format=NAME).services
        count = len(raws)
        rows = [row for raw in raws[:_MOST_ENTRIES] if (row := decode_entry(raw, ServiceRow))]
    services = {row.service_name: row for row in rows[:_MOST_ENTRIES] if row.service_name}
    return services, len(services) == count


def _document(response: Response) -> _Document:
    return decode(_unwrapped(response), _Document, format=NAME)


def _unwrapped(response: Response) -> Response:
    """The answer without the call around its JSON, if there is one.

    Raises ReadError if the call does not end.
    """
    body = response.body.removeprefix(b"\xef\xbb\xbf").strip()
    opening = body.find(b"(", 0, _LONGEST_CALLBACK)
    if opening < 1 or not _is_callback(body[:opening]):
        return response
    body = body.removesuffix(b";").rstrip()
    if not body.endswith(b")"):
        place = f"byte {len(response.body)}"
        problem = "the document ends too early"
        raise ReadError(response.url, NAME, place, problem, reason=Unreadable.CUT)
    return replace(response, body=body[opening + 1 : -1])


def _is_callback(name: bytes) -> bool:
    text = name.strip().decode("latin-1")
    return text.isascii() and text.replace("$", "_").replace(".", "_").isidentifier()


def _hash(places: Iterable[Told]) -> str:
    digest = sha1(usedforsecurity=False)
    for place in places:
        digest.update(place.service.encode("utf-8", "replace"))
        digest.update(place.raw)
    return digest.hexdigest()[:20]
