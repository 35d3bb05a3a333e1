"""What goes out: deliveries and their attempts, and what stands in their way."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.model.facts import Impact


class DeliveryStatus(StrEnum):
    """Where one event's way to one receiver has got to."""

    WAITING = "waiting"
    """To be sent, or to be sent again."""
    DONE = "done"
    """The receiver answered that it has it."""
    DEAD = "dead"
    """Refused, or tried for 72 hours: visible, and can be replayed."""
    HELD = "held"
    """Not to be sent before `due_at`; then it is decided whether it still is to be sent."""
    WITHHELD = "withheld"
    """Decided against; `reason` says why."""


class Occasion(StrEnum):
    """Why a receiver hears of an event now."""

    EVENT = "event"
    """It happened."""
    OPEN = "already open"
    """It was open when the receiver was new."""
    REMINDER = "reminder"
    """It is still open, and nothing was told for as long as the route allows."""
    AHEAD = "ahead"
    """The planned work that it announced is near."""


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
    An occasion other than the event itself has an id and a key of its own.
    `rule` names the route that decided, `reason` says why it is held or withheld.
    Deliveries with the same `digest` travel in one message, whose key it is; empty is alone.
    `after_gap` is true when an earlier event of this lane is dead, so that the receiver must
    not believe that it saw everything.
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
    occasion: Occasion = Occasion.EVENT
    reason: str = ""
    digest: str = ""

    @property
    def key(self) -> str:
        """The idempotency key: the id of the event, where that is the occasion."""
        if self.occasion in {Occasion.EVENT, Occasion.OPEN}:
            return self.event_id
        return self.id


class Standing(Struct, frozen=True, kw_only=True):
    """How a receiver stands to a lane.

    `told` says that it was told that something began, by the route `rule`. `held` are the
    deliveries that wait for their time, in the order of `seq`. With `is_behind` others wait to
    be sent.
    """

    told: bool = False
    rule: str = ""
    held: tuple[Delivery, ...] = ()
    is_behind: bool = False


class Matcher(Struct, frozen=True, kw_only=True):
    """What an event must be like; what is empty matches everything.

    `providers` are globs of provider slugs or names, `pages` of page addresses. `components`
    are globs of a component's name, its group or its region, or `group/name`. `kinds` and
    `types` are families (`incident`) or whole kinds (`incident.resolved`); if both are empty,
    the usual families are meant. `impacts` is the set of impacts, `categories` are the catalog's.
    `text` are globs, or plain words, for the title and the message. `services` and `owners`
    are globs of the names of one's own services and of who owns them.
    """

    providers: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    impacts: frozenset[Impact] = frozenset()
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


class Silence(Struct, frozen=True, kw_only=True):
    """A person's mute, from `starts_at` until before `ends_at`, of what is like `matcher`."""

    id: str
    matcher: Matcher
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str = ""
    created_at: datetime

    def ended(self, now: datetime) -> "Silence":
        """The same, but over at `now`; one that has not begun never is in force."""
        return replace(self, ends_at=max(now, self.starts_at))


class Service(Struct, frozen=True, kw_only=True):
    """A service of one's own that needs the provider: its name, who owns it, what to do then."""

    name: str
    owner: str = ""
    runbook: str = ""


class Beat(Struct, frozen=True, kw_only=True):
    """A sign of life: `url`, which is a secret, is asked by GET every `every` seconds."""

    url: str
    every: float = 60.0

    def __repr__(self) -> str:
        return f"Beat(every={self.every})"
