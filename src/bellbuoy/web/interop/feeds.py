"""The log as a feed: `/feed.atom`, `/feed.rss` and `/feed.json`, of everything or of a board.

An entry is an event, and its date is when we saw it first, so that nothing ever appears below
what a reader has seen already; the vendor's time stands in its text. Announced kinds are told
unless `kind` asks for others; `provider`, `kind` and `impact` choose as in a route.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from bellbuoy.config import values
from bellbuoy.events import MONITOR, Event
from bellbuoy.model.delivery import Matcher
from bellbuoy.routing.matchers import Landscape, matches
from bellbuoy.web.addresses import page_id
from bellbuoy.web.conditional import answer
from bellbuoy.web.interop import feed_documents as documents
from bellbuoy.web.interop.feed_documents import Feed
from bellbuoy.web.interop.feed_entries import entry
from bellbuoy.web.interop.selection import BOTH, board, origin, selected, title
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

LENGTH = 50
"""How many entries a feed holds."""

_SEARCHED = 2_000
"""Among so many of the latest events entries are looked for."""

_AT_ONCE = 200

_FORMS: dict[str, tuple[Callable[[Feed], bytes], str]] = {
    "atom": (documents.atom, "application/atom+xml"),
    "rss": (documents.rss, "application/rss+xml"),
    "json": (documents.json_feed, "application/feed+json"),
}


def router(site: Site) -> APIRouter:
    """Every form of the feed."""
    routes = APIRouter(include_in_schema=False)
    for below in BOTH:
        for name, (write, media_type) in _FORMS.items():
            routes.add_api_route(f"{below}/feed.{name}", _endpoint(site, write, media_type))
    return routes


def _endpoint(
    site: Site, write: Callable[[Feed], bytes], media_type: str
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        feed = await _feed(site, request)
        return answer(request, write(feed), media_type)

    return endpoint


async def _feed(site: Site, request: Request) -> Feed:
    matcher = _matcher(request)
    keys = frozenset(view.watched.page.key for view in await selected(site, request))
    is_of_board = board(request) is not None

    def is_wanted(event: Event) -> bool:
        # That we are offline concerns every board.
        if is_of_board and event.provider != MONITOR and event.page.key not in keys:
            return False
        return _is_told(event, matcher, site.config.landscape)

    events = await _latest(site, is_wanted)
    here, query = origin(request), request.url.query
    home = request.url.path.rpartition("/")[0]
    return Feed(
        id=f"urn:bellbuoy:{page_id(f'{site.store.log_id} {request.url.path} {query}')}",
        title=title(request),
        home=f"{here}{home or '/'}",
        address=str(request.url),
        updated_at=max((one.observed_at for one in events), default=_today(site)),
        entries=tuple(entry(event, here) for event in events),
    )


def _matcher(request: Request) -> Matcher:
    """What the query asks for; each may be given several times, or with commas between.

    Raises Problem if nothing can be meant by it.
    """
    try:
        kinds = tuple(map(values.event_kind, _words(request, "kind")))
    except ValueError as error:
        raise Problem(422, str(error), name="kind") from None
    words = _words(request, "impact")
    try:
        impacts = values.impacts(words[0] if len(words) == 1 else list(words)) if words else ()
    except ValueError as error:
        raise Problem(422, str(error), name="impact") from None
    return Matcher(providers=_words(request, "provider"), kinds=kinds, impacts=frozenset(impacts))


def _words(request: Request, name: str) -> tuple[str, ...]:
    given = ",".join(request.query_params.getlist(name)).split(",")
    return tuple(filter(None, map(str.strip, given)))


def _is_told(event: Event, matcher: Matcher, landscape: Landscape) -> bool:
    """Whether it is chosen; what is for the log alone only if its whole kind was named."""
    if event.kind not in matcher.kinds and event.is_log_only:
        return False
    return matches(matcher, event, landscape).told


async def _latest(site: Site, is_wanted: Callable[[Event], bool]) -> Sequence[Event]:
    found: list[Event] = []
    before: int | None = None
    for _ in range(_SEARCHED // _AT_ONCE):
        batch = await site.store.latest_events(before=before, limit=_AT_ONCE)
        found.extend(filter(is_wanted, batch))
        if len(found) >= LENGTH or len(batch) < _AT_ONCE:
            break
        before = batch[-1].seq
    return found[:LENGTH]


def _today(site: Site) -> datetime:
    """When a feed without entries changed last: not at every look."""
    return site.app.now().replace(hour=0, minute=0, second=0, microsecond=0)
