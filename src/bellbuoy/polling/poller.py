"""One visit to one page.

    face -> unchanged? -> what is known -> the format's questions -> clean -> merge -> one commit

The first document, the page's face, usually says that nothing changed; then the visit ends
there, and nothing is loaded and nothing written. Does not decide when to come (scheduler),
what changed (detection) or who hears of it (delivery).
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.detection import cadence, health
from bellbuoy.detection.merge import Merged, is_emptied, merge
from bellbuoy.detection.moving import carried_over
from bellbuoy.detection.seen import seen
from bellbuoy.errors import (
    FetchError,
    LeaseLostError,
    ReadError,
    StoreError,
    Unreadable,
    VisitError,
)
from bellbuoy.events import Event
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Format
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import Page, Part, Snapshot
from bellbuoy.model.known import Health, Known, PageState, Seen, Validators
from bellbuoy.observer import Happened, Observer, VisitDone, Withheld, refused
from bellbuoy.polling.reach import Reach
from bellbuoy.polling.recording import tell_recorded
from bellbuoy.polling.unbroken import to_its_end
from bellbuoy.routing.matchers import is_like
from bellbuoy.stores import Store, Visit
from bellbuoy.text import clean

T = TypeVar("T")

RECOGNISE_EVERY = 5
"""Of so many failures of an unreadable page, one visit asks whether it has another format now."""

MOST_NAMES = 40
"""Components named to a person whose filter matches none."""


class Conversation(Protocol):
    """What a visit needs of `http.driver.Conversation`."""

    fresh: dict[str, Validators]
    all_answered: bool
    moved_to: str | None
    latency: float | None

    async def ask(self, request: Request, validators: Validators = ...) -> Response:
        """Ask one question."""
        ...

    async def drive(
        self,
        exchange: Exchange[T],
        *,
        first: Response | FetchError | None = None,
        validators: Mapping[str, Validators] = ...,
    ) -> T:
        """Perform an exchange."""
        ...


class Network(Protocol):
    """What polling needs of `http.driver.Driver`."""

    def visit(
        self, url: str, *, platform: str | None = None, slow: bool = False
    ) -> AbstractAsyncContextManager[Conversation]:
        """Begin a visit: a seat, a deadline, the guards."""
        ...


class Look(Struct, frozen=True, kw_only=True):
    """What a visit leaves to the scheduler.

    `max_age` is the answer's freshness in seconds. `is_kept` is true if the state is on disk.
    """

    state: PageState
    max_age: float | None = None
    is_kept: bool = False


class Poller:
    """Visits pages. Holds nothing of what they say: it comes in, and what is new goes out.

    `components` are the globs of the components that matter, by page key. `writing` is the store
    as it may be written of a page: under its lease, where others poll too.
    """

    def __init__(
        self,
        formats: Mapping[str, Format],
        network: Network,
        store: Store,
        reach: Reach,
        *,
        writing: Callable[[str], Store],
        now: Callable[[], datetime],
        observer: Observer,
        components: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._formats = formats
        self._network = network
        self._store = store
        self._reach = reach
        self._writing = writing
        self._now = now
        self._observer = observer
        self._components = dict(components or {})

    async def visit(self, page: Page, state: PageState, *, lag: float = 0.0) -> Look:
        """Look at a page once; `lag` is how late that is, in seconds. Never raises a VisitError."""
        page = _as_found(page, state)
        began = self._now()
        format = self._formats.get(page.format)
        try:
            async with self._network.visit(
                page.url,
                platform=format.PLATFORM if format else None,
                slow=state.health.timed_out,
            ) as conversation:
                if page.format and _is_doubtful(state.health):
                    # What this keeps is what a failure is noted beside, not what was before.
                    page, state = await self._look_for_another_format(page, state, conversation)
                look, events = await self._read(page, state, conversation)
        except VisitError as error:
            look, events = await self._fail(page, state, error)
            self._tell(page, look.state.health, began, lag, events, failure=error)
            return look
        except LeaseLostError:
            return Look(state=state)
        except StoreError as error:
            # The visit is lost, but nothing it learned is: its validators are not kept either.
            self._observer.happened(refused(f"{page.key}: the visit could not be kept: {error}"))
            return Look(state=state)
        outcome = "changed" if look.is_kept else "not modified"
        self._tell(page, look.state.health, began, lag, events, outcome=outcome)
        return look

    async def _read(
        self, page: Page, state: PageState, conversation: Conversation
    ) -> tuple[Look, int]:
        if not page.format:
            page, state = await self._find_format(page, state, conversation)
        format = self._formats[page.format]
        request = _face(format, page)
        refresh = cadence.wants_refresh(state, self._now())
        try:
            answer = await conversation.ask(request, Validators() if refresh else state.face)
        except FetchError as failure:
            if request.accepts_failure and await self._reach.is_an_answer(page, failure):
                return await self._changed(page, state, format, conversation, request, failure)
            raise
        await self._reach.answered(page)
        face = conversation.fresh.get(request.url, Validators())
        if refresh:
            state = replace(state, refreshed_at=self._now())
        is_same = face.body_hash is not None and face.body_hash == state.face.body_hash
        if (answer.not_modified or is_same) and not state.unsettled:
            return await self._unchanged(page, state, face, conversation, answer)
        return await self._changed(page, state, format, conversation, request, answer)

    async def _unchanged(
        self,
        page: Page,
        state: PageState,
        face: Validators,
        conversation: Conversation,
        answer: Response,
    ) -> tuple[Look, int]:
        """The page says what it said: that counts as seeing the same facts again."""
        now = self._now()
        standing, event = health.read(page, state.health, now, latency=conversation.latency)
        events = [event] if event else []
        standing, event = _moved(page, standing, conversation, now)
        events += [event] if event else []
        state = replace(state, face=face, health=standing)
        if not events:
            return Look(state=state, max_age=answer.max_age), 0
        await self._conclude(Visit(page=page, state=state, events=tuple(events)))
        return Look(state=state, max_age=answer.max_age, is_kept=True), len(events)

    async def _changed(
        self,
        page: Page,
        state: PageState,
        format: Format,
        conversation: Conversation,
        face: Request,
        answer: Response | FetchError,
    ) -> tuple[Look, int]:
        known = await self._store.load_known(page.key)
        now = self._now()
        asked = Seen()
        if not _was_another(page, known):
            asked = seen(known, now, read_at=state.health.read_at, every=page.every)
        is_certain = _is_certain(page, answer, now)
        reading = format.read(page, asked)
        exchange = _understand(page, reading, known, now, is_certain=is_certain)
        # A "not modified" of a later document names nothing: where every entry is to be read
        # again, it must not come.
        validators = known.validators if asked.entries else {}
        held, merged, snapshot = await self._drive(page, exchange, conversation, answer, validators)
        self._check_globs(page, snapshot)
        held_until = cadence.held_until(answer, now)
        for about, reason in merged.withheld:
            self._observer.withheld(Withheld(page_key=page.key, about=about, reason=reason))
        standing, back = health.read(page, state.health, now, latency=conversation.latency)
        is_hung = isinstance(answer, FetchError) and answer.timed_out
        standing = replace(standing, held_until=held_until, timed_out=is_hung)
        standing, moved = _moved(page, standing, conversation, now)
        events = tuple(event for event in (back, moved) if event) + merged.events
        fresh = dict(conversation.fresh)
        kept = fresh.pop(face.url, Validators())
        after = replace(merged.known, validators={**held.validators, **fresh})
        state = replace(
            state,
            # What is still owed an answer is asked again, whatever the face says.
            face=kept if conversation.all_answered and not snapshot.owes else Validators(),
            health=replace(standing, noisy=bool(after.noisy)),
            has_open=cadence.has_trouble(page, after),
            unsettled=after.is_unsettled,
        )
        max_age = answer.max_age if isinstance(answer, Response) else None
        # That history was read again and said the same is not worth a write; that a host asks
        # for peace is.
        is_same = replace(after, history_at=known.history_at) == known and held_until is None
        if is_same and not events:
            return Look(state=state, max_age=max_age), 0
        visit = Visit(page=page, state=state, before=known, known=after, events=events)
        return Look(state=state, max_age=max_age, is_kept=True), len(await self._conclude(visit))

    def _check_globs(self, page: Page, snapshot: Snapshot) -> None:
        """Say, once, that the components a person asked for are not on this page."""
        names = [component.name for component in snapshot.components]
        groups = [component.group or "" for component in snapshot.components]
        if not names or Part.COMPONENTS not in snapshot.complete:
            return
        unmatched = [
            glob
            for glob in self._components.pop(page.key, ())
            if not any(is_like(glob, name) for name in (*names, *groups))
        ]
        if unmatched:
            shown = ", ".join(names[:MOST_NAMES])
            what = f"{page.key}: no component is like {', '.join(unmatched)}; there are: {shown}"
            self._observer.happened(Happened(what=what, level="warning"))

    async def _drive(
        self,
        page: Page,
        exchange: Exchange[T],
        conversation: Conversation,
        answer: Response | FetchError,
        validators: Mapping[str, Validators],
    ) -> T:
        """Perform an exchange. What is unexpected in it is a fault of this page's visit alone."""
        try:
            return await conversation.drive(exchange, first=answer, validators=validators)
        except (VisitError, StoreError):
            raise
        except Exception as error:
            problem = f"unexpected {type(error).__name__}: {error}"
            self._observer.happened(Happened(what=f"{page.key}: {problem}", level="error"))
            raise ReadError(page.url, page.format, "?", problem) from error

    async def _find_format(
        self, page: Page, state: PageState, conversation: Conversation
    ) -> tuple[Page, PageState]:
        found = await conversation.drive(recognise(page.url, self._formats))
        if found.format is None:
            tried = ", ".join(found.tried)
            raise ReadError(page.url, "any format", "$", f"nothing recognised; asked: {tried}")
        conversation.moved_to = None
        page = replace(page, format=found.format, url=found.url)
        return page, replace(state, format=found.format, url=found.url)

    async def _look_for_another_format(
        self, page: Page, state: PageState, conversation: Conversation
    ) -> tuple[Page, PageState]:
        """Where a page is not of its format any more, say what it is now, and read it so."""
        found = await conversation.drive(recognise(page.url, self._formats))
        if found.format is None or found.format == page.format:
            return page, state
        moved = replace(page, format=found.format, url=found.url)
        standing, event = health.moved(
            page, state.health, found.url, self._now(), format=found.format
        )
        state = PageState(
            page_key=page.key,
            health=standing,
            has_open=state.has_open,
            format=found.format,
            url=found.url,
            instead_of=page.format,
        )
        if event is not None:
            await self._commit(Visit(page=page, state=state, events=(event,)))
        conversation.moved_to = None
        return moved, state

    async def _fail(self, page: Page, state: PageState, error: VisitError) -> tuple[Look, int]:
        await self._reach.failed(page, error)
        standing, event = health.failed(
            page, state.health, error, self._now(), is_offline=self._reach.is_offline
        )
        failed = replace(state, health=standing)
        # That a host asks for peace must outlive even a kill -9.
        is_held = standing.held_until != state.health.held_until
        if event is None and not is_held:
            return Look(state=failed), 0
        events = (event,) if event else ()
        try:
            await self._conclude(Visit(page=page, state=failed, events=events))
        except StoreError as trouble:
            self._observer.happened(refused(str(trouble)))
            return Look(state=failed if event is None else state), 0
        return Look(state=failed, is_kept=True), len(events)

    async def _conclude(self, visit: Visit) -> tuple[Event, ...]:
        """Keep what a visit taught as its last act, even if it is given up meanwhile.

        Whoever remembers less than is on disk tells of it a second time, or not of its end.
        """
        recorded, _ = await to_its_end(self._commit(visit))
        return recorded

    async def _commit(self, visit: Visit) -> tuple[Event, ...]:
        recorded = await self._writing(visit.page.key).commit(visit)
        tell_recorded(self._observer, recorded)
        return recorded

    def _tell(
        self,
        page: Page,
        standing: Health,
        began: datetime,
        lag: float,
        events: int,
        *,
        outcome: str = "failed",
        failure: VisitError | None = None,
    ) -> None:
        self._observer.visit_done(
            VisitDone(
                page_key=page.key,
                provider=page.provider.slug,
                outcome=outcome,
                seconds=max((self._now() - began).total_seconds(), 0.0),
                lag=lag,
                failure=failure.reason if failure else None,
                detail=failure.detail if failure else "",
                events=events,
                unreadable=standing.unreadable,
            )
        )


def _understand(
    page: Page, exchange: Exchange[Snapshot], known: Known, now: datetime, *, is_certain: bool
) -> Exchange[tuple[Known, Merged, Snapshot]]:
    """Read a page, make it safe and merge it; returns also what was held of it, and what it says.

    All of it is one exchange, so that a large page is cleaned and merged where it was read, in
    a thread: to merge two thousand incidents takes the loop as long as to read them.
    """
    snapshot = clean((yield from exchange))
    is_another = _was_another(page, known)
    if not is_another and is_emptied(known, snapshot):
        problem = "everything that was here is gone"
        raise ReadError(page.url, page.format, "$", problem, reason=Unreadable.EMPTIED)
    held = carried_over(known, snapshot) if is_another else known
    return held, merge(page, held, snapshot, now, is_certain=is_certain), snapshot


def _was_another(page: Page, known: Known) -> bool:
    """Whether what is known was read in another format, so that all ids are new."""
    return known.format not in {"", page.format}


def _as_found(page: Page, state: PageState) -> Page:
    """A page as it turned out to be read, where the config does not say so, or no longer."""
    if not state.format or page.format != state.instead_of:
        return page
    return replace(page, format=state.format, url=state.url or page.url)


def _face(format: Format, page: Page) -> Request:
    """The first question about a page: it does not depend on the past."""
    exchange: Exchange[Any] = format.read(page, Seen())
    try:
        return next(exchange)
    finally:
        exchange.close()


def _is_certain(page: Page, answer: Response | FetchError, now: datetime) -> bool:
    """Whether nobody was there twice already, or no second look will be possible when it is due."""
    if isinstance(answer, FetchError):
        return answer.reason is Unreadable.NETWORK
    held_until = cadence.held_until(answer, now)
    return held_until is not None and (held_until - now).total_seconds() > page.every


def _is_doubtful(standing: Health) -> bool:
    """Whether a page that cannot be read may have become another one."""
    is_another = standing.unreadable in {Unreadable.NOT_THE_FORMAT, Unreadable.GONE}
    return is_another and standing.failures % RECOGNISE_EVERY == 0


def _moved(
    page: Page, standing: Health, conversation: Conversation, now: datetime
) -> tuple[Health, Event | None]:
    if conversation.moved_to is None:
        return standing, None
    return health.moved(page, standing, conversation.moved_to, now)
