"""The configuration: its schema, and its reading with errors that name file, line and key."""

from collections.abc import Mapping

from msgspec import Struct

from bellbuoy.config.web import Web
from bellbuoy.formats import Format
from bellbuoy.http import HttpSettings
from bellbuoy.model.delivery import Beat
from bellbuoy.model.facts import Page
from bellbuoy.notifiers import Notifier, Receiver
from bellbuoy.routing.matchers import Landscape, Need
from bellbuoy.routing.routes import Route


class Watched(Struct, frozen=True, kw_only=True):
    """A page as the config asks for it.

    `page.format` is empty when the format is to be recognised at the first look. `components`
    are the globs of the components that matter; empty means all of them do, and that
    component changes are not announced. `tags` name the boards on which it is shown.
    """

    page: Page
    components: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Config(Struct, frozen=True, kw_only=True):
    """A configuration that was read and found good.

    `source` is the file it came from, or None for the default set. `store` is an SQLAlchemy
    style address (`sqlite:////var/lib/bellbuoy/bellbuoy.db`, `memory:`). `needs` are the
    operator's own services with what they need, `categories` those of the providers, if a route
    asks for any. `timezone` is the IANA name for display. `retention` is how long events are
    kept, in seconds. `formats` and `notifiers` are those of the plugins. `warnings` are lines
    for the person who wrote it. `heartbeat` is where a sign of life goes, `web` how dashboard
    and API are served. `partial` is true
    when only some of the configured pages are watched this time, so that nothing is forgotten
    of the others.
    """

    watched: tuple[Watched, ...]
    receivers: tuple[Receiver, ...] = ()
    routes: tuple[Route, ...] = ()
    needs: tuple[Need, ...] = ()
    categories: Mapping[str, str] = {}
    heartbeat: Beat | None = None
    web: Web = Web()
    http: HttpSettings = HttpSettings()
    store: str
    timezone: str = "UTC"
    retention: float = 90 * 86400.0
    formats: Mapping[str, Format] = {}
    notifiers: Mapping[str, Notifier] = {}
    source: str | None = None
    warnings: tuple[str, ...] = ()
    partial: bool = False

    @property
    def interests(self) -> Mapping[str, tuple[str, ...]]:
        """Globs of the components that matter, by provider slug; absent where all of them do.

        Those of a probe are by its page key: whoever probes an address asks to be told of it,
        which says nothing of the provider's status page.
        """
        globs: dict[str, tuple[str, ...]] = {}
        for watched in self.watched:
            if watched.page.is_probed:
                globs[watched.page.key] = watched.components
                continue
            slug = watched.page.provider.slug
            before = globs.get(slug, watched.components)
            both = (*before, *watched.components) if before and watched.components else ()
            globs[slug] = tuple(dict.fromkeys(both))
        return {slug: names for slug, names in globs.items() if names}

    @property
    def landscape(self) -> Landscape:
        """What routing has to know beside the routes."""
        return Landscape(interests=self.interests, categories=self.categories, needs=self.needs)

    def __repr__(self) -> str:
        """What it is, without a secret: addresses may hold passwords."""
        return (
            f"Config(source={self.source!r}, watched={len(self.watched)}, "
            f"receivers={[receiver.name for receiver in self.receivers]}, "
            f"routes={[route.name for route in self.routes]})"
        )
