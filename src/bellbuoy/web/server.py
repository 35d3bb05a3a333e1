"""One port in the loop of the App: uvicorn, without its signals, its logs and its reloading."""

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from bellbuoy.config.web import Web
from bellbuoy.errors import ConfigError
from bellbuoy.web.connection import Connection

MOST_CONNECTIONS = 4000
"""Connections beyond so many are answered with 503, so that polling still gets its own."""

STOP_WITHIN = 2
"""How long answers that are being given may still take at the end, in seconds."""


def listen(web: Web) -> socket.socket:
    """The socket that listens. Raises ConfigError if the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            web.host, web.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise _unusable(web, error) from None
    try:
        if sys.platform != "win32":
            # There it would let two servers share a port; elsewhere it only ends a wait.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(1024)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise _unusable(web, error) from None
    return opened


def address_of(opened: socket.socket) -> str:
    """Where people find it: `http://127.0.0.1:8484`."""
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def serving(application: ASGIApp, opened: socket.socket) -> AsyncGenerator[None]:
    """Answer at a socket until the end of the block. Whoever is answered then gets a moment."""
    server = _Server(
        uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http=Connection,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=30,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=STOP_WITHIN,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[opened]), name="web")
    try:
        yield
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Leaves signals to those who run the App."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Catch none."""
        yield


def _unusable(web: Web, error: OSError | UnicodeError) -> ConfigError:
    why = getattr(error, "strerror", None) or error
    return ConfigError(
        f"cannot listen on {web.host}:{web.port}: {why}; "
        "choose another with --port, or web.listen in the config"
    )
