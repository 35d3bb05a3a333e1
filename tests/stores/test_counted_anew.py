"""What is forgotten is counted anew, and its next change is in the log all the same."""

from collections import Counter

from bellbuoy.detection import health
from bellbuoy.detection.merge import merge
from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.model.known import Health, PageState
from bellbuoy.stores import Visit
from tests.detection.saying import PAGE, at, component, incident, page_says, update
from tests.stores.samples import untold

AWAY = FetchError(PAGE.url, Unreadable.BLOCKED, "403", status=403)
OUT = component("API", "major_outage")
WELL = component("API")
OTHER = component("Web")


async def look(store, minute, *incidents, components=(OTHER, WELL), window=None, gone=()):
    """Look twice at a page, as a poller does: what is known comes from the store each time."""
    says = page_says(*incidents, components=components, stamp=minute, window=window, gone=gone)
    for each in (minute, minute + 0.5):
        known = await store.load_known(PAGE.key)
        merged = merge(PAGE, known, says, at(each))
        state = PageState(page_key=PAGE.key)
        await store.commit(
            Visit(page=PAGE, state=state, before=known, known=merged.known, events=merged.events)
        )


async def cannot_be_read(store, minute):
    """A page that cannot be read for ten minutes, and then can; each visit is kept."""
    found = await store.load_states([PAGE.key])
    standing = found[PAGE.key].health if found else Health()
    for later in range(10):
        standing, event = health.failed(PAGE, standing, AWAY, at(minute + later), is_offline=False)
        await keep(store, standing, event)
    await keep(store, *health.read(PAGE, standing, at(minute + 10), latency=None))


async def keep(store, standing, event):
    """Commit how reading a page goes."""
    state = PageState(page_key=PAGE.key, health=standing)
    await store.commit(Visit(page=PAGE, state=state, events=(event,) if event else ()))


async def told(store):
    """How often each kind of event, with the status of its component, is in the log."""
    return Counter(
        f"{event.kind} {event.component.status}" if event.component else event.kind.value
        for event in await store.read_events()
    )


async def test_a_component_that_left_the_page_and_is_back_is_out_again(store):
    """Both outages are in the log, and both their ends."""
    for start in (0, 60):
        await look(store, start)
        await look(store, start + 10, components=(OTHER, OUT))
        await look(store, start + 20)
        await look(store, start + 30, components=(OTHER,))
    assert await told(store) == {
        "component.changed major_outage": 2,
        "component.changed operational": 2,
    }


async def test_a_page_that_was_put_back_tells_of_all_that_happens_to_it(store):
    """Both times in which it cannot be read, both outages, both gaps and both withdrawals."""
    past = incident("past", update("1", "resolved", minute=None), started=-9)
    for start in (0, 600):
        await cannot_be_read(store, start)
        await look(store, start + 20, window=((), 0, False))
        await look(store, start + 30, components=(OTHER, OUT))
        await look(store, start + 40, incident("a", update("1", minute=None)))
        for minute in (50, 60, 70, 80):
            await look(store, start + minute, gone=("a",))
        await look(store, start + 90, past, window=(("past",), -9, True))
        await store.forget_pages([], untold)
    assert await told(store) == {
        "page.unreadable": 2,
        "page.readable": 2,
        "component.changed major_outage": 2,
        "component.changed operational": 2,
        "incident.opened": 1,
        "incident.withdrawn": 2,
        "page.gap": 2,
    }


async def test_a_visit_that_is_repeated_is_recorded_once(store):
    """The same change, read again from the same knowledge at another time, has the same id."""
    await look(store, 0)
    known = await store.load_known(PAGE.key)
    says = page_says(components=(OTHER, OUT), stamp=10)
    for minute in (10, 11):
        (event,) = merge(PAGE, known, says, at(minute)).events
        await store.append([event])
    standing = Health()
    for minute in (20, 22):
        standing, _ = health.failed(PAGE, standing, AWAY, at(minute), is_offline=False)
    for minute in (26, 27):
        _, event = health.failed(PAGE, standing, AWAY, at(minute), is_offline=False)
        await store.append([event])
    assert await told(store) == {"component.changed major_outage": 1, "page.unreadable": 1}
