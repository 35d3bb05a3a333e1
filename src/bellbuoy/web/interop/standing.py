"""How providers and their parts stand, for whoever draws or tells it; pure.

A provider whose page names no components is one part itself. What cannot be read is unknown,
whatever was said before: an old green is no green.
"""

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from bellbuoy.model.facts import ComponentStatus, Provider
from bellbuoy.model.known import KnownComponent
from bellbuoy.web.overview import PageView, by_provider
from bellbuoy.web.weighing import weight, worst

Components = Mapping[str, tuple[KnownComponent, ...]]
"""Components by page key, as `Store.all_components` gives them."""


class Part(Struct, frozen=True, kw_only=True):
    """A component, or a page that names none (`component` is None). `name` tells it from others."""

    page_key: str
    name: str
    status: ComponentStatus
    component: KnownComponent | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """One provider with everything of it that is watched."""

    provider: Provider
    views: tuple[PageView, ...]
    parts: tuple[Part, ...]

    @property
    def status(self) -> ComponentStatus:
        """The worst of its parts."""
        return worst(part.status for part in self.parts)

    @property
    def trouble(self) -> ComponentStatus:
        """The worst of its parts and of its open incidents."""
        told = (weight(one) for view in self.views for one in view.incidents)
        return worst((self.status, *told))


def standings(views: Iterable[PageView], components: Components) -> tuple[Standing, ...]:
    """Providers in the order of their first page."""
    return tuple(_standing(pages, components) for pages in by_provider(views))


def full_name(component: KnownComponent) -> str:
    """A component with its group and region: names repeat across both on many pages."""
    name = f"{component.group}: {component.name}" if component.group else component.name
    return f"{name} ({component.region})" if component.region else name


def _standing(views: Sequence[PageView], components: Components) -> Standing:
    parts: list[Part] = []
    for view in views:
        parts.extend(_parts(view, components, is_alone=len(views) == 1))
    provider = views[0].watched.page.provider
    return Standing(provider=provider, views=tuple(views), parts=tuple(parts))


def _parts(view: PageView, components: Components, *, is_alone: bool) -> list[Part]:
    key = view.watched.page.key
    named = [one for one in components.get(key, ()) if not one.is_group]
    if named:
        return [
            Part(
                page_key=key,
                name=full_name(one),
                status=one.status if view.is_known else ComponentStatus.UNKNOWN,
                component=one,
            )
            for one in named
        ]
    name = view.watched.page.provider.name
    host = urlsplit(view.watched.page.url).netloc
    told = worst(weight(one) for one in view.incidents)
    return [
        Part(
            page_key=key,
            name=name if is_alone else f"{name} ({host})",
            status=told if view.is_known else ComponentStatus.UNKNOWN,
        )
    ]
