"""`bellbuoy workers`: who shares the work, and who holds what."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bellbuoy.cli.options import ConfigPath, Flag, StorePlace

if TYPE_CHECKING:
    from bellbuoy.model.leases import Member, Roster


def workers(
    *,
    json: Annotated[bool, Flag, Parameter(help="Print it as JSON.")] = False,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Show the processes that share a store, and what each of them holds.

    A store on PostgreSQL is shared by any number of workers. A line for each:
    its machine and process, what it is there for, its version, since when it
    runs, how many shards of the pages it polls, what it delivers, and when it
    was heard last. One that was not heard for 15 seconds is gone; it is named
    for another hour. Whatever nobody holds comes last. --json prints
    {"at", "workers", "free"}, with the names of all leases.

    For example:

        bellbuoy workers --store postgresql://bellbuoy@db.example/bellbuoy
        bellbuoy workers --json
    """
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import say, write
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import is_shared, open_store

    chosen = choose(config, store=store, quiet=True)
    place = existing_store(chosen)

    async def look() -> "Roster":
        async with open_store(place) as opened:
            if not is_shared(place):
                say(
                    f"{opened.place}: one process polls and delivers with a store in a file; on "
                    "PostgreSQL many share the work"
                )
            return await opened.roster()

    roster = run(look)
    if json:
        from json import dumps

        write(dumps(plain(roster), indent=2) + "\n")
    else:
        write(_table(roster, chosen.timezone))
    return 0


def plain(roster: "Roster") -> dict[str, Any]:
    """A roster as JSON: instants in UTC, leases by worker, and those that nobody alive holds."""
    live = {one.worker.id for one in roster.members if one.is_live}
    return {
        "at": _instant(roster.at),
        "workers": [
            {
                "id": one.worker.id,
                "name": one.worker.name,
                "roles": [role.value for role in one.worker.roles],
                "version": one.worker.version,
                "started_at": _instant(one.worker.started_at),
                "until": _instant(one.until),
                "is_live": one.is_live,
                "is_offline": one.worker.is_offline,
                "watches": one.worker.watches,
                "leases": sorted(roster.held_by(one.worker.id)),
            }
            for one in roster.members
        ],
        "free": [name for name, held in roster.holdings.items() if held.owner not in live],
    }


def _instant(at: Any) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _table(roster: "Roster", timezone: str) -> str:
    if not roster.members:
        return "no workers\n"
    rows = [("WORKER", "ROLES", "VERSION", "SINCE", "SHARDS", "DELIVERS", "HEARD")]
    rows += [_row(one, roster, timezone) for one in roster.members]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if free := plain(roster)["free"]:
        lines.append(f"held by nobody: {len(free)} ({', '.join(free[:5])})")
    return "\n".join(lines) + "\n"


def _row(member: "Member", roster: "Roster", timezone: str) -> tuple[str, ...]:
    from bellbuoy.cli.wording import local
    from bellbuoy.model.leases import is_shard
    from bellbuoy.text import clean_line

    worker = member.worker
    held = sorted(roster.held_by(worker.id))
    shards = [name for name in held if is_shard(name)]
    delivers = [name.removeprefix("receiver ") for name in held if name not in set(shards)]
    silence = (roster.at - member.heard_at).total_seconds()
    heard = f"{max(silence, 0):.0f} s ago"
    if not member.is_live:
        heard += ", gone"
    elif worker.is_offline:
        heard += ", offline"
    return (
        clean_line(worker.name, 60),
        ",".join(worker.roles),
        worker.version,
        local(worker.started_at, timezone),
        str(len(shards)),
        clean_line(", ".join(delivers) or "-", 60),
        heard,
    )
