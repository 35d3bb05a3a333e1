"""`bellbuoy replay`: recorded bodies through read and merge, printed as `watch` would."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bellbuoy.cli.options import Flag, KindNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from bellbuoy.exchange import Request
    from bellbuoy.formats import Format
    from bellbuoy.model.facts import Page
    from bellbuoy.polling.replay import Recorded

_STAMP = re.compile(r"(?<!\d)(\d{8}T\d{6})Z")


def replay(
    *files: Annotated[
        Path, Parameter(name="FILE", help="One body per visit, in order; .gz is unpacked.")
    ],
    format: Annotated[str, Parameter(help="How the bodies are read: statuspage, feed, ...")],
    path: Annotated[str, Parameter(help="The path of the question that they answer.")],
    url: Annotated[
        str, Parameter(help="The page's address; what is recorded is named after it.")
    ] = "https://replay.example",
    name: Annotated[str, Parameter(help="The provider's name.")] = "Replay",
    every: Annotated[
        str, Parameter(help="The time between two bodies whose names hold no stamp.")
    ] = "60s",
    kinds: KindNames = None,
    json: Annotated[bool, Flag, Parameter(help="Print one CloudEvent on each line.")] = False,
    config: Annotated[
        Path | None, Parameter(help="A config whose plugins are to be known, too.")
    ] = None,
) -> int:
    """Play recorded bodies as if they came in now, and print what they announce.

    Each file is one visit and answers the question for --path; every other
    question fails, as if that document were out of reach. The clock is the
    stamp in a file's name (0001_20201107T052248Z.json), else one interval per
    file. A body that cannot be read is a visit that failed. Documents that only
    list what is open (summary.json) never show an end: an incident just
    vanishes from them, and absence is not resolution.

    For example:

        bellbuoy replay --format statuspage --path api/v2/incidents.json bodies/*.json
        bellbuoy replay --format feed --path history.atom --json bodies/*.atom.gz
    """
    from msgspec.structs import replace

    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.options import checked, kinds_of_events
    from bellbuoy.cli.output import write
    from bellbuoy.cli.rendering import usual_kinds
    from bellbuoy.config import Config, Watched, values
    from bellbuoy.config.providers import slug_of
    from bellbuoy.durations import duration
    from bellbuoy.errors import ConfigError
    from bellbuoy.formats import Formats
    from bellbuoy.model.facts import Page, Provider
    from bellbuoy.polling.replay import replay as play

    formats = Formats(choose(config, quiet=True).formats if config else None)
    if format not in formats:
        raise ConfigError(f"--format {format}: no such format; there are {', '.join(formats)}")
    if not files:
        raise ConfigError("no FILE was given. See: bellbuoy replay --help")
    if missing := [file for file in files if not file.is_file()]:
        raise ConfigError(*(f"{file}: there is no such file" for file in missing))
    address = checked("--url", url, values.page_address)
    page = Page(
        key=values.page_key(address),
        url=address,
        provider=Provider(slug=slug_of(name), name=name),
        format=format,
        every=checked("--every", every, duration),
    )
    face = _face(formats[format], page)
    if face.accepts_failure:
        raise ConfigError(
            f"--format {format}: a recorded body says nothing of the status, or of nobody "
            "answering; watch the address itself"
        )
    # As with a feed, the page's address may be that of its document.
    if face.url == page.url and not address.endswith(path):
        document = page.at(path.lstrip("/"))
        page = replace(page, key=values.page_key(document), url=document)
    watching = Config(watched=(Watched(page=page),), store="memory:")
    render = usual_kinds(watching, kinds_of_events(kinds), as_json=json)
    for event in play(formats[format], page, path, _recorded(files)):
        text = render(event)
        if text is not None:
            write(text)
    return 0


def _face(format: "Format", page: "Page") -> "Request":
    """The first question about the page."""
    from bellbuoy.model.known import Seen

    exchange = format.read(page, Seen())
    face = next(exchange)
    exchange.close()
    return face


def _recorded(files: "Iterable[Path]") -> "Iterator[Recorded]":
    from bellbuoy.polling.replay import Recorded

    for file in files:
        yield Recorded(name=file.name, at=_stamp(file.name), body=_body(file))


def _stamp(name: str) -> "datetime | None":
    from datetime import UTC, datetime

    found = _STAMP.search(name)
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _body(file: Path) -> bytes:
    import gzip
    import zlib

    body = file.read_bytes()
    if file.suffix != ".gz":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return b""  # A visit that failed, like any other body that was cut.
