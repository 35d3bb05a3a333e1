"""`bellbuoy silence`: mute something for a while."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from bellbuoy.cli.options import ConfigPath, Flag, KindNames, StorePlace

if TYPE_CHECKING:
    from datetime import datetime

    from bellbuoy.config import Config
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
    comment: Annotated[str, Parameter(help="Why, for those who wonder.", show_default=False)] = "",
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
    Prints the id of the silence; `silence expire ID` ends it.

    For example:

        bellbuoy silence add github:Actions --for 2h --comment "we know"
        bellbuoy silence add '*' --for 30m --impacts '<=minor'
    """
    from datetime import UTC, datetime

    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.options import period
    from bellbuoy.cli.output import say
    from bellbuoy.cli.wording import local
    from bellbuoy.config.routes import unwatched
    from bellbuoy.config.spoken import spoken_matcher
    from bellbuoy.delivery.silencing import new_silence

    chosen = choose(config, store=store, quiet=True)
    now = datetime.now(UTC)
    silence = new_silence(
        _matcher(chosen, target, kinds, impacts, text),
        now,
        now + period("--for", for_),
        author=author or _user(),
        comment=comment,
    )
    _keep(silence, chosen)
    if stranger := unwatched(silence.matcher, chosen.watched):
        say(f"warning: {stranger}; nothing is muted by this")
    until = local(silence.ends_at, chosen.timezone)
    say(f"silenced until {until}: {spoken_matcher(silence.matcher)}")
    return 0


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

    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.output import say, write

    chosen = choose(config, store=store, quiet=True)
    found = _silences(None if ended else datetime.now(UTC), chosen)
    if json:
        write(encoder.dumps([_plain(silence) for silence in found], indent=2) + "\n")
        return 0
    for silence in found:
        write(_line(silence, chosen.timezone) + "\n")
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
    """End a silence now, and print its id.

    For example:

        bellbuoy silence expire 4f3a9c01
    """
    from datetime import UTC, datetime

    from bellbuoy.cli.choice import choose
    from bellbuoy.errors import ConfigError

    chosen = choose(config, store=store, quiet=True)
    now = datetime.now(UTC)
    found = _silences(now, chosen)
    meant = [silence for silence in found if id and silence.id.startswith(id)]
    if len(meant) != 1:
        known = ", ".join(silence.id for silence in meant or found) or "none"
        what = "names several silences" if meant else "is no silence that is in force"
        raise ConfigError(f"{id!r} {what}; known are {known}")
    (silence,) = meant
    _keep(silence.ended(now), chosen)
    return 0


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"  # A container may run under a number that has no name.


def _matcher(
    config: "Config", target: str, kinds: str | None, impacts: str | None, text: str | None
) -> "Matcher":
    from msgspec.structs import replace

    from bellbuoy.catalog import Catalog
    from bellbuoy.cli.options import checked, kinds_of_events
    from bellbuoy.config import values
    from bellbuoy.config.routes import watched_target
    from bellbuoy.errors import ConfigError

    asked = checked("TARGET", target, values.target)
    matcher = watched_target(asked, config.watched, Catalog())
    if impacts is not None:
        matcher = replace(matcher, impacts=checked("--impacts", impacts, values.impacts))
    if text is not None and not text.strip():
        raise ConfigError("--text: is empty, so it would stand in every message; leave it out")
    return replace(
        matcher, kinds=kinds_of_events(kinds) or (), text=(text,) if text is not None else ()
    )


def _keep(silence: "Silence", config: "Config") -> None:
    from bellbuoy.cli.choice import existing_store
    from bellbuoy.cli.output import write
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    address = existing_store(config)

    async def keep() -> None:
        async with open_store(address, poller=False) as store:
            await store.add_silence(silence)

    run(keep)
    write(f"{silence.id}\n")


def _silences(since: "datetime | None", config: "Config") -> "tuple[Silence, ...]":
    from bellbuoy.cli.choice import existing_store
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    address = existing_store(config)

    async def read() -> "tuple[Silence, ...]":
        async with open_store(address, poller=False) as store:
            return await store.silences(since)

    return run(read)


def _plain(silence: "Silence") -> dict[str, object]:
    import msgspec

    from bellbuoy.config.spoken import plain_matcher

    return msgspec.to_builtins(silence) | {"matcher": plain_matcher(silence.matcher)}


def _line(silence: "Silence", timezone: str) -> str:
    from bellbuoy.cli.wording import local
    from bellbuoy.config.spoken import spoken_matcher
    from bellbuoy.text import clean_line

    comment = f": {silence.comment}" if silence.comment else ""
    until, what = local(silence.ends_at, timezone), spoken_matcher(silence.matcher)
    by = clean_line(f"by {silence.author}{comment}")
    return f"{silence.id}  until {until}  {what}  {by}"
