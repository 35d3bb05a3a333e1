"""`bellbuoy recognise`: which format a page speaks, and the stanza to paste."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from bellbuoy.cli.options import AllowPrivate, ConfigPath, Flag, address


def recognise(
    url: Annotated[str, Parameter(help="The page, its feed or its API: what you have.")],
    /,
    *,
    json: Annotated[
        bool, Flag, Parameter(help='Print {"format", "url", "name"}; format null if none.')
    ] = False,
    save: Annotated[
        Path | None, Parameter(help="Keep every body in this folder, to send as a sample.")
    ] = None,
    config: ConfigPath = None,
    allow_private: AllowPrivate = (),
) -> int:
    """Find out how a page is read.

    Asks as little as it can, and prints the format, the page's address and
    name, and what to paste under `providers:`.

    Exit codes: 0 recognised, 1 not recognised, 2 usage or config.

    For example:

        bellbuoy recognise https://www.githubstatus.com
        bellbuoy recognise https://status.openai.com/feed.atom --json
        bellbuoy recognise https://status.acme.example --save sample
    """
    import json as encoding

    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.output import say, write
    from bellbuoy.config.edit import stanza_of, stanza_text
    from bellbuoy.errors import VisitError
    from bellbuoy.platform import run

    address("URL", url)
    chosen = choose(config, allow_private=allow_private, quiet=True)

    from bellbuoy.cli.recognition import Recognition, Samples, ask

    samples = Samples(save)
    try:
        found = run(lambda: ask(url, chosen, samples))
    except VisitError as error:
        say(f"bellbuoy: {error}")
        found = Recognition(format=None, url=url, name="", tried=(url,))
    if json:
        name = found.name if found.format else None
        told = {"format": found.format, "url": found.url, "name": name}
        write(encoding.dumps(told, ensure_ascii=False) + "\n")
    elif found.format is not None:
        paste = stanza_text(stanza_of(found), 2)
        write(f"{found.name or found.url} speaks {found.format}\n\nproviders:\n{paste}\n")
    if found.format is None:
        say(
            f"bellbuoy: {url}: no format recognised; asked: {', '.join(found.tried)}; "
            "what is no status page can be probed (format: probe)"
        )
    return 1 if found.format is None else 0
