"""A service behind Apprise: its own `json://`, at a server on loopback."""

import json
from typing import Any

from aiohttp import web

from tests.notifiers.fakes import Heard, HttpFake, Trouble

TYPES = {"info", "success", "warning", "failure"}


class AppriseFake(HttpFake):
    """Takes what Apprise posts for `json://`; to Apprise every refusal is the same no."""

    kind = "apprise"
    troubles = frozenset({Trouble.BROKEN, Trouble.CUT, Trouble.MOVED, Trouble.ROTATED})
    says_when = False

    def settings(self) -> dict[str, Any]:
        """An Apprise URL; `+` makes a header of Apprise's own."""
        host = self.url.removeprefix("http://")
        return {"url": f"json://{host}/hook?+X-Token=canary-{self.rotations}"}

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Apprise's JSON payload, version 1.0: title, message, type."""
        if request.headers.get("X-Token") != f"canary-{self.rotations}":
            return self.refuse("not the token", 401)
        if (request.method, request.path) != ("POST", "/hook"):
            return self.refuse("not the address", 404)
        said = json.loads(body)
        if said["type"] not in TYPES or not said["message"]:
            return self.refuse(f"not a message of Apprise's: {said}")
        self.heard.append(Heard(text=f"{said['title']}\n{said['message']}"))
        return web.Response()
