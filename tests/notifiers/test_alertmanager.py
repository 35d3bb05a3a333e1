"""An Alertmanager is told what is so, for as long as it is so."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.events import EventKind
from bellbuoy.exchange import Response
from bellbuoy.model.delivery import Occasion, Service
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.notifiers import Digest, Notifiers, alertmanager, renewal
from bellbuoy.notifiers.alertmanager import NOTHING
from tests.event_samples import (
    AT,
    component_event,
    incident_event,
    message,
    monitor_event,
    page_event,
)
from tests.notifiers import goldens
from tests.notifiers.fakes.alertmanager import is_uri

SETTINGS = alertmanager.Settings(url="https://alerts.example/am")
TAKEN = Response(url="", status=200)

OPENED = incident_event(impact=Impact.MINOR)
UPDATED = incident_event(EventKind.INCIDENT_UPDATED, update="u2", impact=Impact.MINOR)
RAISED = incident_event(
    EventKind.INCIDENT_CHANGED,
    update=None,
    impact=Impact.CRITICAL,
    changes={"impact": ("minor", "critical")},
)
RESOLVED = incident_event(
    EventKind.INCIDENT_RESOLVED,
    update="u3",
    status=IncidentStatus.RESOLVED,
    impact=Impact.CRITICAL,
    at=AT - timedelta(minutes=1),
    observed_at=AT,
)


def played(exchange, answer=TAKEN):
    """The alerts that an exchange posts, and its receipt."""
    posted = []
    try:
        request = next(exchange)
        while True:
            posted += json.loads(request.body)
            request = exchange.send(answer)
    except StopIteration as end:
        return posted, end.value


def posted(event, settings=SETTINGS, reference="", **delivery):
    """The alerts of one event."""
    told = replace(message(event, **delivery), reference=reference)
    return played(alertmanager.notify(told, settings))[0]


def firing(alerts, at=AT):
    """The severities with which these alerts fire at an instant."""
    return [one["labels"]["severity"] for one in alerts if instant(one["endsAt"]) > at]


def instant(text):
    """A time of an alert."""
    return datetime.fromisoformat(text)


def identity(alert):
    """What makes an alert this one."""
    return json.dumps(alert["labels"], sort_keys=True)


def test_it_is_a_kind_that_must_be_told_again():
    """The registry finds it by its name; every four minutes unless the config says otherwise."""
    notifier = Notifiers()["alertmanager"]
    assert renewal(notifier, SETTINGS) == 240
    settings = alertmanager.Settings(url="http://a.example", renew_every="90s")
    assert renewal(notifier, settings) == 90
    assert renewal(Notifiers()["console"], None) == 0


def test_an_alert_lasts_three_renewals_or_as_the_config_says():
    """Two renewals may fail before it ends by itself."""
    assert instant(posted(OPENED)[0]["endsAt"]) == AT + timedelta(minutes=12)
    settings = alertmanager.Settings(url="http://a.example", renew_every="1m", ends_after="1h")
    assert instant(posted(OPENED, settings)[0]["endsAt"]) == AT + timedelta(hours=1)


def test_a_life_is_one_alert_that_ends():
    """An update changes what it says and not which it is; the end has the vendor's time."""
    (opened,), (updated,) = posted(OPENED), posted(UPDATED, reference="warning")
    assert identity(opened) == identity(updated)
    assert opened["annotations"] != updated["annotations"]
    (ended,) = posted(replace(RESOLVED, incident=OPENED.incident), reference="warning")
    assert identity(ended) == identity(opened)
    assert instant(ended["endsAt"]) <= AT


def test_a_renewal_says_the_same_for_longer():
    """It is no news for anybody: labels, words and beginning are those of what it renews."""
    (opened,) = posted(OPENED)
    later = replace(message(OPENED, occasion=Occasion.REMINDER), sent_at=int(AT.timestamp()) + 240)
    (renewed,), receipt = played(alertmanager.notify(later, SETTINGS))
    assert renewed == opened | {"endsAt": renewed["endsAt"]}
    assert instant(renewed["endsAt"]) == AT + timedelta(minutes=16)
    assert receipt.reference == "warning"


@pytest.mark.parametrize("reference", ["warning", "", "something of an older version"])
def test_where_the_severity_changes_the_old_alert_ends_as_the_new_one_begins(reference):
    """In one request, so that nobody is told that all is well in between."""
    alerts = posted(RAISED, reference=reference)
    assert [one["labels"]["severity"] for one in alerts] == ["critical", "warning"]
    assert firing(alerts) == ["critical"]
    assert firing(posted(UPDATED, reference="warning")) == ["warning"]


def test_what_never_fired_is_not_ended():
    """A route from `major` on was never told of the minor beginning."""
    alerts = posted(replace(RAISED, kind=EventKind.INCIDENT_OPENED))
    assert [one["labels"]["severity"] for one in alerts] == ["critical"]
    alerts = posted(RESOLVED, reference="warning")
    assert [one["labels"]["severity"] for one in alerts] == ["warning"]
    assert firing(alerts) == []


def test_a_components_severity_is_that_of_its_status():
    """It moves with it, and what ends is what fired before."""
    partial = component_event()
    facts = replace(partial.component, status=ComponentStatus.OPERATIONAL)
    changes = {"status": (ComponentStatus.DEGRADED, ComponentStatus.OPERATIONAL)}
    ended = posted(replace(partial, component=facts, changes=changes))
    assert firing(posted(partial)) == ["critical"]
    assert [one["labels"]["severity"] for one in ended] == ["warning"]
    assert firing(ended) == []


@pytest.mark.parametrize("status", [IncidentStatus.RESOLVED, IncidentStatus.POSTMORTEM])
def test_a_correction_after_the_end_fires_nothing(status):
    """A title or an impact that is put right later is no new trouble."""
    changed = incident_event(EventKind.INCIDENT_CHANGED, update=None, status=status)
    assert firing(posted(changed)) == []


@pytest.mark.parametrize(
    ("begins", "ends", "name"),
    [
        (page_event(reason="cut"), page_event(EventKind.PAGE_READABLE), "BellbuoyPageUnreadable"),
        (monitor_event(), monitor_event(EventKind.MONITOR_ONLINE), "BellbuoyOffline"),
    ],
    ids=["a page", "the monitor"],
)
def test_our_own_troubles_are_alerts_too(begins, ends, name):
    """An unreadable page, and ourselves without a network."""
    (first,), (last,) = posted(begins), posted(ends)
    assert identity(first) == identity(last)
    assert first["labels"]["alertname"] == name
    assert (firing([first]), firing([last])) == (["warning"], [])


@pytest.mark.parametrize("kind", [EventKind.PAGE_MOVED, EventKind.PAGE_GAP])
def test_a_notice_without_an_end_ends_by_itself(kind):
    """It fires for three renewals, is not renewed, and is no state of the page."""
    (alert,), receipt = played(alertmanager.notify(message(page_event(kind)), SETTINGS))
    assert alert["labels"]["severity"] == "info"
    assert instant(alert["endsAt"]) == AT + timedelta(minutes=12)
    assert receipt.reference == ""


def test_planned_work_fires_from_its_beginning_to_its_end():
    """Not while it is only announced, for weeks; the receipt says that nothing was sent."""
    rest = {"incident": "m1", "impact": Impact.MAJOR}
    ahead = incident_event(EventKind.MAINTENANCE_SCHEDULED, status=IncidentStatus.SCHEDULED, **rest)
    begun = incident_event(EventKind.MAINTENANCE_STARTED, status=IncidentStatus.IN_PROGRESS, **rest)
    over = incident_event(EventKind.MAINTENANCE_COMPLETED, status=IncidentStatus.COMPLETED, **rest)
    nothing, receipt = played(alertmanager.notify(message(ahead), SETTINGS))
    assert (nothing, receipt.detail, receipt.reference) == ([], NOTHING, "")
    assert posted(ahead, occasion=Occasion.REMINDER) == []
    assert firing(posted(begun)) == ["info"]
    assert firing(posted(begun, occasion=Occasion.REMINDER)) == ["info"]
    assert identity(posted(over)[0]) == identity(posted(begun)[0])
    assert firing(posted(over)) == []


@pytest.mark.parametrize(("days", "lasts"), [(2, 2), (400, 30), (-3, 0)])
def test_planned_work_that_is_near_fires_until_it_begins(days, lasts):
    """Where a route asks for that; its beginning is then the same alert, told again."""
    event = incident_event(EventKind.MAINTENANCE_SCHEDULED, status=IncidentStatus.SCHEDULED)
    starts = AT + timedelta(days=days)
    event = replace(event, incident=replace(event.incident, started_at=starts))
    (alert,) = posted(event, occasion=Occasion.AHEAD)
    assert alert["annotations"]["note"].startswith("Begins at")
    assert instant(alert["endsAt"]) == AT + timedelta(days=lasts, minutes=12)


def test_c7_what_was_over_before_it_was_seen_fires_nothing():
    """Not even for a moment."""
    assert posted(replace(OPENED, late=True)) == []
    assert firing(posted(replace(RESOLVED, late=True))) == []


@pytest.mark.parametrize(
    "started_at",
    [None, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), AT],
    ids=["none", "the year 1", "the year 9999", "now"],
)
@pytest.mark.parametrize("event", [OPENED, RESOLVED], ids=["open", "over"])
def test_no_time_of_a_vendor_makes_an_alert_that_is_refused(event, started_at):
    """It begins in the past, and ends after that: one bad alert would cost its whole request."""
    event = replace(event, incident=replace(event.incident, started_at=started_at))
    (alert,) = posted(event)
    begins, ends = instant(alert["startsAt"]), instant(alert["endsAt"])
    assert datetime(1970, 1, 1, tzinfo=UTC) <= begins <= AT
    assert begins <= ends
    assert (ends > AT) is (event.kind is EventKind.INCIDENT_OPENED)


def test_n2_a_digest_is_one_request():
    """Each thing as it stands at its end; what changed its severity ends with the old one."""
    events = [OPENED, incident_event(incident="i2"), RAISED, page_event(EventKind.PAGE_GAP)]
    digest = Digest(id="d", messages=tuple(map(message, events)), sent_at=int(AT.timestamp()))
    exchange = alertmanager.digest(digest, SETTINGS)
    request = next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send(TAKEN)
    assert end.value.value.detail == "3 alerts"
    assert firing(json.loads(request.body)) == ["critical", "critical", "info"]
    late = [replace(OPENED, late=True), replace(UPDATED, late=True)]
    nothing, receipt = played(
        alertmanager.digest(Digest(id="d", messages=tuple(map(message, late)), sent_at=0), SETTINGS)
    )
    assert (nothing, receipt.detail) == ([], NOTHING)


def test_a_digest_ends_what_stood_before_it():
    """The first message knows what was told last."""
    messages = tuple(replace(message(one), reference="warning") for one in (UPDATED, RAISED))
    digest = Digest(id="d", messages=messages, sent_at=int(AT.timestamp()))
    alerts, _ = played(alertmanager.digest(digest, SETTINGS))
    assert [one["labels"]["severity"] for one in alerts] == ["critical", "warning"]
    assert firing(alerts) == ["critical"]


def test_who_needs_it_and_what_to_do_are_annotations():
    """The first runbook that is an address has the name that Prometheus gives it."""
    services = (Service(name="Desk", runbook="ask"), Service(name="Shop", runbook="https://w/s"))
    told = replace(message(OPENED, after_gap=True), services=services)
    (alert,), _ = played(alertmanager.notify(told, SETTINGS))
    said = alert["annotations"]
    assert (said["needed_by"], said["runbook_url"]) == ("Desk\nShop", "https://w/s")
    assert said["runbook"] == "ask\nhttps://w/s"
    assert "could not be delivered" in said["note"]


@given(texts=st.lists(st.text(), min_size=3, max_size=3))
def test_j8_no_text_of_a_vendor_makes_another_series(texts):
    """Ten thousand titles are one alert: its labels come from ids and from the config."""
    title, body, name = texts
    event = incident_event(title=title, body=body, components=(name,), group=name)
    assert identity(posted(event)[0]) == identity(posted(incident_event())[0])


@given(text=st.text(), name=st.text(min_size=1), link=st.text())
def test_j1_j2_j5_j7_a_vendors_text_stays_text(text, name, link):
    """Behind an Alertmanager it mentions nobody and hides no link, and none is in a header."""
    for event in hostile(text, name, link):
        request = next(alertmanager.notify(message(event), SETTINGS))
        assert dict(request.headers) == {"Content-Type": "application/json"}
        for alert in json.loads(request.body):
            said = "\n".join(alert["annotations"].values())
            assert not re.search(r"<[!@#/a-z]|@(everyone|here|channel|all)\b", said.lower())
            assert all(alert["annotations"].values())
            assert is_uri(alert.get("generatorURL", "https://none.example"))


def hostile(text, name, link):
    """Events that hold these texts wherever a vendor may write."""
    everything = {"title": text, "body": f"{text}<!channel> @everyone <https://a|b>", "group": name}
    event = incident_event(components=(name, "<@U1>"), **everything)
    yield replace(event, incident=replace(event.incident, url=link))
    yield replace(event, incident=replace(event.incident, url=f"https://{link}"))
    yield component_event(name, group=text)
    yield page_event(EventKind.PAGE_MOVED, reason=text)


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ({}, None),
        ({"token": "canary"}, "Bearer canary"),
        ({"username": "ü", "password": "p:w"}, "Basic w7w6cDp3"),
    ],
    ids=["none", "token", "password"],
)
def test_who_we_are_is_said_in_a_header(said, sent):
    """A bearer token, or basic authentication, or neither."""
    settings = alertmanager.Settings(url="https://alerts.example", **said)
    request = next(alertmanager.notify(message(OPENED), settings))
    assert request.headers.get("Authorization") == sent
    assert request.url == "https://alerts.example/api/v2/alerts"


def test_labels_and_severities_of_the_config_are_in_every_alert():
    """Those of the config beside ours; of the severities the two that are said."""
    settings = alertmanager.Settings(
        url="https://a.example", labels={"team": "web"}, severities={"minor": "page", "none": "log"}
    )
    (alert,) = posted(OPENED, settings)
    assert alert["labels"] == {
        "alertname": "BellbuoyIncident",
        "incident": "i1",
        "kind": "incident",
        "page": "https://status.openai.com",
        "provider": "openai",
        "severity": "page",
        "team": "web",
    }
    assert firing(posted(RAISED, settings)) == ["critical"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"labels": {"severity": "x"}}, "sets itself"),
        ({"labels": {"team-name": "x"}}, "letters, digits"),
        ({"labels": {"__name__": "x"}}, "letters, digits"),
        ({"labels": {"team": ""}}, "at least 1 character"),
        ({"severities": {"major": ""}}, "at least 1 character"),
        ({"severities": {"huge": "x"}}, "severities"),
        ({"token": "canary\r\nHost: x"}, "printable ASCII"),
        ({"token": "canary", "username": "u", "password": "p"}, "leave one of them out"),
        ({"username": "canary"}, "both"),
        ({"password": "canary"}, "both"),
        ({"username": "can:ary", "password": "p"}, "colon"),
        ({"renew_every": "1s"}, "greater than or equal to 10"),
        ({"renew_every": "often"}, "not a duration"),
        ({"renew_every": True}, "not a duration"),
        ({"renew_every": "10m", "ends_after": "15m"}, "at least twice"),
        ({"url": "https://u:canary@h"}, "must not hold a password"),
        ({"url": "alerts.example"}, "http or https"),
        ({"url": "https://h/?token=canary"}, "without '\\?'"),
    ],
)
def test_a_wrong_setting_is_an_error_that_shows_no_secret(said, problem):
    """Before anything is sent, and in words that say what to change."""
    with pytest.raises(ValidationError, match=problem) as caught:
        alertmanager.Settings.model_validate({"url": "https://a.example", **said})
    assert "canary" not in str(caught.value)


def test_w8_no_secret_can_be_printed():
    """Neither the token nor the password."""
    for said in ({"token": "canary"}, {"username": "u", "password": "canary"}):
        settings = alertmanager.Settings(url="https://a.example", **said)
        for shown in (repr(settings), str(settings), settings.model_dump_json()):
            assert "canary" not in shown


def test_a_refusal_says_what_the_alertmanager_says_without_a_secret():
    """It names the bad label; what a proxy may quote of our token is taken out."""
    settings = alertmanager.Settings(url="https://a.example", token="canary")
    exchange = alertmanager.notify(message(OPENED), settings)
    next(exchange)
    body = b'"invalid label set: invalid name \\"canary\\""\n'
    with pytest.raises(RefusedError, match=r"HTTP 400: \"invalid label set") as caught:
        exchange.send(Response(url="", status=400, body=body))
    assert "canary" not in caught.value.detail


@pytest.mark.parametrize("status", [200, 503])
def test_n5_a_page_for_people_is_no_success(status):
    """A proxy that asks people to sign in answers 200."""
    exchange = alertmanager.notify(message(OPENED), SETTINGS)
    next(exchange)
    html = {"content-type": "text/html; charset=utf-8"}
    with pytest.raises(DelayedError) as caught:
        exchange.send(Response(url="", status=status, headers=html, body=b"<html>Sign in"))
    assert "Sign in" not in caught.value.detail


@pytest.mark.parametrize("name", ["opened", "updated", "resolved", "maintenance", "reminder"])
def test_an_event_reads_as_agreed(name):
    """The golden files hold the body of each request."""
    alerts, _ = played(alertmanager.notify(getattr(goldens, name)(), SETTINGS))
    goldens.kept(f"alertmanager/{name}.json", shown(alerts))


def test_a_digest_reads_as_agreed():
    """One incident is over, the other fires."""
    alerts, _ = played(alertmanager.digest(goldens.digest(), SETTINGS))
    goldens.kept("alertmanager/digest.json", shown(alerts))


def shown(alerts):
    """A body as a person reads it."""
    return json.dumps(alerts, indent=2, ensure_ascii=False) + "\n"
