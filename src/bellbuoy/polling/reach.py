"""Whether we reach anything: is it us or them, and who is told that it is us?

    how a visit ended ──> outlook (of all pages), witnesses (of one) ──> monitor.offline, .online

Among workers the first who reaches nothing tells of it, and the last who is back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any

from bellbuoy.detection import health
from bellbuoy.errors import FetchError, StoreError, Unreadable, VisitError
from bellbuoy.events import Event
from bellbuoy.model.facts import Page
from bellbuoy.observer import Observer, refused
from bellbuoy.polling.outlook import Outlook, is_out_of_reach
from bellbuoy.polling.recording import tell_recorded
from bellbuoy.polling.unbroken import to_its_end
from bellbuoy.polling.witnesses import Witnesses
from bellbuoy.stores import Store


class Reach:
    """Hears how visits end. `watched` says how many pages are visited at all.

    `writing` is the store as it may be written of a page. `is_news` hears that we are offline
    (True) or online again (False), and says whether nobody told so before.
    """

    def __init__(
        self,
        watched: Callable[[], int],
        *,
        writing: Callable[[str], Store],
        is_news: Callable[[bool], Awaitable[bool]],
        now: Callable[[], datetime],
        observer: Observer,
    ) -> None:
        self._outlook = Outlook(watched)
        self._witnesses = Witnesses()
        self._writing = writing
        self._is_news = is_news
        self._now = now
        self._observer = observer
        self._is_untold = False

    @property
    def is_offline(self) -> bool:
        """Whether it is us who reach nothing."""
        return self._outlook.is_offline

    def forget(self, page_keys: Iterable[str]) -> None:
        """These pages are visited no more."""
        self._outlook.forget(page_keys)

    async def answered(self, page: Page) -> None:
        """A server answered, whatever it said."""
        self._witnesses.answered(page.key, page.url)
        await self._note_reached(page)

    async def failed(self, page: Page, error: VisitError) -> None:
        """A visit failed."""
        await self._note_missed(page, error)
        # A server that hangs is no witness: behind a dead uplink all of them seem to.
        if isinstance(error, FetchError) and error.status is not None:
            self._witnesses.answered(page.key, page.url)
        elif error.reason is Unreadable.NETWORK:
            self._witnesses.silent(page.url)

    async def is_an_answer(self, page: Page, failure: FetchError) -> bool:
        """Whether a failure tells of what is behind the address, and not of us or our network."""
        if failure.reason is Unreadable.CUT:
            await self.answered(page)
            return True
        if failure.reason is not Unreadable.NETWORK:
            return False
        await self._note_missed(page, failure)
        is_them = self._witnesses.is_them(page.key, page.url)
        return is_them and not self.is_offline

    async def _note_missed(self, page: Page, error: VisitError) -> None:
        if not is_out_of_reach(error):
            await self._note_reached(page)
        elif self._outlook.missed(page.key, page.url):
            await _insist(self._tell_offline(page))

    async def _note_reached(self, page: Page) -> None:
        if self._outlook.reached(page.key):
            await _insist(self._tell_online(page))

    async def _tell_offline(self, page: Page) -> None:
        offline = health.went_offline(self._now(), self._outlook.failing, self._outlook.watched)
        if await self._is_news(True) and not await self._append(page, offline):
            self._is_untold = True
            await self._is_news(False)

    async def _tell_online(self, page: Page) -> None:
        if await self._is_news(False):
            # Where the store was out of reach too, nobody knows of what is over.
            if not self._is_untold:
                await self._append(page, health.came_online(self._now()))
            self._is_untold = False

    async def _append(self, page: Page, event: Event) -> bool:
        """Record an event; whether the store took it. Who lost the page's lease records nothing."""
        try:
            tell_recorded(self._observer, await self._writing(page.key).append((event,)))
        except StoreError as error:
            self._observer.happened(refused(str(error)))
            return False
        return True


async def _insist(telling: Coroutine[Any, Any, None]) -> None:
    """Tell, for nobody will notice it again, and only then give up what was to be given up."""
    _, is_given_up = await to_its_end(telling)
    if is_given_up:
        raise asyncio.CancelledError
