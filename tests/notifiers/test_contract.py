"""What every notifier must do; the registry says which there are."""

import base64
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bellbuoy.exchange import Response
from bellbuoy.notifiers import Notifiers, builtin_kinds
from bellbuoy.testing import check_notifier

NOTIFIERS = Notifiers()
SETTINGS = {
    "alertmanager": {"url": "https://alerts.example/am", "token": "canary"},
    "apprise": {"url": "json://{server}/canary", "timeout": "60s"},
    "command": {"run": ["cat", "-"], "timeout": "10s"},
    "console": {"timezone": "Europe/Berlin"},
    "discord": {"webhook_url": "https://discord.example/api/webhooks/1234/canary"},
    "file": {"path": "{folder}/events.jsonl"},
    "slack": {"webhook_url": "https://hooks.slack.example/services/T0/B0/canary"},
    "pagerduty": {"routing_key": "e93facc04764012d7bfb002500d5d1a6"},
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


class Taking(BaseHTTPRequestHandler):
    """Takes whatever is posted."""

    def do_POST(self) -> None:
        """Read it, and say yes."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of it."""


@pytest.fixture(scope="module")
def server():
    """The host and port of a server on loopback that takes everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as listening:
        thread = Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", sorted(builtin_kinds()))
def test_it_keeps_every_promise_of_a_notifier(kind, tmp_path, server):
    """The same check that the author of a plugin runs."""
    settings = {
        name: value.format(folder=tmp_path, server=server) if isinstance(value, str) else value
        for name, value in SETTINGS.get(kind, {}).items()
    }
    check_notifier(NOTIFIERS[kind], settings, accepted=ACCEPTED.get(kind))
    assert kind == NOTIFIERS[kind].KIND
