"""Predicates on events, and the reason of every answer. Pure.

One rule decides every doubtful case: a filter must never hide an outage. What an event does not
state, it passes: an incident without components passes every component matcher, an unreadable
page passes every impact matcher, and "we are offline" concerns every provider. Where a matcher
takes away instead (`unless`, a silence), the same rule turns round: what is not stated stays.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from bellbuoy.events import ANNOUNCED_FAMILIES, FAMILIES, MONITOR, Event
from bellbuoy.model.delivery import Matcher, Service


class Reason(StrEnum):
    """Why an event is, or is not, told to someone; the later, the nearer it was to a yes."""

    LOG_ONLY = "recorded for the log only"
    KIND = "a kind that was not asked for"
    PROVIDER = "another provider"
    PAGE = "another page"
    CATEGORY = "a provider of another category"
    LATE = "over before it was seen, and the rule does not ask for late lives"
    IMPACT = "an impact that was not asked for"
    TEXT = "words that were not asked for"
    SERVICE = "none of the services or owners asked for needs it"
    COMPONENT = "none of its components was asked for"
    INTEREST = "none of its components matters to us, says the provider's `components`"
    UNLESS = "the route says `unless`"
    NEVER_TOLD = "the end of what this receiver was never told of"
    SILENCED = "silenced"
    FLAP = "it ended while the route held it back"
    DISABLED = "the receiver wants no more events"
    ALREADY_TOLD = "another route tells this receiver"
    HOLD = "held back by the route's `hold`"
    QUIET = "quiet hours"
    DIGEST = "waits for the digest"
    MATCHED = "every condition holds"
    NOT_STATED = "components not stated"
    FOLLOWS = "the receiver was told that it began"

    @property
    def nearness(self) -> int:
        """How near to a yes it was, for the one reason that is kept of several."""
        return _NEARNESS[self]


_NEARNESS = {reason: place for place, reason in enumerate(Reason)}


class Verdict(Struct, frozen=True, kw_only=True):
    """A yes or no with its reason."""

    told: bool
    reason: Reason


class Need(Struct, frozen=True, kw_only=True):
    """One of the operator's own services, and what it needs."""

    service: Service
    on: tuple[Matcher, ...]


class Landscape(Struct, frozen=True, kw_only=True):
    """What the operator and the catalog say of providers, beside the routes.

    `interests` are globs of the components that matter, by provider slug: the config's
    `components:`; a page that has globs of its own, by its key, does not go by those of its
    provider. `categories` are the catalog's, by slug. `needs` say who depends on whom.
    """

    interests: Mapping[str, tuple[str, ...]] = {}
    categories: Mapping[str, str] = {}
    needs: tuple[Need, ...] = ()


MATCHED = Verdict(told=True, reason=Reason.MATCHED)
NOWHERE = Landscape()


def matches(
    matcher: Matcher,
    event: Event,
    landscape: Landscape = NOWHERE,
    usual: Iterable[str] = ANNOUNCED_FAMILIES,
) -> Verdict:
    """Whether an event is like this; `usual` are the kinds of a matcher that names none."""
    asked = (*matcher.kinds, *matcher.types) or usual
    if event.kind.family not in asked and event.kind.value not in asked:
        return Verdict(told=False, reason=Reason.KIND)
    if reason := _elsewhere(matcher, event, landscape):
        return Verdict(told=False, reason=reason)
    if matcher.impacts and event.incident and event.incident.impact not in matcher.impacts:
        return Verdict(told=False, reason=Reason.IMPACT)
    if matcher.text and not _says(matcher.text, event):
        return Verdict(told=False, reason=Reason.TEXT)
    if (matcher.services or matcher.owners) and not _is_needed(matcher, event, landscape):
        return Verdict(told=False, reason=Reason.SERVICE)
    return concerns(matcher.components, event)


def surely_matches(matcher: Matcher, event: Event, landscape: Landscape = NOWHERE) -> bool:
    """Whether an event states everything that is asked: for matchers that take away."""
    if matcher.impacts and event.incident is None:
        return False
    if event.provider.slug == MONITOR.slug and (matcher.providers or matcher.components):
        return False
    return matches(matcher, event, landscape, FAMILIES) == MATCHED


def concerns(globs: tuple[str, ...], event: Event) -> Verdict:
    """Whether one of these globs finds a component of an event; no globs, all do.

    A glob is compared with each of the component's `spellings`.
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


def services(event: Event, landscape: Landscape) -> tuple[Service, ...]:
    """The operator's own services that need what this event is about."""
    return tuple(
        need.service
        for need in landscape.needs
        if any(matches(matcher, event, landscape, FAMILIES).told for matcher in need.on)
    )


class Named(Protocol):
    """A component, wherever it is told of; some know their region, too."""

    @property
    def id(self) -> str:
        """The vendor's own; empty where it gives only names."""
        ...

    @property
    def name(self) -> str:
        """As people read it."""
        ...

    @property
    def group(self) -> str | None:
        """The heading above it, or its region."""
        ...


def spellings(component: Named) -> Iterator[str]:
    """Every name under which a component may be asked for.

    Its name, its group, its region, and `group/name`. AWS puts the region behind its short name
    (`ec2-us-east-1`): what stands before it is a name, too.
    """
    group, region = component.group, getattr(component, "region", None)
    short = component.id.removesuffix(f"-{group}") if group else component.id
    names = [component.name, short] if short != component.id else [component.name]
    yield from filter(None, names)
    for place in filter(None, (group, region)):
        yield place
        for name in names:
            yield f"{place}/{name}"


@lru_cache(maxsize=1 << 16)
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


def _elsewhere(matcher: Matcher, event: Event, landscape: Landscape) -> Reason | None:
    """Why it is not of the providers, pages and categories that were asked for."""
    provider, page = event.provider, event.page
    if provider.slug == MONITOR.slug:
        return None
    if matcher.providers and not _is_one_of(matcher.providers, (provider.slug, provider.name)):
        return Reason.PROVIDER
    if matcher.pages and not _is_one_of(matcher.pages, (page.url, page.key)):
        return Reason.PAGE
    if matcher.categories:
        category = landscape.categories.get(provider.slug, "")
        if not _is_one_of(matcher.categories, (category,)):
            return Reason.CATEGORY
    return None


def _is_one_of(globs: Iterable[str], names: tuple[str, ...]) -> bool:
    return any(is_like(glob, name) for glob in globs for name in names)


def _says(words: Iterable[str], event: Event) -> bool:
    """Whether the title or the message holds one of these; an event without text passes."""
    if event.incident is None:
        return True
    texts = (event.incident.title, event.update.body if event.update else "")
    return any(holds(word, text) for word in words for text in texts)


def holds(word: str, text: str) -> bool:
    """Whether a text is like a glob; or, if it has neither star nor `?`, has it anywhere."""
    if "*" in word or "?" in word:
        # Texts are long and seldom the same: not cached.
        return is_like.__wrapped__(word, text)
    return word.casefold() in text.casefold()


def _is_needed(matcher: Matcher, event: Event, landscape: Landscape) -> bool:
    if event.provider.slug == MONITOR.slug:
        return True
    return any(
        (not matcher.services or _is_one_of(matcher.services, (service.name,)))
        and (not matcher.owners or _is_one_of(matcher.owners, (service.owner,)))
        for service in services(event, landscape)
    )


def _component_names(event: Event) -> Iterable[str]:
    """Every name under which a component of this event may be asked for."""
    if event.component is not None:
        component = event.component
        yield from spellings(component)
    if event.incident is None:
        return
    for component in event.incident.components:
        yield from spellings(component)
    if event.incident.components:
        before, _ = event.changes.get("components", ("", ""))
        yield from filter(None, str(before).split(", "))
