"""Recorded bodies through read and merge, as if they came now. Pure.

    recorded body -> exchange -> clean -> merge -> events

One body is one visit. It answers the questions to one path; every other question fails, as
if that document were out of reach, so that nothing is taken for gone.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from msgspec import Struct

from bellbuoy.detection import health
from bellbuoy.detection.merge import is_emptied, merge
from bellbuoy.detection.seen import seen
from bellbuoy.errors import FetchError, ReadError, Unreadable, VisitError
from bellbuoy.events import Event
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Format
from bellbuoy.model.facts import Page, Snapshot
from bellbuoy.model.known import Health, Known
from bellbuoy.text import clean


class Recorded(Struct, frozen=True, kw_only=True):
    """A body as it once came. `at` is when; None means one interval after the one before."""

    name: str
    at: datetime | None
    body: bytes


class Replay:
    """A page's life replayed; `known` is what is held after the bodies so far."""

    def __init__(self, format: Format, page: Page, path: str, known: Known | None = None) -> None:
        self._format = format
        self._page = page
        self._path = "/" + path.lstrip("/")
        self.known = known or Known(page_key=page.key)
        self._health = Health()
        self._now: datetime | None = None
        self._seq = 0

    def visit(self, recorded: Recorded) -> tuple[Event, ...]:
        """What this body would have announced, numbered."""
        now = self._now = recorded.at or self._next_instant()
        events: tuple[Event, ...] = ()
        try:
            asked = seen(self.known, now, read_at=self._health.read_at, every=self._page.every)
            snapshot = clean(self._perform(self._format.read(self._page, asked), recorded))
            if is_emptied(self.known, snapshot):
                raise ReadError(
                    self._page.url,
                    self._page.format,
                    "$",
                    "everything that was here is gone",
                    reason=Unreadable.EMPTIED,
                )
        except VisitError as error:
            self._health, event = health.failed(
                self._page, self._health, error, now, is_offline=False
            )
            events = (event,) if event else ()
        else:
            if recorded.at is None and snapshot.stamp is not None:
                # No name tells the time of this body, but no page is from the future.
                now = self._now = max(now, snapshot.stamp)
            merged = merge(self._page, self.known, snapshot, now)
            self.known = merged.known
            self._health, event = health.read(self._page, self._health, now, latency=None)
            events = ((event,) if event else ()) + merged.events
        first = self._seq + 1
        self._seq += len(events)
        return tuple(event.numbered(first + place) for place, event in enumerate(events))

    def _next_instant(self) -> datetime:
        if self._now is None:
            return datetime(2000, 1, 1, tzinfo=UTC)
        return self._now + timedelta(seconds=self._page.every)

    def _perform(self, exchange: Exchange[Snapshot], recorded: Recorded) -> Snapshot:
        try:
            request = next(exchange)
            while True:
                try:
                    response = self._answer(request, recorded)
                except FetchError as error:
                    request = exchange.throw(error)
                else:
                    request = exchange.send(response)
        except StopIteration as end:
            return end.value
        finally:
            exchange.close()

    def _answer(self, request: Request, recorded: Recorded) -> Response:
        if not urlsplit(request.url).path.endswith(self._path):
            raise FetchError(request.url, Unreadable.NETWORK, "not among the recorded bodies")
        if not recorded.body:
            raise FetchError(request.url, Unreadable.CUT, f"{recorded.name} is empty")
        return Response(url=request.url, status=200, body=recorded.body)


def replay(format: Format, page: Page, path: str, bodies: Iterable[Recorded]) -> Iterator[Event]:
    """The events that these bodies, in this order, would have announced."""
    player = Replay(format, page, path)
    for recorded in bodies:
        yield from player.visit(recorded)
