"""`bellbuoy events`: read the log, beside a running `watch` or without one."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bellbuoy.cli.options import ConfigPath, Flag, KindNames, StorePlace

if TYPE_CHECKING:
    from bellbuoy.cli.output import Printer
    from bellbuoy.cli.rendering import Render
    from bellbuoy.stores import Store


def events(
    *,
    after: Annotated[
        str | None,
        Parameter(name="--after", help="Begin behind this place: SEQ, or LOG:SEQ to be sure."),
    ] = None,
    follow: Annotated[bool, Flag, Parameter(help="Go on with what is recorded next.")] = False,
    json: Annotated[bool, Flag, Parameter(help="Print one CloudEvent on each line.")] = False,
    kinds: KindNames = None,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Read the log of recorded events.

    Prints every kind of event, from the oldest kept or behind --after. Works
    beside a running `watch`. A place with a log's id is refused by any other
    log, because a restored backup repeats numbers.

    For example:

        bellbuoy events
        bellbuoy events --after 120 --follow --json
        bellbuoy events --kinds maintenance
    """
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.options import kinds_of_events
    from bellbuoy.cli.output import Printer
    from bellbuoy.cli.rendering import every_kind
    from bellbuoy.platform import run

    chosen = choose(config, store=store, quiet=True)
    render = every_kind(chosen.timezone, kinds_of_events(kinds), as_json=json)
    with Printer("utf-8" if json else None) as printer:
        run(lambda: _read(existing_store(chosen), after, render, printer, follow=follow))
    return 0


async def _read(
    place: str, after: str | None, render: "Render", printer: "Printer", *, follow: bool
) -> None:
    import asyncio

    from bellbuoy.platform import stop_signals
    from bellbuoy.stores.opening import open_store

    asked = asyncio.Event()
    with stop_signals(asked.set):
        async with open_store(place, poller=False) as store:
            reading = asyncio.create_task(
                _print(store, _place(after, store.log_id), render, printer, follow=follow)
            )
            stop = asyncio.create_task(asked.wait())
            gone = asyncio.create_task(printer.until_gone())
            tasks = (reading, stop, gone)
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    reading.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


async def _print(
    store: "Store", seq: int, render: "Render", printer: "Printer", *, follow: bool
) -> None:
    from bellbuoy.cli.output import say
    from bellbuoy.stores.cursors import format_cursor

    while True:
        batch = await store.read_events(after=seq)
        for event in batch:
            text = render(event)
            if text is not None:
                await printer.write(text)
            seq = event.seq
        if not batch and not follow:
            break
        if not batch:
            await store.wait_for_events(seq)
    say(f"read up to {format_cursor(store.log_id, seq)}")


def _place(after: str | None, log_id: str) -> int:
    from bellbuoy.stores.cursors import parse_cursor

    if after is None:
        return 0
    return parse_cursor(after if ":" in after else f"{log_id}:{after}", log_id)
