"""Why somebody was told, or not, over both stores."""

import pytest
from msgspec.structs import replace

from bellbuoy.delivery.explanation import explain, find_incident
from bellbuoy.events import EventKind, PageRef
from bellbuoy.model.delivery import DeliveryStatus, Matcher
from bellbuoy.model.facts import Impact, IncidentStatus
from bellbuoy.routing.matchers import NOWHERE
from bellbuoy.routing.routes import Route
from bellbuoy.stores.opening import open_store
from tests.delivery.scenes import Scene, hook
from tests.event_samples import AT, component_event, incident_event, page_event

OTHER = PageRef(key="https://status.acme.example", url="https://status.acme.example")
BAR = Route(name="bar", to=("web",), when=Matcher(impacts=frozenset({Impact.CRITICAL})))
ALL = Route(name="all", to=("ops",))
HOLD = Route(name="hold", to=("slow",), hold=300)
ROUTES = (ALL, BAR, HOLD)
NAMES = ("ops", "web", "slow")


@pytest.fixture(params=["memory", "sqlite"])
async def it(request, tmp_path):
    """A scene over each store; its clock stands still."""
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/bellbuoy.db"
    async with open_store(url) as store:
        yield Scene(store, clock=lambda: AT)


async def record(it, *events, routes=ROUTES):
    """Events, and what the routes make of them."""
    dispatcher = it.dispatcher(*map(hook, NAMES), routes=routes)
    await dispatcher.begin()
    await it.store.append(events)
    await dispatcher.catch_up()


async def ask(it, text="i1", routes=ROUTES, names=NAMES):
    """The answers for one incident, as (event, receiver, outcome, rule, reason)."""
    (incident,) = await find_incident(it.store, text)
    answers = await explain(it.store, incident, routes, NOWHERE, names)
    return [
        (each.event.kind.value.partition(".")[2], each.receiver, each.outcome, each.rule)
        + ((each.reason,) if each.reason else ())
        for each in answers
    ]


def ended(incident="i1"):
    """Its last event."""
    return incident_event(
        EventKind.INCIDENT_RESOLVED, incident, update="u9", status=IncidentStatus.RESOLVED
    )


async def test_every_receiver_has_an_answer_for_every_event(it):
    """In the order of the log: what waits, what is held, what is below the bar."""
    await record(it, incident_event(), ended())
    assert await ask(it) == [
        ("opened", "ops", "waiting", "all"),
        ("opened", "web", "withheld", "bar", "an impact that was not asked for"),
        ("opened", "slow", "withheld", "hold", "it ended while the route held it back"),
        ("resolved", "ops", "waiting", "all"),
        ("resolved", "web", "withheld", "bar", "an impact that was not asked for"),
        ("resolved", "slow", "withheld", "hold", "it ended while the route held it back"),
    ]


async def test_what_was_written_down_counts_and_not_todays_routes(it):
    """A route that was changed since does not change what happened."""
    await record(it, incident_event())
    today = (Route(name="new", to=("ops",), when=Matcher(providers=("github",))),)
    assert ("opened", "ops", "waiting", "all") in await ask(it, routes=today)


async def test_where_nothing_was_written_todays_routes_answer_and_say_so(it):
    """A kind that nobody asks for, a receiver that is new, and one that no route leads to."""
    await record(it, incident_event(EventKind.MAINTENANCE_SCHEDULED))
    kind = "a kind that was not asked for"
    assert await ask(it, names=("ops", "lonely")) == [
        ("scheduled", "ops", "not asked for", "all", kind),
        ("scheduled", "lonely", "not asked for", "", "no route leads to this receiver"),
    ]
    planned = Route(name="planned", to=("new",), when=Matcher(kinds=("maintenance",)))
    assert await ask(it, routes=(planned,), names=("new",)) == [
        ("scheduled", "new", "not dispatched", "planned", "every condition holds")
    ]


async def test_a_receiver_that_left_the_config_still_has_its_answers(it):
    """They stand behind those of the config."""
    await record(it, incident_event())
    receivers = [answer[1] for answer in await ask(it, names=("web",))]
    assert receivers == ["web", "ops", "slow"]


async def test_what_the_receiver_said_is_told(it):
    """How often it was tried, what came of it, and under which name it keeps the message."""
    await record(it, incident_event())
    (delivery,) = await it.store.deliveries(receiver="ops")
    await it.store.settle(
        replace(delivery, status=DeliveryStatus.DONE, attempts=2, reference="m1", digest="d1")
    )
    (incident,) = await find_incident(it.store, "i1")
    answer = (await explain(it.store, incident, ROUTES, NOWHERE, NAMES))[0]
    assert (answer.outcome, answer.attempts) == ("sent", 2)
    assert (answer.reference, answer.digest) == ("m1", "d1")
    assert not answer.by_now


@pytest.mark.parametrize(
    "text",
    [
        "i1",
        " i1 ",
        "openai/incidents/i1",
        "https://status.openai.com/incidents/i1",
        "https://status.openai.com/incidents/i1/",
        "DATABASE",
    ],
)
async def test_an_incident_is_found_by_whatever_a_person_has_of_it(text, it):
    """Its id, its subject, its address, or a word of its title in any case."""
    await record(
        it, incident_event(title="Database is slow"), incident_event(incident="i11"), page_event()
    )
    (found,) = await find_incident(it.store, text)
    assert found.incident.id == "i1"


async def test_several_that_fit_are_told_newest_first_and_none_is_none(it):
    """So that the person can name one; each by what it is now."""
    await record(
        it, incident_event(), incident_event(incident="i2"), component_event(), ended("i1")
    )
    found = await find_incident(it.store, "chatgpt")
    assert [(e.incident.id, e.kind.value) for e in found] == [
        ("i1", "incident.resolved"),
        ("i2", "incident.opened"),
    ]
    assert await find_incident(it.store, "no such words") == ()


async def test_two_pages_that_give_one_id_to_two_incidents_are_not_mixed(it):
    """Self-hosted pages count their incidents from 1."""
    acme = replace(incident_event().provider, slug="acme", name="Acme")
    await record(
        it,
        incident_event(incident="1"),
        incident_event(incident="1", page=OTHER, provider=acme, title="Ours"),
    )
    assert len(await find_incident(it.store, "1")) == 2
    (found,) = await find_incident(it.store, "acme/incidents/1")
    answers = await explain(it.store, found, ROUTES, NOWHERE, NAMES)
    assert {answer.event.page.key for answer in answers} == {OTHER.key}


async def test_an_id_with_slashes_is_found(it):
    """Feeds have ids that look like addresses."""
    id = "tag:acme.example,2005:Incident/77"
    await record(it, incident_event(incident=id), incident_event(incident="other"))
    for text in (id, f"openai/incidents/{id}"):
        (found,) = await find_incident(it.store, text)
        assert found.incident.id == id
