"""A thousand listeners of the stream: how soon they hear, and what an idle one costs.

Beside it stands a bare asyncio server that keeps as many sockets and writes them the same bytes.
Each server is a process of its own; the listeners are sockets in this one.
"""

import asyncio
import gc
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.event_samples import incident_event
from tests.web.sites import everyday, open_site

from bellbuoy.config.web import Web
from bellbuoy.platform import allow_many_files
from bellbuoy.platform import run as run_loop
from bellbuoy.web.application import application
from bellbuoy.web.server import listen, serving
from benchmarks.figures import Figure, Scale, apart

LISTENERS = 1000
REQUEST = (
    b"GET /api/v1/events/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
)
MOST_KB = 30.0
WITHIN = 1.0


def run(scale: Scale) -> list[Figure]:
    """Both servers, measured in turn."""
    count = scale.of(LISTENERS, least=50)
    ours = apart("benchmarks.sse", "measure", which="ours", count=count)
    bare = apart("benchmarks.sse", "measure", which="bare", count=count)
    soon = Figure(
        what=f"an event to {count:,} listeners of the stream, to the last of them",
        ours=f"{ours['seconds'] * 1000:.0f} ms",
        baseline=f"{bare['seconds'] * 1000:.0f} ms (bare asyncio sockets)",
        target=f"<= {WITHIN:g} s",
        measured=f"{ours['seconds']:.3g} s",
        holds=ours["seconds"] <= WITHIN,
        counts={"heard": ours["heard"]},
    )
    small = Figure(
        what="memory of an idle listener of the stream",
        ours=f"{ours['kilobytes']:.1f} KB",
        baseline=f"{bare['kilobytes']:.1f} KB (bare asyncio sockets)",
        target=f"<= {MOST_KB:g} KB",
        measured=f"{ours['kilobytes']:.1f} KB",
        holds=ours["kilobytes"] <= MOST_KB,
        counts={"listeners": ours["heard"]},
    )
    return [soon, small]


def measure(which: str, count: int) -> dict[str, float]:
    """How long an event takes to the last listener, in seconds, and what each costs, in KB."""
    allow_many_files()
    command = [sys.executable, "-m", "benchmarks.sse", which]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        return asyncio.run(_listen(process, count))
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        process.wait(20)
        process.stdout.close()  # type: ignore[union-attr]


async def _listen(process: Any, count: int) -> dict[str, float]:
    port = _ask(process)
    # The first ones pay for what all share.
    opened = [await _open(port) for _ in range(20)]
    before = _ask(process, "memory")
    opened += [await _open(port) for _ in range(count - 20)]
    after = _ask(process, "memory")
    seconds: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        process.stdin.write("event\n")
        process.stdin.flush()
        await asyncio.gather(*(_hear(reader) for reader, _ in opened))
        seconds.append(time.perf_counter() - began)
        process.stdout.readline()
    for _, writer in opened:
        writer.close()
    return {
        "seconds": sorted(seconds)[len(seconds) // 2],
        "kilobytes": (after - before) / (count - 20) / 1024,
        "heard": len(opened),
    }


async def _open(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    await reader.readuntil(b"id: ")
    await reader.readuntil(b"\n\n")
    return reader, writer


async def _hear(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"data: ")
    await reader.readuntil(b"\n\n")


def _ask(process: Any, question: str = "") -> Any:
    if question:
        process.stdin.write(f"{question}\n")
        process.stdin.flush()
    return json.loads(process.stdout.readline())


def _memory() -> int:
    """Bytes that this process holds: https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def _answer(port: int, event: Any) -> None:
    """Answer the parent until it is gone."""
    print(port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.strip() == "memory":
            print(_memory(), flush=True)
        else:
            await event()
            print("0", flush=True)


async def _bare() -> None:
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 0\n\n")
        writers.append(writer)
        await reader.read()

    text = b"id: 1\nevent: incident.opened\ndata: " + b"x" * 1200 + b"\n\n"

    async def event() -> None:
        for writer in writers:
            writer.write(text)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    await _answer(server.sockets[0].getsockname()[1], event)
    server.close()


async def _ours() -> None:
    async with open_site(everyday()) as site:
        with listen(Web(port=0)) as opened:
            async with serving(application(site), opened):
                number = 0

                async def event() -> None:
                    nonlocal number
                    number += 1
                    body = f"News {number} " + "x" * 200
                    await site.store.append([incident_event(update=f"new{number}", body=body)])

                await _answer(opened.getsockname()[1], event)
                site.app.request_stop()


if __name__ == "__main__":
    allow_many_files()
    run_loop({"ours": _ours, "bare": _bare}[sys.argv[1]])
