"""What decisions make of deliveries. Pure.

    decision   yes, now    -> a delivery that waits, and what was held of its lane with it
               yes, later  -> a delivery that is held
               no          -> nothing, or a delivery that is withheld and says why

A held delivery whose time has come is judged again, because a silence or quiet hours may have
begun meanwhile; what waited for the end of quiet hours or for the hour of a digest goes out as
one digest, if the receiver takes any. Each beginning that was told may bring reminders and, for
planned work, messages ahead of it: they are held deliveries, too.

Does not decide who is told (routing), and writes nothing (dispatcher).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from msgspec.structs import replace

from bellbuoy.events import Event, Phase
from bellbuoy.model.delivery import Delivery, DeliveryStatus, Occasion, Silence, Standing
from bellbuoy.model.facts import IncidentStatus
from bellbuoy.routing.matchers import Landscape, Reason
from bellbuoy.routing.routes import Decision, Route, waits
from bellbuoy.routing.silences import silenced_by
from bellbuoy.stores import Outgoing

ALREADY_OPEN = Occasion.OPEN.value
"""The reason of a new receiver's first deliveries."""

_NAMESPACE = UUID("0b5c3b7e-7c1e-5f0e-8f6b-2a6d3f1c9d54")

_KEPT = frozenset(
    {
        Reason.IMPACT,
        Reason.TEXT,
        Reason.SERVICE,
        Reason.COMPONENT,
        Reason.INTEREST,
        Reason.UNLESS,
        Reason.NEVER_TOLD,
        Reason.SILENCED,
        Reason.FLAP,
        Reason.DISABLED,
    }
)
"""Reasons that are written down. The others follow from the route alone, and are most of all."""

_DIGESTED = frozenset({Reason.QUIET.value, Reason.DIGEST.value, ALREADY_OPEN})


def digest_id(deliveries: Iterable[Delivery]) -> str:
    """The id of a digest of these: the same for the same deliveries."""
    return str(uuid5(_NAMESPACE, "\x1f".join(each.id for each in deliveries)))


class Planning:
    """Deliveries as they become out of decisions that are taken in the order of the log.

    `standings` are those of the lanes concerned, by (receiver, lane), as the store has them.
    `renewals` are, by receiver, after how many seconds it must be told again of what is open; 0
    and absent mean never.
    `now` is when the deliveries are made.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        standings: Mapping[tuple[str, str], Standing],
        renewals: Mapping[str, float],
        now: datetime,
    ) -> None:
        self._routes = {route.name: route for route in routes}
        self._standings = dict(standings)
        self._renewals = renewals
        self._now = now
        self._new: dict[str, Delivery] = {}
        self._changed: dict[str, Delivery] = {}
        self._gone: list[str] = []
        self._told: dict[tuple[str, str], str] = {}

    @property
    def outgoing(self) -> Outgoing:
        """Everything so far, to be written."""
        return Outgoing(
            new=tuple(self._new.values()),
            changed=tuple(self._changed.values()),
            gone=tuple(self._gone),
            told=tuple((to, lane, rule) for (to, lane), rule in self._told.items()),
        )

    def standings(self, lane: str, receivers: Iterable[str]) -> Mapping[str, Standing]:
        """How these receivers stand to a lane by now."""
        return {to: self._standings.get((to, lane), Standing()) for to in receivers}

    def take(self, event: Event, decision: Decision) -> None:
        """Take in what was decided of an event for one receiver."""
        to = decision.receiver
        if event.phase is Phase.ENDS:
            self._drop_notices(to, event.lane)
        if not decision.told:
            self._withhold(event, decision)
        elif decision.due_at is not None:
            held = self._delivery(event, decision)
            held = replace(
                held, status=DeliveryStatus.HELD, due_at=decision.due_at, reason=decision.reason
            )
            self._hold(held)
        else:
            self._release_held(to, event.lane)
            self._send(event, self._delivery(event, decision))

    def welcome(self, event: Event, decision: Decision) -> None:
        """Tell a new receiver of what is open, by the newest event that it would be told."""
        first = self._delivery(event, decision)
        self._send(event, replace(first, occasion=Occasion.OPEN, reason=ALREADY_OPEN))

    def release(
        self,
        delivery: Delivery,
        event: Event,
        silences: Sequence[Silence],
        landscape: Landscape,
    ) -> None:
        """Judge a held delivery whose time has come."""
        route = self._routes.get(delivery.rule)
        standing = self._standings.get((delivery.receiver, delivery.lane), Standing())
        is_owed = event.phase is Phase.ENDS and standing.told
        if delivery.occasion is Occasion.REMINDER and not self._is_served(delivery.receiver):
            # It will not hear of the end, so nothing would ever end this.
            self._drop_notices(delivery.receiver, delivery.lane)
        elif self._is_renewal(delivery):
            # Nobody reads it, and without it the receiver would say that it is over.
            self._remind_again(delivery)
        elif not is_owed and silenced_by(event, silences, self._now, landscape):
            self._change(_withheld(delivery, Reason.SILENCED))
            if delivery.occasion is Occasion.REMINDER:
                self._plan_reminder(delivery)
        elif delivery.occasion in {Occasion.REMINDER, Occasion.AHEAD}:
            self._release_notice(delivery, event, route)
        elif event.phase is Phase.ENDS and not self._is_known(delivery, event):
            # What was held before it was silenced meanwhile, or it would have been told by now.
            self._change(_withheld(delivery, Reason.NEVER_TOLD))
        elif (again := self._later(delivery, event, route)) is not None:
            self._change(again)
        else:
            self._release_held(delivery.receiver, delivery.lane, before=delivery.seq)
            reason = delivery.reason if delivery.reason in _DIGESTED else ""
            self._change(replace(_waiting(delivery, self._now), reason=reason))
            self._account(event, delivery)
            if event.phase is Phase.ENDS:
                # Its beginning may have been released only now, and would be told again for ever.
                self._drop_notices(delivery.receiver, delivery.lane)

    def _is_known(self, end: Delivery, event: Event) -> bool:
        """Whether the receiver knows, or is told right now, of what this is the end of."""
        standing = self._standings.get((end.receiver, end.lane), Standing())
        earlier = (e for e in self._held_events(end.receiver, end.lane) if e.seq < end.seq)
        return standing.told or event.late or any(earlier)

    def gather(self, receivers: Iterable[str]) -> None:
        """Make one digest for each of these receivers of what was released or is open."""
        ready: dict[tuple[str, str], list[Delivery]] = {}
        for each in (*self._changed.values(), *self._new.values()):
            is_ready = each.status is DeliveryStatus.WAITING and each.reason in _DIGESTED
            if is_ready and each.occasion in {Occasion.EVENT, Occasion.OPEN}:
                ready.setdefault((each.receiver, each.reason), []).append(each)
        wanted = frozenset(receivers)
        for (receiver, _), deliveries in ready.items():
            if receiver in wanted and len(deliveries) > 1:
                together = digest_id(deliveries)
                for each in deliveries:
                    self._change(replace(each, digest=together))

    def _delivery(self, event: Event, decision: Decision) -> Delivery:
        return Delivery(
            id=f"{event.id}/{decision.receiver}",
            receiver=decision.receiver,
            seq=event.seq,
            event_id=event.id,
            lane=event.lane,
            rule=decision.route,
            created_at=self._now,
            due_at=self._now,
        )

    def _withhold(self, event: Event, decision: Decision) -> None:
        if decision.reason is Reason.FLAP:
            for held in self._held_events(decision.receiver, event.lane):
                self._change(_withheld(held, Reason.FLAP))
        if decision.reason in _KEPT:
            self._put(_withheld(self._delivery(event, decision), decision.reason))

    def _send(self, event: Event, delivery: Delivery) -> None:
        self._put(delivery)
        self._account(event, delivery)

    def _account(self, event: Event, delivery: Delivery) -> None:
        """Keep that a receiver was told, and what it is to be told again of this."""
        if event.phase not in {Phase.BEGINS, Phase.GOES_ON}:
            return
        self._remember_told(delivery)
        self._drop_notices(delivery.receiver, delivery.lane)
        if not event.late:
            self._plan_reminder(delivery)
            self._plan_ahead(event, delivery)

    def _remember_told(self, delivery: Delivery) -> None:
        key = (delivery.receiver, delivery.lane)
        self._told[key] = delivery.rule
        standing = self._standings.get(key, Standing())
        self._standings[key] = replace(standing, told=True, rule=delivery.rule)

    def _plan_reminder(self, delivery: Delivery) -> None:
        if period := self._reminded_every(delivery):
            self._notice(delivery, Occasion.REMINDER, self._now + timedelta(seconds=period))

    def _reminded_every(self, delivery: Delivery) -> float:
        """How often a receiver is told again of what is open, in seconds; 0 is never."""
        route = self._routes.get(delivery.rule)
        every = [route.remind if route else 0.0, self._renewals.get(delivery.receiver, 0.0)]
        return min((seconds for seconds in every if seconds), default=0.0)

    def _plan_ahead(self, event: Event, delivery: Delivery) -> None:
        route, incident = self._routes.get(delivery.rule), event.incident
        if route is None or incident is None or incident.started_at is None:
            return
        if incident.status is not IncidentStatus.SCHEDULED:
            return
        for seconds in route.ahead:
            at = incident.started_at - timedelta(seconds=seconds)
            if at > self._now:
                self._notice(delivery, Occasion.AHEAD, at)

    def _notice(self, about: Delivery, occasion: Occasion, at: datetime) -> None:
        """Hold one more delivery of the same event, for another occasion."""
        notice = Delivery(
            id=f"{about.event_id}/{about.receiver}/{occasion}/{int(at.timestamp())}",
            receiver=about.receiver,
            seq=about.seq,
            event_id=about.event_id,
            lane=about.lane,
            rule=about.rule,
            status=DeliveryStatus.HELD,
            created_at=self._now,
            due_at=at,
            occasion=occasion,
        )
        self._hold(notice)

    def _release_notice(self, delivery: Delivery, event: Event, route: Route | None) -> None:
        """A reminder comes again; both kinds wait for the end of quiet hours."""
        if again := self._later(delivery, event, route):
            begins = event.incident and event.incident.started_at
            is_in_time = delivery.occasion is Occasion.REMINDER or not begins
            in_time = is_in_time or (begins is not None and again.due_at < begins)
            self._change(again if in_time else _withheld(delivery, Reason.QUIET))
        elif delivery.occasion is Occasion.REMINDER:
            self._remind_again(delivery)
        else:
            self._change(_waiting(delivery, self._now))

    def _is_renewal(self, delivery: Delivery) -> bool:
        is_renewed = self._renewals.get(delivery.receiver, 0.0) > 0
        return is_renewed and delivery.occasion is Occasion.REMINDER

    def _is_served(self, receiver: str) -> bool:
        return any(receiver in route.to for route in self._routes.values())

    def _remind_again(self, delivery: Delivery) -> None:
        standing = self._standings.get((delivery.receiver, delivery.lane), Standing())
        period = self._reminded_every(delivery)
        if standing.is_behind and period:
            # Whoever could not be told yet needs no reminder: those of a day would come at once.
            again_at = self._now + timedelta(seconds=period)
            self._change(replace(delivery, due_at=again_at, reason=""))
            return
        self._change(_waiting(delivery, self._now))
        self._plan_reminder(delivery)

    def _later(self, delivery: Delivery, event: Event, route: Route | None) -> Delivery | None:
        """The same delivery held on, if its route is quiet now or makes digests."""
        if route is None:
            return None
        has_waited = delivery.reason in {Reason.DIGEST, Reason.QUIET}
        if has_waited or delivery.occasion is not Occasion.EVENT:
            # What waited for its hour waits for no other one.
            route = replace(route, digest=None)
        due_at, reason = waits(route, event, Standing(told=True), self._now)
        return None if due_at <= self._now else replace(delivery, due_at=due_at, reason=reason)

    def _release_held(self, to: str, lane: str, before: int | None = None) -> None:
        """What was held of a lane goes before what is told now, so that its order is kept."""
        for held in self._held_events(to, lane):
            if before is None or held.seq < before:
                self._change(_waiting(held, self._now))
                self._remember_told(held)

    def _drop_notices(self, to: str, lane: str) -> None:
        for held in self._standings.get((to, lane), Standing()).held:
            if held.occasion is not Occasion.EVENT:
                if self._new.pop(held.id, None) is None:
                    self._gone.append(held.id)
                self._changed.pop(held.id, None)
        self._keep_held(to, lane, lambda each: each.occasion is Occasion.EVENT)

    def _held_events(self, to: str, lane: str) -> tuple[Delivery, ...]:
        held = self._standings.get((to, lane), Standing()).held
        return tuple(each for each in held if each.occasion is Occasion.EVENT)

    def _hold(self, delivery: Delivery) -> None:
        self._put(delivery)
        key = (delivery.receiver, delivery.lane)
        standing = self._standings.get(key, Standing())
        self._standings[key] = replace(standing, held=(*standing.held, delivery))

    def _keep_held(self, to: str, lane: str, is_kept: Callable[[Delivery], bool]) -> None:
        if standing := self._standings.get((to, lane)):
            kept = tuple(each for each in standing.held if is_kept(each))
            self._standings[to, lane] = replace(standing, held=kept)

    def _put(self, delivery: Delivery) -> None:
        self._new.setdefault(delivery.id, delivery)

    def _change(self, delivery: Delivery) -> None:
        """The new form of a delivery that was held, or was made only just now."""
        where = self._new if delivery.id in self._new else self._changed
        where[delivery.id] = delivery
        if delivery.status is not DeliveryStatus.HELD:
            to, lane = delivery.receiver, delivery.lane
            self._keep_held(to, lane, lambda each: each.id != delivery.id)


def _waiting(delivery: Delivery, now: datetime) -> Delivery:
    return replace(delivery, status=DeliveryStatus.WAITING, due_at=now, reason="")


def _withheld(delivery: Delivery, reason: Reason) -> Delivery:
    return replace(delivery, status=DeliveryStatus.WITHHELD, reason=reason.value)
