"""`bellbuoy status`: one look at everything, as a table."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bellbuoy.cli.options import AllowPrivate, ConfigPath, Flag, Providers

if TYPE_CHECKING:
    from rich.text import Text

    from bellbuoy.cli.standing import Standing


def status(
    *providers: Providers,
    json: Annotated[bool, Flag, Parameter(help="Print a JSON array.")] = False,
    config: ConfigPath = None,
    allow_private: AllowPrivate = (),
) -> int:
    """Look once at every page and print how each provider is.

    Keeps nothing and tells no receiver. What could not be read is unknown,
    never fine. Planned work is counted, not listed.

    Exit codes: 0 fine, 1 a page could not be read, 2 usage or config.

    For example:

        bellbuoy status
        bellbuoy status github cloudflare
        bellbuoy status --json | jq -r '.[] | select(.incidents != []) | .name'
    """
    import msgspec

    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.output import write
    from bellbuoy.platform import run

    chosen = choose(config, providers=providers, store="memory:", allow_private=allow_private)

    from bellbuoy.cli.standing import look

    standings: list[Standing] = run(lambda: look(chosen))
    write(msgspec.json.encode(standings).decode() + "\n" if json else as_table(standings))
    return 1 if any(standing.unreadable for standing in standings) else 0


def as_table(standings: "list[Standing]") -> str:
    """The table for people: coloured and fitted on a terminal, plain in a pipe."""
    import sys
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=terminal)
    for column in ("Provider", "Status", "Open incidents"):
        table.add_column(column, overflow="fold", no_wrap=not terminal)
    for standing in standings:
        table.add_row(Text(standing.name), _status(standing), _incidents(standing))
    text = StringIO()
    # A pipe has no width; what reads it wants one line for each thing.
    width = None if terminal else 10_000
    Console(file=text, force_terminal=terminal, width=width).print(table)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines() if line.strip())


def _status(standing: "Standing") -> "Text":
    from rich.text import Text

    if standing.unreadable:
        reasons = ", ".join(sorted({str(reason) for reason in standing.unreadable.values()}))
        return Text(f"unknown: {reasons}", "bright_black")
    if standing.status is None:
        words = "no incident open" if standing.is_fine else "components not stated"
        return Text(words, "green" if standing.is_fine else "yellow")
    words = standing.status.replace("_", " ")
    if not standing.components:
        return Text(words, "green" if standing.is_fine else "yellow")
    worst, *others = standing.components
    more = f" and {len(others)} more" if others else ""
    style = {"maintenance": "blue", "unknown": "bright_black", "degraded": "yellow"}
    return Text(f"{words}: {worst.name}{more}", style.get(standing.status, "red"))


def _incidents(standing: "Standing") -> "Text":
    from rich.text import Text

    lines = [f"{found.title} ({found.impact}, {found.status})" for found in standing.problems]
    planned = len(standing.incidents) - len(standing.problems)
    if planned:
        lines.append("1 maintenance" if planned == 1 else f"{planned} maintenances")
    return Text("\n".join(lines))
