"""Visit pages of the catalog, and tell what of it is no longer true."""

import difflib
from asyncio import Semaphore, TaskGroup
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from urllib.parse import urljoin

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.catalog import COMPATIBLE, Catalog, CatalogEntry, CatalogPage, stanza_text
from bellbuoy.cli.recognition import Recognition, Samples, kept
from bellbuoy.config import Config
from bellbuoy.config.values import page_key
from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Exchange
from bellbuoy.formats import Formats
from bellbuoy.formats.recognise import recognise
from bellbuoy.http.driver import Driver

AT_ONCE = 16
"""How many pages are visited at once, one request at a time at each host."""

GIVE_UP = 50
"""After so many dead pages, and not one that answered, no more are asked."""

PLACE = "src/bellbuoy/catalog/providers"
"""Where the files lie in the repository, for `git apply`."""

_LOOK_ALIKE = ("incidentio", "statuspage")


class Verdict(StrEnum):
    """What a visit says of a page's entry."""

    FINE = "fine"
    """As the catalog says."""
    DECIDED = "decided"
    """Readable, and now it is known which of the look-alike formats it speaks."""
    MOVED = "moved"
    """It is read as the catalog says, at another address."""
    CHANGED = "changed"
    """Another format reads it, one reads it where none was known to, or none does any more."""
    DEAD = "dead"
    """No server answers, or there is no such page."""
    UNSURE = "unsure"
    """The server would not let us see."""
    NOT_ASKED = "not asked"
    """So many before it were dead, and none alive, that it is likely our own network."""

    @property
    def is_wrong(self) -> bool:
        """Whether the catalog says what is not so."""
        return self in {Verdict.MOVED, Verdict.CHANGED, Verdict.DEAD}


class Finding(Struct, frozen=True, kw_only=True):
    """One visited page. `now` is how it should stand in the catalog, None if nobody can say."""

    entry: CatalogEntry
    page: CatalogPage
    verdict: Verdict
    detail: str = ""
    now: CatalogPage | None = None


async def check(
    entries: Iterable[CatalogEntry], config: Config, done: Callable[[Finding], None]
) -> list[Finding]:
    """Visit every page of the providers; `done` hears of each as it is over.

    Whatever the config says of HTTP holds, but for the number of requests at once. Where no
    page answers at all, the rest is left alone.
    """
    formats = Formats(config.formats)
    settings = replace(config.http, per_host=1)

    dead = 0
    one_answered = False
    turns = Semaphore(AT_ONCE)

    async def visit(entry: CatalogEntry, page: CatalogPage) -> Finding:
        nonlocal dead, one_answered
        async with turns:
            if dead >= GIVE_UP and not one_answered:
                found = Finding(entry=entry, page=page, verdict=Verdict.NOT_ASKED)
            else:
                found = await _visit(driver, formats, entry, page)
        dead += found.verdict is Verdict.DEAD
        one_answered |= has_answered([found])
        done(found)
        return found

    async with Driver(settings) as driver, TaskGroup() as group:
        tasks = [group.create_task(visit(entry, page)) for entry in entries for page in entry.pages]
    return [task.result() for task in tasks]


async def _visit(
    driver: Driver, formats: Formats, entry: CatalogEntry, page: CatalogPage
) -> Finding:
    samples = Samples(None)
    expected = page.format or ("statuspage" if page.engine == COMPATIBLE else "")
    platform = formats[expected].PLATFORM if expected else None
    try:
        async with driver.visit(page.url, platform=platform) as conversation:
            search = kept(_search(page.url, expected, formats), samples)
            found = await conversation.drive(search)
    except FetchError as error:
        verdict = Verdict.DEAD if error.reason is Unreadable.NETWORK else Verdict.UNSURE
        return Finding(entry=entry, page=page, verdict=verdict, detail=str(error))
    if samples.count or found.format:
        return judge(entry, page, found)
    gone = all(failure.reason is Unreadable.GONE for failure in samples.failures)
    detail = str(samples.failures[0]) if samples.failures else ""
    verdict = Verdict.DEAD if gone else Verdict.UNSURE
    return Finding(entry=entry, page=page, verdict=verdict, detail=detail)


def _search(url: str, expected: str, formats: Formats) -> Exchange[Recognition]:
    """Ask for what is expected, which is one question as a rule; only then for everything."""
    if expected:
        probes = formats[expected].PROBES if expected != "feed" else ()
        address = urljoin(f"{url}/", probes[0]) if probes else url
        names = {expected, *_LOOK_ALIKE} if expected in _LOOK_ALIKE else {expected}
        found = yield from recognise(address, {name: formats[name] for name in names})
        if found.format is not None:
            return found
    return (yield from recognise(url, formats))


def judge(entry: CatalogEntry, page: CatalogPage, found: Recognition) -> Finding:
    """What the recognition of a page that answered says of its entry."""
    if found.format is None:
        if not entry.is_readable:
            return Finding(entry=entry, page=page, verdict=Verdict.FINE)
        now = CatalogPage(url=page.url, engine="unknown", confidence="low", every=page.every)
        detail = "no format reads it any more"
        return Finding(entry=entry, page=page, verdict=Verdict.CHANGED, detail=detail, now=now)
    is_there = page_key(found.url) == page_key(page.url)
    now = CatalogPage(
        url=page.url if is_there else found.url,
        format=found.format,
        confidence="high",
        every=page.every,
    )
    moved = "" if is_there else f"moved to {found.url}"
    verdict, detail = _change(page, found.format)
    if moved and not verdict.is_wrong:
        verdict = Verdict.MOVED
    if verdict is Verdict.FINE:
        return Finding(entry=entry, page=page, verdict=verdict)
    told = ", ".join(filter(None, (moved, detail)))
    return Finding(entry=entry, page=page, verdict=verdict, detail=told, now=now)


def _change(page: CatalogPage, format: str) -> tuple[Verdict, str]:
    """What it means that a format reads the page, wherever it lies now."""
    if page.format == format:
        return Verdict.FINE, ""
    if page.engine == COMPATIBLE and format in _LOOK_ALIKE:
        return Verdict.DECIDED, f"speaks {format}"
    return Verdict.CHANGED, f"speaks {format}, not {page.format or page.engine}"


def has_answered(findings: Iterable[Finding]) -> bool:
    """Whether at least one of these pages answered in any way."""
    return any(one.verdict not in {Verdict.DEAD, Verdict.NOT_ASKED} for one in findings)


def patch(catalog: Catalog, findings: Iterable[Finding]) -> str:
    """A unified diff over the files that makes them say what was found; empty if they do.

    The dead stay as they are: whether a page is gone for good is for a person to say.
    """
    texts = dict(catalog.texts)
    for entry, now in _corrected(findings):
        text = texts[entry.category]
        texts[entry.category] = text.replace(
            f"\n{stanza_text(entry)}\n", f"\n{stanza_text(now)}\n", 1
        )
    return "".join(
        line
        for category, text in texts.items()
        for line in difflib.unified_diff(
            catalog.texts[category].splitlines(keepends=True),
            text.splitlines(keepends=True),
            f"a/{PLACE}/{category}.toml",
            f"b/{PLACE}/{category}.toml",
        )
    )


def _corrected(findings: Iterable[Finding]) -> Iterator[tuple[CatalogEntry, CatalogEntry]]:
    """Each provider whose entry should change, as it is and as it should be."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.entry.slug, []).append(finding)
    for mine in found.values():
        entry = mine[0].entry
        new = {one.page.url: one.now for one in mine if one.now is not None}
        pages = tuple(new.get(page.url, page) for page in entry.pages)
        is_readable = all(page.format or page.engine == COMPATIBLE for page in pages)
        state = "readable" if is_readable else "listed"
        if (pages, state) != (entry.pages, entry.state):
            yield entry, replace(entry, pages=pages, state=state)
