"""Answers of the API: JSON that a reader need not fetch twice, and where a list goes on."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bellbuoy.web.conditional import answer

JSON = "application/json"

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


def as_json(request: Request, facts: Any, *, status: int = 200) -> Response:
    """Facts as JSON, or 304 to whoever has them already (RFC 9110, section 13.1.2)."""
    return unless_known(request, _encode(facts), media_type=JSON, status=status)


def unless_known(request: Request, body: bytes, *, media_type: str, status: int = 200) -> Response:
    """A body with its ETag; 304 without one where `If-None-Match` names it."""
    if status != 200:
        return Response(body, status, headers={"cache-control": "no-store"}, media_type=media_type)
    return answer(request, body, media_type)


def as_list(request: Request, items: Sequence[Any], going_on: dict[str, str] | None) -> Response:
    """A part of a list. `going_on` are the parameters that ask for what comes next, if anything.

    It stands in the body as `next`, and as a whole address in `Link` (RFC 8288).
    """
    place = next(iter(going_on.values())) if going_on else None
    response = as_json(request, {"items": items, "next": place})
    if going_on:
        response.headers["link"] = f'<{_address(request, going_on)}>; rel="next"'
    return response


def cut(
    items: Iterable[T], limit: int, mark: Callable[[T], str]
) -> tuple[list[T], dict[str, str] | None]:
    """At most `limit` items, and how to go on: by the mark of the last, if there are more."""
    some: list[T] = []
    for item in items:
        if len(some) == limit:
            return some, {"cursor": mark(some[-1])}
        some.append(item)
    return some, None


def _address(request: Request, going_on: dict[str, str]) -> str:
    places = {"cursor", "before", "after"}
    kept = [
        (name, value) for name, value in request.query_params.multi_items() if name not in places
    ]
    return f"{request.url.path}?{urlencode([*kept, *going_on.items()])}"
