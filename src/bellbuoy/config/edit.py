"""Add a provider to a config file that a person wrote: their comments and layout stay.

New lines are put into the text as it is, nothing is written anew. The result is read again
before it is kept: it must say what the file said, and the new stanza.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.events import (
    DocumentEndEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from bellbuoy.catalog import DEFAULTS
from bellbuoy.config.document import parse_document, read_text
from bellbuoy.errors import ConfigError
from bellbuoy.formats.recognise import Recognition

Stanza = str | Mapping[str, Any]
"""An entry of `providers:`: a name of the catalog, or the keys of a page."""

_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./()*+?=&%~-]|:(?=//)|(?<=\S) (?=\S))*")
_OTHER_VALUES = frozenset({"true", "false", "null"})


class _Spot(Struct, frozen=True, kw_only=True):
    """Where the new entry goes. `indent` is None inside brackets."""

    index: int
    indent: int | None
    is_empty: bool = False


def stanza_of(found: Recognition) -> Stanza:
    """What stands under `providers:` for a recognised page."""
    named = {"name": found.name} if found.name else {}
    return {**named, "url": found.url, "format": found.format or ""}


def stanza_text(stanza: Stanza, indent: int = 0) -> str:
    """An entry of `providers:` as lines of YAML, for people to paste; no newline at its end."""
    blank = " " * indent
    if isinstance(stanza, str):
        return f"{blank}- {_scalar(stanza)}"
    lines = [f"{_scalar(key)}: {_scalar(value)}" for key, value in stanza.items()]
    return f"{blank}- " + f"\n{blank}  ".join(lines)


def add_provider(path: Path, stanza: Stanza) -> None:
    """Append an entry to `providers:` of a file, which is created if it does not exist.

    Where the file names no providers, the default set that is watched so far is written out
    before it. Raises ConfigError if the file cannot be read, written or edited safely.
    """
    text = read_text(path) if path.exists() else ""
    new = added(text, stanza, str(path))
    try:
        _replace(path, new)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


def added(text: str, stanza: Stanza, name: str) -> str:
    """The text of a config with one more entry in `providers:`.

    Raises ConfigError if it is not a config or has a form that cannot be edited safely.
    """
    before = parse_document(text, name, {}).data or {}
    known = before.get("providers") if isinstance(before, dict) else None
    entries = [stanza] if known is not None else [*(d for d in DEFAULTS if d != stanza), stanza]
    spot = _find(text) if known is not None else None
    if spot is not None:
        new = _inserted(text, stanza, spot)
    elif not before or (isinstance(before, dict) and text.lstrip()[:1] not in {"{", "["}):
        new = _headed(text, entries)
    else:
        new = text
    wanted = [
        *(known or ()),
        *(entry if isinstance(entry, str) else {**entry} for entry in entries),
    ]
    after = parse_document(new, name, {}).data
    if not isinstance(before, dict) or after != {**before, "providers": wanted}:
        lines = stanza_text(stanza)
        raise ConfigError(f"{name}: cannot be edited safely; add this to providers:\n{lines}")
    return new


def _inserted(text: str, stanza: Stanza, spot: _Spot) -> str:
    if spot.indent is None:
        comma = "" if spot.is_empty else ", "
        entry = json.dumps(stanza, ensure_ascii=False)
        return f"{text[: spot.index]}{comma}{entry}{text[spot.index :]}"
    end = _line_end(text, spot.index)
    lines = stanza_text(stanza, spot.indent)
    return _with_lines(text, end, lines)


def _headed(text: str, entries: list[Stanza]) -> str:
    """The text with a `providers:` of its own at its end, or under the heading it has."""
    lines = "\n".join(stanza_text(entry, 2) for entry in entries)
    heading = re.search(r"^providers:[ \t]*(?:#.*|null[ \t]*|~[ \t]*)?\r?$", text, re.MULTILINE)
    if heading is None:
        return _with_lines(text, len(text), f"providers:\n{lines}")
    bare = re.sub(r"(null|~)[ \t]*(\r?)$", r"\2", heading[0])
    text = text[: heading.start()] + bare + text[heading.end() :]
    return _with_lines(text, _line_end(text, heading.start()), lines)


def _with_lines(text: str, index: int, lines: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    before, after = text[:index], text[index:]
    if before and not before.endswith("\n"):
        before += newline
    return before + lines.replace("\n", newline) + newline + after


def _line_end(text: str, index: int) -> int:
    if index and text[index - 1] == "\n":
        return index
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def _find(text: str) -> _Spot | None:
    """Where the list of `providers:` ends."""
    events = YAML(typ="safe", pure=True).parse(text.replace("\t", " "))
    depth = 0
    for event in events:
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            depth -= 1
        elif depth == 1 and isinstance(event, ScalarEvent) and _value(event) == "providers":
            start = next(events)
            if isinstance(start, SequenceStartEvent):
                return _end_of(start, events, text)
            return None
        elif isinstance(event, DocumentEndEvent):
            return None
    return None


def _end_of(start: SequenceStartEvent, events: Iterator[Event], text: str) -> _Spot:
    is_flow = bool(getattr(start, "flow_style", False))
    last, depth = start.end_mark.index if is_flow else start.start_mark.index, 1
    is_empty = True
    for event in events:
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            depth -= 1
        if depth == 0:
            break
        is_empty = False
        # What has no width, such as the end of a block, is only known at what follows it.
        if event.end_mark.index > event.start_mark.index:
            last = event.end_mark.index
    if is_flow:
        return _Spot(index=last, indent=None, is_empty=is_empty)
    line_start = text.rfind("\n", 0, start.start_mark.index) + 1
    indent = text.index("-", line_start) - line_start
    return _Spot(index=last, indent=indent)


def _value(event: Event) -> str:
    return str(getattr(event, "value", ""))


def _scalar(value: Any) -> str:
    """A value as YAML: plain where that is surely text, else as JSON, which YAML contains."""
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and value.lower() not in _OTHER_VALUES
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all; a link stays a link, and the mode is kept."""
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with NamedTemporaryFile(
        "w", dir=path.parent, delete=False, encoding="utf-8", newline=""
    ) as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    try:
        Path(new.name).chmod(mode)
        Path(new.name).replace(path)
    except OSError:
        Path(new.name).unlink()
        raise
