"""What a pretend vendor says, and the pen that writes its life down, beat by beat.

Pure. Vendors' own times are counted from a fixed day, so that update ids, which some formats
make of times, are the same in every run.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)

EPOCH = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""The vendors' own time at the beginning of every pretend world."""

PLANNED_FOR = timedelta(hours=2)
"""How long planned work is to take."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class Shape(StrEnum):
    """What a vendor's page is written in."""

    STATUSPAGE = "statuspage"
    HISTORY = "history.atom"
    INCIDENTIO = "incidentio"
    ATOM = "atom"
    RSS = "rss"


class Trouble(StrEnum):
    """What a vendor's server does instead of answering."""

    HANGS = "hangs"
    HTML = "answers HTML with 200"
    ERROR = "answers 500"


class Facts(Struct, frozen=True, kw_only=True):
    """All that a vendor has to say at one instant.

    `address` is the page's public address, under which it links its incidents. `incidents`
    are problems and planned work, the oldest first, ended ones too. `stamp` is the
    vendor's time of its latest change, UTC.
    """

    name: str
    address: str
    components: tuple[Component, ...] = ()
    incidents: tuple[Incident, ...] = ()
    stamp: datetime


Beat = tuple[Facts, Trouble | None]


class Draft:
    """The life of one vendor as it is written: change things, then `beat()` to let it be seen."""

    def __init__(self, rng: Random, shape: Shape, name: str, address: str) -> None:
        self.rng = rng
        self._shape = shape
        self._name = name
        self._address = address
        self._at = EPOCH + timedelta(minutes=rng.randrange(600))
        self._components: dict[str, Component] = {}
        self._incidents: dict[str, Incident] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._beats: list[Beat] = []

    @property
    def beats(self) -> tuple[Beat, ...]:
        """What was seen, in order."""
        return tuple(self._beats)

    def add(self, name: str, group: str | None = None) -> str:
        """A component that is fine; returns its id."""
        component = Component(
            id=self._new_id(), name=name, status=ComponentStatus.OPERATIONAL, group=group
        )
        self._components[component.id] = component
        return component.id

    def move(self, names: Iterable[str], status: ComponentStatus) -> None:
        """Give components a status."""
        for name in names:
            self._components[name] = replace(self._components[name], status=status)

    def open(
        self,
        *,
        kind: IncidentKind,
        title: str,
        names: tuple[str, ...],
        impact: Impact,
        status: IncidentStatus,
        body: str,
    ) -> str:
        """An incident with its first update; `names` are ids of components. Returns its id."""
        self._tick()
        new = self._new_id()
        planned = timedelta(hours=3 if status is IncidentStatus.SCHEDULED else 0)
        is_work = kind is IncidentKind.MAINTENANCE
        self._incidents[new] = Incident(
            id=new,
            kind=kind,
            title=title,
            status=status,
            impact=impact,
            url=f"{self._address}/incidents/{new}",
            started_at=self._at + planned,
            scheduled_until=self._at + planned + PLANNED_FOR if is_work else None,
        )
        self._names[new] = names
        self._append(new, status, body)
        return new

    def say(self, id: str, status: IncidentStatus, body: str) -> None:
        """One more update of an incident, some minutes later."""
        self._tick()
        self._append(id, status, body)

    def edit(self, id: str, body: str) -> None:
        """Replace the text of an incident's newest update, some minutes later."""
        self._tick()
        incident = self._incidents[id]
        update = replace(incident.updates[-1], body=body, updated_at=self._at)
        self._incidents[id] = replace(
            incident, updates=(*incident.updates[:-1], update), updated_at=self._at
        )

    def judge(self, id: str, impact: Impact) -> None:
        """Change how bad the vendor calls an incident, without a word."""
        self._tick()
        self._incidents[id] = replace(self._incidents[id], impact=impact, updated_at=self._at)

    def beat(self, trouble: Trouble | None = None) -> None:
        """Let the page be seen as it is now; or not, while there is trouble."""
        self._tick()
        facts = Facts(
            name=self._name,
            address=self._address,
            components=tuple(self._components.values()),
            incidents=tuple(map(self._with_components, self._incidents.values())),
            stamp=self._at,
        )
        self._beats.append((facts, trouble))

    def _append(self, id: str, status: IncidentStatus, body: str) -> None:
        incident = self._incidents[id]
        update = IncidentUpdate(
            id=self._new_id(), status=status, body=body, at=self._at, updated_at=self._at
        )
        self._incidents[id] = replace(
            incident,
            status=status,
            updates=(*incident.updates, update),
            updated_at=self._at,
            resolved_at=self._at if status.is_over else None,
        )

    def _with_components(self, incident: Incident) -> Incident:
        hit = (self._components[name] for name in self._names[incident.id])
        return replace(
            incident,
            components=tuple(
                AffectedComponent(id=c.id, name=c.name, group=c.group, status=c.status) for c in hit
            ),
        )

    def _tick(self) -> None:
        self._at += timedelta(minutes=self.rng.randint(2, 19))

    def _new_id(self) -> str:
        if self._shape is Shape.INCIDENTIO:
            return ulid(self._at, self.rng)
        return "".join(self.rng.choices(_LETTERS, k=12))


def ulid(at: datetime, rng: Random) -> str:
    """A ULID (https://github.com/ulid/spec): the time in milliseconds, and chance."""
    milliseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    letters = [_CROCKFORD[milliseconds >> 5 * place & 31] for place in reversed(range(10))]
    return "".join([*letters, *rng.choices(_CROCKFORD, k=16)])
