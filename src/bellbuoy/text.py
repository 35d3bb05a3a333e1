"""Vendor text made safe once, in one place, before anything else sees it.

`clean(snapshot)` takes control characters, bidirectional tricks and lone surrogates out of
every text, bounds every length and every list, and lets only http and https addresses
through. Each medium still escapes for itself (markup, mentions): this is not that.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b

from msgspec.structs import replace

from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    Incident,
    IncidentUpdate,
    Snapshot,
)

MAX_BODY = 16_000
MAX_TITLE = 500
MAX_NAME = 300
MAX_WORD = 100
MAX_URL = 2_000
MAX_COMPONENTS = 10_000
MAX_INCIDENTS = 2_000
MAX_UPDATES = 1_000
MAX_AFFECTED = 2_000

_SLICE = 65_536
"""Characters that are searched at a time."""

# C0 without tab and newline, DEL and C1; the line separators that some terminals and log
# readers take for a new line; bidirectional controls (Trojan Source, CVE-2021-42574);
# zero-width characters, the soft hyphen and the byte order mark; surrogates; noncharacters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)


def clean(snapshot: Snapshot) -> Snapshot:
    """The same snapshot with every text safe to keep, to print and to send on.

    Incidents have the same ids wherever it names them. `entries` stay as they are: their keys
    are the format's own, and nobody is shown them.
    """
    window = snapshot.window
    return replace(
        snapshot,
        incidents=tuple(map(_incident, snapshot.incidents[:MAX_INCIDENTS])),
        components=tuple(map(_component, snapshot.components[:MAX_COMPONENTS])),
        unchanged=_ids(snapshot.unchanged),
        window=window and replace(window, ids=_ids(window.ids)),
        gone=_ids(snapshot.gone),
        name=None if snapshot.name is None else clean_line(snapshot.name, MAX_NAME),
    )


def clean_text(text: str, limit: int = MAX_BODY) -> str:
    """Text of several lines: safe characters only, LF as line end, at most `limit` characters.

    A longer text is cut, and says so with a hash of the whole, so that a change behind the
    cut is still a change.
    """
    if not _is_plain(text):
        text = _without_unsafe(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.strip()
    if len(text) <= limit:
        return text
    note = f" … [cut: {len(text)} characters, {_digest(text, 4)}]"
    return text[: max(limit - len(note), 0)] + note


def clean_line(text: str, limit: int = MAX_TITLE) -> str:
    """Text of one line: safe characters only, single blanks, at most `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isalnum():
        return text  # most ids and words
    text = text[: limit * 8]
    text = " ".join((text if _is_plain(text) else _UNSAFE.sub(" ", text)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_id(text: str) -> str:
    """An identifier: kept as it is where it is short and safe, else made so without collisions."""
    safe = clean_line(text, MAX_NAME)
    if safe == text:
        return text
    return f"{safe[:100]}~{_digest(text, 8)}"


def clean_url(text: str) -> str:
    """An http or https address without blanks or control characters, or nothing."""
    text = text.strip()
    if len(text) > MAX_URL or not text.lower().startswith(("http://", "https://")):
        return ""
    return "" if _UNSAFE.search(text) or len(text.split()) != 1 else text


def _is_plain(text: str) -> bool:
    """Whether it is printable ASCII, as most texts are: much quicker to tell than what is not."""
    return text.isascii() and text.isprintable()


def _without_unsafe(text: str) -> str:
    # In slices, because Python holds its lock for all of a call, and a text may have megabytes.
    if len(text) <= _SLICE:
        return _UNSAFE.sub("", text)
    slices = (text[start : start + _SLICE] for start in range(0, len(text), _SLICE))
    return "".join(_UNSAFE.sub("", part) for part in slices)


def _digest(text: str, size: int) -> str:
    # Two texts may differ in nothing but a lone surrogate, which plain UTF-8 cannot hold.
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def _ids(ids: frozenset[str]) -> frozenset[str]:
    return frozenset(map(clean_id, ids))


def _incident(incident: Incident) -> Incident:
    return replace(
        incident,
        id=clean_id(incident.id),
        title=clean_line(incident.title),
        status_raw=clean_line(incident.status_raw, MAX_WORD),
        impact_raw=clean_line(incident.impact_raw, MAX_WORD),
        url=clean_url(incident.url),
        components=tuple(map(_affected, incident.components[:MAX_AFFECTED])),
        updates=tuple(map(_update, _newest(incident.updates))),
    )


def _newest(updates: tuple[IncidentUpdate, ...]) -> Iterable[IncidentUpdate]:
    return updates[-MAX_UPDATES:]


def _update(update: IncidentUpdate) -> IncidentUpdate:
    return replace(
        update,
        id=clean_id(update.id),
        status_raw=clean_line(update.status_raw, MAX_WORD),
        body=clean_text(update.body),
    )


def _affected(component: AffectedComponent) -> AffectedComponent:
    return replace(
        component,
        id=clean_id(component.id),
        name=clean_line(component.name, MAX_NAME),
        group=_optional(component.group),
    )


def _component(component: Component) -> Component:
    return replace(
        component,
        id=clean_id(component.id),
        name=clean_line(component.name, MAX_NAME),
        status_raw=clean_line(component.status_raw, MAX_WORD),
        group=_optional(component.group),
        region=_optional(component.region),
    )


def _optional(text: str | None) -> str | None:
    return None if text is None else clean_line(text, MAX_NAME) or None
