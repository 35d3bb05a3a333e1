"""Events as blocks of text for a person, in the form that this field's tools use.

    [2026-02-23 16:09:30] Provider: OpenAI
      Product: Conversations
      Status: Elevated error rate for ChatGPT conversations -- Resolved
      Impact: major
      Message: All impacted services have now fully recovered.
      Link: https://status.openai.com/incidents/01K...

Vendor text never starts a line: what a vendor writes over several lines is indented.
"""

import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, field_validator

from bellbuoy.errors import DelayedError
from bellbuoy.events import ALREADY_OPEN, NO_LONGER_WATCHED, Event, EventKind, IncidentFacts
from bellbuoy.model.delivery import Receipt
from bellbuoy.model.facts import Impact, IncidentStatus
from bellbuoy.notifiers import Message
from bellbuoy.notifiers._threads import aside
from bellbuoy.text import MAX_BODY, clean_line

api_version = 1
KIND = "console"

MAX_PRODUCTS = 12
"""Components named in a block; an outage of a cloud names hundreds."""

_PAGE_STATUSES = {
    EventKind.PAGE_READABLE: "the status page can be read again",
    EventKind.PAGE_MOVED: "the status page has moved",
    EventKind.PAGE_GAP: "some of the page's history may be missing",
    EventKind.MONITOR_OFFLINE: "offline: nothing can be reached, and nothing is known until it can",
    EventKind.MONITOR_ONLINE: "online again",
}


class Settings(BaseModel):
    """`timezone` is the IANA name of the zone in which times are shown."""

    model_config = ConfigDict(extra="forbid")

    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            _zone(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be an IANA time zone, like Europe/Berlin") from None
        return name


def block(event: Event, timezone: str = "UTC") -> str:
    """An event as lines of text, without a line end; times in the zone of this IANA name."""
    zone = _zone(timezone)
    at = _local(event.at or event.observed_at, zone)
    lines = [f"[{at:%Y-%m-%d %H:%M:%S}] Provider: {clean_line(event.provider.name)}"]
    fields = ((name, _indented(text)) for name, text in _fields(event, zone))
    lines += [f"  {name}: {text}" for name, text in fields if text]
    return "\n".join(lines)


def _fields(event: Event, zone: tzinfo) -> Iterator[tuple[str, str]]:
    if event.incident is not None:
        yield "Product", _products([component.name for component in event.incident.components])
        yield "Status", f"{event.incident.title} -- {_incident_status(event, event.incident, zone)}"
        yield "Impact", _impact(event.incident)
        if event.update is not None:
            yield "Message", event.update.body
        yield "Changed", _changes(event)
        yield "Link", event.incident.url or event.page.url
    elif event.component is not None:
        component = event.component
        places = ", ".join(filter(None, (component.group, component.region)))
        yield "Product", f"{component.name} ({places})" if places else component.name
        before, after = event.changes.get("status", ("", component.status))
        yield "Status", f"{_words(before)} -> {_words(after)}"
        yield "Link", event.page.url
    else:
        yield "Status", _page_status(event)
        if event.kind is not EventKind.PAGE_UNREADABLE:
            yield "Message", event.reason or ""
        if event.kind.family == "page":
            yield "Link", event.page.url


def _incident_status(event: Event, incident: IncidentFacts, zone: tzinfo) -> str:
    kind = event.kind
    if kind in {EventKind.INCIDENT_WITHDRAWN, EventKind.MAINTENANCE_WITHDRAWN}:
        gone = "withdrawn by the vendor"
        return NO_LONGER_WATCHED if event.reason == NO_LONGER_WATCHED else gone
    said = event.update or incident
    is_unknown = said.status is IncidentStatus.UNKNOWN
    text = _words((is_unknown and said.status_raw) or said.status).capitalize()
    if said.status is IncidentStatus.SCHEDULED and incident.started_at is not None:
        text = f"{text} for {_local(incident.started_at, zone):%Y-%m-%d %H:%M}"
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


def _impact(incident: IncidentFacts) -> str:
    if incident.impact is not Impact.UNKNOWN:
        return incident.impact.value
    return f"unknown ({raw})" if (raw := incident.impact_raw) not in {"", "unknown"} else ""


def _page_status(event: Event) -> str:
    if event.kind is EventKind.PAGE_UNREADABLE:
        return f"the status page cannot be read ({event.reason}): nothing is known until it can"
    return _PAGE_STATUSES[event.kind]


def _changes(event: Event) -> str:
    return "; ".join(
        f"{name} {_words(before) or 'none'} -> {_words(after) or 'none'}"
        for name, (before, after) in event.changes.items()
        if name != "body"
    )


def _products(names: list[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - MAX_PRODUCTS
    shown = ", ".join(distinct[:MAX_PRODUCTS])
    return f"{shown} and {more} more" if more > 0 else shown


def _words(value: object) -> str:
    return str(value).replace("_", " ")


def _indented(text: str) -> str:
    lines = (clean_line(line, MAX_BODY) for line in text.splitlines())
    return "\n    ".join(filter(None, lines))


def _local(at: datetime, zone: tzinfo) -> datetime:
    try:
        return at.astimezone(zone)
    except OverflowError:  # A vendor's year 1 or 9999, at the edge of what a date can be.
        return at


@lru_cache(maxsize=8)
def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


class _Terminal:
    def __init__(self, timezone: str) -> None:
        self._timezone = timezone

    async def notify(self, message: Message) -> Receipt:
        text = block(message.event, self._timezone)
        if message.delivery.after_gap:
            text += "\n  Note: an earlier event of this incident could not be delivered"
        try:
            await aside(lambda: _print(text + "\n\n"))
        except (OSError, ValueError) as error:
            problem = (error.strerror if isinstance(error, OSError) else None) or "closed"
            raise DelayedError(f"standard output: {problem}", uncertain=True) from error
        return Receipt(detail="printed")


def _print(text: str) -> None:
    """Write it at once; what the terminal's encoding lacks, as its code."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Terminal]:
    """The process's standard output."""
    yield _Terminal(settings.timezone)
