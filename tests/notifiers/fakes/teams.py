"""A workflow behind "When a Teams webhook request is received", as strict as its reference."""

import json
from typing import Any

from aiohttp import web
from jsonschema import Draft202012Validator

from tests.notifiers.fakes import HTTP_TROUBLES, Heard, HttpFake, Trouble

MAX_BYTES = 28 * 1024


def _of(type: str, required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """The schema of an element: nothing beside what its reference names."""
    return {
        "type": "object",
        "properties": {"type": {"const": type}, **required, **optional},
        "required": ["type", *required],
        "additionalProperties": False,
    }


TEXT = {"type": "string"}
YES_OR_NO = {"type": "boolean"}
LINK = _of("Action.OpenUrl", {"url": {"type": "string", "pattern": "^https?://[^ ]+$"}}, title=TEXT)
TOGGLE = _of(
    "Action.ToggleVisibility", {"targetElements": {"type": "array", "items": TEXT}}, title=TEXT
)
RUN = _of(
    "TextRun",
    {"text": {"type": "string", "minLength": 1}},
    weight={"enum": ["Lighter", "Default", "Bolder"]},
    size={"enum": ["Default", "Small", "Medium", "Large", "ExtraLarge"]},
    color={"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]},
    isSubtle=YES_OR_NO,
    italic=YES_OR_NO,
    selectAction=LINK,
)
BLOCK = _of(
    "RichTextBlock",
    {"inlines": {"type": "array", "minItems": 1, "items": RUN}},
    spacing={"enum": ["None", "Small", "Default", "Medium", "Large"]},
    separator=YES_OR_NO,
    id=TEXT,
    isVisible=YES_OR_NO,
)
CONTAINER = _of(
    "Container",
    {"items": {"type": "array", "minItems": 1, "items": BLOCK}},
    style={"enum": ["default", "emphasis", "good", "attention", "warning", "accent"]},
    bleed=YES_OR_NO,
)
CARD = _of(
    "AdaptiveCard",
    {
        "version": {"const": "1.4"},
        "body": {"type": "array", "minItems": 1, "items": {"oneOf": [BLOCK, CONTAINER]}},
    },
    **{"$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"}},
    msteams={"const": {"width": "Full"}},
    actions={"type": "array", "maxItems": 6, "items": {"oneOf": [LINK, TOGGLE]}},
)
ATTACHMENT = {
    "type": "object",
    "properties": {
        "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
        "contentUrl": {"type": "null"},
        "content": CARD,
    },
    "required": ["contentType", "contentUrl", "content"],
    "additionalProperties": False,
}
MESSAGE = Draft202012Validator(
    _of("message", {"attachments": {"type": "array", "minItems": 1, "items": ATTACHMENT}})
)


class TeamsFake(HttpFake):
    """Takes cards for whoever has the signature in the address."""

    kind = "teams"
    troubles = HTTP_TROUBLES | {Trouble.REFUSED_INSIDE}

    def settings(self) -> dict[str, Any]:
        """The address, which holds its secret."""
        return {"url": f"{self.url}/workflows/1/triggers/manual?sig={self._signature()}"}

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Check the address, the size and the card."""
        if request.query.get("sig") != self._signature():
            return _error(401, "DirectApiAuthorizationRequired")
        if (request.method, request.content_type) != ("POST", "application/json"):
            return self.refuse("not a POST of JSON", 400)
        if len(body) > MAX_BYTES:
            return self.refuse(f"{len(body)} bytes", 413)
        message = json.loads(body)
        for error in MESSAGE.iter_errors(message):
            return self.refuse(f"TriggerInputSchemaMismatch: {error.json_path}: {error.message}")
        self.heard.append(Heard(text="\n".join(texts(message))))
        return web.Response(status=202)

    def refused_inside(self) -> web.Response:
        """As the webhooks before the workflows refuse."""
        said = (
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP "
            "error 413 with ContextId tcid=1"
        )
        return web.Response(status=200, text=said)

    def poisoned(self) -> web.Response:
        """A card that is not understood."""
        return _error(400, "TriggerInputSchemaMismatch")

    def _signature(self) -> str:
        return f"canary-{self.rotations}"


def texts(element: Any):
    """Every text of a card, in order, and every address."""
    if isinstance(element, list):
        for one in element:
            yield from texts(one)
    elif isinstance(element, dict):
        yield from (element[name] for name in ("text", "url") if name in element)
        for name in ("attachments", "content", "body", "items", "inlines", "actions"):
            yield from texts(element.get(name))
        yield from texts(element.get("selectAction"))


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": "..."}}, status=status)
