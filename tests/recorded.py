"""Recorded bodies, served on loopback under their real paths, one body per visit.

    files = series(corpus / "statuspage/github/series-summary-2026-08")
    page = Recorded("statuspage", "/api/v2/summary.json", files)
    async with serve(page):
        events = await watch([page], tmp_path)

A page goes on to its next body whenever its face is asked again, so how fast a reader reads
does not matter. Nothing else is there: other questions are answered with 503, which is no
answer, and never with 404, which would say that something is gone.
"""

import asyncio
import gzip
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from aiohttp import web

_MEDIA_TYPES = {
    ".json": "application/json",
    ".atom": "application/atom+xml",
    ".rss": "application/rss+xml",
}


def series(folder: Path, limit: int | None = None) -> list[Path]:
    """The recorded bodies of a series in the order in which they were captured."""
    return sorted(folder.iterdir())[:limit]


class Recorded:
    """A page that plays its recorded bodies as answers to one path."""

    def __init__(self, format: str, path: str, files: Sequence[Path]) -> None:
        self.format = format
        self.path = path
        self.files = tuple(files)
        self.url = ""
        """The address that is watched, once it is served: a feed's own, else the page's."""
        self.asked: list[str] = []
        self.over = asyncio.Event()
        """Set when the face is asked again after the last body, so that its visit has ended."""
        self._place = -1

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one question."""
        self.asked.append(request.path)
        if request.path != self.path:
            return web.Response(status=503)
        self._place += 1
        if self._place >= len(self.files):
            # Another look at the last body would confirm what was seen in it only once.
            self.over.set()
            return web.Response(status=503)
        file = self.files[self._place]
        body = file.read_bytes()
        name = Path(file.name.removesuffix(".gz"))
        if name.name != file.name:
            body = gzip.decompress(body)
        headers = {
            "ETag": f'"{blake2b(body, digest_size=8).hexdigest()}"',
            "Content-Type": _MEDIA_TYPES[name.suffix],
        }
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)


@asynccontextmanager
async def serve(*pages: Recorded) -> AsyncIterator[None]:
    """Serve pages, each on a free port of 127.0.0.1."""
    async with AsyncExitStack() as stack:
        for page in pages:
            application = web.Application()
            application.router.add_get("/{path:.*}", page.answer)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            path = page.path if page.format == "feed" else ""
            page.url = f"http://{host}:{port}{path}"
        yield


async def watch(pages: Sequence[Recorded], folder: Path, *, every: str = "100ms") -> list[Any]:
    """The events that the real `watch` process prints while it reads pages to their end."""
    config = folder / "bellbuoy.json"
    providers = [
        {"name": f"P{number}", "url": page.url, "format": page.format, "every": every}
        for number, page in enumerate(pages)
    ]
    settings = {
        "providers": providers,
        "http": {"allow_private": ["127.0.0.0/8"]},
        "store": f"sqlite:///{folder}/watch.db",
    }
    config.write_text(json.dumps(settings))
    process = await _start("watch", "--json", "--config", str(config))
    reading = asyncio.create_task(process.communicate())
    over = asyncio.create_task(_over(pages))
    try:
        await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
    return _events(process, await reading)


async def replay(page: Recorded) -> list[Any]:
    """The events that the real `replay` process prints for the same bodies."""
    process = await _start(
        "replay", "--json", "--format", page.format, "--path", page.path, *map(str, page.files)
    )
    return _events(process, await process.communicate())


async def _over(pages: Sequence[Recorded]) -> None:
    for page in pages:
        await page.over.wait()


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bellbuoy",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def _events(process: asyncio.subprocess.Process, output: tuple[bytes, bytes]) -> list[Any]:
    assert process.returncode == 0, output[1].decode()
    return [json.loads(line) for line in output[0].splitlines()]
