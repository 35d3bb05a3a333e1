"""Short words for building what a page says, for tests of detection."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from bellbuoy.detection.merge import Merged, merge
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Expectation,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
    Page,
    Part,
    Provider,
    Snapshot,
    Window,
)
from bellbuoy.model.known import Known
from tests.event_schema import valid

PAGE = Page(
    key="https://status.acme.example",
    url="https://status.acme.example",
    provider=Provider(slug="acme", name="Acme"),
    format="statuspage",
)
PROBED = replace(PAGE, format="probe", expect=Expectation())
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVERYTHING = frozenset({Part.COMPONENTS, Part.OPEN_INCIDENTS, Part.OPEN_MAINTENANCES})


def at(minutes: float) -> datetime:
    """An instant, in minutes after the start."""
    return START + timedelta(minutes=minutes)


def update(
    id: str, status: str = "investigating", body: str = "words", *, minute: float | None = 0
) -> IncidentUpdate:
    """One message."""
    stamp = None if minute is None else at(minute)
    return IncidentUpdate(
        id=id, status=IncidentStatus(status), status_raw=status, body=body, at=stamp
    )


def incident(
    id: str = "a",
    *updates: IncidentUpdate,
    status: str | None = None,
    title: str = "Trouble",
    impact: str = "major",
    components: tuple[str, ...] = (),
    kind: str = "incident",
    started: float | None = 0,
    until: float | None = None,
    updated: float | None = None,
) -> Incident:
    """An incident whose status is that of its newest message unless another is given."""
    said = status or (updates[-1].status.value if updates else "investigating")
    return Incident(
        id=id,
        kind=IncidentKind(kind),
        title=title,
        status=IncidentStatus(said),
        status_raw=said,
        impact=Impact(impact),
        impact_raw=impact,
        started_at=None if started is None else at(started),
        scheduled_until=None if until is None else at(until),
        updated_at=None if updated is None else at(updated),
        components=tuple(AffectedComponent(name=name) for name in components),
        updates=updates,
    )


def component(id: str, status: str = "operational", *, is_group: bool = False) -> Component:
    """A component whose name is its id."""
    return Component(id=id, name=id, status=ComponentStatus(status), is_group=is_group)


def page_says(
    *incidents: Incident,
    components: tuple[Component, ...] = (component("API"),),
    stamp: float | None = None,
    complete: frozenset[Part] = EVERYTHING,
    window: tuple[tuple[str, ...], float | None, bool] | None = None,
    unchanged: tuple[str, ...] = (),
    gone: tuple[str, ...] = (),
) -> Snapshot:
    """What the page says; complete lists unless told otherwise."""
    return Snapshot(
        incidents=incidents,
        components=components,
        complete=complete,
        stamp=None if stamp is None else at(stamp),
        unchanged=frozenset(unchanged),
        gone=frozenset(gone),
        window=None
        if window is None
        else Window(
            ids=frozenset(window[0]),
            floor=None if window[1] is None else at(window[1]),
            is_full=window[2],
        ),
    )


class Watch:
    """A page looked at again and again; collects the events."""

    def __init__(self, *snapshots: Snapshot, page: Page = PAGE) -> None:
        self.page = page
        self.known = Known(page_key=page.key)
        self.minute = 0.0
        for snapshot in snapshots:
            self.look(snapshot)

    def look(self, snapshot: Snapshot, *, minutes: float = 1.0, is_certain: bool = False) -> Merged:
        """Look once more, a minute later unless told otherwise."""
        now = at(self.minute)
        merged = merge(self.page, self.known, snapshot, now, is_certain=is_certain)
        self.minute += minutes
        self.known = merged.known
        valid(merged.events)
        return merged

    def kinds(self, snapshot: Snapshot, *, minutes: float = 1.0) -> list[str]:
        """The kinds of the events of one more look."""
        return [event.kind.value for event in self.look(snapshot, minutes=minutes).events]
