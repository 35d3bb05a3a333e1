"""What PagerDuty is told: the bodies of its alert events and change events.

The fields, which of them are required, and how long they may be (512 KB in all), read on
2026-11-28:
https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md
https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/03-Change-Events.md
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal
from urllib.parse import urlsplit

from bellbuoy.events import Event, Phase
from bellbuoy.model.facts import Impact
from bellbuoy.notifiers import Message
from bellbuoy.notifiers import _wording as wording
from bellbuoy.text import clean_line, clean_text

MAX_SUMMARY = 1024
MAX_KEY = 255
MAX_DETAIL = 8_000
"""Characters of one detail; ten of them in any script stay below 512 KB."""

Severity = Literal["critical", "error", "warning", "info"]


def is_alert(event: Event) -> bool:
    """Whether somebody may be called for it, or an alert of it may be open."""
    if event.phase is Phase.ALONE or event.kind.family == "maintenance":
        return False
    return wording.is_over(event) or not event.late


def alert(
    message: Message, event_ids: list[str], severities: Mapping[Impact, Severity]
) -> dict[str, Any]:
    """The body of an alert event, without the routing key."""
    event, link = message.event, wording.link(message.event)
    about = {
        "severity": severities[wording.gravity(event)],
        "component": clean_line(_component(event), MAX_SUMMARY),
        "group": clean_line(event.provider.name, MAX_SUMMARY),
        "class": event.kind.family,
    }
    return {
        "event_action": "resolve" if wording.is_over(event) else "trigger",
        "dedup_key": _dedup_key(event),
        **change(message, event_ids, about),
        "client": "Bellbuoy",
        **({"client_url": link} if link else {}),
    }


def change(
    message: Message, event_ids: list[str], about: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The body of a change event, without the routing key; `about` is what alerts add."""
    event, said = message.event, wording.words(message)
    summary = " -- ".join(filter(None, (said.subject, said.state, said.occasion)))
    links = _links(message, said.link)
    return {
        "payload": {
            "summary": clean_line(summary, MAX_SUMMARY),
            "source": urlsplit(event.page.url).hostname or event.provider.name,
            "timestamp": event.at or event.observed_at,
            **{name: text for name, text in (about or {}).items() if text},
            "custom_details": {**_details(said, repeat=message.repeat), "Events": event_ids},
        },
        **({"links": links} if links else {}),
    }


def _details(said: wording.Words, *, repeat: bool) -> dict[str, str]:
    notes = (*said.notes, wording.REPEAT) if repeat else said.notes
    details: dict[str, list[str]] = {}
    for label, text in (
        ("State", said.state),
        ("Occasion", said.occasion),
        *said.facts,
        ("Message", said.body),
        ("Link", said.link),
        *(("Note", note) for note in notes),
    ):
        if text:
            details.setdefault(label, []).append(text)
    return {label: clean_text("\n".join(texts), MAX_DETAIL) for label, texts in details.items()}


def _links(message: Message, link: str) -> list[dict[str, str]]:
    links = [{"href": link, "text": "Status page"}] if link else []
    links += [
        {"href": service.runbook, "text": f"Runbook: {service.name}"}
        for service in message.services
        if service.runbook.startswith(("https://", "http://"))
    ]
    return links


def _component(event: Event) -> str:
    if event.incident is not None:
        return wording.products(one.name for one in event.incident.components)
    return wording.what(event) if event.component is not None else ""


def _dedup_key(event: Event) -> str:
    """The same over the whole life of what the event is about."""
    key = f"bellbuoy {event.lane}".strip()
    if len(key) <= MAX_KEY:
        return key
    return f"bellbuoy {blake2b(event.lane.encode(), digest_size=16).hexdigest()}"
