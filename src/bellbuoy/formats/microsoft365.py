"""Microsoft 365: what https://status.cloud.microsoft says of the services that need no tenant.

    api/posts/m365Consumer ──> the consumer services, each with its status
    api/posts/mac          ──> Microsoft Admin Center
    api/posts/azure        ──> Azure

The page itself reads these; Microsoft documents them nowhere, but links the page at
https://learn.microsoft.com/microsoft-365/enterprise/view-service-health. They need no key. The
services of a tenant (Exchange, Teams, SharePoint) are told by none of them. A page whose
address ends with `servicestatus/index` is read by the older document of that name, which
portal.office.com gave until 2026. The feeds of the admin center and of Azure belong to
`formats.feed`.

Recognised by the four fields that name and date a consumer service, by the fields of a post at
an address below `api/posts`, or as a web page by its host. A post does not say what it is
about: its address does.

Each service is a component: its id is `ServiceWorkloadName` (the same word in both documents),
or the name of the post. Words: Operational and Available are fine; Service degradation and
Service restored stand in the page's own script. Any other is unknown. Of the older document,
`IsUp` says that a service is up, or nothing: how bad it is when it is not was never seen.

The consumer services are a complete list; components are one if both posts answered too.
There is no stamp: `LastUpdatedTime` is the server's clock. The year 1 stands for "never".

It cannot say: incidents. The message of a post may be a standing notice that is there on a quiet
day too, and no recording shows one on a bad day, so none is made into an incident.

No recording verified: any word for trouble, `Id`, `Title` and `Message` of a service in
trouble, `Messages` of the older document, the post on the Power Platform (not asked), the web
page, and the addresses of the posts (taken from tools that read them).
"""

from collections.abc import Generator, Iterable, Iterator
from urllib.parse import urljoin, urlsplit

from msgspec import UNSET, Raw, Struct, UnsetType

from bellbuoy.errors import ReadError, Unreadable, VisitError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.formats._words import spelling
from bellbuoy.model.facts import Component, ComponentStatus, Page, Part, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "microsoft365"
PLATFORM: str | None = None
PROBES = ("api/posts/m365Consumer",)
HOSTS = ("status.cloud.microsoft",)

_CONSUMER = PROBES[0]
_POSTS = {"mac": "Microsoft Admin Center", "azure": "Azure"}
_OLDER = "/servicestatus/index"
_TITLE = "Microsoft 365"
_MOST = 500

_STATUS = {
    "operational": ComponentStatus.OPERATIONAL,
    "available": ComponentStatus.OPERATIONAL,
    "service_restored": ComponentStatus.OPERATIONAL,
    "service_degradation": ComponentStatus.DEGRADED,
}


class _Service(Struct, rename="pascal"):
    """One consumer service."""

    service_display_name: str = ""
    service_workload_name: str = ""
    status: str = ""
    last_updated_time: str = ""

    @property
    def is_mine(self) -> bool:
        return bool(
            self.service_workload_name
            and self.service_display_name
            and self.status
            and self.last_updated_time
        )


class _Post(Struct, rename="pascal"):
    """What is said of one thing. `Title` and `Id` may be null, but all fields are there."""

    status: str
    last_updated_time: str
    authored_date_time: str
    internal_date_time: str
    title: object
    message: object


class _Up(Struct, rename="pascal"):
    """One service of the older document."""

    id: str = ""
    name: str = ""
    is_up: bool | UnsetType = UNSET


class _OlderDocument(Struct, rename="pascal"):
    services: list[Raw]
    is_all_up: bool


def claims(response: Response) -> Claim | None:
    """The list of services, a post at its own address, or the web page on its host."""
    address, root = canonical(response.url), page_root(response.url, {"api"})
    if address is None or root is None:
        return None
    text = text_of(response).lstrip()
    if is_web_page(text):
        home = urljoin(address, "/") if host(address) in HOSTS else ""
        return Claim(format=NAME, url=home.rstrip("/"), name=_TITLE) if home else None
    path = urlsplit(address).path
    try:
        if text.startswith("["):
            _services(response)
        elif path.endswith(tuple(f"/api/posts/{name}" for name in _POSTS)):
            decode(response, _Post, format=NAME)
        elif path.endswith(_OLDER):
            _older_services(response)
            root = address
        else:
            return None
    except ReadError:
        return None
    return Claim(format=NAME, url=root, name=_TITLE)


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:  # noqa: ARG001 - there are no entries to compare
    """Read the page. Only the consumer services must be readable; the posts may be away.

    Raises ReadError if the answer is no list of such services.
    """
    if urlsplit(page.url).path.endswith(_OLDER):
        response = yield _get(page.url)
        rows, is_whole = _older_services(response)
        return _snapshot(rows, is_whole=is_whole, owes=False)
    response = yield _get(page.at(_CONSUMER))
    components, is_whole = _services(response)
    owes = False
    for name, title in _POSTS.items():
        post = yield from _ask_post(page, name, title)
        if isinstance(post, Component):
            components.append(post)
        else:
            is_whole = False
            owes = owes or post
    return _snapshot(components, is_whole=is_whole, owes=owes)


def _get(url: str) -> Request:
    return Request.get(url, accept="application/json")


def _snapshot(rows: Iterable[Component], *, is_whole: bool, owes: bool) -> Snapshot:
    return Snapshot(
        components=tuple(rows),
        complete=frozenset({Part.COMPONENTS}) if is_whole else frozenset(),
        name=_TITLE,
        owes=owes,
    )


def _ask_post(page: Page, name: str, title: str) -> Generator[Request, Response, Component | bool]:
    """What a post says as a component, or whether its answer is still owed."""
    try:
        response = yield _get(page.at(f"api/posts/{name}"))
        if response.not_modified:
            return False
        post = decode(response, _Post, format=NAME)
    except VisitError as error:
        return error.reason not in {Unreadable.GONE, Unreadable.NOT_THE_FORMAT}
    return Component(id=name, name=title, status=_status(post.status), status_raw=post.status)


def _services(response: Response) -> tuple[list[Component], bool]:
    """The consumer services, and whether every one of them could be read."""
    rows = decode(response, list[Raw], format=NAME)
    found = [
        Component(
            id=row.service_workload_name,
            name=row.service_display_name,
            status=_status(row.status),
            status_raw=row.status,
        )
        for row in (decode_entry(raw, _Service) for raw in rows[:_MOST])
        if row is not None and row.is_mine
    ]
    return _checked(found, len(rows), response)


def _older_services(response: Response) -> tuple[list[Component], bool]:
    rows = decode(response, _OlderDocument, format=NAME).services
    found = [
        Component(
            id=row.id,
            name=row.name,
            status=ComponentStatus.OPERATIONAL if row.is_up else ComponentStatus.UNKNOWN,
            status_raw="IsUp" if row.is_up else "not IsUp",
        )
        for row in (decode_entry(raw, _Up) for raw in rows[:_MOST])
        if row is not None and row.id and row.name and row.is_up is not UNSET
    ]
    return _checked(found, len(rows), response)


def _checked(found: list[Component], rows: int, response: Response) -> tuple[list[Component], bool]:
    """The services, each id once, and whether these are all. Raises ReadError if it is none."""
    if not found:
        raise ReadError(response.url, NAME, "$", "it lists no service of Microsoft's")
    return list(_once(found)), len(found) == rows


def _once(found: Iterable[Component]) -> Iterator[Component]:
    ids: set[str] = set()
    for component in found:
        if component.id not in ids:
            ids.add(component.id)
            yield component


def _status(word: str) -> ComponentStatus:
    return _STATUS.get(spelling(word), ComponentStatus.UNKNOWN)
