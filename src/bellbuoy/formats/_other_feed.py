"""Feeds of any other vendor: what an entry says is shown, and little is made of it.

An entry is an incident that shows its latest words only. A few vendors post one entry per
message instead; their ids say which incident it belongs to:

    AWS      `https://status.aws.amazon.com/#<service>-<region>_<epoch>`
    Google   `tag:status.cloud.google.com,2025:feed:<incident>.<update>`
    others   the same guid on several entries

A status is only read from a word that stands where vendors put it: at the head of the title
or of the text. Everything else stays unknown, which is never green.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b

from msgspec.structs import replace

from bellbuoy.formats._incidentio_feed import LATEST
from bellbuoy.formats._markup import to_text
from bellbuoy.formats._syndication import Entry, Feed, instant
from bellbuoy.formats._words import PLANNED, incident_status, spelling
from bellbuoy.model.facts import Impact, Incident, IncidentKind, IncidentStatus, IncidentUpdate

AWS_FULL = 50
"""Entries that an AWS feed ever holds."""

FULL = 25
"""Entries from which any other feed may have lost older ones."""

_AWS = "https://status.aws.amazon.com/#"
_GOOGLE = "tag:status.cloud.google.com,"
_AZURE = "Azure Status"

_S = IncidentStatus
_WORDS = {
    "service_is_operating_normally": _S.RESOLVED,
    "operating_normally": _S.RESOLVED,
    "fixed": _S.RESOLVED,
    "recovered": _S.RESOLVED,
    "ended": _S.RESOLVED,
    "closed": _S.RESOLVED,
    "behoben": _S.RESOLVED,
    "gelöst": _S.RESOLVED,
    "beendet": _S.RESOLVED,
    "service_impact": _S.INVESTIGATING,
    "service_degradation": _S.INVESTIGATING,
    "service_disruption": _S.INVESTIGATING,
    "performance_issues": _S.INVESTIGATING,
    "scheduled_maintenance": _S.SCHEDULED,
    "planned_maintenance": _S.SCHEDULED,
    "maintenance_in_progress": _S.IN_PROGRESS,
    "maintenance_completed": _S.COMPLETED,
}
_FIRST_WORDS = frozenset({"resolved", "behoben", "gelöst"})
_ELEMENT_WORDS = {"available": _S.RESOLVED, "operational": _S.RESOLVED}
_LAST_WORDS = {"recovered": _S.RESOLVED, "went down": _S.INVESTIGATING}
_IMPACTS = {
    "informational_message": Impact.NONE,
    "information": Impact.NONE,
    "service_impact": Impact.MINOR,
    "service_degradation": Impact.MINOR,
    "performance_issues": Impact.MINOR,
    "service_disruption": Impact.MAJOR,
}
_PLANNED_TITLES = ("maintenance", "scheduled maintenance", "planned maintenance")
_LONGEST_WORD = 40


def full(feed: Feed) -> int:
    """How many entries the feed holds when older ones have fallen out."""
    is_aws = bool(feed.entries) and feed.entries[0].id.startswith(_AWS)
    return AWS_FULL if is_aws else FULL


def identify(entry: Entry, feed: Feed) -> str:
    """The id of the incident that an entry belongs to."""
    if entry.id.startswith(_AWS):
        return entry.id.removeprefix(_AWS).rpartition("_")[0] or entry.id
    if entry.id.startswith(_GOOGLE):
        return entry.id.rpartition(":")[2].partition(".")[0] or entry.id
    if feed.title == _AZURE and feed.dialect == "rss":
        # A guid is a slug of the title here, and was used again for another incident.
        return f"{entry.id} {entry.published}"
    if entry.id or (entry.link and entry.link.rstrip("/") != feed.link.rstrip("/")):
        return entry.id or entry.link
    name = f"{entry.title}\x1f{entry.published}"
    return blake2b(name.encode("utf-8", "replace"), digest_size=16).hexdigest()


def decode(id: str, entries: Sequence[Entry]) -> Incident:
    """The incident that one or more entries tell; they stand as in the feed, newest first."""
    told = list(entries[::-1])
    told.sort(key=_order)
    updates: list[IncidentUpdate] = []
    times: Counter[str] = Counter()
    status = IncidentStatus.UNKNOWN
    for entry in told:
        body = to_text(entry.body) if entry.is_markup else entry.body
        found, word = read_status(entry, body)
        status = status if spelling(word) == "update" else found
        name = _update_id(entry)
        times[name] += 1
        updates.append(
            IncidentUpdate(
                id=name if times[name] == 1 else f"{name}#{times[name]}",
                status=status,
                status_raw=word,
                body=body,
                at=at(entry),
            )
        )
    newest, entry = updates[-1], told[-1]
    kind = _kind(told, status)
    if kind is IncidentKind.MAINTENANCE and status is IncidentStatus.RESOLVED:
        status = IncidentStatus.COMPLETED
        updates[-1] = newest = replace(newest, status=status)
    return Incident(
        id=id,
        kind=kind,
        title=read_title(entry),
        status=status,
        status_raw=newest.status_raw,
        impact=_impact(told),
        url=entry.link,
        started_at=_started(told),
        updated_at=newest.at,
        resolved_at=newest.at if status.is_over else None,
        updates=tuple(updates),
    )


def read_status(entry: Entry, body: str) -> tuple[IncidentStatus, str]:
    """What an entry says of its state, and the word that says so."""
    line = body.partition("\n")[0].removeprefix("Status:").strip()
    first = entry.title.partition(" ")[0]
    words = [entry.status, *_heads(entry.title), *_heads(line)]
    words += [first] if first.lower() in _FIRST_WORDS else []
    if spelling(entry.status) in _ELEMENT_WORDS:
        return _ELEMENT_WORDS[spelling(entry.status)], entry.status
    for word in words:
        status = _status(word)
        if status is not IncidentStatus.UNKNOWN or spelling(word) == "update":
            return status, word
    for ending, status in _LAST_WORDS.items():
        if entry.title.lower().endswith(f" {ending}"):
            return status, ending
    return IncidentStatus.UNKNOWN, next((w for w in _heads(entry.title) if _says_state(w)), "")


def read_title(entry: Entry) -> str:
    """The title without the state at its head."""
    title = entry.title
    for _ in range(2):
        for word in _heads(title):
            if _says_state(word):
                title = title.lstrip("[").removeprefix(word).lstrip("]:- ").strip() or title
                break
    return title


def _says_state(word: str) -> bool:
    name = spelling(word)
    return _status(word) is not _S.UNKNOWN or name == "update" or name in _IMPACTS


def _heads(text: str) -> list[str]:
    """What may be a state at the head of a text: `[Word] ...`, `Word: ...`, `Word - ...`."""
    head = text[: _LONGEST_WORD + 3]
    if head.startswith("["):
        word, found, _ = head[1:].partition("]")
        return [word] if found else []
    words: list[str] = []
    for mark in (":", " - "):
        word, found, _ = head.partition(mark)
        if found:
            words.append(word)
    return words if words or len(text) > _LONGEST_WORD else [text]


def _status(word: str) -> IncidentStatus:
    return _WORDS.get(spelling(word)) or incident_status(word)


def _kind(told: Sequence[Entry], status: IncidentStatus) -> IncidentKind:
    is_planned = status in PLANNED or any(
        read_title(entry).lower().startswith(_PLANNED_TITLES) for entry in told
    )
    return IncidentKind.MAINTENANCE if is_planned else IncidentKind.INCIDENT


def _impact(told: Sequence[Entry]) -> Impact:
    for entry in reversed(told):
        for word in _heads(entry.title):
            if spelling(word) in _IMPACTS:
                return _IMPACTS[spelling(word)]
    return Impact.UNKNOWN


def _update_id(entry: Entry) -> str:
    if entry.id.startswith(_AWS):
        return entry.id.rpartition("_")[2]
    if entry.id.startswith(_GOOGLE):
        return entry.id.rpartition(".")[2]
    stamp = at(entry)
    unread = entry.updated or entry.published
    return LATEST + (stamp.strftime("%Y-%m-%dT%H:%M:%SZ") if stamp else unread)


def at(entry: Entry) -> datetime | None:
    """The instant of an entry. AWS writes PST and PDT, but also the seconds since 1970."""
    epoch = entry.id.rpartition("_")[2]
    if entry.id.startswith(_AWS) and len(epoch) == 10 and epoch.isascii() and epoch.isdecimal():
        return datetime.fromtimestamp(int(epoch), UTC)
    return instant(entry.updated) or instant(entry.published)


def _started(told: Sequence[Entry]) -> datetime | None:
    """The start, where it is told: a date that may move with every edit is none."""
    first = told[0]
    if len(told) > 1:
        return at(first)
    return instant(first.published) if first.updated else None


def _order(entry: Entry) -> float:
    stamp = at(entry)
    return stamp.timestamp() if stamp else float("inf")
