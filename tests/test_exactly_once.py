"""The exactly-once matrix: the real process, real sockets, one page per scenario and shape.

Every page is an origin of its own and is polled every second; what is printed is counted.
"""

import asyncio
import dataclasses
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

from msgspec.structs import replace

from bellbuoy.demo.draft import Facts, Shape
from bellbuoy.demo.render import render
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)
from tests.event_schema import valid_wire
from tests.faultd import Answer, Received, Vendor, faultd

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
FACES = {
    "json": (Shape.STATUSPAGE, "/api/v2/summary.json", "statuspage"),
    "incident.io json": (Shape.INCIDENTIO, "/api/v2/summary.json", "incidentio"),
    "history.atom": (Shape.HISTORY, "/history.atom", "feed"),
    "feed.atom": (Shape.INCIDENTIO, "/feed.atom", "feed"),
}
LATEST_ONLY = "feed.atom"


def _update(number: int, status: str, body: str, minutes: float) -> IncidentUpdate:
    stamp = NOW + timedelta(minutes=minutes)
    return IncidentUpdate(
        id=f"u{number:025d}",
        status=IncidentStatus(status),
        status_raw=status,
        body=body,
        at=stamp,
        updated_at=stamp,
    )


def _incident(number: int, *updates: IncidentUpdate, bumped: float = 0) -> Incident:
    return Incident(
        id=f"01K{number:023d}",
        kind=IncidentKind.INCIDENT,
        title=f"Trouble {number}",
        status=updates[-1].status,
        status_raw=updates[-1].status.value,
        impact=Impact.MAJOR,
        impact_raw="major",
        started_at=updates[0].at,
        updated_at=(updates[-1].at or NOW) + timedelta(minutes=bumped),
        resolved_at=updates[-1].at if updates[-1].status.is_over else None,
        components=(AffectedComponent(id="c1", name="API"),),
        updates=updates,
    )


PAST = tuple(
    _incident(number, _update(number, "resolved", "over", -60 * 24 * (40 - number)))
    for number in range(25)
)
STEPS = (
    _update(901, "investigating", "we look", 1),
    _update(902, "identified", "found it", 2),
    _update(903, "monitoring", "fixed it", 3),
    _update(904, "resolved", "all good", 4),
)


def _facts(*incidents: Incident, stamp: float = 0) -> Facts:
    return Facts(
        name="Acme",
        address="https://status.acme.example",
        components=(Component(id="c1", name="API", status=ComponentStatus.OPERATIONAL),),
        incidents=(*PAST, *incidents),
        stamp=NOW + timedelta(seconds=stamp),
    )


QUIET = _facts()
OPEN = _facts(_incident(900, STEPS[0]), stamp=1)


def _quiet_then_open(time: float) -> Facts:
    return OPEN if time >= 5 else QUIET


def _four_steps(time: float) -> Facts:
    count = sum(time >= begin for begin in (4, 7.5, 11, 14.5))
    return _facts(_incident(900, *STEPS[:count]), stamp=count) if count else QUIET


def _burst(time: float) -> Facts:
    return _facts(_incident(900, *STEPS[:3]), stamp=1) if time >= 5 else QUIET


def _edit(time: float) -> Facts:
    edited = replace(STEPS[0], body="we look closer")
    return _facts(_incident(900, edited), stamp=1) if time >= 5 else OPEN


def _bump(time: float) -> Facts:
    return _facts(_incident(900, STEPS[0], bumped=int(time)), stamp=int(time))


def _vanish(time: float) -> Facts:
    return QUIET if 5 <= time < 12 else OPEN


Trouble = Callable[[float, Answer], Answer | None]


def _cut(time: float, whole: Answer) -> Answer | None:
    if not 5 <= time < 8 or whole.status != 200:
        return None
    return dataclasses.replace(whole, cut=len(whole.body) // 2)


def _html(time: float, whole: Answer) -> Answer | None:
    body = b"<!DOCTYPE html><html><body>Checking your browser</body></html>"
    return Answer(200, {"Content-Type": "text/html"}, body) if 5 <= time < 8 else None


def _error(time: float, whole: Answer) -> Answer | None:
    return Answer(500, {}, b"oops") if 5 <= time < 8 else None


def _limited(time: float, whole: Answer) -> Answer | None:
    return Answer(429, {"Retry-After": "120"}) if time >= 2 else None


def _unavailable(time: float, whole: Answer) -> Answer | None:
    return Answer(503, {"Retry-After": "120"}) if time >= 2 else None


SCENARIOS: dict[str, tuple[Callable[[float], Facts], Trouble | None]] = {
    "first run, nothing open": (lambda time: QUIET, None),
    "first run, one open": (lambda time: OPEN, None),
    "a new incident": (_quiet_then_open, None),
    "four steps": (_four_steps, None),
    "three updates within one interval": (_burst, None),
    "a text edited": (_edit, None),
    "updated bumped": (_bump, None),
    "cut, then whole": (_quiet_then_open, _cut),
    "HTML, then whole": (_quiet_then_open, _html),
    "500, then whole": (_quiet_then_open, _error),
    "moved with 301": (_quiet_then_open, None),
    "vanishes and comes back": (_vanish, None),
    "429 with Retry-After": (lambda time: QUIET, _limited),
    "503 with Retry-After": (lambda time: QUIET, _unavailable),
}

WANTED: dict[str, list[str]] = {
    "first run, nothing open": [],
    "first run, one open": ["incident.opened"],
    "a new incident": ["incident.opened"],
    "four steps": [
        "incident.opened",
        "incident.updated",
        "incident.updated",
        "incident.resolved",
    ],
    "three updates within one interval": [
        "incident.opened",
        "incident.updated",
        "incident.updated",
    ],
    "a text edited": ["incident.opened", "incident.edited"],
    "updated bumped": ["incident.opened"],
    "cut, then whole": ["incident.opened"],
    "HTML, then whole": ["incident.opened"],
    "500, then whole": ["incident.opened"],
    "moved with 301": ["incident.opened", "page.moved"],
    "vanishes and comes back": ["incident.opened"],
    "429 with Retry-After": [],
    "503 with Retry-After": [],
}


class Stage:
    """One page of one scenario: a vendor whose time begins with its first request."""

    def __init__(self, shape: str, scenario: str) -> None:
        self.shape, self.face, self.format = FACES[shape]
        self.facts, self.trouble = SCENARIOS[scenario]
        self.name = f"{scenario} / {shape}"
        self.scenario = scenario
        self.began: float | None = None
        self.new_home: Vendor | None = None

    def answer(self, received: Received) -> Answer:
        """The page as it stands, or the trouble it is in."""
        if self.began is None:
            self.began = received.at
        time = received.at - self.began
        if self.new_home is not None and time >= 5:
            return Answer(301, {"Location": self.new_home.at(received.path)})
        document = render(self.shape, self.facts(time)).get(received.path)
        if document is None:
            return Answer(404)
        etag = f'"{blake2b(document.body).hexdigest()[:16]}"'
        fields = {"ETag": etag, "Content-Type": document.content_type}
        same = received.headers.get("if-none-match") == etag
        whole = Answer(304, fields) if same else Answer(200, fields, document.body)
        if self.trouble is not None and received.path == self.face:
            return self.trouble(time, whole) or whole
        return whole


async def _watch(config: Path, store: Path, seconds: int) -> list[dict]:
    """Run the real process; what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bellbuoy", "watch", "--json", "--for", f"{seconds}s",
        "--config", str(config), "--store", str(store), "--allow-private", "127.0.0.0/8",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HOME": str(store.parent)},
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return [valid_wire(json.loads(line)) for line in out.splitlines()]


async def _play(folder: Path) -> tuple[dict, dict, dict]:
    async with AsyncExitStack() as stack:
        stages = [Stage(shape, scenario) for shape in FACES for scenario in SCENARIOS]
        providers = []
        vendors: dict[str, Vendor] = {}
        for stage in stages:
            vendor = await stack.enter_async_context(faultd(stage.answer))
            if stage.scenario == "moved with 301":
                elsewhere = Stage(stage.name.partition(" / ")[2], "a new incident")
                stage.new_home = await stack.enter_async_context(faultd(elsewhere.answer))
            path = stage.face if stage.format == "feed" else ""
            providers.append(
                {
                    "name": stage.name,
                    "url": vendor.url + path,
                    "format": stage.format,
                    "every": "1s",
                }
            )
            vendors[stage.name] = vendor
        config = folder / "bellbuoy.json"
        config.write_text(json.dumps({"providers": providers}))
        first = await _watch(config, folder / "bellbuoy.db", 24)
        asked = {name: list(vendor.requests) for name, vendor in vendors.items()}
        again = await _watch(config, folder / "bellbuoy.db", 4)
    return _by_page(first), _by_page(again), asked


def _by_page(events: list[dict]) -> dict[str, list[dict]]:
    pages: dict[str, list[dict]] = defaultdict(list)
    for event in events:
        pages[event["data"]["provider"]["name"]].append(event)
    return pages


def _kind(event: dict) -> str:
    return event["type"].removeprefix("dev.bellbuoy.").removesuffix(".v1")


def _announced(events: list[dict]) -> list[str]:
    """Kinds of incident events in order, then the others."""
    kinds = [_kind(event) for event in events]
    incidents = [kind for kind in kinds if kind.startswith("incident.")]
    return incidents + sorted(kind for kind in kinds if not kind.startswith("incident."))


def _wanted(shape: str, scenario: str) -> list[str]:
    wanted = WANTED[scenario]
    is_burst = scenario == "three updates within one interval"
    return wanted[:1] if is_burst and shape == LATEST_ONLY else wanted


async def test_every_scenario_in_every_shape_announces_exactly_what_happened_h5(
    tmp_path: Path,
) -> None:
    """The whole matrix at once, then a restart over the same state."""
    first, again, asked = await _play(tmp_path)
    rows = [(scenario, shape) for scenario in SCENARIOS for shape in FACES]
    wanted = {f"{scenario} / {shape}": _wanted(shape, scenario) for scenario, shape in rows}
    assert {name: _announced(first.get(name, [])) for name in wanted} == wanted
    # Started again, a page where nothing happens says nothing.
    still = {"first run, nothing open", "first run, one open", "a new incident", "four steps"}
    names = [f"{scenario} / {shape}" for scenario, shape in rows if scenario in still]
    assert {name: _announced(again.get(name, [])) for name in names} == {n: [] for n in names}
    # After an answer with `Retry-After: 120` there is at most one more request.
    for scenario, shape in rows:
        if "Retry-After" in scenario:
            face = FACES[shape][1]
            times = [one.at for one in asked[f"{scenario} / {shape}"] if one.path == face]
            assert sum(time >= times[0] + 2 for time in times) <= 1
