"""`/api/v1/events`: the log, in both directions. Each event is the CloudEvent of `to_json`."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from bellbuoy.events import Event, to_json
from bellbuoy.stores.cursors import format_cursor
from bellbuoy.web.api.answers import JSON, as_list, unless_known
from bellbuoy.web.api.choosing import EventChoice, event_choice
from bellbuoy.web.api.openapi import EVENT, listing, one_of
from bellbuoy.web.api.queries import EventQuery
from bellbuoy.web.marks import place_after, place_before
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

SCANNED = 2000
"""So many events are looked at for one answer, at most."""

_BATCH = 500


def router(site: Site) -> APIRouter:
    """The log."""
    routes = APIRouter(tags=["events"])

    @routes.get("/events", responses=listing(EVENT))
    async def list_events(request: Request, asked: Annotated[EventQuery, Query()]) -> Response:
        """List recorded events: newest first, or with `after` oldest first.

        With `after`, there always is a `next`: the place from which to ask again later. An
        answer may hold fewer than `limit`, even none, and still a `next`: a filter looks at so
        many events at once and no more. A place of another log, or one beyond the end, is
        refused with 400, one before what is kept with 410.
        """
        choice = event_choice(site, asked)
        if asked.after is not None:
            place = await place_after(site.store, asked.after)
            found, seq = await _oldest(site, choice, place, asked.limit)
            going_on = {"after": format_cursor(site.store.log_id, seq)}
        else:
            found, left = await _newest(site, choice, asked)
            going_on = {"before": format_cursor(site.store.log_id, left)} if left else None
        return as_list(request, [msgspec.Raw(to_json(event)) for event in found], going_on)

    @routes.get("/events/{id}", responses=one_of(EVENT))
    async def get_event(
        request: Request,
        id: Annotated[
            str,
            Path(max_length=100, examples=["5d6c7e2a-6a55-5d35-8e8e-0d9f9c1b2a33"]),
        ],
    ) -> Response:
        """Show one event by its id."""
        event = await site.store.find_event(id)
        if event is None:
            raise Problem(404, "there is no event of this id, or not any more")
        return unless_known(request, to_json(event), media_type=JSON)

    return routes


async def _oldest(
    site: Site, choice: EventChoice, after: int, limit: int
) -> tuple[list[Event], int]:
    """Events beyond a place, and the place up to which was read."""
    found: list[Event] = []
    scanned = 0
    while scanned < SCANNED:
        batch = await site.store.read_events(after=after, limit=_BATCH)
        for event in batch:
            after = event.seq
            if choice.takes(event):
                found.append(event)
            if len(found) == limit:
                return found, after
        scanned += len(batch)
        if len(batch) < _BATCH:
            break
    return found, after


async def _newest(
    site: Site, choice: EventChoice, asked: EventQuery
) -> tuple[list[Event], int | None]:
    """Events before a place, and the place from which to go on; None at the beginning."""
    found: list[Event] = []
    before = place_before(site.store, asked.before)
    scanned, is_end = 0, False
    page = _only_page(site, asked)
    while not is_end and scanned < SCANNED:
        size = min(_BATCH, max(asked.limit, 50) if scanned == 0 else _BATCH)
        if asked.search is None:
            batch = await site.store.latest_events(before=before, limit=size, page=page)
        else:
            batch = await site.store.search_events(asked.search, before=before, limit=size)
        for event in batch:
            before = event.seq
            if choice.takes(event):
                found.append(event)
            if len(found) == asked.limit:
                return found, before
        scanned += len(batch)
        is_end = len(batch) < size
    return found, None if is_end else before


def _only_page(site: Site, asked: EventQuery) -> str | None:
    """The key of the one page that is asked for, which the store finds by itself."""
    watched = site.overview.watched(asked.page[0]) if len(asked.page) == 1 else None
    return watched.page.key if watched else None
