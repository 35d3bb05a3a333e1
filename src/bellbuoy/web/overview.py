"""How everything that is watched stands now, held ready so that looking costs polling nothing.

What changed since somebody looked last, here or in another process, is read from the store first
(`stale`), so an overview is as true as the log.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from bellbuoy.app import App, Place
from bellbuoy.config import Watched
from bellbuoy.events import Event, EventKind
from bellbuoy.model.facts import ComponentStatus, IncidentKind
from bellbuoy.model.known import KnownComponent, KnownIncident, is_blind
from bellbuoy.observer import Observer, VisitDone
from bellbuoy.stale import StalePages
from bellbuoy.stores import Store
from bellbuoy.stores.retention import ended_at
from bellbuoy.web.addresses import page_id
from bellbuoy.web.weighing import weight, worst


class PageView(Struct, frozen=True, kw_only=True):
    """How one page stands.

    `id` names it in our addresses. `total` counts its components, `ill` are those that are not
    operational, the worst first. `incidents` are the open ones, `maintenances` the planned work
    that is announced or goes on. `place` is its place in the schedule. `fine_since` is the end
    of its last trouble, as far as anybody knows; None if none is known. `is_blind` says that what
    the page said last, if anything, is too old to tell of now.
    """

    id: str
    watched: Watched
    place: Place
    total: int = 0
    ill: tuple[KnownComponent, ...] = ()
    incidents: tuple[KnownIncident, ...] = ()
    maintenances: tuple[KnownIncident, ...] = ()
    fine_since: datetime | None = None
    is_blind: bool = False

    @property
    def is_unreadable(self) -> bool:
        """Whether what it says now is not known, and that was told."""
        return self.place.state.health.unreadable is not None

    @property
    def is_read(self) -> bool:
        """Whether it was ever read."""
        return self.place.state.health.read_at is not None

    @property
    def is_known(self) -> bool:
        """Whether what is held of it tells of now."""
        return self.is_read and not self.is_unreadable and not self.is_blind

    @property
    def status(self) -> ComponentStatus:
        """The worst of its components; unknown where that is not known, or not any more.

        Where a page lists none, as feeds do, its open incidents are all that tells how it is.
        """
        if not self.is_known:
            return ComponentStatus.UNKNOWN
        if not self.total:
            return worst(map(weight, self.incidents))
        return self.ill[0].status if self.ill else ComponentStatus.OPERATIONAL


class _Facts(Struct, frozen=True):
    """What is held of a page: the part of its view that the store knows."""

    total: int = 0
    ill: tuple[KnownComponent, ...] = ()
    incidents: tuple[KnownIncident, ...] = ()
    maintenances: tuple[KnownIncident, ...] = ()
    fine_since: datetime | None = None


class _Past(Struct, frozen=True):
    """What lately happened to a page: incidents that may be over, and events."""

    incidents: tuple[KnownIncident, ...] = ()
    events: tuple[Event, ...] = ()


def by_provider(views: Iterable[PageView]) -> tuple[tuple[PageView, ...], ...]:
    """The pages of each provider, in the order of their first ones."""
    found: dict[str, list[PageView]] = {}
    for view in views:
        found.setdefault(view.watched.page.provider.slug, []).append(view)
    return tuple(map(tuple, found.values()))


MANY = 20
"""Pages of which everything is read at once, instead of one by one."""

_FEW_ENTRIES, _MANY_ENTRIES = 30, 2000
"""How many of the newest incidents and events are asked for the end of the last trouble."""

_WELL = frozenset({ComponentStatus.OPERATIONAL, ComponentStatus.MAINTENANCE})


class Overview(Observer):
    """Answers how all pages stand. It hears of what changes as an observer of the App."""

    def __init__(self) -> None:
        self._facts: dict[str, _Facts] = {}
        self._stale = StalePages()
        self._app: App | None = None

    def open(self, app: App) -> None:
        """Begin to answer for an App that runs."""
        self._app = app
        self._ids = {page_id(one.page.key): one for one in app.config.watched}
        self._stale = StalePages(one.page.key for one in app.config.watched)

    def visit_done(self, details: VisitDone) -> None:
        """What a visit changed is to be read again."""
        self._stale.visit_done(details)

    def changed(self, page_key: str) -> None:
        """So is what others changed."""
        self._stale.changed(page_key)

    async def pages(self) -> tuple[PageView, ...]:
        """Every page, in the order of the config. Raises StoreError."""
        await self._refresh(one.page.key for one in self._ids.values())
        return tuple(self._view(id, one) for id, one in self._ids.items())

    async def page(self, id: str) -> PageView | None:
        """The page of this id; None if there is none. Raises StoreError."""
        watched = self._ids.get(id)
        if watched is None:
            return None
        await self._refresh([watched.page.key])
        return self._view(id, watched)

    def watched(self, id: str) -> Watched | None:
        """What the config says of the page of this id."""
        return self._ids.get(id)

    async def _refresh(self, keys: Iterable[str]) -> None:
        await self._running.catch_up()
        async with self._stale.taken(keys) as stale:
            if stale:
                self._facts.update(await self._read(stale))

    async def _read(self, keys: Collection[str]) -> Mapping[str, _Facts]:
        store = self._running.store
        incidents: dict[str, list[KnownIncident]] = {key: [] for key in keys}
        for key, incident in await store.open_incidents(keys):
            incidents[key].append(incident)
        if len(keys) < MANY:
            parts = {key: await store.components(key) for key in keys}
            pasts = {key: await _past(store, key) for key in keys}
        else:
            parts = await store.all_components()
            pasts = await _pasts(store)
        return {
            key: _facts(parts.get(key, ()), incidents[key], pasts.get(key, _Past())) for key in keys
        }

    def _view(self, id: str, watched: Watched) -> PageView:
        key = watched.page.key
        place = self._running.place(key)
        if place is None:
            raise LookupError(key)
        facts = self._facts.get(key, _Facts())
        return PageView(
            id=id,
            watched=watched,
            place=place,
            total=facts.total,
            ill=facts.ill,
            incidents=facts.incidents,
            maintenances=facts.maintenances,
            fine_since=facts.fine_since,
            is_blind=is_blind(place.page, place.state.health, self._running.now()),
        )

    @property
    def _running(self) -> App:
        if self._app is None:
            raise RuntimeError("it is asked before it was opened")
        return self._app


async def _past(store: Store, key: str) -> _Past:
    found = await store.incidents(page_keys=[key], kind=IncidentKind.INCIDENT, limit=_FEW_ENTRIES)
    events = await store.latest_events(page=key, limit=_FEW_ENTRIES)
    return _Past(tuple(incident for _, incident in found), events)


async def _pasts(store: Store) -> Mapping[str, _Past]:
    """The newest of all pages at once; of a page that was long quiet that may be nothing."""
    incidents: dict[str, list[KnownIncident]] = {}
    for key, incident in await store.incidents(kind=IncidentKind.INCIDENT, limit=_MANY_ENTRIES):
        incidents.setdefault(key, []).append(incident)
    events: dict[str, list[Event]] = {}
    for event in await store.latest_events(limit=_MANY_ENTRIES):
        events.setdefault(event.page.key, []).append(event)
    return {
        key: _Past(tuple(incidents.get(key, ())), tuple(events.get(key, ())))
        for key in incidents.keys() | events.keys()
    }


def _fine_since(past: _Past) -> datetime | None:
    """The end of the last trouble: an incident's, a component's, or that of being unreadable."""
    ends = [ended_at(incident) for incident in past.incidents]
    ends += [event.observed_at for event in past.events if _is_of_trouble(event)]
    return max((at for at in ends if at), default=None)


def _is_of_trouble(event: Event) -> bool:
    if event.kind is EventKind.PAGE_READABLE:
        return True
    statuses = event.changes.get("status", ())
    return event.kind is EventKind.COMPONENT_CHANGED and any(
        ComponentStatus(status) not in _WELL for status in statuses
    )


def _facts(
    components: Sequence[KnownComponent], incidents: Sequence[KnownIncident], past: _Past
) -> _Facts:
    parts = [component for component in components if not component.is_group]
    ill = [part for part in parts if part.status is not ComponentStatus.OPERATIONAL]
    return _Facts(
        total=len(parts),
        ill=tuple(sorted(ill, key=lambda part: (-part.status.rank, part.name))),
        incidents=tuple(one for one in incidents if one.kind is IncidentKind.INCIDENT),
        maintenances=tuple(one for one in incidents if one.kind is IncidentKind.MAINTENANCE),
        fine_since=_fine_since(past),
    )
