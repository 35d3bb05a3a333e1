"""Blocking work that may hang for ever: a paused terminal, a disk that went away."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread


async def aside(work: Callable[[], None]) -> None:
    """Do blocking work in a thread that holds up neither the loop nor the end of the process.

    The threads of `asyncio.to_thread` are waited for at the end, so one of them that hangs
    would keep the process from stopping.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as caught:  # noqa: BLE001 - it is raised where it is awaited
            error = caught
        with suppress(RuntimeError):  # The loop was closed meanwhile: nobody waits.
            loop.call_soon_threadsafe(settle, error)

    Thread(target=run, name="notifier", daemon=True).start()
    await done
