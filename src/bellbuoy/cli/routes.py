"""`bellbuoy routes`: who would be told, and who would have been."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from msgspec import Struct, to_builtins

from bellbuoy.cli.options import ConfigPath, Flag, StorePlace

if TYPE_CHECKING:
    from bellbuoy.config import Config
    from bellbuoy.delivery.rehearsal import Rehearsal
    from bellbuoy.events import Event

commands = App(name="routes", help="Try routes before they go live.")


@commands.command(name="test")
def judge(
    *,
    event: Annotated[
        str, Parameter(name="--event", help="A file with one CloudEvent on each line; - is stdin.")
    ],
    json: Annotated[bool, Flag, Parameter(help="Print one decision on each line.")] = False,
    config: ConfigPath = None,
) -> int:
    """Say what each route decides of an event, and why.

    Each event is judged by itself, as if nothing was told before and nothing
    is silenced. Exit codes: 0 somebody would be told, 1 nobody.

    For example:

        bellbuoy events --json | tail -n 1 > event.json
        bellbuoy routes test --event event.json --config new.yaml
    """
    import json as encoder

    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.output import write
    from bellbuoy.routing.routes import decide

    chosen = choose(config, quiet=True)
    is_told = False
    for one in _events(event):
        if not json:
            write(f"{one.kind.value} {one.subject}\n")
        for decision in decide(one, chosen.routes, chosen.landscape):
            is_told |= decision.told
            if json:
                plain = {"event": one.id, **to_builtins(decision)}
                write(encoder.dumps(plain) + "\n")
                continue
            when = f" at {decision.due_at:%Y-%m-%d %H:%M} UTC" if decision.due_at else ""
            told = f"told{when}" if decision.told else "not told"
            write(f"  {decision.receiver}, route {decision.route}: {told}: {decision.reason}\n")
    return 0 if is_told else 1


@commands.command
def replay(
    *,
    since: Annotated[str, Parameter(help="How far back, such as 90d.")] = "90d",
    receiver: Annotated[
        str | None, Parameter(help="List every message that this receiver would have had.")
    ] = None,
    json: Annotated[bool, Flag, Parameter(help="Print one object.")] = False,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Say what these routes would have told, from the recorded log.

    Plays the log through the routes of the config in its own time: with holds,
    quiet hours, digests, reminders and the silences of then. Nothing is sent.

    For example:

        bellbuoy routes replay --since 90d --config new.yaml
        bellbuoy routes replay --since 7d --config new.yaml --receiver pager
    """
    import json as encoder

    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.options import duration
    from bellbuoy.cli.output import write
    from bellbuoy.errors import ConfigError
    from bellbuoy.platform import run

    chosen = choose(config, store=store, quiet=True)
    names = [each.name for each in chosen.receivers]
    if receiver is not None and receiver not in names:
        known = ", ".join(names) or "none"
        raise ConfigError(f"--receiver: {receiver!r} is not a receiver; known are {known}")
    seconds = duration("--since", since) or 0.0
    place = existing_store(chosen)
    rehearsal = run(lambda: _rehearse(place, chosen, seconds))
    if json:
        counts = to_builtins(_counts(rehearsal, names))
        plain = {"events": rehearsal.events, "receivers": counts}
        write(encoder.dumps(plain, indent=2) + "\n")
    elif receiver is not None:
        write(_messages(rehearsal, receiver, chosen.timezone))
    else:
        write(_summary(rehearsal, names))
    return 0


async def _rehearse(place: str, config: "Config", seconds: float) -> "Rehearsal":
    from collections.abc import AsyncIterator
    from datetime import UTC, datetime, timedelta

    from bellbuoy.delivery.rehearsal import rehearse
    from bellbuoy.notifiers import Notifiers, takes_digests
    from bellbuoy.stores.opening import open_store

    now = datetime.now(UTC)
    begin = now - timedelta(seconds=seconds)
    notifiers = Notifiers(config.notifiers)
    async with open_store(place, poller=False) as store:

        async def recorded() -> AsyncIterator["Event"]:
            seq = 0
            while batch := await store.read_events(after=seq):
                seq = batch[-1].seq
                for event in batch:
                    if event.observed_at >= begin:
                        yield event

        return await rehearse(
            recorded(),
            config.routes,
            config.landscape,
            config.receivers,
            until=now,
            digesting=[r.name for r in config.receivers if takes_digests(notifiers[r.kind])],
            silences=await store.silences(begin),
        )


def _events(name: str) -> "list[Event]":
    import sys

    from bellbuoy.errors import ConfigError
    from bellbuoy.events import from_json

    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ConfigError(f"--event: {name}: {error.strerror or error}") from None
    events: list[Event] = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                events.append(from_json(line))
            except ValueError as error:
                raise ConfigError(
                    f"--event: {name}, line {number}: is not an event: {error}; "
                    "`bellbuoy events --json` prints some"
                ) from None
    if not events:
        raise ConfigError(f"--event: {name} holds no event; `bellbuoy events --json` prints some")
    return events


class _Count(Struct, frozen=True, kw_only=True):
    messages: int
    events: int
    withheld: dict[str, int]


def _counts(rehearsal: "Rehearsal", names: list[str]) -> dict[str, _Count]:
    """What each receiver would have had, and the reasons for the rest, most frequent first."""
    counts: dict[str, _Count] = {}
    for name in names:
        mine = [message for message in rehearsal.messages if message.receiver == name]
        reasons = Counter(
            {why: count for (to, why), count in rehearsal.withheld.items() if to == name}
        )
        counts[name] = _Count(
            messages=len(mine),
            events=sum(len(message.contents) for message in mine),
            withheld=dict(reasons.most_common()),
        )
    return counts


def _summary(rehearsal: "Rehearsal", names: list[str]) -> str:
    lines = [f"{rehearsal.events} events"]
    for name, count in _counts(rehearsal, names).items():
        lines.append(f"{name}: {count.messages} messages, {count.events} events in them")
        lines += [f"  {reason}: {number}" for reason, number in count.withheld.items()]
    return "\n".join(lines) + "\n"


def _messages(rehearsal: "Rehearsal", receiver: str, timezone: str) -> str:
    from bellbuoy.cli.wording import local
    from bellbuoy.notifiers.console import line

    lines: list[str] = []
    for message in rehearsal.messages:
        if message.receiver == receiver:
            at = local(message.at, timezone)
            for index, (delivery, event) in enumerate(message.contents):
                lead = at if index == 0 else " " * len(at)
                why = "" if delivery.occasion.value == "event" else f" ({delivery.occasion})"
                lines.append(f"{lead}  {line(event, timezone)}{why}")
    return (
        "\n".join(lines) + "\n" if lines else f"{receiver} would not have been told of anything\n"
    )
