"""`/maintenance`: planned work as a month's sheet, and as a list of what goes on and is ahead."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from bellbuoy.model.facts import IncidentKind
from bellbuoy.model.known import KnownIncident
from bellbuoy.web import html
from bellbuoy.web.dashboard import month
from bellbuoy.web.dashboard.month import Entry
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

MOST = 1000
"""How much planned work of a month is read; one large CDN plans a hundred a day."""

MOST_LISTED = 200
"""How much of it is listed below the sheet."""


def router(site: Site) -> APIRouter:
    """The calendar."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/maintenance")
    async def maintenance(request: Request, month: str = "", day: str = "") -> Response:
        zone, now = ZoneInfo(site.config.timezone), site.app.now()
        chosen = _day(day) if day else None
        first = chosen.replace(day=1) if chosen and not month else _month(month, now, zone)
        entries = await _of_month(site, first, zone)
        return html.page(
            request,
            "maintenance.html",
            now=now,
            zone=site.config.timezone,
            **_sheet(first, entries, now, zone),
            **await _list(site, chosen, entries, now, zone),
        )

    return routes


def _sheet(
    first: date, entries: tuple[Entry, ...], now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    return {
        "first": first,
        "weeks": month.weeks(first, entries, now, zone),
        "before": month.neighbour(first, -1),
        "after": month.neighbour(first, 1),
        "is_cut": len(entries) >= MOST,
    }


async def _list(
    site: Site, chosen: date | None, entries: tuple[Entry, ...], now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """What stands below the sheet: one day, or what goes on and what is ahead."""
    if chosen is not None:
        there = [one for one in entries if chosen in month.touched(one, now, zone)]
        return {"chosen": chosen, "on": (), "days": _as_one(chosen, there), "more": 0}
    coming = _entries(site, await site.store.open_incidents())
    ahead = sorted((one for one in coming if not one.is_on), key=lambda one: one.began_at)
    return {
        "chosen": None,
        "on": tuple(one for one in coming if one.is_on),
        "days": month.by_day(ahead[:MOST_LISTED], zone),
        "more": max(len(ahead) - MOST_LISTED, 0),
    }


def _as_one(day: date, entries: Iterable[Entry]) -> tuple[month.DayOf, ...]:
    found = tuple(sorted(entries, key=lambda one: one.began_at))
    return (month.DayOf(day=day, entries=found),) if found else ()


async def _of_month(site: Site, first: date, zone: ZoneInfo) -> tuple[Entry, ...]:
    begins, ends = month.bounds(first, zone)
    found = await site.store.incidents(
        kind=IncidentKind.MAINTENANCE, since=begins, before=(ends, "", ""), limit=MOST
    )
    return _entries(site, found)


def _entries(site: Site, found: Iterable[tuple[str, KnownIncident]]) -> tuple[Entry, ...]:
    """Planned work of what is watched."""
    providers = {one.page.key: one.page.provider for one in site.config.watched}
    return tuple(
        month.entry(key, providers[key], work)
        for key, work in found
        if key in providers and work.kind is IncidentKind.MAINTENANCE
    )


def _month(text: str, now: datetime, zone: ZoneInfo) -> date:
    try:
        return month.parse_month(text, now.astimezone(zone).date())
    except ValueError as error:
        raise Problem(422, f"month: {text[:20]!r} {error}", name="month") from None


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
        month.parse_month(f"{found:%Y-%m}", found)
    except ValueError:
        raise Problem(
            422, f"day: {text[:20]!r} is not a day; write it as 2026-11-20", name="day"
        ) from None
    return found
