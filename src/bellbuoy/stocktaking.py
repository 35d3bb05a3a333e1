"""What stands now, gathered from the scheduler and the store for the figures of telemetry.

    states of pages (memory) --.
    open incidents (store) -----+-> Stock -> telemetry.metrics
    deliveries (store) --------'

Components are read again only where a visit changed something: asking for figures every few
seconds must not cost the store a query for each page.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.config import Config
from bellbuoy.errors import StoreError
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind, Page
from bellbuoy.model.known import KnownComponent, PageState, is_blind
from bellbuoy.model.leases import Role, Roster
from bellbuoy.observer import Observer, VisitDone
from bellbuoy.routing.matchers import is_like
from bellbuoy.stale import StalePages
from bellbuoy.stores import Store
from bellbuoy.telemetry.stock import (
    COMPONENTS_A_PAGE,
    ComponentNow,
    PageNow,
    ReceiverNow,
    Stock,
    WorkersNow,
)
from bellbuoy.text import clean_line

LONGEST_NAME = 120
"""A longer name of a component is cut to so many characters."""

_Incidents = dict[str, Counter[tuple[IncidentKind, Impact]]]


class _Parts(Struct, frozen=True, kw_only=True):
    """The components of a page, as figures show them."""

    counts: Counter[ComponentStatus]
    shown: tuple[ComponentNow, ...]


_NO_PARTS = _Parts(counts=Counter(), shown=())


class Stocktaking(Observer):
    """Takes stock. It hears of what changes as an observer."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._store = store
        self._globs = {one.page.key: one.components for one in config.watched}
        self._stale = StalePages(self._globs)
        self._parts: dict[str, _Parts] = {}
        self._incidents: _Incidents = {}

    def visit_done(self, details: VisitDone) -> None:
        """What changed is to be read again."""
        self._stale.visit_done(details)

    def changed(self, page_key: str) -> None:
        """So is what others changed."""
        self._stale.changed(page_key)

    async def take(
        self,
        pages: Sequence[tuple[Page, PageState]],
        *,
        now: datetime,
        workers: WorkersNow | None = None,
        unready: tuple[str, ...] = (),
        is_offline: bool = False,
    ) -> Stock:
        """What stands now, of these pages, which are those that are polled here.

        Components of a page are unknown where what it said last does not tell of now.
        Where the store cannot be read, what is remembered of pages.
        """
        keys = [page.key for page, _ in pages]
        try:
            await self._read_components(keys)
            self._incidents = await self._count_incidents(keys)
            receivers = await self._look_at_receivers()
            last_seq = await self._store.last_seq()
        except StoreError:
            receivers, last_seq = (), None
        return Stock(
            pages=tuple(self._page(page, state, now) for page, state in pages),
            receivers=receivers,
            last_seq=last_seq,
            workers=workers,
            unready=unready,
            is_offline=is_offline,
        )

    def _page(self, page: Page, state: PageState, now: datetime) -> PageNow:
        parts = self._parts.get(page.key, _NO_PARTS)
        if is_blind(page, state.health, now):
            parts = _unknown(parts)
        return PageNow(
            provider=page.provider.slug,
            page=page.key,
            every=page.every,
            health=state.health,
            components=parts.counts,
            shown=parts.shown,
            incidents=self._incidents.get(page.key, {}),
        )

    async def _read_components(self, page_keys: Iterable[str]) -> None:
        async with self._stale.taken(page_keys) as keys:
            for key in keys:
                self._parts[key] = _parts(await self._store.components(key), self._globs[key])

    async def _count_incidents(self, page_keys: Iterable[str]) -> _Incidents:
        found: _Incidents = {}
        for key, incident in await self._store.open_incidents(page_keys):
            found.setdefault(key, Counter())[incident.kind, incident.impact] += 1
        return found

    async def _look_at_receivers(self) -> tuple[ReceiverNow, ...]:
        names = [receiver.name for receiver in self._config.receivers]
        if not names:
            return ()
        disabled = await self._store.disabled()
        oldest = await self._store.oldest_waiting()
        return tuple(
            [
                ReceiverNow(
                    name=name,
                    deliveries=await self._store.count_deliveries(name),
                    oldest=oldest.get(name),
                    is_disabled=name in disabled,
                )
                for name in names
            ]
        )


def count_workers(roster: Roster, worker_id: str) -> WorkersNow:
    """Who shares the store, and what one of them holds."""
    shards = roster.shards_of(worker_id)
    return WorkersNow(
        alive={role: len(roster.live(role)) for role in Role},
        shards=shards,
        deliveries=len(roster.held_by(worker_id)) - shards,
    )


def _parts(components: Iterable[KnownComponent], globs: tuple[str, ...]) -> _Parts:
    """Counts of all, and those of them that are shown: first what the operator asked for."""
    parts = [one for one in components if not one.is_group]
    parts.sort(key=lambda one: (not _is_wanted(one, globs), one.id))
    shown = tuple(
        ComponentNow(id=one.id, name=_name(one), status=one.status)
        for one in parts[:COMPONENTS_A_PAGE]
    )
    return _Parts(counts=Counter(one.status for one in parts), shown=shown)


def _unknown(parts: _Parts) -> _Parts:
    """The same components, of which nobody knows how they are."""
    total = parts.counts.total()
    return _Parts(
        counts=Counter({ComponentStatus.UNKNOWN: total} if total else {}),
        shown=tuple(replace(one, status=ComponentStatus.UNKNOWN) for one in parts.shown),
    )


def _is_wanted(component: KnownComponent, globs: tuple[str, ...]) -> bool:
    return any(is_like(glob, component.name) for glob in globs)


def _name(component: KnownComponent) -> str:
    name = f"{component.group}/{component.name}" if component.group else component.name
    return clean_line(name, LONGEST_NAME)
