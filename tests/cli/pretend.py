"""An `App` that tells a story instead of polling, and words to tell it in."""

import asyncio
from datetime import UTC, datetime

from bellbuoy.app import Sweep
from bellbuoy.config import Config, Watched
from bellbuoy.errors import Unreadable
from bellbuoy.events import Event, EventKind, IncidentComponent, IncidentFacts, PageRef, UpdateFacts
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Page,
    Provider,
)
from bellbuoy.observer import VisitDone
from bellbuoy.stores.memory import MemoryStore

NOW = datetime(2026, 2, 23, 16, 9, 30, tzinfo=UTC)
OPENAI = Provider(slug="openai", name="OpenAI")


def page(number=1, provider=OPENAI, every=60.0):
    """A page of a provider."""
    url = f"https://status{number}.openai.example"
    return Page(key=url, url=url, provider=provider, format="statuspage", every=every)


def config(pages=1, **more):
    """A config that watches some pages."""
    watched = tuple(Watched(page=page(number)) for number in range(1, pages + 1))
    return Config(watched=watched, store="memory:", **more)


def event(number=1, kind=EventKind.INCIDENT_UPDATED, title="Elevated errors", **more):
    """An event of an incident."""
    return Event(
        id=f"event-{number}",
        kind=kind,
        provider=OPENAI,
        page=PageRef(key=page().key, url=page().url),
        observed_at=NOW,
        at=NOW,
        incident=IncidentFacts(
            id=f"i{number}",
            kind=IncidentKind.INCIDENT,
            title=title,
            url=f"https://status1.openai.example/incidents/i{number}",
            impact=Impact.MAJOR,
            impact_raw="major",
            status=IncidentStatus.IDENTIFIED,
            status_raw="identified",
            started_at=NOW,
            updated_at=NOW,
            resolved_at=None,
            components=(IncidentComponent(id="c1", name="API", status=ComponentStatus.DEGRADED),),
        ),
        update=UpdateFacts(
            id=f"u{number}",
            status=IncidentStatus.IDENTIFIED,
            status_raw="identified",
            body="We found it.",
            at=NOW,
        ),
        **more,
    )


def visit(number=1, failure=None, detail=""):
    """The end of a poll."""
    return VisitDone(
        page_key=page(number).key,
        provider="openai",
        outcome="changed" if failure is None else "failed",
        seconds=0.1,
        failure=failure,
        detail=detail,
    )


class Story:
    """What a pretend run does: events of the first sweep, failed pages, a death, later events."""

    def __init__(self, *events, failed=(), sweep=None, death=None, store=None, never_swept=False):
        self.events = events
        self.failed = dict(failed)
        self.sweep = sweep
        self.death = death
        self.store = store or MemoryStore()
        self.never_swept = never_swept
        self.apps = []
        self.visits = []
        self.begun = asyncio.Event()

    def app(self, config, **settings):
        """In place of `App`."""
        self.apps.append(PretendApp(self, config, **settings))
        return self.apps[-1]


class PretendApp:
    """Behaves as `bellbuoy.app.App` does, as far as a reader of it can tell."""

    def __init__(self, story, config, *, once=False, roles=(), observer=None, store=None):
        self.story = story
        self.config = config
        self.once = once
        self.roles = roles
        self.observer = observer
        self.store = story.store
        self.over = asyncio.Event()
        self.swept = asyncio.Event()
        self.looked = 0
        self.closed = False

    async def __aenter__(self):
        self.task = asyncio.create_task(self.live())
        return self

    async def __aexit__(self, *_):
        self.over.set()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.closed = True

    def stuck(self):
        """It lives."""
        return ()

    async def live(self):
        """The first sweep: each page is visited, then the events are in the log."""
        self.story.begun.set()
        if self.story.never_swept:
            await asyncio.Event().wait()
        for number in range(1, len(self.config.watched) + 1):
            failure, detail = self.story.failed.get(number, (None, ""))
            self.observer.visit_done(visit(number, failure, detail))
            self.looked += 1
        for known in self.story.visits:
            await self.store.commit(known)
        await self.store.append(self.story.events)
        self.swept.set()
        if self.once or self.story.death:
            self.over.set()

    def standing(self):
        """As told by the story, else all that did not fail are fine."""
        pages, failed = len(self.config.watched), len(self.story.failed)
        return self.story.sweep or Sweep(
            pages=pages, fine=pages - failed, trouble=0, unreadable=failed
        )

    def looked_at(self):
        """How many pages were looked at."""
        return self.looked

    async def first_sweep(self):
        """Until the sweep or the end."""
        tasks = [asyncio.create_task(e.wait()) for e in (self.swept, self.over)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        return self.standing()

    def request_stop(self):
        """The end, soon."""
        self.over.set()

    async def stopped(self, after=None):
        """Until the end."""
        try:
            await asyncio.wait_for(self.over.wait(), after)
        except TimeoutError:
            self.over.set()
        if self.story.death:
            raise self.story.death

    async def events(self, after=0):
        """The log, until the end."""
        while True:
            is_over = self.over.is_set()
            batch = await self.store.read_events(after=after)
            for one in batch:
                yield one
                after = one.seq
            if not batch and is_over:
                return
            if not batch:
                await asyncio.sleep(0.005)


OFFLINE = (Unreadable.NETWORK, "cannot connect: name not known")
