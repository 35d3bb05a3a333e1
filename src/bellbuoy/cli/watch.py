"""`bellbuoy watch`: poll, record, deliver, and print."""

from typing import Annotated

from cyclopts import Parameter

from bellbuoy.cli.options import (
    AllowPrivate,
    ConfigPath,
    Flag,
    KindNames,
    LogLevel,
    Providers,
    RoleNames,
    StorePlace,
)


def watch(
    *providers: Providers,
    kinds: KindNames = None,
    json: Annotated[bool, Flag, Parameter(help="Print one CloudEvent on each line.")] = False,
    once: Annotated[bool, Flag, Parameter(help="Poll every page once, then end.")] = False,
    for_: Annotated[
        str | None, Parameter(name="--for", help="End after this time: 30s, 5m, 2h.")
    ] = None,
    config: ConfigPath = None,
    store: StorePlace = None,
    stats: Annotated[
        bool, Flag, Parameter(help="End with one line of figures on standard output, as JSON.")
    ] = False,
    allow_private: AllowPrivate = (),
    roles: RoleNames = None,
    log_level: LogLevel = "warning",
    log_json: Annotated[bool, Flag, Parameter(help="Log as JSON, one object a line.")] = False,
) -> int:
    """Watch the pages and print every change.

    Goes on until it is stopped (Ctrl+C), and goes on from there when it is
    started again. Prints incidents and what happens to pages; --kinds asks for
    more. With --json it prints every kind of event, as one CloudEvent on each
    line. Receivers of the config are served beside that. --stats ends with
    {"polls", "not_modified", "changed", "failed", "events", "cpu_seconds",
    "max_rss_bytes", "lag"}, the last line of standard output.

    With a store on PostgreSQL any number of processes share the work; each
    polls and delivers what it has leased. Some providers only, or --once, are
    watched where nobody else polls.

    Exit codes: 0 fine or stopped, 1 failed or (--once) a page could not be
    read, 2 usage or config, 3 the store, 4 already running.

    For example:

        bellbuoy watch
        bellbuoy watch openai github --kinds incident,maintenance
        bellbuoy watch --json | jq -r .data.incident.title
        bellbuoy watch --once --store /tmp/look.db
        bellbuoy watch --config bellbuoy.yaml --log-level info
    """
    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.options import duration, kinds_of_events, roles_of
    from bellbuoy.cli.output import Printer
    from bellbuoy.model.leases import Role
    from bellbuoy.platform import run

    families, length = kinds_of_events(kinds), duration("--for", for_)
    chosen = choose(config, providers=providers, store=store, allow_private=allow_private)

    from bellbuoy.cli.monitor import Wishes, monitor

    wishes = Wishes(
        roles=roles_of(roles, (Role.POLL, Role.DELIVER), chosen),
        kinds=families,
        as_json=json,
        once=once,
        seconds=length,
        stats=stats,
        log_level=log_level,
        log_json=log_json,
    )
    with Printer("utf-8" if json else None) as printer:
        return run(lambda: monitor(chosen, wishes, printer))
