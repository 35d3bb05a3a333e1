"""incident.io: its imitation of Statuspage's JSON, joined by address with its feed.

    summary.json ──> what is not over, and some of the components
         ├─ something vanished, or the page's stamp moved for no visible reason?
         │    └─> incidents.json    how it ended, where the page has this document
         └─ an incident is new, changed or still unexplained?
              └─> feed.atom         its components; how it ended, with the latest words only

Only the feed names an incident's components. The JSON has no time zone, leaves empty lists
out, and lists 25 components at most, another choice in another order each time: a component
that is missing says nothing. All ids are ULIDs. None of it is documented (the imitated API is,
https://www.githubstatus.com/api); it was taken from recordings and from tools that read it.

Does not decide what changed (`detection.merge`). Entries are known by their hashes, as in
`formats.statuspage`; those of the feed under `feed:`, and under `end:` where only the feed
told the end.

No recording verified: `incidents.json`; planned work, in the JSON or in the feed; the words
`fixing`, `full_outage` and `under_maintenance`; an impact other than `none` and `minor`; a feed of
full length (the recorded ones were cut to their first entries); what the address of an incident
that was taken away answers.
"""

from collections.abc import Generator

from bellbuoy.errors import FetchError, VisitError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim, _incidentio_marks
from bellbuoy.formats._incidentio_look import Document, Look
from bellbuoy.formats._json import decode
from bellbuoy.formats._syndication import read_feed
from bellbuoy.model.facts import Page, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "incidentio"
PLATFORM: str | None = "incident.io"
PROBES = ("api/v2/summary.json", "feed.atom")

_SUMMARY = "api/v2/summary.json"
_INCIDENTS = "api/v2/incidents.json"
_FEEDS = ("feed.atom", "feed.rss")

_MOST_ASKED = 5
"""How many incidents are asked for at their own addresses in one visit."""

Asking = Generator[Request, Response, None]


def claims(response: Response) -> Claim | None:
    """Its JSON, its feed or its HTML, by marks that no other has."""
    return _incidentio_marks.claim(response, NAME)


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Only `summary.json` must be readable; what else is asked may be away.

    Raises ReadError if the summary is not incident.io's, a true Statuspage's included.
    """
    response = yield _get(page.at(_SUMMARY))
    look = Look(page, seen, decode(response, Document, format=NAME), response.url)
    if look.wants_history:
        yield from _ask_history(look)
    if look.wants_feed:
        yield from _ask_feed(look)
    yield from _ask_missing(look)
    return look.snapshot()


def _get(url: str, accept: str = "application/json") -> Request:
    return Request.get(url, accept=accept)


def _ask_history(look: Look) -> Asking:
    """Ask for the latest incidents. Not every page has this document."""
    try:
        response = yield _get(look.page.at(_INCIDENTS))
        if not response.not_modified:
            look.take_history(decode(response, Document, format=NAME))
    except VisitError as error:
        look.note_unread(error)


def _ask_feed(look: Look) -> Asking:
    """Ask for the feed, in either dialect."""
    errors: list[VisitError] = []
    for path in _FEEDS:
        try:
            response = yield _get(look.page.at(path), "application/atom+xml, application/rss+xml")
            if not response.not_modified:
                look.take_feed(read_feed(response, NAME), response.url)
        except VisitError as error:
            errors.append(error)
        else:
            return
    for error in errors:
        look.note_unread(error)


def _ask_missing(look: Look) -> Asking:
    """Ask whether incidents that are long missing still have an address."""
    missing = [(id, url) for id, url in look.seen.missing.items() if url and not look.lists(id)]
    for id, url in missing[:_MOST_ASKED]:
        try:
            yield _get(url, "*/*")
        except FetchError as error:
            if error.status in {404, 410}:
                look.gone.add(id)
