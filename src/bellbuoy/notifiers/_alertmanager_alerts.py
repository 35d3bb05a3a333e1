"""What an Alertmanager is told: alerts, by their labels, annotations, beginning and end.

The fields and what they may hold, read on 2026-11-28:
https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from msgspec import Struct
from pydantic import AfterValidator
from yarl import URL

from bellbuoy.events import Event, EventKind, Phase
from bellbuoy.model.delivery import Occasion
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.notifiers import Message
from bellbuoy.notifiers import _wording as wording
from bellbuoy.text import clean_text

RESERVED = frozenset({"alertname", "severity", "kind", "provider", "page", "incident", "component"})
"""The labels that are ours."""

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

_HOST = re.compile(r"[A-Za-z0-9._:-]+")

MAX_TEXT = 8_000
LONGEST_AHEAD = timedelta(days=30)

_NAMES = {
    EventKind.PAGE_UNREADABLE: "BellbuoyPageUnreadable",
    EventKind.PAGE_READABLE: "BellbuoyPageUnreadable",
    EventKind.PAGE_MOVED: "BellbuoyPageMoved",
    EventKind.PAGE_GAP: "BellbuoyPageGap",
    EventKind.MONITOR_OFFLINE: "BellbuoyOffline",
    EventKind.MONITOR_ONLINE: "BellbuoyOffline",
}
_ADDRESSES = frozenset({"link", "runbook_url"})
_IN_PROGRESS = frozenset({IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING})

# Alertmanager hands texts on to receivers of its own, and does not escape them for Slack: what
# is a mention or a masked link there must not come out of a vendor's page.
_MARKUP = re.compile(r"<(?=[!@#/A-Za-z])")
_EVERYBODY = re.compile(r"@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)

# Go takes the first of January of the year 1 for a time that was not given.
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def _label(name: str) -> str:
    if not _LABEL.fullmatch(name) or name.startswith("__"):
        raise ValueError("must be letters, digits and '_', as Prometheus names its labels")
    if name in RESERVED:
        raise ValueError("is a label that Bellbuoy sets itself; choose another name")
    return name


Label = Annotated[str, AfterValidator(_label)]
"""The name of a label that the config may add."""


class Ground(Struct, frozen=True, kw_only=True):
    """What the config says of alerts: more labels, severities by impact, how long they last."""

    labels: Mapping[str, str]
    severities: Mapping[Impact, str]
    lasting: timedelta


class Alerts(Struct, frozen=True, kw_only=True):
    """Alerts about one thing, as the API takes them; `firing` is the severity of the open one."""

    posted: tuple[dict[str, Any], ...] = ()
    firing: str = ""


def alerts(messages: Sequence[Message], ground: Ground, sent_at: datetime) -> Alerts:
    """What is so at `sent_at`, by the last of these messages, which are about one thing.

    None are posted of planned work that has not begun, nor of what was over before it was seen.
    """
    last = messages[-1]
    event = last.event
    severity = ground.severities[wording.gravity(event)]
    standing = _standing(messages, ground.severities)
    if wording.is_over(event):
        ends = standing or {severity}
        return Alerts(posted=tuple(_ended(last, ends, ground, sent_at)))
    if event.late or _waits(last):
        return Alerts()
    firing = _alert(last, severity, ground, sent_at, ends_at=_until(last, sent_at) + ground.lasting)
    ended = _ended(last, standing - {severity}, ground, sent_at)
    is_alone = event.phase is Phase.ALONE
    return Alerts(posted=(firing, *ended), firing="" if is_alone else severity)


def _standing(messages: Sequence[Message], severities: Mapping[Impact, str]) -> frozenset[str]:
    """The severities with which it fires by what was told before; empty if that is not known."""
    first = messages[0]
    if first.reference in severities.values():
        return frozenset({first.reference})
    if first.event.phase in {Phase.BEGINS, Phase.ALONE}:
        return frozenset()
    before = first.event.changes.get("status" if first.event.component else "impact", ("",))[0]
    if first.event.component:
        impacts = [wording.COMPONENT_IMPACTS[one] for one in ComponentStatus if one == before]
    else:
        impacts = [one for one in Impact if one == before and first.event.incident]
    return frozenset(severities[impact] for impact in impacts)


def _waits(message: Message) -> bool:
    """Whether it is planned work that has not begun, and is not near either."""
    event = message.event
    if event.kind.family != "maintenance" or message.delivery.occasion is Occasion.AHEAD:
        return False
    begun = event.incident is not None and event.incident.status in _IN_PROGRESS
    return not begun and event.kind is not EventKind.MAINTENANCE_STARTED


def _until(message: Message, sent_at: datetime) -> datetime:
    """From when on an alert lasts: planned work that is near, until it begins; all else, now."""
    incident = message.event.incident
    if message.delivery.occasion is not Occasion.AHEAD or not incident or not incident.started_at:
        return sent_at
    return min(max(incident.started_at, sent_at), sent_at + LONGEST_AHEAD)


def _ended(
    message: Message, severities: Iterable[str], ground: Ground, sent_at: datetime
) -> Iterator[dict[str, Any]]:
    at = message.event.at or message.event.observed_at
    for severity in sorted(severities):
        yield _alert(message, severity, ground, sent_at, ends_at=min(at, sent_at))


def _alert(
    message: Message, severity: str, ground: Ground, sent_at: datetime, *, ends_at: datetime
) -> dict[str, Any]:
    event = message.event
    began_at = (event.incident and event.incident.started_at) or event.at or event.observed_at
    starts_at = max(min(began_at, sent_at), _EARLIEST)
    link = _uri(wording.link(event))
    return {
        "labels": {**ground.labels, **_labels(event), "severity": severity},
        "annotations": dict(_annotations(message, link)),
        "startsAt": starts_at,
        # An alert that ends before it begins is refused, and all others of its request with it.
        "endsAt": max(ends_at, starts_at),
        **({"generatorURL": link} if link else {}),
    }


def _labels(event: Event) -> dict[str, str]:
    """What makes it this alert and no other, over its whole life."""
    family = event.kind.family
    labels = {
        "alertname": _NAMES.get(event.kind, f"Bellbuoy{family.capitalize()}"),
        "kind": family,
        "provider": event.provider.slug,
        "page": event.page.key,
    }
    if event.incident is not None:
        labels["incident"] = event.incident.id
    if event.component is not None:
        labels["component"] = event.component.id
    return labels


def _annotations(message: Message, link: str) -> Iterator[tuple[str, str]]:
    """Texts for people; a renewal says the same as what it renews."""
    said = wording.words(message)
    is_renewal = message.delivery.occasion is Occasion.REMINDER
    found: dict[str, list[str]] = {
        "summary": [f"{said.subject} -- {said.state}"],
        "description": [said.body or said.state],
        "note": [*([said.occasion] if said.occasion and not is_renewal else []), *said.notes],
        "link": [link],
        "event": [message.event.id],
        "runbook_url": [one.runbook for one in message.services if _uri(one.runbook)][:1],
    }
    for label, text in said.facts:
        found.setdefault(label.lower().replace(" ", "_"), []).append(text)
    for name, texts in found.items():
        text = clean_text("\n".join(filter(None, texts)), MAX_TEXT)
        if text:
            yield name, text if name in _ADDRESSES else _inert(text)


def _inert(text: str) -> str:
    return _EVERYBODY.sub("＠", _MARKUP.sub("‹", text))


def _uri(text: str) -> str:
    """The address in a form that Go's parser takes too; empty if it is none."""
    try:
        url = URL(text)
        is_good = url.scheme in {"http", "https"} and _HOST.fullmatch(url.raw_host or "")
    except ValueError:
        return ""
    return str(url) if is_good else ""
