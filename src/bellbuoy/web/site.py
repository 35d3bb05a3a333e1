"""What every page, answer and feed is made from: the running App, and what is known at a glance."""

from collections.abc import Mapping
from functools import cached_property

from msgspec.structs import replace

from bellbuoy.app import App
from bellbuoy.catalog import Catalog
from bellbuoy.config import Config
from bellbuoy.config.web import Web
from bellbuoy.stores import Store
from bellbuoy.stores.cursors import format_cursor
from bellbuoy.telemetry.metrics import Metrics
from bellbuoy.web.overview import Overview

OTHER = "other"
"""The category of providers that the catalog does not know."""


class Site:
    """One Bellbuoy as its visitors see it. `web` says where it listens, and who may what.

    `metrics` are its figures, None where nothing is counted.
    """

    def __init__(
        self, app: App, web: Web, overview: Overview, metrics: Metrics | None = None
    ) -> None:
        self.app = app
        self.web = web
        self.overview = overview
        self.metrics = metrics

    @cached_property
    def config(self) -> Config:
        """The config in force: its `web` as options of the command left it."""
        return replace(self.app.config, web=self.web)

    @property
    def store(self) -> Store:
        """Where everything is kept."""
        return self.app.store

    async def end_of_log(self) -> str:
        """The place of the last event, as it is told outside (`stores.cursors`)."""
        return format_cursor(self.store.log_id, await self.store.last_seq())

    @cached_property
    def catalog(self) -> Catalog:
        """The shipped catalog."""
        return Catalog()

    @cached_property
    def categories(self) -> Mapping[str, str]:
        """The catalog's category of each watched provider, by slug."""
        slugs = {one.page.provider.slug for one in self.config.watched}
        found = {slug: self.catalog.find(slug) for slug in slugs}
        return {slug: entry.category if entry else OTHER for slug, entry in found.items()}
