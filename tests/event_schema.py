"""Holds events to the published JSON Schema; whoever makes events in a test may ask."""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator

from bellbuoy.events import Event, json_schema, to_json


@lru_cache(maxsize=1)
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def valid_wire(event: dict[str, Any]) -> dict[str, Any]:
    """The same CloudEvent, once it was found to be as the schema says."""
    _validator().validate(event)
    return event


def valid(events: Iterable[Event]) -> list[Event]:
    """The same events, once each was found to be as the schema says."""
    events = list(events)
    for event in events:
        valid_wire(json.loads(to_json(event)))
    return events
