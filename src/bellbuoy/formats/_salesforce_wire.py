"""Salesforce Trust's wire shapes, and what they say in our words.

Every field may be missing, null or new. The status words are those of
https://github.com/salesforce/refocus-sgt-trust1 that say how an instance is.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Raw, Struct, field

from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._words import impact
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
)

_C = ComponentStatus
_STATUS = {
    "OK": _C.OPERATIONAL,
    "MINOR_INCIDENT_CORE": _C.DEGRADED,
    "MINOR_INCIDENT_NONCORE": _C.DEGRADED,
    "MAJOR_INCIDENT_CORE": _C.MAJOR_OUTAGE,
    "MAJOR_INCIDENT_NONCORE": _C.PARTIAL_OUTAGE,
    "MAINTENANCE_CORE": _C.MAINTENANCE,
    "MAINTENANCE_NONCORE": _C.MAINTENANCE,
}

Text = str | None
Rows = list[Raw] | None
Instances = list[Raw]


class ProductRow(Struct):
    """A product, within an instance or with its instances."""

    key: Text = None
    name: Text = None
    instances: Rows = field(default=None, name="Instances")


class InstanceRow(Struct):
    """One of the places where customers are, with what befalls it."""

    key: Text = None
    location: Text = None
    environment: Text = None
    status: Text = None
    is_active: bool | None = field(default=None, name="isActive")
    products: list[ProductRow] | None = field(default=None, name="Products")
    incidents: Rows = field(default=None, name="Incidents")


class _ImpactRow(Struct):
    type: Text = None
    severity: Text = None
    start: Text = field(default=None, name="startTime")
    end: Text = field(default=None, name="endTime")
    updated_at: Text = field(default=None, name="updatedAt")


class IncidentRow(Struct):
    """An incident, as it hangs under an instance."""

    id: int | str | None = None
    impacts: list[_ImpactRow] | None = field(default=None, name="IncidentImpacts")
    instance_keys: list[str] | None = field(default=None, name="instanceKeys")
    service_keys: list[str] | None = field(default=None, name="serviceKeys")
    created_at: Text = field(default=None, name="createdAt")
    updated_at: Text = field(default=None, name="updatedAt")


class _LabelRow(Struct):
    model: Text = field(default=None, name="modelName")
    key: Text = field(default=None, name="modelKey")
    attribute: Text = field(default=None, name="modelAttribute")
    locale: Text = None


def read_incident(row: IncidentRow, url: str, components: Mapping[str, Component]) -> Incident:
    """One incident; `components` are the instances that it may name."""
    impacts = row.impacts or []
    ends = [at for one in impacts if (at := _instant(one.end))]
    is_over = bool(impacts) and len(ends) == len(impacts)
    going_on = [one for one in impacts if is_over or not _instant(one.end)]
    severities = [one.severity for one in going_on if one.severity]
    worst = max(severities, key=lambda word: impact(word).rank, default="")
    starts = [at for one in impacts if (at := _instant(one.start))]
    updates = [row.updated_at, *(one.updated_at for one in impacts)]
    return Incident(
        id=str(row.id),
        kind=IncidentKind.INCIDENT,
        title=_title(row, impacts),
        status=IncidentStatus.RESOLVED if is_over else IncidentStatus.INVESTIGATING,
        impact=impact(worst) if worst else Impact.UNKNOWN,
        impact_raw=worst,
        url=url,
        started_at=min(starts, default=_instant(row.created_at)),
        updated_at=max((at for text in updates if (at := _instant(text))), default=None),
        resolved_at=max(ends) if is_over else None,
        components=tuple(
            _affected(key, components) for key in dict.fromkeys(row.instance_keys or ())
        ),
    )


def _affected(key: str, components: Mapping[str, Component]) -> AffectedComponent:
    known = components.get(key)
    return AffectedComponent(
        id=key,
        name=key,
        group=known.group if known else None,
        status=known.status if known else _C.UNKNOWN,
    )


def is_instance(raw: Raw) -> bool:
    """Whether an entry has what every instance has."""
    row = decode_entry(raw, InstanceRow)
    if row is None or row.incidents is None or row.is_active is None:
        return False
    return all((row.key, row.location, row.environment, row.status))


def is_label(raw: Raw) -> bool:
    """Whether an entry is one of the texts of the page for people."""
    row = decode_entry(raw, _LabelRow)
    return row is not None and all((row.model, row.key, row.attribute, row.locale))


def read_component(row: InstanceRow) -> Component:
    """One instance."""
    products = [one.key for one in row.products or () if one.key]
    return Component(
        id=row.key or "",
        name=row.key or "",
        status=_STATUS.get(row.status or "", _C.UNKNOWN),
        status_raw=row.status or "",
        group=spoken(products[0]) if len(products) == 1 else None,
        region=row.location or None,
    )


def _title(row: IncidentRow, impacts: Iterable[_ImpactRow]) -> str:
    """The services and the types of the impacts: "Core service: performance degradation"."""
    services = ", ".join(_words(key) for key in dict.fromkeys(row.service_keys or ()))
    types = ", ".join(dict.fromkeys(_words(one.type) for one in impacts if one.type))
    title = ": ".join(part for part in (services, types) if part)
    return title[:1].upper() + title[1:] if title else f"Incident {row.id}"


def spoken(key: str) -> str:
    """`Marketing_Cloud`, as people write it."""
    return key.replace("_", " ")


def _words(key: str) -> str:
    """`pageLoadDelays`, in words."""
    spaced = "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in key)
    return " ".join(spaced.split())


def _instant(text: Text) -> datetime | None:
    return parse_iso(text) if text else None
