"""One receiver's deliveries: tried, retried, settled after the answer, never before.

    store: due, first of its lane -> notifier -> done | later | dead -> store

The store is the queue, so memory stays flat however long a receiver is away. Within a lane
(one incident of one page) the order of the log is kept; other lanes go on. Does not decide
what is sent to whom (dispatcher).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random

from msgspec.structs import replace

from bellbuoy.delivery.retries import next_attempt_at
from bellbuoy.errors import (
    DelayedError,
    DeliveryError,
    DisabledError,
    RefusedError,
    StoreError,
)
from bellbuoy.events import Event
from bellbuoy.exchange import Exchange
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Receipt
from bellbuoy.notifiers import DoorNotifier, HttpNotifier, Message, Notifier, Receiver
from bellbuoy.observer import Attempted, Happened, Observer
from bellbuoy.stores import Store

AT_ONCE = 4
"""Lanes of one HTTP receiver that are tried at once; a door of its own takes one at a time."""

CLAIM = 50
"""Deliveries read from the store at once."""

LOOK_EVERY = 5.0
"""The longest wait for a wake-up, in seconds: another process may have dispatched."""

PAUSE = 5.0
"""How long to wait after a store error, in seconds."""

STOP_WITHIN = 4.0
"""How long sends in flight may take once it is to stop, in seconds; the rest stays in the store."""

Send = Callable[[Exchange[Receipt]], Awaitable[Receipt]]
"""Performs a receiver's exchange; the app hands in the driver's."""

Notify = Callable[[Message], Awaitable[Receipt]]


class Worker:
    """Delivers to one receiver until it is cancelled, or the receiver wants no more."""

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
        self._news = asyncio.Event()
        self._at_once = AT_ONCE if isinstance(notifier, HttpNotifier) else 1

    def wake(self) -> None:
        """Say that something may be due."""
        self._news.set()

    async def run(self) -> None:
        """Deliver what falls due. Cancelled, it lets sends in flight end, for a bounded time."""
        async with self._way() as notify:
            while not await self._is_disabled():
                self._news.clear()
                try:
                    if not await self._deliver_due(notify):
                        await self._wait()
                except StoreError as error:
                    self._tell(f"{error}", "error")
                    await asyncio.sleep(PAUSE)
        self._tell("disabled: it answered that it wants no more", "warning")

    async def drain(self) -> None:
        """Try everything that is due now, each delivery once."""
        async with self._way() as notify:
            while not await self._is_disabled() and await self._deliver_due(notify):
                pass

    async def _is_disabled(self) -> bool:
        try:
            return await self._store.is_disabled(self._receiver.name)
        except StoreError:
            return False

    @asynccontextmanager
    async def _way(self) -> AsyncGenerator[Notify]:
        notifier, settings = self._notifier, self._receiver.settings
        if isinstance(notifier, DoorNotifier):
            async with notifier.open(settings) as door:
                yield door.notify
        elif isinstance(notifier, HttpNotifier):

            async def notify(message: Message) -> Receipt:
                return await self._send(notifier.notify(message, settings))

            yield notify
        else:
            raise TypeError(f"{notifier!r} has neither `notify` nor `open`")

    async def _wait(self) -> None:
        due_at = await self._store.next_due(self._receiver.name)
        wait = LOOK_EVERY
        if due_at is not None:
            wait = min(max((due_at - self._now()).total_seconds(), 0.01), LOOK_EVERY)
        timer = asyncio.get_running_loop().call_later(wait, self._news.set)
        try:
            await self._news.wait()
        finally:
            timer.cancel()

    async def _deliver_due(self, notify: Notify) -> bool:
        """Try what is due; false if nothing was."""
        due = await self._store.due_deliveries(self._receiver.name, self._now(), CLAIM)
        waiting = list(reversed(due))
        flying: set[asyncio.Task[None]] = set()
        try:
            while waiting or flying:
                while waiting and len(flying) < self._at_once:
                    flying.add(asyncio.create_task(self._try(notify, *waiting.pop())))
                done, flying = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        except asyncio.CancelledError:
            if flying:
                await asyncio.wait(flying, timeout=STOP_WITHIN)
            raise
        finally:
            for task in flying:
                task.cancel()
        return bool(due)

    async def _try(self, notify: Notify, delivery: Delivery, event: Event) -> None:
        began = self._now()
        message = Message(
            event=event,
            delivery=delivery,
            sent_at=int(began.timestamp()),
            reference=await self._store.reference(delivery.receiver, delivery.lane),
            repeat=delivery.last is not None and delivery.last.uncertain,
        )
        try:
            receipt = await notify(message)
        except DeliveryError as error:
            await self._put_off(delivery, began, error)
        except Exception as error:  # noqa: BLE001 - a bug in one notifier must not end deliveries
            problem = f"unexpected {type(error).__name__}"
            self._tell(f"{problem}: {error}", "error")
            await self._put_off(delivery, began, DelayedError(problem, uncertain=True))
        else:
            await self._settle(
                replace(
                    delivery,
                    status=DeliveryStatus.DONE,
                    attempts=delivery.attempts + 1,
                    last=self._attempt(began, receipt.detail or "done"),
                    reference=receipt.reference or delivery.reference,
                )
            )
            if receipt.reference and receipt.reference != message.reference:
                await self._store.remember_reference(
                    delivery.receiver, delivery.lane, receipt.reference
                )

    async def _put_off(self, delivery: Delivery, began: datetime, error: DeliveryError) -> None:
        """Keep that it did not arrive: for later, or for good."""
        is_delayed = isinstance(error, DelayedError)
        attempt = self._attempt(began, error.detail, uncertain=is_delayed and error.uncertain)
        again_at = None
        if not isinstance(error, RefusedError):
            again_at = next_attempt_at(
                delivery,
                self._now(),
                retry_after=error.retry_after if is_delayed else None,
                chance=self._chance.random(),
            )
        if again_at is None:
            self._tell(f"{delivery.event_id} is dead: {error.detail}", "warning")
        await self._settle(
            replace(
                delivery,
                status=DeliveryStatus.DEAD if again_at is None else DeliveryStatus.WAITING,
                due_at=again_at or delivery.due_at,
                attempts=delivery.attempts + 1,
                last=attempt,
            )
        )
        if isinstance(error, DisabledError):
            await self._store.disable(delivery.receiver, attempt)

    def _attempt(self, began: datetime, outcome: str, *, uncertain: bool = False) -> Attempt:
        seconds = max((self._now() - began).total_seconds(), 0.0)
        return Attempt(at=began, seconds=seconds, outcome=outcome, uncertain=uncertain)

    async def _settle(self, delivery: Delivery) -> None:
        await self._store.settle(delivery)
        self._observer.attempted(Attempted(delivery=delivery))

    def _tell(self, what: str, level: str) -> None:
        self._observer.happened(
            Happened(what=f"receiver {self._receiver.name}: {what}", level=level)
        )
