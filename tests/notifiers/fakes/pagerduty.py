"""PagerDuty's Events API v2, as its reference describes it (read on 2026-11-28).

https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/01-Overview.md
https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md
https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/03-Change-Events.md

It keeps alerts as PagerDuty does: a `trigger` opens one or adds to the open one, a `resolve`
closes it or is dropped.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.notifiers.fakes import HTTP_TROUBLES, Heard, HttpFake, Trouble

MAX_BODY = 512 * 1024
CHANGE_FIELDS = {"routing_key", "payload", "links"}
ALERT_FIELDS = CHANGE_FIELDS | {"event_action", "dedup_key", "client", "client_url", "images"}
CHANGE_PAYLOAD = {"summary", "source", "timestamp", "custom_details"}
ALERT_PAYLOAD = CHANGE_PAYLOAD | {"severity", "component", "group", "class"}


class PagerDutyFake(HttpFake):
    """Takes alert events and change events for one integration.

    `alerts` are its alerts in the order of their opening: the key, the severity and whether
    it is open. `changes` are the change events.
    """

    kind = "pagerduty"
    troubles = HTTP_TROUBLES | {Trouble.REFUSED_INSIDE}

    def __init__(self) -> None:
        super().__init__()
        self.alerts: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []

    def key(self) -> str:
        """The integration key that is right now."""
        return f"e93facc0canary{self.rotations:018d}"

    def settings(self) -> dict[str, Any]:
        """A key, and this service in place of PagerDuty's address."""
        return {"routing_key": self.key(), "base_url": self.url}

    def open_alerts(self) -> list[str]:
        """The keys of the alerts that are open."""
        return [alert["key"] for alert in self.alerts if alert["open"]]

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Check an event as strictly as the reference asks, and make of it what PagerDuty would."""
        if request.method != "POST" or request.content_type != "application/json":
            return self.refuse("not a POST of JSON", 405)
        if len(body) > MAX_BODY:
            return self.refuse("larger than 512 KB", 413)
        is_alert = request.path == "/v2/enqueue"
        if not is_alert and request.path != "/v2/change/enqueue":
            return self.refuse("no such address", 404)
        event = json.loads(body)
        if errors := [*_key_errors(event, self.key())]:
            return _invalid(errors)
        if errors := [*_errors(event, is_alert=is_alert)]:
            self.complaints += errors
            return _invalid(errors)
        if is_alert:
            self._keep(event)
        else:
            self.changes.append(event)
        ends = event.get("event_action") == "resolve"
        self.heard.append(Heard(text=_text(event), thread=event.get("dedup_key", ""), ends=ends))
        answer = {"status": "success", "message": "Event processed"}
        return web.json_response({**answer, "dedup_key": event.get("dedup_key")}, status=202)

    def _keep(self, event: dict[str, Any]) -> None:
        key, severity = event["dedup_key"], event.get("payload", {}).get("severity")
        opened = [alert for alert in self.alerts if alert["key"] == key and alert["open"]]
        if event["event_action"] == "resolve":
            for alert in opened:
                alert["open"] = False
        elif opened:
            opened[0]["log"].append(event)
        else:
            self.alerts.append({"key": key, "severity": severity, "open": True, "log": [event]})

    def poisoned(self) -> web.Response:
        """What PagerDuty says of an event that it cannot read."""
        return _invalid(["'payload.severity' is invalid (must be one of the following: ...)"])

    def refused_inside(self) -> web.Response:
        """`status` is `success`, "or a short error message in case of a failure"."""
        return web.json_response({"status": "invalid event", "message": "Not taken"}, status=202)


def _invalid(errors: list[str]) -> web.Response:
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    return web.json_response(said, status=400)


def _key_errors(event: dict[str, Any], key: str) -> Iterator[str]:
    given = event.get("routing_key", "")
    if len(given) != 32:
        yield "Length of 'routing_key' is incorrect (should be 32 characters)"
    if not given.isalnum():
        yield "'routing_key' cannot contain non-alphanumeric characters."
    if given != key:
        yield "Invalid routing key"


def _errors(event: dict[str, Any], *, is_alert: bool) -> Iterator[str]:
    payload = event.get("payload", {})
    if unknown := event.keys() - (ALERT_FIELDS if is_alert else CHANGE_FIELDS):
        yield f"unknown fields {unknown}"
    if unknown := payload.keys() - (ALERT_PAYLOAD if is_alert else CHANGE_PAYLOAD):
        yield f"unknown fields {unknown} in the payload"
    if is_alert:
        yield from _alert_errors(event, payload)
    if not 0 < len(payload.get("summary", "")) <= 1024:
        yield "'payload.summary' is missing or blank, or longer than 1024 characters"
    if "timestamp" in payload:
        try:
            datetime.fromisoformat(payload["timestamp"])
        except ValueError:
            yield "'payload.timestamp' is not ISO 8601"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' is not an object"
    texts = [value for name, value in payload.items() if name != "custom_details"]
    if not all(isinstance(text, str) and text for text in texts):
        yield "a field of the payload is not a text"
    for link in event.get("links", []):
        if not is_link(link.get("href")) or link.keys() - {"href", "text"}:
            yield f"a link is none: {link}"


def _alert_errors(event: dict[str, Any], payload: dict[str, Any]) -> Iterator[str]:
    if event.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
        yield "'event_action' is invalid"
    if not 0 < len(event.get("dedup_key", "")) <= 255:
        yield "'dedup_key' is missing or longer than 255 characters"
    if payload.get("severity") not in {"critical", "error", "warning", "info"}:
        yield "'payload.severity' is missing or invalid"
    if not payload.get("source"):
        yield "'payload.source' is missing or blank"
    if not is_link(event.get("client_url", "https://none.example")):
        yield "'client_url' is no address"


def is_link(text: Any) -> bool:
    """Whether it leads somewhere over http or https."""
    return isinstance(text, str) and urlsplit(text).scheme in {"http", "https"}


def _text(event: dict[str, Any]) -> str:
    details = event["payload"].get("custom_details", {})
    links = [f"{link.get('text', '')} {link['href']}" for link in event.get("links", [])]
    facts = [f"{name}: {value}" for name, value in details.items()]
    return "\n".join([event["payload"]["summary"], *facts, *links])
