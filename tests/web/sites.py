"""A Bellbuoy to be looked at: what it has seen is given, and nothing new ever comes.

    with_trouble = Seen(pages=(watched("acme", "Acme"),), known={...}, events=(...,))
    async with open_site(with_trouble) as site:
        ...

The App is a real one over a real store. Its network answers nobody, so that what was given
stays as it is; its clock stands still at `NOW`.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.app import App
from bellbuoy.config import Config, Watched
from bellbuoy.config.web import Web
from bellbuoy.errors import Unreadable
from bellbuoy.events import Event, EventKind, PageRef
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Matcher, Silence
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Page,
    Provider,
)
from bellbuoy.model.known import (
    Health,
    Known,
    KnownComponent,
    KnownIncident,
    KnownUpdate,
    PageState,
)
from bellbuoy.model.leases import Role
from bellbuoy.stores import Outgoing, Store, Visit
from bellbuoy.stores.opening import open_store
from bellbuoy.web.overview import Overview
from bellbuoy.web.site import Site
from tests.event_samples import component_event, incident_event
from tests.polling.scripted import PlainFormat, ScriptedNetwork

NOW = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
"""The instant at which everything is looked at."""

READ_TOKEN = "a-token-that-reads-0001"
WRITE_TOKEN = "a-token-that-writes-002"
METRICS_TOKEN = "a-token-of-metrics-0003"

OPEN = Web(write=WRITE_TOKEN)
"""Everybody reads, who has the token writes."""

CLOSED = Web(read=READ_TOKEN, write=WRITE_TOKEN, metrics=METRICS_TOKEN)
"""Everything needs a token."""


class Seen(Struct, frozen=True, kw_only=True):
    """What a Bellbuoy has seen, done and been told.

    A page without a state was never read. `known` is by page key. Events are numbered by the
    store, from 1. Deliveries name their event by that number. `told` are (receiver, lane,
    route) of those who were told that something began.
    """

    pages: tuple[Watched, ...] = ()
    states: Mapping[str, PageState] = {}
    known: Mapping[str, Known] = {}
    events: tuple[Event, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    silences: tuple[Silence, ...] = ()
    told: tuple[tuple[str, str, str], ...] = ()


class Silent(ScriptedNetwork):
    """A network in which every question waits for ever."""

    def __init__(self) -> None:
        super().__init__(lambda _url, _time: asyncio.Event().wait(), deadline=1e6)


def minutes_ago(count: float) -> datetime:
    """So many minutes before `NOW`."""
    return NOW - timedelta(minutes=count)


def watched(
    slug: str, name: str = "", *, url: str = "", tags: Sequence[str] = (), every: float = 60.0
) -> Watched:
    """A page that is watched; its address is made from its provider's slug."""
    url = url or f"https://status.{slug}.example"
    provider = Provider(slug=slug, name=name or slug.title())
    page = Page(key=url, url=url, provider=provider, format="plain", every=every)
    return Watched(page=page, tags=tuple(tags))


def read_state(page_key: str, **health: Any) -> PageState:
    """The state of a page that was read a few seconds ago."""
    facts = {"polled_at": minutes_ago(0.3), "read_at": minutes_ago(0.3), "latency": 0.21}
    return PageState(page_key=page_key, health=Health(**{**facts, **health}))


def unreadable_state(page_key: str, why: Unreadable = Unreadable.BLOCKED) -> PageState:
    """The state of a page that could not be read for a quarter of an hour."""
    return read_state(
        page_key,
        read_at=minutes_ago(15),
        failures=12,
        failing_since=minutes_ago(14),
        failure=why,
        unreadable=why,
        detail="a challenge stands where the document was",
    )


def component(
    name: str, status: ComponentStatus = ComponentStatus.OPERATIONAL, **more: Any
) -> KnownComponent:
    """A component that is held of a page."""
    facts = {"id": name.lower().replace(" ", "-"), "name": name, "status": status}
    return KnownComponent(**{**facts, "status_raw": status.value, **more})


def update(
    number: int, status: IncidentStatus, body: str, at: datetime, *older: str
) -> KnownUpdate:
    """A message that is held; `older` are hashes of texts that it had before."""
    return KnownUpdate(
        id=f"u{number}",
        hashes=(*older, f"{number:032x}"),
        status=status,
        status_raw=status.value.title(),
        body=body,
        at=at,
    )


def incident(key: str, title: str, *updates: KnownUpdate, **more: Any) -> KnownIncident:
    """An incident that is held; it stands as its last update says, and began with its first."""
    status = updates[-1].status if updates else IncidentStatus.INVESTIGATING
    began = updates[0].at if updates else minutes_ago(37)
    impact = more.get("impact", Impact.MAJOR)
    facts = {
        "id": key,
        "key": key,
        "kind": IncidentKind.INCIDENT,
        "title": title,
        "status": status,
        "status_raw": status.value.title(),
        "impact": impact,
        "impact_raw": impact.value,
        "url": f"https://status.example/incidents/{key}",
        "started_at": began,
        "updated_at": updates[-1].at if updates else began,
        "resolved_at": updates[-1].at if updates and status.is_over else None,
        "updates": updates,
        "first_seen_at": began and began + timedelta(seconds=20),
    }
    return KnownIncident(**{**facts, **more})


def known(page_key: str, *facts: KnownIncident | KnownComponent) -> Known:
    """What is held of a page."""
    return Known(
        page_key=page_key,
        format="plain",
        baseline_at=minutes_ago(60 * 24),
        incidents={one.key: one for one in facts if isinstance(one, KnownIncident)},
        components={one.id: one for one in facts if isinstance(one, KnownComponent)},
    )


def told(of: Watched, about: KnownIncident) -> tuple[Event, ...]:
    """The events of an incident that is held: one for each of its updates."""
    planned = about.kind is IncidentKind.MAINTENANCE
    return tuple(
        _told(of, about, each, is_first=number == 0, planned=planned)
        for number, each in enumerate(about.updates)
    )


def _told(
    of: Watched, about: KnownIncident, each: KnownUpdate, *, is_first: bool, planned: bool
) -> Event:
    begins, goes_on, ends = (
        (
            EventKind.MAINTENANCE_SCHEDULED,
            EventKind.MAINTENANCE_UPDATED,
            EventKind.MAINTENANCE_COMPLETED,
        )
        if planned
        else (EventKind.INCIDENT_OPENED, EventKind.INCIDENT_UPDATED, EventKind.INCIDENT_RESOLVED)
    )
    kind = begins if is_first else ends if each.status.is_over else goes_on
    event = incident_event(
        kind,
        about.key,
        each.id,
        each.body,
        each.status,
        about.impact,
        tuple(part.name for part in about.components),
        of.page.provider,
        PageRef(key=of.page.key, url=of.page.url),
        about.title,
        at=each.at,
        observed_at=(each.at or NOW) + timedelta(seconds=20),
    )
    if event.incident is None:
        raise AssertionError(event)
    facts = replace(event.incident, url=about.url, started_at=about.started_at)
    return replace(event, incident=facts)


def delivery(
    seq: int, event: Event, status: DeliveryStatus = DeliveryStatus.DONE, **more: Any
) -> Delivery:
    """The way of the event of this number to the receiver `ops`."""
    receiver = more.pop("receiver", "ops")
    facts = {
        "id": f"{event.id}/{receiver}",
        "receiver": receiver,
        "seq": seq,
        "event_id": event.id,
        "lane": event.lane,
        "rule": "routes.0",
        "status": status,
        "created_at": minutes_ago(30),
        "due_at": minutes_ago(30),
        "attempts": 1,
        "last": Attempt(at=minutes_ago(29), seconds=0.3, outcome="204 No Content"),
    }
    return Delivery(**{**facts, **more})


def silence(id: str = "4f3a9c01", **more: Any) -> Silence:
    """A mute of Acme that is in force for two hours."""
    facts = {
        "id": id,
        "matcher": Matcher(providers=("acme",)),
        "starts_at": minutes_ago(60),
        "ends_at": NOW + timedelta(hours=1),
        "author": "the team on call",
        "comment": "we know",
        "created_at": minutes_ago(60),
    }
    return Silence(**{**facts, **more})


def everyday() -> Seen:
    """An everyday view: trouble, planned work, a page out of reach, and much that is fine."""
    openai = watched("openai", "OpenAI", tags=("ai",))
    github = watched("github", "GitHub", tags=("tools",))
    cloudflare = watched("cloudflare", "Cloudflare")
    acme = watched("acme", "Acme", tags=("ai", "tools"))
    fresh = watched("fresh", "Fresh")
    trouble, past, planned = _trouble(), _past(), _planned()
    facts: dict[str, tuple[KnownIncident | KnownComponent, ...]] = {
        openai.page.key: (
            trouble,
            component("Conversations", ComponentStatus.PARTIAL_OUTAGE, group="ChatGPT"),
            component("Responses", group="APIs"),
            component("APIs", is_group=True),
        ),
        github.page.key: (past, component("Actions"), component("Pages", region="eu-west-1")),
        cloudflare.page.key: (planned, component("Frankfurt", ComponentStatus.MAINTENANCE)),
        acme.page.key: (component("Everything"),),
    }
    events = (
        *told(github, past),
        *told(cloudflare, planned),
        *told(openai, trouble),
        component_event(
            "Pages",
            provider=github.page.provider,
            page=PageRef(key=github.page.key, url=github.page.url),
            observed_at=minutes_ago(5),
        ),
    )
    return Seen(
        pages=(openai, github, cloudflare, acme, fresh),
        states={
            **{one.page.key: read_state(one.page.key) for one in (openai, github, cloudflare)},
            acme.page.key: unreadable_state(acme.page.key),
        },
        known={key: known(key, *each) for key, each in facts.items()},
        events=events,
        deliveries=(
            delivery(1, events[0]),
            delivery(4, events[3], DeliveryStatus.DEAD, receiver="pager"),
            delivery(5, events[4], DeliveryStatus.WAITING, attempts=0, last=None),
        ),
        silences=(silence(),),
    )


def _trouble() -> KnownIncident:
    return incident(
        "i1",
        "Elevated error rate for ChatGPT conversations",
        update(1, IncidentStatus.INVESTIGATING, "We are looking into it.", minutes_ago(37)),
        update(2, IncidentStatus.IDENTIFIED, "Found <b>it</b> & fix it.", minutes_ago(12), "ab"),
        components=(AffectedComponent(id="conversations", name="Conversations"),),
    )


def _past() -> KnownIncident:
    return incident(
        "i2",
        "Delays starting Actions jobs",
        update(1, IncidentStatus.INVESTIGATING, "Jobs wait.", minutes_ago(60 * 26)),
        update(2, IncidentStatus.RESOLVED, "Jobs start again.", minutes_ago(60 * 25)),
        impact=Impact.MINOR,
        components=(AffectedComponent(id="actions", name="Actions"),),
    )


def _planned() -> KnownIncident:
    return incident(
        "m1",
        "FRA (Frankfurt) on 2026-11-21",
        update(1, IncidentStatus.SCHEDULED, "Traffic may be re-routed.", minutes_ago(600)),
        kind=IncidentKind.MAINTENANCE,
        impact=Impact.NONE,
        started_at=NOW + timedelta(hours=12),
        scheduled_until=NOW + timedelta(hours=14),
        components=(AffectedComponent(id="frankfurt", name="Frankfurt"),),
    )


async def fill(store: Store, seen: Seen) -> None:
    """Put everything that was seen into a store."""
    for one in seen.pages:
        state, facts = seen.states.get(one.page.key), seen.known.get(one.page.key)
        if state is not None:
            before = facts and Known(page_key=one.page.key)
            await store.commit(Visit(page=one.page, state=state, before=before, known=facts))
    await store.append(seen.events)
    last = await store.last_seq()
    await store.dispatch("dispatcher", last, Outgoing(new=seen.deliveries, told=seen.told))
    for each in seen.silences:
        await store.add_silence(each)


@asynccontextmanager
async def open_site(
    seen: Seen, *, web: Web = OPEN, address: str = "memory:", **config: Any
) -> AsyncGenerator[Site]:
    """A site over an App that saw this; `config` are further parts of its config.

    The store's own doings show at `site.store`.
    """
    chosen = Config(
        watched=seen.pages,
        store=address,
        web=web,
        formats={"plain": PlainFormat()},
        **config,
    )
    async with open_store(address, poller=True) as store:
        await fill(store, seen)
        overview = Overview()
        app = App(
            chosen,
            roles=(Role.POLL,),
            store=store,
            network=Silent(),
            observer=overview,
            now=lambda: NOW,
        )
        async with app:
            overview.open(app)
            yield Site(app, web, overview)
