"""Recorded bodies, served on loopback under their real path, one body per visit.

    async with serve("/api/v2/summary.json", series(corpus / "statuspage/github/...")) as page:
        lines = await watch(page, tmp_path, format="statuspage")

The page goes on to its next body whenever its face is asked again, so how fast a reader
reads does not matter. Nothing else is there: other questions are answered with 503, which
is no answer, and never with 404, which would say that something is gone.
"""

import asyncio
import gzip
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from aiohttp import web

_KINDS = {".json": "application/json", ".atom": "application/atom+xml", ".rss": "text/xml"}


def series(folder: Path, limit: int | None = None) -> list[Path]:
    """The recorded bodies of a series in the order in which they were captured."""
    return sorted(path for path in folder.iterdir() if path.name[0] != ".")[:limit]


def body_of(path: Path) -> bytes:
    """One recorded body as it came, unpacked."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


class Recorded:
    """A page that plays its recorded bodies."""

    def __init__(self, path: str, files: Sequence[Path]) -> None:
        self.path = path
        self.files = tuple(files)
        self.url = ""
        self.asked: list[str] = []
        self.over = asyncio.Event()
        """Set when the face is asked once more after the last body: its visit has ended."""
        self._place = -1

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one question."""
        self.asked.append(request.path)
        if request.path != self.path:
            return web.Response(status=503)
        if self._place + 1 == len(self.files):
            self.over.set()
        self._place = min(self._place + 1, len(self.files) - 1)
        file = self.files[self._place]
        body = body_of(file)
        kind = _KINDS[file.name.removesuffix(".gz")[file.name.removesuffix(".gz").rindex(".") :]]
        tag = blake2b(body, digest_size=8).hexdigest()
        headers = {"ETag": f'"{tag}"', "Content-Type": kind}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)


@asynccontextmanager
async def serve(path: str, files: Sequence[Path]) -> AsyncIterator[Recorded]:
    """Serve recorded bodies on a free port of 127.0.0.1."""
    page = Recorded(path, files)
    application = web.Application()
    application.router.add_get("/{path:.*}", page.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        page.url = f"http://{host}:{port}"
        yield page
    finally:
        await runner.cleanup()


async def watch(
    pages: Sequence[Recorded], folder: Path, *, format: str, every: str = "50ms"
) -> list[Any]:
    """The events that the real `watch` process prints while it reads pages to their end."""
    config = folder / "bellbuoy.json"
    config.write_text(
        json.dumps(
            {
                "providers": [
                    {"name": f"P{n}", "url": page.url, "format": format, "every": every}
                    for n, page in enumerate(pages)
                ],
                "http": {"allow_private": ["127.0.0.0/8"]},
                "store": f"sqlite:///{folder}/watch.db",
            }
        )
    )
    process = await _start("watch", "--json", "--config", str(config))
    reading = asyncio.create_task(process.communicate())
    over = asyncio.gather(*(page.over.wait() for page in pages))
    await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
    over.cancel()
    if not reading.done():
        process.send_signal(signal.SIGTERM)
    out, err = await reading
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]


async def replay(page: Recorded, *, format: str) -> list[Any]:
    """The events that the real `replay` process prints for the same bodies."""
    process = await _start(
        "replay", "--json", "--format", format, "--path", page.path, *map(str, page.files)
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bellbuoy",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
