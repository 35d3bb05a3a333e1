"""The description of the API: OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0).

What answers hold is described by their own types, what may be asked by the parameters' models;
here both come together, with what is the same for every operation.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from bellbuoy import __version__, events
from bellbuoy.web.access import SAFE, is_poke
from bellbuoy.web.api.answers import JSON
from bellbuoy.web.api.examples import EXAMPLES, PROBLEM
from bellbuoy.web.api.models import MODELS, ProblemAnswer
from bellbuoy.web.problems import MEDIA_TYPE

PATH = "/api/v1/openapi.json"

EVENT = "Event"
"""The name of a CloudEvent among the schemas."""

_ABOUT = """\
What Bellbuoy watches and what it has seen, and the few things that can be told to it.

Reading is open on the loopback unless the config says otherwise; writing needs
`Authorization: Bearer TOKEN`. Every instant is UTC and ends in Z. Every error is a problem
(RFC 9457) that names its cure. Lists are read in parts: while `next` is not null, ask again
with it, or follow `Link`. Reads answer 304 to an `If-None-Match` that is still right.
"""

_TAGS = (
    ("pages", "Providers and pages: what is watched, and how it stands."),
    ("facts", "Incidents, planned work and components, as they are known now."),
    ("events", "The log of recorded changes, and its stream."),
    ("deliveries", "What went to whom."),
    ("silences", "Mutes."),
    ("workers", "Processes that share the store."),
)

_REF = "#/components/schemas/{name}"

_ETAG = {"ETag": {"description": "For `If-None-Match`.", "schema": {"type": "string"}}}
_LINK = {"Link": {"description": 'What comes next: `rel="next"`.', "schema": {"type": "string"}}}

_PROBLEM: Mapping[int | str, dict[str, Any]] = {
    "default": {
        "description": "What is wrong, and its cure.",
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(name=ProblemAnswer.__name__)},
                "example": PROBLEM,
            }
        },
    }
}

Responses = dict[int | str, dict[str, Any]]


def one_of(model: type[msgspec.Struct] | str, status: int = 200) -> Responses:
    """The responses of an operation that answers with one thing."""
    name = _name(model)
    schema = {"$ref": _REF.format(name=name)}
    return _responses(status, f"One {_spoken(name)}.", schema, _ETAG if status == 200 else {})


def listing(model: type[msgspec.Struct] | str) -> Responses:
    """The responses of an operation that answers with a list of things."""
    name = _name(model)
    schema = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"$ref": _REF.format(name=name)}},
            "next": {
                "type": ["string", "null"],
                "description": "Asks for what comes next; null where nothing does.",
            },
        },
        "required": ["items", "next"],
        "additionalProperties": False,
    }
    return _responses(200, "A part of the list.", schema, _ETAG | _LINK)


STREAM: Responses = {
    200: {
        "description": "Messages, for as long as both sides stay.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": "id: 3f2a9c01d4e5b6a7:1204\nevent: incident.opened\ndata: {...}\n\n",
            }
        },
    },
    **_PROBLEM,
}
"""The responses of the stream."""


def document(app: FastAPI) -> dict[str, Any]:
    """The whole description of an application's API."""
    found = get_openapi(
        title="Bellbuoy",
        version=__version__,
        openapi_version="3.1.0",
        summary="Status pages, watched.",
        description=_ABOUT,
        routes=app.routes,
        tags=[{"name": name, "description": about} for name, about in _TAGS],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    components = found.setdefault("components", {})
    components.setdefault("schemas", {}).update(_schemas())
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token of web.auth."},
        "poke": {
            "type": "apiKey",
            "in": "query",
            "name": "token",
            "description": "The page's own token.",
        },
    }
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            operation["security"] = _security(method.upper(), path)
            _add_example(operation)
    return found


def _add_example(operation: dict[str, Any]) -> None:
    """Give an operation's answer its example; earlier, FastAPI would take its nulls away."""
    for response in operation["responses"].values():
        content = response.get("content", {}).get(JSON)
        if content is None:
            continue
        schema = content["schema"]
        if "$ref" in schema:
            content["example"] = EXAMPLES[_last(schema["$ref"])]
        else:
            item = EXAMPLES[_last(schema["properties"]["items"]["items"]["$ref"])]
            content["example"] = {"items": [item], "next": None}


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(MODELS, ref_template=_REF)
    event = events.json_schema()
    parts = {name: event["$defs"][name] for name in event["$defs"] if name not in schemas}
    whole = {key: value for key, value in event.items() if not key.startswith("$")}
    return schemas | _moved({EVENT: whole, **parts})


def _moved(value: Any) -> Any:
    """The same schema with its references into the components, and without leading `_`."""
    if isinstance(value, dict):
        return {key.removeprefix("_"): _moved(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_moved(each) for each in value]
    if isinstance(value, str) and value.startswith("#/$defs/"):
        return _REF.format(name=value.removeprefix("#/$defs/").removeprefix("_"))
    return value


def _security(method: str, path: str) -> list[dict[str, list[str]]]:
    if is_poke(method, path):
        return [{"poke": []}, {"bearer": []}]
    return [{"bearer": []}] if method not in SAFE else [{}, {"bearer": []}]


def _responses(
    status: int, about: str, schema: dict[str, Any], headers: dict[str, Any]
) -> Responses:
    content = {JSON: {"schema": schema}}
    found: Responses = {
        status: {"description": about, "content": content, "headers": headers},
        **_PROBLEM,
    }
    if status == 200:
        found[304] = {"description": "It is what `If-None-Match` names."}
    return found


def _name(model: type[msgspec.Struct] | str) -> str:
    return model if isinstance(model, str) else model.__name__


def _spoken(name: str) -> str:
    return name.removesuffix("Answer").removesuffix("Story").lower()
