"""The event loop that `platform.run` makes."""

import asyncio
import logging
import sys

import pytest

from bellbuoy.platform import allow_many_files, run


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such limit")
def test_a_process_that_serves_may_have_as_many_sockets_as_it_is_let():
    """Up to the hard limit; more is left as it is."""
    import resource

    before = _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
        allow_many_files()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))
        allow_many_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
