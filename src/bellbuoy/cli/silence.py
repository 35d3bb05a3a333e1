"""`bellbuoy silence`: mute something for a while."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from bellbuoy.cli.options import ConfigPath, Flag, KindNames, StorePlace

if TYPE_CHECKING:
    from datetime import datetime

    from bellbuoy.model.delivery import Matcher, Silence

commands = App(name="silence", help="Mute providers, components or kinds of events for a while.")


@commands.command
def add(
    target: Annotated[
        str, Parameter(help="PROVIDER or PROVIDER:COMPONENT, by name or glob; '*' is everything.")
    ],
    /,
    *,
    for_: Annotated[str, Parameter(name="--for", help="How long, such as 2h.")],
    comment: Annotated[str, Parameter(help="Why, for those who wonder.")] = "",
    author: Annotated[str | None, Parameter(help="Who says so; default: your user name.")] = None,
    kinds: KindNames = None,
    impacts: Annotated[
        str | None, Parameter(help="Only these, such as minor or '<=minor'.", show_default=False)
    ] = None,
    text: Annotated[
        str | None, Parameter(help="Only where this stands in the title or the message.")
    ] = None,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Mute something from now on, for every receiver.

    It counts at once, also for a `watch` that runs. What is muted stays in the
    log. Who was told that an incident began is told of its end all the same.
    Prints the id of the silence.

    For example:

        bellbuoy silence add github:Actions --for 2h --comment "we know"
        bellbuoy silence add '*' --for 30m --impacts '<=minor'
    """
    import getpass
    from datetime import UTC, datetime, timedelta
    from secrets import token_hex

    from bellbuoy.cli.options import duration
    from bellbuoy.model.delivery import Silence

    seconds = duration("--for", for_)
    now = datetime.now(UTC)
    silence = Silence(
        id=token_hex(4),
        matcher=_matcher(target, kinds, impacts, text),
        starts_at=now,
        ends_at=now + timedelta(seconds=seconds or 0.0),
        author=author or getpass.getuser(),
        comment=comment,
        created_at=now,
    )
    return _keep(silence, config, store)


@commands.command(name="list")
def list_(
    *,
    ended: Annotated[
        bool, Flag, Parameter(name="--ended", help="Those that are over, too.")
    ] = False,
    json: Annotated[bool, Flag, Parameter(help="Print an array.")] = False,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Show what is muted, by whom, until when and why.

    For example:

        bellbuoy silence list
    """
    import json as encoder
    from datetime import UTC, datetime

    import msgspec

    from bellbuoy.cli.output import say, write

    since = None if ended else datetime.now(UTC)
    zone, found = _silences(since, config, store)
    if json:
        write(encoder.dumps(msgspec.to_builtins(found), indent=2) + "\n")
        return 0
    for silence in found:
        write(_line(silence, zone) + "\n")
    if not found:
        say("nothing is silenced")
    return 0


@commands.command
def expire(
    id: Annotated[str, Parameter(help="The id of the silence, or how it begins.")],
    /,
    *,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """End a silence now.

    For example:

        bellbuoy silence expire 4f3a9c01
    """
    from datetime import UTC, datetime

    from msgspec.structs import replace

    from bellbuoy.errors import ConfigError

    now = datetime.now(UTC)
    _, found = _silences(now, config, store)
    meant = [silence for silence in found if silence.id.startswith(id)]
    if len(meant) != 1:
        known = ", ".join(silence.id for silence in meant or found) or "none"
        what = "names several silences" if meant else "is no silence that is in force"
        raise ConfigError(f"{id!r} {what}; known are {known}")
    (silence,) = meant
    ends_at = max(now, silence.starts_at)
    return _keep(replace(silence, ends_at=ends_at), config, store)


def _matcher(target: str, kinds: str | None, impacts: str | None, text: str | None) -> "Matcher":
    from msgspec.structs import replace

    from bellbuoy.cli.options import checked, kinds_of_events
    from bellbuoy.config import values
    from bellbuoy.config.routes import target as find

    asked = checked("TARGET", target, values.target)
    matcher = find(asked)
    if impacts is not None:
        matcher = replace(matcher, impacts=checked("--impacts", impacts, values.impacts))
    return replace(
        matcher, kinds=kinds_of_events(kinds) or (), text=(text,) if text is not None else ()
    )


def _keep(silence: "Silence", config: ConfigPath, place: StorePlace) -> int:
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import write
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    address = existing_store(choose(config, store=place, quiet=True))

    async def keep() -> None:
        async with open_store(address, poller=False) as store:
            await store.add_silence(silence)

    run(keep)
    write(f"{silence.id}\n")
    return 0


def _silences(
    since: "datetime | None", config: ConfigPath, place: StorePlace
) -> "tuple[str, tuple[Silence, ...]]":
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    chosen = choose(config, store=place, quiet=True)
    address = existing_store(chosen)

    async def read() -> "tuple[Silence, ...]":
        async with open_store(address, poller=False) as store:
            return await store.silences(since)

    return chosen.timezone, run(read)


def _line(silence: "Silence", timezone: str) -> str:
    from bellbuoy.cli.wording import local, spoken_matcher

    comment = f": {silence.comment}" if silence.comment else ""
    until, what = local(silence.ends_at, timezone), spoken_matcher(silence.matcher)
    return f"{silence.id}  until {until}  {what}  by {silence.author}{comment}"
