"""`bellbuoy demo`: the pretend internet, watched for real."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bellbuoy.cli.options import Flag, KindNames

if TYPE_CHECKING:
    from bellbuoy.app import App
    from bellbuoy.cli.output import Printer
    from bellbuoy.demo.internet import Internet

_PATIENCE = 120.0
"""How long a busy machine may take, in seconds, beside three times as long as wanted."""


def demo(
    *,
    for_: Annotated[str, Parameter(name="--for", help="About how long it takes.")] = "60s",
    seed: Annotated[int, Parameter(help="Another number tells another story.")] = 1,
    kinds: KindNames = None,
    json: Annotated[bool, Flag, Parameter(help="Print one CloudEvent on each line.")] = False,
) -> int:
    """Watch a pretend internet, which needs no network.

    Twelve invented vendors are served on this machine, and the monitor watches
    them as it watches real ones: incidents and planned work begin, develop and
    end, one page hangs, one answers a web page where its data should be, one
    answers errors for a while. It ends by itself once every page was read after
    the last change. Its store is removed at the end. The same seed always gives
    the same events.

    For example:

        bellbuoy demo
        bellbuoy demo --for 20s --seed 7 --json | jq -r .type
    """
    from bellbuoy.cli.options import checked, kinds_of_events
    from bellbuoy.cli.output import Printer
    from bellbuoy.durations import duration
    from bellbuoy.platform import run

    seconds = checked("--for", for_, duration)
    chosen = kinds_of_events(kinds)
    with Printer("utf-8" if json else None) as printer:
        return run(lambda: _demo(seed, seconds, printer, chosen, as_json=json))


async def _demo(
    seed: int,
    seconds: float,
    printer: "Printer",
    kinds: tuple[str, ...] | None,
    *,
    as_json: bool,
) -> int:
    import asyncio
    from tempfile import TemporaryDirectory

    from bellbuoy.app import App
    from bellbuoy.cli.output import say
    from bellbuoy.cli.rendering import usual_kinds
    from bellbuoy.demo.internet import demo_config, pretend_internet
    from bellbuoy.platform import stop_signals
    from bellbuoy.telemetry.logging import open_log

    recorded = 0
    with open_log("warning") as log, TemporaryDirectory(prefix="bellbuoy-demo-") as folder:
        async with pretend_internet(seed, seconds) as internet:
            config = demo_config(internet, f"sqlite:///{folder}/demo.db")
            render = usual_kinds(config, kinds, as_json=as_json)
            say(f"{len(config.watched)} pretend vendors, for about {seconds:g} s, seed {seed}")
            async with App(config, deliver=False, observer=log) as app:
                with stop_signals(app.request_stop):
                    async with asyncio.TaskGroup() as tasks:
                        ending = tasks.create_task(_end(app, internet, _PATIENCE + 3 * seconds))
                        async for event in app.events():
                            recorded += 1
                            text = render(event)
                            if text is not None:
                                await printer.write(text)
            say(f"the story is over: {recorded} events were recorded")
            return ending.result()


async def _end(app: "App", internet: "Internet", patience: float) -> int:
    """Stop the run once everything was read, or nobody wants more; returns the exit code."""
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
    app.request_stop()
    if not done:
        say(f"bellbuoy: gave up; not read to the end: {', '.join(internet.unread)}")
    return 0 if done else 1
