"""The record of one merge: what it announces, and why it keeps silent. Pure."""

from datetime import datetime
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from bellbuoy.detection.reasons import Reason
from bellbuoy.events import (
    ComponentFacts,
    Event,
    EventKind,
    IncidentComponent,
    IncidentFacts,
    UpdateFacts,
    event_id,
    page_ref,
)
from bellbuoy.model.facts import ComponentStatus, Page
from bellbuoy.model.known import KnownComponent, KnownIncident, KnownUpdate


class Record:
    """Collects the events of one merge of one page, in order, and the reasons for silence.

    `evidence` says how the page's copy stands to the newest seen: 1 newer, 0 the same or not
    known, -1 older.
    """

    def __init__(self, page: Page, now: datetime, *, is_baseline: bool, evidence: int) -> None:
        self.page = page
        self.now = now
        self.is_baseline = is_baseline
        self.evidence = evidence
        self.events: list[Event] = []
        self.withheld: list[tuple[str, Reason]] = []
        self.noisy: set[str] = set()

    def withhold(self, about: str, reason: Reason) -> None:
        """Note why something seen leads to no event."""
        self.withheld.append((about, reason))

    def event(
        self,
        kind: EventKind,
        known: KnownIncident,
        *,
        update: KnownUpdate | None = None,
        content: str = "",
        changes: dict[str, tuple[Any, Any]] | None = None,
        late: bool = False,
        closing: bool = False,
        reason: str | None = None,
    ) -> None:
        """Record a change of an incident; `content` stands in where no update carries it."""
        text = update.hashes[-1] if update else content
        self.events.append(
            Event(
                id=event_id(self.page.key, known.key, kind, update.id if update else "", text),
                kind=kind,
                provider=self.page.provider,
                page=page_ref(self.page),
                observed_at=self.now,
                at=(update.at if update else None) or _time_of(kind, known),
                late=late,
                closing=closing or (update is not None and update.status.is_over),
                incident=incident_facts(known),
                update=_update_facts(update) if update else None,
                changes=changes or {},
                reason=reason,
            )
        )

    def amend(self, known: KnownIncident, changes: dict[str, tuple[Any, Any]]) -> None:
        """Add to the newest event of an incident what changed along with its update."""
        self.events[-1] = replace(self.events[-1], incident=incident_facts(known), changes=changes)

    def component(self, known: KnownComponent, before: ComponentStatus) -> None:
        """Record a component's move from a status; of a probe also what was seen."""
        kind = EventKind.COMPONENT_CHANGED
        count = ordinal(known.revision, known.first_seen_at)
        self.events.append(
            Event(
                id=event_id(self.page.key, known.id, kind, "", f"{count} {known.status}"),
                kind=kind,
                provider=self.page.provider,
                page=page_ref(self.page),
                observed_at=self.now,
                component=ComponentFacts(
                    id=known.id,
                    name=known.name,
                    group=known.group,
                    region=known.region,
                    status=known.status,
                    status_raw=known.status_raw,
                ),
                changes={"status": (before, known.status)},
                reason=known.status_raw if self.page.is_probed else None,
            )
        )

    def gap(self, number: str, floor: datetime | None) -> None:
        """Record that the page's window of history has moved past everything known."""
        kind = EventKind.PAGE_GAP
        since = f" before {floor:%Y-%m-%d %H:%M} UTC" if floor else ""
        self.events.append(
            Event(
                id=event_id(self.page.key, "", kind, "", number),
                kind=kind,
                provider=self.page.provider,
                page=page_ref(self.page),
                observed_at=self.now,
                reason=f"the page's history no longer reaches back to what was known: "
                f"what it said{since} may be missing",
            )
        )


def ordinal(number: int, since: datetime | None) -> str:
    """A count for an event id. `since` is when it began: what is forgotten is counted anew.

    It is None for what older versions kept.
    """
    return f"{number}" if since is None else f"{number} since {int(since.timestamp())}"


def _time_of(kind: EventKind, known: KnownIncident) -> datetime | None:
    if kind is EventKind.INCIDENT_RESOLVED or kind is EventKind.MAINTENANCE_COMPLETED:
        return known.resolved_at or known.updated_at
    return known.updated_at or known.started_at


def incident_facts(known: KnownIncident) -> IncidentFacts:
    """An incident as it leaves the house; its id is our key of it."""
    return IncidentFacts(
        id=known.key,
        kind=known.kind,
        title=known.title,
        url=known.url,
        impact=known.impact,
        impact_raw=known.impact_raw,
        status=known.status,
        status_raw=known.status_raw,
        started_at=known.started_at,
        scheduled_until=known.scheduled_until or UNSET,
        updated_at=known.updated_at,
        resolved_at=known.resolved_at,
        components=tuple(
            IncidentComponent(id=c.id, name=c.name, group=c.group, status=c.status)
            for c in known.components
        ),
    )


def _update_facts(update: KnownUpdate) -> UpdateFacts:
    return UpdateFacts(
        id=update.id,
        status=update.status,
        status_raw=update.status_raw,
        body=update.body,
        at=update.at,
    )
