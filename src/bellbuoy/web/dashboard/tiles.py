"""Every provider as one quiet tile: how it is, in a sign and two or three words.

Pure. A provider that cannot be read, or never was, is grey, whatever else is held of it.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from bellbuoy.model.facts import ComponentStatus
from bellbuoy.web.addresses import provider_path
from bellbuoy.web.dashboard.cards import is_on
from bellbuoy.web.overview import PageView
from bellbuoy.web.spoken import counted, shape
from bellbuoy.web.weighing import weight, worst

STATES = ("operational", "maintenance", "unknown", "minor", "major", "critical")
"""How a provider can be, the worst last: the shapes of a component's status, in its order."""


class Tile(Struct, frozen=True, kw_only=True):
    """A provider. `words` say how it is; `at` is an instant that they count from, if they do."""

    id: str
    path: str
    slug: str
    name: str
    state: str
    words: str = ""
    at: datetime | None = None
    incidents: int = 0

    @property
    def rank(self) -> int:
        """How bad it is; 0 is fine."""
        return STATES.index(self.state)

    @property
    def is_trouble(self) -> bool:
        """Whether something is known to be wrong."""
        return self.rank > STATES.index("unknown")


def state_of(view: PageView) -> str:
    """How a page is: the worst of its components and of its open incidents."""
    if not view.is_known:
        return "unknown"
    found = [view.status, *map(weight, view.incidents)]
    if any(is_on(one) for one in view.maintenances):
        found.append(ComponentStatus.MAINTENANCE)
    return shape(worst(found).value)


def tile(views: Sequence[PageView]) -> Tile:
    """A provider by its pages, of which there is at least one."""
    provider = views[0].watched.page.provider
    ill = max(views, key=lambda view: STATES.index(state_of(view)))
    state = state_of(ill)
    words, at = _words(state, ill, views)
    return Tile(
        id=f"p-{views[0].id}",
        path=provider_path(provider.slug),
        slug=provider.slug,
        name=provider.name,
        state=state,
        words=words,
        at=at,
        incidents=sum(len(view.incidents) for view in views),
    )


def _words(state: str, worst: PageView, views: Sequence[PageView]) -> tuple[str, datetime | None]:
    if state == "unknown" and not worst.is_read:
        return "not read yet", None
    if state == "unknown" and not worst.is_known:
        health = worst.place.state.health
        return "unread", health.read_at or health.failing_since
    if state == "maintenance":
        starts = [one.started_at for one in worst.maintenances if is_on(one) and one.started_at]
        return ("work", min(starts)) if starts else ("planned work", None)
    if state == "operational":
        since = [view.fine_since for view in views if view.fine_since]
        return "fine", max(since) if since else None
    ill = sum(len(view.ill) for view in views)
    total = sum(view.total for view in views)
    incidents = sum(len(view.incidents) for view in views)
    if ill:
        return f"{ill} of {total}", None
    return counted(incidents, "incident"), None
