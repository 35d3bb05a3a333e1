"""The config in force, in words and without a secret. Pure.

Whatever is shown passes `Redactor`: a value that the config marks as secret stands nowhere, be
it in a receiver's settings or inside an address.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from bellbuoy.config import Config, Watched
from bellbuoy.config.secrets import secrets_of
from bellbuoy.config.spoken import spoken_expectation, spoken_matcher, spoken_route
from bellbuoy.durations import spoken
from bellbuoy.model.leases import Roster
from bellbuoy.notifiers import Receiver
from bellbuoy.routing.routes import Route
from bellbuoy.telemetry.logging import Redactor
from bellbuoy.web.addresses import provider_path

HIDDEN = "(hidden)"
"""What stands in place of a secret."""

Redact = Callable[[str], str]


class Said(Struct, frozen=True, kw_only=True):
    """A key of the config with its value, as it is shown."""

    key: str
    value: str


class PageRow(Struct, frozen=True, kw_only=True):
    """A page that is watched. `format` is empty while it is to be recognised."""

    provider: str
    path: str
    url: str
    format: str
    every: str
    components: tuple[str, ...]
    tags: tuple[str, ...]
    expects: str


class ReceiverRow(Struct, frozen=True, kw_only=True):
    """A receiver with what the config says of it."""

    name: str
    kind: str
    settings: tuple[Said, ...]


class RouteRow(Struct, frozen=True, kw_only=True):
    """A route: who is told, and each of its conditions."""

    name: str
    to: tuple[str, ...]
    words: tuple[str, ...]


class NeedRow(Struct, frozen=True, kw_only=True):
    """A service of the operator's own."""

    name: str
    owner: str
    runbook: str
    needs: tuple[str, ...]


class WorkerRow(Struct, frozen=True, kw_only=True):
    """A process that shares the store. `silence` is the time since its last sign of life."""

    name: str
    roles: str
    version: str
    started_at: datetime
    shards: int
    silence: str
    is_offline: bool


class InForce(Struct, frozen=True, kw_only=True):
    """All of it. `source` is empty where the default set is watched."""

    source: str
    warnings: tuple[str, ...]
    pages: tuple[PageRow, ...]
    receivers: tuple[ReceiverRow, ...]
    routes: tuple[RouteRow, ...]
    needs: tuple[NeedRow, ...]
    sections: tuple[tuple[str, tuple[Said, ...]], ...]


def in_force(config: Config, formats: Mapping[str, str]) -> InForce:
    """A config as it is shown; `formats` are those by which pages turned out to be read."""
    redact = Redactor(secrets_of(config))
    return InForce(
        source=config.source or "",
        warnings=tuple(map(redact, config.warnings)),
        pages=tuple(_page(one, formats) for one in config.watched),
        receivers=tuple(_receiver(one, redact) for one in config.receivers),
        routes=tuple(_route(one, redact) for one in config.routes),
        needs=tuple(
            NeedRow(
                name=need.service.name,
                owner=redact(need.service.owner),
                runbook=redact(need.service.runbook),
                needs=tuple(spoken_matcher(each) for each in need.on),
            )
            for need in config.needs
        ),
        sections=(
            ("Store", _said(redact, _store(config))),
            ("HTTP", _said(redact, _http(config))),
            ("Web", _said(redact, _web(config))),
        ),
    )


def worker_rows(roster: Roster) -> tuple[WorkerRow, ...]:
    """The workers alive, by name."""
    rows = (
        WorkerRow(
            name=one.worker.name,
            roles=", ".join(one.worker.roles),
            version=one.worker.version,
            started_at=one.worker.started_at,
            shards=roster.shards_of(one.worker.id),
            silence=f"{max((roster.at - one.heard_at).total_seconds(), 0):.0f} s",
            is_offline=one.worker.is_offline,
        )
        for one in roster.members
        if one.is_live
    )
    return tuple(sorted(rows, key=lambda row: row.name))


def _page(one: Watched, formats: Mapping[str, str]) -> PageRow:
    page = one.page
    return PageRow(
        provider=page.provider.name,
        path=provider_path(page.provider.slug),
        url=page.url,
        format=formats.get(page.key, "") or page.format,
        every=spoken(page.every),
        components=one.components,
        tags=one.tags,
        expects=spoken_expectation(page.expect) if page.expect else "",
    )


def _receiver(receiver: Receiver, redact: Redact) -> ReceiverRow:
    said = receiver.settings.model_dump(mode="json", exclude_defaults=True)
    return ReceiverRow(
        name=receiver.name,
        kind=receiver.kind,
        settings=_said(redact, said.items()),
    )


def _route(route: Route, redact: Redact) -> RouteRow:
    return RouteRow(name=route.name, to=route.to, words=tuple(map(redact, spoken_route(route))))


def _store(config: Config) -> Iterable[tuple[str, Any]]:
    yield "store", config.store
    yield "retention", spoken(config.retention)
    yield "display.timezone", config.timezone
    if config.heartbeat is not None:
        yield "heartbeat", f"every {spoken(config.heartbeat.every)}, to an address that is hidden"


def _http(config: Config) -> Iterable[tuple[str, Any]]:
    http = config.http
    yield "http.seats", http.seats
    yield "http.timeout", spoken(http.timeout)
    yield "http.per_host", http.per_host
    rest = {
        "contact": http.contact,
        "proxy": http.proxy,
        "no_proxy": ", ".join(http.no_proxy),
        "ca_file": http.ca_file,
        "allow_private": ", ".join(http.allow_private),
    }
    yield from ((f"http.{key}", value) for key, value in rest.items() if value)


def _web(config: Config) -> Iterable[tuple[str, Any]]:
    web = config.web
    yield "web.listen", f"{web.host}:{web.port}"
    yield "web.hosts", ", ".join(web.hosts) or "those of the loopback"
    yield "web.auth.read", HIDDEN if web.read else "open"
    yield "web.auth.write", HIDDEN if web.write else "not set, so nothing can be written"
    yield "web.auth.metrics", HIDDEN if web.metrics else "as reading"


def _said(redact: Redact, pairs: Iterable[tuple[str, Any]]) -> tuple[Said, ...]:
    return tuple(Said(key=key, value=redact(_plain(value))) for key, value in pairs)


def _plain(value: Any) -> str:
    """A value as people write it; what pydantic hides is hidden in our word."""
    if isinstance(value, str):
        return HIDDEN if value and not value.strip("*") else value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(map(_plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(each)}" for key, each in value.items())
    return json.dumps(value, ensure_ascii=False)
