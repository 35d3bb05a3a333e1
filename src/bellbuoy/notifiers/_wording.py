"""What is said of an event, in words that every kind of receiver shares.

Plain text: nothing here is escaped, so each notifier escapes what it takes for its medium.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct

from bellbuoy.events import ALREADY_OPEN, NO_LONGER_WATCHED, Event, EventKind, IncidentFacts, Phase
from bellbuoy.model.delivery import Occasion, Service
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.notifiers import Digest, Message
from bellbuoy.text import clean_line

MAX_PRODUCTS = 12
"""Components named in one message; an outage of a cloud names hundreds."""

AFTER_GAP = "An earlier event of this incident could not be delivered."
REPEAT = "(repeat?)"
"""Said where an earlier attempt may have arrived, and the receiver cannot tell it itself."""

_ALONE = {
    EventKind.PAGE_READABLE: "the status page can be read again",
    EventKind.PAGE_MOVED: "the status page has moved",
    EventKind.PAGE_GAP: "some of the page's history may be missing",
    EventKind.MONITOR_OFFLINE: "offline: nothing can be reached, and nothing is known until it can",
    EventKind.MONITOR_ONLINE: "online again",
}


class Tone(StrEnum):
    """How grave a message is, for a colour or a sign beside its words, never instead of them."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    PLANNED = "planned"
    UNKNOWN = "unknown"
    GOOD = "good"


class Words(Struct, frozen=True, kw_only=True):
    """An event in plain text.

    `subject` names the provider and the incident and stays the same over its whole life.
    `state` says where it is now, `occasion` why it is told now (empty: it happened). `facts`
    are labels and texts, `body` the vendor's words of this update over several lines, `link`
    an http or https address or empty, `notes` what the reader should know of this message.
    """

    subject: str
    state: str
    tone: Tone
    occasion: str
    facts: tuple[tuple[str, str], ...]
    body: str
    link: str
    notes: tuple[str, ...]


class Line(Struct, frozen=True, kw_only=True):
    """One incident of a digest, as it stands at its end: what the last of its events says.

    `state` names all of its events by their places in the log, as `bellbuoy events` counts them.
    """

    subject: str
    state: str
    tone: Tone
    link: str
    is_open: bool
    event_ids: tuple[str, ...]


class DigestWords(Struct, frozen=True, kw_only=True):
    """A digest in plain text: what is still open first, then what came and went."""

    subject: str
    lines: tuple[Line, ...]


def words(message: Message, timezone: str = "UTC") -> Words:
    """An event in words; times in the zone of this IANA name."""
    event = message.event
    occasion = message.delivery.occasion
    return Words(
        subject=subject(event),
        state=state(event, timezone),
        tone=tone(event),
        occasion=_occasion(event, occasion, timezone),
        facts=tuple(facts(event, message.services)),
        body=body(event),
        link=link(event),
        notes=(AFTER_GAP,) if message.delivery.after_gap else (),
    )


def digest_words(digest: Digest, timezone: str = "UTC") -> DigestWords:
    """A digest in words: a line for each incident, with the ids of all its events."""
    lines = sorted((_line(messages, timezone) for messages in lives(digest)), key=_gravity)
    is_open = sum(line.is_open for line in lines)
    why = digest.messages[0].delivery.reason
    count = f"{len(digest.messages)} messages about {len(lines)} {_plural('incident', lines)}"
    return DigestWords(
        subject=f"{count}, {is_open} still open" + (f" ({why})" if why else ""),
        lines=tuple(lines),
    )


def lives(digest: Digest) -> tuple[tuple[Message, ...], ...]:
    """The messages of a digest by what they are about, each in the order of the log."""
    lanes: dict[str, list[Message]] = {}
    for message in digest.messages:
        # Notices without a life of their own share the page's lane, but are no state of it.
        event = message.event
        lane = event.id if event.phase is Phase.ALONE else event.lane
        lanes.setdefault(lane, []).append(message)
    return tuple(map(tuple, lanes.values()))


def subject(event: Event) -> str:
    """Whom and what it is about: the same over the whole life of an incident."""
    return f"{clean_line(event.provider.name)}: {what(event)}"


def state(event: Event, timezone: str = "UTC") -> str:
    """Where it is now, in a few words."""
    if event.incident is not None:
        return _incident_state(event, event.incident, zone(timezone))
    if event.component is not None:
        before, _ = event.changes.get("status", ("", ""))
        return f"{phrase(before)} -> {phrase(event.component.status)}"
    if event.kind is EventKind.PAGE_UNREADABLE:
        return f"the status page cannot be read ({event.reason}): nothing is known until it can"
    return _ALONE[event.kind]


def facts(event: Event, services: Iterable[Service] = ()) -> Iterator[tuple[str, str]]:
    """Labels and texts of what is known beside state and message."""
    if event.incident is not None:
        if names := products(component.name for component in event.incident.components):
            yield "Affects", names
        if said := impact(event.incident):
            yield "Impact", said
        if changed := changes(event):
            yield "Changed", changed
    for service in services:
        owned = f" ({service.owner})" if service.owner else ""
        yield "Needed by", f"{service.name}{owned}"
        if service.runbook:
            yield "Runbook", service.runbook


def body(event: Event) -> str:
    """The vendor's words, or what we know in its place; may be empty, may have several lines."""
    if event.update is not None:
        return event.update.body
    if event.kind is EventKind.PAGE_UNREADABLE or event.incident is not None:
        return ""
    return event.reason or ""


def link(event: Event) -> str:
    """Where to read on: an http or https address, or nothing."""
    address = (event.incident.url if event.incident else "") or event.page.url
    return address if address.startswith(("https://", "http://")) else ""


def tone(event: Event) -> Tone:
    """How grave it is now."""
    if event.phase is Phase.ENDS:
        return Tone.GOOD
    if event.kind.family == "maintenance":
        return Tone.PLANNED
    if event.incident is not None:
        return _IMPACT_TONES[event.incident.impact]
    if event.component is not None:
        return _COMPONENT_TONES[event.component.status]
    return Tone.UNKNOWN


def is_over(event: Event) -> bool:
    """Whether what it is about has ended, also where a correction comes after the end."""
    ended = event.incident is not None and event.incident.status.is_over
    return ended or event.phase is Phase.ENDS


def gravity(event: Event) -> Impact:
    """How grave it is now as an impact, for a service that has severities of its own.

    Planned work and mere notices have none; of what nobody knows, it is unknown.
    """
    if event.phase is Phase.ALONE or event.kind.family == "maintenance":
        return Impact.NONE
    if event.incident is not None:
        return event.incident.impact
    if event.component is not None:
        return COMPONENT_IMPACTS[event.component.status]
    return Impact.UNKNOWN


COMPONENT_IMPACTS = {
    ComponentStatus.OPERATIONAL: Impact.NONE,
    ComponentStatus.MAINTENANCE: Impact.NONE,
    ComponentStatus.UNKNOWN: Impact.UNKNOWN,
    ComponentStatus.DEGRADED: Impact.MINOR,
    ComponentStatus.PARTIAL_OUTAGE: Impact.MAJOR,
    ComponentStatus.MAJOR_OUTAGE: Impact.CRITICAL,
}
"""What a component's status weighs."""

_IMPACT_TONES = {
    Impact.NONE: Tone.MINOR,
    Impact.MINOR: Tone.MINOR,
    Impact.MAJOR: Tone.MAJOR,
    Impact.CRITICAL: Tone.CRITICAL,
    Impact.UNKNOWN: Tone.UNKNOWN,
}
_COMPONENT_TONES = {
    ComponentStatus.OPERATIONAL: Tone.GOOD,
    ComponentStatus.MAINTENANCE: Tone.PLANNED,
    ComponentStatus.UNKNOWN: Tone.UNKNOWN,
    ComponentStatus.DEGRADED: Tone.MINOR,
    ComponentStatus.PARTIAL_OUTAGE: Tone.MAJOR,
    ComponentStatus.MAJOR_OUTAGE: Tone.CRITICAL,
}


def impact(incident: IncidentFacts) -> str:
    """How bad the vendor says it is; empty if it does not."""
    if incident.impact is not Impact.UNKNOWN:
        return incident.impact.value
    return f"unknown ({raw})" if (raw := incident.impact_raw) not in {"", "unknown"} else ""


def changes(event: Event) -> str:
    """What changed, from and to, on one line."""
    return "; ".join(
        f"{phrase(name)} {phrase(before) or 'none'} -> {phrase(after) or 'none'}"
        for name, (before, after) in event.changes.items()
        if name != "body"
    )


def products(names: Iterable[str]) -> str:
    """Names of components, each once; of many the first and how many more."""
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - MAX_PRODUCTS
    shown = ", ".join(distinct[:MAX_PRODUCTS])
    return f"{shown} and {more} more" if more > 0 else shown


def phrase(value: object) -> str:
    """A word of ours as people write it."""
    return str(value).replace("_", " ")


def local(at: datetime, zone: tzinfo) -> datetime:
    """The same instant in a zone."""
    try:
        return at.astimezone(zone)
    except OverflowError:  # A vendor's year 1 or 9999, at the edge of what a date can be.
        return at


@lru_cache(maxsize=8)
def zone(name: str) -> tzinfo:
    """The zone of an IANA name. Raises what ZoneInfo raises for one that is not known."""
    return UTC if name == "UTC" else ZoneInfo(name)


def what(event: Event) -> str:
    """The title of the incident, the component with its place, or which of our own affairs."""
    if event.incident is not None:
        return clean_line(event.incident.title) or event.incident.kind.value
    if event.component is not None:
        component = event.component
        places = ", ".join(filter(None, (component.group, component.region)))
        return f"{component.name} ({places})" if places else component.name
    return "status page" if event.kind.family == "page" else "monitor"


def _incident_state(event: Event, incident: IncidentFacts, at: tzinfo) -> str:
    kind = event.kind
    if kind in {EventKind.INCIDENT_WITHDRAWN, EventKind.MAINTENANCE_WITHDRAWN}:
        gone = "withdrawn by the vendor"
        return NO_LONGER_WATCHED if event.reason == NO_LONGER_WATCHED else gone
    said = event.update or incident
    is_unknown = said.status is IncidentStatus.UNKNOWN
    text = phrase((is_unknown and said.status_raw) or said.status).capitalize()
    if said.status is IncidentStatus.SCHEDULED and incident.started_at is not None:
        text = f"{text} for {_stretch(incident, incident.started_at, at)}"
    if kind is EventKind.INCIDENT_REOPENED:
        text = f"Reopened, {text}"
    notes = [
        note
        for note, is_so in (
            ("already open", event.reason == ALREADY_OPEN),
            ("text edited", kind in {EventKind.INCIDENT_EDITED, EventKind.MAINTENANCE_EDITED}),
            ("changed", kind in {EventKind.INCIDENT_CHANGED, EventKind.MAINTENANCE_CHANGED}),
            ("seen late", event.late),
        )
        if is_so
    ]
    return f"{text} ({', '.join(notes)})" if notes else text


def _stretch(incident: IncidentFacts, begins: datetime, at: tzinfo) -> str:
    """When planned work is to begin, and to end where that is known."""
    start = local(begins, at)
    if incident.scheduled_until is UNSET:
        return f"{start:%Y-%m-%d %H:%M}"
    end = local(incident.scheduled_until, at)
    last = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M} to {last}"


def _occasion(event: Event, occasion: Occasion, timezone: str) -> str:
    if occasion is Occasion.REMINDER:
        return "Reminder: still open"
    if occasion is Occasion.AHEAD and event.incident and event.incident.started_at:
        return f"Begins at {local(event.incident.started_at, zone(timezone)):%Y-%m-%d %H:%M %Z}"
    return "Already open" if occasion is Occasion.OPEN else ""


def _line(messages: tuple[Message, ...], timezone: str) -> Line:
    last = messages[-1].event
    return Line(
        subject=subject(last),
        state=f"{state(last, timezone)} [{_places(messages)}]",
        tone=tone(last),
        link=link(last),
        is_open=last.phase is not Phase.ALONE and not is_over(last),
        event_ids=tuple(message.event.id for message in messages),
    )


def _places(messages: Iterable[Message]) -> str:
    """Where events stand in the log: `#12-15, 19`. Each is named, and hundreds stay readable."""
    runs: list[list[int]] = []
    for seq in sorted({message.event.seq for message in messages}):
        if runs and seq == runs[-1][1] + 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])
    return "#" + ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def _gravity(line: Line) -> tuple[bool, int]:
    return (not line.is_open, list(Tone).index(line.tone))


def _plural(word: str, things: Iterable[object]) -> str:
    return word if len(list(things)) == 1 else f"{word}s"
