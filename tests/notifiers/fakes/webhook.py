"""An operator's own service behind a webhook, which verifies as Standard Webhooks say."""

import base64
import json
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from jsonschema import ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.event_schema import valid_wire
from tests.notifiers.fakes import Heard, HttpFake


class WebhookFake(HttpFake):
    """Takes CloudEvents with a good signature; a repeat is known by its `webhook-id`."""

    kind = "webhook"
    knows_keys = True
    mode = "structured"

    def secret(self) -> str:
        """What requests are signed with now."""
        return "whsec_" + base64.b64encode(bytes([self.rotations]) * 32).decode()

    def settings(self) -> dict[str, Any]:
        """An address, a secret, and how the event is put."""
        return {
            "url": f"{self.url}/hook/canary",
            "secret": self.secret(),
            "mode": self.mode,
        }

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Verify the signature, then the event."""
        try:
            Webhook(self.secret()).verify(body, dict(request.headers), json_parse=False)
        except WebhookVerificationError as error:
            return self.refuse(str(error), 401)
        if (request.method, request.path) != ("POST", "/hook/canary"):
            return self.refuse("not the address of the hook", 404)
        try:
            event = valid_wire(_event(request, body))
        except (ValueError, KeyError, ValidationError) as error:
            return self.refuse(f"not an event: {error!r}")
        occasion = unquote(request.headers.get("bellbuoy-occasion", ""))
        text = f"{occasion}\n{json.dumps(event, ensure_ascii=False)}"
        self.heard.append(Heard(text=text, key=request.headers["webhook-id"]))
        return web.Response(status=204)


def _event(request: web.Request, body: bytes) -> dict[str, Any]:
    """The CloudEvent of a request, in either content mode of the HTTP binding."""
    if request.content_type == "application/cloudevents+json":
        return json.loads(body)
    headers = {name.lower(): value for name, value in request.headers.items()}
    attributes = {
        name.removeprefix("ce-"): unquote(value, errors="strict")
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    if "datacontenttype" in attributes:
        raise ValueError("3.1.1: a `ce-datacontenttype` must not be there")
    return {**attributes, "datacontenttype": headers["content-type"], "data": json.loads(body)}
