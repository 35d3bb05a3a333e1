"""The real `watch` process over recorded bodies says what `replay` says of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.recorded import Recorded, replay, series, serve, watch

SUMMARY = "/api/v2/summary.json"

SERIES = (
    ("statuspage", SUMMARY, "statuspage/github/series-summary-2026-08"),
    ("statuspage", SUMMARY, "statuspage/github/series-summary-2022-12-empty-bodies"),
    ("statuspage", SUMMARY, "statuspage/cloudflare/series-summary-2020-11"),
    ("statuspage", SUMMARY, "statuspage/netlify/series-summary-2026-03"),
    ("statuspage", SUMMARY, "statuspage/netlify/series-summary-2021-02-07-http500"),
    ("feed", "/history.atom", "statuspage/github/series-history-atom-2026-06"),
    ("feed", "/history.atom", "statuspage/github/series-history-atom-2022-06"),
)

SLICE = 60
"""Bodies of each series in the quick profile."""

OPENAI = {
    "20260730T000000Z": "OpenAI.json",
    "20260922T155000Z": "openai-archive-2026-09-22.json",
    "20260924T235900Z": "openai-archive-2026-09-24.json",
    "20260929T190000Z": "openai-archive-2026-09-29.json",
}
"""In order of capture, under about the time of it."""


def said(events: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What was recorded of incidents and components, in order.

    How long a page cannot be read is a matter of the clock, which is another one in a replay.
    """
    return [
        (
            event["type"],
            data.get("incident", {}).get("id"),
            data.get("incident", {}).get("title"),
            data.get("incident", {}).get("status"),
            data.get("update", {}).get("id"),
            data.get("update", {}).get("body"),
            data.get("component", {}).get("name"),
            data.get("component", {}).get("status"),
        )
        for event in events
        for data in [event["data"]]
        if ".page." not in event["type"]
    ]


@pytest.mark.corpus
async def test_watching_recorded_series_says_what_replaying_them_says(
    corpus: Path, tmp_path: Path, full_profile: bool
) -> None:
    """Bodies as they were published, error bodies and empty ones included, in one process."""
    limit = None if full_profile else SLICE
    pages = [
        Recorded(format, path, series(corpus / folder, limit)) for format, path, folder in SERIES
    ]
    async with serve(*pages):
        watched = await watch(pages, tmp_path)
    assert all(page.over.is_set() for page in pages)
    for page in pages:
        live = [event for event in watched if event["source"] == page.url]
        replayed = await replay(page)
        assert said(live) == said(replayed)
        assert said(replayed), "a series without any event proves nothing"


@pytest.mark.corpus
async def test_openai_in_order_of_capture(corpus: Path, tmp_path: Path) -> None:
    """Its outages are announced, and a list of components that was cut is no news."""
    files = [tmp_path / f"{stamp}.json" for stamp in OPENAI]
    for file, name in zip(files, OPENAI.values(), strict=True):
        file.write_bytes((corpus / "incidentio/openai" / name).read_bytes())
    page = Recorded("incidentio", SUMMARY, files)
    async with serve(page):
        watched = await watch([page], tmp_path)
    assert said(watched) == said(await replay(page))
    titles = {
        event["data"]["incident"]["title"] for event in watched if "incident" in event["data"]
    }
    assert any("ChatGPT" in title for title in titles)
