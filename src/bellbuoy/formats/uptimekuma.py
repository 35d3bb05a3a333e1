"""Uptime Kuma: a status page of its own watching, by the two documents its web page loads.

    api/status-page/heartbeat/<slug> ──> how each monitor is
         └─> api/status-page/<slug> ──> title, monitors, the pinned incident, planned work

The source is https://github.com/louislam/uptime-kuma (server/routers/status-page-router.js and
server/model/maintenance.js). The page's address holds the slug (`/status/<slug>`); without one
it is `default`, the page that an installation begins with. Both are asked at each look, since
neither changes with the other (so every visit owes the next one).

Recognised by the beats of the first document, or by the slug, the title and the groups of the
second, each under its own path only. A web page is no evidence: paste the address of either.

Identity: the vendor's numbers; planned work is `maintenance-<id>`, since both count from 1. An
incident has one text, which a new one replaces: its update is known by the stamp of that text,
so a new stamp is a new message, and other words under the same one an edit. A message of planned
work is known by the beginning of its time slot, since work that recurs keeps its number.

Words: a pinned incident is open and says no more, so it is `investigating`. Its `style` is a
colour and stays raw; the impact is unknown. A monitor is as its latest beat says: 0 is a major
outage, 1 operational, 3 maintenance; 2 (pending: it failed, and is tried again) is unknown.
Planned work is `scheduled`, `under-maintenance` or `ended`.

Window: what is pinned or planned now, and every monitor: complete lists, without history. The
page has one place for an incident, and it is the only address of it: what stands there no more
was taken down by hand, and is withdrawn after the usual wait. So is planned work. Neither is
ever told to be resolved.

Times name no zone and are not known, but those of planned work state its offset.

Cannot say: how an incident ended, which monitors it hits, when a monitor failed, regions.

Does not decide what changed (`detection.merge`).

No recording verified: version 2's `incidents`, a list, which is not read; `incident: null`; a
`style` other than warning; beats of 2; planned work that is `scheduled`, `ended`, that recurs or
has another zone than UTC; tags and certificates; the web page.
"""

from urllib.parse import urlsplit

import msgspec

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.formats._uptimekuma_look import (
    REFUSED,
    BeatLists,
    Config,
    Document,
    Look,
    latest_of,
)
from bellbuoy.model.facts import Page, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "uptimekuma"
PLATFORM: str | None = None
PROBES = ("api/status-page/default",)

_DOCUMENT = "/api/status-page/"
_BEATS = "/api/status-page/heartbeat/"


def claims(response: Response) -> Claim | None:
    """Either document, under the path that holds the slug of its page."""
    path = urlsplit(canonical(response.url) or "").path
    if _DOCUMENT not in path or not response.body[:64].lstrip().startswith(b"{"):
        return None
    root, slug = _whereabouts(response.url)
    try:
        name = _name_in_beats(response) if _BEATS in path else _name_in_document(response)
    except REFUSED:
        return None
    url = canonical(f"{root}/status/{slug}")
    if name is None or url is None or not slug or "/" in slug:
        return None
    return Claim(format=NAME, url=url, name=name or host(url))


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if either document is not Uptime Kuma's.

    The beats come first, because they differ at nearly every look, and what a face is like is
    not written to the store.
    """
    root, slug = _whereabouts(page.url)
    response = yield _get(f"{root}{_BEATS}{slug}")
    beats = decode(response, BeatLists, format=NAME)
    response = yield _get(f"{root}{_DOCUMENT}{slug}")
    document = decode(response, Document, format=NAME)
    config = decode_entry(document.config, Config)
    if config is None or config.slug is None or document.public_group_list is None:
        raise ReadError(response.url, NAME, "$.config", "no slug and groups of a status page")
    look = Look(f"{root}/status/{slug}", seen)
    look.take_incident(document.incident)
    look.take_planned(document.maintenance_list)
    look.take_monitors(document.public_group_list, beats)
    return look.snapshot(config.title)


def _get(url: str) -> Request:
    return Request.get(url, accept="application/json")


def _whereabouts(address: str) -> tuple[str, str]:
    """Where an installation lies, and the slug of the page that an address names there."""
    address = address.partition("#")[0].partition("?")[0].rstrip("/")
    for mark in (_BEATS, _DOCUMENT, "/status/"):
        root, found, slug = address.rpartition(mark)
        if found and "://" in root:
            return root, slug
    root = address.removesuffix("/status")
    return (root if "://" in root else address), "default"


def _name_in_document(response: Response) -> str | None:
    document = msgspec.json.decode(response.body, type=Document)
    config = decode_entry(document.config, Config)
    if config is None or config.slug is None or config.title is None:
        return None
    return config.title if document.public_group_list is not None else None


def _name_in_beats(response: Response) -> str | None:
    lists = msgspec.json.decode(response.body, type=BeatLists)
    beats = [latest_of(raw) for raw in lists.heartbeat_list.values()]
    return "" if any(beat and beat.status is not None and beat.time for beat in beats) else None
