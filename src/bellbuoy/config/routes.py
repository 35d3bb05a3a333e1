"""From the config's routes and services to the rules of routing, with what is doubtful said."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bellbuoy.catalog import Catalog
from bellbuoy.config import Watched
from bellbuoy.config.document import Place
from bellbuoy.config.problems import Problems
from bellbuoy.config.schema import MatcherEntry, QuietEntry, RouteEntry, ServiceEntry
from bellbuoy.config.values import listed, nearest, page_key, target_parts
from bellbuoy.model.delivery import Matcher, Service
from bellbuoy.routing.matchers import Need, is_like
from bellbuoy.routing.routes import Route
from bellbuoy.routing.schedules import Quiet, parse_rhythm, parse_window

_PAGING = ("pagerduty", "command", "alertmanager")
"""Kinds of receivers that wake people up."""


def read_routes(
    entries: Sequence[Any],
    receivers: Mapping[str, Any],
    watched: Sequence[Watched],
    zone: str,
    problems: Problems,
) -> Iterable[Route]:
    """The routes; `zone` is the time zone of those that name none."""
    if receivers and not entries:
        problems.warn(
            ("receivers",),
            "there are no routes, so each receiver hears of incidents, of unreadable pages "
            "and of Bellbuoy itself; write routes to choose",
        )
        yield Route(name="default", to=tuple(receivers))
    heard: set[str] = set()
    names: set[str] = set()
    for index, data in enumerate(entries):
        place: Place = ("routes", index)
        entry = problems.read(RouteEntry, data, place)
        _check_receivers(data, receivers, (*place, "to"), problems)
        if entry is None:
            continue
        name = entry.name or f"routes.{index}"
        if name in names:
            problems.add((*place, "name"), f"{name!r} names two routes; rename one")
        names.add(name)
        heard.update(entry.to)
        _check_providers(entry.when, watched, (*place, "when", "providers"), problems)
        _check_planned_work(entry, (*place, "maintenance"), problems)
        _check_paging(name, entry, receivers, (*place, "when", "impacts"), problems)
        yield _route(name, entry, entry.timezone or zone)
    for name in receivers if entries else ():
        if name not in heard:
            problems.warn(
                ("receivers", name), "is in no route, so it hears of nothing; add it to one"
            )


def read_needs(entries: Mapping[str, ServiceEntry]) -> tuple[Need, ...]:
    """Who needs which provider."""
    return tuple(
        Need(
            service=Service(name=name, owner=entry.owner, runbook=entry.runbook),
            on=tuple(map(target, entry.needs)),
        )
        for name, entry in entries.items()
    )


def target(text: str) -> Matcher:
    """What `github:Actions` finds: everything of a provider or a page, or of a component of it."""
    provider, component = target_parts(text)
    components = (component,) if component else ()
    if "://" in provider:
        return Matcher(pages=(page_key(provider),), components=components)
    return Matcher(providers=(provider,), components=components)


def categories(
    routes: Iterable[Route], watched: Iterable[Watched], catalog: Catalog
) -> Mapping[str, str]:
    """The category of each watched provider, by slug; empty if no route asks for any."""
    asked = (matcher for route in routes for matcher in (route.when, route.unless) if matcher)
    if not any(matcher.categories for matcher in asked):
        return {}
    slugs = {each.page.provider.slug for each in watched}
    return {slug: entry.category for slug in slugs if (entry := catalog.find(slug))}


def matcher(entry: MatcherEntry) -> Matcher:
    """The predicate that was written."""
    return Matcher(
        providers=entry.providers or (),
        pages=entry.pages or (),
        components=entry.components or (),
        impacts=entry.impacts or frozenset(),
        kinds=entry.kinds or (),
        types=entry.types or (),
        categories=entry.categories or (),
        text=entry.text or (),
        services=entry.services or (),
        owners=entry.owners or (),
    )


def _route(name: str, entry: RouteEntry, zone: str) -> Route:
    return Route(
        name=name,
        to=entry.to,
        when=matcher(entry.when),
        unless=matcher(entry.unless) if entry.unless else None,
        late=entry.late,
        hold=entry.hold or 0.0,
        remind=entry.remind or 0.0,
        ahead=tuple(sorted(entry.maintenance.ahead, reverse=True)) if entry.maintenance else (),
        quiet=_quiet(entry.quiet, zone) if entry.quiet else None,
        digest=parse_rhythm(entry.digest, zone) if entry.digest else None,
    )


def _quiet(entry: QuietEntry, zone: str) -> Quiet:
    return Quiet(
        windows=tuple(map(parse_window, entry.during or entry.outside or ())),
        timezone=zone,
        outside=entry.outside is not None,
    )


def _check_receivers(
    route: Any, receivers: Mapping[str, Any], place: Place, problems: Problems
) -> None:
    given = route.get("to") if isinstance(route, dict) else None
    names = listed(given)
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and name not in receivers:
            known = f"known are {', '.join(receivers)}" if receivers else "there is none"
            problems.add(
                place if names is not given else (*place, index),
                f"{name!r} is not a receiver{nearest(name, receivers)}; {known}; "
                "add it under receivers",
            )


def _check_providers(
    when: MatcherEntry, watched: Sequence[Watched], place: Place, problems: Problems
) -> None:
    names = [n for w in watched for n in (w.page.provider.slug, w.page.provider.name)]
    for index, glob in enumerate(when.providers or ()):
        if not any(is_like(glob, name) for name in names):
            problems.warn(
                (*place, index),
                f"{glob!r} is like no provider that is watched{nearest(glob, names)}; "
                "this route hears of nothing from it",
            )


def _check_planned_work(entry: RouteEntry, place: Place, problems: Problems) -> None:
    asked = (*(entry.when.kinds or ()), *(entry.when.types or ()))
    if entry.maintenance and not any(kind.startswith("maintenance") for kind in asked):
        problems.warn(
            place,
            "asks for messages ahead of planned work, but the route does not ask for planned "
            "work; add 'kinds: [maintenance]' under when",
        )


def _check_paging(
    name: str, entry: RouteEntry, receivers: Mapping[str, Any], place: Place, problems: Problems
) -> None:
    when = entry.when
    is_narrowed = when.components or when.text or when.services or when.owners
    if entry.hold or not when.impacts or is_narrowed:
        return
    pagers = [to for to in entry.to if _kind(receivers.get(to)) in _PAGING]
    if pagers:
        problems.warn(
            place,
            f"route {name!r} pages {', '.join(pagers)} on impact alone, and impact is derived from "
            "components, not a human judgement; add 'hold: 5m', so that what ends by itself wakes "
            "nobody, or ask for components, text or services",
        )


def _kind(receiver: Any) -> Any:
    return receiver.get("kind") if isinstance(receiver, dict) else None
