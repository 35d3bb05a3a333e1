"""Slack's own status page: the Status API below `/api/v2.0.0`.

    current ──> what is not over, notes newest first
         └─ something vanished, or the page's dates moved for no visible reason?
              └─> history ──> how it ended, notes oldest first

The source is https://api.slack.com/docs/slack-status; what it leaves open was taken from 500
recordings of 2020 to 2026. It is recognised by the shape of either document, or as a web page
by Slack's own hosts. Neither document needs a key.

An incident is known by its `id`. A note has none: it is known by its time and its number among
the notes of that time, and other words under it are an edit. A note states no status either,
so it has that of the incident: once this is over, the note that was then the newest is the one
that ended it, and stays it when a summary is added later. `active` says no more than that it is
not over, and is read as investigating. A `notice` has no impact, an `incident` a minor and an
`outage` a major one. Services are names without a status.

`current` is a complete list of what is active. The page's own dates go back when an incident
ends (8 times in 492 recordings), so they are no stamp; an incident's `date_updated` may stand
still while it changes. The history (some 37 events) is never taken for full, so it proves no gap.

It cannot say: how a service is, when an incident ended, which note was edited when.
No recording verified: the documented words `scheduled`, `completed` and `cancelled`, which are
read as planned work; a text as `id`; two notes of one time; a history of full length; the web
page; what the address of an incident that was taken away answers.
"""

from collections.abc import Generator
from urllib.parse import urljoin

from bellbuoy.errors import FetchError, ReadError, VisitError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._json import decode
from bellbuoy.formats._slack_look import Document, History, Look, is_own_text
from bellbuoy.model.facts import Page, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "slack"
PLATFORM: str | None = None
PROBES = ("api/v2.0.0/current",)
HOSTS = ("slack-status.com", "status.slack.com")

_CURRENT = "api/v2.0.0/current"
_HISTORY = "api/v2.0.0/history"
_HOSTS = frozenset({"slack-status.com", "www.slack-status.com", "status.slack.com"})

_MOST_ASKED = 5
"""How many incidents are asked for at their own addresses in one visit."""

Asking = Generator[Request, Response, None]


def claims(response: Response) -> Claim | None:
    """Either of its documents, or a web page on a host of Slack's own."""
    root = page_root(response.url, {"api"})
    if root is None:
        return None
    text = text_of(response).lstrip()
    if is_web_page(text):
        home = canonical(urljoin(response.url, "/"))
        is_own = host(root) in _HOSTS
        return Claim(format=NAME, url=home, name="Slack") if is_own and home else None
    return Claim(format=NAME, url=root, name="Slack") if is_own_text(text) else None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Only `current` must be readable; the history may be away.

    Raises ReadError if the answer is not a list of what is active.
    """
    response = yield _get(page.at(_CURRENT))
    document = decode(response, Document, format=NAME)
    if not document.is_own:
        raise ReadError(response.url, NAME, "$.active_incidents", "there is no such list")
    look = Look(seen, document)
    if look.wants_history:
        yield from _ask_history(page, look)
    yield from _ask_missing(look)
    return look.snapshot()


def _get(url: str) -> Request:
    return Request.get(url, accept="application/json")


def _ask_history(page: Page, look: Look) -> Asking:
    """Ask for the latest events. What was asked in vain is still owed."""
    try:
        response = yield _get(page.at(_HISTORY))
        if response.not_modified:
            look.take_same_history()
        else:
            look.take_history(decode(response, History, format=NAME))
    except VisitError:
        return


def _ask_missing(look: Look) -> Asking:
    """Ask whether incidents that are long missing still have an address."""
    missing = [(id, url) for id, url in look.seen.missing.items() if url and not look.lists(id)]
    for id, url in missing[:_MOST_ASKED]:
        try:
            yield Request.get(url)
        except FetchError as error:
            if error.status in {404, 410}:
                look.gone.add(id)
