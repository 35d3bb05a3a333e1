"""From the config's routes and services to the rules of routing, with what is doubtful said."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

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
    catalog: Catalog,
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
        route = _route(name, entry, entry.timezone or zone, watched, catalog)
        _check_providers(route, watched, (*place, "when", "providers"), problems)
        _check_planned_work(entry, (*place, "maintenance"), problems)
        _check_paging(name, entry, receivers, (*place, "when", "impacts"), problems)
        yield route
    for name in receivers if entries else ():
        if name not in heard:
            problems.warn(
                ("receivers", name), "is in no route, so it hears of nothing; add it to one"
            )


def read_needs(
    entries: Mapping[str, ServiceEntry],
    watched: Sequence[Watched],
    catalog: Catalog,
    problems: Problems,
) -> tuple[Need, ...]:
    """Who needs which provider."""
    needs: list[Need] = []
    for name, entry in entries.items():
        on = tuple(watched_target(text, watched, catalog) for text in entry.needs)
        for index, each in enumerate(on):
            if stranger := unwatched(each, watched):
                place: Place = ("services", name, "needs", index)
                problems.warn(place, f"{stranger}; {name} is never said to need it")
        service = Service(name=name, owner=entry.owner, runbook=entry.runbook)
        needs.append(Need(service=service, on=on))
    return tuple(needs)


def target(text: str) -> Matcher:
    """What `github:Actions` finds: everything of a provider or a page, or of a component of it."""
    provider, component = target_parts(text)
    components = (component,) if component else ()
    if "://" in provider:
        return Matcher(pages=(page_key(provider),), components=components)
    return Matcher(providers=(provider,), components=components)


def watched_target(text: str, watched: Sequence[Watched], catalog: Catalog) -> Matcher:
    """The same for what is watched: a provider may be called by any name of the catalog."""
    found = target(text)
    return replace(found, providers=tuple(_slug(n, watched, catalog) for n in found.providers))


def unwatched(matcher: Matcher, watched: Sequence[Watched]) -> str:
    """What is doubtful about a matcher that asks for what is not watched; else empty."""
    names = _names(watched)
    for glob in matcher.providers:
        if not any(is_like(glob, name) for name in names):
            return f"{glob!r} is like no provider that is watched{nearest(glob, names)}"
    for glob in matcher.pages:
        if not any(is_like(glob, each.page.key) for each in watched):
            return f"{glob!r} is like no page that is watched"
    return ""


def _slug(glob: str, watched: Sequence[Watched], catalog: Catalog) -> str:
    """The same glob, or the slug for which it is another name: `aws` works as under providers."""
    if any(is_like(glob, name) for name in _names(watched)):
        return glob
    found = catalog.find(glob)
    return found.slug if found else glob


def _names(watched: Sequence[Watched]) -> tuple[str, ...]:
    providers = [each.page.provider for each in watched]
    return tuple(dict.fromkeys(name for each in providers for name in (each.slug, each.name)))


def categories(
    routes: Iterable[Route], watched: Iterable[Watched], catalog: Catalog
) -> Mapping[str, str]:
    """The category of each watched provider, by slug; empty if no route asks for any."""
    asked = (matcher for route in routes for matcher in (route.when, route.unless) if matcher)
    if not any(matcher.categories for matcher in asked):
        return {}
    slugs = {each.page.provider.slug for each in watched}
    return {slug: entry.category for slug in slugs if (entry := catalog.find(slug))}


def read_matcher(entry: MatcherEntry, watched: Sequence[Watched], catalog: Catalog) -> Matcher:
    """The predicate that was written."""
    return Matcher(
        providers=tuple(_slug(glob, watched, catalog) for glob in entry.providers or ()),
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


def _route(
    name: str, entry: RouteEntry, zone: str, watched: Sequence[Watched], catalog: Catalog
) -> Route:
    return Route(
        name=name,
        to=entry.to,
        when=read_matcher(entry.when, watched, catalog),
        unless=read_matcher(entry.unless, watched, catalog) if entry.unless else None,
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
    route: Route, watched: Sequence[Watched], place: Place, problems: Problems
) -> None:
    for index, glob in enumerate(route.when.providers):
        if stranger := unwatched(Matcher(providers=(glob,)), watched):
            problems.warn((*place, index), f"{stranger}; this route hears of nothing from it")


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
