"""`bellbuoy store`: look after the database."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from bellbuoy.cli.options import ConfigPath, Flag, StorePlace

commands = App(
    name="store", help="Check the store, bring it up to date, copy it, or move it to another."
)


@commands.command
def migrate(*, config: ConfigPath = None, store: StorePlace = None) -> int:
    """Bring the store's tables up to date, as every command does that opens it.

    Of a SQLite file a copy is made first. Several of these at once are fine:
    one does it, the others wait for it.

    Exit codes: 0 it is up to date, 2 usage or config, 3 it cannot be brought up
    to date and is as it was, 4 an older Bellbuoy polls with it.

    For example:

        bellbuoy store migrate
    """
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import write
    from bellbuoy.stores import migrating

    done = migrating.migrate(existing_store(choose(config, store=store, quiet=True)))
    if done.before == done.after:
        write(f"{done.place}: schema {done.after}, nothing to do\n")
    else:
        kept = "" if done.copy is None else f"; the copy from before is {done.copy}"
        write(f"{done.place}: brought from schema {done.before} to {done.after}{kept}\n")
    return 0


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
def vacuum(*, config: ConfigPath = None, store: StorePlace = None) -> int:
    """Give the room of what was dropped back, and say how many bytes that is.

    A SQLite file is written anew, which needs as much free disk again and
    nobody who polls. On PostgreSQL, VACUUM (ANALYZE) of our tables runs beside
    `watch`.

    Exit codes: 0 done, 2 usage or config, 3 the store, 4 a `watch` polls with
    the file.

    For example:

        bellbuoy store vacuum
    """
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import write
    from bellbuoy.stores import vacuum as room

    done = room.vacuum(existing_store(choose(config, store=store, quiet=True)))
    write(f"{done.place}: {done.before} bytes before, {done.after} after\n")
    return 0


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


@commands.command
def export(
    file: Annotated[
        str,
        Parameter(
            help="A new file, through gzip if its name ends in .gz; or - for the output.",
            allow_leading_hyphen=True,
        ),
    ],
    /,
    *,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Write all that the store holds in a form that any store can import.

    It is the store as it is at one instant, also while `watch` runs. To move to
    another store, stop `watch` first: what it records later is not in it.

    Exit codes: 0 it is whole, 1 stopped, 2 usage or config, 3 the store or the
    file.

    For example:

        bellbuoy store export bellbuoy.jsonl.gz
        bellbuoy store export - | bellbuoy store import - --store new.db
    """
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.moving import export_to

    return export_to(file, existing_store(choose(config, store=store, quiet=True)))


@commands.command(name="import")
def import_(
    file: Annotated[
        str,
        Parameter(help="What `store export` made; or - for the input.", allow_leading_hyphen=True),
    ],
    /,
    *,
    new_log: Annotated[
        bool,
        Flag,
        Parameter(help="Make it a log of its own: a copy, beside which the other store goes on."),
    ] = False,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Put an export into a store in which nothing is yet; it is made if need be.

    It stays the same log: readers go on where they were, and the store it came
    from must not be polled with any more. Killed or stopped at any point, the
    same command goes on from there; until it is over nothing else opens the
    store.

    Exit codes: 0 it is all there, 1 stopped, 2 usage or config, 3 the store or
    the file, 4 another process uses the store.

    For example:

        bellbuoy store import bellbuoy.jsonl.gz --store postgresql://bell@db.example/bell
        bellbuoy store import bellbuoy.jsonl.gz --store copy.db --new-log
    """
    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.moving import import_from

    chosen = choose(config, store=store, quiet=True)
    return import_from(file, chosen.store, new_log=new_log)
