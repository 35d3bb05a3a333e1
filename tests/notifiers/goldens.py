"""Messages that are kept as they leave the house: `golden/KIND/NAME.*`, beside this file."""

from pathlib import Path

from msgspec.structs import replace

from bellbuoy.events import EventKind
from bellbuoy.model.delivery import Occasion, Service
from bellbuoy.model.facts import Impact, IncidentStatus
from bellbuoy.notifiers import Digest, Message
from tests.event_samples import AT, incident_event, message

FOLDER = Path(__file__).with_name("golden")
CHECKOUT = Service(name="Checkout", owner="payments", runbook="https://wiki.example/checkout")


def kept(name: str, text: str) -> None:
    """Hold a text to the file `golden/NAME`.

    If a change is meant: look at the difference, then keep the new text in the file.
    """
    assert text == (FOLDER / name).read_text("utf-8")


def opened(**rest) -> Message:
    """An incident begins that a service of one's own needs."""
    event = incident_event(title="Elevated error rates", components=("API", "Sign-in"))
    return replace(message(event, **rest), services=(CHECKOUT,))


def updated() -> Message:
    """The vendor says more, over several lines."""
    return message(
        incident_event(
            EventKind.INCIDENT_UPDATED,
            update="u2",
            title="Elevated error rates",
            status=IncidentStatus.IDENTIFIED,
            components=("API", "Sign-in"),
            body="The cause is known.\n\n- a fix is being rolled out",
        ),
        after_gap=True,
    )


def resolved() -> Message:
    """It is over."""
    return message(
        incident_event(
            EventKind.INCIDENT_RESOLVED,
            update="u3",
            title="Elevated error rates",
            status=IncidentStatus.RESOLVED,
            components=("API", "Sign-in"),
            body="All impacted services have now fully recovered.",
        )
    )


def maintenance() -> Message:
    """Planned work is near."""
    event = incident_event(
        EventKind.MAINTENANCE_SCHEDULED,
        incident="m1",
        title="Database replacement",
        status=IncidentStatus.SCHEDULED,
        impact=Impact.UNKNOWN,
        components=("API",),
        body="We will replace a database.",
    )
    ahead = f"{event.id}/ops/ahead"
    return message(event, id=ahead, occasion=Occasion.AHEAD)


def reminder() -> Message:
    """It is still open, and nobody was told anything for long."""
    message = opened(occasion=Occasion.REMINDER)
    id = f"{message.event.id}/ops/reminder-1"
    return replace(message, delivery=replace(message.delivery, id=id))


def digest() -> Digest:
    """Three events of two incidents that waited too long."""
    other = message(incident_event(incident="i2", title="Slow searches", impact=Impact.MINOR))
    reason = "a backlog"
    messages = (opened(), other, resolved())
    return Digest(
        id="digest-1",
        messages=tuple(
            replace(
                one, event=one.event.numbered(seq), delivery=replace(one.delivery, reason=reason)
            )
            for seq, one in zip((12, 13, 17), messages, strict=True)
        ),
        sent_at=int(AT.timestamp()),
    )
