"""`bellbuoy drill`: a made-up incident, to see who is told and how fast."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bellbuoy.cli.options import ConfigPath, Flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bellbuoy.config import Config
    from bellbuoy.delivery.drill import Line
    from bellbuoy.events import Event

ANSWER_WITHIN = 30.0
"""How long a receiver may take to answer, in seconds."""


def drill(
    provider: Annotated[
        str | None, Parameter(name="PROVIDER", help="Whose incident; default: the first watched.")
    ] = None,
    /,
    *,
    component: Annotated[
        tuple[str, ...],
        Parameter(
            name="--component",
            help="What it hits; can be repeated.",
            negative="",
            show_default=False,
        ),
    ] = (),
    impact: Annotated[
        Literal["none", "minor", "major", "critical"], Parameter(help="How bad it is.")
    ] = "major",
    json: Annotated[bool, Flag, Parameter(help="Print one object on each line.")] = False,
    config: ConfigPath = None,
) -> int:
    """Play a made-up incident through the real routes to the real receivers.

    It opens, is updated and ends. Every text says that it is a drill. Waiting
    for holds and quiet hours is skipped and told. Nothing of it is recorded.
    Exit codes: 0 whoever was told took it, 1 somebody did not, or nobody is told.

    For example:

        bellbuoy drill github
        bellbuoy drill openai --component API --impact critical
    """
    from bellbuoy.cli.choice import choose
    from bellbuoy.delivery.drill import life
    from bellbuoy.errors import ConfigError
    from bellbuoy.model.facts import Impact

    chosen = choose(config, quiet=True)
    wanted = choose(config, providers=(provider,), quiet=True) if provider else chosen
    if not chosen.receivers:
        raise ConfigError("there are no receivers in the config; add some under receivers")
    page = wanted.watched[0].page
    events = life("DRILL", page.provider, page.url, impact=Impact(impact), components=component)
    return play(chosen, events, as_json=json)


def play(config: "Config", events: "Sequence[Event]", *, as_json: bool) -> int:
    """Let a made-up life reach the receivers of a config, and say what came of it."""
    import json
    import sys
    from contextlib import nullcontext, redirect_stdout

    import msgspec

    from bellbuoy.cli.output import say, write
    from bellbuoy.delivery.drill import drill as run_through
    from bellbuoy.exchange import Exchange
    from bellbuoy.http.driver import Driver
    from bellbuoy.model.delivery import Receipt
    from bellbuoy.notifiers import Notifiers
    from bellbuoy.platform import run

    async def go() -> "tuple[Line, ...]":
        async with Driver(config.http) as driver:

            async def send(exchange: Exchange[Receipt]) -> Receipt:
                return await driver.send(exchange, timeout=ANSWER_WITHIN)

            return await run_through(
                events,
                config.routes,
                config.landscape,
                config.receivers,
                Notifiers(config.notifiers),
                send,
            )

    # A console among the receivers must not stand between the objects.
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        lines = run(go)
    if not lines:
        say("nobody is told: no route leads to a receiver")
    for line in lines:
        write((json.dumps(msgspec.to_builtins(line)) if as_json else _text(line)) + "\n")
    outcomes = {line.outcome for line in lines}
    return 0 if "taken" in outcomes and "not taken" not in outcomes else 1


def _text(line: "Line") -> str:
    from bellbuoy.durations import spoken
    from bellbuoy.text import clean_line

    head = f"{line.receiver}  {line.kind.value}: {line.outcome}"
    by = f" by route {line.route}" if line.route else ""
    detail = clean_line(line.detail)
    if line.outcome == "not told":
        return f"{head}{by}: {detail}"
    waited = f", after {spoken(round(line.waited))} of waiting" if line.waited >= 1 else ""
    reference = f", message {clean_line(line.reference)}" if line.reference else ""
    return f"{head} in {line.seconds:.2f} s{by}{waited}: {detail}{reference}"
