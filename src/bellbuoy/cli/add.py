"""`bellbuoy add`: write a provider into the config."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bellbuoy.cli.options import AllowPrivate, ConfigPath

if TYPE_CHECKING:
    from bellbuoy.config import Config
    from bellbuoy.config.edit import Stanza


def add(
    provider: Annotated[
        str, Parameter(name="NAME-or-URL", help="A name of the catalog, or a page's address.")
    ],
    /,
    *,
    config: ConfigPath = None,
    allow_private: AllowPrivate = (),
) -> int:
    """Add a provider to the config.

    A name is looked up in the catalog; an address is asked, to recognise its
    format. What else the file says, its comments too, stays as it is. Where
    there is no config yet, one is made for this user that watches the default
    set and this provider.

    Exit codes: 0 added, or there already, 1 not recognised, 2 usage or config.

    For example:

        bellbuoy add netlify
        bellbuoy add https://status.acme.example
    """
    import os

    from bellbuoy.cli.output import say
    from bellbuoy.config.edit import add_provider, stanza_text
    from bellbuoy.config.load import FILE_NAME, find_config, load_config
    from bellbuoy.platform import config_directory

    file = find_config(None if config is None else str(config), os.environ)
    file = file or config_directory() / FILE_NAME
    chosen = load_config(str(file), allow_private=allow_private) if file.exists() else None
    stanza, keys = _stanza(provider, chosen or load_config(env={}, allow_private=allow_private))
    if stanza is None:
        say(f"bellbuoy: {provider}: no format recognised, so nothing was added")
        return 1
    if chosen is not None and keys <= {watched.page.key for watched in chosen.watched}:
        say(f"{file} watches it already")
        return 0
    add_provider(file, stanza)
    say(f"added to {file}:\n{stanza_text(stanza)}")
    return 0


def _stanza(wanted: str, config: "Config") -> "tuple[Stanza | None, set[str]]":
    """What to write, None if nothing was recognised; and the keys of its pages."""
    from bellbuoy.catalog import Catalog
    from bellbuoy.cli.options import address
    from bellbuoy.cli.output import say
    from bellbuoy.cli.recognition import Samples, ask
    from bellbuoy.config.edit import stanza_of
    from bellbuoy.config.values import nearest, page_key
    from bellbuoy.errors import ConfigError
    from bellbuoy.platform import run

    catalog = Catalog()
    known = catalog.find(wanted)
    if known is not None:
        if not known.is_readable:
            say(f"{known.name} is only listed: no format is known to read its page")
        return known.slug, {page_key(page.url) for page in known.pages}
    if "://" not in wanted and "." not in wanted:
        hint = nearest(wanted, catalog.nearest(wanted))
        raise ConfigError(f"{wanted!r} is not in the catalog{hint}; give the page's address")
    address("URL", wanted)
    found = run(lambda: ask(wanted, config, Samples(None)))
    return (None, set()) if found.format is None else (stanza_of(found), {page_key(found.url)})
