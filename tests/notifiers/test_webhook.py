"""A webhook is signed, is told apart from its repeats, and keeps its secrets."""

import base64
import json

import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook

from bellbuoy.errors import (
    DelayedError,
    DisabledError,
    FetchError,
    RefusedError,
    Unreadable,
)
from bellbuoy.events import to_builtins
from bellbuoy.exchange import Response
from bellbuoy.notifiers import HttpNotifier, Notifiers, webhook
from tests.event_samples import incident_event, message

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
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
    for shown in (repr(SETTINGS), str(SETTINGS), SETTINGS.model_dump_json()):
        assert "canary" not in shown
        assert SECRET[6:] not in shown
