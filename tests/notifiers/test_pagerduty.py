"""PagerDuty calls somebody when something begins, and never because it ended."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from bellbuoy.errors import DelayedError, DisabledError, RefusedError
from bellbuoy.events import EventKind, Phase
from bellbuoy.exchange import Response
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.model.delivery import Occasion, Service
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.notifiers import Digest, pagerduty
from bellbuoy.notifiers._wording import AFTER_GAP, REPEAT
from bellbuoy.notifiers.pagerduty import NO_CHANGE_EVENTS
from bellbuoy.testing.events import sample_events
from tests.event_samples import (
    AT,
    OPENAI,
    component_event,
    incident_event,
    message,
    monitor_event,
    page_event,
)
from tests.notifiers import goldens
from tests.notifiers.fakes import Trouble
from tests.notifiers.fakes.pagerduty import MAX_BODY, PagerDutyFake, is_link

KEY = "e93facc04764012d7bfb002500d5d1a6"
SETTINGS = pagerduty.Settings(routing_key=KEY)
TAKEN = Response(url="", status=202, body=b'{"status": "success", "message": "Event processed"}')

OPENED = incident_event()
UPDATED = incident_event(EventKind.INCIDENT_UPDATED, update="u2", body="Found.")
RESOLVED = incident_event(
    EventKind.INCIDENT_RESOLVED, update="u3", status=IncidentStatus.RESOLVED, body="Over."
)
REOPENED = incident_event(EventKind.INCIDENT_REOPENED, update="u4", body="Again.")
RAISED = incident_event(
    EventKind.INCIDENT_CHANGED,
    update=None,
    impact=Impact.CRITICAL,
    changes={"impact": (Impact.MAJOR, Impact.CRITICAL)},
)


def sent(event, settings=SETTINGS, **delivery):
    """What is sent for one event: the path, and the body."""
    request = next(pagerduty.notify(message(event, **delivery), settings))
    return request.url.removeprefix(settings.base_url), json.loads(request.body)


def answered(response, event=OPENED):
    """What comes of an answer: the receipt, or what is raised."""
    exchange = pagerduty.notify(message(event), SETTINGS)
    next(exchange)
    with pytest.raises(StopIteration) as ended:
        exchange.send(response)
    return ended.value.value


def many(*messages, **rest):
    """Messages that become one."""
    return Digest(id="d1", messages=messages, sent_at=int(AT.timestamp()), **rest)


def played(exchange, answer=TAKEN):
    """The bodies of all requests of an exchange, each answered the same, and its receipt."""
    bodies = []
    try:
        request = next(exchange)
        while True:
            bodies.append(json.loads(request.body))
            request = exchange.send(answer)
    except StopIteration as end:
        return bodies, end.value


async def told(*events):
    """A pretend PagerDuty after these events, each sent over a real socket."""
    async with PagerDutyFake() as fake, Driver(HttpSettings()) as driver:
        settings = pagerduty.Settings.model_validate(fake.settings())
        for event in events:
            await driver.send(pagerduty.notify(message(event), settings), timeout=5)
        assert fake.complaints == []
        return fake


async def test_a_life_is_one_alert():
    """Opening, update and change add to one alert, the end closes it."""
    fake = await told(OPENED, UPDATED, RAISED)
    assert [len(alert["log"]) for alert in fake.alerts] == [3]
    assert len(fake.open_alerts()) == 1
    fake = await told(OPENED, UPDATED, RAISED, RESOLVED)
    assert (len(fake.alerts), fake.open_alerts()) == (1, [])


async def test_c6_what_begins_again_calls_again():
    """After the end, a reopening is a new alert with the same key."""
    fake = await told(OPENED, RESOLVED, REOPENED)
    assert len(fake.alerts) == 2
    assert fake.open_alerts() == [fake.alerts[0]["key"]]


@pytest.mark.parametrize("correction", ["an edit", "a change", "a post-mortem"])
async def test_a_correction_after_the_end_calls_nobody(correction):
    """The root cause is often written into the closing update hours later."""
    over = {"status": IncidentStatus.RESOLVED}
    fake = await told(
        OPENED,
        RESOLVED,
        {
            "an edit": incident_event(EventKind.INCIDENT_EDITED, closing=True, **over),
            "a change": incident_event(EventKind.INCIDENT_CHANGED, update=None, **over),
            "a post-mortem": incident_event(
                EventKind.INCIDENT_UPDATED, status=IncidentStatus.POSTMORTEM, closing=True
            ),
        }[correction],
    )
    assert (len(fake.alerts), fake.open_alerts()) == (1, [])
    assert fake.changes == []


def test_a_raised_impact_is_a_trigger_with_the_new_severity():
    """It is the next entry of the same alert."""
    before, after = sent(OPENED)[1], sent(RAISED)[1]
    assert before["dedup_key"] == after["dedup_key"]
    assert before["payload"]["severity"] == "error"
    assert (after["event_action"], after["payload"]["severity"]) == ("trigger", "critical")
    assert after["payload"]["custom_details"]["Changed"] == "impact major -> critical"


async def test_planned_work_and_notices_without_an_end_call_nobody_and_leave_nothing_open():
    """They are change events, shown beside the alerts of the service."""
    planned = [incident_event(kind) for kind in EventKind if kind.family == "maintenance"]
    notices = [page_event(EventKind.PAGE_MOVED), page_event(EventKind.PAGE_GAP)]
    fake = await told(*planned, *notices)
    assert fake.alerts == []
    assert len(fake.changes) == len(planned) + 2


async def test_c7_what_was_over_before_it_was_seen_calls_nobody():
    """A route with `late: true` shows it as changes; its end opens and closes nothing."""
    fake = await told(replace(OPENED, late=True), replace(RESOLVED, late=True))
    assert (fake.alerts, len(fake.changes)) == ([], 1)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (page_event(reason="blocked"), page_event(EventKind.PAGE_READABLE)),
        (monitor_event(EventKind.MONITOR_OFFLINE), monitor_event(EventKind.MONITOR_ONLINE)),
        (component_event(), None),
    ],
    ids=["a page", "the monitor", "a component"],
)
async def test_whatever_begins_is_an_alert_until_it_ends(begins, ends):
    """An unreadable page, our own way out, and a component with no incident."""
    facts = begins.component
    ends = ends or replace(
        begins,
        component=replace(facts, status=ComponentStatus.OPERATIONAL),
        changes={"status": (facts.status, ComponentStatus.OPERATIONAL)},
    )
    assert (begins.phase, ends.phase) == (Phase.BEGINS, Phase.ENDS)
    assert len((await told(begins)).open_alerts()) == 1
    fake = await told(begins, ends)
    assert (len(fake.alerts), fake.open_alerts()) == (1, [])


@pytest.mark.parametrize(
    ("impact", "severity"),
    [("critical", "critical"), ("major", "error"), ("minor", "info"), ("none", "info"),
     ("unknown", "critical")],
)  # fmt: skip
def test_severities_that_the_config_leaves_out_stay(impact, severity):
    """Two of five are said, the others are as they were."""
    settings = pagerduty.Settings(
        routing_key=KEY, severities={"minor": "info", "unknown": "critical"}
    )
    _, body = sent(incident_event(impact=Impact(impact)), settings)
    assert body["payload"]["severity"] == severity


def test_the_severity_of_a_component_is_that_of_its_status():
    """A partial outage weighs as much as a major incident."""
    assert sent(component_event())[1]["payload"]["severity"] == "error"


def test_a_key_is_one_per_lane_and_never_too_long():
    """Another incident has another key; one too long for PagerDuty is a hash of it."""
    keys = [
        sent(incident_event(incident=incident))[1]["dedup_key"]
        for incident in ("a", "b", "x" * 300, "x" * 299 + "y", "a")
    ]
    assert keys[0] == keys[4] == "bellbuoy https://status.openai.com a"
    assert len(set(keys)) == 4
    assert max(map(len, keys)) <= 255


def test_a_key_of_an_orchestration_takes_alerts_but_no_change_events():
    """Those keys begin with R; the receipt says that nothing was sent, and why."""
    settings = pagerduty.Settings(routing_key="R" + KEY[1:])
    assert sent(OPENED, settings)[0] == "/v2/enqueue"
    moved = page_event(EventKind.PAGE_MOVED)
    bodies, receipt = played(pagerduty.notify(message(moved), settings))
    assert (bodies, receipt.detail) == ([], NO_CHANGE_EVENTS)


def test_who_needs_it_and_what_to_do_stand_in_the_alert():
    """The services of one's own, whose they are, and the runbook as a link."""
    shop = Service(name="Shop", owner="web", runbook="https://wiki.example/shop")
    other = Service(name="Desk", runbook="ask the desk")
    request = next(
        pagerduty.notify(replace(message(OPENED, after_gap=True), services=(shop, other)), SETTINGS)
    )
    body = json.loads(request.body)
    details = body["payload"]["custom_details"]
    assert details["Needed by"] == "Shop (web)\nDesk"
    assert details["Runbook"] == "https://wiki.example/shop\nask the desk"
    assert details["Note"] == AFTER_GAP
    assert [link["text"] for link in body["links"]] == ["Status page", "Runbook: Shop"]


def test_a_reminder_says_so_and_triggers():
    """If somebody closed the alert by hand while it goes on, it is opened again."""
    _, body = sent(OPENED, occasion=Occasion.REMINDER)
    assert body["event_action"] == "trigger"
    assert body["payload"]["summary"].endswith("Investigating -- Reminder: still open")


def test_n2_a_digest_tells_only_how_things_stand_at_its_end():
    """Still open, closed, and nothing of what came and went; every event of each is named."""
    other, brief = incident_event(incident="i2"), incident_event(incident="i3")
    over = incident_event(
        EventKind.INCIDENT_RESOLVED, incident="i3", status=IncidentStatus.RESOLVED
    )
    moved = page_event(EventKind.PAGE_MOVED)
    told = [OPENED, brief, UPDATED, moved, over, other, RAISED]
    bodies, receipt = played(pagerduty.digest(many(*map(message, told)), SETTINGS))
    assert receipt.detail == "3 events"
    first, notice, second = bodies
    assert first["payload"]["severity"] == "critical"
    assert first["payload"]["custom_details"]["Events"] == [OPENED.id, UPDATED.id, RAISED.id]
    assert notice["payload"]["custom_details"]["Events"] == [moved.id]
    assert second["event_action"] == "trigger"
    bodies, _ = played(pagerduty.digest(many(message(UPDATED), message(RESOLVED)), SETTINGS))
    assert [body["event_action"] for body in bodies] == ["resolve"]


async def test_n3_one_refused_event_of_a_digest_does_not_hold_up_the_others():
    """The others are told, and then the refusal is."""
    events = [incident_event(incident=f"i{n}", title=f"Trouble {n}") for n in range(3)]
    async with PagerDutyFake() as fake, Driver(HttpSettings()) as driver:
        settings = pagerduty.Settings.model_validate(fake.settings())
        fake.poison = "Trouble 1"
        with pytest.raises(RefusedError, match=r"payload\.severity"):
            await driver.send(pagerduty.digest(many(*map(message, events)), settings), timeout=5)
        assert len(fake.open_alerts()) == 2
        fake.poison = ""
        fake.next(Trouble.BUSY)
        with pytest.raises(DelayedError):
            await driver.send(pagerduty.digest(many(*map(message, events)), settings), timeout=5)
        assert len(fake.heard) == 2


def test_a_receiver_that_wants_no_more_ends_a_digest_at_once():
    """A 410 is no refusal of one event."""
    exchange = pagerduty.digest(many(message(OPENED), message(component_event())), SETTINGS)
    next(exchange)
    with pytest.raises(DisabledError):
        exchange.send(Response(url="", status=410))


def test_n4_a_repeat_is_marked_in_the_log_of_the_alert():
    """The key keeps it one alert, but its log has the event twice."""
    for _, body in (sent(OPENED, repeat=True), sent(page_event(EventKind.PAGE_GAP), repeat=True)):
        assert body["payload"]["custom_details"]["Note"] == REPEAT
    twice = many(message(OPENED), message(UPDATED), repeat=True)
    (body,), _ = played(pagerduty.digest(twice, SETTINGS))
    assert body["payload"]["custom_details"]["Note"] == REPEAT


def test_a_refusal_says_what_pagerduty_says_without_the_key():
    """On one line, and cut."""
    errors = [f"'payload' of {KEY}\n\x1b[31m is invalid", "x" * 900]
    said = json.dumps({"status": "invalid event", "errors": errors}).encode()
    with pytest.raises(RefusedError) as caught:
        answered(Response(url="", status=400, body=said))
    assert caught.value.detail.startswith("HTTP 400: 'payload' of (secret) [31m is")
    assert len(caught.value.detail) <= 300


def test_a_wrong_key_can_be_mended_while_we_retry():
    """It is about the config and not about this event, so the event is not dead."""
    said = {"status": "invalid event", "errors": ["Length of 'routing_key' is incorrect"]}
    with pytest.raises(DelayedError, match="routing_key"):
        answered(Response(url="", status=400, body=json.dumps(said).encode()))


@pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", b"[]", b'{"status": 5}', b"\xff"])
def test_n5_a_success_that_is_not_pagerdutys_is_none(body):
    """A proxy's page is tried again; `success` is the word."""
    with pytest.raises(DelayedError, match="not that of PagerDuty"):
        answered(Response(url="", status=200, body=body))
    assert answered(TAKEN).detail == "trigger"


def hostile(text, name, link):
    """Events that hold these texts wherever a vendor may write."""
    rest = {"title": text, "body": text, "components": (name, text), "group": name}
    changes = {"title": (text, name), "components": (name, text)}
    for kind in (EventKind.INCIDENT_OPENED, EventKind.INCIDENT_RESOLVED):
        event = incident_event(kind, provider=replace(OPENAI, name=name), changes=changes, **rest)
        yield replace(event, incident=replace(event.incident, url=link))
    yield incident_event(EventKind.MAINTENANCE_SCHEDULED, **rest)
    yield component_event(name, group=text)
    yield page_event(EventKind.PAGE_MOVED, reason=text)


@given(text=st.text(), name=st.text(min_size=1), link=st.text())
def test_j1_j5_j7_a_vendors_text_stays_text(text, name, link):
    """It is in no header and no address, every link is http, and no limit is passed."""
    for event in hostile(text, name, link):
        request = next(pagerduty.notify(message(event), SETTINGS))
        assert request.url.startswith("https://events.pagerduty.com/v2/")
        assert dict(request.headers) == {"Content-Type": "application/json"}
        body = json.loads(request.body)
        assert 0 < len(body["payload"]["summary"]) <= 1024
        assert "\n" not in body["payload"]["summary"]
        assert all(is_link(one["href"]) for one in body.get("links", []))
        assert is_link(body.get("client_url", "https://none.example"))


def test_the_largest_event_is_below_the_largest_that_is_taken():
    """Texts at their limits, hundreds of components that changed, in a script of four bytes."""
    wide = "𝄞" * 300
    changes = {"components": (", ".join([wide] * 500), ", ".join([wide] * 500))}
    large = incident_event(
        title=wide, body="𝄞\n" * 8_000, components=(wide,) * 500, changes=changes, update="u"
    )
    shops = tuple(Service(name=wide, owner=wide) for _ in range(100))
    for event in (large, *sample_events()):
        request = next(pagerduty.notify(replace(message(event), services=shops), SETTINGS))
        assert len(request.body) < MAX_BODY


@pytest.mark.parametrize(
    "key", ["", "canary", KEY[:-1], KEY + "0", KEY[:-1] + "-", "é" * 32, KEY[:-1] + "\n"]
)
def test_a_wrong_key_is_one_error_that_does_not_show_it(key):
    """A key of the REST API has 20 characters, and is the usual mistake."""
    with pytest.raises(ValidationError) as caught:
        pagerduty.Settings(routing_key=key)
    [error] = caught.value.errors(include_input=False)
    assert "32 letters and digits" in error["msg"]
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["", "events.pagerduty.com", "ftp://h", "https://a:b@h", "https://h?x=1", "https://h#x",
     "https://h/a b", "https://h:99999", "http://[::"],
)  # fmt: skip
def test_w4_only_http_addresses(address):
    """Other schemes, passwords, and what is no address at all, are refused in the config."""
    with pytest.raises(ValidationError):
        pagerduty.Settings(routing_key=KEY, base_url=address)


def test_the_service_region_of_europe_has_an_address_of_its_own():
    """A slash at its end does not matter."""
    settings = pagerduty.Settings(routing_key=KEY, base_url="https://events.eu.pagerduty.com/")
    assert sent(OPENED, settings)[0] == "/v2/enqueue"


def test_w8_the_key_cannot_be_printed():
    """Whoever has it can call people at night."""
    for shown in (repr(SETTINGS), str(SETTINGS), SETTINGS.model_dump_json()):
        assert KEY not in shown


@pytest.mark.parametrize("name", ["opened", "updated", "resolved", "maintenance", "reminder"])
def test_an_event_reads_as_agreed(name):
    """The golden files hold the body of each request."""
    bodies, _ = played(pagerduty.notify(getattr(goldens, name)(), SETTINGS))
    goldens.kept(f"pagerduty/{name}.json", "".join(map(shown, bodies)))


def test_a_digest_reads_as_agreed():
    """Of two incidents one came and went, so one alert is opened."""
    bodies, _ = played(pagerduty.digest(goldens.digest(), SETTINGS))
    goldens.kept("pagerduty/digest.json", "".join(map(shown, bodies)))


def shown(body):
    """A body as a person reads it."""
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def test_a_time_at_the_edge_of_dates_is_sent():
    """A vendor's year 1 is no reason to call nobody."""
    early = AT - timedelta(days=2025 * 365)
    assert sent(replace(OPENED, at=early))[1]["payload"]["timestamp"].startswith("0002-")
