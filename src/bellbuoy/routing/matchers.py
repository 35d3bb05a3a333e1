"""Predicates on events, and the reason of every answer. Pure.

One rule decides every doubtful case: what an event does not state, it passes. An incident
without components passes every component matcher, an unreadable page passes every impact
matcher, and "we are offline" concerns every provider. A filter must never hide an outage.
"""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from bellbuoy.events import ANNOUNCED_FAMILIES, MONITOR, Event
from bellbuoy.model.delivery import Matcher


class Reason(StrEnum):
    """Why an event is, or is not, told to someone."""

    MATCHED = "every condition holds"
    NOT_STATED = "components not stated"
    LOG_ONLY = "recorded for the log only"
    LATE = "over before it was seen, and the rule does not ask for late lives"
    PROVIDER = "another provider"
    KIND = "a kind that was not asked for"
    IMPACT = "an impact that was not asked for"
    COMPONENT = "none of its components was asked for"
    INTEREST = "none of its components matters to us, says the provider's `components`"
    ALREADY_TOLD = "an earlier route tells this receiver"
    NO_RECEIVER = "the route names no such receiver"


class Verdict(Struct, frozen=True, kw_only=True):
    """A yes or no with its reason."""

    told: bool
    reason: Reason


MATCHED = Verdict(told=True, reason=Reason.MATCHED)


def matches(matcher: Matcher, event: Event, usual: Iterable[str] = ANNOUNCED_FAMILIES) -> Verdict:
    """Whether an event is like this; `usual` are the kinds of a matcher that names none."""
    if not _is_of_kinds(matcher.kinds or usual, event):
        return Verdict(told=False, reason=Reason.KIND)
    if not _is_of_providers(matcher.providers, event):
        return Verdict(told=False, reason=Reason.PROVIDER)
    if matcher.impacts and event.incident and event.incident.impact not in matcher.impacts:
        return Verdict(told=False, reason=Reason.IMPACT)
    return concerns(matcher.components, event)


def concerns(globs: tuple[str, ...], event: Event) -> Verdict:
    """Whether a component of an event, or its group, has one of these names; no globs, all do.

    Where the list of components changed, the one before counts too: who followed the
    incident learns that it does not concern them any more.
    """
    if not globs:
        return MATCHED
    names = tuple(_component_names(event))
    if not names:
        return Verdict(told=True, reason=Reason.NOT_STATED)
    if any(is_like(glob, name) for glob in globs for name in names):
        return MATCHED
    return Verdict(told=False, reason=Reason.COMPONENT)


def is_like(glob: str, name: str) -> bool:
    """Whether a name fits a glob: `*` is any text, `?` any character, case does not count.

    In time of at most the product of both lengths, whatever the glob: only the last star can
    be the one to stretch.
    """
    glob, name = glob.casefold(), name.casefold()
    at = in_name = 0
    star, resume = -1, 0
    while in_name < len(name):
        if at < len(glob) and glob[at] == "*":
            star, resume = at, in_name
            at += 1
        elif at < len(glob) and glob[at] in ("?", name[in_name]):
            at += 1
            in_name += 1
        elif star >= 0:
            resume += 1
            at, in_name = star + 1, resume
        else:
            return False
    return not glob[at:].strip("*")


def _is_of_kinds(kinds: Iterable[str], event: Event) -> bool:
    return any(kind in (event.kind.value, event.kind.family) for kind in kinds)


def _is_of_providers(globs: tuple[str, ...], event: Event) -> bool:
    if not globs or event.provider.slug == MONITOR.slug:
        return True
    names = (event.provider.slug, event.provider.name)
    return any(is_like(glob, name) for glob in globs for name in names)


def _component_names(event: Event) -> Iterable[str]:
    """Every name under which a component of this event may be asked for."""
    if event.component is not None:
        yield from filter(None, (event.component.name, event.component.group))
    if event.incident is None:
        return
    for component in event.incident.components:
        yield from filter(None, (component.name, component.group))
    if event.incident.components:
        before, _ = event.changes.get("components", ("", ""))
        yield from filter(None, str(before).split(", "))
