"""From what people write under `providers:` to the pages that are watched."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.catalog import DEFAULTS, Catalog, CatalogEntry
from bellbuoy.config import Watched
from bellbuoy.config.document import Place
from bellbuoy.config.problems import Problems
from bellbuoy.config.schema import ExpectEntry, PageEntry, PageOptions
from bellbuoy.config.values import json_steps, nearest, page_address, page_key
from bellbuoy.durations import spoken
from bellbuoy.model.facts import Expectation, ExpectedValue, Page, Provider
from bellbuoy.text import MAX_NAME, clean_line

PROBE = "probe"
"""The format that needs an expectation, and is only taken where a person names it."""

POLITE = 10.0
"""An interval below this, in seconds, is accepted with a warning."""

_FEED_TYPES = frozenset({"rss", "atom", "rdf", "xml", "feed"})
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


class Found(Struct, frozen=True, kw_only=True):
    """A page, and the place in the config that asks for it."""

    watched: Watched
    place: Place


def default_set(catalog: Catalog) -> tuple[Watched, ...]:
    """What is watched when nobody says what to watch."""
    entries = [entry for slug in DEFAULTS if (entry := catalog.find(slug))]
    return tuple(watched for entry in entries for watched in _from_catalog(entry, PageOptions()))


def read_providers(entries: Any, catalog: Catalog, problems: Problems) -> tuple[Watched, ...]:
    """The pages that the entries name, each once."""
    place: Place = ("providers",)
    if not isinstance(entries, list):
        problems.add(place, "must be a list; begin each provider with '- '")
        return ()
    if not entries:
        problems.add(place, "is empty; name a provider, or leave the key out for the default set")
    found = [
        Found(watched=watched, place=(*place, index))
        for index, entry in enumerate(entries)
        for watched in _read_entry(entry, (*place, index), catalog, problems)
    ]
    _warn_of_haste(found, problems)
    return merge_pages(found, problems)


def select(
    watched: Sequence[Watched], wanted: Iterable[str], catalog: Catalog, problems: Problems
) -> tuple[Watched, ...]:
    """The pages that were asked for by name, on the command line.

    A name is a provider of the config, else of the catalog, else an address.
    """
    chosen: list[Found] = []
    for name in wanted:
        mine = [one for one in watched if is_named(one.page.provider, name)]
        if not mine:
            mine = list(_read_name(name, (name,), catalog, problems, _names(watched)))
        chosen.extend(Found(watched=one, place=(name,)) for one in mine)
    return merge_pages(chosen, problems, warn=False)


def is_named(provider: Provider, name: str) -> bool:
    """Whether a person means this provider by a name."""
    return name.casefold() in {provider.slug, provider.name.casefold()}


def slug_of(name: str) -> str:
    """The short lower-case name of a provider: `Fly.io` is `fly-io`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _NOT_SLUG.sub("-", plain).strip("-")[:64]


def merge_pages(
    found: Iterable[Found], problems: Problems, *, warn: bool = True
) -> tuple[Watched, ...]:
    """Each page once: given twice, the shorter explicit interval and every component count."""
    pages: dict[str, Found] = {}
    for one in found:
        page = one.watched.page
        first = pages.setdefault(page.key, one)
        if first is one:
            continue
        known = first.watched
        if difference := _difference(known.page, page):
            problems.add(
                one.place,
                f"{page.url} is also asked for as {_dotted(first.place)}, {difference}; keep one",
            )
        merged = _merged(known, one.watched)
        if warn:
            problems.warn(
                one.place,
                f"{page.url} is the page of {_dotted(first.place)} again; it is watched once",
            )
        pages[page.key] = Found(watched=merged, place=first.place)
    return tuple(one.watched for one in pages.values())


def _difference(first: Page, second: Page) -> str:
    """Why two entries for one page cannot both be meant; empty if they can."""
    if first.format != second.format and (
        (first.format and second.format) or PROBE in {first.format, second.format}
    ):
        known, here = first.format or "to be recognised", second.format or "to be recognised"
        return f"with another format ({known}, here {here})"
    return "with another expectation" if first.expect != second.expect else ""


def _merged(first: Watched, second: Watched) -> Watched:
    a, b = first.page, second.page
    explicit = [page for page in (a, b) if page.every_is_explicit]
    everything = not first.components or not second.components
    return Watched(
        page=replace(
            a,
            format=a.format or b.format,
            every=min(page.every for page in explicit or (a, b)),
            every_is_explicit=bool(explicit),
        ),
        components=()
        if everything
        else tuple(dict.fromkeys((*first.components, *second.components))),
        tags=tuple(dict.fromkeys((*first.tags, *second.tags))),
    )


def _read_entry(
    entry: Any, place: Place, catalog: Catalog, problems: Problems
) -> Iterable[Watched]:
    if isinstance(entry, str):
        return _read_name(entry, place, catalog, problems)
    if not isinstance(entry, dict):
        problems.add(place, "must be a name, or a mapping with name and url")
        return ()
    if len(entry) == 1 and not entry.keys() & PageEntry.model_fields:
        ((name, options),) = entry.items()
        if options is None or isinstance(options, dict):
            return _read_options(str(name), options or {}, place, catalog, problems)
    for name, value in entry.items():
        if value is None and name not in PageEntry.model_fields and catalog.find(str(name)):
            problems.add(
                (*place, name), f"its settings must be indented deeper than '{name}:'; indent them"
            )
            return ()
    page = problems.read(PageEntry, entry, place)
    return () if page is None else _read_page(page, place, catalog, problems)


def _read_name(
    name: str, place: Place, catalog: Catalog, problems: Problems, others: Iterable[str] = ()
) -> Iterable[Watched]:
    if "://" in name:
        _warn_of_shown(place, problems)
        page = problems.read(PageEntry, {"url": name}, place)
        return () if page is None else [_watched(page, str(page.url), "")]
    return _read_options(name, {}, place, catalog, problems, others)


def _read_options(
    name: str,
    options: dict[str, Any],
    place: Place,
    catalog: Catalog,
    problems: Problems,
    others: Iterable[str] = (),
) -> Iterable[Watched]:
    entry = catalog.find(name)
    if entry is None:
        near = (*catalog.nearest(name), *others)
        problems.add(
            place,
            f"{name!r} is not in the catalog{nearest(name, near) or _perhaps(near)}; "
            "for a page that is not in it, give its url",
        )
        return ()
    if not entry.is_readable:
        problems.warn(
            place,
            f"{entry.name} is only listed in the catalog: no format is known to read "
            f"{entry.pages[0].url}; it is recognised at the first look, or said to be unreadable",
        )
    where = (*place, name) if options else place
    read = problems.read(PageOptions, options, where)
    return () if read is None else _from_catalog(entry, read)


def _perhaps(near: Sequence[str]) -> str:
    """A near alias has a slug that may look quite different: it is named all the same."""
    return f" (did you mean {near[0]!r}?)" if near else ""


def _from_catalog(entry: CatalogEntry, options: PageOptions) -> list[Watched]:
    provider = Provider(slug=entry.slug, name=entry.name)
    return [
        Watched(
            page=Page(
                key=page_key(page.url),
                url=page.url,
                provider=provider,
                format=page.format,
                every=options.every or page.every or 60.0,
                every_is_explicit=options.every is not None,
            ),
            components=options.components or (),
            tags=options.tags or (),
        )
        for page in entry.pages
    ]


def _read_page(
    page: PageEntry,
    place: Place,
    catalog: Catalog,
    problems: Problems,
) -> Iterable[Watched]:
    addresses = {"url": page.url, "feed_url": page.feed_url, "api_base": page.api_base}
    given = {key: address for key, address in addresses.items() if address is not None}
    if not given:
        problems.add((*place, "url"), f"is missing; {_instead_of_url(page, catalog)}")
        return ()
    if len(given) > 1:
        problems.add(place, f"has {' and '.join(given)}; keep one address")
        return ()
    if page.every is not None and page.poll_interval_seconds is not None:
        problems.add(place, "has every and poll_interval_seconds; keep every")
    ((key, address),) = given.items()
    _warn_of_shown((*place, key), problems)
    format = page.format or ("feed" if key == "feed_url" else "")
    if page.feed_type is not None and page.feed_type.casefold() not in _FEED_TYPES:
        problems.warn(
            (*place, "feed_type"),
            "is not read: a feed says itself what it is; write format if it is no feed",
        )
    if page.expect is not None and format != PROBE:
        problems.add(
            (*place, "expect"),
            f"is only for an address that is probed; add 'format: {PROBE}', or take expect out",
        )
    return [_watched(page, address, format)]


def _instead_of_url(page: PageEntry, catalog: Catalog) -> str:
    entry = catalog.find(page.name) if page.name else None
    return f"for the catalog's page write '- {entry.slug}'" if entry else "add the page's address"


def _watched(page: PageEntry, address: str, format: str) -> Watched:
    key = page_key(address)
    host = key.partition("://")[2].partition("/")[0]
    name = clean_line(page.name or host, MAX_NAME)
    every = page.every or page.poll_interval_seconds
    return Watched(
        page=Page(
            key=key,
            url=page_address(address),
            provider=Provider(slug=slug_of(name) or slug_of(host), name=_label(name, page.product)),
            format=format,
            every=every or 60.0,
            every_is_explicit=every is not None,
            expect=_expectation(page.expect or ExpectEntry()) if format == PROBE else None,
        ),
        # Whoever probes an address asks to be told how it is.
        components=page.components or (("*",) if format == PROBE else ()),
        tags=page.tags or (),
    )


def _expectation(entry: ExpectEntry) -> Expectation:
    values = tuple(
        ExpectedValue(path=path, steps=json_steps(path), value=value)
        for path, value in (entry.json_ or {}).items()
    )
    said = Expectation(text=entry.text or "", values=values)
    return said if entry.status is None else replace(said, statuses=entry.status)


def _label(name: str, product: str | None) -> str:
    """What people read: earlier tools told products of one provider apart by `product`."""
    product = clean_line(product or "", MAX_NAME)
    if not product or product.casefold() in name.casefold():
        return name
    return product if name.casefold() in product.casefold() else f"{name} {product}"


def _warn_of_shown(place: Place, problems: Problems) -> None:
    """An address names its page everywhere, so it cannot be kept as a secret is."""
    if problems.is_expanded(place):
        problems.warn(
            place,
            "holds a value of the environment, and the address of a page is shown: on the board, "
            "in the API, events, messages, logs and metrics; put no secret into it",
        )


def _warn_of_haste(found: Sequence[Found], problems: Problems) -> None:
    hasty = [one for one in found if one.watched.page.every < POLITE]
    if not hasty:
        return
    page = hasty[0].watched.page
    more = f" (and {len(hasty) - 1} more)" if len(hasty) > 1 else ""
    problems.warn(
        hasty[0].place,
        f"{page.provider.name} is looked at every {spoken(page.every)}{more}; "
        "below 10 s some vendors answer 429, and Bellbuoy then waits as long as they ask",
    )


def _names(watched: Iterable[Watched]) -> list[str]:
    return [name for one in watched for name in (one.page.provider.slug, one.page.provider.name)]


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))
