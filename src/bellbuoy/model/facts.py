"""What a status page says: the words that every format is translated into.

Every value is frozen. Instants (`..._at`) are aware UTC datetimes. The vendor's own word
stands beside each mapped one (`status`, `status_raw`); an unknown word maps to `UNKNOWN`,
never to "operational" and never to an error.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from urllib.parse import urljoin

from msgspec import Struct

_PLAIN = re.compile(
    r"https?://[A-Za-z0-9.:-]+(?:/[A-Za-z0-9_~%-][A-Za-z0-9_.~%-]*)*/?(?:\?[A-Za-z0-9_=&%-]+)?"
)
"""Addresses in which no part has a meaning of its own, so that joining them is writing on."""


class IncidentKind(StrEnum):
    """A problem, or planned work."""

    INCIDENT = "incident"
    MAINTENANCE = "maintenance"


class Impact(StrEnum):
    """How bad it is, as the vendor says; ordered by `rank`."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 to 3. Unknown ranks as minor: it may not be hidden, nor wake anyone up alone."""
        return _IMPACT_RANKS[self]


_IMPACT_RANKS = {
    Impact.NONE: 0,
    Impact.MINOR: 1,
    Impact.UNKNOWN: 1,
    Impact.MAJOR: 2,
    Impact.CRITICAL: 3,
}


class IncidentStatus(StrEnum):
    """Where an incident, or planned work, is in its life."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_over(self) -> bool:
        """Whether the life has ended."""
        return self in _OVER


_OVER = frozenset(
    {
        IncidentStatus.RESOLVED,
        IncidentStatus.POSTMORTEM,
        IncidentStatus.COMPLETED,
        IncidentStatus.CANCELLED,
    }
)


class ComponentStatus(StrEnum):
    """How a component is; ordered by `rank`."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 is fine, 5 is worst. Unknown is worse than maintenance: it is never green."""
        return _COMPONENT_RANKS[self]


_COMPONENT_RANKS = {
    ComponentStatus.OPERATIONAL: 0,
    ComponentStatus.MAINTENANCE: 1,
    ComponentStatus.UNKNOWN: 2,
    ComponentStatus.DEGRADED: 3,
    ComponentStatus.PARTIAL_OUTAGE: 4,
    ComponentStatus.MAJOR_OUTAGE: 5,
}


class Provider(Struct, frozen=True, kw_only=True):
    """The vendor. `slug` is its short lower-case name (`github`), `name` the one for people."""

    slug: str
    name: str


class ExpectedValue(Struct, frozen=True, kw_only=True):
    """A value in a JSON document, and what it should be.

    `path` is how a person wrote the way there (`$.checks[0].status`), `steps` are the keys and
    list indexes on it, as texts.
    """

    path: str
    steps: tuple[str, ...]
    value: str | int | float | bool | None


class Expectation(Struct, frozen=True, kw_only=True):
    """What a person expects of the answer at an address; all of it must hold.

    `statuses` are those of HTTP. `text` is a part of the answer's text, empty if any will do.
    """

    statuses: frozenset[int] = frozenset(range(200, 300))
    text: str = ""
    values: tuple[ExpectedValue, ...] = ()


class Page(Struct, frozen=True, kw_only=True):
    """One status page, the unit that is polled.

    `key` is the canonical address (lower-case scheme and host, no trailing slash), so renaming
    a provider keeps its history. `url` is the address that is asked, which may hold a path.
    `format` names how it is read. `every` is the period between two polls, in seconds;
    `every_is_explicit` is true if a person wrote it, so that it is never stretched. `expect` is
    None, but for an address that is probed because it is no status page.
    """

    key: str
    url: str
    provider: Provider
    format: str
    every: float = 60.0
    every_is_explicit: bool = False
    expect: Expectation | None = None

    @property
    def is_probed(self) -> bool:
        """Whether nobody tells how it is: it was found out by asking."""
        return self.expect is not None

    def at(self, path: str) -> str:
        """The address of a document below this page: `page.at("api/v2/summary.json")`."""
        base = self.url if self.url.endswith("/") else self.url + "/"
        plain = base + path
        # Joining by all the rules takes longer than reading a small document.
        return plain if _PLAIN.fullmatch(plain) else urljoin(base, path)


class Component(Struct, frozen=True, kw_only=True, gc=False):
    """A part of a provider's system. `is_group` marks a heading over others, not a part."""

    id: str
    name: str
    status: ComponentStatus
    status_raw: str = ""
    group: str | None = None
    region: str | None = None
    is_group: bool = False


class AffectedComponent(Struct, frozen=True, kw_only=True, gc=False):
    """A component as an incident names it. `id` is empty where the vendor gives only names."""

    id: str = ""
    name: str
    group: str | None = None
    status: ComponentStatus = ComponentStatus.UNKNOWN


class IncidentUpdate(Struct, frozen=True, kw_only=True, gc=False):
    """One message in an incident's life.

    `id` is unique within its incident. `at` is the vendor's time of the message, `updated_at`
    of its latest edit where the vendor says so: an older one loses against a newer one.
    """

    id: str
    status: IncidentStatus
    status_raw: str = ""
    body: str = ""
    at: datetime | None = None
    updated_at: datetime | None = None


class Incident(Struct, frozen=True, kw_only=True):
    """A problem or planned work, as the page tells it.

    `updates` are in the vendor's order, oldest first. `components` is empty when the page
    does not state them. `url` is the page for people, empty if there is none. For planned
    work `started_at` is the planned start and `scheduled_until` the planned end, None where the
    page tells it in prose only.
    """

    id: str
    kind: IncidentKind
    title: str
    status: IncidentStatus
    status_raw: str = ""
    impact: Impact = Impact.UNKNOWN
    impact_raw: str = ""
    url: str = ""
    started_at: datetime | None = None
    scheduled_until: datetime | None = None
    updated_at: datetime | None = None
    resolved_at: datetime | None = None
    components: tuple[AffectedComponent, ...] = ()
    updates: tuple[IncidentUpdate, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return not self.status.is_over

    @property
    def time(self) -> datetime | None:
        """The instant by which it is placed in a history: its start, else its first message."""
        first = next((update.at for update in self.updates if update.at), None)
        return self.started_at or first or self.updated_at


class Part(StrEnum):
    """A part of a snapshot that can be a complete list."""

    COMPONENTS = "components"
    OPEN_INCIDENTS = "open incidents"
    OPEN_MAINTENANCES = "open maintenances"


class Window(Struct, frozen=True, kw_only=True):
    """The stretch of history that a page listed: a document of its last N entries.

    `ids` are the incidents in it, decoded or not. `floor` is the time of the oldest.
    `is_full` is true if the document held as many entries as it ever does, so that older
    ones have fallen out.
    """

    ids: frozenset[str]
    floor: datetime | None
    is_full: bool


class Snapshot(Struct, frozen=True, kw_only=True):
    """What a page said at one instant.

    `complete` names the parts that are complete lists: only there is absence a fact.
    `unchanged` are ids of incidents that the page still lists but that were not decoded,
    because their entry is the one already seen; what was withdrawn is back if it is among
    them. `entries` maps every entry of this visit to its hash, for the next `Seen`; keys are
    the format's own and may name more than incidents.
    `stamp` is the page's own time of its last change: an older one means an older copy.
    `window` is None when no history was read. `gone` are known incidents whose own
    address answered 404 or 410. `name` is what the page calls itself. `owes` is true if a
    question had to be asked but its answer was missing, unreadable or an older copy: the page
    must then be read again even if its face does not change.
    """

    incidents: tuple[Incident, ...] = ()
    components: tuple[Component, ...] = ()
    complete: frozenset[Part] = frozenset()
    unchanged: frozenset[str] = frozenset()
    entries: Mapping[str, str] = {}
    stamp: datetime | None = None
    window: Window | None = None
    gone: frozenset[str] = frozenset()
    name: str | None = None
    owes: bool = False
