"""The contract of `Store`, over every kind of it; `test_asking` holds what a dashboard asks."""

import asyncio
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.errors import StoreError
from bellbuoy.events import to_json
from bellbuoy.model.delivery import DeliveryStatus, Matcher, Occasion, Silence, Standing
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.model.known import Known, Validators
from bellbuoy.stores import Outgoing
from tests.pgbouncer import PASSWORD
from tests.stores import samples
from tests.stores.conftest import UNPOOLED
from tests.stores.samples import (
    ATTEMPT,
    DAY,
    NOW,
    component,
    delivery,
    event,
    incident,
    known,
    page,
    state,
    update,
    visit,
)

PAGE = page().key
OTHER = page("https://status.other.example")
_numbers = count()
over_one_store = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def recorded(store, *events):
    """Record events and give them back, numbered."""
    return await store.append(events)


async def test_a_page_never_visited_is_unknown(store):
    """A store that was just made knows nothing, and says so without an error."""
    assert await store.load_known(PAGE) == Known(page_key=PAGE)
    assert await store.load_states([PAGE]) == {}
    assert await store.components(PAGE) == ()
    assert await store.open_incidents() == ()
    assert await store.read_events() == ()
    assert (await store.first_seq(), await store.last_seq()) == (0, 0)
    assert await store.read_cursor("console") is None
    assert await store.deliveries() == ()
    assert await store.next_due("ops") is None
    assert await store.prune(NOW) == 0
    assert await store.check() == ()


@pytest.mark.parametrize("address", UNPOOLED, indirect=True)
@over_one_store
@given(data=st.data())
async def test_what_is_committed_is_what_is_loaded(store, data):
    """Whatever is known, and whatever it becomes, is loaded as it was committed."""
    of = page(f"https://{next(_numbers)}.example")
    before = Known(page_key=of.key)
    for _ in range(2):
        now = data.draw(samples.knowns(of.key))
        if data.draw(st.booleans()):  # keep part of it, so that only the rest is written
            now = replace(now, incidents={**before.incidents, **now.incidents})
        await store.commit(visit(before, now, of=of))
        before = await store.load_known(of.key)
        assert before == now
        assert list(before.incidents) == sorted(now.incidents)
        assert list(before.components) == sorted(now.components)


@pytest.mark.parametrize("address", UNPOOLED, indirect=True)
@over_one_store
@given(data=st.data())
async def test_an_event_is_read_as_it_was_committed(store, data):
    """The JSON of an event is the same before and after the log."""
    about = f"incident {next(_numbers)}"
    new = data.draw(st.lists(samples.events_of(about), max_size=3, unique_by=lambda each: each.id))
    committed = await store.append(new)
    read = await store.read_events(incident=about)
    assert list(map(to_json, read)) == list(map(to_json, committed))
    assert [each.numbered(0) for each in committed] == new


async def test_a_visit_writes_knowledge_state_and_events_together(store):
    """After a commit everything of the visit is there, and its events are numbered from 1."""
    now = known(incident())
    events = await store.commit(visit(Known(page_key=PAGE), now, event(1), event(2)))
    assert [each.seq for each in events] == [1, 2]
    assert await store.load_known(PAGE) == now
    assert await store.load_states([PAGE, "https://unknown.example"]) == {PAGE: state()}
    assert await store.read_events() == events
    assert await store.components(PAGE) == (component(),)


async def test_a_visit_that_taught_nothing_leaves_what_is_known(store):
    """A failed visit brings a state and maybe an event; the known facts stay."""
    now = known(incident())
    await store.commit(visit(Known(page_key=PAGE), now))
    failed = replace(visit(None, None, event(1, about=None)), state=state(failures=3))
    (unreadable,) = await store.commit(failed)
    assert await store.load_known(PAGE) == now
    assert (await store.load_states([PAGE]))[PAGE].health.failures == 3
    assert await store.read_events() == (unreadable,)


async def test_new_validators_alone_are_kept(store):
    """A body that changed without teaching anything still brings new validators."""
    first = known(incident())
    await store.commit(visit(Known(page_key=PAGE), first))
    second = replace(first, validators={PAGE: Validators(etag='"2"')})
    await store.commit(visit(first, second))
    assert await store.load_known(PAGE) == second


async def test_what_a_visit_dropped_is_gone(store):
    """Incidents, updates and components that are not known any more are not loaded."""
    first = known(
        incident("i1"), incident("i2"), components={"c1": component(), "c2": component("c2")}
    )
    await store.commit(visit(Known(page_key=PAGE), first))
    second = known(incident("i2", updates=(update(9, ""),)), components={"c2": component("c2")})
    await store.commit(visit(first, second))
    assert await store.load_known(PAGE) == second


async def test_states_are_saved_in_one_batch(store):
    """States of visits that taught nothing are kept, and replace older ones."""
    await store.save_states([state(), state(OTHER.key)])
    await store.save_states([state(failures=1)])
    await store.save_states([])
    assert await store.load_states([PAGE, OTHER.key]) == {
        PAGE: state(failures=1),
        OTHER.key: state(OTHER.key),
    }
    assert await store.load_known(PAGE) == Known(page_key=PAGE)


async def test_r1_an_event_that_is_there_is_recorded_once(store):
    """The same id a second time records nothing, also within one call, and others go on."""
    first, second, third = event(1), event(2), event(3)
    assert [each.seq for each in await store.append([first, first])] == [1]
    fresh = await store.commit(visit(None, None, second, first, third))
    assert [each.id for each in fresh] == [second.id, third.id]
    assert await store.append([first, second, third]) == ()
    assert [each.id for each in await store.read_events()] == [first.id, second.id, third.id]
    assert await store.append([]) == ()


async def test_r1_numbers_rise_and_are_never_given_twice(store):
    """Also when every event was dropped, the next number is a new one."""
    old = await store.append([event(number) for number in range(3)])
    assert await store.prune(NOW + DAY) == 3
    assert (await store.first_seq(), await store.last_seq()) == (0, 3)
    (new,) = await store.append([event(9)])
    assert new.seq > old[-1].seq
    assert await store.first_seq() == await store.last_seq() == new.seq


async def test_r7_the_log_is_read_from_any_place(store):
    """By place, by number, by incident, and in order."""
    await store.append([event(n, about=f"i{n % 2}") for n in range(10)])
    assert [each.seq for each in await store.read_events(after=7)] == [8, 9, 10]
    assert [each.seq for each in await store.read_events(after=2, limit=2)] == [3, 4]
    assert [each.seq for each in await store.read_events(incident="i1")] == [2, 4, 6, 8, 10]
    assert [each.seq for each in await store.read_events(after=4, limit=1, incident="i1")] == [6]
    assert await store.read_events(after=10) == ()


async def test_many_commits_at_once_all_arrive(store):
    """Visits that wait at the same time are each committed, each answered with its own."""
    pages = [page(f"https://{number}.example") for number in range(300)]
    visits = [visit(None, known(page_key=of.key), event(1, of=of), of=of) for of in pages]
    answers = await asyncio.gather(*map(store.commit, visits))
    assert [answer[0].page.key for answer in answers] == [of.key for of in pages]
    assert sorted(answer[0].seq for answer in answers) == list(range(1, 301))
    assert len(await store.load_states([of.key for of in pages])) == 300


async def test_open_incidents_are_those_that_go_on(store):
    """Of all pages or of some; over and withdrawn ones are not among them."""
    ended = incident("i3", status=IncidentStatus.RESOLVED)
    await store.commit(visit(None, known(incident("i1"), incident("i2", withdrawn=True), ended)))
    there = known(incident("j1"), page_key=OTHER.key)
    await store.commit(visit(None, there, of=OTHER))
    assert await store.open_incidents() == ((PAGE, incident("i1")), (OTHER.key, incident("j1")))
    assert await store.open_incidents([OTHER.key]) == ((OTHER.key, incident("j1")),)
    assert await store.open_incidents([]) == ()
    await store.commit(visit(there, known(page_key=OTHER.key), of=OTHER))
    assert await store.open_incidents() == ((PAGE, incident("i1")),)


async def test_an_incident_that_ends_is_not_open_any_more(store):
    """And one that is reopened is open again."""
    first = known(incident("i1"))
    await store.commit(visit(None, first))
    second = known(incident("i1", status=IncidentStatus.RESOLVED))
    await store.commit(visit(first, second))
    assert await store.open_incidents() == ()
    await store.commit(visit(second, first))
    assert await store.open_incidents() == ((PAGE, incident("i1")),)


async def test_components_are_kept_with_their_status(store):
    """A component that moved is read as it is now."""
    first = known()
    await store.commit(visit(None, first))
    down = component(status=ComponentStatus.MAJOR_OUTAGE, pending="operational")
    await store.commit(visit(first, replace(first, components={"c1": down})))
    assert await store.components(PAGE) == (down,)


async def test_a_page_no_longer_watched_is_forgotten(store):
    """Its open incidents end once in the log, its events stay, and watched pages are untouched."""
    about = []

    def ended(*orphan):
        about.append(orphan)
        return [event(2)]

    await store.commit(visit(None, known(incident("i1")), event(1)))
    there = known(incident("j1"), page_key=OTHER.key)
    await store.commit(visit(None, there, of=OTHER))
    assert await store.forget_pages([OTHER.key], ended) == (event(2).numbered(2),)
    assert await store.forget_pages([OTHER.key], ended) == ()
    assert about == [(PAGE, incident("i1"))]
    assert await store.load_known(PAGE) == Known(page_key=PAGE)
    assert await store.load_states([PAGE]) == {}
    assert await store.load_known(OTHER.key) == there
    assert [each.seq for each in await store.read_events()] == [1, 2]
    now = known(incident("i1"))
    await store.commit(visit(Known(page_key=PAGE), now))
    assert await store.load_known(PAGE) == now


async def test_p1_a_page_is_forgotten_with_the_end_of_its_incidents_or_not_at_all(store):
    """Whoever forgot it first and told of it then would not tell of it after a crash."""
    held = known(incident("i1"))
    await store.commit(visit(None, held))

    def ended(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.forget_pages([], ended)
    assert await store.load_known(PAGE) == held
    assert await store.load_states([PAGE]) != {}


async def test_cursors_are_kept_per_reader(store):
    """Each reader has its own place, and may go back."""
    await store.write_cursor("console", 7)
    await store.write_cursor("stream", 3)
    await store.write_cursor("console", 5)
    assert await store.read_cursor("console") == 5
    assert await store.read_cursor("stream") == 3


async def test_dispatching_keeps_deliveries_and_the_cursor(store):
    """Both are there after, and what was dispatched before stays as it has become."""
    one, two = await recorded(store, event(1), event(2))
    await store.dispatch("dispatcher", 1, Outgoing(new=(delivery(one),)))
    done = delivery(one, status=DeliveryStatus.DONE, attempts=1, last=ATTEMPT)
    await store.settle(done)
    await store.dispatch("dispatcher", 2, Outgoing(new=(delivery(one), delivery(two))))
    assert await store.read_cursor("dispatcher") == 2
    assert await store.deliveries() == (delivery(two), done)
    await store.dispatch("dispatcher", 9, Outgoing())
    assert await store.read_cursor("dispatcher") == 9


async def test_deliveries_are_found_newest_first(store):
    """By receiver, by status, by event, and not more than asked for."""
    one, two = await recorded(store, event(1), event(2))
    every = [delivery(each, to) for each in (one, two) for to in ("ops", "dev")]
    await store.dispatch("dispatcher", 2, Outgoing(new=tuple(every)))
    dead = delivery(one, "ops", status=DeliveryStatus.DEAD)
    await store.settle(dead)
    assert await store.deliveries(limit=1) == (delivery(two, "dev"),)
    assert await store.deliveries(receiver="ops") == (delivery(two, "ops"), dead)
    assert await store.deliveries(status=DeliveryStatus.DEAD) == (dead,)
    assert await store.deliveries(event_id=one.id, receiver="dev") == (delivery(one, "dev"),)
    assert await store.deliveries(event_id="unknown") == ()


async def test_r3_only_the_first_waiting_delivery_of_a_lane_is_due(store):
    """Within an incident order is kept; another incident is not held up."""
    one, two, other = await recorded(
        store, event(1, about="a"), event(2, about="a"), event(3, about="b")
    )
    later = NOW + DAY
    await store.dispatch(
        "dispatcher",
        3,
        Outgoing(new=(delivery(one, due_at=later), delivery(two), delivery(other))),
    )
    assert await store.due_deliveries("ops", NOW) == ((delivery(other), other),)
    assert await store.next_due("ops") == NOW
    await store.settle(delivery(other, status=DeliveryStatus.DONE))
    assert await store.due_deliveries("ops", NOW) == ()
    assert await store.next_due("ops") == later
    assert [each.seq for each, _ in await store.due_deliveries("ops", later)] == [one.seq]
    await store.settle(delivery(one, status=DeliveryStatus.DONE))
    assert [each.seq for each, _ in await store.due_deliveries("ops", NOW)] == [two.seq]
    assert await store.due_deliveries("dev", later) == ()


async def test_r3_lanes_are_each_receivers_own(store):
    """What one receiver still waits for does not hold up another one."""
    one, two = await recorded(store, event(1), event(2))
    await store.dispatch(
        "dispatcher",
        2,
        Outgoing(new=tuple(delivery(each, to) for each in (one, two) for to in ("ops", "dev"))),
    )
    await store.settle(delivery(one, "dev", status=DeliveryStatus.DONE))
    assert [each.seq for each, _ in await store.due_deliveries("ops", NOW)] == [one.seq]
    assert [each.seq for each, _ in await store.due_deliveries("dev", NOW)] == [two.seq]


async def test_due_deliveries_come_oldest_first_and_bounded(store):
    """The order is that of the log, not that of the due times."""
    events = await recorded(store, *(event(n, about=f"i{n}") for n in range(5)))
    await store.dispatch(
        "dispatcher",
        5,
        Outgoing(new=tuple(delivery(each, due_at=NOW - each.seq * DAY) for each in events)),
    )
    due = await store.due_deliveries("ops", NOW, limit=3)
    assert [each.seq for each, _ in due] == [1, 2, 3]
    assert await store.next_due("ops") == NOW - 5 * DAY


async def test_n3_a_dead_delivery_holds_nothing_up_and_is_told_of(store):
    """The next of the lane is due and knows of the gap; another lane does not."""
    one, two, other = await recorded(store, event(1), event(2), event(3, about="b"))
    await store.dispatch(
        "dispatcher", 3, Outgoing(new=tuple(delivery(each) for each in (one, two, other)))
    )
    dead = delivery(one, status=DeliveryStatus.DEAD, attempts=9, last=ATTEMPT)
    await store.settle(dead)
    due = [each for each, _ in await store.due_deliveries("ops", NOW)]
    assert due == [delivery(two, after_gap=True), delivery(other)]


async def test_n1_a_revived_delivery_goes_first_again(store):
    """It waits, due now, with no attempts, before the rest of its lane, and the gap is closed."""
    one, two = await recorded(store, event(1), event(2))
    await store.dispatch("dispatcher", 2, Outgoing(new=(delivery(one), delivery(two))))
    await store.settle(delivery(one, status=DeliveryStatus.DEAD, attempts=9, last=ATTEMPT))
    await store.revive(delivery(one).id, NOW + DAY)
    revived = delivery(one, due_at=NOW + DAY, last=ATTEMPT)
    assert await store.due_deliveries("ops", NOW + DAY) == ((revived, one),)
    await store.settle(replace(revived, status=DeliveryStatus.DONE))
    await store.revive(delivery(one).id, NOW)
    await store.revive("unknown", NOW)
    assert await store.due_deliveries("ops", NOW) == ((delivery(two), two),)


async def test_settling_keeps_what_came_of_an_attempt(store):
    """Status, times, attempts, the answer and the reference are all kept."""
    (one,) = await recorded(store, event(1))
    await store.dispatch("dispatcher", 1, Outgoing(new=(delivery(one),)))
    tried = delivery(
        one, due_at=NOW + DAY, attempts=2, last=ATTEMPT, reference="m-7", after_gap=True
    )
    await store.settle(tried)
    assert await store.deliveries() == (tried,)
    await store.settle(replace(tried, id="unknown"))
    assert await store.deliveries() == (tried,)


async def test_a_disabled_receiver_stays_disabled(store):
    """After its 410, and only that one."""
    await store.disable("ops", ATTEMPT)
    await store.disable("ops", ATTEMPT)
    assert await store.disabled() == {"ops"}


async def test_references_are_kept_per_receiver_and_incident(store):
    """The newest message counts."""
    await store.remember_reference("ops", "page i1", "m-1")
    await store.remember_reference("ops", "page i1", "m-2")
    lanes = ["page i1", "page i2"]
    assert await store.references("ops", lanes) == {"page i1": "m-2"}
    assert await store.references("dev", lanes) == {}


async def test_pruning_drops_old_events_and_their_settled_deliveries(store):
    """Newer ones stay; a receiver's message goes when no delivery leads to it any more."""
    old, new = await recorded(
        store, event(1, about="a", observed_at=NOW - DAY), event(2, about="b")
    )
    await store.dispatch("dispatcher", 2, Outgoing(new=(delivery(old), delivery(new))))
    await store.settle(delivery(old, status=DeliveryStatus.DEAD))
    for each in (old, new):
        await store.remember_reference("ops", each.lane, f"m-{each.seq}")
    assert await store.prune(NOW) == 1
    assert await store.prune(NOW) == 0
    assert await store.read_events() == (new,)
    assert await store.first_seq() == new.seq
    assert await store.deliveries() == (delivery(new),)
    assert await store.references("ops", [old.lane, new.lane]) == {new.lane: "m-2"}


async def test_pruning_never_passes_a_cursor_or_a_waiting_delivery(store):
    """What a reader has not read, or a receiver not got, stays however old it is."""
    one, two, *_ = await recorded(store, *(event(n) for n in range(4)))
    await store.write_cursor("console", 3)
    await store.dispatch("dispatcher", 2, Outgoing(new=(delivery(two),)))
    assert await store.prune(NOW + DAY) == 1
    assert await store.first_seq() == two.seq
    await store.settle(delivery(two, status=DeliveryStatus.DONE))
    assert await store.prune(NOW + DAY) == 1
    await store.write_cursor("dispatcher", 4)
    assert await store.prune(NOW + DAY) == 1
    assert await store.first_seq() == 4
    await store.write_cursor("console", 4)
    assert await store.prune(NOW + DAY) == 1


async def test_who_never_comes_back_holds_back_what_is_very_old_no_longer(store):
    """Neither a cursor nor a delivery that waits; what is younger is still there for both."""
    ages = (4, 3, 2, 1)
    old = await recorded(store, *(event(n, observed_at=NOW - n * DAY) for n in ages))
    await store.write_cursor("console", 0)
    waits = [
        delivery(old[0]),
        delivery(old[1], status=DeliveryStatus.HELD),
        delivery(old[2]),
    ]
    await store.dispatch("dispatcher", 4, Outgoing(new=tuple(waits)))
    assert await store.prune(NOW - 1.5 * DAY) == 0
    assert await store.prune(NOW - 1.5 * DAY, NOW - 2.5 * DAY) == 2
    assert await store.prune(NOW - 1.5 * DAY, NOW - 2.5 * DAY) == 0
    assert await store.read_events() == old[2:]
    assert await store.deliveries() == (waits[2],)
    assert await store.due_held(NOW + DAY) == ()
    await store.settle(replace(waits[0], status=DeliveryStatus.DONE))
    assert await store.deliveries() == (waits[2],)


async def test_what_is_decided_of_an_event_that_left_the_log_leads_nowhere(store):
    """A dispatcher that is far behind may decide while the event goes; nothing is left of that."""
    old, new = await recorded(store, event(1, observed_at=NOW - DAY), event(2))
    assert await store.prune(NOW) == 1
    await store.dispatch("dispatcher", 1, Outgoing(new=(delivery(old),)))
    assert await store.due_deliveries("ops", NOW + DAY) == ()
    await store.prune(NOW)
    assert await store.deliveries() == ()
    assert await store.read_events() == (new,)


async def test_pruning_more_than_fits_into_one_transaction(store):
    """Every old event goes, however many there are."""
    await store.append([event(n, observed_at=NOW - DAY) for n in range(1201)])
    await store.append([event(5000)])
    assert await store.prune(NOW) == 1201
    assert len(await store.read_events()) == 1


async def test_incidents_over_for_long_keep_ids_and_hashes_but_no_texts(store):
    """So that memory is bounded and nothing old is ever new again."""
    old = incident("old", status=IncidentStatus.RESOLVED, resolved_at=NOW - DAY)
    recent = incident("recent", status=IncidentStatus.RESOLVED, resolved_at=NOW)
    going_on = incident("open", started_at=NOW - 99 * DAY)
    first = known(old, recent, going_on)
    await store.commit(visit(None, first))
    await store.prune(NOW)
    bare = replace(old, updates=tuple(replace(each, body="") for each in old.updates))
    stripped = await store.load_known(PAGE)
    assert stripped == known(bare, recent, going_on)
    postmortem = replace(bare, updates=(*bare.updates, update(3, "The cause was DNS.")))
    await store.commit(visit(stripped, known(postmortem, recent, going_on)))
    assert await store.load_known(PAGE) == known(postmortem, recent, going_on)
    await store.prune(NOW)
    assert (await store.load_known(PAGE)).incidents["old"].updates[2].body == ""


async def test_waiting_ends_at_once_when_the_event_is_there(store):
    """Who comes late does not wait."""
    await store.append([event(1)])
    async with asyncio.timeout(5):
        await store.wait_for_events(0)


async def test_waiting_ends_with_a_commit(store):
    """Everyone who waits for a later event wakes up, well before the next look."""
    waiting = [asyncio.create_task(store.wait_for_events(0)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    await store.commit(visit(None, None, event(1)))
    async with asyncio.timeout(0.9):
        await asyncio.gather(*waiting)


async def test_waiting_goes_on_until_the_number_is_passed(store):
    """An event at or below the number asked for is no reason to wake up."""
    waiting = asyncio.create_task(store.wait_for_events(1))
    await store.append([event(1)])
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    await store.append([event(2)])
    async with asyncio.timeout(5):
        await waiting


async def test_a_store_says_where_it_is_and_which_log_it_holds(store, address):
    """For people, and for cursors."""
    assert store.place in address.replace(f":{PASSWORD}@", "@")
    assert store.log_id.isalnum()


async def test_a_backup_is_a_store_or_an_error(store, address, tmp_path):
    """Memory has no file to copy, and a server has its own tool: each says so."""
    target = str(tmp_path / "copy.db")
    refused = {"memory": "in memory", "postgresql": f"pg_dump .*--file={target}"}
    if match := refused.get(address.partition(":")[0]):
        with pytest.raises(StoreError, match=match):
            await store.backup(target)
    else:
        await store.backup(target)


async def test_standings_say_who_was_told_and_what_is_held(store):
    """By receiver and lane; a lane of which nobody heard is absent."""
    one, two, other = await recorded(store, event(1), event(2), event(3, about="b"))
    held = delivery(two, status=DeliveryStatus.HELD, due_at=NOW + DAY, reason="quiet hours")
    told = ("ops", one.lane, "routes.0")
    await store.dispatch("dispatcher", 3, Outgoing(new=(delivery(one), held), told=(told,)))
    assert await store.standings(["ops", "dev"], [one.lane, other.lane]) == {
        ("ops", one.lane): Standing(told=True, rule="routes.0", held=(held,), is_behind=True)
    }
    await store.dispatch("dispatcher", 3, Outgoing(told=(("ops", one.lane, "page"),)))
    await store.remember_reference("ops", one.lane, "m-1")
    await store.settle(delivery(one, status=DeliveryStatus.DONE))
    assert await store.standings(["ops"], [one.lane]) == {
        ("ops", one.lane): Standing(told=True, rule="page", held=(held,))
    }
    assert await store.standings(["dev"], [one.lane]) == {}
    assert await store.references("ops", [one.lane]) == {one.lane: "m-1"}


async def test_held_deliveries_fall_due_and_only_held_ones_change(store):
    """A held one holds its lane up for nobody, and is changed or dropped only while it is held."""
    one, two = await recorded(store, event(1), event(2))
    held = delivery(one, status=DeliveryStatus.HELD, due_at=NOW + DAY)
    await store.dispatch("dispatcher", 2, Outgoing(new=(held, delivery(two))))
    assert [each.seq for each, _ in await store.due_deliveries("ops", NOW)] == [two.seq]
    assert await store.due_held(NOW) == ()
    assert await store.due_held(NOW + DAY) == ((held, one),)
    assert await store.next_held() == NOW + DAY
    released = replace(held, status=DeliveryStatus.WAITING, due_at=NOW, digest="d1")
    changed = Outgoing(changed=(released, delivery(two, status=DeliveryStatus.WITHHELD)))
    await store.dispatch("dispatcher", 2, changed)
    assert await store.next_held() is None
    assert await store.deliveries() == (delivery(two), released)
    await store.dispatch("dispatcher", 2, Outgoing(gone=(released.id, delivery(two).id)))
    assert len(await store.deliveries()) == 2
    again = delivery(two, id="reminder", status=DeliveryStatus.HELD, occasion=Occasion.REMINDER)
    await store.dispatch("dispatcher", 2, Outgoing(new=(again,)))
    assert await store.due_held(NOW) == ((again, two),)
    await store.dispatch("dispatcher", 2, Outgoing(gone=("reminder",)))
    assert await store.due_held(NOW) == ()


async def test_r3_a_reminder_goes_behind_its_event_and_others_behind_it(store):
    """All of them have the place in the log of the one event."""
    (one,) = await recorded(store, event(1))
    first = delivery(one)
    notices = [
        replace(first, id=f"{first.id}/{what}", occasion=Occasion.REMINDER)
        for what in ("reminder/1700003600", "ahead/1700000000", "reminder/1700000000")
    ]
    await store.dispatch("dispatcher", 1, Outgoing(new=(*notices, first)))
    sent = []
    while due := await store.due_deliveries("ops", NOW):
        ((each, _),) = due
        sent.append(each.id.removeprefix(first.id))
        await store.settle(replace(each, status=DeliveryStatus.DONE))
    assert sent == ["", "/ahead/1700000000", "/reminder/1700000000", "/reminder/1700003600"]


async def test_a_digest_is_read_whole_once_nothing_waits_before_it(store):
    """Its members in order; none while an earlier one of its lanes waits outside of it."""
    one, two, other = await recorded(store, event(1), event(2), event(3, about="b"))
    members = (delivery(two, digest="d1"), delivery(other, digest="d1"))
    await store.dispatch("dispatcher", 3, Outgoing(new=(delivery(one), *members)))
    assert await store.waiting("ops") == ((delivery(one), one),)
    assert await store.waiting("ops", digest="d1") == ()
    await store.settle(delivery(one, status=DeliveryStatus.DONE))
    assert await store.waiting("ops", digest="d1") == tuple(zip(members, (two, other), strict=True))
    assert await store.waiting("ops", digest="d1", limit=1) == ((members[0], two),)
    await store.settle(*(replace(each, status=DeliveryStatus.DONE) for each in members))
    assert await store.waiting("ops", digest="d1") == ()
    assert await store.count_deliveries("ops") == {DeliveryStatus.DONE: 3}


async def test_the_next_due_time_can_be_asked_for_after_another(store):
    """What is due already is passed over."""
    one, two = await recorded(store, event(1), event(2, about="b"))
    later = delivery(two, due_at=NOW + DAY)
    await store.dispatch("dispatcher", 2, Outgoing(new=(delivery(one), later)))
    assert await store.next_due("ops") == NOW
    assert await store.next_due("ops", NOW) == NOW + DAY
    assert await store.next_due("ops", NOW + DAY) is None


async def test_the_oldest_that_waits_is_told_of_each_receiver(store):
    """What is done, dead or held does not wait, and neither does what is for another receiver."""
    events = await recorded(store, *(event(number, about=str(number)) for number in range(1, 6)))
    statuses = (DeliveryStatus.HELD, DeliveryStatus.DEAD, DeliveryStatus.DONE)
    new = [
        replace(delivery(each), created_at=NOW - (9 - at) * DAY, status=status)
        for at, (each, status) in enumerate(zip(events, statuses, strict=False))
    ]
    new += [replace(delivery(events[3]), created_at=NOW - DAY), delivery(events[4])]
    await store.dispatch("dispatcher", 5, Outgoing(new=tuple(new)))
    assert await store.oldest_waiting() == {"ops": NOW - DAY}


async def test_silences_are_kept_until_they_are_long_over(store):
    """Read by their end, replaced by their id, dropped with the retention."""
    first, second = (
        Silence(
            id=name,
            matcher=Matcher(providers=("openai",), impacts=frozenset({Impact.MINOR})),
            starts_at=NOW + start * DAY,
            ends_at=NOW + end * DAY,
            author="ann",
            comment="we know",
            created_at=NOW,
        )
        for name, start, end in (("b", 0, 2), ("a", 1, 3))
    )
    await store.add_silence(second)
    await store.add_silence(first)
    assert await store.silences() == (first, second)
    assert await store.silences(NOW + 2 * DAY) == (second,)
    ended = replace(second, ends_at=NOW + DAY)
    await store.add_silence(ended)
    assert await store.silences() == (first, ended)
    await store.prune(NOW + 2 * DAY)
    assert await store.silences() == (first,)


async def test_a_receiver_that_wanted_no_more_can_be_told_again(store):
    """Somebody mended it."""
    await store.disable("ops", ATTEMPT)
    await store.enable("ops")
    await store.enable("dev")
    assert not await store.disabled()


async def test_pruning_never_passes_a_held_delivery(store):
    """Its event is needed when its time has come."""
    one, two = await recorded(
        store, event(1, observed_at=NOW - DAY), event(2, observed_at=NOW - DAY)
    )
    held = delivery(two, status=DeliveryStatus.HELD, due_at=NOW + DAY)
    await store.dispatch("dispatcher", 2, Outgoing(new=(held,)))
    assert await store.prune(NOW) == 1
    assert await store.due_held(NOW + DAY) == ((held, two),)
