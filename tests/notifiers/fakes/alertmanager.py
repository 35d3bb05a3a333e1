"""An Alertmanager, as its API v2 describes it (read on 2026-11-28), and as version 0.25 answers.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml

It keeps alerts by their labels. `tests/notifiers/test_alertmanager_for_real.py` goes through the
same situations with a real one, where it is installed.
"""

import json
import re
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.notifiers.fakes import Heard, HttpFake

LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
FIELDS = {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}


class AlertmanagerFake(HttpFake):
    """Takes alerts behind a proxy that wants a password.

    `alerts` are the last alert of each label set, by its labels as text.
    """

    kind = "alertmanager"
    keeps_states = True

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, dict[str, Any]] = {}

    def password(self) -> str:
        """The password that is right now."""
        return f"canary-{self.rotations}"

    def settings(self) -> dict[str, Any]:
        """Its address below a path, and who we are."""
        return {"url": f"{self.url}/am", "username": "bell", "password": self.password()}

    def firing(self, at: float | None = None) -> list[dict[str, str]]:
        """The labels of what fires at this Unix time, or now."""
        now = time.time() if at is None else at
        return [one["labels"] for one in self.alerts.values() if _instant(one["endsAt"]) > now]

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Check alerts as the API does: good ones are kept even beside bad ones."""
        pair = b64encode(f"bell:{self.password()}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        if (request.method, request.path) != ("POST", "/am/api/v2/alerts"):
            return self.refuse("no such address", 404)
        if request.content_type != "application/json":
            return self.refuse("unsupported media type", 415)
        posted = json.loads(body)
        if any(not is_uri(alert.get("generatorURL", "https://none.example")) for alert in posted):
            return self.refuse("generatorURL in body must be of type uri", 422)
        if errors := [error for alert in posted for error in _errors(alert)]:
            return self.refuse("; ".join(errors))
        for alert in posted:
            key = json.dumps(alert["labels"], sort_keys=True)
            self.alerts[key] = alert
            ends = _instant(alert["endsAt"]) <= time.time()
            self.heard.append(Heard(text=_text(alert), thread=key, ends=ends))
        return web.Response(status=200)


def _errors(alert: dict[str, Any]) -> Iterator[str]:
    if unknown := alert.keys() - FIELDS:
        yield f"unknown fields {unknown}"
    if not alert.get("labels", {}).get("alertname"):
        yield "at least one label pair required"
    for name, value in (*alert["labels"].items(), *alert.get("annotations", {}).items()):
        if not LABEL.fullmatch(name):
            yield f'invalid name "{name}"'
        if not isinstance(value, str) or not value:
            yield f'invalid value "{value}"'
    if _instant(alert["endsAt"]) < _instant(alert["startsAt"]):
        yield "start time must be before end time"
    if _instant(alert["startsAt"]) > time.time() + 1:
        yield "it begins in the future"


def is_uri(text: str) -> bool:
    """Whether Go's parser of addresses takes it, as far as it was tried; only http and https."""
    try:
        is_http = urlsplit(text).scheme in {"http", "https"}
    except ValueError:
        return False
    return is_http and not re.search(r"%(?![0-9A-Fa-f]{2})|[\x00-\x20\x7f]", text)


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _text(alert: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in alert["annotations"].items())
