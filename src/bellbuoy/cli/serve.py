"""`bellbuoy serve`: watch, deliver, and show it in a browser."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from bellbuoy.cli.options import (
    AllowPrivate,
    ConfigPath,
    Flag,
    LogLevel,
    RoleNames,
    StorePlace,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection

    from bellbuoy.app import App
    from bellbuoy.cli.sweeps import FirstLooks
    from bellbuoy.config import Config
    from bellbuoy.config.web import Web
    from bellbuoy.model.leases import Role
    from bellbuoy.telemetry.logging import Level


def serve(
    *,
    host: Annotated[
        str | None, Parameter(help="The address to listen on; default: the config's.")
    ] = None,
    port: Annotated[
        int | None,
        Parameter(
            validator=validators.Number(gte=0, lte=65535),
            help="The port; 0 is any free one; default: the config's, or 8484.",
        ),
    ] = None,
    config: ConfigPath = None,
    store: StorePlace = None,
    allow_private: AllowPrivate = (),
    roles: RoleNames = None,
    log_level: LogLevel = "warning",
    log_json: Annotated[bool, Flag, Parameter(help="Log as JSON, one object a line.")] = False,
) -> int:
    """Watch, deliver to the receivers, and serve the dashboard and the API.

    Everything that `watch` does but printing, and one port: the dashboard, the
    API below /api/v1, feeds, metrics, and /api/v2 as a status page of its own.
    It listens on this machine only. For another address the config must say
    who may read, and by which name it is reached: see web in the config.

    --roles makes it do a part of that: `web` alone shows what others record in
    the same store, be it a `watch` beside it; without `web` the port has only
    /healthz, /readyz and /metrics. In PostgreSQL many processes share a store,
    each with its roles; elsewhere one process polls and delivers.

    Exit codes: 0 stopped, 1 failed, 2 usage or config, 3 the store, 4 already
    running.

    For example:

        bellbuoy serve
        bellbuoy serve --port 9000 --config bellbuoy.yaml
        bellbuoy serve --roles web
    """
    from msgspec.structs import replace

    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.options import roles_of
    from bellbuoy.config.web import too_open
    from bellbuoy.errors import ConfigError
    from bellbuoy.model.leases import Role
    from bellbuoy.platform import allow_many_files, run
    from bellbuoy.stores.opening import MEMORY
    from bellbuoy.web.server import listen

    chosen = choose(config, store=store, allow_private=allow_private)
    asked = roles_of(roles, tuple(Role), chosen)
    if asked == (Role.WEB,) and chosen.store == MEMORY:
        raise ConfigError(
            "--roles: what is in memory is seen by its own process only; for web alone, name a "
            "store in a file or on PostgreSQL"
        )
    web = replace(
        chosen.web,
        host=chosen.web.host if host is None else host.strip("[]"),
        port=chosen.web.port if port is None else port,
    )
    if problem := too_open(web):
        raise ConfigError(f"--host: {problem}")
    allow_many_files()
    with listen(web) as opened:
        return run(lambda: _serve(chosen, asked, web, opened, log_level, as_json=log_json))


async def _serve(
    config: "Config",
    roles: "Collection[Role]",
    web: "Web",
    opened: "socket.socket",
    log_level: "Level",
    *,
    as_json: bool,
) -> int:
    import asyncio

    from bellbuoy.app import App
    from bellbuoy.cli.output import say
    from bellbuoy.cli.sweeps import FirstLooks
    from bellbuoy.config.secrets import secrets_of
    from bellbuoy.model.leases import Role
    from bellbuoy.observer import Observers
    from bellbuoy.platform import stop_signals
    from bellbuoy.telemetry.logging import open_log
    from bellbuoy.telemetry.systemd import supervised
    from bellbuoy.web.showing import Showing

    showing = Showing(config, opened, web)
    is_whole = Role.WEB in roles
    polled = config.watched if Role.POLL in roles else ()
    with (
        open_log(log_level, as_json=as_json, secrets=secrets_of(config)) as log,
        FirstLooks(polled) as looks,
    ):
        observer = Observers((showing.observer, looks, log))
        app = App(config, roles=roles, observer=observer, pulse=showing.woke)
        with stop_signals(app.request_stop):
            async with app, showing.of(app, is_whole=is_whole), supervised(app.stuck):
                there = "" if is_whole else " (/healthz, /readyz and /metrics only)"
                say(f"serving at {showing.address}{there}")
                report = asyncio.create_task(_report(app, looks)) if polled else None
                try:
                    await app.stopped()
                finally:
                    if report is not None:
                        report.cancel()
                        await asyncio.gather(report, return_exceptions=True)
    return 0


async def _report(app: "App", looks: "FirstLooks") -> None:
    """Say what the first sweep found."""
    from bellbuoy.cli.output import say
    from bellbuoy.cli.sweeps import in_one_line

    sweep = await app.first_sweep()
    looks.over()
    if app.looked_at() < sweep.pages:
        return
    every = min(one.page.every for one in app.config.watched)
    for line in looks.failures():
        say(line)
    say(in_one_line(sweep, every=every, place=app.store.place))
