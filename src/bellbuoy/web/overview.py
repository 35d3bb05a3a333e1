"""How everything that is watched stands now, held ready so that looking costs polling nothing.

    a visit that changed something ──> its page is stale ──> read again when somebody looks

Pages that nobody looks at are never read. What was not asked since its last change is read from
the store, so an overview is as true as the log.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bellbuoy.app import App, Place
from bellbuoy.config import Watched
from bellbuoy.model.facts import ComponentStatus, IncidentKind
from bellbuoy.model.known import KnownComponent, KnownIncident
from bellbuoy.observer import Observer, VisitDone
from bellbuoy.web.addresses import page_id


class PageView(Struct, frozen=True, kw_only=True):
    """How one page stands.

    `id` names it in our addresses. `total` counts its components, `ill` are those that are not
    operational, the worst first. `incidents` are the open ones, `maintenances` the planned work
    that is announced or goes on. `place` is its place in the schedule.
    """

    id: str
    watched: Watched
    place: Place
    total: int = 0
    ill: tuple[KnownComponent, ...] = ()
    incidents: tuple[KnownIncident, ...] = ()
    maintenances: tuple[KnownIncident, ...] = ()

    @property
    def is_unreadable(self) -> bool:
        """Whether what it says now is not known, and that was told."""
        return self.place.state.health.unreadable is not None

    @property
    def is_read(self) -> bool:
        """Whether it was ever read."""
        return self.place.state.health.read_at is not None

    @property
    def status(self) -> ComponentStatus:
        """The worst of its components; unknown where it cannot be read, or never was."""
        if self.is_unreadable or not self.is_read:
            return ComponentStatus.UNKNOWN
        return self.ill[0].status if self.ill else ComponentStatus.OPERATIONAL


class _Facts(Struct, frozen=True):
    """What is held of a page: the part of its view that the store knows."""

    total: int = 0
    ill: tuple[KnownComponent, ...] = ()
    incidents: tuple[KnownIncident, ...] = ()
    maintenances: tuple[KnownIncident, ...] = ()


class Overview(Observer):
    """Answers how all pages stand. It hears of visits as an observer of the App."""

    def __init__(self) -> None:
        self._facts: dict[str, _Facts] = {}
        self._stale: set[str] = set()
        self._app: App | None = None

    def open(self, app: App) -> None:
        """Begin to answer for an App that runs."""
        self._app = app
        self._ids = {page_id(one.page.key): one for one in app.config.watched}
        self._stale = {one.page.key for one in app.config.watched}

    def visit_done(self, details: VisitDone) -> None:
        """What a visit changed is to be read again."""
        if details.outcome == "changed" or details.page_key not in self._facts:
            self._stale.add(details.page_key)

    async def pages(self) -> tuple[PageView, ...]:
        """Every page, in the order of the config. Raises StoreError."""
        await self._refresh(self._stale)
        return tuple(self._view(one) for one in self._ids.values())

    async def page(self, id: str) -> PageView | None:
        """The page of this id; None if there is none. Raises StoreError."""
        watched = self._ids.get(id)
        if watched is None:
            return None
        await self._refresh(self._stale & {watched.page.key})
        return self._view(watched)

    def watched(self, id: str) -> Watched | None:
        """What the config says of the page of this id."""
        return self._ids.get(id)

    async def _refresh(self, keys: set[str]) -> None:
        keys = set(keys)
        # What changes while the store is asked is stale again.
        self._stale -= keys
        try:
            fresh = await self._read(keys)
        except BaseException:
            self._stale |= keys
            raise
        self._facts.update(fresh)

    async def _read(self, keys: set[str]) -> Mapping[str, _Facts]:
        if not keys:
            return {}
        store = self._running.store
        incidents: dict[str, list[KnownIncident]] = {key: [] for key in keys}
        for key, incident in await store.open_incidents(keys):
            incidents[key].append(incident)
        return {key: _facts(await store.components(key), incidents[key]) for key in keys}

    def _view(self, watched: Watched) -> PageView:
        key = watched.page.key
        place = self._running.place(key)
        if place is None:
            raise LookupError(key)
        facts = self._facts.get(key, _Facts())
        return PageView(
            id=page_id(key),
            watched=watched,
            place=place,
            total=facts.total,
            ill=facts.ill,
            incidents=facts.incidents,
            maintenances=facts.maintenances,
        )

    @property
    def _running(self) -> App:
        if self._app is None:
            raise RuntimeError("it is asked before it was opened")
        return self._app


def _facts(components: Sequence[KnownComponent], incidents: Sequence[KnownIncident]) -> _Facts:
    parts = [component for component in components if not component.is_group]
    ill = [part for part in parts if part.status is not ComponentStatus.OPERATIONAL]
    return _Facts(
        total=len(parts),
        ill=tuple(sorted(ill, key=lambda part: (-part.status.rank, part.name))),
        incidents=tuple(one for one in incidents if one.kind is IncidentKind.INCIDENT),
        maintenances=tuple(one for one in incidents if one.kind is IncidentKind.MAINTENANCE),
    )
