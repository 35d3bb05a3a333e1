"""What every notifier must do; the registry says which there are."""

import base64

import pytest

from bellbuoy.exchange import Response
from bellbuoy.notifiers import Notifiers, builtin_kinds
from bellbuoy.testing import check_notifier

NOTIFIERS = Notifiers()
SETTINGS = {
    "alertmanager": {"url": "https://alerts.example/am", "token": "canary"},
    "command": {"run": ["cat", "-"], "timeout": "10s"},
    "console": {"timezone": "Europe/Berlin"},
    "discord": {"webhook_url": "https://discord.example/api/webhooks/1234/canary"},
    "file": {"path": "{folder}/events.jsonl"},
    "slack": {"webhook_url": "https://hooks.slack.example/services/T0/B0/canary"},
    "pagerduty": {"routing_key": "e93facc04764012d7bfb002500d5d1a6"},
    "webhook": {
        "url": "https://hooks.example/canary",
        "secret": "whsec_" + base64.b64encode(bytes(32)).decode(),
    },
}
"""Good settings of each kind, as the config gives them."""

ACCEPTED = {
    "pagerduty": Response(url="", status=202, body=b'{"status": "success"}'),
}
"""How a receiver says that it has an event, where a plain 200 does not."""


@pytest.mark.parametrize("kind", sorted(builtin_kinds()))
def test_it_keeps_every_promise_of_a_notifier(kind, tmp_path):
    """The same check that the author of a plugin runs."""
    settings = {
        name: value.format(folder=tmp_path) if isinstance(value, str) else value
        for name, value in SETTINGS.get(kind, {}).items()
    }
    check_notifier(NOTIFIERS[kind], settings, accepted=ACCEPTED.get(kind))
    assert kind == NOTIFIERS[kind].KIND
