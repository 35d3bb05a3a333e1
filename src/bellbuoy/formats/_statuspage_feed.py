"""Statuspage's `history.atom` and `history.rss`: one entry holds a whole incident.

Every update stands in the entry's HTML, the newest first:

    <p><small>May <var data-var='date'>28</var>, <var data-var='time'>20:41</var> UTC</small>
    <br><strong>Resolved</strong> - This incident has been resolved.</p>

The date has no year (the 2014 form has no `<var>`, LambStatus writes a year), and the zone is
a short name. `published` is the instant of the newest update (measured: in 3,602 of 3,602
entries that are not planned), and for planned work the planned start. Such an entry begins with

    <strong>THIS IS A SCHEDULED EVENT Jan 8, 21:00 UTC - Jan 9, 01:00 UTC</strong>

in which the second date is left out where it is the first.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

from msgspec import Struct

from bellbuoy.formats import _markup
from bellbuoy.formats._markup import Tag, Token
from bellbuoy.formats._syndication import Entry, Feed, instant
from bellbuoy.formats._words import PLANNED, incident_status, spelling
from bellbuoy.model.facts import Impact, Incident, IncidentKind, IncidentStatus, IncidentUpdate

FULL = 25
"""Entries that the document ever holds (measured: 25 in 1,516 of 1,516 captures)."""

_HISTORY = " - Incident History"
_PLANNED_MARK = "THIS IS A SCHEDULED EVENT"
_LONGEST_PLAN = timedelta(days=330)
"""How long planned work lasts at most, to tell the year of its end by."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WHEN = re.compile(
    r"([A-Za-z]{3,9}) (\d{1,2}),(?: (\d{4}),)? (\d{1,2}):(\d{2})(?: ([A-Za-z]{1,6}|[+-]\d{2,4}))?",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})$", re.ASCII)
_POSTMORTEM_WITHIN = timedelta(days=333)
_UPDATE = "update"
_MARKS = frozenset({"small", "strong"})
_LONGEST_MARK = 16
"""Tokens that a date or a heading is made of at most."""

_OUT_OF_ORDER = timedelta(days=31)
"""How much later than the update above it an update may be dated: vendors backdate."""

# RFC 822, section 5.1, fixes these for North America; other countries use them for other zones.
_NORTH_AMERICA = {
    name: timedelta(hours=hours)
    for name, hours in zip(
        ("EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"),
        (-5, -4, -6, -5, -7, -6, -8, -7),
        strict=True,
    )
}
_UTC_NAMES = frozenset({"UTC", "GMT", "Z"})


class Written(Struct):
    """One update as it is written: its date, its heading and its text."""

    when: str = ""
    word: str = ""
    body: str = ""


class When(Struct, frozen=True):
    """A date on the wall of the page's zone, with the short name of that zone."""

    wall: datetime
    zone: str


def is_mine(feed: Feed) -> bool:
    """Whether a feed is of this shape: by its id, its description, or its title and its texts."""
    if feed.id.startswith("tag:") and feed.id.endswith(",2005:/history"):
        return True
    if feed.dialect == "rss" and feed.description == "Statuspage":
        return True
    return feed.title.endswith(_HISTORY) and any(
        "<small>" in entry.body and "<strong>" in entry.body for entry in feed.entries
    )


def identify(entry: Entry) -> str:
    """The incident's code in its address, which is its id in the page's JSON as well."""
    code = entry.link.partition("?")[0].rstrip("/").rpartition("/")[2]
    return code or entry.id


def name_of(feed: Feed) -> str:
    """What the page calls itself, without what every such feed adds."""
    return feed.title.removesuffix(_HISTORY).removesuffix(" Status") or feed.author


def decode(id: str, entries: Sequence[Entry]) -> Incident:
    """The incident that an entry tells."""
    entry = entries[0]
    plan, written = read_updates(entry.body)
    whens = _whens(written, entry)
    updates = tuple(_updates(written, whens, _offsets(whens, entry)))
    status = updates[-1].status if updates else IncidentStatus.UNKNOWN
    words = {incident_status(one.word) for one in written}
    kind = IncidentKind.MAINTENANCE if plan or words & PLANNED else IncidentKind.INCIDENT
    return Incident(
        id=id,
        kind=kind,
        title=entry.title,
        status=status,
        status_raw=updates[-1].status_raw if updates else "",
        impact=Impact.UNKNOWN,
        url=entry.link,
        started_at=_start(kind, plan, updates, entry),
        scheduled_until=_planned_end(plan, entry),
        updated_at=instant(entry.updated) or (updates[-1].at if updates else None),
        resolved_at=_end(updates),
        updates=updates,
    )


def read_updates(markup: str) -> tuple[str, list[Written]]:
    """What the HTML says of the plan if the event is planned, and its updates, newest first."""
    before: list[Token] = []
    written: list[tuple[Written, list[Token]]] = []
    wants_word, at_head = False, True
    body = before
    for piece in _elements(_markup.tokens(markup)):
        if isinstance(piece, str):
            body.append(piece)
            if piece and not piece.isspace():
                wants_word = at_head = False
        elif isinstance(piece, Tag):
            body.append(piece)
            wants_word = wants_word and piece.name == "br"
            at_head = piece.name == "p"
        else:
            is_when = piece.name == "small" and _WHEN.fullmatch(piece.text) is not None
            if is_when:
                written.append((Written(when=piece.text), []))
            elif wants_word:
                written[-1][0].word = piece.text
            elif at_head and _is_heading(piece.text):
                written.append((Written(word=piece.text), []))
            else:
                body.extend(piece.tokens)
            body = written[-1][1] if written else before
            wants_word, at_head = is_when, False
    for one, body in written:
        one.body = _markup.join(body).removeprefix("-").lstrip()
    head = _markup.join(before)
    return head if head.startswith(_PLANNED_MARK) else "", [one for one, _ in written]


def read_when(text: str, near: datetime | None) -> When | None:
    """A date as this feed writes it; None if it is none, or if nothing tells its year.

    `near` is a wall time at or after it: the year is the latest that keeps it so.
    """
    found = _WHEN.fullmatch(" ".join(text[:64].split()))
    if found is None or found[1][:3].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(found[1][:3].lower()) + 1
    years: Iterable[int] = (int(found[3]),) if found[3] else ()
    if near is not None and not years:
        years = range(near.year + 1, near.year - 9, -1)  # 29 February may lie eight years back
    for year in years:
        try:
            wall = datetime(year, month, int(found[2]), int(found[4]), int(found[5]))  # noqa: DTZ001 - a wall time
        except ValueError:
            continue
        if found[3] or near is None or wall <= near + _OUT_OF_ORDER:
            return When(wall, (found[6] or "").upper())
    return None


class _Element(Struct, frozen=True):
    """A short `<small>` or `<strong>`: what may be a date or a heading."""

    name: str
    text: str
    tokens: tuple[Token, ...]


def _elements(stream: Iterator[Token]) -> Iterator[Token | _Element]:
    """The same stream, with each short `<small>` and `<strong>` as one piece."""
    held: list[Token] = []
    mark = ""
    for token in stream:
        if isinstance(token, Tag) and token.name in _MARKS:
            if token.begins:
                yield from held
                held = [token]
                mark = token.name
                continue
            if held and mark == token.name:
                held.append(token)
                text = "".join([part for part in held if isinstance(part, str)])
                yield _Element(mark, " ".join(text.split()), tuple(held))
                held = []
                continue
        if not held:
            yield token
            continue
        held.append(token)
        if len(held) > _LONGEST_MARK:
            yield from held
            held = []
    yield from held


def _is_heading(word: str) -> bool:
    return incident_status(word) is not IncidentStatus.UNKNOWN or spelling(word) == _UPDATE


def _whens(written: Sequence[Written], entry: Entry) -> list[When | None]:
    """The dates of the updates, the newest first: each is at or before the one above it."""
    near = _newest_wall(written, entry)
    whens: list[When | None] = []
    for one in written:
        when = read_when(one.when, near)
        near = when.wall if when else near
        whens.append(when)
    return whens


def _newest_wall(written: Sequence[Written], entry: Entry) -> datetime | None:
    """A wall time at or after the newest update, to tell its year by.

    `published` is that update itself, but for planned work, and for a postmortem, which comes
    up to a year after it. An entry may be touched (`updated`) years after its end.
    """
    published, updated = _wall(entry.published), _wall(entry.updated)
    if published is None or not written:
        return published or updated
    newest = read_when(written[0].when, published)
    if newest is None or newest.wall == published:
        return published
    if incident_status(written[0].word) is IncidentStatus.POSTMORTEM:
        return updated or published + _POSTMORTEM_WITHIN
    return updated or published


def _offsets(whens: Sequence[When | None], entry: Entry) -> Mapping[str, timedelta]:
    """What the short names of zones in an entry stand for, where that is certain.

    A name is certain if an update of that name bears exactly the wall time of `published` or
    `updated`, whose offset is written out; and a name of RFC 822 if another one of these is
    certain and means there what RFC 822 says.
    """
    offsets = dict.fromkeys(_UTC_NAMES, timedelta())
    for text in (entry.published, entry.updated):
        stated, wall = _offset(text), _wall(text)
        for when in whens:
            if stated is not None and when and wall == when.wall:
                offsets.setdefault(when.zone, stated)
    if any(offsets.get(name) == offset for name, offset in _NORTH_AMERICA.items()):
        return _NORTH_AMERICA | offsets
    return offsets


def _updates(
    written: Sequence[Written], whens: Sequence[When | None], offsets: Mapping[str, timedelta]
) -> Iterator[IncidentUpdate]:
    """The updates, the oldest first, each with an id that newer ones above it never change."""
    status = IncidentStatus.UNKNOWN
    equals: Counter[str] = Counter()
    for one, when in zip(reversed(written), reversed(whens), strict=True):
        word = spelling(one.word)
        if word != _UPDATE:
            status = incident_status(word)
        minute = when.wall.isoformat(timespec="minutes") if when else ""
        name = f"{minute}/{word}"
        yield IncidentUpdate(
            id=f"{name}/{equals[name]}",
            status=status,
            status_raw=one.word,
            body=one.body,
            at=_at(when, offsets),
        )
        equals[name] += 1


def _at(when: When | None, offsets: Mapping[str, timedelta]) -> datetime | None:
    offset = offsets.get(when.zone) if when else None
    if when is None or offset is None:
        return None
    try:
        return when.wall.replace(tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _start(
    kind: IncidentKind, plan: str, updates: Sequence[IncidentUpdate], entry: Entry
) -> datetime | None:
    if kind is IncidentKind.INCIDENT:
        return next((update.at for update in updates if update.at), None)
    if plan:
        return instant(entry.published)
    begun = (one.at for one in updates if one.status is IncidentStatus.IN_PROGRESS)
    return next(begun, None)


def _planned_end(plan: str, entry: Entry) -> datetime | None:
    """When planned work is to end: as long after its start, which is certain, as the walls say."""
    first, _, last = " ".join(plan.removeprefix(_PLANNED_MARK)[:96].split()).partition(" - ")
    starts_at, start = instant(entry.published), read_when(first, _wall(entry.published))
    if starts_at is None or start is None:
        return None
    day = first.rpartition(",")[0]
    try:
        near = start.wall + _LONGEST_PLAN
        end = read_when(last, near) or read_when(f"{day}, {last}", near)
        if end is None or end.wall <= start.wall or start.zone not in {"", end.zone}:
            return None
        return starts_at + (end.wall - start.wall)
    except OverflowError:
        return None


def _end(updates: Sequence[IncidentUpdate]) -> datetime | None:
    """When the incident ended for the last time, if it is over."""
    end: datetime | None = None
    was_over = False
    for update in updates:
        if update.status.is_over and not was_over:
            end = update.at
        was_over = update.status.is_over
    return end if was_over else None


def _offset(text: str) -> timedelta | None:
    """The offset that an instant is written with."""
    if text.endswith(("Z", "UTC", "GMT")):
        return timedelta()
    found = _OFFSET.search(text[-7:])
    if found is None:
        return None
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -size if found[1] == "-" else size


def _wall(text: str) -> datetime | None:
    """The minute that an instant shows in its own zone."""
    at, offset = instant(text), _offset(text)
    if at is None or offset is None:
        return None
    try:
        return (at + offset).replace(second=0, microsecond=0, tzinfo=None)
    except OverflowError:
        return None
