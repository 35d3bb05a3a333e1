"""What the keys of a config may hold, as pydantic reads it and as the JSON Schema says it.

Each is a value of `values` with its checks; which key holds which stands in `schema`.
"""

from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from bellbuoy.config import values
from bellbuoy.durations import Duration
from bellbuoy.model.facts import Impact

_TEXTS: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
}
_STATUS: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 200, "maximum": 599},
        {"type": "string", "enum": list(values.STATUS_CLASSES)},
    ]
}
_SOME_TEXTS: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}
Names = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(values.listed),
    Field(min_length=1),
    WithJsonSchema(_SOME_TEXTS),
]
Kinds = Annotated[
    tuple[Annotated[str, AfterValidator(values.event_kind)], ...],
    BeforeValidator(values.listed),
    Field(min_length=1),
    WithJsonSchema(_SOME_TEXTS),
]
Types = Annotated[
    tuple[Annotated[str, AfterValidator(values.whole_kind)], ...],
    BeforeValidator(values.listed),
    Field(min_length=1),
    WithJsonSchema(_SOME_TEXTS),
]
Targets = Annotated[
    tuple[Annotated[str, AfterValidator(values.target)], ...],
    BeforeValidator(values.listed),
    Field(min_length=1),
    WithJsonSchema(_SOME_TEXTS),
]
Windows = Annotated[
    tuple[Annotated[str, AfterValidator(values.window)], ...],
    BeforeValidator(values.listed),
    Field(min_length=1),
    WithJsonSchema(_SOME_TEXTS),
]
Tags = Annotated[
    tuple[Annotated[str, AfterValidator(values.tag)], ...],
    BeforeValidator(values.listed),
    Field(min_length=1),
    WithJsonSchema(_SOME_TEXTS),
]
OwnHosts = Annotated[
    tuple[Annotated[str, AfterValidator(values.host_name)], ...],
    BeforeValidator(values.listed),
    Field(min_length=1),
    WithJsonSchema(_SOME_TEXTS),
]
Hosts = Annotated[tuple[str, ...], BeforeValidator(values.listed), WithJsonSchema(_TEXTS)]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(values.network)], ...],
    BeforeValidator(values.listed),
    WithJsonSchema(_TEXTS),
]
Impacts = Annotated[frozenset[Impact], BeforeValidator(values.impacts), WithJsonSchema(_SOME_TEXTS)]
Address = Annotated[str, AfterValidator(values.page_address)]
Patience = Annotated[Duration, AfterValidator(partial(values.within, low=0.1, high=600.0))]
Wait = Annotated[Duration, AfterValidator(partial(values.within, low=1.0, high=90 * 86400.0))]
Waits = Annotated[tuple[Wait, ...], BeforeValidator(values.several), Field(min_length=1)]
Statuses = Annotated[
    frozenset[int],
    BeforeValidator(values.statuses),
    WithJsonSchema({"anyOf": [_STATUS, {"type": "array", "items": _STATUS, "minItems": 1}]}),
]
JsonPath = Annotated[str, AfterValidator(values.json_path)]
Scalar = Annotated[
    Any,
    BeforeValidator(values.scalar),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]
Every = Annotated[Duration, AfterValidator(partial(values.within, low=0.1, high=86400.0))]
