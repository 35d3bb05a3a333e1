"""Rules from events to receivers. Pure.

    event -> for the log only? -> late? -> kinds, providers, impacts, components of the route
          -> components that matter at this provider -> told

Does not decide when a delivery is tried (delivery), nor what it looks like (notifiers).
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from bellbuoy.events import ANNOUNCED_FAMILIES, Event
from bellbuoy.routing.matchers import (
    MATCHED,
    Matcher,
    Reason,
    Verdict,
    concerns,
    matches,
)

Interests = Mapping[str, tuple[str, ...]]
"""Globs of the components that matter, by provider slug: the config's `components:`."""

_FAMILIES_WITH_COMPONENTS = frozenset({"incident", "maintenance", "component"})
_ALL_FAMILIES = ANNOUNCED_FAMILIES | _FAMILIES_WITH_COMPONENTS


class Route(Struct, frozen=True, kw_only=True):
    """Who hears of what. All routes that match run.

    `name` is how people find the rule (`routes.0` if the config gives none), `to` are names
    of receivers. `late` also passes lives that were over before they were seen.
    """

    name: str
    to: tuple[str, ...]
    when: Matcher = Matcher()
    late: bool = False


class Decision(Struct, frozen=True, kw_only=True):
    """Whether one route tells one receiver of an event, and why."""

    receiver: str
    route: str
    told: bool
    reason: Reason


def decide(event: Event, routes: Iterable[Route], interests: Interests) -> tuple[Decision, ...]:
    """One decision for each receiver of each route; at most one of them tells a receiver."""
    told: set[str] = set()
    decisions: list[Decision] = []
    for route in routes:
        verdict = _verdict(event, route.when, interests, late=route.late)
        for receiver in route.to:
            again = verdict.told and receiver in told
            decisions.append(
                Decision(
                    receiver=receiver,
                    route=route.name,
                    told=verdict.told and not again,
                    reason=Reason.ALREADY_TOLD if again else verdict.reason,
                )
            )
            if verdict.told:
                told.add(receiver)
    return tuple(decisions)


def announces(event: Event, kinds: Sequence[str], interests: Interests) -> Verdict:
    """Whether a console that asked for these kinds (none: the usual ones) shows an event.

    A console shows late lives too; they are marked.
    """
    return _verdict(event, Matcher(kinds=tuple(kinds)), interests, late=True)


def _verdict(event: Event, matcher: Matcher, interests: Interests, *, late: bool) -> Verdict:
    if event.is_log_only:
        return Verdict(told=False, reason=Reason.LOG_ONLY)
    if event.late and not late:
        return Verdict(told=False, reason=Reason.LATE)
    globs = interests.get(event.provider.slug, ())
    # Naming the components that matter asks for everything that happens to them.
    verdict = matches(matcher, event, _ALL_FAMILIES if globs else ANNOUNCED_FAMILIES)
    if not verdict.told or event.kind.family not in _FAMILIES_WITH_COMPONENTS:
        return verdict
    interest = concerns(globs, event)
    if not interest.told:
        return Verdict(told=False, reason=Reason.INTEREST)
    return verdict if interest == MATCHED else interest
