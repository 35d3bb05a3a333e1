"""`bellbuoy demo`: the pretend internet, watched for real."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from bellbuoy.cli.options import Flag, KindNames

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from bellbuoy.app import App
    from bellbuoy.cli.output import Printer
    from bellbuoy.config import Config
    from bellbuoy.demo.internet import Internet
    from bellbuoy.events import Event
    from bellbuoy.web.showing import Showing

_PATIENCE = 120.0
"""How long a busy machine may take, in seconds, beside three times as long as wanted."""


def demo(
    *,
    for_: Annotated[str, Parameter(name="--for", help="About how long it takes.")] = "60s",
    seed: Annotated[int, Parameter(help="Another number tells another story.")] = 1,
    kinds: KindNames = None,
    json: Annotated[bool, Flag, Parameter(help="Print one CloudEvent on each line.")] = False,
    port: Annotated[
        int | None,
        Parameter(
            validator=validators.Number(gte=0, lte=65535),
            help="Show it in a browser, too, at this port of this machine; 0 is any free one.",
        ),
    ] = None,
) -> int:
    """Watch a pretend internet, which needs no network.

    Twelve invented vendors are served on this machine, and the monitor watches
    them as it watches real ones: incidents and planned work begin, develop and
    end, one page hangs, one answers a web page where its data should be, one
    answers errors for a while. It ends by itself once every page was read after
    the last change; with --port it then goes on showing how it ended, until it
    is stopped (Ctrl+C). Its store is removed at the end. The same seed always
    gives the same events.

    For example:

        bellbuoy demo
        bellbuoy demo --for 20s --seed 7 --json | jq -r .type
        bellbuoy demo --for 10m --port 8484
    """
    from contextlib import nullcontext

    from bellbuoy.cli.options import checked, kinds_of_events
    from bellbuoy.cli.output import Printer
    from bellbuoy.durations import duration
    from bellbuoy.platform import run

    seconds = checked("--for", for_, duration)
    chosen = kinds_of_events(kinds)
    door = nullcontext() if port is None else _listen(port)
    with door as opened, Printer("utf-8" if json else None) as printer:
        return run(lambda: _demo(seed, seconds, printer, chosen, opened, as_json=json))


def _listen(port: int) -> "socket.socket":
    from bellbuoy.config.web import Web
    from bellbuoy.web.server import listen

    return listen(Web(port=port))


async def _demo(
    seed: int,
    seconds: float,
    printer: "Printer",
    kinds: tuple[str, ...] | None,
    opened: "socket.socket | None",
    *,
    as_json: bool,
) -> int:
    import asyncio
    from contextlib import nullcontext
    from tempfile import TemporaryDirectory

    from bellbuoy.app import App
    from bellbuoy.cli.output import say
    from bellbuoy.cli.rendering import usual_kinds
    from bellbuoy.demo.internet import demo_config, pretend_internet
    from bellbuoy.model.leases import Role
    from bellbuoy.observer import Observers
    from bellbuoy.platform import stop_signals
    from bellbuoy.telemetry.logging import open_log

    with open_log("warning") as log, TemporaryDirectory(prefix="bellbuoy-demo-") as folder:
        async with pretend_internet(seed, seconds) as internet:
            config = demo_config(internet, f"sqlite:///{folder}/demo.db")
            shown = None if opened is None else _shown(config, opened)
            render = usual_kinds(config, kinds, as_json=as_json)
            say(f"{len(config.watched)} pretend vendors, for about {seconds:g} s, seed {seed}")
            observer = log if shown is None else Observers((log, shown.observer))
            async with App(config, roles=(Role.POLL,), observer=observer) as app:
                if shown is not None:
                    say(f"serving at {shown.address}")
                with stop_signals(app.request_stop):
                    async with (
                        nullcontext() if shown is None else shown.of(app),
                        asyncio.TaskGroup() as tasks,
                    ):
                        patience = _PATIENCE + 3 * seconds
                        work = _end(app, internet, patience, stays=shown is not None)
                        ending = tasks.create_task(work)
                        recorded = await _print_all(app, render, printer)
            say(f"the story is over: {recorded} events were recorded")
            return ending.result()


async def _print_all(
    app: "App", render: "Callable[[Event], str | None]", printer: "Printer"
) -> int:
    """Print events until the run is over; returns how many were recorded."""
    recorded = 0
    async for event in app.events():
        recorded += 1
        text = render(event)
        if text is not None:
            await printer.write(text)
    return recorded


def _shown(config: "Config", opened: "socket.socket") -> "Showing":
    from bellbuoy.web.showing import Showing

    return Showing(config, opened)


async def _end(app: "App", internet: "Internet", patience: float, *, stays: bool) -> int:
    """Stop the run once everything was read, or nobody wants more; returns the exit code.

    One that `stays` is stopped by a person alone.
    """
    import asyncio

    from bellbuoy.cli.output import say

    waiting = [asyncio.create_task(work) for work in (internet.everything_read(), app.stopped())]
    try:
        done, _ = await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    for task in done:
        task.result()
    if done and stays:
        say("the story is over; what it led to is shown until you stop it (Ctrl+C)")
        await app.stopped()
    app.request_stop()
    if not done:
        say(f"bellbuoy: gave up; not read to the end: {', '.join(internet.unread)}")
    return 0 if done else 1
