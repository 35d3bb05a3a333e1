"""What is wrong with what somebody sent, in the words of this house, with its cure."""

from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError

from bellbuoy.web.problems import Problem

_BOUNDS = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_long": "holds more than {max_length}; give fewer",
    "string_too_long": "is longer than {max_length} characters; shorten it",
    "string_too_short": "must not be empty; fill it, or leave it out",
    "too_short": "must not be empty; fill it, or leave it out",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
}


def as_problem(error: RequestValidationError) -> Problem:
    """The first fault of a request; the problem names the parameter, or the part of the body."""
    fault = error.errors()[0]
    where, *rest = fault["loc"]
    if fault["type"] == "json_invalid":
        return Problem(422, "the body is not JSON", name="body")
    parts = [str(part) for part in rest if not isinstance(part, int)]
    return Problem(422, _said(fault), name=".".join(parts) or str(where))


def _said(fault: Mapping[str, Any]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return "is not known here; /api/v1/openapi.json lists what is"
    if kind == "missing":
        return "is missing; add it"
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**context)
    message = str(fault["msg"])
    return message[:1].lower() + message[1:]
