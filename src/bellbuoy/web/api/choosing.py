"""Which of what is there somebody asks for: the parameters of an address, applied.

Globs and words are compared as those of routes are, so that what the API lists is what a route
with the same words would tell.
"""

from collections.abc import Iterable

from msgspec import Struct

from bellbuoy.config import Watched
from bellbuoy.events import FAMILIES, MONITOR, Event
from bellbuoy.model.delivery import Matcher
from bellbuoy.model.known import KnownComponent, KnownIncident
from bellbuoy.routing.matchers import Landscape, Named, holds, is_like, matches, spellings
from bellbuoy.web.api.queries import ComponentQuery, EventFilter, IncidentQuery, Where
from bellbuoy.web.site import Site


class EventChoice(Struct, frozen=True):
    """A predicate on events. `keys` are the pages of the tags that were asked for, if any."""

    matcher: Matcher
    landscape: Landscape
    keys: frozenset[str] | None = None

    def takes(self, event: Event) -> bool:
        """Whether an event is one of those."""
        if self.keys is not None and event.provider != MONITOR and event.page.key not in self.keys:
            return False
        return matches(self.matcher, event, self.landscape, FAMILIES).told


def event_choice(site: Site, asked: EventFilter) -> EventChoice:
    """The events that are asked for."""
    matcher = asked.matcher(page_globs(site, asked.page))
    keys = frozenset(
        one.page.key for one in site.config.watched if not set(asked.tag).isdisjoint(one.tags)
    )
    landscape = Landscape(categories=site.categories)
    return EventChoice(matcher, landscape, keys if asked.tag else None)


def page_globs(site: Site, asked: Iterable[str]) -> tuple[str, ...]:
    """Globs of addresses, from globs and from ids of pages."""
    found = ((text, site.overview.watched(text)) for text in asked)
    return tuple(one.page.key if one else text for text, one in found)


def chosen_pages(site: Site, asked: Where) -> tuple[Watched, ...]:
    """The pages that are asked for, by provider and then by key."""
    globs = page_globs(site, asked.page)
    categories = site.categories
    found = [
        one
        for one in site.config.watched
        if _is_any(asked.provider, (one.page.provider.slug, one.page.provider.name))
        and _is_any(globs, (one.page.url, one.page.key))
        and _is_any(asked.category, (categories[one.page.provider.slug],))
        and (not asked.tag or not set(asked.tag).isdisjoint(one.tags))
    ]
    return tuple(sorted(found, key=lambda one: (one.page.provider.slug, one.page.key)))


def says(words: Iterable[str], *texts: str) -> bool:
    """Whether one of these words, or globs, stands in one of these texts; no words, it does."""
    words = tuple(words)
    return not words or any(holds(word, text) for word in words for text in texts)


def is_chosen_incident(incident: KnownIncident, asked: IncidentQuery) -> bool:
    """Whether an incident of a chosen page is asked for."""
    if asked.open is not None and incident.is_open is not asked.open:
        return False
    if asked.impact and incident.impact not in asked.impact:
        return False
    if incident.components and not _is_named(asked.component, incident.components):
        return False
    return says(asked.text, incident.title)


def is_chosen_component(component: KnownComponent, asked: ComponentQuery) -> bool:
    """Whether a component of a chosen page is asked for."""
    if asked.status and component.status not in asked.status:
        return False
    return _is_named(asked.component, (component,)) and says(
        asked.text, component.name, component.group or ""
    )


def _is_any(globs: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return not globs or any(is_like(glob, name) for glob in globs for name in names)


def _is_named(globs: tuple[str, ...], parts: Iterable[Named]) -> bool:
    return not globs or any(
        is_like(glob, name) for part in parts for name in spellings(part) for glob in globs
    )
