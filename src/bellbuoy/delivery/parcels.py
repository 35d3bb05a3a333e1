"""What travels in one message: a delivery by itself, or those of a digest. Pure."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.events import Event
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Service
from bellbuoy.notifiers import Digest, Message

APART = "apart"
"""In place of a digest's id: this one goes by itself, because its digest was refused."""


class Parcel(Struct, frozen=True, kw_only=True):
    """Deliveries that are sent, retried and settled together, with their events, oldest first.

    `references` are the receiver's messages of its lanes, where it has any.
    """

    contents: tuple[tuple[Delivery, Event], ...]
    references: Mapping[str, str] = {}

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Its deliveries."""
        return tuple(delivery for delivery, _ in self.contents)

    @property
    def lanes(self) -> frozenset[str]:
        """The lanes that wait while it is on its way."""
        return frozenset(delivery.lane for delivery in self.deliveries)

    @property
    def is_digest(self) -> bool:
        """Whether many events become one message."""
        return len(self.contents) > 1

    @property
    def lead(self) -> Delivery:
        """The delivery that stands for all when it is decided how long to go on trying."""
        youngest = max(self.deliveries, key=lambda each: each.created_at)
        return replace(youngest, attempts=max(each.attempts for each in self.deliveries))

    @property
    def may_have_arrived(self) -> bool:
        """Whether an earlier attempt of any of it ended without an answer."""
        return any(each.last is not None and each.last.uncertain for each in self.deliveries)

    def messages(
        self, services: Callable[[Event], Sequence[Service]], sent_at: int
    ) -> tuple[Message, ...]:
        """What a notifier is given."""
        return tuple(
            Message(
                event=event,
                delivery=delivery,
                sent_at=sent_at,
                reference=self.references.get(delivery.lane, ""),
                repeat=delivery.last is not None and delivery.last.uncertain,
                services=tuple(services(event)),
            )
            for delivery, event in self.contents
        )

    def digest(self, messages: tuple[Message, ...], sent_at: int) -> Digest:
        """The messages as one."""
        return Digest(
            id=self.contents[0][0].digest,
            messages=messages,
            sent_at=sent_at,
            repeat=self.may_have_arrived,
        )

    def settled(self, status: DeliveryStatus, attempt: Attempt) -> tuple[Delivery, ...]:
        """Its deliveries after one more attempt."""
        return tuple(
            replace(each, status=status, attempts=each.attempts + 1, last=attempt)
            for each in self.deliveries
        )
