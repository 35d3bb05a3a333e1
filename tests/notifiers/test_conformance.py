"""What every deep kind of receiver does in the same situations, over real sockets.

To add a kind: write its fake (`tests/notifiers/fakes/KIND.py`), and put it into FAKES.
"""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from bellbuoy.errors import DelayedError, DeliveryError, RefusedError
from bellbuoy.events import EventKind
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.model.delivery import Occasion, Receipt
from bellbuoy.model.facts import IncidentStatus
from bellbuoy.notifiers import (
    Digest,
    DigestNotifier,
    HttpNotifier,
    Message,
    Notifiers,
    takes_digests,
)
from bellbuoy.notifiers._wording import REPEAT
from tests.event_samples import incident_event
from tests.event_samples import message as sample_message
from tests.notifiers.fakes import RETRY_AFTER, Fake, Heard, Trouble
from tests.notifiers.fakes.alertmanager import AlertmanagerFake
from tests.notifiers.fakes.apprise import AppriseFake
from tests.notifiers.fakes.command import CommandFake
from tests.notifiers.fakes.discord import DiscordFake
from tests.notifiers.fakes.email import EmailFake
from tests.notifiers.fakes.pagerduty import PagerDutyFake
from tests.notifiers.fakes.slack import SlackFake, SlackWebhookFake
from tests.notifiers.fakes.teams import TeamsFake
from tests.notifiers.fakes.webhook import WebhookFake

FAKES: list[type[Fake]] = [
    DiscordFake,
    SlackFake,
    SlackWebhookFake,
    AppriseFake,
    CommandFake,
    WebhookFake,
    PagerDutyFake,
    AlertmanagerFake,
    EmailFake,
    TeamsFake,
]
"""The deep kinds, each with the pretend service that it is held to."""

NOTIFIERS = Notifiers()
TITLE = "Elevated error rates"
SECONDS = 10
"""How long one message may take; the fakes answer at once."""


class Way:
    """The real way to a receiver: the driver's `send`, or the kind's own door."""

    def __init__(
        self,
        fake: Fake,
        notify: Callable[[Message], Awaitable[Receipt]],
        digest: Callable[[Digest], Awaitable[Receipt]] | None,
    ) -> None:
        self._fake = fake
        self._notify = notify
        self._digest = digest
        self.reference = ""

    async def tell(self, message: Message) -> Sequence[Heard]:
        """Send a message as the worker would, with the reference of the one before; what came."""
        before = len(self._fake.heard)
        receipt = await self._notify(replace(message, reference=self.reference))
        assert isinstance(receipt, Receipt)
        self.reference = receipt.reference or self.reference
        return self._fake.heard[before:]

    async def tell_many(self, digest: Digest) -> Sequence[Heard]:
        """Send a digest; what came."""
        assert self._digest is not None
        before = len(self._fake.heard)
        assert isinstance(await self._digest(digest), Receipt)
        return self._fake.heard[before:]

    async def fails(self, message: Message) -> DeliveryError:
        """Send a message that is not taken; why, in words that tell no secret."""
        with pytest.raises(DeliveryError) as caught:
            await self._notify(replace(message, reference=self.reference))
        settings = NOTIFIERS[self._fake.kind].Settings.model_validate(self._fake.settings())
        for name in type(settings).model_fields:
            if isinstance(secret := getattr(settings, name), SecretStr):
                assert secret.get_secret_value() not in f"{caught.value} {settings!r}"
        return caught.value


@asynccontextmanager
async def way_to(fake: Fake) -> AsyncIterator[Way]:
    """The way to a receiver with the settings that are right now."""
    notifier = NOTIFIERS[fake.kind]
    settings = notifier.Settings.model_validate(fake.settings())
    if isinstance(notifier, HttpNotifier):
        async with Driver(HttpSettings()) as driver:

            async def notify(message: Message) -> Receipt:
                return await driver.send(notifier.notify(message, settings), timeout=SECONDS)

            async def digest(many: Digest) -> Receipt:
                return await driver.send(notifier.digest(many, settings), timeout=SECONDS)

            yield Way(fake, notify, digest if isinstance(notifier, DigestNotifier) else None)
    else:
        async with notifier.open(settings) as door:
            yield Way(fake, door.notify, getattr(door, "digest", None))


def message(kind: EventKind = EventKind.INCIDENT_OPENED, incident: str = "i1", **rest) -> Message:
    """A message as it is sent now; keywords are the delivery's or the event's."""
    names = {"repeat", "occasion", "after_gap", "digest", "reason"}
    delivery = {name: value for name, value in rest.items() if name in names}
    facts = {name: value for name, value in rest.items() if name not in names}
    if delivery.get("occasion") not in {None, Occasion.EVENT, Occasion.OPEN}:
        delivery["id"] = f"{incident}/ops/{delivery['occasion']}"
    event = incident_event(kind, incident, **{"title": TITLE, "update": f"{kind}", **facts})
    return replace(sample_message(event, **delivery), sent_at=int(time.time()))


def updated(body: str = "The cause is known.") -> Message:
    """The next step of the same incident."""
    return message(EventKind.INCIDENT_UPDATED, status=IncidentStatus.IDENTIFIED, body=body)


def resolved() -> Message:
    """Its end."""
    return message(
        EventKind.INCIDENT_RESOLVED, status=IncidentStatus.RESOLVED, body="All has recovered."
    )


def many(count: int = 25) -> Digest:
    """What waited too long, and now becomes one message."""
    messages = tuple(
        message(incident=f"i{number}", title=f"Trouble {number}", digest="d1", reason="a backlog")
        for number in range(count)
    )
    return Digest(id="d1", messages=messages, sent_at=int(time.time()))


def words(heard: Sequence[Heard]) -> str:
    """Everything a reader sees of it."""
    return "\n".join(one.text for one in heard)


fakes = pytest.mark.parametrize("fake_type", FAKES, ids=lambda fake: fake.kind)


def who_can(trouble: Trouble):
    """The kinds whose service can do this."""
    able = [fake for fake in FAKES if trouble in fake.troubles]
    return pytest.mark.parametrize("fake_type", able, ids=lambda fake: fake.kind)


@fakes
async def test_a_life_is_told_step_by_step(fake_type):
    """Opened, updated, resolved: each arrives with its words, about the same thing, in order."""
    async with fake_type() as fake, way_to(fake) as way:
        opened = await way.tell(message())
        assert TITLE in words(opened)
        assert "OpenAI" in words(opened)
        assert "We are investigating." in words(opened)
        later = await way.tell(updated())
        assert "The cause is known." in words(later)
        over = await way.tell(resolved())
        assert any(one.ends for one in over) or "resolved" in words(over).lower()
        assert {one.thread for one in opened} & {one.thread for one in over}
        assert not fake.complaints
        if fake.knows_keys:
            keys = {one.key for one in (*opened, *later, *over)}
            assert len(keys - {""}) >= 3


@fakes
async def test_planned_work_is_told(fake_type):
    """From its announcement to its end."""
    async with fake_type() as fake, way_to(fake) as way:
        for kind, status in (
            (EventKind.MAINTENANCE_SCHEDULED, IncidentStatus.SCHEDULED),
            (EventKind.MAINTENANCE_STARTED, IncidentStatus.IN_PROGRESS),
            (EventKind.MAINTENANCE_COMPLETED, IncidentStatus.COMPLETED),
        ):
            heard = await way.tell(message(kind, status=status, body="A database is replaced."))
            if fake.keeps_states and kind is EventKind.MAINTENANCE_SCHEDULED:
                assert heard == []
                continue
            assert heard, kind
            assert TITLE in words(heard) or any(one.ends for one in heard)
        assert not fake.complaints


@fakes
async def test_a_reminder_says_that_it_is_one(fake_type):
    """It is no repeat: it has words, and a key, of its own."""
    async with fake_type() as fake, way_to(fake) as way:
        opened = await way.tell(message())
        reminded = await way.tell(message(occasion=Occasion.REMINDER))
        assert "reminder" not in words(opened).lower()
        if fake.keeps_states:
            assert reminded == opened
        else:
            assert "reminder" in words(reminded).lower()
        if fake.knows_keys:
            assert {one.key for one in opened}.isdisjoint(one.key for one in reminded)
        assert not fake.complaints


@pytest.mark.parametrize(
    "fake_type",
    [fake for fake in FAKES if takes_digests(NOTIFIERS[fake.kind])],
    ids=lambda fake: fake.kind,
)
async def test_n2_a_digest_tells_of_every_incident_at_once(fake_type):
    """Twenty-five that waited are told together, and none is left out."""
    async with fake_type() as fake, way_to(fake) as way:
        heard = await way.tell_many(many())
        said = words(heard)
        for number in range(25):
            assert f"Trouble {number}" in said
        if fake.knows_keys:
            assert {one.key for one in heard if one.key} == {"d1"}
        assert not fake.complaints


@pytest.mark.parametrize("fake_type", FAKES, ids=lambda fake: fake.__name__)
async def test_j6_what_looks_like_a_template_in_a_title_stays_text(fake_type):
    """A vendor's words are data: nothing in them is worked out, whatever language it is of."""
    title = "{{1337*1337}} ${1337*1337} #{1337*1337} {0} %(x)s <%= 1337*1337 %> ${PATH} broken"
    async with fake_type() as fake, way_to(fake) as way:
        said = words(await way.tell(message(title=title)))
        assert "1787569" not in said
        assert "broken" in said
        assert os.environ["PATH"] not in said


@who_can(Trouble.BUSY)
async def test_n2_a_busy_receiver_is_told_later(fake_type):
    """It is left alone for as long as it asks, then it takes the same message."""
    async with fake_type() as fake, way_to(fake) as way:
        fake.next(Trouble.BUSY)
        error = await way.fails(message())
        assert type(error) is DelayedError
        assert error.retry_after == (RETRY_AFTER if fake.says_when else None)
        assert not error.uncertain
        assert not fake.heard
        assert TITLE in words(await way.tell(message()))


@who_can(Trouble.BROKEN)
async def test_n1_a_broken_receiver_is_told_later(fake_type):
    """An error of its own is no refusal."""
    async with fake_type() as fake, way_to(fake) as way:
        fake.next(Trouble.BROKEN)
        error = await way.fails(message())
        assert type(error) is DelayedError
        assert TITLE in words(await way.tell(message()))


@who_can(Trouble.CUT)
async def test_n4_a_lost_answer_makes_a_repeat_that_can_be_told_apart(fake_type):
    """By its key where the service knows one, and else by a visible word."""
    async with fake_type() as fake, way_to(fake) as way:
        fake.next(Trouble.CUT)
        error = await way.fails(message())
        assert type(error) is DelayedError
        assert error.uncertain
        first = list(fake.heard)
        again = await way.tell(message(repeat=True))
        assert first
        assert again
        if fake.knows_keys:
            assert {one.key for one in first} == {one.key for one in again} != {""}
        elif fake.keeps_states:
            assert again == first
        else:
            assert REPEAT in words(again)
        assert REPEAT not in words(first)


@who_can(Trouble.POISON)
async def test_n3_one_refused_message_does_not_hold_up_the_others(fake_type):
    """It is dead, and those before and after it arrive."""
    async with fake_type() as fake, way_to(fake) as way:
        fake.poison = "poison"
        await way.tell(message())
        error = await way.fails(message(incident="i2", title="A poison pill"))
        assert isinstance(error, RefusedError)
        way.reference = ""
        heard = await way.tell(message(incident="i3", title="Another trouble"))
        assert "Another trouble" in words(heard)
        assert "poison" not in words(fake.heard)


@who_can(Trouble.REFUSED_INSIDE)
async def test_n5_a_refusal_inside_a_success_is_a_refusal(fake_type):
    """A 200 whose body says no is no receipt, and nothing to try for three days."""
    async with fake_type() as fake, way_to(fake) as way:
        fake.next(Trouble.REFUSED_INSIDE)
        error = await way.fails(message())
        assert isinstance(error, RefusedError)
        assert TITLE in words(await way.tell(message()))


@who_can(Trouble.MOVED)
async def test_a_redirect_is_not_followed(fake_type):
    """Where a receiver lies is the operator's word; nobody else moves it."""
    async with fake_type() as fake, way_to(fake) as way:
        fake.next(Trouble.MOVED)
        await way.fails(message())
        assert not fake.heard
        assert not fake.complaints


@who_can(Trouble.ROTATED)
async def test_w8_a_changed_secret_is_refused_until_the_config_has_the_new_one(fake_type):
    """The refusal does not tell the secret, and with the new one all is well."""
    async with fake_type() as fake:
        async with way_to(fake) as way:
            await way.tell(message())
            fake.rotate()
            await way.fails(message(incident="i2"))
        async with way_to(fake) as way:
            assert TITLE in words(await way.tell(message(incident="i2")))
