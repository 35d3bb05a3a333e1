"""A config file as plain values, and the line on which each of them stands.

YAML 1.2 (https://yaml.org/spec/1.2.2/, core schema), of which JSON is a part. Only what a
config needs is read: aliases, tags, duplicate keys and second documents are refused, so
that nothing in a file can grow, construct an object or hide behind an equal key.
`${NAME}` in any text becomes the value of an environment variable, `$${` is a plain `${`.

Does not decide what the values mean (`schema`).
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from bellbuoy.errors import ConfigError
from bellbuoy.text import clean_line

MAX_BYTES = 16 * 1024 * 1024
"""150,000 pages, at 110 bytes each; what is larger is some other file."""

MAX_DEPTH = 16
MAX_SAID = 1000

Place = tuple[str | int, ...]
"""The keys and indices that lead to a value."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_BASED = re.compile(r"0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Document(Struct, kw_only=True):
    """What a file says.

    `name` is the file as problems name it. `lines` maps places to line numbers from 1.
    `variables` maps the values that came from the environment, or from secret files, to
    what stood in the file instead: those values are never shown. `expanded` are the places
    of texts into which a value of the environment was put.
    """

    name: str
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    expanded: set[Place] = field(default_factory=set)
    problems: list[tuple[Place, int, str]] = field(default_factory=list)

    def line(self, place: Place) -> int | None:
        """The line of a value, or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)

    def redact(self, text: str) -> str:
        """The text without any value that came from the environment or a secret file."""
        for value in sorted(self.variables, key=len, reverse=True):
            text = text.replace(value, self.variables[value])
        return text

    def keep_secret(self, value: str, shown: str) -> None:
        """Show `shown` wherever a text would show `value`."""
        # A shorter value is no secret, and taking "1" out of a text would make it unreadable.
        if len(value) >= 4:
            self.variables[value] = shown


def told(name: str, line: int | None, place: Place, text: str) -> str:
    """A problem as a person reads it: file, line, key, what, cure."""
    where = f"{name}:{line}" if line else name
    key = ".".join(map(str, place))
    return f"{where}: {clean_line(f'{key}: {text}' if key else text, MAX_SAID)}"


def read_document(path: Path, env: Mapping[str, str]) -> Document:
    """Read a config file. Raises ConfigError if it cannot be read or is not YAML or JSON."""
    return parse_document(read_text(path), str(path), env)


def parse_document(text: str, name: str, env: Mapping[str, str]) -> Document:
    """Read the text of a config file.

    Raises ConfigError where reading cannot go on; what else is wrong is in `problems`.
    """
    builder = _Builder(name, env)
    # A tab never stands for itself inside a JSON string, and YAML refuses it as indentation.
    text = text.replace("\t", " ") if text.lstrip()[:1] == "{" else text
    try:
        builder.read(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(
            f"{name}:{line}: not readable as YAML: {_said(error)}; "
            "check quotes, brackets and indentation near it"
        ) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{name}:{line}: not readable as YAML: a control character; take it out"
        ) from error
    except (YAMLError, ValueError) as error:
        raise ConfigError(f"{name}: not readable as YAML") from error
    return builder.document


def _said(error: MarkedYAMLError) -> str:
    """What the YAML reader said, without what it quotes of the file: that may be a secret."""
    problem = str(error.problem or error.context or "malformed")
    problem = problem.partition(" with value ")[0].splitlines()[0]
    if "'\\t'" in problem:
        return "a tab stands where YAML wants blanks"
    return problem


def read_text(path: Path) -> str:
    """The text of a config file. Raises ConfigError if there is none of at most 16 MiB in UTF-8."""
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file; check the path") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(body) > MAX_BYTES:
        raise ConfigError(
            f"{path}: is larger than 16 MiB, enough for 150,000 pages; is it this file?"
        )
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8; save it as UTF-8") from error


class _Builder:
    """From YAML events to plain values. `where` is the place being built."""

    def __init__(self, name: str, env: Mapping[str, str]) -> None:
        self.document = Document(name=name)
        self._env = env

    def read(self, events: Iterator[Event]) -> None:
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(event, (), "a second document begins here; a config is one document")
                self.document.data = self._value(next(events), events, ())
            elif isinstance(event, (DocumentEndEvent, StreamEndEvent)):
                continue

    def _value(self, event: Event, events: Iterator[Event], where: Place) -> Any:
        self.document.lines.setdefault(where, _line(event))
        if len(where) > MAX_DEPTH:
            self._stop(event, where, f"is nested deeper than {MAX_DEPTH} levels; a config is not")
        if isinstance(event, AliasEvent):
            self._stop(event, where, "is an alias (*name), which is not read; write the value out")
        if str(getattr(event, "ctag", None)) not in {"", "None"}:
            self._stop(event, where, "has a tag (!name), which is not read; take it out")
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, where)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(events, where)
        assert isinstance(event, ScalarEvent)  # noqa: S101 - YAML has no other kind of node
        return self._scalar(event, where)

    def _mapping(self, events: Iterator[Event], where: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            if not isinstance(event, ScalarEvent):
                self._stop(event, where, "has a key that is no text; write a plain word")
            key = _text(event)
            place = (*where, key)
            if key in values:
                first = self.document.lines[place]
                problem = f"is given twice (first in line {first}); keep one"
                self.document.problems.append((place, _line(event), problem))
                self._value(next(events), events, (*where, f"{key} (again)"))
                continue
            self.document.lines[place] = _line(event)
            values[key] = self._value(next(events), events, place)
        return values

    def _sequence(self, events: Iterator[Event], where: Place) -> list[Any]:
        values: list[Any] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            values.append(self._value(event, events, (*where, len(values))))
        return values

    def _scalar(self, event: ScalarEvent, where: Place) -> Any:
        text = _text(event)
        if event.implicit[0]:
            value = _plain(text)
            if not isinstance(value, str):
                return value
        if _SURROGATE.search(text):
            # JSON writes characters beyond the BMP as two escapes, one surrogate each.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return self._expanded(text, event, where) if "${" in text else text

    def _expanded(self, text: str, event: ScalarEvent, where: Place) -> str:
        def put(found: re.Match[str]) -> str:
            if found[0] == "$${":
                return "${"
            name = found[1]
            if not _NAME.fullmatch(name) or not found[0].endswith("}"):
                problem = (
                    f"{found[0]!r} names no environment variable; write ${{NAME}}, "
                    "or $${ for a plain ${"
                )
            elif name not in self._env:
                problem = (
                    f"the environment variable {name} is not set; set it, "
                    f"or write $${{{name}}} for the text itself"
                )
            else:
                self.document.keep_secret(self._env[name], found[0])
                self.document.expanded.add(where)
                return self._env[name]
            self.document.problems.append((where, _line(event), problem))
            return found[0]

        return _VARIABLE.sub(put, text)

    def _stop(self, event: Event, where: Place, problem: str) -> None:
        raise ConfigError(told(self.document.name, _line(event), where, problem))


def _text(event: Event) -> str:
    return str(getattr(event, "value", ""))  # The library declares no types.


def _line(event: Event) -> int:
    return event.start_mark.line + 1


def _plain(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2.2, section 10.3.2."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return text
