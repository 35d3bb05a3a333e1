"""The event loop that `platform.run` makes."""

import asyncio
import logging

import pytest

from bellbuoy.platform import run


class SSLProtocol:
    """What uvloop calls its TLS layer."""


AFTER_CLOSE = RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed")


def told(caplog: pytest.LogCaptureFixture, context: dict) -> int:
    """How many records a loop writes about something that nobody waits for."""

    async def main() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "it broke", **context})

    with caplog.at_level(logging.ERROR, "asyncio"):
        run(main)
    return len(caplog.records)


def test_a_connection_that_uvloop_closed_itself_is_no_news(caplog):
    """Connections that are cut in the middle of their TLS handshake print nothing at stop."""
    assert told(caplog, {"exception": AFTER_CLOSE, "protocol": SSLProtocol()}) == 0


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"exception": AFTER_CLOSE},
        {"exception": AFTER_CLOSE, "protocol": object()},
        {"exception": RuntimeError("a bug"), "protocol": SSLProtocol()},
        {"exception": ValueError("; the handler is closed"), "protocol": SSLProtocol()},
    ],
)
def test_everything_else_that_goes_wrong_in_the_loop_is_told(caplog, context):
    """Only that one message is dropped."""
    assert told(caplog, context) == 1
