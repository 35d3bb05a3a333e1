"""What is known of pages, to rows and back. Every function runs inside a transaction.

What is committed is what is loaded, with incidents and components in the order of their
keys. Only rows that differ from what was known before are written.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from bellbuoy.model.facts import IncidentKind
from bellbuoy.model.known import Known, KnownComponent, KnownIncident, KnownUpdate, PageState
from bellbuoy.stores import Visit
from bellbuoy.stores.retention import began_at, ended_at, without_updates
from bellbuoy.stores.schema import as_number, component, incident, incident_update, page
from bellbuoy.stores.statements import chunks, upsert, upsert_plain

_encode = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(PageState).decode
_decode_known = msgspec.msgpack.Decoder(Known).decode
_decode_incident = msgspec.msgpack.Decoder(KnownIncident).decode
_decode_update = msgspec.msgpack.Decoder(KnownUpdate).decode
_decode_component = msgspec.msgpack.Decoder(KnownComponent).decode

DECODERS = (
    (page.c.state, _decode_state),
    (page.c.known, _decode_known),
    (incident.c.facts, _decode_incident),
    (incident_update.c.facts, _decode_update),
    (component.c.facts, _decode_component),
)
"""Every column of blobs here, with what reads it."""

_HEAD = ("ended_at", "has_bodies", "facts", "kind", "began_at")
_KEY = bindparam("of_page")
_STATES = select(page.c.key, page.c.state)
_KNOWN = select(page.c.known).where(page.c.key == _KEY)
_INCIDENTS = select(incident.c.page_key, incident.c.key, incident.c.facts).order_by(
    incident.c.page_key, incident.c.key
)
_UPDATES = select(
    incident_update.c.page_key,
    incident_update.c.incident_key,
    incident_update.c.facts,
    incident_update.c.body,
).order_by(*incident_update.primary_key)
_INCIDENTS_OF_PAGE = _INCIDENTS.where(incident.c.page_key == _KEY)
_UPDATES_OF_PAGE = _UPDATES.where(incident_update.c.page_key == _KEY)
_OPEN_INCIDENTS = _INCIDENTS.where(incident.c.ended_at.is_(None))
_OPEN_UPDATES = _UPDATES.join(
    incident,
    (incident.c.page_key == incident_update.c.page_key)
    & (incident.c.key == incident_update.c.incident_key),
).where(incident.c.ended_at.is_(None))
_COMPONENTS = select(component.c.facts).where(component.c.page_key == _KEY).order_by(component.c.id)
_ALL_COMPONENTS = select(component.c.page_key, component.c.facts).order_by(*component.primary_key)
_IS_INCIDENT = (incident.c.page_key == _KEY, incident.c.key == bindparam("of_incident"))
_INCIDENT = _INCIDENTS.where(*_IS_INCIDENT)
_UPDATES_OF_INCIDENT = _UPDATES_OF_PAGE.where(
    incident_update.c.incident_key == bindparam("of_incident")
)
_HEADS: Select[Any] = select(*(incident.c[name] for name in ("page_key", "began_at", "facts")))
_PARAMETERS = 500
"""Values asked for in one statement; SQLite before 3.32 takes at most 999."""

_FORGET_UPDATES_FROM = delete(incident_update).where(
    incident_update.c.page_key == _KEY,
    incident_update.c.incident_key == bindparam("of_incident"),
    incident_update.c.position >= bindparam("first"),
)
_FORGET_INCIDENT = delete(incident).where(*_IS_INCIDENT)
_FORGET_COMPONENT = delete(component).where(
    component.c.page_key == _KEY, component.c.id == bindparam("of_component")
)
_FORGET_PAGE = (
    delete(page).where(page.c.key == _KEY),
    delete(incident).where(incident.c.page_key == _KEY),
    delete(incident_update).where(incident_update.c.page_key == _KEY),
    delete(component).where(component.c.page_key == _KEY),
)
_STRIP_UPDATES = (
    update(incident_update)
    .where(
        incident_update.c.page_key == _KEY,
        incident_update.c.incident_key == bindparam("of_incident"),
    )
    .values(body="")
)
_STRIP_INCIDENT = update(incident).where(*_IS_INCIDENT).values(has_bodies=False)


def load_states(connection: Connection, page_keys: AbstractSet[str]) -> dict[str, PageState]:
    """The states of those of these pages that have one."""
    rows = connection.execute(_STATES)
    return {key: _decode_state(state) for key, state in rows if key in page_keys}


def save_states(connection: Connection, states: Iterable[PageState]) -> None:
    """Write states alone."""
    rows = [{"key": state.page_key, "state": _encode(state)} for state in states]
    if rows:
        connection.execute(upsert(connection, page, "state"), rows)


def load_known(connection: Connection, page_key: str) -> Known:
    """All that is known of a page."""
    of_page = {"of_page": page_key}
    row = connection.execute(_KNOWN, of_page).first()
    if row is None:
        return Known(page_key=page_key)  # Whatever is written of a page comes with its row.
    incidents = _incidents(
        connection.execute(_INCIDENTS_OF_PAGE, of_page),
        connection.execute(_UPDATES_OF_PAGE, of_page),
    )
    return replace(
        Known(page_key=page_key) if row.known is None else _decode_known(row.known),
        incidents={found.key: found for _, found in incidents},
        components={found.id: found for found in components(connection, page_key)},
    )


def components(connection: Connection, page_key: str) -> tuple[KnownComponent, ...]:
    """The components of a page."""
    rows = connection.execute(_COMPONENTS, {"of_page": page_key})
    return tuple(_decode_component(facts) for (facts,) in rows)


def open_incidents(connection: Connection) -> tuple[tuple[str, KnownIncident], ...]:
    """Every open incident, with the key of its page."""
    found = _incidents(connection.execute(_OPEN_INCIDENTS), connection.execute(_OPEN_UPDATES))
    return tuple(found)


def all_components(connection: Connection) -> dict[str, tuple[KnownComponent, ...]]:
    """The components of every page that has some."""
    found: defaultdict[str, list[KnownComponent]] = defaultdict(list)
    for page_key, facts in connection.execute(_ALL_COMPONENTS):
        found[page_key].append(_decode_component(facts))
    return {page_key: tuple(those) for page_key, those in found.items()}


def find_incident(connection: Connection, page_key: str, key: str) -> KnownIncident | None:
    """One incident, with its updates."""
    which = {"of_page": page_key, "of_incident": key}
    heads = connection.execute(_INCIDENT, which)
    parts = connection.execute(_UPDATES_OF_INCIDENT, which)
    return next((found for _, found in _incidents(heads, parts)), None)


def newest_incidents(
    connection: Connection,
    page_keys: AbstractSet[str] | None,
    kind: IncidentKind | None,
    since: datetime | None,
    before: tuple[datetime, str, str] | None,
    limit: int,
) -> tuple[tuple[str, KnownIncident], ...]:
    """Incidents without their updates, those that began last first."""
    query = newest_query(kind, since, before, walks=page_keys is None and since is None)
    if page_keys is None:
        return tuple(map(_head, connection.execute(query, {"most": limit})))
    of_pages = query.where(incident.c.page_key.in_(bindparam("of_pages", expanding=True)))
    found = [
        _head(row)
        for some in chunks(page_keys, _PARAMETERS)
        for row in connection.execute(of_pages, {"most": limit, "of_pages": some})
    ]
    found.sort(key=lambda each: (began_at(each[1]), each[0], each[1].key), reverse=True)
    return tuple(found[:limit])


def newest_query(
    kind: IncidentKind | None,
    since: datetime | None,
    before: tuple[datetime, str, str] | None,
    *,
    walks: bool,
) -> Select[Any]:
    """Incidents by their beginning; one that `walks` follows the index of beginnings.

    For any other there are few to sort, once they are found by their page or their end.
    """
    # A term that is an expression is not looked up: https://www.sqlite.org/optoverview.html, 7.1
    began = incident.c.began_at if walks else incident.c.began_at.op("+")(literal_column("0"))
    of_kind = incident.c.kind if walks else incident.c.kind + ""
    order = (began, incident.c.page_key, incident.c.key)
    query = _HEADS.order_by(*(column.desc() for column in order)).limit(bindparam("most"))
    if kind is not None:
        query = query.where(of_kind == kind.value)
    if since is not None:
        query = query.where(or_(incident.c.ended_at.is_(None), incident.c.ended_at > since))
    if before is not None:
        at, *ids = before
        query = query.where(tuple_(*order) < tuple_(literal(at, incident.c.began_at.type), *ids))
    return query


def write_visit(connection: Connection, visit: Visit) -> None:
    """Write a page's state, and of what is known the rows that changed."""
    if visit.known is None:
        save_states(connection, [visit.state])
        return
    before = visit.before or Known(page_key=visit.page.key)
    _write_incidents(connection, before, visit.known)
    _write_components(connection, before, visit.known)
    facts = replace(visit.known, incidents={}, components={})
    if facts == replace(before, incidents={}, components={}):
        save_states(connection, [visit.state])
        return
    row = {"key": visit.page.key, "state": _encode(visit.state), "known": _encode(facts)}
    connection.execute(upsert(connection, page, "state", "known"), row)


def forget_pages(
    connection: Connection, watched: AbstractSet[str]
) -> tuple[tuple[str, KnownIncident], ...]:
    """Drop what is known of pages that are not watched; returns their open incidents."""
    gone = set(connection.scalars(select(page.c.key))) - watched
    if not gone:
        return ()
    orphans = tuple(found for found in open_incidents(connection) if found[0] in gone)
    for statement in _FORGET_PAGE:
        connection.execute(statement, [{"of_page": key} for key in gone])
    return orphans


def strip_bodies(connection: Connection, before: datetime, limit: int) -> int:
    """Drop the texts of at most `limit` incidents that ended before; returns of how many."""
    over = (
        select(incident.c.page_key, incident.c.key)
        .where(incident.c.ended_at < before, incident.c.has_bodies)
        .limit(limit)
    )
    rows = [{"of_page": key, "of_incident": of} for key, of in connection.execute(over)]
    if rows:
        connection.execute(_STRIP_UPDATES, rows)
        connection.execute(_STRIP_INCIDENT, rows)
    return len(rows)


def _head(row: Row[Any]) -> tuple[str, KnownIncident]:
    return row.page_key, without_updates(_decode_incident(row.facts), row.began_at)


def _incidents(
    incidents: Iterable[Any], updates: Iterable[Any]
) -> Iterable[tuple[str, KnownIncident]]:
    by_incident: defaultdict[tuple[str, str], list[KnownUpdate]] = defaultdict(list)
    for page_key, key, facts, body in updates:
        found = _decode_update(facts)
        by_incident[page_key, key].append(replace(found, body=body) if body else found)
    for page_key, key, facts in incidents:
        found = _decode_incident(facts)
        parts = by_incident.get((page_key, key))
        yield page_key, replace(found, updates=tuple(parts)) if parts else found


def _write_incidents(connection: Connection, before: Known, known: Known) -> None:
    heads: list[tuple[Any, ...]] = []
    parts: list[tuple[Any, ...]] = []
    cut: list[dict[str, Any]] = []
    for key, now in known.incidents.items():
        old = before.incidents.get(key)
        if old is now:
            continue
        ids = (known.page_key, key)
        old_updates = old.updates if old is not None else ()
        changed = _update_rows(ids, old_updates, now.updates)
        head = replace(now, updates=())
        if changed or old is None or head != replace(old, updates=()):
            has_bodies = any(part.body for part in now.updates)
            times = (as_number(ended_at(now)), as_number(began_at(now)))
            heads.append((*ids, times[0], has_bodies, _encode(head), now.kind.value, times[1]))
        parts += changed
        if len(now.updates) < len(old_updates):
            cut.append(_of(known.page_key, key, len(now.updates)))
    gone = before.incidents.keys() - known.incidents.keys()
    cut += [_of(known.page_key, key, 0) for key in gone]
    if heads:
        upsert_plain(connection, incident, heads, *_HEAD)
    if parts:
        upsert_plain(connection, incident_update, parts, "body", "facts")
    if cut:
        connection.execute(_FORGET_UPDATES_FROM, cut)
    if gone:
        rows = [{"of_page": known.page_key, "of_incident": key} for key in gone]
        connection.execute(_FORGET_INCIDENT, rows)


def _update_rows(
    ids: tuple[str, str], old: Sequence[KnownUpdate], now: Sequence[KnownUpdate]
) -> list[tuple[Any, ...]]:
    return [
        (*ids, position, part.body, _encode(replace(part, body="")))
        for position, part in enumerate(now)
        if position >= len(old) or (old[position] is not part and old[position] != part)
    ]


def _of(page_key: str, key: str, first: int) -> dict[str, Any]:
    return {"of_page": page_key, "of_incident": key, "first": first}


def _write_components(connection: Connection, before: Known, known: Known) -> None:
    rows = [
        {"page_key": known.page_key, "id": key, "facts": _encode(now)}
        for key, now in known.components.items()
        if (old := before.components.get(key)) is not now and old != now
    ]
    if rows:
        connection.execute(upsert(connection, component, "facts"), rows)
    gone = before.components.keys() - known.components.keys()
    if gone:
        gone_rows = [{"of_page": known.page_key, "of_component": key} for key in gone]
        connection.execute(_FORGET_COMPONENT, gone_rows)
