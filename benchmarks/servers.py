"""Servers in a process of their own, so that what they cost is not counted.

The parent talks to the process in lines of JSON. Each host is an address of 127.0.0.0/8. The
process ends with its parent, and by itself after ten minutes.
"""

import asyncio
import json
import os
import random
import ssl
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Self

import uvloop

LONGEST = 600.0
BACKLOG = 256

World = tuple[Callable[[], asyncio.Protocol], Callable[[Any], Any]]
"""What serves one connection, and what answers a question of the parent."""


class Servers:
    """The parent's side of a module that calls `serve`; `options` are what it makes a world of."""

    def __init__(self, module: str, hosts: int, options: dict[str, Any]) -> None:
        network = random.randrange(2, 250)  # keeps out of others' way
        self.addresses = [f"127.{network}.{n // 250}.{n % 250 + 1}" for n in range(hosts)]
        self._module = module
        self._options = {"addresses": self.addresses, "certificate": None, **options}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", self._module]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        port = self.ask(self._options)
        scheme = "https" if self._options["certificate"] else "http"
        self.urls = [f"{scheme}://{address}:{port}" for address in self.addresses]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]

    def ask(self, question: Any) -> Any:
        """Send a line to the process, and return the line that it answers."""
        self._process.stdin.write(json.dumps(question) + "\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        return json.loads(self._process.stdout.readline())  # type: ignore[union-attr]


def serve(make: Callable[[dict[str, Any]], World]) -> None:
    """The process's side: serve a world made of the options, until the parent goes."""
    try:
        uvloop.run(_serve(make))
    except TimeoutError:
        sys.exit(1)
    finally:
        os.close(1)


async def _serve(make: Callable[[dict[str, Any]], World]) -> None:
    loop = asyncio.get_running_loop()
    # uvloop reports each connection that it closes while the other side still writes.
    loop.set_exception_handler(lambda _, __: None)
    lines = asyncio.StreamReader(limit=16 * 1024 * 1024)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    options = json.loads(await lines.readline())
    protocol, answer = make(options)
    context = None
    if options["certificate"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["certificate"])
    first, *others = options["addresses"]

    async def listen(addresses: list[str], port: int) -> asyncio.Server:
        return await loop.create_server(protocol, addresses, port, ssl=context, backlog=BACKLOG)

    servers = [await listen([first], 0)]
    port = servers[0].sockets[0].getsockname()[1]
    if others:
        servers.append(await listen(others, port))
    _say(port)
    async with asyncio.timeout(LONGEST):
        while line := await lines.readline():
            _say(answer(json.loads(line)))


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
