"""The board: of everything, and one of each tag that shows itself alone.

Whoever asks by htmx, or as the page that is live, gets the part that changes; else the whole
page. What stands in the address decides, so that an address can be kept and passed on.
"""

from fastapi import APIRouter, Request
from msgspec import Struct
from starlette.responses import Response

from bellbuoy.model.facts import Impact
from bellbuoy.routing.matchers import services
from bellbuoy.web import html
from bellbuoy.web.dashboard import (
    configuration,
    deliveries,
    history,
    incident,
    maintenance,
    provider,
    silences,
)
from bellbuoy.web.dashboard import told as telling
from bellbuoy.web.dashboard.board import Board, Filter, board, label
from bellbuoy.web.overview import PageView
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

_PAGES = (incident, provider, maintenance, history, deliveries, silences, configuration)

_IMPACTS = tuple(impact.value for impact in (Impact.MINOR, Impact.MAJOR, Impact.CRITICAL))

MOST_TEXT = 200
"""How long the text of a filter may be."""


def router(site: Site) -> APIRouter:
    """The boards, and the pages to which they lead."""
    routes = APIRouter(include_in_schema=False)
    for page in _PAGES:
        routes.include_router(page.router(site))

    @routes.get("/")
    async def everything(request: Request) -> Response:
        return await _answer(site, request, _asked(request))

    @routes.get("/boards/{tag}")
    async def of_a_tag(request: Request, tag: str) -> Response:
        tags = _tags(site)
        if tag not in tags:
            known = ", ".join(tags) or "none; give a provider `tags:` in the config"
            raise Problem(404, f"there is no board of this name; boards: {known}")
        asked = _asked(request)
        return await _answer(site, request, Filter(text=asked.text, tag=tag), is_alone=True)

    return routes


async def _answer(
    site: Site, request: Request, chosen: Filter, *, is_alone: bool = False
) -> Response:
    # The place in the log is read first: what happens while the rest is read is told again.
    cursor = await site.end_of_log()
    views = await site.overview.pages()
    shown = await look(site, views, chosen)
    is_part = html.wants_part(request)
    response = html.page(
        request,
        "_board.html" if is_part else "board.html",
        now=site.app.now(),
        board=shown,
        chosen=chosen,
        cursor=cursor,
        is_alone=is_alone,
        is_part=is_part,
        watched=len(views),
        source=site.config.source,
        choices=() if is_part else _choices(site, chosen),
    )
    response.headers["vary"] = "HX-Request"
    return response


async def look(site: Site, views: tuple[PageView, ...], chosen: Filter) -> Board:
    """The board of these pages as the store has them now. Raises StoreError."""
    lanes = {
        f"{view.watched.page.key} {incident.key}" for view in views for incident in view.incidents
    }
    receivers = [receiver.name for receiver in site.config.receivers]
    ledger = await telling.read(site.store, receivers, lanes)
    landscape = site.config.landscape
    return board(
        views,
        chosen,
        categories=site.categories,
        told=lambda event: telling.told(event, ledger, site.config),
        services=lambda event: services(event, landscape),
        now=site.app.now(),
    )


def _asked(request: Request) -> Filter:
    """The filter in the address. Raises Problem if it cannot be one."""
    given = request.query_params
    impact = given.get("impact", "")
    if impact and impact not in _IMPACTS:
        raise Problem(422, f"must be one of {', '.join(_IMPACTS)}", name="impact")
    return Filter(
        text=given.get("q", "").strip()[:MOST_TEXT],
        category=given.get("category", ""),
        tag=given.get("tag", ""),
        impact=impact,
    )


class Choice(Struct, frozen=True, kw_only=True):
    """One thing to choose by: `options` are (value, words), `now` is the value chosen."""

    name: str
    options: tuple[tuple[str, str], ...]
    now: str


def _choices(site: Site, chosen: Filter) -> tuple[Choice, ...]:
    categories = sorted({(label(name), name) for name in site.categories.values()})
    tags = [(tag, tag) for tag in _tags(site)]
    impacts = [(one, one if one == "critical" else f"{one} or worse") for one in _IMPACTS]
    return (
        Choice(
            name="category",
            options=tuple((name, words) for words, name in categories),
            now=chosen.category,
        ),
        Choice(name="tag", options=tuple(tags), now=chosen.tag),
        Choice(name="impact", options=tuple(impacts), now=chosen.impact),
    )


def _tags(site: Site) -> list[str]:
    return sorted({tag for one in site.config.watched for tag in one.tags})
