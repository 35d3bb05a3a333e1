"""What we know in Atlassian Statuspage's shapes, version 2 of its public JSON; pure.

Documented by each page at its own `/api` (https://www.githubstatus.com/api). Where Statuspage
has no word for what we know, a row says the nearest one that is not better, and beside it
`bellbuoy`: what is meant. Tools pass over a field that they do not know; `formats.statuspage`
reads it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
)
from bellbuoy.model.known import KnownIncident, KnownUpdate
from bellbuoy.stores.retention import began_at
from bellbuoy.web.addresses import incident_path
from bellbuoy.web.interop.standing import Part, Standing

Row = dict[str, Any]

# Tools were found that take a word of a component which they do not know for "operational", and
# none that has a word for unknown of its own. Wrong amber is better than wrong green.
COMPONENT_WORDS = {
    ComponentStatus.OPERATIONAL: "operational",
    ComponentStatus.DEGRADED: "degraded_performance",
    ComponentStatus.PARTIAL_OUTAGE: "partial_outage",
    ComponentStatus.MAJOR_OUTAGE: "major_outage",
    ComponentStatus.MAINTENANCE: "under_maintenance",
    ComponentStatus.UNKNOWN: "degraded_performance",
}
"""Statuspage's word for each status of a component."""

INDICATORS = ("none", "maintenance", "minor", "major", "critical")
"""Statuspage's words for a whole page, the best first."""

_OF_COMPONENT = {
    ComponentStatus.OPERATIONAL: "none",
    ComponentStatus.MAINTENANCE: "maintenance",
    ComponentStatus.UNKNOWN: "none",
    ComponentStatus.DEGRADED: "minor",
    ComponentStatus.PARTIAL_OUTAGE: "major",
    ComponentStatus.MAJOR_OUTAGE: "critical",
}
_PHRASES = {
    "none": "All Systems Operational",
    "maintenance": "Service Under Maintenance",
    "minor": "Minor Service Outage",
    "major": "Partial System Outage",
    "critical": "Major Service Outage",
}
"""What Statuspage itself says; tools look for these very words."""

_NOT_KNOWN = "Not known: the status page cannot be read, or says nothing that we understand."


def own_id(*names: str) -> str:
    """12 hex digits for what has these names: the form that ids of Statuspage have."""
    joined = "\x1f".join(names).encode("utf-8", "replace")
    return blake2b(joined, digest_size=6).hexdigest()


def incident_id(page_key: str, key: str) -> str:
    """How an incident of a page is called here."""
    return own_id("incident", page_key, key)


def instant(at: datetime) -> str:
    """An instant as Statuspage writes it: `2026-11-20T16:02:11.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def page_row(id: str, name: str, url: str, updated_at: datetime) -> Row:
    """`page`, at the top of every document."""
    return {
        "id": id,
        "name": name,
        "url": url,
        "time_zone": "Etc/UTC",
        "updated_at": instant(updated_at),
    }


def status_row(standings: Iterable[Standing]) -> Row:
    """`status`: the worst of all parts and open incidents.

    What is not known is at least minor, and the description counts it.
    """
    found = list(standings)
    parts = [part for standing in found for part in standing.parts]
    told = [*(part.status for part in parts), *(standing.trouble for standing in found)]
    worst = max((_OF_COMPONENT[one] for one in told), key=INDICATORS.index, default="none")
    unknown = sum(part.status is ComponentStatus.UNKNOWN for part in parts)
    if not unknown:
        return {"indicator": worst, "description": _PHRASES[worst]}
    count = f"{unknown} of {len(parts)} components"
    if worst in {"none", "maintenance"}:
        return {"indicator": "minor", "description": f"Not Known: {count}"}
    return {"indicator": worst, "description": f"{_PHRASES[worst]}; not known: {count}"}


def component_rows(standings: Iterable[Standing], page: Row) -> list[Row]:
    """`components`: each provider a group with its parts, or one part if it names none.

    We do not know when a component was made or changed last, but that it was no later than
    the page.
    """
    rows: list[Row] = []
    for standing in standings:
        is_plain = len(standing.parts) == 1 and standing.parts[0].component is None
        group = None if is_plain else own_id("provider", standing.provider.slug)
        if group:
            ids = [part_id(part) for part in standing.parts]
            rows.append(
                _component(group, standing.provider.name, standing.status, page)
                | {"group": True, "components": ids}
            )
        rows.extend(
            _component(part_id(part), part.name, part.status, page) | {"group_id": group}
            for part in standing.parts
        )
    return [row | {"position": number} for number, row in enumerate(rows, 1)]


def index(standings: Sequence[Standing], page: Row) -> Mapping[str, Row]:
    """Rows of components by their id, and by what an incident calls them that has only names."""
    by_id = {row["id"]: row for row in component_rows(standings, page)}
    named = {
        own_id("name", part.page_key, part.component.name): by_id[part_id(part)]
        for standing in standings
        for part in standing.parts
        if part.component
    }
    return {**named, **by_id}


def part_id(part: Part) -> str:
    """How a part is called here."""
    component = part.component
    return own_id("part", part.page_key, *([component.id] if component else []))


def _component(id: str, name: str, status: ComponentStatus, page: Row) -> Row:
    is_known = status is not ComponentStatus.UNKNOWN
    row: Row = {
        "id": id,
        "name": name,
        "status": COMPONENT_WORDS[status],
        "created_at": page["updated_at"],
        "updated_at": page["updated_at"],
        "position": 1,
        "description": None if is_known else _NOT_KNOWN,
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": page["id"],
        "group": False,
        "only_show_if_degraded": False,
    }
    return row if is_known else row | {"bellbuoy": {"status": status.value}}


def incident_row(
    page_key: str, incident: KnownIncident, listed: Mapping[str, Row], page: Row, origin: str
) -> Row:
    """One of `incidents` or `scheduled_maintenances`, with its updates, the newest first.

    `listed` is an `index` of components. `origin` is by which address we are asked.
    """
    id = incident_id(page_key, incident.key)
    began, changed = began_at(incident), _changed_at(incident)
    updates = _update_rows(incident, id, page_key)
    word, impact = _word(incident.status, incident.kind, updates), _impact(incident)
    row: Row = {
        "id": id,
        "name": incident.title,
        "status": word,
        "created_at": instant(_announced_at(incident)),
        "updated_at": instant(changed),
        "monitoring_at": _first(updates, "monitoring"),
        "resolved_at": None if incident.is_open else instant(incident.resolved_at or changed),
        "impact": impact,
        "shortlink": origin + incident_path(page_key, incident.key),
        "started_at": instant(began),
        "page_id": page["id"],
        "incident_updates": updates[::-1],
        "reminder_intervals": None,
    }
    row["components"] = list(_affected(incident.components, page_key, listed, row))
    if incident.kind is IncidentKind.MAINTENANCE:
        until = incident.scheduled_until
        row |= {
            "scheduled_for": instant(began),
            "scheduled_until": instant(until) if until else row["resolved_at"],
        }
    meant = {"status": (incident.status.value, word), "impact": (incident.impact.value, impact)}
    return row | _meant(meant)


def is_told(incident: KnownIncident) -> bool:
    """Whether it stands in a list: not if it was withdrawn, or nobody says whether it is over."""
    return incident.is_open or (incident.status.is_over and not incident.withdrawn)


def _announced_at(incident: KnownIncident) -> datetime:
    """When it was told first: planned work begins long after that."""
    began = began_at(incident)
    times = [each.at for each in incident.updates if each.at]
    return min((began, *times, incident.first_seen_at or began))


def _changed_at(incident: KnownIncident) -> datetime:
    times = [at for each in incident.updates for at in (each.at, each.updated_at) if at]
    said = [at for at in (incident.updated_at, incident.first_seen_at) if at]
    return max((*times, *said), default=began_at(incident))


def _update_rows(incident: KnownIncident, id: str, page_key: str) -> list[Row]:
    """Oldest first. An update in no known status leaves the incident as it was."""
    fallback = incident.first_seen_at or began_at(incident)
    ordered = sorted(incident.updates, key=lambda each: each.at or fallback)
    rows: list[Row] = []
    for each in ordered:
        at = each.at or fallback
        word = _word(each.status, incident.kind, rows)
        row: Row = {
            "id": own_id("update", page_key, incident.key, each.id),
            "status": word,
            "body": each.body,
            "incident_id": id,
            "created_at": instant(at),
            "updated_at": instant(_edited_at(each, at)),
            "display_at": instant(at),
            "affected_components": None,
            "deliver_notifications": True,
            "custom_tweet": None,
            "tweet_id": None,
        }
        rows.append(row | _meant({"status": (each.status.value, word)}))
    return rows


def _edited_at(update: KnownUpdate, at: datetime) -> datetime:
    return max(update.updated_at or at, at)


def _word(status: IncidentStatus, kind: IncidentKind, before: Sequence[Row]) -> str:
    """Statuspage's word for a status; it has none for unknown and for cancelled."""
    is_planned = kind is IncidentKind.MAINTENANCE
    if status is IncidentStatus.CANCELLED:
        return "completed" if is_planned else "resolved"
    if status is IncidentStatus.UNKNOWN:
        return before[-1]["status"] if before else "scheduled" if is_planned else "investigating"
    return status.value


def _impact(incident: KnownIncident) -> str:
    if incident.kind is IncidentKind.MAINTENANCE:
        is_said = incident.impact not in {Impact.NONE, Impact.UNKNOWN}
        return incident.impact.value if is_said else "maintenance"
    return "minor" if incident.impact is Impact.UNKNOWN else incident.impact.value


def _meant(words: Mapping[str, tuple[str, str]]) -> Row:
    """What is meant where another word had to be said."""
    differ = {name: meant for name, (meant, said) in words.items() if meant != said}
    if differ.get("impact") == Impact.NONE.value:
        del differ["impact"]  # Statuspage says "maintenance" of every planned work.
    return {"bellbuoy": differ} if differ else {}


def _first(updates: Sequence[Row], status: str) -> str | None:
    return next((row["created_at"] for row in updates if row["status"] == status), None)


def _affected(
    named: Iterable[AffectedComponent], page_key: str, listed: Mapping[str, Row], incident: Row
) -> Iterator[Row]:
    """Each as it is listed itself; one that is not listed, by what the incident says of it.

    They bear the incident's times and no place in a list, so that an entry that did not change
    has the same bytes, whatever else did.
    """
    own = {"position": 1, **{name: incident[name] for name in ("created_at", "updated_at")}}
    for one in named:
        id = own_id("part", page_key, one.id or one.name)
        by_name = None if one.id else listed.get(own_id("name", page_key, one.name))
        if (row := listed.get(id) or by_name) is None:
            name = f"{one.group}: {one.name}" if one.group else one.name
            row = _component(id, name, one.status, {"id": incident["page_id"], **own})
        yield row | own
