"""Open incidents, and planned work, as the board shows them: what, where, how bad, since when.

Pure: from what is held of a page to values that a template prints.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from zlib import crc32

import msgspec
from msgspec import Struct

from bellbuoy.model.delivery import Service
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentStatus,
)
from bellbuoy.model.known import KnownComponent, KnownIncident
from bellbuoy.stores.retention import began_at
from bellbuoy.web.addresses import incident_path, page_id, provider_path
from bellbuoy.web.dashboard.told import Told
from bellbuoy.web.overview import PageView

MOST_PARTS = 8
"""How many components a card names; the others are counted."""

MOST_WORDS = 420
"""How many characters of the last message a card shows."""

NEAR = timedelta(hours=24)
"""Planned work that begins within this time is near."""

SOON = timedelta(minutes=2)
"""An incident that was there before us is known by a first look longer than this after it."""

STEPS = (
    IncidentStatus.INVESTIGATING,
    IncidentStatus.IDENTIFIED,
    IncidentStatus.MONITORING,
    IncidentStatus.RESOLVED,
)
"""The steps of an incident's life."""

PLANNED_STEPS = (
    IncidentStatus.SCHEDULED,
    IncidentStatus.IN_PROGRESS,
    IncidentStatus.VERIFYING,
    IncidentStatus.COMPLETED,
)
"""The steps of planned work."""


class Part(Struct, frozen=True, kw_only=True):
    """A component that an incident names. `place` is its group or region, or both."""

    name: str
    place: str = ""
    state: str = ComponentStatus.UNKNOWN.value


class Clocks(Struct, frozen=True, kw_only=True):
    """One instant by both clocks: the vendor's and ours, and how far ours is behind."""

    vendor_at: datetime | None
    seen_at: datetime | None

    @property
    def lag(self) -> timedelta | None:
        """How long after the vendor's time it was seen; None without both."""
        if self.vendor_at is None or self.seen_at is None:
            return None
        return self.seen_at - self.vendor_at


class Card(Struct, frozen=True, kw_only=True):
    """An open incident. `step` counts the steps of `steps` that it has taken, 0 if none is known.

    `last_read_at` is set where its page cannot be read now, so that all of this may be over.
    `was_open` says that it was there before the page was first looked at.
    """

    id: str
    path: str
    page_id: str
    provider: str
    provider_path: str
    state: str
    impact_raw: str
    title: str
    began_at: datetime
    status: str
    step: int
    words: str
    words_at: datetime | None
    parts: tuple[Part, ...]
    parts_more: int
    clocks: Clocks
    was_open: bool
    url: str
    services: tuple[Service, ...]
    told: Told
    last_read_at: datetime | None

    @property
    def revision(self) -> str:
        """Changes when the card says something else; times that run do not count."""
        says = (self.state, self.title, self.status, self.words, self.parts, self.parts_more)
        return f"{crc32(msgspec.json.encode((*says, self.told, self.last_read_at is None))):08x}"


class Work(Struct, frozen=True, kw_only=True):
    """Planned work that goes on, or is near. `is_on` says which, `until` is its planned end."""

    id: str
    path: str
    provider: str
    title: str
    is_on: bool
    starts_at: datetime | None
    until: datetime | None
    parts: int


def card(view: PageView, incident: KnownIncident, services: Sequence[Service], told: Told) -> Card:
    """An open incident of a page."""
    page = view.watched.page
    newest = incident.updates[-1] if incident.updates else None
    began = began_at(incident)
    parts = tuple(parts_of(incident.components, view.ill))
    return Card(
        id=incident_id(page.key, incident.key),
        path=incident_path(page.key, incident.key),
        page_id=page_id(page.key),
        provider=page.provider.name,
        provider_path=provider_path(page.provider.slug),
        state=incident.impact.value,
        impact_raw=other_word(incident.impact_raw, incident.impact),
        title=incident.title,
        began_at=began,
        status=incident.status.value,
        step=step(incident.status),
        words=shortened(newest.body) if newest else "",
        words_at=newest.at if newest else None,
        parts=parts[:MOST_PARTS],
        parts_more=max(len(parts) - MOST_PARTS, 0),
        clocks=clocks_of(incident),
        was_open=incident.first_seen_at is not None
        and began < incident.first_seen_at - SOON
        and len(incident.updates) == 1
        and _is_older(newest and newest.at, incident.first_seen_at),
        url=incident.url or page.url,
        services=tuple(services),
        told=told,
        last_read_at=view.place.state.health.read_at if not view.is_known else None,
    )


def _is_older(said_at: datetime | None, seen_at: datetime) -> bool:
    return said_at is not None and said_at < seen_at - SOON


def work(view: PageView, incident: KnownIncident) -> Work:
    """Planned work of a page."""
    page = view.watched.page
    return Work(
        id=incident_id(page.key, incident.key),
        path=incident_path(page.key, incident.key),
        provider=page.provider.name,
        title=incident.title,
        is_on=is_on(incident),
        starts_at=incident.started_at,
        until=incident.scheduled_until,
        parts=len(incident.components),
    )


def is_on(incident: KnownIncident) -> bool:
    """Whether planned work goes on now."""
    return incident.status in {IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING}


def is_near(incident: KnownIncident, now: datetime) -> bool:
    """Whether planned work goes on, or begins soon."""
    starts = incident.started_at
    return is_on(incident) or (starts is not None and now - NEAR < starts < now + NEAR)


def incident_id(page_key: str, key: str) -> str:
    """How an incident is marked in a page: a vendor's key may be any text."""
    digest = blake2b(key.encode("utf-8", "replace"), digest_size=5).hexdigest()
    return f"i-{page_id(page_key)}-{digest}"


def step(status: IncidentStatus) -> int:
    """How many steps of its life are taken, 1 to 4; 0 if that is not known."""
    for steps in (STEPS, PLANNED_STEPS):
        if status in steps:
            return steps.index(status) + 1
    return 4 if status.is_over else 0


def clocks_of(incident: KnownIncident) -> Clocks:
    """When it began by the vendor's clock, and when it was seen."""
    first = next((update.at for update in incident.updates if update.at), None)
    return Clocks(vendor_at=incident.started_at or first, seen_at=incident.first_seen_at)


def parts_of(
    components: Iterable[AffectedComponent], held: Iterable[KnownComponent]
) -> Iterable[Part]:
    """The components that an incident names, with how each stands now, the worst first."""
    by_id = {one.id: one for one in held}
    found: list[tuple[int, Part]] = []
    for component in components:
        known = by_id.get(component.id) if component.id else None
        status = known.status if known else component.status
        place = (component.group or (known.group if known else None), known and known.region)
        part = Part(
            name=component.name,
            place=" · ".join(filter(None, dict.fromkeys(place))),
            state=status.value,
        )
        found.append((-status.rank, part))
    return (part for _, part in sorted(found, key=lambda each: each[0]))


def shortened(text: str, most: int = MOST_WORDS) -> str:
    """A text in one paragraph, cut at a word where it is long."""
    flat = " ".join(text.split())
    if len(flat) <= most:
        return flat
    return f"{flat[:most].rsplit(' ', 1)[0]}…"


def other_word(raw: str, mapped: Impact) -> str:
    """The vendor's own word, where it is another one than ours."""
    return "" if raw.casefold().strip() in {"", mapped.value} else raw
