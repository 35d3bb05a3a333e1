"""A scripted vendor in a process of its own, so that what it costs is not counted.

    async with apart("tests.large_pages") as url:
        ...                                   # `script` of that module is served at this address

The process ends when its standard input does, so it never outlives its parent.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

from tests.faultd import faultd


@asynccontextmanager
async def apart(module: str) -> AsyncIterator[str]:
    """Serve the `script` of a module until the block ends; gives the vendor's address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.apart", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    try:
        url = (await process.stdout.readline()).decode().strip()
        assert url, "the vendor did not start"
        yield url
    finally:
        process.stdin.close()
        await process.wait()


async def _serve(module: str) -> None:
    async with faultd(import_module(module).script) as vendor:
        print(vendor.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
