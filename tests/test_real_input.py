"""The real `watch` process over recorded bodies says what `replay` says of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.recorded import replay, series, serve, watch

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

SLICE = 40
"""Bodies of each series in the quick profile."""

OPENAI = (
    "OpenAI.json",
    "openai-archive-2026-09-22.json",
    "openai-archive-2026-09-24.json",
    "openai-archive-2026-09-29.json",
)
"""In order of capture."""


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
@pytest.mark.parametrize(("format", "path", "folder"), SERIES, ids=lambda value: value[-30:])
async def test_watching_a_recorded_series_says_what_replaying_it_says(
    corpus: Path, tmp_path: Path, full_profile: bool, format: str, path: str, folder: str
) -> None:
    """Bodies as they were published, error bodies and empty ones included."""
    files = series(corpus / folder, None if full_profile else SLICE)
    async with serve(path, files) as page:
        watched = await watch([page], tmp_path, format=format)
        assert page.over.is_set()
        replayed = await replay(page, format=format)
    assert said(watched) == said(replayed)
    assert len(said(replayed)) > 0


@pytest.mark.corpus
async def test_openai_in_order_of_capture(corpus: Path, tmp_path: Path) -> None:
    """Its outages of September 2026 are announced, and a cut list of components is no news."""
    files = [corpus / "incidentio/openai" / name for name in OPENAI]
    async with serve(SUMMARY, files) as page:
        watched = await watch([page], tmp_path, format="incidentio")
        replayed = await replay(page, format="incidentio")
    assert said(watched) == said(replayed)
    titles = {
        event["data"]["incident"]["title"] for event in watched if "incident" in event["data"]
    }
    assert any("ChatGPT" in title for title in titles)
