"""One receiver's deliveries: tried, retried, settled after the answer, never before.

    store: due, first of its lane -> notifier -> done | later | dead -> store

The store is the queue, so memory stays flat however long a receiver is away. Within a lane
(one incident of one page) the order of the log is kept; other lanes go on. What was answered
is settled even if the store refuses for an hour: until then its lane waits, and nothing is
sent again. Does not decide what is sent to whom (dispatcher), nor how long to wait (retries).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from traceback import extract_tb

from msgspec.structs import replace

from bellbuoy.delivery.patience import Patience
from bellbuoy.delivery.retries import HELD_AT_MOST, next_attempt_at
from bellbuoy.errors import DelayedError, DeliveryError, DisabledError, RefusedError
from bellbuoy.events import Event
from bellbuoy.exchange import Exchange
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Receipt
from bellbuoy.notifiers import DoorNotifier, HttpNotifier, Message, Notifier, Receiver
from bellbuoy.observer import Attempted, Happened, Observer
from bellbuoy.stores import Store
from bellbuoy.text import clean_line

AT_ONCE = 4
"""Lanes of one HTTP receiver that are tried at once; a door of its own takes one at a time."""

CLAIM = 50
"""Deliveries read from the store at once."""

LOOK_EVERY = 5.0
"""The longest wait for a wake-up, in seconds: another process may have dispatched."""

OPEN_AGAIN_AFTER = 30.0
"""How long to wait after a door that could not be opened, in seconds."""

STOP_WITHIN = 4.0
"""How long sends in flight may take once it is to stop, in seconds; the rest stays in the store."""

STORE_TRIES = 3
"""How often `drain` tries a store that refuses."""

WANTS_NO_MORE = "the receiver wants no more events (410)"

Send = Callable[[Exchange[Receipt]], Awaitable[Receipt]]
"""Performs a receiver's exchange; the app hands in the driver's."""

Notify = Callable[[Message], Awaitable[Receipt]]


class Worker:
    """Delivers to one receiver until it is cancelled, or the receiver wants no more.

    `now` is the wall clock; `chance` spreads the retries.
    """

    def __init__(
        self,
        store: Store,
        receiver: Receiver,
        notifier: Notifier,
        send: Send,
        *,
        now: Callable[[], datetime],
        observer: Observer,
        chance: Random | None = None,
    ) -> None:
        self._store = store
        self._receiver = receiver
        self._notifier = notifier
        self._send = send
        self._now = now
        self._observer = observer
        self._chance = chance or Random()  # noqa: S311 - spreads retries, keeps no secret
        self._patience = Patience(f"receiver {receiver.name}", observer)
        self._at_once = AT_ONCE if isinstance(notifier, HttpNotifier) else 1
        self._news = asyncio.Event()
        self._claimed: deque[tuple[Delivery, Event]] = deque()
        self._flying: dict[str, asyncio.Task[None]] = {}
        self._held_until = 0.0
        self._is_over = False
        self._failure: BaseException | None = None

    def wake(self) -> None:
        """Say that something may be due."""
        self._news.set()

    async def run(self) -> None:
        """Deliver what falls due. Cancelled, it lets sends in flight end, for a bounded time."""
        name = self._receiver.name
        self._is_over = await self._patience.insist(lambda: self._store.is_disabled(name))
        while not self._is_over:
            async with AsyncExitStack() as stack:
                if notify := await self._open(stack):
                    await self._deliver(notify, None)
                    continue
            await asyncio.sleep(OPEN_AGAIN_AFTER)
        await self._bury()
        self._tell(f"disabled: {WANTS_NO_MORE}", "warning")

    async def drain(self) -> None:
        """Try everything that is due now, each delivery once.

        Raises StoreError if the store goes on refusing.
        """
        name = self._receiver.name
        self._patience = Patience(f"receiver {name}", self._observer, tries=STORE_TRIES)
        if await self._patience.insist(lambda: self._store.is_disabled(name)):
            return
        async with AsyncExitStack() as stack:
            if notify := await self._open(stack):
                # What fails now is due later than now, so it does not come again.
                await self._deliver(notify, self._now())

    async def _open(self, stack: AsyncExitStack) -> Notify | None:
        """The way to the receiver; None if its door could not be opened."""
        notifier, settings = self._notifier, self._receiver.settings
        if isinstance(notifier, HttpNotifier):
            return lambda message: self._send(notifier.notify(message, settings))
        if not isinstance(notifier, DoorNotifier):
            raise TypeError(f"{notifier!r} has neither `notify` nor `open`")
        try:
            door = await stack.enter_async_context(notifier.open(settings))
        except DeliveryError as error:
            self._tell(f"cannot be opened: {error.detail}", "error")
        except Exception as error:  # noqa: BLE001 - a broken door must not end the others
            self._tell(f"cannot be opened: {_unexpected(error)}", "error")
        else:
            return door.notify
        return None

    async def _deliver(self, notify: Notify, until: datetime | None) -> None:
        """Try what falls due; with `until`, only what was due then, and return after it."""
        try:
            while not self._is_over:
                self._news.clear()
                await self._fill(notify, until)
                if until is not None and not self._flying:
                    return
                await self._rest(await self._pause())
                if self._failure is not None:
                    raise self._failure
        finally:
            await self._land()

    async def _fill(self, notify: Notify, until: datetime | None) -> None:
        """Start sends until every seat is taken, or nothing is due."""
        while len(self._flying) < self._at_once and self._hold() <= 0 and not self._is_over:
            if not self._claimed:
                name, at = self._receiver.name, until or self._now()
                due = await self._patience.insist(
                    lambda: self._store.due_deliveries(name, at, CLAIM)  # noqa: B023 - awaited at once
                )
                self._claimed.extend(one for one in due if one[0].lane not in self._flying)
                if not self._claimed:
                    return
            delivery, event = self._claimed.popleft()
            task = asyncio.create_task(self._try(notify, delivery, event))
            self._flying[delivery.lane] = task
            task.add_done_callback(lambda task, lane=delivery.lane: self._landed(lane, task))

    def _landed(self, lane: str, task: asyncio.Task[None]) -> None:
        del self._flying[lane]
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
        self._news.set()

    def _hold(self) -> float:
        """For how many more seconds the receiver asked us to stay away."""
        return self._held_until - asyncio.get_running_loop().time()

    async def _pause(self) -> float:
        """How long to wait, in seconds, if nothing happens before."""
        if self._flying or self._claimed:
            return LOOK_EVERY
        name = self._receiver.name
        due_at = await self._patience.insist(lambda: self._store.next_due(name))
        pause = LOOK_EVERY if due_at is None else (due_at - self._now()).total_seconds()
        return min(max(pause, self._hold(), 0.01), LOOK_EVERY)

    async def _rest(self, pause: float) -> None:
        timer = asyncio.get_running_loop().call_later(pause, self._news.set)
        try:
            await self._news.wait()
        finally:
            timer.cancel()

    async def _land(self) -> None:
        """Let sends in flight end, for a bounded time."""
        self._claimed.clear()
        flying = list(self._flying.values())
        try:
            if flying:
                await asyncio.wait(flying, timeout=STOP_WITHIN)
        finally:
            for task in flying:
                task.cancel()
        await asyncio.gather(*flying, return_exceptions=True)

    async def _try(self, notify: Notify, delivery: Delivery, event: Event) -> None:
        reference = await self._patience.insist(
            lambda: self._store.reference(delivery.receiver, delivery.lane)
        )
        began = self._now()
        message = Message(
            event=event,
            delivery=delivery,
            sent_at=int(began.timestamp()),
            reference=reference,
            repeat=delivery.last is not None and delivery.last.uncertain,
        )
        try:
            receipt = await notify(message)
            if not isinstance(receipt, Receipt):
                raise TypeError(f"{type(receipt).__name__} is not a Receipt")  # noqa: TRY301
        except DeliveryError as error:
            await self._put_off(delivery, began, error)
        except Exception as error:  # noqa: BLE001 - a bug in one notifier must not end deliveries
            problem = _unexpected(error)
            self._tell(problem, "error")
            await self._put_off(delivery, began, DelayedError(problem, uncertain=True))
        else:
            await self._keep(message, began, receipt)

    async def _keep(self, message: Message, began: datetime, receipt: Receipt) -> None:
        """Keep that it arrived."""
        delivery = message.delivery
        to, lane, reference = delivery.receiver, delivery.lane, receipt.reference
        if reference and reference != message.reference:
            await self._patience.insist(lambda: self._store.remember_reference(to, lane, reference))
        attempt = self._attempt(began, receipt.detail or "done", uncertain=message.repeat)
        await self._settle(
            replace(
                delivery,
                status=DeliveryStatus.DONE,
                attempts=delivery.attempts + 1,
                last=attempt,
                reference=reference or delivery.reference,
            )
        )

    async def _put_off(self, delivery: Delivery, began: datetime, error: DeliveryError) -> None:
        """Keep that it did not arrive: for later, or for good."""
        retry_after = error.retry_after if isinstance(error, DelayedError) else None
        again_at = None
        if not isinstance(error, RefusedError):
            again_at = next_attempt_at(
                delivery, self._now(), retry_after=retry_after, chance=self._chance.random()
            )
        if retry_after is not None:
            self._hold_all(retry_after)
        # An attempt that may have arrived makes every later one a repeat.
        uncertain = delivery.last is not None and delivery.last.uncertain
        uncertain = uncertain or (isinstance(error, DelayedError) and error.uncertain)
        attempt = self._attempt(began, error.detail, uncertain=uncertain)
        is_dead = again_at is None
        await self._settle(
            replace(
                delivery,
                status=DeliveryStatus.DEAD if is_dead else DeliveryStatus.WAITING,
                due_at=again_at or delivery.due_at,
                attempts=delivery.attempts + 1,
                last=attempt,
            )
        )
        if is_dead:
            self._tell(f"{delivery.event_id} is dead: {attempt.outcome}", "warning")
        if isinstance(error, DisabledError):
            await self._patience.insist(lambda: self._store.disable(delivery.receiver, attempt))
            self._is_over = True

    def _hold_all(self, seconds: float) -> None:
        """A receiver that asks to be left alone means every lane."""
        until = asyncio.get_running_loop().time() + min(seconds, HELD_AT_MOST)
        self._held_until = max(self._held_until, until)

    async def _bury(self) -> None:
        """What still waits for a receiver that wants no more is dead, so that it can be seen."""
        name, ever = self._receiver.name, self._now() + timedelta(days=3650)
        while due := await self._patience.insist(
            lambda: self._store.due_deliveries(name, ever, CLAIM)
        ):
            for delivery, _ in due:
                attempt = Attempt(at=self._now(), seconds=0.0, outcome=WANTS_NO_MORE)
                await self._settle(replace(delivery, status=DeliveryStatus.DEAD, last=attempt))

    def _attempt(self, began: datetime, outcome: str, *, uncertain: bool) -> Attempt:
        seconds = max((self._now() - began).total_seconds(), 0.0)
        outcome = clean_line(outcome, 300)
        return Attempt(at=began, seconds=seconds, outcome=outcome, uncertain=uncertain)

    async def _settle(self, delivery: Delivery) -> None:
        await self._patience.insist(lambda: self._store.settle(delivery))
        self._observer.attempted(Attempted(delivery=delivery))

    def _tell(self, what: str, level: str) -> None:
        self._observer.happened(
            Happened(what=f"receiver {self._receiver.name}: {what}", level=level)
        )


def _unexpected(error: Exception) -> str:
    """A bug, marked as one, by its kind and place: its own words may hold a secret."""
    frames = extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"unexpected {type(error).__name__}{place}"
