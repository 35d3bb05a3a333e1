"""The board of 2,000 providers: from the request to the last byte of the page."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, cast

from jinja2 import Environment

from bellbuoy.app import App
from bellbuoy.config import Config, Watched
from bellbuoy.config.web import Web
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Page,
    Provider,
)
from bellbuoy.model.known import (
    Health,
    Known,
    KnownComponent,
    KnownIncident,
    KnownUpdate,
    PageState,
)
from bellbuoy.model.leases import Role
from bellbuoy.polling.poller import Network
from bellbuoy.stores import Visit
from bellbuoy.stores.opening import open_store
from bellbuoy.web.application import application
from bellbuoy.web.overview import Overview
from bellbuoy.web.site import Site
from benchmarks.figures import Figure, Scale, apart, ratio, spread

LONGEST = 150.0
"""Milliseconds of CPU that the page may take."""

TIMES = 7
"""How often it is asked in one process, after a first look."""

COMPONENTS = 20
"""Components of each provider."""

ILL = 40
"""One provider of so many has an open incident."""

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

PLAIN = "<ul>{% for name in names %}<li>{{ name }}</li>{% endfor %}</ul>"


def run(scale: Scale) -> Iterator[Figure]:
    providers = scale.of(2000, 40)
    some = [apart("benchmarks.board", "asked", count=providers) for _ in range(scale.repeats)]
    ours, plain = [one["ours"] for one in some], [one["plain"] for one in some]
    yield Figure(
        what=f"CPU of the board of {providers:,} providers; against a template that prints names",
        ours=f"{spread(ours)} ms",
        baseline=f"{median(plain):.3g} ms",
        target=f"<= {LONGEST:.0f} ms",
        measured=ratio(ours, plain)[1],
        holds=median(ours) <= LONGEST,
        counts={"tiles": some[0]["tiles"], "cards": some[0]["cards"]},
    )


def asked(count: int) -> dict[str, Any]:
    """Median milliseconds of CPU of the whole page and of the baseline, in turns."""
    return asyncio.run(_asked(count))


async def _asked(count: int) -> dict[str, Any]:
    plain = Environment(autoescape=True).from_string(PLAIN)
    names = [f"Provider {number}" for number in range(count)]
    took: dict[str, list[float]] = {"ours": [], "plain": []}
    async with _site(count) as site:
        whole = application(site)
        text = await _get(whole)
        for _ in range(TIMES):
            began = time.process_time()
            text = await _get(whole)
            took["ours"].append(time.process_time() - began)
            began = time.process_time()
            plain.render(names=names)
            took["plain"].append(time.process_time() - began)
    found = {"tiles": text.count(b'class="tile"'), "cards": text.count(b"<article")}
    return {**{name: median(each) * 1000 for name, each in took.items()}, **found}


async def _get(whole: Any) -> bytes:
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8484")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8484),
    }
    await whole(scope, receive, send)
    return b"".join(parts)


class _Nobody:
    """A network in which every question waits for ever."""

    @asynccontextmanager
    async def visit(self, _url: str, **_: Any) -> AsyncGenerator[None]:
        await asyncio.Event().wait()
        yield


@asynccontextmanager
async def _site(count: int) -> AsyncGenerator[Site]:
    watched = [_watched(number) for number in range(count)]
    config = Config(watched=tuple(watched), store="memory:", web=Web())
    async with open_store("memory:", poller=True) as store:
        for number, one in enumerate(watched):
            await store.commit(_visit(number, one.page))
        overview = Overview()
        app = App(
            config,
            roles=(Role.POLL,),
            store=store,
            network=cast("Network", _Nobody()),
            observer=overview,
            now=lambda: NOW,
        )
        async with app:
            overview.open(app)
            yield Site(app, config.web, overview)


def _watched(number: int) -> Watched:
    url = f"https://status.provider-{number}.example"
    provider = Provider(slug=f"provider-{number}", name=f"Provider {number}")
    return Watched(page=Page(key=url, url=url, provider=provider, format="statuspage"))


def _visit(number: int, page: Page) -> Visit:
    is_ill = number % ILL == 0
    status = ComponentStatus.PARTIAL_OUTAGE if is_ill else ComponentStatus.OPERATIONAL
    components = {
        str(part): KnownComponent(
            id=str(part),
            name=f"Component {part}",
            status=status if part == 0 else ComponentStatus.OPERATIONAL,
        )
        for part in range(COMPONENTS)
    }
    trouble = _incident(number, is_open=is_ill)
    return Visit(
        page=page,
        state=PageState(page_key=page.key, health=Health(polled_at=NOW, read_at=NOW)),
        before=Known(page_key=page.key),
        known=Known(page_key=page.key, incidents={trouble.key: trouble}, components=components),
    )


def _incident(number: int, *, is_open: bool) -> KnownIncident:
    began = NOW - timedelta(minutes=number + 1)
    status = IncidentStatus.IDENTIFIED if is_open else IncidentStatus.RESOLVED
    return KnownIncident(
        id="i",
        key="i",
        kind=IncidentKind.INCIDENT,
        title=f"Elevated error rates of provider {number}",
        status=status,
        impact=Impact.MAJOR,
        started_at=began,
        resolved_at=None if is_open else NOW - timedelta(hours=number + 1),
        updates=(
            KnownUpdate(
                id="u", hashes=("u",), status=status, body="We are working on it. " * 8, at=began
            ),
        ),
        first_seen_at=began + timedelta(seconds=30),
    )
