"""The faces of pages: one question each, and what it told kept for a while.

    page ─> told lately? ──────────────────────────> Told
              └─ no ─> its face, and nothing else ─> Told, kept │ Unread

A look asks one question, whatever else a format would like to know. Where a page's format is
not known, that question is Statuspage's summary, which incident.io's pages answer, too; or the
address itself, if it is that of a document. A page that needs more is not read.
"""

import tempfile
from asyncio import TaskGroup
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.config import Config
from bellbuoy.detection.merge import merge
from bellbuoy.errors import ReadError, VisitError
from bellbuoy.exchange import Request, Response, face_only
from bellbuoy.formats import Format, Formats
from bellbuoy.formats.recognise import recognise
from bellbuoy.http.driver import Conversation, Driver
from bellbuoy.model.facts import Page, Part, Snapshot
from bellbuoy.model.known import Known, Seen
from bellbuoy.platform import run
from bellbuoy.routing.gate import Told, Unread, told
from bellbuoy.text import clean

SUMMARY = "api/v2/summary.json"
"""What most pages of the catalog whose format is not known answer."""

_COMPATIBLE = ("incidentio", "statuspage")
_DOCUMENTS = (".json", ".xml", ".atom", ".rss", ".rdf", "/feed", "/rss", "/atom")
_SHAPE = 1
"""The shape of a kept file; another one is not read."""


class _Kept(Struct, frozen=True, kw_only=True):
    """What stands in a file."""

    shape: int
    key: str
    format: str
    told: Told


class Cache:
    """What pages told, in one file each, shared by all runs of a user; for `ttl` seconds.

    A file that cannot be read or written is no fault: then the page is asked. Without a folder,
    or with a `ttl` of 0, nothing is kept.
    """

    def __init__(self, folder: Path | None, ttl: float) -> None:
        self._folder = folder if ttl > 0 else None
        self._ttl = ttl

    def find(self, page: Page, now: datetime) -> Told | None:
        """What the page told less than `ttl` ago, or None."""
        path = self._path(page)
        if path is None:
            return None
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
        except (OSError, ValueError, RecursionError):
            return None
        age = (now - kept.told.seen_at).total_seconds()
        is_it = (kept.shape, kept.key, kept.format) == (_SHAPE, page.key, page.format)
        return kept.told if is_it and 0 <= age < self._ttl else None

    def keep(self, page: Page, what: Told) -> None:
        """Put a page's file in the place of the one before, whole or not at all."""
        path = self._path(page)
        if path is None:
            return
        kept = _Kept(shape=_SHAPE, key=page.key, format=page.format, told=what)
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                draft = Path(file.name)
                file.write(msgspec.json.encode(kept))
            try:
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)

    def _path(self, page: Page) -> Path | None:
        if self._folder is None:
            return None
        # A probe is what a person expects of the address, and has the provider's name.
        about = (page.key, page.format, page.expect, page.is_probed and page.provider.name)
        name = blake2b(msgspec.json.encode(about, order="sorted"), digest_size=16).hexdigest()
        return self._folder / f"{name}.json"


def look(pages: Iterable[Page], config: Config, cache: Cache) -> Mapping[str, Told | Unread]:
    """What each page tells, by its key: from the cache, else of its face."""
    now = datetime.now(UTC)
    found: dict[str, Told | Unread] = {}
    to_ask: list[Page] = []
    for page in pages:
        kept = cache.find(page, now)
        if kept is None:
            to_ask.append(page)
        else:
            found[page.key] = kept
    if to_ask:
        asked: Mapping[str, Told | Unread] = run(lambda: _ask_all(to_ask, config))
        for page in to_ask:
            if isinstance(answer := asked[page.key], Told):
                cache.keep(page, answer)
        found |= asked
    return found


async def _ask_all(pages: Iterable[Page], config: Config) -> Mapping[str, Told | Unread]:
    formats = Formats(config.formats)
    async with Driver(config.http) as driver, TaskGroup() as group:
        tasks = {page.key: group.create_task(_ask(driver, formats, page)) for page in pages}
    return {key: task.result() for key, task in tasks.items()}


async def _ask(driver: Driver, formats: Formats, page: Page) -> Told | Unread:
    platform = formats[page.format].PLATFORM if page.format else None
    try:
        async with driver.visit(page.url, platform=platform) as conversation:
            return await _read(conversation, formats, page)
    except VisitError as error:
        return Unread(url=page.url, reason=f"{error.reason}: {error.detail}")
    except Exception as error:  # noqa: BLE001 - a bug in a format must not stand in anybody's way
        return Unread(url=page.url, reason=f"unexpected {type(error).__name__}: {error}")


async def _read(conversation: Conversation, formats: Formats, page: Page) -> Told:
    if page.format:
        answer = await conversation.ask(_face(formats[page.format], page))
    else:
        address = _first_guess(page)
        answer = await conversation.ask(Request.get(address))
        page = await _recognised(conversation, formats, page, address, answer)
    exchange = face_only(formats[page.format].read(page, Seen()))
    snapshot: Snapshot = clean(await conversation.drive(exchange, first=answer))
    now = datetime.now(UTC)
    known = merge(page, Known(page_key=page.key), snapshot, now).known
    return told(page.url, known, now, is_whole=Part.COMPONENTS in snapshot.complete)


def _face(format: Format, page: Page) -> Request:
    exchange = format.read(page, Seen())
    try:
        return next(exchange)
    finally:
        exchange.close()


def _first_guess(page: Page) -> str:
    """Where the one question goes whose answer has to tell the format, too."""
    path = urlsplit(page.url).path.lower().rstrip("/")
    return page.url if path.endswith(_DOCUMENTS) else page.at(SUMMARY)


async def _recognised(
    conversation: Conversation, formats: Formats, page: Page, address: str, answer: Response
) -> Page:
    """The page with the format whose face is this answer. Raises ReadError if there is none."""
    candidates: Mapping[str, Format] = formats
    if address != page.url:
        candidates = {name: formats[name] for name in _COMPATIBLE}
    exchange = face_only(recognise(address, candidates))
    found = await conversation.drive(exchange, first=answer)
    for url in (page.url, found.url) if found.format else ():
        there = replace(page, format=found.format or "", url=url)
        if _face(formats[there.format], there).url == address:
            return there
    problem = (
        "one question did not tell its format; `bellbuoy recognise` finds it, and `bellbuoy add` "
        "writes it into the config"
    )
    raise ReadError(address, "any format", "$", problem)
