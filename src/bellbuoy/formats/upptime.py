"""Upptime: the summary that a repository keeps of its own watching.

    history/summary.json ──> every site, as it was at the latest run

The source is https://github.com/upptime/upptime. A page is one branch of a repository, below
https://raw.githubusercontent.com/OWNER/REPOSITORY/BRANCH; it needs no key. The web page that
Upptime builds lies elsewhere and does not name its repository, so that address is watched.

Recognised by rows with a slug, a status and uptimes as texts, wherever they lie; they are
looked for at that host only.

There are no incidents: Upptime writes them as issues of the repository, which are no part of
this document. A site is a component, known by its slug (two sites of one slug are one here).

Words: `up` is operational, `degraded` degraded, `down` a major outage.

Window: the list of sites is complete, and changes whenever someone edits it. A list without
any site is refused, since nothing in it tells what it is.

All numbers (uptimes and answer times) move with every run, and `dailyMinutesDown` repeats what
the status told: none is read. The document has no time and no name of its own.

Cannot say: incidents and their texts, when a site failed, groups, regions, planned work.

Does not decide what changed (`detection.merge`).

No recording verified: the word `degraded`; a list from another host than GitHub's.
"""

from urllib.parse import urlsplit

from msgspec import Raw, Struct

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.model.facts import Component, ComponentStatus, Page, Part, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "upptime"
PLATFORM: str | None = None
PROBES = ("history/summary.json",)
HOSTS = ("raw.githubusercontent.com",)

_HEAD = 64
_MOST_SITES = 2_000

_C = ComponentStatus
_STATUS = {"up": _C.OPERATIONAL, "degraded": _C.DEGRADED, "down": _C.MAJOR_OUTAGE}


class _Site(Struct, rename="camel"):
    name: str | None = None
    slug: str | None = None
    status: str | None = None
    uptime: str | None = None
    uptime_day: str | None = None

    @property
    def is_mine(self) -> bool:
        texts = (self.slug, self.status, self.uptime, self.uptime_day)
        return all(text is not None for text in texts)


def claims(response: Response) -> Claim | None:
    """A list of sites, with uptimes."""
    root = page_root(response.url, {"history"})
    if root is None or not response.body[:_HEAD].lstrip().startswith(b"["):
        return None
    try:
        rows = decode(response, list[Raw], format=NAME)
    except ReadError:
        return None
    site = decode_entry(rows[0], _Site) if rows else None
    is_mine = site is not None and site.is_mine
    return Claim(format=NAME, url=root, name=_name(root)) if is_mine else None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:  # noqa: ARG001 - there are no entries to compare
    """Read the page. Raises ReadError if the answer lists no site of this shape."""
    response = yield Request.get(page.at("history/summary.json"), accept="application/json")
    rows = decode(response, list[Raw], format=NAME)
    sites = [decode_entry(raw, _Site) for raw in rows[:_MOST_SITES]]
    by_slug = {site.slug: site for site in reversed(sites) if site and site.slug}
    if not any(site.is_mine for site in by_slug.values()):
        raise ReadError(response.url, NAME, "$", "no site of Upptime's in the list")
    is_whole = len(rows) == len(sites) and all(site and site.slug for site in sites)
    components = [_component(slug, site) for slug, site in by_slug.items()]
    return Snapshot(
        components=tuple(reversed(components)),
        complete=frozenset({Part.COMPONENTS}) if is_whole else frozenset(),
    )


def _component(slug: str, site: _Site) -> Component:
    raw = site.status or ""
    status = _STATUS.get(raw, _C.UNKNOWN)
    return Component(id=slug, name=site.name or slug, status=status, status_raw=raw)


def _name(root: str) -> str:
    """The repository's name, else the host's."""
    owner, _, rest = urlsplit(root).path.strip("/").partition("/")
    repository = rest.partition("/")[0]
    return f"{owner}/{repository}" if host(root) in HOSTS and repository else host(root)
