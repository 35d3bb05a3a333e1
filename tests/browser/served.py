"""A Bellbuoy behind a real port, to which things happen while a browser looks."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.config import Watched
from bellbuoy.config.web import Web
from bellbuoy.events import Event
from bellbuoy.model.known import KnownComponent, KnownIncident
from bellbuoy.observer import VisitDone
from bellbuoy.stores import Visit
from bellbuoy.web.application import application
from bellbuoy.web.server import address_of, listen, serving
from bellbuoy.web.site import Site
from tests.web.lookout import CATEGORIES
from tests.web.sites import OPEN, Seen, open_site, read_state


class Served(Struct, frozen=True, kw_only=True):
    """A site at an address."""

    site: Site
    url: str
    port: int

    async def happen(
        self,
        at: Watched,
        *facts: KnownIncident | KnownComponent,
        events: tuple[Event, ...] = (),
        **health: Any,
    ) -> None:
        """A look at a page found these facts beside what was known, and led to these events."""
        before = await self.site.store.load_known(at.page.key)
        incidents = {one.key: one for one in facts if isinstance(one, KnownIncident)}
        components = {one.id: one for one in facts if isinstance(one, KnownComponent)}
        known = replace(
            before,
            incidents={**before.incidents, **incidents},
            components={**before.components, **components},
        )
        state = read_state(at.page.key, **health)
        visit = Visit(page=at.page, state=state, before=before, known=known, events=events)
        await self.site.store.commit(visit)
        self.site.overview.visit_done(
            VisitDone(
                page_key=at.page.key, provider=at.page.provider.slug, outcome="changed", seconds=0.1
            )
        )


@asynccontextmanager
async def served(
    seen: Seen,
    *,
    address: str = "memory:",
    port: int = 0,
    categories: Mapping[str, str] = CATEGORIES,
    web: Web = OPEN,
    **config: Any,
) -> AsyncGenerator[Served]:
    """A site that saw this, at a free port or at one that it had before."""
    async with open_site(seen, web=web, address=address, **config) as site:
        site.__dict__["categories"] = categories
        with listen(Web(port=port)) as opened:
            async with serving(application(site), opened):
                number: int = opened.getsockname()[1]
                yield Served(site=site, url=address_of(opened), port=number)
