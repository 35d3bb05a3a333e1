"""The baselines: the plainest loops that do what is measured."""

import asyncio
import ssl
import time
from importlib import import_module
from io import BytesIO
from typing import Any

import aiohttp
import feedparser
import uvloop


def aiohttp_loop(
    urls: list[str],
    count: int,
    *,
    workers: int = 10,
    ca_file: str | None = None,
    parses: bool = False,
) -> dict[str, Any]:
    """CPU seconds of a conditional GET with aiohttp; `parses` reads each 200 by feedparser."""

    async def main() -> dict[str, Any]:
        context = ssl.create_default_context(cafile=ca_file)
        tags: dict[str, str] = {}
        statuses: dict[str, int] = {}
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def look(url: str) -> None:
                headers = {"If-None-Match": tags[url]} if url in tags else {}
                async with session.get(url, headers=headers) as response:
                    body = await response.read()
                tags[url] = response.headers["ETag"]
                status = str(response.status)
                statuses[status] = statuses.get(status, 0) + 1
                if parses and response.status == 200:
                    feedparser.parse(BytesIO(body))

            async def work(mine: list[str]) -> None:
                for url in mine:
                    await look(url)

            async def sweep() -> None:
                await asyncio.gather(*(work(urls[n::workers]) for n in range(workers)))

            await sweep()
            statuses.clear()
            began = time.process_time()
            for _ in range(max(count // len(urls), 1)):
                await sweep()
            cpu = time.process_time() - began
        visits = sum(statuses.values())
        return {"cpu": cpu / visits, "visits": visits, "outcomes": statuses}

    return uvloop.run(main())


def httpx_loop(urls: list[str], count: int, *, workers: int = 10) -> dict[str, Any]:
    """CPU seconds of a conditional GET with httpx, each answer given to feedparser."""
    httpx = import_module("httpx")  # of the `bench` group: only who measures has it

    async def main() -> dict[str, Any]:
        tags: dict[str, str] = {}
        statuses: dict[str, int] = {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(limits=limits) as client:

            async def look(url: str) -> None:
                headers = {"If-None-Match": tags[url]} if url in tags else {}
                response = await client.get(url, headers=headers)
                tags[url] = response.headers["ETag"]
                status = str(response.status_code)
                statuses[status] = statuses.get(status, 0) + 1
                feedparser.parse(BytesIO(response.content))

            async def work(mine: list[str]) -> None:
                for url in mine:
                    await look(url)

            async def sweep() -> None:
                await asyncio.gather(*(work(urls[n::workers]) for n in range(workers)))

            await sweep()
            statuses.clear()
            began = time.process_time()
            for _ in range(max(count // len(urls), 1)):
                await sweep()
            cpu = time.process_time() - began
        visits = sum(statuses.values())
        return {"cpu": cpu / visits, "visits": visits, "outcomes": statuses}

    return uvloop.run(main())
