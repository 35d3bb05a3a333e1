"""Recorded series through read and merge."""

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bellbuoy.events import Event
from bellbuoy.formats import Formats
from bellbuoy.model.facts import Page, Provider
from bellbuoy.model.known import Known
from bellbuoy.polling.replay import Recorded, Replay
from tests.event_schema import valid

SERIES = {
    "statuspage/github/series-summary-2020-11": ("statuspage", "api/v2/summary.json"),
    "statuspage/github/series-summary-2022-12-empty-bodies": ("statuspage", "api/v2/summary.json"),
    "statuspage/github/series-summary-2026-08": ("statuspage", "api/v2/summary.json"),
    "statuspage/github/series-history-atom-2022-06": ("feed", "history.atom"),
    "statuspage/github/series-history-atom-2026-06": ("feed", "history.atom"),
    "statuspage/cloudflare/series-summary-2020-11": ("statuspage", "api/v2/summary.json"),
    "statuspage/cloudflare/series-summary-2025-11-18": ("statuspage", "api/v2/summary.json"),
    "statuspage/netlify/series-summary-2020-11": ("statuspage", "api/v2/summary.json"),
    "statuspage/netlify/series-summary-2021-02-07-http500": ("statuspage", "api/v2/summary.json"),
    "statuspage/netlify/series-summary-2022-03": ("statuspage", "api/v2/summary.json"),
    "statuspage/netlify/series-summary-2023-03-http500-and-empty": (
        "statuspage",
        "api/v2/summary.json",
    ),
    "statuspage/netlify/series-summary-2026-03": ("statuspage", "api/v2/summary.json"),
}


def bodies(folder: Path) -> Iterator[Recorded]:
    """The files of a series in order, each at the instant in its name."""
    for path in sorted(folder.iterdir()):
        stamp = re.search(r"_(\d{8}T\d{6})Z", path.name)
        assert stamp is not None
        body = path.read_bytes()
        yield Recorded(
            name=path.name,
            at=datetime.strptime(stamp[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC),
            body=gzip.decompress(body) if path.suffix == ".gz" else body,
        )


def player(format: str, path: str, known: Known | None = None) -> Replay:
    """A page that is read so, from the beginning or from what is known."""
    url = "https://status.example/" + (path if format == "feed" else "")
    page = Page(
        key=url.rstrip("/"),
        url=url.rstrip("/"),
        provider=Provider(slug="example", name="Example"),
        format=format,
    )
    return Replay(Formats()[format], page, path, known)


@pytest.mark.corpus
@pytest.mark.parametrize("series", SERIES)
def test_a_series_played_twice_in_a_row_gives_nothing_the_second_time(
    corpus: Path, series: str
) -> None:
    """The past, served again, is not news."""
    replay = player(*SERIES[series])
    first = [event for body in bodies(corpus / series) for event in replay.visit(body)]
    assert first
    assert len({event.id for event in valid(first)}) == len(first)
    again = [event for body in bodies(corpus / series) for event in replay.visit(body)]
    assert [event.kind for event in again if event.kind.family != "page"] == []


@pytest.mark.corpus
@pytest.mark.parametrize("series", SERIES)
def test_a_restart_after_each_body_gives_the_same_events(corpus: Path, series: str) -> None:
    """What is known survives being written and read."""
    replay = player(*SERIES[series])
    in_one_go: list[Event] = []
    with_restarts: list[Event] = []
    known: Known | None = None
    for body in bodies(corpus / series):
        in_one_go += [e for e in replay.visit(body) if e.kind.family != "page"]
        restarted = player(*SERIES[series], known)
        with_restarts += [e for e in restarted.visit(body) if e.kind.family != "page"]
        known = msgspec.msgpack.decode(msgspec.msgpack.encode(restarted.known), type=Known)
    assert [event.id for event in with_restarts] == [event.id for event in in_one_go]


@pytest.mark.corpus
def test_githubs_june_of_2026_is_told_whole(corpus: Path) -> None:
    """Seventy incidents: four born resolved, and 57 root causes written in afterwards."""
    replay = player("feed", "history.atom")
    folder = corpus / "statuspage/github/series-history-atom-2026-06"
    events = [event for body in bodies(folder) for event in replay.visit(body)]
    kinds = Counter(event.kind.value for event in events)
    assert kinds["incident.resolved"] == 70
    assert kinds["incident.opened"] == 66
    assert kinds["incident.edited"] == 57
    assert all(event.closing for event in events if event.kind == "incident.edited")


@pytest.mark.corpus
def test_a_day_of_errors_in_good_json_ends_nothing(corpus: Path) -> None:
    """Netlify, 7 February 2021: the page answered {"status": 500} for minutes."""
    replay = player("statuspage", "api/v2/summary.json")
    folder = corpus / "statuspage/netlify/series-summary-2021-02-07-http500"
    events = [event for body in bodies(folder) for event in replay.visit(body)]
    assert not [event for event in events if event.kind == "incident.resolved"]
    assert {event.kind.family for event in events} <= {"incident", "component", "page"}
