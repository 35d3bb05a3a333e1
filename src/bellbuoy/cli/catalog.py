"""`bellbuoy catalog`: which providers are known by name, and whether that is still true."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from bellbuoy.cli.options import AllowPrivate, ConfigPath, Flag

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractContextManager

    from bellbuoy.catalog import Catalog, CatalogEntry, CatalogPage
    from bellbuoy.cli.checking import Finding

commands = App(name="catalog", help="Search the providers known by name, or check their pages.")


@commands.command
def search(
    *words: Annotated[
        str, Parameter(name="WORD", help="Part of a name, alias, category or host; none lists all.")
    ],
    json: Annotated[bool, Flag, Parameter(help="Print a JSON array.")] = False,
) -> int:
    """Find providers in the catalog; where nothing fits, what is spelt nearly so.

    Readable means that a format of ours reads the page, listed that none is
    known to. Asks no page.

    Exit codes: 0 found, 1 nothing found, 2 usage.

    For example:

        bellbuoy catalog search cloudflare
        bellbuoy catalog search payments
        bellbuoy catalog search --json | jq -r '.[] | select(.state == "readable") | .slug'
    """
    import msgspec

    from bellbuoy.catalog import Catalog
    from bellbuoy.cli.output import say, write

    found = Catalog().search(" ".join(words))
    if json:
        write(msgspec.json.encode(found).decode() + "\n")
    else:
        write("".join(f"{line}\n" for line in in_columns(list(map(_row, found)))))
        readable = sum(entry.is_readable for entry in found)
        more = f", {len(found) - readable} only listed" if readable < len(found) else ""
        say(f"{readable} readable{more}")
    return 0 if found else 1


@commands.command
def show(
    name: Annotated[str, Parameter(name="NAME", help="A slug, name or alias.")],
    /,
    *,
    json: Annotated[bool, Flag, Parameter(help="Print a JSON object.")] = False,
) -> int:
    """Print what the catalog knows of one provider, and what to paste into the config.

    Exit codes: 0 found, 2 no such provider.

    For example:

        bellbuoy catalog show gh
        bellbuoy catalog show openai --json
    """
    import msgspec

    from bellbuoy.catalog import Catalog
    from bellbuoy.cli.output import write

    entry = _known(Catalog(), name)
    write(msgspec.json.encode(entry).decode() + "\n" if json else in_full(entry))
    return 0


@commands.command
def check(
    *names: Annotated[str, Parameter(name="NAME", help="Only these, by slug, name or alias.")],
    everything: Annotated[
        bool, Flag, Parameter(name="--all", help="Every provider of the catalog.")
    ] = False,
    patch: Annotated[Path, Parameter(help="Where the corrections go, if there are any.")] = Path(
        "catalog.patch"
    ),
    config: ConfigPath = None,
    allow_private: AllowPrivate = (),
) -> int:
    """Visit pages of the catalog, and tell which entries are no longer true.

    Politely: one question for a page that is as expected, 16 pages at once, one
    request at a time at each host. What was found is written as a patch over
    the catalog's files; the dead are told, and left for you to take out.

    Exit codes: 0 all is as the catalog says, 1 something is dead, moved or
    changed, 2 usage or config.

    For example:

        bellbuoy catalog check github openai
        bellbuoy catalog check --all --patch catalog.patch
    """
    from bellbuoy.catalog import Catalog
    from bellbuoy.cli import checking
    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.output import say, write
    from bellbuoy.errors import ConfigError
    from bellbuoy.platform import run

    if bool(names) == everything:
        raise ConfigError("name the providers to check, or give --all for every one")
    catalog = Catalog()
    wanted = {entry.slug: entry for entry in (_known(catalog, name) for name in names)}
    entries = list(catalog if everything else wanted.values())
    chosen = choose(config, allow_private=allow_private, quiet=True)
    with _progress(sum(len(entry.pages) for entry in entries)) as done:
        findings: list[Finding] = run(lambda: checking.check(entries, chosen, done))
    quiet = {checking.Verdict.FINE, checking.Verdict.NOT_ASKED}
    told = [one for one in findings if one.verdict not in quiet]
    write("".join(f"{line}\n" for line in in_columns(list(map(_finding, told)))))
    text = checking.patch(catalog, findings)
    if text:
        patch.write_text(text, "utf-8")
    if len(told) > 1 and not checking.has_answered(findings):
        say("no page answered at all: is this machine on the network?")
    say(_summary(findings) + (f"; corrections in {patch}" if text else ""))
    return 1 if any(one.verdict.is_wrong for one in findings) else 0


def in_columns(rows: "Sequence[tuple[str, ...]]") -> list[str]:
    """Rows as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def in_full(entry: "CatalogEntry") -> str:
    """A provider as `show` prints it."""
    from bellbuoy.config.edit import stanza_text

    lines = [f"{entry.name} ({entry.category}): {entry.state}"]
    if entry.aliases:
        lines.append(f"  also known as {', '.join(entry.aliases)}")
    lines += [
        f"  {page.url}: {_spoken(page)}, confidence {page.confidence}" for page in entry.pages
    ]
    lines += ["", "providers:", stanza_text(entry.slug, 2)]
    if entry.components:
        parts = {entry.slug: {"components": list(entry.components)}}
        lines += ["", "or only what most people watch:", "", "providers:", stanza_text(parts, 2)]
    return "".join(f"{line}\n" for line in lines)


def _known(catalog: "Catalog", name: str) -> "CatalogEntry":
    from bellbuoy.config.values import nearest
    from bellbuoy.errors import ConfigError

    entry = catalog.find(name)
    if entry is None:
        near = catalog.nearest(name)
        hint = nearest(name, near) or (f" (did you mean {near[0]!r}?)" if near else "")
        raise ConfigError(f"{name!r} is not in the catalog{hint}; see: bellbuoy catalog search")
    return entry


def _row(entry: "CatalogEntry") -> tuple[str, ...]:
    pages = ", ".join(page.url for page in entry.pages)
    return (entry.slug, entry.name, entry.category, entry.state, pages)


def _spoken(page: "CatalogPage") -> str:
    if page.format:
        return f"format {page.format}"
    if page.engine == "statuspage-compatible":
        return "statuspage-compatible, its format is recognised at the first look"
    return f"engine {page.engine}, which no format of ours is known to read"


def _finding(found: "Finding") -> tuple[str, ...]:
    return (found.verdict, found.entry.slug, found.page.url, found.detail)


def _summary(findings: "Sequence[Finding]") -> str:
    from collections import Counter

    from bellbuoy.cli.checking import Verdict

    counts = Counter(one.verdict for one in findings)
    parts = ", ".join(f"{counts[v]} {v}" for v in Verdict if counts[v] or v is Verdict.FINE)
    return f"{len(findings)} {'page' if len(findings) == 1 else 'pages'}: {parts}"


def _progress(pages: int) -> "AbstractContextManager[Callable[[Finding], None]]":
    """Shows how far a check is, on a terminal; what it gives is told of each page."""
    import sys
    from contextlib import contextmanager

    @contextmanager
    def shown() -> "Generator[Callable[[Finding], None]]":
        if not sys.stderr.isatty():
            yield lambda _: None
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("Checking", total=pages)
            yield lambda _: progress.advance(task)

    return shown()
