"""`bellbuoy store`: look after the database."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from bellbuoy.cli.options import ConfigPath, StorePlace

commands = App(name="store", help="Check the store, or copy it while it runs.")


@commands.command
def check(*, config: ConfigPath = None, store: StorePlace = None) -> int:
    """Look for damage in the store.

    Exit codes: 0 it is sound, 2 usage or config, 3 it is damaged or cannot be
    opened.

    For example:

        bellbuoy store check
        bellbuoy store check --store /var/lib/bellbuoy/bellbuoy.db
    """
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import say, write
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    place = existing_store(choose(config, store=store, quiet=True))

    async def look() -> int:
        async with open_store(place, poller=False) as opened:
            problems = await opened.check()
            for problem in problems:
                say(f"bellbuoy: {opened.place}: {problem}")
            if not problems:
                last = await opened.last_seq()
                write(f"{opened.place}: sound, {last} events recorded, log {opened.log_id}\n")
            return 3 if problems else 0

    return run(look)


@commands.command
def backup(
    file: Annotated[Path, Parameter(help="The copy; it must not exist yet.")],
    /,
    *,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Write a consistent copy of the store to a new file, also while `watch` runs.

    For example:

        bellbuoy store backup /backups/bellbuoy-monday.db
    """
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import write
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    place = existing_store(choose(config, store=store, quiet=True))

    async def copy() -> str:
        async with open_store(place, poller=False) as opened:
            await opened.backup(str(file))
            return opened.place

    write(f"{run(copy)} copied to {file}\n")
    return 0
