"""From the targets that a person names to the pages that tell of them."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bellbuoy.catalog import Catalog
from bellbuoy.config import Config, Watched
from bellbuoy.config.document import Document
from bellbuoy.config.problems import Problems
from bellbuoy.config.providers import select
from bellbuoy.config.routes import target as as_matcher
from bellbuoy.config.values import nearest
from bellbuoy.config.values import target as checked
from bellbuoy.errors import ConfigError
from bellbuoy.model.facts import Page
from bellbuoy.routing.matchers import is_like


class Target(Struct, frozen=True, kw_only=True):
    """What was asked for, as it was written, and the pages that tell of it.

    `globs` are, for each page, those of the components that matter; none where all of them do.
    """

    text: str
    pages: tuple[Page, ...]
    globs: Mapping[str, tuple[str, ...]]


def find_targets(texts: Sequence[str], config: Config) -> tuple[tuple[Target, ...], Sequence[str]]:
    """The targets, and what to mind in them.

    A provider is one of the config by name or glob, else one of the catalog, else an address. A
    page is the same `Page` in each target. Without a component of its own, a target is about
    the provider's `components:` in the config. Raises ConfigError with every fault.
    """
    problems = Problems(Document(name="command line"))
    catalog = Catalog()
    pages: dict[str, Page] = {}
    found: list[Target] = []
    for text in dict.fromkeys(texts):
        try:
            matcher = as_matcher(checked(text))
        except ValueError as error:
            problems.add((text,), str(error))
            continue
        named = (*matcher.providers, *matcher.pages)[0]
        watched = _watched(named, config, catalog, problems)
        for one in watched:
            # Of two entries for one page, the one that knows its format is asked.
            if one.page.key not in pages or not pages[one.page.key].format:
                pages[one.page.key] = one.page
        globs = {one.page.key: matcher.components or one.components for one in watched}
        found.append(Target(text=text, pages=tuple(one.page for one in watched), globs=globs))
    problems.stop(ConfigError)
    return (
        tuple(
            Target(text=one.text, pages=tuple(pages[p.key] for p in one.pages), globs=one.globs)
            for one in found
        ),
        problems.warnings,
    )


def _watched(name: str, config: Config, catalog: Catalog, problems: Problems) -> Sequence[Watched]:
    """The pages of a provider by name or glob, or the page of an address."""
    if "://" in name:
        mine = [one for one in config.watched if one.page.key == name]
        return mine or select((), [name], catalog, problems)
    if not {"*", "?"} & set(name):
        return select(config.watched, [name], catalog, problems)
    if config.source is None:
        problems.add((name,), "is a glob, and finds providers of a config only; there is none")
        return ()
    names = [n for w in config.watched for n in (w.page.provider.slug, w.page.provider.name)]
    mine = [
        one
        for one in config.watched
        if is_like(name, one.page.provider.slug) or is_like(name, one.page.provider.name)
    ]
    if not mine:
        problems.add((name,), f"is like no provider of the config{nearest(name, names)}")
    return mine
