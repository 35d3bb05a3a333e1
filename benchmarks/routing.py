"""Who hears of an event: twenty routes of every kind, beside a loop of `fnmatch` and ifs."""

import time
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

from bellbuoy.events import Event
from bellbuoy.model.delivery import Matcher, Standing
from bellbuoy.routing.routes import Route, decide
from benchmarks import lives
from benchmarks.figures import Figure, Scale, apart, ratio

LEAST = 50_000
"""Decisions of `decide` in a second of CPU: one for each route of each event."""


def run(scale: Scale) -> Iterator[Figure]:
    some = [
        apart("benchmarks.routing", "deciding", count=scale.of(5000, 50))
        for _ in range(scale.repeats)
    ]
    ours, plain = [one["ours"] for one in some], [one["plain"] for one in some]
    rate, _ = ratio([1.0] * len(ours), ours)
    _, measured = ratio(ours, plain)
    yield Figure(
        what="routing alone, 20 routes to 5 receivers: CPU of a decision; against fnmatch and ifs",
        ours=f"{rate:,.0f}/s",
        baseline=f"{ratio([1.0] * len(plain), plain)[0]:,.0f}/s",
        target=f">= {LEAST:,}/s",
        measured=measured,
        holds=rate >= LEAST,
        counts={name: some[0][name] for name in ("decisions", "told", "plainly told")},
    )


def deciding(count: int) -> dict[str, Any]:
    """CPU seconds of a decision, ours and plainly, over the same events in turns."""
    routes = lives.routes()
    told, plainly_told, decisions = 0, 0, 0
    ours = plain = 0.0
    # Lives begin, go on and end: what was told before counts.
    begun: set[str] = set()
    batch: list[tuple[Event, dict[str, Standing]]] = []
    for event in lives.events(count):
        before = Standing(told=event.lane in begun, rule="pager.alpha")
        begun.add(event.lane)
        batch.append((event, dict.fromkeys(lives.RECEIVERS, before)))
    for start in range(0, len(batch), 500):
        some = batch[start : start + 500]
        began = time.process_time()
        for event, standings in some:
            found = decide(event, routes, lives.LANDSCAPE, standings=standings)
            decisions += len(found)
            told += sum(each.told for each in found)
        between = time.process_time()
        for event, standings in some:
            plainly_told += len(_plainly(event, routes, standings))
        ours += between - began
        plain += time.process_time() - between
    each = max(decisions, 1)
    return {
        "ours": ours / each,
        "plain": plain / each,
        "decisions": decisions,
        "told": told,
        "plainly told": plainly_told,
    }


def _plainly(event: Event, routes: tuple[Route, ...], standings: dict[str, Standing]) -> set[str]:
    """The receivers that are told, found as a script of an afternoon would."""
    told: set[str] = set()
    for route in routes:
        if _is_like(event, route.when) and not (
            route.unless and event.incident and _is_like(event, route.unless)
        ):
            told.update(route.to)
    told |= {name for name, standing in standings.items() if standing.told}
    return told


def _is_like(event: Event, when: Matcher) -> bool:
    incident, provider = event.incident, event.provider
    kinds = (*when.kinds, *when.types) or ("incident", "page", "monitor")
    if event.kind.family not in kinds and event.kind.value not in kinds:
        return False
    if when.providers and not _any(when.providers, (provider.slug, provider.name)):
        return False
    if when.pages and not _any(when.pages, (event.page.url, event.page.key)):
        return False
    category = lives.LANDSCAPE.categories[provider.slug]
    if when.categories and not _any(when.categories, (category,)):
        return False
    if when.impacts and incident and incident.impact not in when.impacts:
        return False
    if when.text and incident and event.update:
        texts = (incident.title, event.update.body)
        if not _any(tuple(f"*{word}*" for word in when.text), texts):
            return False
    if when.services and not any(
        _any(when.services, (need.service.name,)) and _any(when.owners, (need.service.owner,))
        for need in lives.LANDSCAPE.needs
        if any(_any(matcher.providers, (provider.slug,)) for matcher in need.on)
    ):
        return False
    if when.components and incident:
        names = tuple(
            name
            for each in incident.components
            for name in (each.name, each.group or "", f"{each.group}/{each.name}")
        )
        return _any(when.components, names)
    return True


def _any(globs: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return any(fnmatch(name.lower(), glob.lower()) for glob in globs for name in names)
