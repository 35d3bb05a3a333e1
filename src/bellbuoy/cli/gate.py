"""`bellbuoy gate`: whether to go on with what needs a provider."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bellbuoy.cli.options import AllowPrivate, ConfigPath, Flag

if TYPE_CHECKING:
    from pathlib import Path

    from bellbuoy.config import Config
    from bellbuoy.routing.gate import Bars, Judgement

Bar = Literal["none", "minor", "major", "critical"]


def gate(
    *targets: Annotated[
        str,
        Parameter(
            name="TARGET",
            help="PROVIDER or PROVIDER:COMPONENT; an address may stand for the provider, "
            "a component may be a glob or group/name.",
        ),
    ],
    soft: Annotated[Bar, Parameter(help="From this impact on it is degraded.")] = "minor",
    hard: Annotated[Bar, Parameter(help="From this impact on it stops.")] = "major",
    strict: Annotated[
        bool, Flag, Parameter(help="Stop, too, when something cannot be known.")
    ] = False,
    maintenance: Annotated[
        bool, Flag, Parameter(help="Planned work that is under way counts, too.")
    ] = False,
    cache: Annotated[
        str, Parameter(help="How long a look counts, for all runs of this user; 0s: not at all.")
    ] = "60s",
    json: Annotated[bool, Flag, Parameter(help="Print a JSON object.")] = False,
    config: ConfigPath = None,
    allow_private: AllowPrivate = (),
) -> int:
    """Say whether to go on, judged by the status pages of what you need.

    Looks once at each page, with one question. Open incidents and components
    that are not well count; an incident that names no component counts for
    every component. What cannot be known is a warning, and lets pass unless
    --strict. On GitHub Actions it writes a job summary and the output
    `verdict`.

    Exit codes: 0 go, 10 degraded, 20 stop, 2 usage or config, 1 no verdict.

    For example:

        bellbuoy gate github:Actions aws:us-east-1/ec2
        bellbuoy gate "github:Git Operations" --soft minor --hard critical
        bellbuoy gate https://status.acme.example:API --strict --json
    """
    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.output import say
    from bellbuoy.errors import ConfigError
    from bellbuoy.model.facts import Impact
    from bellbuoy.routing.gate import Bars

    bars = Bars(soft=Impact(soft), hard=Impact(hard), strict=strict, maintenance=maintenance)
    if bars.soft.rank > bars.hard.rank:
        raise ConfigError(f"--soft {soft} is above --hard {hard}; what stops is also degraded")
    if not targets:
        raise ConfigError("name what you need, such as github:Actions; see: bellbuoy gate --help")
    ttl = _ttl(cache)
    chosen = choose(config, allow_private=allow_private, quiet=True)
    try:
        judged = _judge(targets, chosen, bars, ttl)
    except KeyboardInterrupt:
        # The program's own way would be exit code 0, which says "go" here.
        say("bellbuoy: interrupted, there is no verdict")
        return 1
    return _tell(judged, json=json)


def _ttl(text: str) -> float:
    from bellbuoy.cli.options import duration

    return 0.0 if text.strip() in {"0", "0s"} else duration("--cache", text) or 0.0


def _judge(texts: tuple[str, ...], config: "Config", bars: "Bars", ttl: float) -> "list[Judgement]":
    from bellbuoy.cli.faces import Cache, look
    from bellbuoy.cli.output import say
    from bellbuoy.cli.targets import find_targets
    from bellbuoy.routing.gate import Look, judge

    targets, warnings = find_targets(texts, config)
    if config.source is not None:
        say(f"config: {config.source}")
    for warning in (*config.warnings, *warnings):
        say(f"warning: {warning}")
    pages = {page.key: page for target in targets for page in target.pages}
    told = look(pages.values(), config, Cache(_folder(), ttl))
    return [
        judge(
            target.text,
            [Look(page=told[page.key], components=target.globs[page.key]) for page in target.pages],
            bars,
        )
        for target in targets
    ]


def _folder() -> "Path | None":
    from bellbuoy.platform import cache_directory

    try:
        return cache_directory() / "gate"
    except RuntimeError:
        return None  # This user has no home; a container's often has none.


def _tell(judged: "list[Judgement]", *, json: bool) -> int:
    import os

    from bellbuoy.cli import verdicts
    from bellbuoy.cli.output import say, write
    from bellbuoy.routing.gate import worst_of

    verdict = worst_of(judged)
    for line in verdicts.warnings(judged):
        say(line)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        verdicts.append("GITHUB_STEP_SUMMARY", summary, verdicts.as_markdown(judged))
    if output := os.environ.get("GITHUB_OUTPUT"):
        verdicts.append("GITHUB_OUTPUT", output, f"verdict={verdict}\n")
    try:
        if json:
            write(verdicts.as_json(judged) + "\n")
        else:
            write("".join(f"{verdicts.as_line(one)}\n" for one in judged))
    except BrokenPipeError:
        # Who does not want the words wants the exit code all the same.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return verdict.exit_code
