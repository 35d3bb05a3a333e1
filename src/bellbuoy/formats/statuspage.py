"""Atlassian Statuspage: the public JSON below `/api/v2` of every page.

    summary.json ──> what is not over, and every component
         └─ something vanished, or the page's stamp moved for no visible reason?
              ├─> incidents.json                 how incidents ended (the latest 50)
              ├─> scheduled-maintenances.json    how planned work ended (the latest 50)
              └─> incidents/<id>.json            how those ended that not even these list

Each page documents it at its own `/api` (https://www.githubstatus.com/api). It needs no key.
`summary.json` lists only what is not over: an incident that ends just vanishes from it.

Does not decide what changed (`detection.merge`). Every entry is known by the hash of its
bytes: one that was read before is named in `Snapshot.unchanged`, not decoded again.

No recording verified: `scheduled-maintenances.json` and the address of a single incident, so the
words `verifying`, `completed`, `cancelled` and `postmortem`; a list of 50 incidents (the recorded
ones were cut); what the address of an incident that was taken away answers; the web page, and the
header `x-statuspage-version`.
"""

from collections.abc import Generator
from urllib.parse import quote

from msgspec import Raw

from bellbuoy.errors import FetchError, ReadError, VisitError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.formats._statuspage_look import HISTORIES, Look
from bellbuoy.formats._statuspage_marks import claim, is_own_id, is_ulid
from bellbuoy.formats._statuspage_wire import Document, Head
from bellbuoy.model.facts import IncidentKind, Page, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "statuspage"
PLATFORM = "statuspage"
PROBES = ("api/v2/summary.json",)


def claims(response: Response) -> Claim | None:
    """Whether an answer is Statuspage's: its JSON, its HTML or its history feed."""
    return claim(response, NAME)


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Only `summary.json` must be readable; the other documents may be away.

    Raises ReadError if the summary is not Statuspage's own; incident.io's imitation is not.
    """
    response = yield _get(page, "api/v2/summary.json")
    summary = decode(response, Document, format=NAME)
    look = Look(page, seen, summary, _identified(summary, response.url))
    for kind in IncidentKind:
        if look.must_ask(kind):
            yield from _ask_history(look, kind)
    yield from _ask_unlisted(look)
    yield from _ask_missing(look)
    return look.snapshot()


def _get(page: Page, path: str) -> Request:
    return Request.get(page.at(path), accept="application/json")


def _identified(summary: Document, url: str) -> Head:
    """The document's `page`, if it is Statuspage's own."""
    head = decode_entry(summary.page, Head)
    if head is None:
        said = f"; the document says {str(summary.error)[:100]!r}" if summary.error else ""
        raise ReadError(url, NAME, "$.page", f"there is no such object{said}")
    if is_ulid(head.id or ""):
        problem = "this is incident.io's imitation of Statuspage; say `format: incidentio`"
        raise ReadError(url, NAME, "$.page.id", problem)
    # Copies that people trim keep the id; imitations have neither such an id nor a zone.
    if not is_own_id(head.id or "") and not head.time_zone:
        raise ReadError(url, NAME, "$.page.id", "neither an id nor a time zone of Statuspage's")
    if summary.components is None and summary.incidents is None:
        raise ReadError(url, NAME, "$", "it lists neither components nor incidents")
    return head


def _ask_history(look: Look, kind: IncidentKind) -> Generator[Request, Response]:
    """Ask for the latest incidents of a kind."""
    try:
        response = yield _get(look.page, HISTORIES[kind])
        if response.not_modified:
            look.take_same_history(kind)
        else:
            look.take_history(decode(response, Document, format=NAME), kind)
    except VisitError:
        return


def _ask_unlisted(look: Look) -> Generator[Request, Response]:
    """Ask those for their end that ended without a trace in the histories.

    Cloudflare has more planned work ahead than a history holds, so what ended is not in it.
    """
    for id in look.some(look.ended_unseen()):
        try:
            response = yield _get(look.page, f"incidents/{quote(id, safe='')}.json")
            look.take_end(id, decode(response, Raw, format=NAME))
        except VisitError:
            continue


def _ask_missing(look: Look) -> Generator[Request, Response]:
    """Ask whether incidents that are long missing still have an address."""
    for id in look.some(look.seen.missing.keys() - look.listed):
        try:
            yield Request.get(look.page.at(f"incidents/{quote(id, safe='')}"))
        except FetchError as error:
            if error.status in {404, 410}:
                look.gone.add(id)
