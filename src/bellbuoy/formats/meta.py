"""Meta: how the services of its business and developer platforms are.

    data/orgs.json ──> every product with its services, and one word for each of those

The page is https://metastatus.com, its document is https://metastatus.com/data/orgs.json and is not
documented. Consumer Facebook, Instagram and WhatsApp are not on it.

Recognised by a list of products with `rss_file_paths` and `services`, or as a web page by its own
host. The RSS files that it names are read by `formats.feed`, at their own addresses.

Components: each service, with its product as `group`, known by the ids of both. The list is
complete. "No known issues" is operational. Meta writes its words as prose and no recording holds
another one, so any other is unknown, with the word kept: it is never green.

Cannot say: incidents, their messages and ends, planned work, regions. There is no history.
No recording verified: any word but "No known issues"; what `time` holds beside another word; the
RSS files; the web page.
"""

import msgspec
from msgspec import Raw, Struct

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.model.facts import Component, ComponentStatus, Page, Part, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "meta"
PLATFORM: str | None = None
PROBES = ("data/orgs.json",)
HOSTS = ("metastatus.com", "www.metastatus.com")

_HOME = "https://metastatus.com"
_BELOW = frozenset({"data"})
_MOST_ENTRIES = 2_000
_FINE = "No known issues"

Text = str | None


class _ServiceRow(Struct, gc=False):
    id: int | str | None = None
    name: Text = None
    status: Text = None


class _OrgRow(Struct):
    id: Text = None
    name: Text = None
    rss_file_paths: list[Raw] | None = None
    services: list[Raw] | None = None


class _WholeOrg(Struct):
    """A product of which every service is as expected."""

    id: str
    name: str
    services: list[_ServiceRow]


def claims(response: Response) -> Claim | None:
    """A list of products with their RSS files, or a web page at Meta's own host."""
    root = page_root(response.url, _BELOW)
    if root is None:
        return None
    is_home = host(root) in HOSTS
    name = "Meta" if is_home else host(root)
    if response.body[:64].lstrip()[:1] != b"[":
        is_own_page = is_home and is_web_page(text_of(response))
        return Claim(format=NAME, url=_HOME, name=name) if is_own_page else None
    try:
        rows = decode(response, list[Raw], format=NAME)
    except ReadError:
        return None
    org = decode_entry(rows[0], _OrgRow) if rows else None
    if org is None or not (org.id and org.name) or org.rss_file_paths is None:
        return None
    return Claim(format=NAME, url=root, name=name) if org.services is not None else None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:  # noqa: ARG001 - nothing is asked twice
    """Read the page. Raises ReadError if the answer names no service."""
    response = yield Request.get(page.at(PROBES[0]), accept="application/json")
    components, is_whole = _components(response)
    if not components:
        raise ReadError(response.url, NAME, "$", "no product has a service")
    return Snapshot(
        components=tuple(components.values()),
        complete=frozenset({Part.COMPONENTS} if is_whole else ()),
        name="Meta" if host(page.url) in HOSTS else None,
    )


def _components(response: Response) -> tuple[dict[str, Component], bool]:
    """The services by their ids, and whether these are all that the document lists."""
    try:
        orgs = msgspec.json.decode(response.body, type=list[_WholeOrg])
        is_whole = True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        orgs, is_whole = _readable(decode(response, list[Raw], format=NAME))
    components: dict[str, Component] = {}
    count = 0
    for org in orgs:
        for service in org.services:
            count += 1
            if service.id in (None, "") or not service.name or count > _MOST_ENTRIES:
                is_whole = False
                continue
            id = f"{org.id}/{service.id}"
            word = service.status or ""
            status = ComponentStatus.OPERATIONAL if word == _FINE else ComponentStatus.UNKNOWN
            components[id] = Component(
                id=id, name=service.name, status=status, status_raw=word, group=org.name
            )
    return components, is_whole and len(components) == count


def _readable(rows: list[Raw]) -> tuple[list[_WholeOrg], bool]:
    """Those products that can be read, and whether that is all of everything."""
    orgs: list[_WholeOrg] = []
    is_whole = True
    for raw in rows[:_MOST_ENTRIES]:
        org = decode_entry(raw, _OrgRow)
        if org is None or not (org.id and org.name) or org.services is None:
            is_whole = False
            continue
        services = [row for one in org.services if (row := decode_entry(one, _ServiceRow))]
        is_whole = is_whole and len(services) == len(org.services)
        orgs.append(_WholeOrg(org.id, org.name, services))
    return orgs, is_whole and len(rows) <= _MOST_ENTRIES
