"""What a dashboard and an API ask of a store, over every kind of it."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.events import ComponentFacts, IncidentComponent, UpdateFacts
from bellbuoy.model.delivery import DeliveryStatus, Occasion
from bellbuoy.model.facts import ComponentStatus, IncidentKind, IncidentStatus, Provider
from bellbuoy.model.known import Known
from bellbuoy.stores import Outgoing
from bellbuoy.stores.retention import began_at
from tests.stores.conftest import UNPOOLED
from tests.stores.samples import (
    DAY,
    NOW,
    component,
    delivery,
    event,
    events_of,
    incident,
    known,
    page,
    texts,
    untold,
    update,
    visit,
)

PAGE = page().key
OTHER = page("https://status.other.example")
PLANNED = IncidentKind.MAINTENANCE
over_one_store = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def seqs(found) -> list[int]:
    """The places in the log of what was found."""
    return [each.seq for each in found]


def names(found) -> list[str]:
    """The keys of the incidents found."""
    return [each.key for _, each in found]


async def found(store, words: str) -> list[int]:
    """The places in the log of the events in which these words stand."""
    return seqs(await store.search_events(words))


def over(key: str, days: int, **more):
    """An incident that ended so many days ago."""
    return incident(key, status=IncidentStatus.RESOLVED, resolved_at=NOW - days * DAY, **more)


async def test_an_empty_store_answers_every_question_with_nothing(store):
    """And without an error."""
    assert await store.latest_events() == ()
    assert await store.search_events("api") == ()
    assert await store.find_event("unknown") is None
    assert await store.incident(PAGE, "i1") is None
    assert await store.incidents() == ()
    assert await store.all_components() == {}
    assert await store.oldest_waiting() == {}


async def test_the_latest_events_come_newest_first_and_page_by_page(store):
    """Each page of results goes on where the last one ended, until nothing is left."""
    await store.append([event(n, of=OTHER if n % 2 else page()) for n in range(1, 8)])
    assert seqs(await store.latest_events(limit=3)) == [7, 6, 5]
    assert seqs(await store.latest_events(before=5, limit=3)) == [4, 3, 2]
    assert seqs(await store.latest_events(before=2, limit=3)) == [1]
    assert await store.latest_events(before=1) == ()
    assert seqs(await store.latest_events(page=PAGE)) == [6, 4, 2]
    assert seqs(await store.latest_events(page=OTHER.key, before=5, limit=1)) == [3]
    assert await store.latest_events(page="https://unknown.example") == ()
    assert await store.latest_events(limit=3) == tuple(reversed(await store.read_events(after=4)))


async def test_an_event_is_found_by_its_id(store):
    """As it was recorded; one that was dropped is not found any more."""
    one, two = await store.append([event(1), event(2, observed_at=NOW + DAY)])
    assert await store.find_event(two.id) == two
    assert await store.find_event(one.id) == one
    await store.prune(NOW + DAY)
    assert await store.find_event(one.id) is None


async def test_words_are_looked_for_in_everything_a_person_reads(store):
    """Title, update, components, provider and reason; nothing else of an event."""
    about = event(1, title="Elevated errors").incident
    named = replace(about, components=(IncidentComponent(id="c9", name="Conversations"),))
    said = UpdateFacts(
        id="u1",
        status=IncidentStatus.IDENTIFIED,
        status_raw="Identified",
        body="A deploy is the cause.",
        at=NOW,
    )
    part = ComponentFacts(
        id="c1",
        name="Dashboard",
        group=None,
        region=None,
        status=ComponentStatus.DEGRADED,
        status_raw="",
    )
    await store.append(
        [
            replace(event(1), incident=named, update=said),
            replace(event(2, about=None), component=part, reason="refused"),
            replace(event(3, about=None), provider=Provider(slug="zyx", name="Globex")),
        ]
    )
    assert await found(store, "elevated") == [1]
    assert await found(store, "deploy") == [1]
    assert await found(store, "conversations") == [1]
    assert await found(store, "dashboard") == [2]
    assert await found(store, "refused") == [2]
    assert await found(store, "globex") == [3]
    assert await found(store, "acme") == [2, 1]
    for elsewhere in ("c9", "u1", "zyx", "https", "example", "investigating"):
        assert await found(store, elsewhere) == []


async def test_every_word_must_stand_and_the_last_may_be_a_beginning(store):
    """In any order; a beginning of a word before the last is no word."""
    await store.append(
        [event(1, title="Errors in the API"), event(2, title="API keys"), event(3, title="Errors")]
    )
    assert await found(store, "api") == [2, 1]
    assert await found(store, "api errors") == await found(store, "Errors api") == [1]
    assert await found(store, "api err") == [1]
    assert await found(store, "err api") == []
    assert await found(store, "api err api") == []
    assert await found(store, "rrors") == []
    assert await found(store, "api nothing") == []


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Störung in Zürich", "STORUNG zurich"),
        ("Storung in Zurich", "störung zürich"),
        ("Panne à Montréal", "montre\u0301al"),
        ("İstanbul", "istanbul"),
        ("Straße gesperrt", "STRASSE"),
        ("ﬁle storage", "FILE"),
        ("\uff21\uff30\uff29 down", "api"),
        ("Ошибка входа", "ОШИБКА"),
        ("障害のお知らせ", "障害"),
        ("v2.14.0-rc_1 is out", "v2.14.0 rc 1"),
        ("it's down", "it’s"),
        ("x" * 5000, "x" * 4000),
    ],
    ids=lambda value: value[:12],
)
async def test_case_accents_and_punctuation_do_not_count(store, title, asked):
    """Neither in what was said nor in what is asked."""
    await store.append([event(1, title=title), event(2, title="Nothing of it")])
    assert await found(store, asked) == [1]


@pytest.mark.parametrize(
    "typed",
    [
        'api" OR "errors',
        "api AND errors",
        "api NOT errors",
        "NEAR(api errors)",
        "title: api",
        "words:api",
        "api*",
        "^api",
        "-api",
        "(api",
        "{api}",
        "'api'; --",
        "api\0",
        "\ud800 api",
        "api " * 3000,
    ],
    ids=lambda value: ascii(value)[:16],
)
async def test_nothing_that_a_person_types_is_an_operator(store, typed):
    """Words that mean something to a database are words, and other marks are nothing."""
    await store.append([event(1, title="The API"), event(2, title="errors and more")])
    words = [
        word for word in ("or", "and", "not", "near", "title", "words") if word in typed.lower()
    ]
    assert await found(store, typed) == ([] if words or "errors" in typed else [1])


@pytest.mark.parametrize("nothing", ["", "   ", '"', "* - ()", "\0", "…"], ids=ascii)
async def test_a_text_without_a_word_finds_nothing(store, nothing):
    """Whoever asked for nothing is shown nothing."""
    await store.append([event(1)])
    assert await store.search_events(nothing) == ()


@pytest.mark.parametrize("address", UNPOOLED, indirect=True)
@over_one_store
@given(title=st.text(max_size=40), typed=st.text(max_size=40), data=st.data())
async def test_any_text_may_be_searched_for_and_every_event_is_found_by_its_own(
    store, title, typed, data
):
    """Whatever it is: no error, and whoever asks for a title finds the event."""
    about = f"incident {await store.last_seq()}"
    new = replace(data.draw(events_of(about)), reason=data.draw(st.none() | texts))
    new = replace(new, incident=replace(new.incident, title=title))
    for recorded in await store.append([new]):
        mine = await store.search_events(f"{title} acme", limit=500)
        assert recorded.seq in seqs(mine)
    await store.search_events(typed)


async def test_what_was_found_comes_newest_first_and_page_by_page(store):
    """Each page of results goes on where the last one ended."""
    await store.append([event(n, title="API" if n % 2 else "Website") for n in range(1, 10)])
    assert seqs(await store.search_events("api", limit=2)) == [9, 7]
    assert seqs(await store.search_events("api", before=7, limit=2)) == [5, 3]
    assert seqs(await store.search_events("ap", before=3)) == [1]


async def test_an_event_that_leaves_the_log_is_not_found(store):
    """Its words go with it, and those of the others stay."""
    await store.append([event(n, title=f"API {n}", observed_at=NOW + n * DAY) for n in range(1, 4)])
    assert await store.prune(NOW + 3 * DAY) == 2
    assert await found(store, "api") == [3]
    assert await found(store, "1") == []
    await store.append([event(9, title="API 9")])
    assert await found(store, "api") == [4, 3]
    assert await store.check() == ()


async def test_an_incident_is_found_with_its_updates(store):
    """Open or over, by its page and our key of it."""
    await store.commit(visit(None, known(incident("i1"), over("i2", 1))))
    assert await store.incident(PAGE, "i1") == incident("i1")
    assert await store.incident(PAGE, "i2") == over("i2", 1)
    assert await store.incident(PAGE, "i3") is None
    assert await store.incident(OTHER.key, "i1") is None


async def test_an_incident_began_when_its_vendor_says_or_else_when_somebody_knew(store):
    """By its start, its first update, or when we saw it; and lists can be gone through by that."""
    nobody = replace(update(1), at=None)
    cases = {
        "started": incident("started", started_at=NOW - 3 * DAY),
        "updated": incident(
            "updated", updates=(nobody, replace(nobody, id="u2", at=NOW - 2 * DAY))
        ),
        "seen": incident("seen", updates=(nobody,), first_seen_at=NOW - DAY),
        "unknown": incident("unknown", updates=(), first_seen_at=None),
    }
    await store.commit(visit(None, known(*cases.values())))
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    wanted = [("seen", NOW - DAY), ("updated", NOW - 2 * DAY)]
    wanted += [("started", NOW - 3 * DAY), ("unknown", long_ago)]
    listed = await store.incidents()
    assert [(each.key, began_at(each)) for _, each in listed] == wanted
    assert [began_at(cases[key]) for key, _ in wanted] == [at for _, at in wanted]
    assert all(each.updates == () for _, each in listed)
    assert [each.started_at for _, each in listed] == [None, NOW - 2 * DAY, NOW - 3 * DAY, None]


async def test_a_list_follows_what_is_known_of_an_incident(store):
    """A start that is corrected, a kind that changes, an end, a page that is forgotten."""
    first = known(incident("i1", started_at=NOW), incident("i2", started_at=NOW - DAY))
    await store.commit(visit(None, first))
    assert names(await store.incidents()) == ["i1", "i2"]
    moved = over("i1", 1, started_at=NOW - 2 * DAY, kind=PLANNED)
    second = known(moved, incident("i2", started_at=NOW - DAY))
    await store.commit(visit(first, second))
    assert names(await store.incidents()) == ["i2", "i1"]
    assert names(await store.incidents(kind=PLANNED)) == ["i1"]
    assert names(await store.incidents(since=NOW - DAY)) == ["i2"]
    await store.forget_pages([], untold)
    assert await store.incidents() == ()


async def test_incidents_are_chosen_by_page_kind_and_end(store):
    """Each by itself, and together."""
    mine = known(
        incident("open", started_at=NOW - 9 * DAY),
        incident("planned", started_at=NOW + DAY, kind=PLANNED),
        over("recent", 1, started_at=NOW - 2 * DAY),
        over("old", 5, started_at=NOW - 6 * DAY),
    )
    await store.commit(visit(None, mine))
    theirs = known(over("theirs", 1, started_at=NOW - DAY), page_key=OTHER.key)
    await store.commit(visit(None, theirs, of=OTHER))

    async def listed(**chosen):
        return names(await store.incidents(**chosen))

    assert await listed() == ["planned", "theirs", "recent", "old", "open"]
    assert await listed(limit=2) == ["planned", "theirs"]
    assert await listed(kind=PLANNED) == ["planned"]
    assert await listed(kind=IncidentKind.INCIDENT) == ["theirs", "recent", "old", "open"]
    assert await listed(since=NOW - 3 * DAY) == ["planned", "theirs", "recent", "open"]
    assert await listed(since=NOW - DAY) == ["planned", "open"]
    assert await listed(page_keys=[OTHER.key]) == ["theirs"]
    assert await listed(page_keys=[OTHER.key, PAGE], limit=3) == ["planned", "theirs", "recent"]
    assert await listed(page_keys=[]) == []
    crowd = [f"https://{n}.example" for n in range(1100)]
    assert await listed(page_keys=[*crowd, OTHER.key, PAGE], since=NOW - 3 * DAY, limit=3) == [
        "planned",
        "theirs",
        "recent",
    ]
    only = await store.incidents(
        page_keys=[PAGE], kind=IncidentKind.INCIDENT, since=NOW - 3 * DAY, limit=1
    )
    assert only == ((PAGE, replace(over("recent", 1, started_at=NOW - 2 * DAY), updates=())),)


@pytest.mark.parametrize("chosen", ["all", "kind", "since", "pages"])
async def test_pages_of_incidents_never_repeat_and_never_miss(store, chosen):
    """Also when many began at the very same time, on several pages."""
    for of in (page(), OTHER, page("https://third.example")):
        some = [incident(f"i{n}", started_at=NOW - n // 4 * DAY) for n in range(12)]
        await store.commit(visit(None, known(*some, page_key=of.key), of=of))
    choice = {
        "all": {},
        "kind": {"kind": IncidentKind.INCIDENT},
        "since": {"since": NOW},
        "pages": {"page_keys": [PAGE, OTHER.key, "https://third.example"]},
    }[chosen]
    whole = await store.incidents(**choice)
    places = [(began_at(each), key, each.key) for key, each in whole]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == 36
    gathered, before = [], None
    while some := await store.incidents(**choice, before=before, limit=5):
        gathered += some
        assert len(gathered) <= len(whole)
        key, last = some[-1]
        before = (began_at(last), key, last.key)
    assert tuple(gathered) == whole


async def test_all_components_are_read_at_once(store):
    """By the key of their page; a page without any is absent."""
    two = {"c1": component(), "c2": component("c2")}
    await store.commit(visit(None, known(components=two)))
    await store.commit(visit(None, known(page_key=OTHER.key, components={}), of=OTHER))
    third = page("https://third.example")
    await store.commit(visit(None, known(page_key=third.key), of=third))
    assert await store.all_components() == {
        PAGE: (component(), component("c2")),
        third.key: (component(),),
    }
    await store.commit(visit(known(components=two), known(components={})))
    assert PAGE not in await store.all_components()


@pytest.mark.parametrize("chosen", ["all", "receiver", "status", "both", "event"])
async def test_pages_of_deliveries_never_repeat_and_never_miss(store, chosen):
    """Also when one event went to many receivers, and to one of them for several reasons."""
    events = await store.append([event(n, about=f"i{n}") for n in range(4)])
    every = [delivery(each, to) for each in events for to in ("ops", "dev")]
    reminders = [
        delivery(each, id=f"{each.id}/ops/{n}", occasion=Occasion.REMINDER)
        for each in events
        for n in range(2)
    ]
    await store.dispatch("dispatcher", 4, Outgoing(new=(*every, *reminders)))
    await store.settle(*(replace(each, status=DeliveryStatus.DONE) for each in every[::3]))
    choice = {
        "all": {},
        "receiver": {"receiver": "ops"},
        "status": {"status": DeliveryStatus.WAITING},
        "both": {"receiver": "ops", "status": DeliveryStatus.WAITING},
        "event": {"event_id": events[1].id},
    }[chosen]
    whole = await store.deliveries(**choice)
    assert len(whole) > 3
    places = [(-each.seq, each.receiver, each.id) for each in whole]
    assert places == sorted(places)
    gathered, before = [], None
    while some := await store.deliveries(**choice, before=before, limit=2):
        gathered += some
        assert len(gathered) <= len(whole)
        before = (some[-1].seq, some[-1].receiver, some[-1].id)
    assert tuple(gathered) == whole


async def test_the_oldest_waiting_delivery_of_each_receiver_is_told(store):
    """By when it was made; who has none that waits is absent."""
    one, two = await store.append([event(1), event(2)])
    later, earlier = delivery(one, created_at=NOW + DAY), delivery(two, created_at=NOW)
    done = delivery(one, "dev", status=DeliveryStatus.DONE)
    held = delivery(two, "dev", status=DeliveryStatus.HELD)
    await store.dispatch("dispatcher", 2, Outgoing(new=(later, earlier, done, held)))
    assert await store.oldest_waiting() == {"ops": NOW}
    await store.settle(replace(earlier, status=DeliveryStatus.DEAD))
    assert await store.oldest_waiting() == {"ops": NOW + DAY}
    await store.settle(replace(later, status=DeliveryStatus.DONE))
    assert await store.oldest_waiting() == {}


async def test_who_was_told_of_a_lane_is_forgotten_with_its_last_event(store):
    """Not while it is open, nor while a delivery leads to it, nor with the event of another."""
    told = {}
    for name, at in (("over", 1), ("open", 1), ("led", 1), ("led", 5), ("other", 5)):
        (one,) = await store.append([event(at, about=name, observed_at=NOW + at * DAY)])
        told[name] = one.lane
        new = (delivery(one, status=DeliveryStatus.DONE),)
        await store.dispatch("d", one.seq, Outgoing(new=new, told=(("ops", one.lane, "r"),)))
    await store.commit(visit(None, known(incident("open"), over("over", 0))))
    assert await store.prune(NOW + 2 * DAY) == 3
    kept = await store.standings(["ops"], told.values())
    assert {lane for _, lane in kept} == {told["open"], told["led"], told["other"]}
    gone = known(over("over", 0))
    await store.commit(visit(known(incident("open"), over("over", 0)), gone))
    (last,) = await store.append([event(9, about="open", observed_at=NOW + 2 * DAY)])
    await store.write_cursor("d", last.seq)
    assert await store.prune(NOW + 3 * DAY) == 1
    kept = await store.standings(["ops"], told.values())
    assert {lane for _, lane in kept} == {told["led"], told["other"]}
    assert await store.load_known(PAGE) != Known(page_key=PAGE)
