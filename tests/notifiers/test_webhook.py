"""A webhook is signed, is told apart from its repeats, and keeps its secrets."""

import base64
import json
import time
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import SecretStr, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from bellbuoy.errors import (
    DelayedError,
    DisabledError,
    FetchError,
    RefusedError,
    Unreadable,
)
from bellbuoy.events import to_builtins
from bellbuoy.exchange import Response
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.model.delivery import Service
from bellbuoy.notifiers import HttpNotifier, Notifiers, webhook
from bellbuoy.testing.events import sample_events
from tests.event_samples import incident_event, message
from tests.notifiers import goldens
from tests.notifiers.fakes.webhook import WebhookFake

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
PREVIOUS = "whsec_" + base64.b64encode(KEY[::-1]).decode()
SETTINGS = webhook.Settings(url="https://hooks.example/canary-path", secret=SECRET)


def asked(**delivery):
    """The request for one event, and the exchange that waits for its answer."""
    exchange = webhook.notify(message(incident_event(), **delivery), SETTINGS)
    return next(exchange), exchange


def answered(status, body=b"", **headers):
    """What comes of an answer: the receipt, or what is raised."""
    _, exchange = asked()
    response = Response(url="", status=status, headers=headers, body=body)
    with pytest.raises(StopIteration) as ended:
        exchange.send(response)
    return ended.value.value


def test_it_is_a_notifier_that_speaks_http():
    """The registry finds it by its name, and the worker gives it to the driver."""
    assert isinstance(Notifiers()["webhook"], HttpNotifier)


def test_the_specifications_own_library_accepts_the_signature(monkeypatch):
    """Whoever verifies as Standard Webhooks say gets the CloudEvent."""
    request, _ = asked()
    assert (request.method, request.url) == ("POST", "https://hooks.example/canary-path")
    assert request.headers["Content-Type"] == "application/cloudevents+json"
    monkeypatch.setattr(Webhook, "_Webhook__verify_timestamp", lambda _, at: _instant(at))
    verified = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert verified == json.loads(json.dumps(to_builtins(incident_event())))


def _instant(text):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(text), UTC)


def test_n4_the_idempotency_key_is_the_same_at_every_attempt():
    """The id does not change with the attempt; a repeat is marked as one."""
    first, again = asked()[0], asked(attempts=1, repeat=True)[0]
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == incident_event().id
    assert "bellbuoy-repeat" not in first.headers
    assert again.headers["bellbuoy-repeat"] == "true"


def test_n3_an_event_behind_a_dead_one_says_so():
    """The receiver must not believe that it saw everything of this incident."""
    assert "bellbuoy-after-gap" not in asked()[0].headers
    assert asked(after_gap=True)[0].headers["bellbuoy-after-gap"] == "true"


def test_n5_success_is_the_status_alone():
    """Any 2xx is a success whatever stands in the body; a redirect to a login page is not."""
    assert answered(200, b"<html>ok: false</html>").detail == "HTTP 200"
    assert answered(204).detail == "HTTP 204"
    with pytest.raises(RefusedError):
        answered(302, location="https://login.example")


def test_what_a_status_means_is_in_the_shared_table():
    """410 disables, 429 waits as long as it is asked to, 400 is final."""
    with pytest.raises(DisabledError):
        answered(410)
    with pytest.raises(DelayedError) as delayed:
        answered(429, **{"retry-after": "7"})
    assert delayed.value.retry_after == 7
    with pytest.raises(RefusedError):
        answered(400)


@pytest.mark.parametrize("uncertain", [True, False])
def test_a_failed_exchange_is_tried_again_whether_or_not_it_arrived(uncertain):
    """Only what may have arrived makes the next attempt a repeat."""
    _, exchange = asked()
    failure = FetchError("https://h/…", Unreadable.NETWORK, "reset", uncertain=uncertain)
    with pytest.raises(DelayedError) as delayed:
        exchange.throw(failure)
    assert delayed.value.uncertain is uncertain


def test_j5_no_text_of_a_vendor_goes_into_a_header():
    """A title with line ends cannot add a header of its own."""
    event = incident_event(title="x\r\nBcc: everyone", body="\r\nSet-Cookie: a=b")
    request = next(webhook.notify(message(event, after_gap=True, repeat=True), SETTINGS))
    for name, value in request.headers.items():
        assert "\n" not in name + value
        assert "Bcc" not in value


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "canary",
        "whsec_",
        "whsec_canary!!!!",
        "whsec_" + base64.b64encode(b"canary").decode(),
        "whsec_" + base64.b64encode(b"canary" * 11).decode(),
        base64.b64encode(KEY).decode(),
        "whsk_" + base64.b64encode(KEY).decode(),
    ],
)
def test_a_wrong_secret_is_one_error_that_does_not_show_it(secret):
    """Too short, too long, not base64, another prefix: one line says what is wanted."""
    with pytest.raises(ValidationError) as caught:
        webhook.Settings(url="https://hooks.example", secret=secret)
    [error] = caught.value.errors(include_input=False)
    assert "24 to 64 bytes in base64" in error["msg"]
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("key", [KEY, KEY[:24], KEY * 2, bytes([251, 239, 190] * 10)])
@pytest.mark.parametrize("padding", ["", "="])
def test_a_good_secret_is_taken_with_or_without_its_padding(key, padding):
    """As other implementations write them."""
    text = base64.b64encode(key).decode().rstrip("=") + padding
    settings = webhook.Settings(url="https://hooks.example", secret=f"whsec_{text}")
    next(webhook.notify(message(incident_event()), settings))


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example", "file:///etc/passwd", "ftp://h.example/canary", "https://", "http://[::",
     "javascript:alert(1)", "https://h:99999/", "//h.example"],
)  # fmt: skip
def test_w4_only_http_addresses(url):
    """Other schemes, and what is no address at all, are refused in the config."""
    with pytest.raises(ValidationError, match="must be an http or https address") as caught:
        webhook.Settings(url=url, secret=SECRET)
    assert "canary" not in str(caught.value)


def test_w8_neither_the_address_nor_the_secret_can_be_printed():
    """The address of a receiver is often its password."""
    settings = SETTINGS.model_copy(update={"previous_secret": SecretStr(PREVIOUS)})
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "canary" not in shown
        assert SECRET[6:] not in shown
        assert PREVIOUS[6:] not in shown


@pytest.mark.parametrize(
    "known", [SECRET, PREVIOUS], ids=["knows the new one", "knows the old one"]
)
def test_while_a_secret_is_changed_a_receiver_may_know_either(known, monkeypatch):
    """Both sign, so nobody has to change it on both sides at the same instant."""
    monkeypatch.setattr(Webhook, "_Webhook__verify_timestamp", lambda _, at: _instant(at))
    settings = webhook.Settings(url="https://h.example", secret=SECRET, previous_secret=PREVIOUS)
    request = next(webhook.notify(goldens.opened(), settings))
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    Webhook(known).verify(request.body, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 40).verify(request.body, dict(request.headers))


async def test_a_receiver_that_still_has_the_old_secret_takes_it():
    """Over real sockets, in the order of a rotation: sender first, then receiver."""
    async with WebhookFake() as fake, Driver(HttpSettings()) as driver:
        old = fake.secret()
        fake.rotations += 1
        new = fake.secret()
        given = {**fake.settings(), "secret": new, "previous_secret": old}
        settings = webhook.Settings.model_validate(given)
        for fake.rotations in (0, 1):
            now = replace(goldens.opened(), sent_at=int(time.time()))
            await driver.send(webhook.notify(now, settings), timeout=5)
        assert (len(fake.heard), fake.complaints) == (2, [])


def told(message, mode="structured"):
    """A request as a reader of the golden files sees it."""
    settings = webhook.Settings(url="https://hooks.example/x", secret=SECRET, mode=mode)
    request = next(webhook.notify(message, settings))
    headers = "".join(f"{name}: {value}\n" for name, value in request.headers.items())
    body = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False)
    return f"POST {request.url}\n{headers}\n{body}\n"


@pytest.mark.parametrize("name", ["opened", "updated", "resolved", "maintenance", "reminder"])
def test_a_request_reads_as_agreed(name):
    """The golden files hold what leaves the house, headers and all."""
    goldens.kept(f"webhook/{name}.txt", told(getattr(goldens, name)()))


def test_a_request_in_binary_mode_reads_as_agreed():
    """The data alone is the body, and the rest of the CloudEvent is in the headers."""
    goldens.kept("webhook/binary.txt", told(goldens.opened(), "binary"))


@pytest.mark.parametrize("event", list(sample_events()), ids=lambda event: event.kind)
def test_both_modes_say_the_same(event):
    """A receiver that reads by the HTTP binding gets the very same event."""
    both = []
    for mode in ("structured", "binary"):
        settings = webhook.Settings(url="https://h.example", secret=SECRET, mode=mode)
        request = next(webhook.notify(message(event), settings))
        if mode == "structured":
            both.append(json.loads(request.body))
            continue
        attributes = {
            name.removeprefix("ce-"): unquote(value, errors="strict")
            for name, value in request.headers.items()
            if name.startswith("ce-")
        }
        kind = request.headers["Content-Type"]
        both.append({**attributes, "datacontenttype": kind, "data": json.loads(request.body)})
    assert both[0] == both[1]


@given(text=st.text(min_size=1, max_size=80), name=st.text(min_size=1, max_size=40))
def test_j5_whatever_a_vendor_writes_a_header_is_printable_ascii(text, name):
    """Not even in binary mode, whose subject holds the vendor's own id of an incident."""
    event = incident_event(incident=text, title=text, body=text, components=(text,))
    said = replace(message(event), services=(Service(name=name),))
    settings = webhook.Settings(url="https://h.example", secret=SECRET, mode="binary")
    request = next(webhook.notify(said, settings))
    for value in request.headers.values():
        assert value.isascii()
        assert value.isprintable()
    subject = unquote(request.headers["ce-subject"], errors="strict")
    assert subject == f"openai/incidents/{text}"


async def test_binary_mode_arrives_over_real_sockets():
    """The fake reads by the HTTP binding, and holds the event to its schema."""
    async with WebhookFake() as fake, Driver(HttpSettings()) as driver:
        fake.mode = "binary"
        settings = webhook.Settings.model_validate(fake.settings())
        event = incident_event(incident='vendor\'s € "id" 100%', title="Größere Störung")
        now = replace(message(event), sent_at=int(time.time()))
        await driver.send(webhook.notify(now, settings), timeout=5)
        assert fake.complaints == []
        assert 'openai/incidents/vendor\'s € \\"id\\" 100%' in fake.heard[0].text


def test_a_reminder_is_no_repeat():
    """It has a key of its own, and says what it is."""
    request = next(webhook.notify(goldens.reminder(), SETTINGS))
    assert request.headers["webhook-id"] == goldens.reminder().delivery.id
    assert request.headers["bellbuoy-occasion"] == "reminder"
    assert "bellbuoy-repeat" not in request.headers


def test_whose_services_need_it_is_said():
    """In a header: the body is the event, which is the same for every receiver."""
    services = (Service(name="Checkout"), Service(name="Suche, groß"))
    request = next(webhook.notify(replace(goldens.opened(), services=services), SETTINGS))
    assert request.headers["bellbuoy-services"] == "Checkout,Suche%2C%20gro%C3%9F"
