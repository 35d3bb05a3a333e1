"""What goes out: deliveries and their attempts, and what stands in their way."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class DeliveryStatus(StrEnum):
    """Where one event's way to one receiver has got to."""

    WAITING = "waiting"
    """To be sent, or to be sent again."""
    DONE = "done"
    """The receiver answered that it has it."""
    DEAD = "dead"
    """Refused, or tried for 72 hours: visible, and can be replayed."""


class Receipt(Struct, frozen=True, kw_only=True):
    """A receiver's answer that it has an event.

    `reference` names the message at the receiver (to edit it, or to thread below it);
    `detail` is a short phrase for people.
    """

    reference: str = ""
    detail: str = ""


class Attempt(Struct, frozen=True, kw_only=True):
    """One try: when, how long it took in seconds, and what came of it."""

    at: datetime
    seconds: float
    outcome: str
    uncertain: bool = False


class Delivery(Struct, frozen=True, kw_only=True):
    """One event on its way to one receiver.

    `id` is `<event id>/<receiver>`, the idempotency key is the event id alone. `lane` is
    the page and incident of the event: within a lane, deliveries keep the order of `seq`.
    `rule` names the route that decided. `after_gap` is true when an earlier event of this
    lane is dead, so that the receiver must not believe that it saw everything.
    """

    id: str
    receiver: str
    seq: int
    event_id: str
    lane: str
    rule: str
    status: DeliveryStatus = DeliveryStatus.WAITING
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    last: Attempt | None = None
    reference: str = ""
    after_gap: bool = False
