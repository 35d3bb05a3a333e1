"""Recorded changes: their kinds, their ids, and the JSON in which they leave the house.

An event is append-only and is told as a CloudEvent 1.0 (JSON event format,
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
Its id is a UUIDv5 of what makes it this change and no other, so the same change observed
again, by another process or after a crash, has the same id and is recorded once.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from inspect import cleandoc
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Page,
    Provider,
)


class EventKind(StrEnum):
    """What can be recorded; the part before the dot is what a person chooses by."""

    INCIDENT_OPENED = "incident.opened"
    INCIDENT_UPDATED = "incident.updated"
    INCIDENT_RESOLVED = "incident.resolved"
    INCIDENT_REOPENED = "incident.reopened"
    INCIDENT_EDITED = "incident.edited"
    INCIDENT_CHANGED = "incident.changed"
    INCIDENT_WITHDRAWN = "incident.withdrawn"
    MAINTENANCE_SCHEDULED = "maintenance.scheduled"
    MAINTENANCE_STARTED = "maintenance.started"
    MAINTENANCE_UPDATED = "maintenance.updated"
    MAINTENANCE_COMPLETED = "maintenance.completed"
    MAINTENANCE_EDITED = "maintenance.edited"
    MAINTENANCE_CHANGED = "maintenance.changed"
    MAINTENANCE_WITHDRAWN = "maintenance.withdrawn"
    COMPONENT_CHANGED = "component.changed"
    PAGE_UNREADABLE = "page.unreadable"
    PAGE_READABLE = "page.readable"
    PAGE_MOVED = "page.moved"
    PAGE_GAP = "page.gap"
    MONITOR_OFFLINE = "monitor.offline"
    MONITOR_ONLINE = "monitor.online"

    @property
    def family(self) -> str:
        """`incident`, `maintenance`, `component`, `page` or `monitor`."""
        return self.value.partition(".")[0]


class Phase(StrEnum):
    """Where in a life an event stands."""

    BEGINS = "begins"
    GOES_ON = "goes on"
    ENDS = "ends"
    ALONE = "alone"
    """It has no life: a page that moved."""


_BEGINS = frozenset(
    {
        EventKind.INCIDENT_OPENED,
        EventKind.INCIDENT_REOPENED,
        EventKind.MAINTENANCE_SCHEDULED,
        EventKind.PAGE_UNREADABLE,
        EventKind.MONITOR_OFFLINE,
    }
)
_ENDS = frozenset(
    {
        EventKind.INCIDENT_RESOLVED,
        EventKind.INCIDENT_WITHDRAWN,
        EventKind.MAINTENANCE_COMPLETED,
        EventKind.MAINTENANCE_WITHDRAWN,
        EventKind.PAGE_READABLE,
        EventKind.MONITOR_ONLINE,
    }
)
_ALONE = frozenset({EventKind.PAGE_MOVED, EventKind.PAGE_GAP})

FAMILIES = ("incident", "maintenance", "component", "page", "monitor")
"""Every family of kinds, as `--kinds` and `when.kinds` name them."""

ANNOUNCED_FAMILIES = frozenset({"incident", "page", "monitor"})
"""What is announced unless a route says otherwise."""

LOG_ONLY = frozenset({EventKind.INCIDENT_EDITED, EventKind.MAINTENANCE_EDITED})
"""Recorded, but announced only when the closing update was edited (`closing` is true)."""

ALREADY_OPEN = "already open"
"""The reason of an opening that was there before us."""

NO_LONGER_WATCHED = "no longer watched"
"""The reason of a withdrawal that the vendor did not cause; such an event is for the log only."""


Instant = Annotated[
    datetime, Meta(tz=True, extra_json_schema={"format": "date-time", "pattern": "Z$"})
]
"""An aware instant in UTC, which RFC 3339 writes with a Z at its end."""


class PageRef(Struct, frozen=True, kw_only=True):
    """The page of an event: its key, and its address as it is asked."""

    key: str
    url: str


class IncidentComponent(Struct, frozen=True, kw_only=True):
    """A component as an event's incident names it."""

    id: str
    name: str
    group: str | None = None
    status: ComponentStatus = ComponentStatus.UNKNOWN


class IncidentFacts(Struct, frozen=True, kw_only=True):
    """The incident of an event as it stood right after the change. `id` is our key of it.

    `scheduled_until` is when planned work is to end, absent where the page does not state it.
    """

    id: str
    kind: IncidentKind
    title: str
    url: str
    impact: Impact
    impact_raw: str
    status: IncidentStatus
    status_raw: str
    started_at: Instant | None
    updated_at: Instant | None
    resolved_at: Instant | None
    components: tuple[IncidentComponent, ...]
    scheduled_until: Instant | UnsetType = UNSET


class UpdateFacts(Struct, frozen=True, kw_only=True):
    """The update that an event carries; `at` is the vendor's time of it."""

    id: str
    status: IncidentStatus
    status_raw: str
    body: str
    at: Instant | None


class ComponentFacts(Struct, frozen=True, kw_only=True):
    """The component that an event is about, after the change."""

    id: str
    name: str
    group: str | None
    region: str | None
    status: ComponentStatus
    status_raw: str


class Event(Struct, frozen=True, kw_only=True):
    """A recorded change.

    `seq` is its place in the log, 0 until it is recorded. `at` is the vendor's time and
    `observed_at` ours; their difference is the lag. `late` marks a life that was over
    before it was seen. `changes` maps fields to (before, after). `closing` is true when
    the update it carries is the one that ended the incident.
    """

    id: str
    kind: EventKind
    provider: Provider
    page: PageRef
    observed_at: datetime
    at: datetime | None = None
    seq: int = 0
    late: bool = False
    closing: bool = False
    incident: IncidentFacts | None = None
    update: UpdateFacts | None = None
    component: ComponentFacts | None = None
    changes: Mapping[str, tuple[Any, Any]] = {}
    reason: str | None = None

    @property
    def subject(self) -> str:
        """What it is about, under its provider: `github/incidents/abc`."""
        slug = self.provider.slug
        if self.incident is not None:
            return f"{slug}/{self.incident.kind}s/{self.incident.id}"
        if self.component is not None:
            return f"{slug}/components/{self.component.id}"
        return f"{slug}/{self.kind.family}"

    @property
    def phase(self) -> Phase:
        """Where in the life of its lane it stands. An edit of the closing update is an end, too."""
        if self.kind in _ALONE:
            return Phase.ALONE
        if self.component is not None:
            before, _ = self.changes.get("status", (None, None))
            if self.component.status is ComponentStatus.OPERATIONAL:
                return Phase.ENDS
            # A probe that is down when we come has never been well.
            is_new = before in {ComponentStatus.OPERATIONAL, ComponentStatus.UNKNOWN}
            return Phase.BEGINS if is_new else Phase.GOES_ON
        if self.kind in _ENDS or self.closing:
            return Phase.ENDS
        return Phase.BEGINS if self.kind in _BEGINS else Phase.GOES_ON

    @property
    def lane(self) -> str:
        """What must be told in order: one incident of one page, one component, or the page."""
        about = self.incident.id if self.incident else self.component.id if self.component else ""
        return f"{self.page.key} {about}"

    @property
    def is_log_only(self) -> bool:
        """Whether it is kept from every receiver: for the log and the API."""
        return (self.kind in LOG_ONLY and not self.closing) or self.reason == NO_LONGER_WATCHED

    def numbered(self, seq: int) -> "Event":
        """The same event at its place in the log."""
        return msgspec.structs.replace(self, seq=seq)


MONITOR = Provider(slug="bellbuoy", name="Bellbuoy")
"""The provider of events about ourselves."""

MONITOR_PAGE = PageRef(key="urn:bellbuoy:monitor", url="urn:bellbuoy:monitor")
"""The page of events about ourselves: CloudEvents want a source that is a URI."""

_NAMESPACE = UUID("6f7a2f0e-5d0b-5c55-9a51-2b1f6f9f1c11")


def event_id(page_key: str, about: str, kind: EventKind, update: str, content: str) -> str:
    """The id of a change: UUIDv5 of page, incident (or component), kind, update and content.

    `content` is a content hash, or an ordinal for a change that no text carries.
    """
    name = f"{page_key}\x1f{about}\x1f{kind}\x1f{update}\x1f{content}"
    return str(uuid5(_NAMESPACE, name))


def content_hash(status: str, body: str) -> str:
    """32 hex digits that stand for what an update says; white space does not count."""
    text = f"{status}\x1f{' '.join(body.split())}"
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def page_ref(page: Page) -> PageRef:
    """How events name a page."""
    return PageRef(key=page.key, url=page.url)


class _Data(Struct, frozen=True, kw_only=True):
    seq: int
    observed_at: Instant
    late: bool
    provider: Provider
    page: PageRef
    incident: IncidentFacts | UnsetType = UNSET
    update: UpdateFacts | UnsetType = UNSET
    component: ComponentFacts | UnsetType = UNSET
    changes: Mapping[str, tuple[Any, Any]] | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class _CloudEvent(Struct, frozen=True, kw_only=True):
    specversion: Literal["1.0"]
    id: str
    source: str
    type: Annotated[str, Meta(pattern=r"^dev\.bellbuoy\.[a-z]+\.[a-z]+\.v1$")]
    subject: str
    time: Instant | UnsetType = UNSET
    datacontenttype: Literal["application/json"]
    data: _Data


def _cloud_event(event: Event) -> _CloudEvent:
    return _CloudEvent(
        specversion="1.0",
        id=event.id,
        source=event.page.url,
        type=f"dev.bellbuoy.{event.kind}.v1",
        subject=event.subject,
        time=event.at or UNSET,
        datacontenttype="application/json",
        data=_Data(
            seq=event.seq,
            observed_at=event.observed_at,
            late=event.late,
            provider=event.provider,
            page=event.page,
            incident=event.incident or UNSET,
            update=event.update or UNSET,
            component=event.component or UNSET,
            changes=event.changes or UNSET,
            reason=event.reason or UNSET,
        ),
    )


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_CloudEvent)


def to_json(event: Event) -> bytes:
    """The event as one CloudEvent, on one line without its end; UTF-8."""
    return _encoder.encode(_cloud_event(event))


def from_json(text: bytes) -> Event:
    """An event from the CloudEvent that `to_json` wrote; `closing` is not told and stays False.

    Raises ValueError that names the place.
    """
    try:
        wire = _decoder.decode(text)
        kind = EventKind(wire.type.removeprefix("dev.bellbuoy.").removesuffix(".v1"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    data = wire.data
    return Event(
        id=wire.id,
        kind=kind,
        provider=data.provider,
        page=data.page,
        observed_at=data.observed_at,
        at=wire.time or None,
        seq=data.seq,
        late=data.late,
        incident=data.incident or None,
        update=data.update or None,
        component=data.component or None,
        changes=data.changes or {},
        reason=data.reason or None,
    )


def to_builtins(event: Event) -> dict[str, Any]:
    """The event as the plain values of its CloudEvent."""
    return msgspec.to_builtins(_cloud_event(event))


def json_schema() -> dict[str, Any]:
    """The published JSON Schema of the CloudEvents that `to_json` writes."""
    (schema,), definitions = msgspec.json.schema_components(
        (_CloudEvent,), ref_template="#/$defs/{name}"
    )
    name = schema["$ref"].rpartition("/")[2]
    for each in definitions.values():
        if "description" in each:  # Versions of msgspec differ in what they do to a docstring.
            each["description"] = cleandoc(each["description"])
    root = definitions.pop(name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:bellbuoy:schema:event:v1",
        "title": "Bellbuoy event",
        **{key: value for key, value in root.items() if key != "title"},
        "$defs": definitions,
    }
