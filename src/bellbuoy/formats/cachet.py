"""Cachet 2: the four lists of its public API below `/api/v1`.

    incidents ──> the newest hundred, each with its messages
         ├─> components and their groups
         └─> schedules: planned work

Documented at https://docs.cachethq.io; it needs no key. All four are asked at each look, since
none of them changes with the others (so every visit owes the next one).

Recognised by a page of rows in its own words: `status_name` of a component, `human_status` of
an incident or a schedule, `lowest_human_status` of a group.

Identity: the vendor's numbers. A schedule's is `schedule-<id>`, since both count from 1. The
text of an incident itself is its first message, and of a schedule its only one: `message`.

Words are numbers, because the words beside them are translated; those are kept as they came.
Incidents: 1 investigating, 2 identified, 3 monitoring, 4 resolved. `status` stays what it was at
first, so `latest_status` counts. An incident has no impact. Components: 1 operational, 2
degraded, 3 partial and 4 major outage, 5 maintenance. Planned work: 0 scheduled, 1 in progress,
2 completed; it carries a `completed_at` long before it is over, which is not read.

Window: the newest hundred incidents of all there ever were; up to that many the list is
complete, and so are the other lists. What has a smaller number than all that is known, and is
over, was only moved into the list because another one was taken out.

Times are local to a server that does not name its zone, so none is known. Messages come newest
first. `duration` moves with each answer and is no change. `sort` is read from the source of 2.4
(https://github.com/cachethq/cachet).

Cannot say: when anything was, how bad it is, regions, more than a hundred components.

Does not decide what changed (`detection.merge`).

No recording verified: the order of rows that `sort` asks for; an incident with a component
(`component_id` other than 0); component numbers other than 1; planned work that has begun or is
over, and its components; lists of more than one page; version 3, whose documents differ and are
not read; what a web page of Cachet looks like.
"""

from collections.abc import Generator

import msgspec

from bellbuoy.errors import FetchError, ReadError, VisitError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._cachet_look import Look
from bellbuoy.formats._cachet_wire import Document, Row
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.model.facts import Page, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "cachet"
PLATFORM: str | None = None
PROBES = ("api/v1/components",)

_NEWEST = "?per_page=100&sort=id&order=desc"
_INCIDENTS = f"api/v1/incidents{_NEWEST}"
_SCHEDULES = f"api/v1/schedules{_NEWEST}"
_GROUPS = "api/v1/components/groups?per_page=100"
_COMPONENTS = "api/v1/components?per_page=100"

_MOST_ASKED = 5
"""How many incidents are asked for at their own addresses in one visit."""

Asking = Generator[Request, Response, None]


def claims(response: Response) -> Claim | None:
    """Any of the four lists, if it has a row."""
    root = page_root(response.url, {"api"})
    if root is None or not response.body[:64].lstrip().startswith(b"{"):
        return None
    try:
        rows = msgspec.json.decode(response.body, type=Document).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    row = decode_entry(rows[0], Row) if rows else None
    is_mine = row is not None and row.is_mine
    return Claim(format=NAME, url=root, name=host(root)) if is_mine else None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Only the incidents must be readable; the other lists may be away.

    Raises ReadError if the incidents are not Cachet's.
    """
    response = yield _get(page.at(_INCIDENTS))
    document = decode(response, Document, format=NAME)
    look = Look(seen, document)
    if document.data and not look.is_mine:
        raise ReadError(response.url, NAME, "$.data", "no row is an incident of Cachet's")
    takers = {
        _GROUPS: look.take_groups,
        _COMPONENTS: look.take_components,
        _SCHEDULES: look.take_schedules,
    }
    for path, take in takers.items():
        try:
            response = yield _get(page.at(path))
            if not response.not_modified:
                take(decode(response, Document, format=NAME))
        except VisitError:
            continue
    yield from _ask_missing(look)
    return look.snapshot()


def _get(url: str) -> Request:
    return Request.get(url, accept="application/json")


def _ask_missing(look: Look) -> Asking:
    """Ask whether incidents that are long missing still have an address."""
    missing = [(id, url) for id, url in look.seen.missing.items() if url and id not in look.ids]
    for id, url in missing[:_MOST_ASKED]:
        try:
            yield Request.get(url)
        except FetchError as error:
            if error.status in {404, 410}:
                look.gone.add(id)
