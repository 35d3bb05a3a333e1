"""`/history`: all that was recorded, newest first, and what of it somebody looks for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from msgspec import Struct
from starlette.responses import Response

from bellbuoy.events import FAMILIES, Event
from bellbuoy.model.facts import Impact
from bellbuoy.stores.words import words_in
from bellbuoy.web import html
from bellbuoy.web.addresses import incident_path, provider_path
from bellbuoy.web.dashboard.hits import Piece, excerpt, marked
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

ON_A_PAGE = 50
"""How many events a page shows."""

MOST_BATCHES = 20
"""How often the log is asked for one page; what lies behind it is found on the next."""

_BATCH = 200


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody looks for; what is empty is not asked for."""

    q: str = ""
    provider: str = ""
    kind: str = ""
    impact: str = ""

    def takes(self, event: Event) -> bool:
        """Whether an event is of this provider, kind and impact; words are the store's."""
        if self.provider and event.provider.slug != self.provider:
            return False
        if self.kind and event.kind.family != self.kind:
            return False
        return not self.impact or bool(event.incident and event.incident.impact == self.impact)

    @property
    def is_anything(self) -> bool:
        """Whether it asks for less than everything."""
        return bool(self.q or self.provider or self.kind or self.impact)

    def address(self, before: int) -> str:
        """The address of what comes after the event of this `seq`."""
        given = {name: value for name in self.__struct_fields__ if (value := getattr(self, name))}
        return f"/history?{urlencode({**given, 'before': before})}"


class Record(Struct, frozen=True, kw_only=True):
    """One event in the list. `path` is empty where there is nothing more to show."""

    seq: int
    observed_at: datetime
    at: datetime | None
    state: str
    words: str
    provider: str
    provider_path: str
    title: tuple[Piece, ...]
    path: str
    body: tuple[Piece, ...]
    is_late: bool


def router(site: Site) -> APIRouter:
    """The list and its search."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/history")
    async def history(
        request: Request,
        q: Annotated[str, Query(max_length=500)] = "",
        provider: Annotated[str, Query(max_length=200)] = "",
        kind: str = "",
        impact: str = "",
        before: str = "",
    ) -> Response:
        asked = Asked(q=q.strip(), provider=provider, kind=kind, impact=impact)
        events, older = await _find(site, asked, _checked(asked, before))
        providers = {one.page.provider.slug: one.page.provider.name for one in site.config.watched}
        return html.page(
            request,
            "history.html",
            now=site.app.now(),
            asked=asked,
            records=[record(event, words_in(asked.q), providers) for event in events],
            older="" if older is None else asked.address(older),
            is_first=not before,
            has_words=not asked.q or bool(words_in(asked.q)),
            providers=sorted(providers.items(), key=lambda one: one[1].casefold()),
            kinds=[(each, each) for each in FAMILIES],
            impacts=[(each.value, each.value) for each in Impact],
        )

    return routes


def record(event: Event, wanted: Sequence[str], providers: Mapping[str, str]) -> Record:
    """An event as it is shown; `providers` are those that are watched."""
    slug = event.provider.slug
    home = provider_path(slug) if slug in providers else ""
    path = home
    if event.incident is not None and home:
        path = incident_path(event.page.key, event.incident.id)
    return Record(
        seq=event.seq,
        observed_at=event.observed_at,
        at=event.at,
        state=_state(event),
        words=event.kind.value.replace(".", " "),
        provider=event.provider.name,
        provider_path=home,
        title=marked(_title(event), wanted),
        path=path,
        body=excerpt(event.update.body if event.update else event.reason or "", wanted),
        is_late=event.late,
    )


def _title(event: Event) -> str:
    if event.incident is not None:
        return event.incident.title
    if event.component is not None:
        moved = event.changes.get("status", ("", event.component.status))
        before, after = (str(each).replace("_", " ") for each in moved)
        return f"{event.component.name}: {before} → {after}"
    return event.page.url if event.kind.family == "page" else "Bellbuoy"


def _state(event: Event) -> str:
    """The sign beside it."""
    if event.kind.family == "maintenance":
        return "maintenance"
    if event.incident is not None:
        return "operational" if event.incident.status.is_over else event.incident.impact.value
    if event.component is not None:
        return event.component.status.value
    return "unknown"


async def _find(site: Site, asked: Asked, before: int | None) -> tuple[list[Event], int | None]:
    """A page of events, and the `seq` behind which the next one begins; None at the end."""
    found: list[Event] = []
    for _ in range(MOST_BATCHES):
        some = await _some(site, asked, before)
        for event in filter(asked.takes, some):
            if len(found) == ON_A_PAGE:
                return found, found[-1].seq
            found.append(event)
        if len(some) < _BATCH:
            return found, None
        before = some[-1].seq
    return found, before


async def _some(site: Site, asked: Asked, before: int | None) -> tuple[Event, ...]:
    if asked.q:
        return await site.store.search_events(asked.q, before=before, limit=_BATCH)
    keys = [one.page.key for one in site.config.watched if one.page.provider.slug == asked.provider]
    page = keys[0] if len(keys) == 1 else None
    return await site.store.latest_events(before=before, limit=_BATCH, page=page)


def _checked(asked: Asked, before: str) -> int | None:
    """Where the page begins. Raises Problem if the address asks for what there is not."""
    if asked.kind not in {"", *FAMILIES}:
        raise Problem(422, f"kind: write one of {', '.join(FAMILIES)}", name="kind")
    if asked.impact not in {"", *Impact}:
        raise Problem(422, f"impact: write one of {', '.join(Impact)}", name="impact")
    if not before:
        return None
    if not before.isdecimal() or len(before) > 18:
        raise Problem(422, "before: is not a place in the log", name="before")
    return int(before)
