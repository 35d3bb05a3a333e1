"""What every notifier must do; the registry says which there are."""

import base64

import pytest

from bellbuoy.notifiers import Notifiers, builtin_kinds
from bellbuoy.testing import check_notifier

NOTIFIERS = Notifiers()
SETTINGS = {
    "console": {"timezone": "Europe/Berlin"},
    "discord": {"webhook_url": "https://discord.example/api/webhooks/1234/canary"},
    "file": {"path": "{folder}/events.jsonl"},
    "slack": {"webhook_url": "https://hooks.slack.example/services/T0/B0/canary"},
    "webhook": {
        "url": "https://hooks.example/canary",
        "secret": "whsec_" + base64.b64encode(bytes(32)).decode(),
    },
}
"""Good settings of each kind, as the config gives them."""


@pytest.mark.parametrize("kind", sorted(builtin_kinds()))
def test_it_keeps_every_promise_of_a_notifier(kind, tmp_path):
    """The same check that the author of a plugin runs."""
    settings = {
        name: value.format(folder=tmp_path) for name, value in SETTINGS.get(kind, {}).items()
    }
    check_notifier(NOTIFIERS[kind], settings)
    assert kind == NOTIFIERS[kind].KIND
