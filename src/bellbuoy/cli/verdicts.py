"""What a gate found, in the words of each medium: lines, JSON, a job summary.

Vendor text is inert in all of them: it steers no terminal, no log of a CI, and no Markdown.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct

from bellbuoy.cli.output import say
from bellbuoy.routing.gate import Cause, Judgement, Verdict, worst_of
from bellbuoy.text import clean_line, clean_url

_URL_SAFE = "-._~:/?#@!$&*+,;=%"
_MOST_CAUSES = 20


class Report(Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    verdict: Verdict
    targets: Sequence[Judgement]


def as_line(judged: Judgement) -> str:
    """One target: what to do, and the worst cause."""
    why = "nothing open"
    if judged.causes:
        worst, *others = judged.causes
        more = f", and {len(others)} more" if others else ""
        why = f"{_cause(worst)}, {worst.url}{more}"
    elif judged.doubts:
        why = f"not known: {judged.doubts[0]}"
    return in_a_log(f"{judged.target}: {judged.verdict}: {why}")


def as_json(judged: Sequence[Judgement]) -> str:
    """All targets as one object."""
    report = Report(verdict=worst_of(judged), targets=judged)
    # A CI that reads commands from a log does not look whether they stand in JSON.
    return msgspec.json.encode(report).decode().replace("##", "#\\u0023")


def as_markdown(judged: Sequence[Judgement]) -> str:
    """A job summary: vendor text stands in code spans, where nothing is a link or a mention."""
    lines = [f"### Gate: {worst_of(judged)}", ""]
    for one in judged:
        lines.append(f"- {_code(one.target)}: **{one.verdict}**")
        lines += [f"  - {_cause_in_markdown(cause)}" for cause in one.causes[:_MOST_CAUSES]]
        if len(one.causes) > _MOST_CAUSES:
            lines.append(f"  - and {len(one.causes) - _MOST_CAUSES} more")
        lines += [f"  - not known: {_code(doubt)}" for doubt in one.doubts[:_MOST_CAUSES]]
    return "\n".join([*lines, ""])


def in_a_log(text: str) -> str:
    """A line in which no CI finds a command.

    GitHub's runner reads `##[command]`, and Azure's agent `##vso[command]`, anywhere in a line:
    https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
    """
    return clean_line(text, 4_000).replace("##", "# #")


def append(variable: str, path: str, text: str) -> None:
    """Add lines to a file that a CI named; that it cannot be written is said, and no more."""
    try:
        file = Path(path)
        before = file.read_bytes() if file.exists() else b""
        gap = "\n" if before and not before.endswith(b"\n") else ""
        with file.open("a", encoding="utf-8", errors="replace", newline="\n") as stream:
            stream.write(f"{gap}{text}")
    except OSError as error:
        say(in_a_log(f"warning: {variable}: {error}"))


def warnings(judged: Iterable[Judgement]) -> Iterable[str]:
    """Every doubt once, as a line."""
    return dict.fromkeys(
        in_a_log(f"warning: {one.target}: {doubt}") for one in judged for doubt in one.doubts
    )


def _cause(cause: Cause) -> str:
    note = ", components not stated" if cause.not_stated else ""
    return f"{cause.what} ({cause.impact}{note})"


def _cause_in_markdown(cause: Cause) -> str:
    note = ", components not stated" if cause.not_stated else ""
    url = quote(clean_url(cause.url), safe=_URL_SAFE)
    link = f", [the page](<{url}>)" if url else ""
    return f"{_code(cause.what)} ({cause.impact}{note}){link}"


def _code(text: str) -> str:
    """A code span, closed by more backticks than the text holds in a row."""
    text = clean_line(text, 1_000) or " "
    fence = "`"
    while fence in text:
        fence += "`"
    return f"{fence} {text} {fence}"
