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

    def secret(self) -> str:
        """What requests are signed with now."""
        return "whsec_" + base64.b64encode(bytes([self.rotations]) * 32).decode()

    def settings(self) -> dict[str, Any]:
        """An address and a secret."""
        return {"url": f"{self.url}/hook/canary", "secret": self.secret()}

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Verify the signature, then the event."""
        try:
            Webhook(self.secret()).verify(body, dict(request.headers), json_parse=False)
        except WebhookVerificationError as error:
            return self.refuse(str(error), 401)
        if (request.method, request.path) != ("POST", "/hook/canary"):
            return self.refuse("not the address of the hook", 404)
        if request.content_type != "application/cloudevents+json":
            return self.refuse("not a CloudEvent in structured mode", 415)
        try:
            event = valid_wire(json.loads(body))
        except (ValueError, ValidationError) as error:
            return self.refuse(f"not an event: {error}")
        occasion = unquote(request.headers.get("bellbuoy-occasion", ""))
        text = f"{occasion}\n{json.dumps(event, ensure_ascii=False)}"
        self.heard.append(Heard(text=text, key=request.headers["webhook-id"]))
        return web.Response(status=204)
