"""What every notifier must do; the registry says which there are."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from bellbuoy.exchange import Response
from bellbuoy.notifiers import Notifiers, builtin_kinds
from bellbuoy.testing import check_notifier
from tests import brokers
from tests.notifiers.consumers import CONSUMERS
from tests.notifiers.fakes import Fake
from tests.notifiers.fakes.apprise import AppriseFake
from tests.notifiers.fakes.email import EmailFake

NOTIFIERS = Notifiers()
SETTINGS = {
    "alertmanager": {"url": "https://alerts.example/am", "token": "canary"},
    "command": {"run": ["cat", "-"], "timeout": "10s"},
    "console": {"timezone": "Europe/Berlin"},
    "discord": {"webhook_url": "https://discord.example/api/webhooks/1234/canary"},
    "file": {"path": "{folder}/events.jsonl"},
    "slack": {"webhook_url": "https://hooks.slack.example/services/T0/B0/canary"},
    "pagerduty": {"routing_key": "e93facc04764012d7bfb002500d5d1a6"},
    "teams": {"url": "https://flows.example/workflows/1?sig=canary"},
    "webhook": {
        "url": "https://hooks.example/canary",
        "secret": "whsec_" + base64.b64encode(bytes(32)).decode(),
        "previous_secret": "whsec_" + base64.b64encode(bytes([1]) * 32).decode(),
    },
}
"""Good settings of each kind, as the config gives them."""

ACCEPTED = {
    "pagerduty": Response(url="", status=202, body=b'{"status": "success"}'),
}
"""How a receiver says that it has an event, where a plain 200 does not."""


STANDING: dict[str, type[Fake]] = {"apprise": AppriseFake, "email": EmailFake}
"""Kinds whose door leads to a service that must be there."""


@contextmanager
def standing(fake_type: type[Fake]) -> Iterator[dict[str, Any]]:
    """The settings of a service in a loop of its own, because the check runs in one, too."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    fake = fake_type()
    try:
        asyncio.run_coroutine_threadsafe(fake.__aenter__(), loop).result()
        yield fake.settings()
        assert not fake.complaints
    finally:
        asyncio.run_coroutine_threadsafe(fake.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize("kind", sorted(builtin_kinds() - STANDING.keys() - CONSUMERS.keys()))
def test_it_keeps_every_promise_of_a_notifier(kind, tmp_path):
    """The same check that the author of a plugin runs."""
    settings = {
        name: value.format(folder=tmp_path) if isinstance(value, str) else value
        for name, value in SETTINGS.get(kind, {}).items()
    }
    check_notifier(NOTIFIERS[kind], settings, accepted=ACCEPTED.get(kind))
    assert kind == NOTIFIERS[kind].KIND


@pytest.mark.parametrize("kind", sorted(STANDING))
def test_a_kind_with_a_door_of_its_own_keeps_every_promise_before_its_service(kind):
    """The same check, with a service behind the door that finds every message well-formed."""
    with standing(STANDING[kind]) as settings:
        check_notifier(NOTIFIERS[kind], settings)
    assert kind == NOTIFIERS[kind].KIND


@pytest.mark.parametrize("kind", sorted(CONSUMERS))
def test_a_kind_of_broker_keeps_every_promise_before_its_server(kind):
    """The same check, with a real server where there is one."""
    with brokers.server(kind) as address:
        consumer = CONSUMERS[kind](address)
        check_notifier(NOTIFIERS[kind], consumer.settings())
        assert len(asyncio.run(consumer.heard())) >= 20
        asyncio.run(consumer.forget())
    assert kind == NOTIFIERS[kind].KIND
