"""A receiver's exchange, answered by a script instead of a service."""

import json
from collections.abc import Iterable
from typing import Any

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.model.delivery import Receipt

Answer = Response | FetchError


def told(exchange: Exchange[Receipt], answers: Iterable[Answer]) -> tuple[list[Request], Receipt]:
    """What it asks, answered in turn, and what it returns; the answers must be as many."""
    asked: list[Request] = [next(exchange)]
    for answer in answers:
        try:
            following = (
                exchange.throw(answer) if isinstance(answer, FetchError) else exchange.send(answer)
            )
        except StopIteration as end:
            return asked, end.value
        asked.append(following)
    raise AssertionError(f"more was asked than was answered: {asked[-1]}")


def response(body: Any = b"", status: int = 200, **headers: str) -> Response:
    """An answer; what is not bytes becomes JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(url="https://receiver.example", status=status, headers=names, body=body)


def lost(*, uncertain: bool = True) -> FetchError:
    """No answer came; if `uncertain`, the question may have arrived all the same."""
    return FetchError("receiver.example/…", Unreadable.NETWORK, "reset", uncertain=uncertain)
