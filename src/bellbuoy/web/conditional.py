"""Answers that are sent once, and then only again when they changed.

An entity tag is the hash of the body, so the same facts have the same tag in every process and
after every restart. What is compared how: RFC 9110, section 13.1.2.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from xxhash import xxh3_128_hexdigest


def answer(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    status: int = 200,
    max_age: int = 0,
    is_public: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The body, or 304 if whoever asks has it.

    `max_age` is how long it may be used without asking again, in seconds. A cache that serves
    several people may keep it only if it `is_public`: what one may read, another may not.
    """
    tag = f'"{xxh3_128_hexdigest(body)}"'
    whose = "public" if is_public else "private"
    freshness = f"{whose}, max-age={max_age}" if max_age else f"{whose}, no-cache"
    said = {"etag": tag, "cache-control": freshness, **(headers or {})}
    if (
        status == 200
        and request.method == "GET"
        and _is_held(request.headers.get("if-none-match", ""), tag)
    ):
        return Response(status_code=304, headers=said)
    return Response(body, status, headers=said, media_type=media_type)


def _is_held(given: str, tag: str) -> bool:
    tags = {one.strip().removeprefix("W/") for one in given.split(",")}
    return tag in tags or "*" in tags
