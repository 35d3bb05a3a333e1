"""How each of the last days was, for a page and for each of its components. Pure.

    incidents, events, looks that failed -> spells of one status -> the worst of each UTC day

A day takes the worst status that any of its spells has, by `ComponentStatus.rank`. Time about
which nothing is known is a spell of `unknown`, which is worse than maintenance and than
operational: so a day of which a part could not be read is never green, and one more spell never
makes a day better. Only what nothing speaks against, between the first reading of the page and
now, is operational.

Does not decide what is wrong now (overview), nor ask anybody (provider).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from bellbuoy.events import Event, EventKind
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    IncidentKind,
    IncidentStatus,
)
from bellbuoy.model.known import KnownComponent, KnownIncident
from bellbuoy.stores.retention import began_at, ended_at
from bellbuoy.web.weighing import weight

DAYS = 90
"""How many days are shown, today among them."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_DAY = timedelta(days=1)

_NOT_DONE = frozenset({IncidentStatus.SCHEDULED, IncidentStatus.CANCELLED})

_BLIND = {
    EventKind.PAGE_UNREADABLE: True,
    EventKind.MONITOR_OFFLINE: True,
    EventKind.PAGE_READABLE: False,
    EventKind.MONITOR_ONLINE: False,
}
"""Whether a page cannot be read after an event."""


class Spell(Struct, frozen=True, kw_only=True):
    """A time of one status, from `began` until before `ended`; a spell of no length counts."""

    status: ComponentStatus
    began: datetime
    ended: datetime


class Day(Struct, frozen=True, kw_only=True):
    """One UTC day: the worst status of it, and for how many minutes, rounded up."""

    day: date
    status: ComponentStatus
    minutes: int


class Bars(Struct, frozen=True, kw_only=True):
    """The days of a page, and of those of its components (by id) that differ from `quiet`.

    `unnamed` counts the incidents that name no component: they are in `page` alone.
    """

    page: tuple[Day, ...]
    quiet: tuple[Day, ...]
    components: Mapping[str, tuple[Day, ...]]
    unnamed: int


class Past(Struct, frozen=True, kw_only=True):
    """What is known of a page's past.

    `known_since` is when the page was first read, or the oldest event that is still kept, if
    that is later; None if it was never read. `read_at` is the last good reading.
    """

    components: tuple[KnownComponent, ...] = ()
    incidents: tuple[KnownIncident, ...] = ()
    events: tuple[Event, ...] = ()
    known_since: datetime | None = None
    read_at: datetime | None = None
    is_blind: bool = False


def bars(past: Past, now: datetime, count: int = DAYS) -> Bars:
    """How each of the last `count` days was; the order of what is in `past` does not matter."""
    blind = blind_spells(past, now)
    troubles = [(one, spell) for one in past.incidents if (spell := trouble(one, now))]
    spells: dict[str, list[Spell]] = {}
    ids = _Names(past.components)
    for incident, spell in troubles:
        for part in incident.components:
            for id in ids.of(part):
                spells.setdefault(id, []).append(spell)
    changes = _changes(past.events)
    for part in past.components:
        if part.is_group:
            continue
        named = spells.get(part.id, ())
        if found := component_spells(part, changes.get(part.id, ()), named, past, now):
            spells.setdefault(part.id, []).extend(found)
    everything = [spell for each in spells.values() for spell in each]
    return Bars(
        page=days([*blind, *everything, *(spell for _, spell in troubles)], now, count),
        quiet=days(blind, now, count),
        components={id: days([*blind, *each], now, count) for id, each in spells.items()},
        unnamed=sum(not one.components for one, _ in troubles),
    )


def days(spells: Iterable[Spell], now: datetime, count: int = DAYS) -> tuple[Day, ...]:
    """The worst status of each of the last days, today last, and its minutes."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=count - 1)
    of_day: dict[date, list[Spell]] = {}
    for spell in spells:
        begins = max(spell.began.astimezone(UTC).date(), first)
        ends = min(_last_day(spell), today)
        for step in range((ends - begins).days + 1):
            of_day.setdefault(begins + timedelta(days=step), []).append(spell)
    each = (first + timedelta(days=step) for step in range(count))
    return tuple(_day(day, of_day.get(day, ()), now) for day in each)


def blind_spells(past: Past, now: datetime) -> list[Spell]:
    """When nothing was known of the page: before it was read, and while it could not be."""
    if past.known_since is None:
        return [_unknown(LONG_AGO, now)]
    found = [_unknown(LONG_AGO, past.known_since)]
    began: dict[str, datetime] = {}
    heard_of: set[str] = set()
    for event in _in_order(past.events):
        if event.kind not in _BLIND:
            continue
        key = event.page.key
        if _BLIND[event.kind]:
            began.setdefault(key, event.observed_at)
        elif key in began or key not in heard_of:
            found.append(_unknown(began.pop(key, past.known_since), event.observed_at))
        heard_of.add(key)
    found += [_unknown(each, now) for each in began.values()]
    if past.is_blind:
        found.append(_unknown(past.read_at or past.known_since, now))
    return found


def trouble(incident: KnownIncident, now: datetime) -> Spell | None:
    """The time of an incident, or of planned work that was begun; None if it is no trouble."""
    if incident.kind is IncidentKind.MAINTENANCE:
        is_begun = incident.status not in _NOT_DONE
        status = ComponentStatus.MAINTENANCE if is_begun else ComponentStatus.OPERATIONAL
    else:
        status = weight(incident)
    began = began_at(incident)
    if status is ComponentStatus.OPERATIONAL or began > now:
        return None
    ended = ended_at(incident) or now
    return Spell(status=status, began=began, ended=max(began, min(ended, now)))


def component_spells(
    part: KnownComponent,
    events: Sequence[Event],
    troubles: Sequence[Spell],
    past: Past,
    now: datetime,
) -> list[Spell]:
    """When a component was not operational, as its own events and its status now say.

    `troubles` are those of incidents that name it: a move that comes with an incident has no
    event of its own, so what began or ended in silence did so with one of them.
    """
    found: list[Spell] = []
    fine = ComponentStatus.OPERATIONAL
    for number, event in enumerate(events):
        before, after = (ComponentStatus(word) for word in event.changes["status"])
        at = event.observed_at
        if number == 0 and before is not fine:
            starts = [each.began for each in troubles if each.began <= at]
            found.append(_spell(before, max(starts, default=past.known_since or at), at))
        if after is not fine:
            ends = [next_.observed_at for next_ in events[number + 1 : number + 2]]
            ends += [each.ended for each in troubles if each.ended > at]
            found.append(_spell(after, at, min(ends, default=now)))
    if part.status is not fine and not past.is_blind:
        found.append(_spell(part.status, now, now))
    return found


class _Names:
    """The components of a page, found as incidents name them: by id, else by name and group."""

    def __init__(self, components: Iterable[KnownComponent]) -> None:
        self._ids: set[str] = set()
        self._by_name: dict[str, list[KnownComponent]] = {}
        for one in components:
            if not one.is_group:
                self._ids.add(one.id)
                self._by_name.setdefault(one.name.casefold(), []).append(one)

    def of(self, part: AffectedComponent) -> list[str]:
        """The ids of what is named; empty if the page does not list it."""
        if part.id in self._ids:
            return [part.id]
        named = self._by_name.get(part.name.casefold(), [])
        same = [one for one in named if part.group in {one.group, one.region}]
        return [one.id for one in same or named]


def _in_order(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.seq)


def _changes(events: Iterable[Event]) -> Mapping[str, list[Event]]:
    """The changes of status of each component, by its id and in order."""
    found: dict[str, list[Event]] = {}
    for event in _in_order(events):
        if event.component is not None and "status" in event.changes:
            found.setdefault(event.component.id, []).append(event)
    return found


def _day(day: date, spells: Sequence[Spell], now: datetime) -> Day:
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    ends = min(begins + _DAY, now)
    worst = max((one.status for one in spells), key=lambda status: status.rank, default=None)
    if worst is None:
        return Day(day=day, status=ComponentStatus.OPERATIONAL, minutes=_minutes(ends - begins))
    spans = sorted(
        (max(one.began, begins), min(one.ended, ends)) for one in spells if one.status is worst
    )
    return Day(day=day, status=worst, minutes=_minutes(_length(spans)))


def _length(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """How long these last together; where they overlap it counts once."""
    whole, reached = timedelta(), LONG_AGO
    for began, ended in spans:
        whole += max(ended - max(began, reached), timedelta())
        reached = max(reached, ended)
    return whole


def _minutes(length: timedelta) -> int:
    return -int(-length.total_seconds() // 60)


def _last_day(spell: Spell) -> date:
    """The last day that a spell touches: one that ends at midnight does not touch the next."""
    ended = spell.ended.astimezone(UTC)
    last = ended if ended == spell.began else ended - timedelta(microseconds=1)
    return last.date()


def _unknown(began: datetime, ended: datetime) -> Spell:
    return _spell(ComponentStatus.UNKNOWN, began, ended)


def _spell(status: ComponentStatus, began: datetime, ended: datetime) -> Spell:
    return Spell(status=status, began=began, ended=max(began, ended))
