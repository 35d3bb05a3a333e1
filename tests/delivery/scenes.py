"""A log, a receiver that answers as a script says, and what came of it."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from bellbuoy.delivery.courier import Courier
from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.events import Event, EventKind
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.model.delivery import DeliveryStatus, Receipt
from bellbuoy.model.facts import IncidentKind, IncidentStatus, Page
from bellbuoy.model.known import Known, KnownIncident, PageState
from bellbuoy.notifiers import Receiver, webhook
from bellbuoy.observer import Attempted, Happened, Observer, Withheld
from bellbuoy.routing.matchers import NOWHERE
from bellbuoy.routing.routes import Route
from bellbuoy.stores import Store, Visit
from tests.event_samples import AT, OPENAI, PAGE, incident_event
from tests.event_schema import valid_wire
from tests.virtual_time import now

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
EVERYTHING = (Route(name="all", to=("ops",)),)


def hook(name: str = "ops", url: str = "https://hooks.example/x") -> Receiver:
    """A webhook receiver."""
    settings = webhook.Settings(url=url, secret=SECRET)
    return Receiver(name=name, kind="webhook", settings=settings)


def life(incident: str, steps: int, first: int = 0) -> list[Event]:
    """Several updates of one incident, in order."""
    return [
        incident_event(
            EventKind.INCIDENT_UPDATED if step else EventKind.INCIDENT_OPENED,
            incident=incident,
            update=f"u{step}",
            body=f"{incident} step {step}",
        )
        for step in range(first, first + steps)
    ]


def failed(detail: str = "connection refused", *, uncertain: bool = False) -> FetchError:
    """What the driver throws where no answer came."""
    return FetchError("https://hooks.example/…", Unreadable.NETWORK, detail, uncertain=uncertain)


def answer(status: int = 204, **headers: str) -> Response:
    """An answer of the receiver."""
    return Response(url="", status=status, headers=headers)


@dataclass
class Got:
    """One request as the receiver saw it, with what it was answered."""

    at: datetime
    incident: str
    update: str
    id: str
    headers: dict[str, str]
    accepted: bool = False


Reply = Response | FetchError
Script = Callable[[Got], Reply | Awaitable[Reply]]


@dataclass
class Sink:
    """Stands where the driver is: hears every request, and answers by its script."""

    script: Script = lambda _: answer()
    got: list[Got] = field(default_factory=list)
    clock: Callable[[], datetime] = now

    async def send(self, exchange: Exchange[Receipt]) -> Receipt:
        """Perform one exchange."""
        got = self._heard(next(exchange))
        try:
            reply = self.script(got)
            if not isinstance(reply, Response | FetchError):
                reply = await reply
            if isinstance(reply, FetchError):
                exchange.throw(reply)
            else:
                got.accepted = reply.status // 100 == 2
                exchange.send(reply)
        except StopIteration as ended:
            return ended.value
        finally:
            exchange.close()
        raise AssertionError("one question is all a webhook asks")

    def _heard(self, request: Request) -> Got:
        data = valid_wire(json.loads(request.body or b""))["data"]
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = Got(
            at=self.clock(),
            incident=data["incident"]["id"],
            update=data["update"]["id"],
            id=headers["webhook-id"],
            headers=headers,
        )
        self.got.append(got)
        return got

    def steps(self, incident: str, *, accepted: bool = True) -> list[str]:
        """The updates of one incident in the order in which they came."""
        return [
            got.update for got in self.got if got.incident == incident and got.accepted >= accepted
        ]


class Heard(Observer):
    """An observer that remembers."""

    def __init__(self) -> None:
        self.happenings: list[Happened] = []
        self.attempts: list[Attempted] = []
        self.withholdings: list[Withheld] = []

    def happened(self, details: Happened) -> None:
        """Remember it."""
        self.happenings.append(details)

    def attempted(self, details: Attempted) -> None:
        """Remember it."""
        self.attempts.append(details)

    def withheld(self, details: Withheld) -> None:
        """Remember it."""
        self.withholdings.append(details)

    def told(self, word: str) -> list[Happened]:
        """What was told with this word in it."""
        return [happened for happened in self.happenings if word in happened.what]


@dataclass
class Scene:
    """A store, one receiver, and the parts between them."""

    store: Store
    sink: Sink = field(default_factory=Sink)
    heard: Heard = field(default_factory=Heard)
    receiver: Receiver = field(default_factory=hook)
    clock: Callable[[], datetime] = now
    seed: int = 0

    async def record(self, *events: Event) -> None:
        """Events that are new to the log, and their deliveries."""
        dispatcher = self.dispatcher()
        await dispatcher.begin()
        await self.store.append(events)
        await dispatcher.catch_up()

    def dispatcher(self, *receivers: Receiver, **rest: Any) -> Dispatcher:
        """A new dispatcher, as after a restart."""
        values = {"now": self.clock, "observer": self.heard, **rest}
        routes = values.pop("routes", EVERYTHING)
        landscape = values.pop("landscape", NOWHERE)
        return Dispatcher(self.store, routes, landscape, receivers or [self.receiver], **values)

    def courier(self, **rest: Any) -> Courier:
        """A new courier, as after a restart."""
        values: dict[str, Any] = {
            "receiver": self.receiver,
            "notifier": webhook,
            "send": self.sink.send,
            "now": self.clock,
            "observer": self.heard,
            "chance": Random(self.seed),
            **rest,
        }
        return Courier(self.store, **values)

    async def run_for(self, seconds: float, **rest: Any) -> None:
        """A courier for so long, stopped then as the app stops it."""
        task = asyncio.create_task(self.courier(**rest).run())
        await asyncio.sleep(seconds)
        await stop(task)

    async def count(self, status: DeliveryStatus) -> int:
        """How many deliveries stand like this."""
        return len(await self.store.deliveries(status=status, limit=10_000))


async def hold_open(store: Store, *incidents: str) -> None:
    """Make incidents known as open, as polling does; their events are appended apart."""
    page = Page(key=PAGE.key, url=PAGE.url, provider=OPENAI, format="statuspage")
    known = Known(
        page_key=PAGE.key,
        baseline_at=AT,
        incidents={
            name: KnownIncident(
                id=name,
                key=name,
                kind=IncidentKind.INCIDENT,
                title=name,
                status=IncidentStatus.INVESTIGATING,
            )
            for name in incidents
        },
    )
    empty = Known(page_key=PAGE.key)
    state = PageState(page_key=PAGE.key)
    await store.commit(Visit(page=page, state=state, before=empty, known=known))


async def stop(task: "asyncio.Task[Any]") -> None:
    """End a task as the app does."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is not None:
        raise task.exception()
