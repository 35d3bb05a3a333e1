"""AWS's `data.json`, which status.aws.amazon.com served until April 2023. Not documented.

The messages of an incident are one piece of HTML, oldest first. Each shows the time of day at
which it was written, and in a few the day, in words (`Aug 9,  9:12 AM PDT`).
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from msgspec import Raw, Struct

from bellbuoy.formats._aws_events import (
    RESOLVED,
    Number,
    Text,
    affected,
    component_status,
    impact,
    instant,
    is_resolved,
    number,
    spelt,
    title,
)
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._markup import MAX_MARKUP, to_text
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)

_TIME = re.compile(r"\d{1,2}:\d{2} [AP]M", re.ASCII)
_LONGEST_TIME = 40
_ARCHIVED = "archive"


class EntryRow(Struct):
    """One of `archive` or `current`."""

    service: Text = None
    service_name: Text = None
    date: Number = None
    status: Number = None
    summary: Text = None
    description: Text = None


def read_entry(raw: Raw, *, is_archived: bool, since: datetime | None) -> Incident | None:
    """One incident with its messages oldest first; None if it names no service and no date.

    One in the archive that began before `since` is history, and comes without its messages.
    """
    row = decode_entry(raw, EntryRow)
    seconds = number(row.date) if row else None
    if row is None or not row.service or seconds is None or row.description is None:
        return None
    began = instant(seconds)
    is_said = is_resolved(row.summary)
    is_over = is_archived or is_said
    word = spelt(row.status)
    status = ComponentStatus.OPERATIONAL if is_over else component_status(row.status)
    is_history = is_archived and since is not None and began is not None and began < since
    part = affected(row.service, row.service_name or row.service, status)
    return Incident(
        id=f"{row.service}_{seconds // 60 * 60}",
        kind=IncidentKind.INCIDENT,
        title=title(row.summary),
        status=IncidentStatus.RESOLVED if is_over else IncidentStatus.INVESTIGATING,
        status_raw=RESOLVED if is_said else _ARCHIVED if is_archived else word,
        impact=impact(row.status),
        impact_raw=word,
        started_at=began,
        components=(_without_place(part),),
        updates=() if is_history else _updates(row.description, began),
    )


def began(raw: Raw) -> datetime | None:
    """When an entry's incident began."""
    row = decode_entry(raw, EntryRow)
    return instant(row.date) if row else None


def _without_place(part: AffectedComponent) -> AffectedComponent:
    """A service without the place in its name, if its region is known by its code."""
    if part.group is None or not part.name.endswith(")"):
        return part
    name = part.name.rpartition(" (")[0] or part.name
    return AffectedComponent(id=part.id, name=name, group=part.group, status=part.status)


def _updates(markup: str, began: datetime | None) -> tuple[IncidentUpdate, ...]:
    """The messages. Only of the first is the day known: it is the incident's beginning.

    They say nothing of the incident's state: that the last one told the end is only known of
    the incident as a whole, and another may follow.
    """
    updates: list[IncidentUpdate] = []
    times_taken: Counter[str] = Counter()
    for time, body in messages(markup):
        times_taken[time] += 1
        is_first = not updates
        updates.append(
            IncidentUpdate(
                id=time if times_taken[time] == 1 else f"{time}#{times_taken[time]}",
                status=IncidentStatus.INVESTIGATING if is_first else IncidentStatus.UNKNOWN,
                body=body,
                at=began if is_first else None,
            )
        )
    return tuple(updates)


def messages(markup: str) -> Iterator[tuple[str, str]]:
    """The time of day and the text of each message.

    Each begins with the one `span` that holds its time. Pieces without other markup, which are
    nearly all, need no scanner: that makes them ten times cheaper.
    """
    time, told = "", ""
    for place, piece in enumerate(markup[:MAX_MARKUP].split("<span")):
        words, closed, rest = piece.partition("</span>")
        words = words.partition(">")[2]
        found = _TIME.search(words[:_LONGEST_TIME]) if place and closed else None
        if found is None:
            told += f"<span{piece}" if place else piece
            continue
        if body := _text(told):
            yield time, body
        time, told = found[0], rest
    if body := _text(told):
        yield time, body


def _text(markup: str) -> str:
    plain = markup.replace("<div>", "").replace("</div>", "").replace("&nbsp;", " ")
    if "<" in plain or "&" in plain or "\n" in plain:
        return to_text(markup)
    return " ".join(plain.split())
