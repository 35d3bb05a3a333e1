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

from pydantic import BaseModel, ConfigDict

from bellbuoy.errors import DelayedError
from bellbuoy.events import Event
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message
from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._threads import aside
from bellbuoy.notifiers._values import Zone
from bellbuoy.text import MAX_BODY, clean_line

api_version = 1
KIND = "console"


class Settings(BaseModel):
    """`timezone` is the IANA name of the zone in which times are shown."""

    model_config = ConfigDict(extra="forbid")

    timezone: Zone = "UTC"


def block(event: Event, timezone: str = "UTC") -> str:
    """An event as lines of text, without a line end; times in the zone of this IANA name."""
    at = wording.local(event.at or event.observed_at, wording.zone(timezone))
    lines = [f"[{at:%Y-%m-%d %H:%M:%S}] Provider: {clean_line(event.provider.name)}"]
    fields = ((name, _indented(text)) for name, text in _fields(event, timezone))
    lines += [f"  {name}: {text}" for name, text in fields if text]
    return "\n".join(lines)


def line(event: Event, timezone: str = "UTC") -> str:
    """An event on one line: whom it is about, what, and where it is now."""
    return clean_line(f"{wording.subject(event)} -- {wording.state(event, timezone)}", MAX_BODY)


def _fields(event: Event, timezone: str) -> Iterator[tuple[str, str]]:
    state = wording.state(event, timezone)
    if event.incident is not None:
        incident = event.incident
        yield "Product", wording.products(component.name for component in incident.components)
        yield "Status", f"{incident.title} -- {state}"
        yield "Impact", wording.impact(incident)
        yield "Message", wording.body(event)
        yield "Changed", wording.changes(event)
        yield "Link", incident.url or event.page.url
    elif event.component is not None:
        yield "Product", wording.what(event)
        yield "Status", state
        yield "Message", wording.body(event)
        yield "Link", event.page.url
    else:
        yield "Status", state
        yield "Message", wording.body(event)
        if event.kind.family == "page":
            yield "Link", event.page.url


def _indented(text: str) -> str:
    lines = (clean_line(line, MAX_BODY) for line in text.splitlines())
    return "\n    ".join(filter(None, lines))


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
