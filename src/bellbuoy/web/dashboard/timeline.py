"""The life of one incident, newest first: what was said, what changed, and who was told. Pure.

    what is held + its events + why each receiver was or was not told -> Story

Events of long ago are pruned; then what is held still says what the vendor said, by its clock
alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import msgspec
from msgspec import Struct

from bellbuoy.delivery.explanation import Answer
from bellbuoy.events import ALREADY_OPEN, Event, EventKind, to_builtins
from bellbuoy.model.delivery import Service
from bellbuoy.model.facts import AffectedComponent, IncidentKind, IncidentStatus
from bellbuoy.model.known import KnownComponent, KnownIncident, KnownUpdate
from bellbuoy.stores.retention import began_at, ended_at
from bellbuoy.web.dashboard.cards import Clocks, Part, clocks_of, other_word, parts_of, step
from bellbuoy.web.dashboard.difference import Piece, difference

_WORDS = {
    EventKind.INCIDENT_REOPENED: "reopened",
    EventKind.INCIDENT_EDITED: "edited",
    EventKind.MAINTENANCE_EDITED: "edited",
    EventKind.INCIDENT_CHANGED: "changed",
    EventKind.MAINTENANCE_CHANGED: "changed",
    EventKind.INCIDENT_WITHDRAWN: "withdrawn",
    EventKind.MAINTENANCE_WITHDRAWN: "withdrawn",
}

_EDITS = frozenset({EventKind.INCIDENT_EDITED, EventKind.MAINTENANCE_EDITED})


class Change(Struct, frozen=True, kw_only=True):
    """A field that became another. `pieces` are of a text, `came` and `went` of a list."""

    field: str
    before: str = ""
    after: str = ""
    pieces: tuple[Piece, ...] = ()
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()


class Hearing(Struct, frozen=True, kw_only=True):
    """What became of one event for some receivers: `outcome` is a word, `why` a phrase."""

    outcome: str
    receivers: tuple[str, ...]
    why: str = ""
    at: datetime | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """One step of the timeline.

    `marks` are words such as late or edited. `event_id` is empty where no event is kept, and
    `raw` with it.
    """

    id: str
    status: str
    status_raw: str = ""
    heading: str = ""
    paragraphs: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    marks: tuple[str, ...] = ()
    clocks: Clocks
    is_old: bool = False
    reason: str = ""
    hearings: tuple[Hearing, ...] = ()
    event_id: str = ""
    raw: str = ""

    @property
    def glance(self) -> tuple[tuple[str, str], ...]:
        """Who was told and who not, without reasons: (outcome, names)."""
        names: dict[str, list[str]] = {}
        for one in self.hearings:
            names.setdefault(one.outcome, []).extend(one.receivers)
        return tuple((outcome, ", ".join(each)) for outcome, each in names.items())


class Story(Struct, frozen=True, kw_only=True):
    """An incident, and how it came to be as it is. `ended_at` is None while it goes on."""

    title: str
    kind: str
    state: str
    impact_raw: str
    status: str
    status_raw: str
    step: int
    began_at: datetime
    ended_at: datetime | None
    until: datetime | None
    is_open: bool
    withdrawn: bool
    clocks: Clocks
    parts: tuple[Part, ...]
    url: str
    services: tuple[Service, ...]
    entries: tuple[Entry, ...]

    @property
    def lasted(self) -> timedelta | None:
        """How long it took, if it is over."""
        return self.ended_at - self.began_at if self.ended_at else None


def story(
    incident: KnownIncident,
    events: Sequence[Event],
    answers: Iterable[Answer],
    *,
    held: Iterable[KnownComponent] = (),
    services: Sequence[Service] = (),
) -> Story:
    """The story of an incident that is held; `held` are the components that are ill now."""
    ended = ended_at(incident)
    return Story(
        title=incident.title,
        kind=incident.kind.value,
        state="maintenance" if incident.kind is IncidentKind.MAINTENANCE else incident.impact.value,
        impact_raw=other_word(incident.impact_raw, incident.impact),
        status=incident.status.value,
        status_raw=incident.status_raw,
        step=step(incident.status),
        began_at=began_at(incident),
        ended_at=ended,
        until=incident.scheduled_until if incident.is_open else None,
        is_open=incident.is_open,
        withdrawn=incident.withdrawn,
        clocks=clocks_of(incident),
        parts=tuple(parts_of(incident.components, held)),
        url=incident.url,
        services=tuple(services),
        entries=_entries(incident, events, answers),
    )


def remembered(events: Sequence[Event]) -> KnownIncident | None:
    """An incident as its events told it, where nothing is held of its page any more."""
    facts = next((event.incident for event in reversed(events) if event.incident), None)
    if facts is None:
        return None
    return KnownIncident(
        id=facts.id,
        key=facts.id,
        kind=facts.kind,
        title=facts.title,
        status=facts.status,
        status_raw=facts.status_raw,
        impact=facts.impact,
        impact_raw=facts.impact_raw,
        url=facts.url,
        started_at=facts.started_at,
        scheduled_until=facts.scheduled_until or None,
        updated_at=facts.updated_at,
        resolved_at=facts.resolved_at,
        components=tuple(
            AffectedComponent(id=one.id, name=one.name, group=one.group, status=one.status)
            for one in facts.components
        ),
        first_seen_at=events[0].observed_at,
        withdrawn=events[-1].kind.value.endswith("withdrawn"),
    )


def _entries(
    incident: KnownIncident, events: Sequence[Event], answers: Iterable[Answer]
) -> tuple[Entry, ...]:
    by_event: dict[str, list[Answer]] = {}
    for answer in answers:
        by_event.setdefault(answer.event.id, []).append(answer)
    told_of = {event.update.id for event in events if event.update}
    silent = [one for one in incident.updates if one.id not in told_of]
    found = [_of_update(one, number) for number, one in enumerate(silent)]
    found += [_of_event(event, by_event.get(event.id, ())) for event in events]
    # What no event tells was there before the first of them, or was pruned.
    times = {entry.id: _time(entry) for entry in found}
    order = {entry.id: number for number, entry in enumerate(found)}
    found.sort(key=lambda entry: (times[entry.id], order[entry.id]), reverse=True)
    return tuple(found)


def _time(entry: Entry) -> float:
    clocks = entry.clocks
    at = clocks.vendor_at if not entry.event_id else clocks.seen_at
    return at.timestamp() if at else 0.0


def _of_update(update: KnownUpdate, number: int) -> Entry:
    return Entry(
        id=f"u-{number}",
        status=update.status.value,
        status_raw=_other(update.status_raw, update.status),
        heading=_said(update.status),
        paragraphs=_paragraphs(update.body),
        marks=("edited",) if len(update.hashes) > 1 else (),
        clocks=Clocks(vendor_at=update.at, seen_at=None),
    )


def _of_event(event: Event, answers: Iterable[Answer]) -> Entry:
    update, facts = event.update, event.incident
    status = update.status if update else facts.status if facts else IncidentStatus.UNKNOWN
    raw = update.status_raw if update else facts.status_raw if facts else ""
    word = _WORDS.get(event.kind, "")
    is_edit = event.kind in _EDITS
    is_old = event.reason == ALREADY_OPEN
    says = update is not None and not (is_edit and "body" in event.changes)
    return Entry(
        id=f"e-{event.id}",
        status=status.value,
        status_raw=_other(raw, status),
        heading=word.capitalize() if word and word != "reopened" else _said(status),
        paragraphs=_paragraphs(update.body) if update and says else (),
        changes=tuple(_changes(event.changes)),
        marks=tuple(
            mark
            for mark, holds in (
                ("reopened", word == "reopened"),
                ("late: it was over before we saw it", event.late),
            )
            if holds
        ),
        clocks=Clocks(vendor_at=event.at, seen_at=event.observed_at),
        is_old=is_old,
        reason="" if is_old else event.reason or "",
        hearings=tuple(_hearings(answers)),
        event_id=event.id,
        raw=msgspec.json.format(msgspec.json.encode(to_builtins(event)), indent=2).decode(),
    )


def _changes(changes: Mapping[str, tuple[object, object]]) -> Iterable[Change]:
    for field, (before, after) in changes.items():
        old, new = str(before or ""), str(after or "")
        if field in {"body", "title"}:
            yield Change(field=field, pieces=difference(old, new))
        elif field == "components":
            had, has = old.split(", ") if old else [], new.split(", ") if new else []
            yield Change(
                field=field,
                came=tuple(name for name in has if name not in had),
                went=tuple(name for name in had if name not in has),
            )
        else:
            yield Change(field=field, before=_spoken(old), after=_spoken(new))


def _hearings(answers: Iterable[Answer]) -> Iterable[Hearing]:
    """Answers with the same outcome in one line; each that was sent has its time."""
    said = [
        Hearing(
            outcome=one.outcome,
            receivers=(one.receiver,),
            why=_why(one),
            at=one.at if one.outcome in {"sent", "held"} else None,
        )
        for one in answers
    ]
    for (outcome, why), group in groupby(
        sorted(said, key=lambda one: (_OUTCOMES.get(one.outcome, 9), one.why)),
        key=lambda one: (one.outcome, one.why),
    ):
        alike = tuple(group)
        names = tuple(name for one in alike for name in one.receivers)
        yield Hearing(outcome=outcome, receivers=names, why=why, at=alike[0].at)


_OUTCOMES = {
    "sent": 0,
    "waiting": 1,
    "held": 2,
    "dead": 3,
    "withheld": 4,
    "not dispatched": 5,
    "not asked for": 6,
}


def _why(answer: Answer) -> str:
    rule = f"by “{answer.rule}”" if answer.rule else ""
    tried = f"{answer.attempts} attempts, {answer.detail}" if answer.attempts > 1 else ""
    failed = answer.detail if answer.outcome in {"dead", "waiting"} and not tried else ""
    occasion = "" if answer.occasion.value == "event" else answer.occasion.value
    said = (occasion, answer.reason, tried or failed, rule)
    return ", ".join(one for one in said if one)


def _said(status: IncidentStatus) -> str:
    return _spoken(status.value).capitalize() if status is not IncidentStatus.UNKNOWN else "Update"


def _spoken(word: str) -> str:
    return word.replace("_", " ")


def _other(raw: str, status: IncidentStatus) -> str:
    """The vendor's own word, where it says something else."""
    plain = raw.strip().casefold().replace(" ", "_")
    return "" if plain in {"", status.value} else raw.strip()


def _paragraphs(body: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in body.split("\n\n") if each.strip())
