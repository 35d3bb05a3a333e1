"""What is wrong with a config, all of it at once: file, line, key, what, cure."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bellbuoy.config.document import Document, Place, told
from bellbuoy.config.values import nearest
from bellbuoy.errors import ConfigError

OLDER: dict[str, Any] = {"deprecated": True}
"""How a model marks the keys of earlier tools: they are read, but not proposed."""

M = TypeVar("M", bound=BaseModel)


class Problems:
    """Problems and warnings about one document, in the order of its lines.

    `around` is what the models are given as pydantic's context.
    """

    def __init__(self, document: Document, around: object = None) -> None:
        self.around = around
        self._document = document
        self._problems: dict[Place, tuple[int, str]] = {}
        self._warnings: list[tuple[int, str]] = []
        for place, line, text in document.problems:
            self._problems.setdefault(place, (line, self._told(place, line, text)))

    def __bool__(self) -> bool:
        return bool(self._problems)

    def add(self, place: Place, text: str) -> None:
        """Note a problem, unless the value or what it stands in has one already."""
        if not self.known(place):
            line = self._document.line(place)
            self._problems[place] = (line or 0, self._told(place, line, text))

    def known(self, place: Place) -> bool:
        """Whether a problem with the value, or with what it stands in, is noted."""
        return any(place[:end] in self._problems for end in range(len(place) + 1))

    def warn(self, place: Place, text: str) -> None:
        """Note something that works, but perhaps not as meant."""
        line = self._document.line(place)
        self._warnings.append((line or 0, self._told(place, line, text)))

    def is_expanded(self, place: Place) -> bool:
        """Whether the environment gave a part of the text there."""
        return place in self._document.expanded

    @property
    def warnings(self) -> tuple[str, ...]:
        """Every warning, by line."""
        return tuple(text for _, text in sorted(self._warnings, key=lambda found: found[0]))

    @property
    def texts(self) -> tuple[str, ...]:
        """Every problem, by line."""
        found = sorted(self._problems.values(), key=lambda problem: problem[0])
        return tuple(text for _, text in found)

    def stop(self, error: type[ConfigError]) -> None:
        """Raise the error if there is a problem."""
        if self._problems:
            raise error(*self.texts)

    def read(self, model: type[M], data: Any, place: Place) -> M | None:
        """Data as a model, or None and its problems."""
        if not isinstance(data, dict):
            self.add(place, "must be a mapping of keys to values")
            return None
        try:
            return model.model_validate(data, context=self.around)
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                self.add(self._place(place, fault), _said(fault, model))
            return None

    def _place(self, start: Place, fault: ErrorDetails) -> Place:
        """Pydantic's location as a place: without what stands in no file, as union members."""
        place = start
        for part in fault["loc"]:
            if (*place, part) in self._document.lines:
                place = (*place, part)
        return (*place, fault["loc"][-1]) if fault["type"] == "missing" else place

    def _told(self, place: Place, line: int | None, text: str) -> str:
        return self._document.redact(told(self._document.name, line, place, text))


def _said(fault: ErrorDetails, model: type[BaseModel]) -> str:
    """What pydantic found, in the words of this house; never quotes a value that may be secret."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return unknown_key(str(fault["loc"][-1]), _model_at(model, fault["loc"]))
    if kind == "missing":
        return "is missing; add it"
    bounds = {
        "greater_than_equal": "at least {ge}",
        "less_than_equal": "at most {le}",
        "greater_than": "more than {gt}",
        "less_than": "less than {lt}",
    }
    if kind in bounds:
        return f"must be {bounds[kind].format(**context)}; change it"
    if kind in {"too_short", "string_too_short"}:
        return "must not be empty; fill it, or leave the key out"
    for beginning, wanted in _WANTED.items():
        if kind.startswith(beginning):
            return f"must be {wanted}"
    return fault["msg"][:1].lower() + fault["msg"][1:]


_WANTED: Mapping[str, str] = {
    "string": "text; put it between quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "dict": "a mapping of keys to values",
    "model": "a mapping of keys to values",
}


def unknown_key(key: str, model: type[BaseModel]) -> str:
    """What is wrong with a key that a model does not have, and what may have been meant."""
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner and key in inner.model_fields:
            return f"belongs under '{name}'; move it there"
    known = [
        field.alias or name
        for name, field in model.model_fields.items()
        if not (
            isinstance(field.json_schema_extra, dict) and "deprecated" in field.json_schema_extra
        )
    ]
    return f"is not a known key{nearest(key, known)}; known are {', '.join(known)}"


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that a location's last part is a key of."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        model = (model_in(field.annotation) if field else None) or model
    return model


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model that a type holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (model_in(argument) for argument in get_args(annotation))
    return next((model for model in found if model), None)
