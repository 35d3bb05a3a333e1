"""Exchanges of which only the face is asked."""

import pytest

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Request, Response, face_only

ANSWER = Response(url="https://a.example/face", status=200, body=b"{}")


def curious(closed):
    """An exchange that would like to know three things, and copes with knowing one."""
    known = []
    try:
        for path in ("face", "history", "end"):
            try:
                response = yield Request.get(f"https://a.example/{path}")
            except FetchError as failure:
                known.append((path, failure.reason))
            else:
                known.append((path, response.status))
        return known
    finally:
        closed.append(True)


def test_only_the_face_is_asked():
    """Every later question fails at once, and the exchange ends with what it then has."""
    closed = []
    exchange = face_only(curious(closed))
    assert next(exchange).url == "https://a.example/face"
    with pytest.raises(StopIteration) as end:
        exchange.send(ANSWER)
    refused = Unreadable.REFUSED
    assert end.value.value == [("face", 200), ("history", refused), ("end", refused)]
    assert closed == [True]


def test_a_face_that_failed_is_told_to_the_exchange():
    """As without it; what the exchange makes of that is its own affair."""
    exchange = face_only(curious([]))
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.throw(FetchError("https://a.example/face", Unreadable.NETWORK, "gone"))
    assert end.value.value[0] == ("face", Unreadable.NETWORK)


def test_an_exchange_that_must_know_more_fails_with_the_reason():
    """It names the question that was not asked."""

    def read():
        yield Request.get("https://a.example/face")
        yield Request.get("https://a.example/names")

    exchange = face_only(read())
    next(exchange)
    with pytest.raises(FetchError, match=r"https://a\.example/names: refused: was not asked"):
        exchange.send(ANSWER)


def test_what_is_given_up_is_closed():
    """Nothing of the exchange inside stays open."""
    closed = []
    exchange = face_only(curious(closed))
    next(exchange)
    exchange.close()
    assert closed == [True]
