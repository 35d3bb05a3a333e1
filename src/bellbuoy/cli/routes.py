"""`bellbuoy routes`: who would be told, and who would have been."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from msgspec import Struct, to_builtins

from bellbuoy.cli.options import ConfigPath, Flag, StorePlace

if TYPE_CHECKING:
    from datetime import datetime

    from bellbuoy.config import Config
    from bellbuoy.delivery.rehearsal import Rehearsal, Told
    from bellbuoy.events import Event
    from bellbuoy.routing.routes import Decision

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
    from bellbuoy.cli.output import say, write
    from bellbuoy.routing.routes import decide
    from bellbuoy.text import clean_line

    chosen = choose(config, quiet=True)
    if not chosen.routes:
        say("there are no routes in the config, so nobody is told of anything")
    is_told = False
    for one in _events(event):
        if not json:
            write(clean_line(f"{one.kind.value} {one.subject}") + "\n")
        for decision in decide(one, chosen.routes, chosen.landscape):
            is_told |= decision.told
            if json:
                plain = {"event": one.id, **to_builtins(decision)}
                write(encoder.dumps(plain) + "\n")
            else:
                write(f"  {_said(decision, chosen.timezone)}\n")
    return 0 if is_told else 1


def _said(decision: "Decision", timezone: str) -> str:
    from bellbuoy.cli.wording import local

    when = f" at {local(decision.due_at, timezone)}" if decision.due_at else ""
    told = f"told{when}" if decision.told else "not told"
    return f"{decision.receiver}, route {decision.route}: {told}: {decision.reason}"


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
    quiet hours, digests, reminders and the silences of then, as if every message
    had been taken at once. Nothing is sent.

    For example:

        bellbuoy routes replay --since 90d --config new.yaml
        bellbuoy routes replay --since 7d --config new.yaml --receiver pager
    """
    import json as encoder
    from datetime import UTC, datetime

    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.options import period
    from bellbuoy.cli.output import write
    from bellbuoy.config.values import nearest
    from bellbuoy.errors import ConfigError
    from bellbuoy.platform import run

    chosen = choose(config, store=store, quiet=True)
    names = [each.name for each in chosen.receivers]
    if receiver is not None and receiver not in names:
        known = f"{nearest(receiver, names)}; known are {', '.join(names) or 'none'}"
        raise ConfigError(f"--receiver: {receiver!r} is not a receiver{known}")
    until = datetime.now(UTC)
    begin = until - period("--since", since)
    place = existing_store(chosen)
    rehearsal = run(lambda: _rehearse(place, chosen, begin, until))
    reports = [_report(rehearsal, name) for name in names if receiver in {None, name}]
    if json:
        told = {each.receiver: each.plain() for each in reports}
        write(encoder.dumps({"events": rehearsal.events, "receivers": told}, indent=2) + "\n")
    elif receiver is not None:
        write(_messages(reports[0], chosen.timezone))
    else:
        write(_summary(rehearsal, reports))
    return 0


async def _rehearse(
    place: str, config: "Config", begin: "datetime", until: "datetime"
) -> "Rehearsal":
    from collections.abc import AsyncIterator

    from bellbuoy.delivery.rehearsal import rehearse
    from bellbuoy.notifiers import Notifiers, renewal, takes_digests
    from bellbuoy.stores.opening import open_store

    kinds = Notifiers(config.notifiers)
    async with open_store(place, poller=False) as store:

        async def recorded() -> AsyncIterator["Event"]:
            seq = 0
            while batch := await store.read_events(after=seq):
                seq = batch[-1].seq
                for event in batch:
                    yield event

        return await rehearse(
            recorded(),
            config.routes,
            config.landscape,
            config.receivers,
            since=begin,
            until=until,
            digesting=[r.name for r in config.receivers if takes_digests(kinds[r.kind])],
            renewals={r.name: renewal(kinds[r.kind], r.settings) for r in config.receivers},
            silences=await store.silences(),
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


class _Report(Struct, frozen=True, kw_only=True):
    """What one receiver would have had, and the reasons for the rest, most frequent first."""

    receiver: str
    messages: "tuple[Told, ...]"
    withheld: dict[str, int]
    held: int

    @property
    def events(self) -> int:
        return sum(len(message.contents) for message in self.messages)

    def plain(self) -> dict[str, object]:
        """As values of JSON; each message with its events."""
        return {
            "messages": [
                {
                    "at": to_builtins(message.at),
                    "events": [
                        {
                            "id": event.id,
                            "kind": event.kind.value,
                            "subject": event.subject,
                            "route": delivery.rule,
                            "occasion": delivery.occasion.value,
                        }
                        for delivery, event in message.contents
                    ],
                }
                for message in self.messages
            ],
            "withheld": self.withheld,
            "held": self.held,
        }


def _report(rehearsal: "Rehearsal", name: str) -> _Report:
    reasons = Counter({why: count for (to, why), count in rehearsal.withheld.items() if to == name})
    return _Report(
        receiver=name,
        messages=tuple(message for message in rehearsal.messages if message.receiver == name),
        withheld=dict(reasons.most_common()),
        held=rehearsal.held[name],
    )


def _summary(rehearsal: "Rehearsal", reports: list[_Report]) -> str:
    from bellbuoy.web.spoken import counted

    lines = [counted(rehearsal.events, "event")]
    for each in reports:
        messages = counted(len(each.messages), "message")
        held = f", {each.held} still held" if each.held else ""
        events = counted(each.events, "event")
        lines.append(f"{each.receiver}: {messages} with {events}{held}")
        lines += [f"  not told of {number}: {reason}" for reason, number in each.withheld.items()]
    return "\n".join(lines) + "\n"


def _messages(report: _Report, timezone: str) -> str:
    from bellbuoy.cli.wording import local
    from bellbuoy.notifiers.console import line

    lines: list[str] = []
    for message in report.messages:
        at = local(message.at, timezone)
        for index, (delivery, event) in enumerate(message.contents):
            lead = at if index == 0 else " " * len(at)
            why = "" if delivery.occasion.value == "event" else f" ({delivery.occasion})"
            lines.append(f"{lead}  {line(event, timezone)}{why}")
    if not lines:
        lines.append(f"{report.receiver} would not have been told of anything")
    return "\n".join(lines) + "\n"
