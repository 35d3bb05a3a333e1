"""Exchanges played without a network: answers from a mapping, questions kept in order."""

from collections.abc import Mapping
from typing import Any

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Exchange, Response

Answer = bytes | Response | int
"""A body, a whole response, or the status of an error."""


def converse(exchange: Exchange[Any], answers: Mapping[str, Answer]) -> tuple[Any, list[str]]:
    """Play an exchange to its end; what has no answer is a FetchError without a status.

    Returns the result and the addresses asked.
    """
    asked: list[str] = []
    try:
        request = next(exchange)
        while True:
            asked.append(request.url)
            assert len(asked) < 100, "this never ends"
            answer = answers.get(request.url)
            if answer is None:
                error = FetchError(request.url, Unreadable.NETWORK, "nobody there")
                request = exchange.throw(error)
            elif isinstance(answer, int):
                reason = Unreadable.GONE if answer in {404, 410} else Unreadable.REFUSED
                error = FetchError(request.url, reason, f"HTTP {answer}", status=answer)
                request = exchange.throw(error)
            else:
                is_body = isinstance(answer, bytes)
                request = exchange.send(
                    Response(url=request.url, status=200, body=answer) if is_body else answer
                )
    except StopIteration as end:
        return end.value, asked
    finally:
        exchange.close()
