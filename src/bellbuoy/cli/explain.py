"""`bellbuoy explain`: who was told of an incident, who was not, and why."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bellbuoy.cli.options import ConfigPath, Flag, StorePlace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bellbuoy.config import Config
    from bellbuoy.delivery.explanation import Answer
    from bellbuoy.events import Event


def explain(
    incident: Annotated[
        str, Parameter(help="Its id, its address, its subject in an event, or a part of its title.")
    ],
    /,
    *,
    json: Annotated[
        bool, Flag, Parameter(help="Print an array, an answer for each event and receiver.")
    ] = False,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Say for each receiver what it was told of an incident, and why not the rest.

    What was written down when it happened counts: sent, waiting, held,
    withheld or dead, by which route and for which reason. Where nothing was
    written down, because a route never asks for such an event, the routes are
    asked as they are now.

    For example:

        bellbuoy explain https://www.githubstatus.com/incidents/tq2xj1pgc4sc
        bellbuoy explain "Actions is experiencing"
    """
    import json as encoder

    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import write
    from bellbuoy.delivery.explanation import explain as ask
    from bellbuoy.delivery.explanation import find_incident
    from bellbuoy.errors import ConfigError
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    chosen = choose(config, store=store, quiet=True)
    place = existing_store(chosen)

    async def look() -> "Sequence[Answer]":
        async with open_store(place, poller=False) as opened:
            found = await find_incident(opened, incident)
            if len(found) != 1:
                raise ConfigError(f"{incident!r} {_unclear(found)}")
            names = [receiver.name for receiver in chosen.receivers]
            return await ask(opened, found[0], chosen.routes, chosen.landscape, names)

    answers = run(look)
    if json:
        write(encoder.dumps([_plain(answer) for answer in answers], indent=2) + "\n")
    else:
        write(_text(answers, chosen))
    return 0


def _unclear(found: "Sequence[Event]") -> str:
    """What to do about a text that means no incident, or several."""
    from bellbuoy.text import clean_line

    if not found:
        return "is no incident in the log; `bellbuoy events --kinds incident` shows all of them"
    titled = [
        f"{event.subject} ({clean_line(event.incident.title, 60)})"
        for event in found
        if event.incident is not None
    ]
    more = f", and {len(found) - 5} more" if len(found) > 5 else ""
    return f"means {len(found)} incidents; name one: {', '.join(titled[:5])}{more}"


def _text(answers: "Sequence[Answer]", config: "Config") -> str:
    from bellbuoy.cli.wording import local
    from bellbuoy.notifiers.console import block

    if not answers:
        return "nobody is told of anything: there are no receivers in the config\n"
    kinds = {receiver.name: receiver.kind for receiver in config.receivers}
    lines = [block(answers[-1].event, config.timezone)]
    for name in dict.fromkeys(answer.receiver for answer in answers):
        lines += ["", f"{name} ({kinds.get(name, 'no longer in the config')})"]
        for answer in answers:
            if answer.receiver == name:
                at = local(answer.event.observed_at, config.timezone)
                lines.append(f"  {at}  {answer.event.kind.value:<21}  {_said(answer, config)}")
    return "\n".join(lines) + "\n"


def _said(answer: "Answer", config: "Config") -> str:
    """What became of it, in one line."""
    from bellbuoy.cli.wording import local
    from bellbuoy.text import clean_line
    from bellbuoy.web.spoken import counted

    at = local(answer.at, config.timezone) if answer.at else ""
    rule = f"route {answer.rule}"
    not_asked = f"{answer.outcome} by {rule}, as it is now" if answer.rule else answer.outcome
    said = {
        "sent": f"sent {at} by {rule}",
        "waiting": f"waiting, due {at}, by {rule}",
        "held": f"held until {at} by {rule}",
        "withheld": f"withheld by {rule}",
        "dead": f"dead since {at}, by {rule}",
        "not dispatched": f"not told so far; now {rule} would tell it",
    }.get(answer.outcome, not_asked)
    tried = counted(answer.attempts, "attempt")
    notes = [
        answer.occasion.value if answer.occasion.value != "event" else "",
        answer.reason if answer.reason != answer.occasion.value else "",
        f"in digest {answer.digest}" if answer.digest else "",
        f"{tried}: {answer.detail}" if answer.detail else "",
        f"message {answer.reference}" if answer.reference else "",
    ]
    return clean_line(": ".join(filter(None, (said, "; ".join(filter(None, notes))))), 1000)


def _plain(answer: "Answer") -> dict[str, object]:
    import msgspec

    event = answer.event
    about = {
        "seq": event.seq,
        "id": event.id,
        "kind": event.kind.value,
        "subject": event.subject,
        "observed_at": msgspec.to_builtins(event.observed_at),
    }
    return msgspec.to_builtins(answer) | {"event": about}
