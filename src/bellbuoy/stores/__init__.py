"""The only door to disk: what is known of pages, the event log, and deliveries.

`Store` is the contract; `stores.sql` keeps it in SQLite and PostgreSQL, `stores.memory` in
memory, and one contract suite runs over all of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, Self

from msgspec import Struct

from bellbuoy.events import Event
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Silence, Standing
from bellbuoy.model.facts import IncidentKind, Page
from bellbuoy.model.known import Known, KnownComponent, KnownIncident, PageState
from bellbuoy.model.leases import Holding, Lease, Roster, Worker
from bellbuoy.stores.retention import LONG_AGO

Ended = Callable[[str, KnownIncident], Iterable[Event]]
"""What there is to be told of an open incident of the page with that key, which is forgotten."""


class Visit(Struct, frozen=True, kw_only=True):
    """One poll's whole outcome, to be written in one transaction.

    `before` is what was loaded, `known` what it became; both are None when the poll taught
    nothing of incidents and components. Rows are written only where the two differ.
    """

    page: Page
    state: PageState
    before: Known | None = None
    known: Known | None = None
    events: tuple[Event, ...] = ()


class Outgoing(Struct, frozen=True, kw_only=True):
    """What a dispatcher decided, to be written in one transaction with its place in the log.

    `new` are deliveries, of which one whose id is there already is left as it is. `changed`
    are held deliveries in their new form, and `gone` the ids of held ones that are dropped; one
    that is held no more is left as it is. `told` are (receiver, lane, route) of those who are
    told from now on how the lane goes on.
    """

    new: tuple[Delivery, ...] = ()
    changed: tuple[Delivery, ...] = ()
    gone: tuple[str, ...] = ()
    told: tuple[tuple[str, str, str], ...] = ()


class Store(Protocol):
    """State, log and deliveries. Every method raises StoreError and nothing else of a database.

    Instants are aware UTC. A writing method returns when its transaction is on disk.
    """

    @property
    def log_id(self) -> str:
        """The identity of this log, so that a cursor of another one is refused."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for people: a path, or an address without a password."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether several workers may use it at once, each writing under its leases."""
        ...

    def under(self, lease: Lease) -> Self:
        """The same store, whose every write raises LeaseLostError once somebody else has the lease.

        It is looked at in the transaction of the write: who was paused in the middle of anything
        writes nothing afterwards. It needs no closing.
        """
        ...

    async def renew(self, worker: Worker) -> Roster:
        """Show a sign of life, good for `LEASE_FOR`; who is there, and who holds what.

        Raises StoreNewerError if a newer Bellbuoy has changed the store meanwhile.
        """
        ...

    async def roster(self) -> Roster:
        """Who is there, and who holds what."""
        ...

    async def claim(
        self, worker_id: str, wanted: Mapping[str, Holding | None]
    ) -> tuple[Lease, ...]:
        """Take leases, given as they were seen: None is one that nobody ever had.

        Returns those taken. One that changed hands since, or under which somebody writes at
        this moment, is left. Raises StoreNewerError as `renew` does.
        """
        ...

    async def release(self, worker_id: str, names: Iterable[str]) -> None:
        """Let leases go: whoever comes may take them at once."""
        ...

    async def retire(self, worker_id: str) -> None:
        """Let every lease of a worker go, and forget it."""
        ...

    async def poke(self, page_key: str) -> None:
        """Ask whoever polls a page to look at it soon; it hears of it with its next `renew`."""
        ...

    async def take_pokes(self, page_keys: Iterable[str]) -> None:
        """Forget that these pages were to be looked at."""
        ...

    async def load_states(self, page_keys: Iterable[str]) -> Mapping[str, PageState]:
        """The states of those of these pages that were ever visited."""
        ...

    async def load_known(self, page_key: str) -> Known:
        """What is known of a page; an empty `Known` if nothing is."""
        ...

    async def commit(self, visit: Visit) -> tuple[Event, ...]:
        """Write one visit: known state, events, validators and health, all or nothing.

        Returns the events that were new to the log, numbered. Visits that wait at the same
        time share a transaction, each in a savepoint of its own.
        """
        ...

    async def save_states(self, states: Sequence[PageState]) -> None:
        """Write states of visits that taught nothing, as one batch."""
        ...

    async def append(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Record events that belong to no visit; returns the new ones, numbered."""
        ...

    async def forget_pages(self, watched: Iterable[str], ended: Ended) -> tuple[Event, ...]:
        """Drop the states and known facts of pages that are not watched any more.

        Their events stay in the log, and to it comes in the same transaction what `ended` says
        of each of their open incidents. Returns that as `append` does.
        """
        ...

    async def read_events(
        self, *, after: int = 0, limit: int = 500, incident: str | None = None
    ) -> tuple[Event, ...]:
        """Events with a greater `seq`, in order; of one incident (our key) if it is given."""
        ...

    async def latest_events(
        self, *, before: int | None = None, limit: int = 50, page: str | None = None
    ) -> tuple[Event, ...]:
        """Events with a smaller `seq` than `before`, or all, newest first.

        Of one page, by its key, if it is given.
        """
        ...

    async def search_events(
        self, words: str, *, before: int | None = None, limit: int = 50
    ) -> tuple[Event, ...]:
        """Events in which every one of these words stands, newest first.

        Looked for is in the title, the update's text, the names of components and provider, and
        the reason. The last word may also be the beginning of one. Case and accents do not
        count, nor does anything that is neither letter nor digit: there are no operators. A
        text without a word finds nothing. `before` is as in `latest_events`.
        """
        ...

    async def find_event(self, id: str) -> Event | None:
        """The event with this id; None if it is not in the log, or not any more."""
        ...

    async def last_seq(self) -> int:
        """The `seq` given last, even if that event was pruned since; 0 if none ever was."""
        ...

    async def first_seq(self) -> int:
        """The `seq` of the oldest event still kept; 0 if there is none."""
        ...

    async def open_incidents(
        self, page_keys: Iterable[str] | None = None
    ) -> tuple[tuple[str, KnownIncident], ...]:
        """Open incidents and maintenances as (page key, incident), of these pages or of all."""
        ...

    async def incident(self, page_key: str, key: str) -> KnownIncident | None:
        """An incident of a page by our key of it, with its updates; None if it is not known."""
        ...

    async def incidents(
        self,
        *,
        page_keys: Iterable[str] | None = None,
        kind: IncidentKind | None = None,
        since: datetime | None = None,
        before: tuple[datetime, str, str] | None = None,
        limit: int = 100,
    ) -> tuple[tuple[str, KnownIncident], ...]:
        """Incidents, open and over, as (page key, incident), newest first by their beginning.

        They come without their updates, as `retention.without_updates` makes them. Those that
        began at the same time come by page key and key, the greatest first. `since`: only those
        that are open, or ended after it. `before`: only those that come after this one, which
        is the (`retention.began_at`, page key, key) of the last one seen.
        """
        ...

    async def components(self, page_key: str) -> tuple[KnownComponent, ...]:
        """The components of a page."""
        ...

    async def all_components(self) -> Mapping[str, tuple[KnownComponent, ...]]:
        """The components of every page, by its key; a page without any is absent."""
        ...

    async def read_cursor(self, reader: str) -> int | None:
        """How far a reader has got; None if it never read."""
        ...

    async def write_cursor(self, reader: str, seq: int) -> None:
        """Keep how far a reader has got."""
        ...

    async def dispatch(self, reader: str, seq: int, outgoing: Outgoing) -> None:
        """Keep what was decided and the dispatcher's cursor in one transaction."""
        ...

    async def standings(
        self, receivers: Iterable[str], lanes: Iterable[str]
    ) -> Mapping[tuple[str, str], Standing]:
        """How these receivers stand to these lanes, by (receiver, lane); absent was never told."""
        ...

    async def due_held(self, now: datetime, limit: int = 500) -> tuple[tuple[Delivery, Event], ...]:
        """Held deliveries whose time has come, in the order of `seq`."""
        ...

    async def next_held(self) -> datetime | None:
        """When the next held delivery's time comes; None if nothing is held."""
        ...

    async def due_deliveries(
        self, receiver: str, now: datetime, limit: int = 50
    ) -> tuple[tuple[Delivery, Event], ...]:
        """Waiting deliveries that are due, oldest first; of each lane only the first waiting.

        One behind a dead one of its lane has `after_gap` set; until the dead one is revived
        and done.
        """
        ...

    async def next_due(self, receiver: str, after: datetime | None = None) -> datetime | None:
        """When the next first-of-its-lane is due at a receiver; None if none waits.

        With `after`, of those that are due later than that.
        """
        ...

    async def waiting(
        self, receiver: str, *, digest: str = "", limit: int = 500
    ) -> tuple[tuple[Delivery, Event], ...]:
        """Waiting deliveries of one digest, or those that are in none, in the order of `seq`.

        As in `due_deliveries`, but every one, whether due or not. Of a digest none, if an
        earlier delivery of one of its lanes waits outside of it.
        """
        ...

    async def settle(self, *deliveries: Delivery) -> None:
        """Keep deliveries' new status, attempt, reference and digest, in one transaction."""
        ...

    async def deliveries(
        self,
        *,
        receiver: str | None = None,
        status: DeliveryStatus | None = None,
        event_id: str | None = None,
        before: tuple[int, str, str] | None = None,
        limit: int = 100,
    ) -> tuple[Delivery, ...]:
        """Deliveries, newest first: by falling `seq`, then by receiver and id.

        `before`: only those that come after this one, which is the (seq, receiver, id) of the
        last one seen. It need not be there any more.
        """
        ...

    async def oldest_waiting(self) -> Mapping[str, datetime]:
        """When the oldest waiting delivery of each receiver was made; absent if none waits."""
        ...

    async def count_deliveries(self, receiver: str) -> Mapping[DeliveryStatus, int]:
        """How many deliveries of a receiver stand how; absent is none."""
        ...

    async def revive(self, delivery_id: str, now: datetime) -> None:
        """Make a dead delivery wait again, due now, with its attempts at zero.

        Any other delivery, and an id that is not there, is left as it is.
        """
        ...

    async def disabled(self) -> frozenset[str]:
        """The receivers that answered that they want no more (410)."""
        ...

    async def disable(self, receiver: str, attempt: Attempt) -> None:
        """Keep that a receiver wants no more."""
        ...

    async def enable(self, receiver: str) -> None:
        """Forget that a receiver wanted no more."""
        ...

    async def references(self, receiver: str, lanes: Iterable[str]) -> Mapping[str, str]:
        """The receiver's messages of these incidents, by lane; absent where it has none."""
        ...

    async def remember_reference(self, receiver: str, lane: str, reference: str) -> None:
        """Keep the receiver's message of an incident."""
        ...

    async def add_silence(self, silence: Silence) -> None:
        """Keep a silence; one with the same id is replaced."""
        ...

    async def silences(self, since: datetime | None = None) -> tuple[Silence, ...]:
        """Silences that end after `since`, or all that are kept; by their beginning."""
        ...

    async def wait_for_events(self, after: int) -> None:
        """Return when an event beyond `after` may be there: a hint, at most a second late."""
        ...

    async def prune(self, before: datetime, at_latest: datetime = LONG_AGO) -> int:
        """Drop events older than `before`; returns how many.

        Never past a cursor that is kept, nor past a waiting or held delivery; but what is older
        than `at_latest` is not held back by them. Deliveries go with their event, silences that
        ended before go, and incidents that ended before keep ids and hashes, not texts. Who was
        told of what is open is never forgotten.
        """
        ...

    async def check(self) -> tuple[str, ...]:
        """Look for damage; what is wrong, or nothing."""
        ...

    async def backup(self, path: str) -> None:
        """Write a consistent copy to a new file while running; it is a log of its own."""
        ...

    async def close(self) -> None:
        """Finish what waits and close."""
        ...
