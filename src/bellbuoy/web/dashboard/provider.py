"""`/providers/{slug}`: a provider's pages, their components, their days and their health."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from msgspec import Struct
from starlette.responses import Response

from bellbuoy.events import MONITOR_PAGE, Event
from bellbuoy.model.facts import ComponentStatus, IncidentKind
from bellbuoy.model.known import Known, KnownIncident
from bellbuoy.stores.retention import began_at, ended_at
from bellbuoy.web import access, html
from bellbuoy.web.addresses import incident_path, page_id, provider_path
from bellbuoy.web.dashboard import done, uptime
from bellbuoy.web.dashboard.branches import Branch, tree
from bellbuoy.web.dashboard.page_health import Lag, lag
from bellbuoy.web.dashboard.uptime import Day, Past
from bellbuoy.web.overview import PageView
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site
from bellbuoy.web.spoken import counted, span

MOST_EVENTS = 4000
"""How many of a page's newest events are read for its days; earlier days are grey then."""

MOST_PAST = 12
"""How many incidents that are over are listed."""

_AT_ONCE = 500

_HEIGHTS = {
    ComponentStatus.OPERATIONAL: 9,
    ComponentStatus.UNKNOWN: 13,
    ComponentStatus.MAINTENANCE: 13,
    ComponentStatus.DEGRADED: 17,
    ComponentStatus.PARTIAL_OUTAGE: 21,
    ComponentStatus.MAJOR_OUTAGE: 26,
}


class Tick(Struct, frozen=True, kw_only=True):
    """One day as it is drawn, in a box of 4 by 26: the taller, the worse. `told` is for people."""

    x: int
    y: int
    height: int
    state: str
    told: str


class Bar(Struct, frozen=True, kw_only=True):
    """The days of one or more components; `name` is that of the drawing that they share."""

    name: str
    days: tuple[Day, ...]

    @property
    def ticks(self) -> Iterator[Tick]:
        """The days, from left to right."""
        for number, one in enumerate(self.days):
            height = _HEIGHTS[one.status]
            yield Tick(
                x=number * 4,
                y=26 - height,
                height=height,
                state=one.status.value,
                told=f"{one.day}: {_day_told(one)}",
            )

    @property
    def told(self) -> str:
        """The days in words, for who does not see them."""
        counts = Counter(_word(one.status) for one in self.days)
        some = ", ".join(f"{count} {word}" for word, count in counts.items())
        return f"{counted(len(self.days), 'day')}: {some}"

    @property
    def trouble(self) -> str:
        """How many of the days were not fine, in words."""
        counts = Counter(one.status for one in self.days)
        grey = counts.pop(ComponentStatus.UNKNOWN, 0)
        fine = counts.pop(ComponentStatus.OPERATIONAL, 0)
        bad = counts.total()
        said = [f"{counted(bad, 'day')} with trouble"] if bad else []
        said += [f"{counted(grey, 'day')} not known"] if grey else []
        return ", ".join(said) or f"{counted(fine, 'day')} without trouble"


class Row(Struct, frozen=True, kw_only=True):
    """An incident or planned work in a list. `length` is how long it was; None while it is open."""

    path: str
    title: str
    state: str
    words: str
    began_at: datetime
    length: timedelta | None


class PagePart(Struct, frozen=True, kw_only=True):
    """One page of the provider, with all that is shown of it.

    `bars` are the different drawings, `bar_of` says which one a component has; the quiet one
    if it has none of its own. `poke` is the address for a vendor's webhook, empty for who may
    not have it.
    """

    view: PageView
    branch: Branch
    page_bar: Bar
    bars: tuple[Bar, ...]
    bar_of: Mapping[str, Bar]
    unnamed: int
    open: tuple[Row, ...]
    over: tuple[Row, ...]
    ahead: tuple[Row, ...]
    known_since: datetime | None
    lag: Lag | None
    format: str
    poke: str

    def bar(self, component_id: str) -> Bar:
        """The drawing of a component's days."""
        return self.bar_of.get(component_id, self.bars[0])


def router(site: Site) -> APIRouter:
    """The page, and the button on it."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/providers/{slug}")
    async def provider(request: Request, slug: str) -> Response:
        facts = [await _facts(site, view) for view in await _views(site, slug)]
        # Thousands of components take a third of a second, and the loop has pages to poll.
        return await asyncio.to_thread(_page, site, request, facts)

    @routes.post("/providers/{slug}/look")
    async def look(slug: str, page: Annotated[str, Form()] = "") -> Response:
        watched = site.overview.watched(page)
        if watched is None or watched.page.provider.slug != slug:
            raise Problem(404, "that page is not watched", name="page")
        await site.app.poke(watched.page.key)
        return done.back(provider_path(slug), "poked")

    return routes


async def _views(site: Site, slug: str) -> Sequence[PageView]:
    """The pages of a provider. Raises Problem if it has none."""
    ids = [page_id(one.page.key) for one in site.config.watched if one.page.provider.slug == slug]
    views = [view for id in ids if (view := await site.overview.page(id)) is not None]
    if not views:
        raise Problem(404, "no provider of this name is watched")
    return views


class _Facts(Struct, frozen=True):
    """What the store knows of a page."""

    view: PageView
    known: Known
    events: tuple[Event, ...]
    ours: tuple[Event, ...]


async def _facts(site: Site, view: PageView) -> _Facts:
    key = view.watched.page.key
    return _Facts(
        view,
        await site.store.load_known(key),
        await _events(site, key, site.app.now()),
        # Of ourselves the same is true for every page.
        await site.store.latest_events(page=MONITOR_PAGE.key, limit=_AT_ONCE),
    )


def _page(site: Site, request: Request, facts: Sequence[_Facts]) -> Response:
    now = site.app.now()
    scope = request.state.scope
    return html.page(
        request,
        "provider.html",
        now=now,
        provider=facts[0].view.watched.page.provider,
        parts=[_part(site, each, now, scope) for each in facts],
        origin=f"{request.url.scheme}://{request.url.netloc}",
        said=done.said(request.query_params),
        writes=bool(site.web.write),
    )


def _part(site: Site, facts: _Facts, now: datetime, scope: access.Scope) -> PagePart:
    view, known, events = facts.view, facts.known, facts.events
    state = view.place.state
    past = Past(
        components=tuple(known.components.values()),
        incidents=tuple(known.incidents.values()),
        events=(*events, *facts.ours),
        known_since=_known_since(known.baseline_at, events, now, site.config.retention),
        read_at=state.health.read_at,
        is_blind=view.is_blind,
    )
    found = uptime.bars(past, now)
    bars, bar_of = _drawings(found, view.id)
    over = [one for one in past.incidents if _is_past(one, now)]
    return PagePart(
        view=view,
        branch=tree(past.components),
        page_bar=Bar(name=f"days-{view.id}-page", days=found.page),
        bars=bars,
        bar_of=bar_of,
        unnamed=found.unnamed,
        open=_rows(known.page_key, sorted(view.incidents, key=began_at, reverse=True)),
        over=_rows(known.page_key, sorted(over, key=began_at, reverse=True)[:MOST_PAST]),
        ahead=_rows(known.page_key, sorted(view.maintenances, key=began_at)),
        known_since=past.known_since,
        lag=lag(events),
        format=state.format or view.watched.page.format or known.format,
        poke=access.poke_path(site.web, view.id, scope),
    )


async def _events(site: Site, key: str, now: datetime) -> tuple[Event, ...]:
    """The events of a page that its days are made from, newest first."""
    floor = now - timedelta(days=uptime.DAYS + 1)
    found: list[Event] = []
    before: int | None = None
    while len(found) < MOST_EVENTS:
        some = await site.store.latest_events(page=key, before=before, limit=_AT_ONCE)
        found += some
        if len(some) < _AT_ONCE or some[-1].observed_at < floor:
            break
        before = some[-1].seq
    return tuple(found)


def _known_since(
    baseline_at: datetime | None, events: Sequence[Event], now: datetime, retention: float
) -> datetime | None:
    """Since when the log can answer: not before the page was known, nor what is not kept."""
    if baseline_at is None:
        return None
    kept = now - timedelta(seconds=retention)
    read = events[-1].observed_at if len(events) >= MOST_EVENTS else baseline_at
    return max(baseline_at, kept, read)


def _drawings(found: uptime.Bars, id: str) -> tuple[tuple[Bar, ...], Mapping[str, Bar]]:
    """The different bars, the quiet one first: thousands of components share a few of them."""
    drawn: dict[tuple[Day, ...], Bar] = {}
    for days in (found.quiet, *found.components.values()):
        if days not in drawn:
            drawn[days] = Bar(name=f"days-{id}-{len(drawn)}", days=days)
    return tuple(drawn.values()), {part: drawn[days] for part, days in found.components.items()}


def _rows(key: str, incidents: Iterable[KnownIncident]) -> tuple[Row, ...]:
    return tuple(
        Row(
            path=incident_path(key, one.key),
            title=one.title,
            state=one.impact if one.kind is IncidentKind.INCIDENT else "maintenance",
            words=one.status.value.replace("_", " "),
            began_at=began_at(one),
            length=ended - began_at(one) if (ended := ended_at(one)) else None,
        )
        for one in incidents
    )


def _is_past(incident: KnownIncident, now: datetime) -> bool:
    """Whether an incident is over and ended within the days that are shown."""
    ended = ended_at(incident)
    is_recent = ended is not None and now - ended < timedelta(days=uptime.DAYS)
    return is_recent and incident.kind is IncidentKind.INCIDENT


def _day_told(one: Day) -> str:
    if one.status is ComponentStatus.OPERATIONAL:
        return "no trouble known"
    length = f" for {span(timedelta(minutes=one.minutes))}" if one.minutes else ""
    return f"{_word(one.status)}{length}"


def _word(status: ComponentStatus) -> str:
    words = {ComponentStatus.UNKNOWN: "not known", ComponentStatus.OPERATIONAL: "without trouble"}
    return words.get(status, status.value.replace("_", " "))
