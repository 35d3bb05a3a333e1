"""incident.io's `feed.atom` and `feed.rss`: one entry per incident, with its latest message only.

    <b>Status: Monitoring</b><br/><br/>We are monitoring.<br/><br/><b>Affected components</b>
    <ul><li>Login (Partial outage)</li></ul>

The entry is rewritten in place, so earlier messages are lost unless they were seen. Its id is
its address, with a double slash: `https://status.openai.com//incidents/01K80CBJD5...`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bellbuoy.formats._markup import to_text
from bellbuoy.formats._syndication import Entry, Feed, instant
from bellbuoy.formats._words import PLANNED, component_status, incident_status
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Incident,
    IncidentKind,
    IncidentUpdate,
)

LATEST = "latest:"
"""Begins the id of an update that shows only an incident's latest words, under their stamp."""

FULL = 25
"""Entries from which the feed may have lost older ones."""

_GENERATOR = "incident.io"
_STATUS = "Status:"
_COMPONENTS = "Affected components"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_mine(feed: Feed) -> bool:
    """Whether a feed is of this shape: by its generator, or by what all its entries look like."""
    if feed.generator == _GENERATOR:
        return True
    return bool(feed.entries) and all(map(_is_entry, feed.entries))


def _is_entry(entry: Entry) -> bool:
    return is_ulid(identify(entry)) and "<b>Status:" in entry.body


def identify(entry: Entry) -> str:
    """The ULID in the entry's address, else its id."""
    code = (entry.link or entry.id).partition("?")[0].rstrip("/").rpartition("/")[2]
    return code or entry.id


def is_ulid(text: str) -> bool:
    """Whether a text is a ULID (https://github.com/ulid/spec)."""
    return len(text) == 26 and text[0] in "01234567" and set(text) <= set(_CROCKFORD)


def ulid_at(text: str) -> datetime | None:
    """The instant in a ULID: milliseconds since 1970 in its first ten letters."""
    if not is_ulid(text):
        return None
    milliseconds = 0
    for letter in text[:10]:
        milliseconds = milliseconds * 32 + _CROCKFORD.index(letter)
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def name_of(feed: Feed) -> str:
    """What the page calls itself."""
    return bare_name(feed.title)


def bare_name(title: str) -> str:
    """A title without what every such page and feed adds to it."""
    return title.removesuffix(" status").removesuffix(" Status")


def decode(id: str, entries: Sequence[Entry]) -> Incident:
    """The incident that an entry tells, with its latest message as its only update."""
    entry = entries[0]
    word, body, components = read_message(to_text(entry.body))
    status = incident_status(word)
    at = instant(entry.updated) or instant(entry.published)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""
    kind = IncidentKind.MAINTENANCE if status in PLANNED else IncidentKind.INCIDENT
    update = IncidentUpdate(id=LATEST + stamp, status=status, status_raw=word, body=body, at=at)
    return Incident(
        id=id,
        kind=kind,
        title=entry.title,
        status=status,
        status_raw=word,
        url=_single_slashes(entry.link),
        started_at=ulid_at(id) if kind is IncidentKind.INCIDENT else None,
        updated_at=at,
        resolved_at=at if status.is_over else None,
        components=components,
        updates=(update,),
    )


def read_message(text: str) -> tuple[str, str, tuple[AffectedComponent, ...]]:
    """The status word, the message and the components in the text of an entry."""
    lines = text.split("\n")
    word = ""
    if lines[0].startswith(_STATUS):
        word = lines.pop(0).removeprefix(_STATUS).strip()
    affected: list[str] = []
    if _COMPONENTS in lines:
        place = len(lines) - 1 - lines[::-1].index(_COMPONENTS)
        affected = [line.removeprefix("- ") for line in lines[place + 1 :] if line[:2] == "- "]
        lines = lines[:place]
    return word, "\n".join(lines).strip(), _components(affected)


def _components(lines: Sequence[str]) -> tuple[AffectedComponent, ...]:
    """The components, each name once with its worst status: the feed repeats equal names."""
    worst: dict[str, ComponentStatus] = {}
    for line in lines:
        name, _, word = line.removesuffix(")").rpartition(" (")
        status = component_status(word) if name else ComponentStatus.UNKNOWN
        if status is ComponentStatus.UNKNOWN:
            name = line
        held = worst.get(name)
        if held is None or held.rank < status.rank:
            worst[name] = status
    return tuple(AffectedComponent(name=name, status=status) for name, status in worst.items())


def _single_slashes(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    while "//" in rest:
        rest = rest.replace("//", "/")
    return f"{scheme}{separator}{rest}"
