"""Deliveries in memory, and what is kept of receivers: what `stores.outbox` keeps in tables."""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Standing
from bellbuoy.stores import Outgoing

_UNDECIDED = frozenset({DeliveryStatus.WAITING, DeliveryStatus.HELD})


class _Thread(Struct, frozen=True):
    """What is kept of a receiver and a lane."""

    reference: str = ""
    rule: str = ""


def _age(seq: int, receiver: str, delivery_id: str) -> tuple[int, str, str]:
    """The order of deliveries, newest first."""
    return -seq, receiver, delivery_id


def _place(delivery: Delivery) -> tuple[int, str]:
    """The place of a delivery in its lane: a reminder goes behind its event."""
    return delivery.seq, delivery.id


class MemoryOutbox:
    """What goes out, by the ids of deliveries; it knows events by their `seq` alone."""

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery] = {}
        self._disabled: dict[str, Attempt] = {}
        self._threads: dict[tuple[str, str], _Thread] = {}

    def dispatch(self, outgoing: Outgoing) -> None:
        """Keep what a dispatcher decided."""
        for name in outgoing.gone:
            if self._is_held(name):
                del self._deliveries[name]
        for each in outgoing.changed:
            if self._is_held(each.id):
                self._deliveries[each.id] = each
        for each in outgoing.new:
            self._deliveries.setdefault(each.id, each)
        for to, lane, rule in outgoing.told:
            thread = self._threads.get((to, lane), _Thread())
            self._threads[to, lane] = replace(thread, rule=rule)

    def standings(
        self, receivers: Iterable[str], lanes: Iterable[str]
    ) -> Mapping[tuple[str, str], Standing]:
        """How receivers stand to these lanes; absent is not at all."""
        wanted = frozenset(product(receivers, lanes))
        found = {
            key: Standing(told=True, rule=thread.rule)
            for key, thread in self._threads.items()
            if key in wanted
        }
        for each in self._in_order():
            key = (each.receiver, each.lane)
            if each.status in _UNDECIDED and key in wanted:
                before = found.get(key, Standing())
                if each.status is DeliveryStatus.HELD:
                    found[key] = replace(before, held=(*before.held, each))
                else:
                    found[key] = replace(before, is_behind=True)
        return found

    def due_held(self, now: datetime, limit: int) -> list[Delivery]:
        """What is held and whose time has come."""
        due = [e for e in self._in_order() if e.status is DeliveryStatus.HELD and e.due_at <= now]
        return list(map(self._with_gap, due[:limit]))

    def next_held(self) -> datetime | None:
        """When the next held delivery's time comes."""
        held = (e for e in self._deliveries.values() if e.status is DeliveryStatus.HELD)
        return min((each.due_at for each in held), default=None)

    def waiting(self, receiver: str, digest: str, limit: int) -> list[Delivery]:
        """All that waits of a digest, if nothing waits before it; or all that is in none."""
        waiting = [
            each
            for each in self._in_order()
            if each.receiver == receiver and each.status is DeliveryStatus.WAITING
        ]
        found = [each for each in waiting if each.digest == digest]
        if digest and any(
            earlier.lane == each.lane
            and _place(earlier) < _place(each)
            and earlier.digest != digest
            for each in found
            for earlier in waiting
        ):
            return []
        return list(map(self._with_gap, found[:limit]))

    def due(self, receiver: str, now: datetime, limit: int) -> list[Delivery]:
        """Of each lane the first that waits, if it is due."""
        due = [each for each in self._first_of_lanes(receiver) if each.due_at <= now]
        return list(map(self._with_gap, due[:limit]))

    def next_due(self, receiver: str, after: datetime | None) -> datetime | None:
        """When the first of some lane is due, of all or of those that are due after then."""
        due = (each.due_at for each in self._first_of_lanes(receiver))
        return min((at for at in due if after is None or at > after), default=None)

    def settle(self, settled: Iterable[Delivery]) -> None:
        """Keep what came of an attempt."""
        for each in settled:
            if each.id in self._deliveries:
                self._deliveries[each.id] = each

    def find(
        self,
        receiver: str | None,
        status: DeliveryStatus | None,
        event_id: str | None,
        before: tuple[int, str, str] | None,
        limit: int,
    ) -> tuple[Delivery, ...]:
        """Deliveries, newest first."""
        found = [
            each
            for each in self._deliveries.values()
            if receiver in {None, each.receiver}
            and status in {None, each.status}
            and event_id in {None, each.event_id}
            and (before is None or _age(each.seq, each.receiver, each.id) > _age(*before))
        ]
        found.sort(key=lambda each: _age(each.seq, each.receiver, each.id))
        return tuple(found[:limit])

    def oldest_waiting(self) -> Mapping[str, datetime]:
        """When each receiver's oldest waiting delivery was made."""
        oldest: dict[str, datetime] = {}
        for each in self._deliveries.values():
            if each.status is DeliveryStatus.WAITING:
                at = oldest.get(each.receiver, each.created_at)
                oldest[each.receiver] = min(at, each.created_at)
        return oldest

    def count(self, receiver: str) -> Mapping[DeliveryStatus, int]:
        """How many deliveries of a receiver stand how."""
        return Counter(e.status for e in self._deliveries.values() if e.receiver == receiver)

    def revive(self, delivery_id: str, now: datetime) -> None:
        """Make a dead delivery wait again; any other stays as it is."""
        dead = self._deliveries.get(delivery_id)
        if dead is not None and dead.status is DeliveryStatus.DEAD:
            alive = replace(dead, status=DeliveryStatus.WAITING, attempts=0, due_at=now)
            self._deliveries[delivery_id] = alive

    def disabled(self) -> frozenset[str]:
        """The receivers that want no more."""
        return frozenset(self._disabled)

    def disable(self, receiver: str, attempt: Attempt) -> None:
        """Keep that a receiver wants no more."""
        self._disabled[receiver] = attempt

    def enable(self, receiver: str) -> None:
        """Forget that a receiver wanted no more."""
        self._disabled.pop(receiver, None)

    def references(self, receiver: str, lanes: Iterable[str]) -> Mapping[str, str]:
        """The receiver's messages of these incidents, by lane."""
        threads = {lane: self._threads.get((receiver, lane), _Thread()) for lane in lanes}
        return {lane: thread.reference for lane, thread in threads.items() if thread.reference}

    def remember_reference(self, receiver: str, lane: str, reference: str) -> None:
        """Keep the receiver's message of an incident."""
        thread = self._threads.get((receiver, lane), _Thread())
        self._threads[receiver, lane] = replace(thread, reference=reference)

    def first_undecided(self) -> int | None:
        """The smallest `seq` of a delivery that waits or is held."""
        undecided = (e.seq for e in self._deliveries.values() if e.status in _UNDECIDED)
        return min(undecided, default=None)

    def keep(self, seqs: AbstractSet[int]) -> None:
        """Forget the deliveries of events that are none of these, so not in the log any more."""
        kept = {key: each for key, each in self._deliveries.items() if each.seq in seqs}
        self._deliveries = kept

    def drop_threads(self, lanes: AbstractSet[str], open_lanes: AbstractSet[str]) -> None:
        """Forget who was told of these lanes, unless one is open or a delivery leads to it."""
        leads = {(each.receiver, each.lane) for each in self._deliveries.values()}
        self._threads = {
            key: thread
            for key, thread in self._threads.items()
            if key[1] not in lanes or key in leads or key[1] in open_lanes
        }

    def _in_order(self) -> list[Delivery]:
        return sorted(self._deliveries.values(), key=lambda e: (e.seq, e.receiver, e.id))

    def _is_held(self, delivery_id: str) -> bool:
        held = self._deliveries.get(delivery_id)
        return held is not None and held.status is DeliveryStatus.HELD

    def _first_of_lanes(self, receiver: str) -> list[Delivery]:
        first: dict[str, Delivery] = {}
        for each in self._in_order():
            if each.receiver == receiver and each.status is DeliveryStatus.WAITING:
                first.setdefault(each.lane, each)
        return list(first.values())

    def _with_gap(self, delivery: Delivery) -> Delivery:
        behind = any(
            each.status is DeliveryStatus.DEAD and _place(each) < _place(delivery)
            for each in self._deliveries.values()
            if (each.receiver, each.lane) == (delivery.receiver, delivery.lane)
        )
        return replace(delivery, after_gap=True) if behind else delivery
