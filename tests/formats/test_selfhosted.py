"""Formats that people run themselves, on any host: none of them takes another's document."""

import pytest

from bellbuoy.exchange import Response
from bellbuoy.formats import Formats
from tests.formats.samples import ROOT, body_of

FOLDERS = {"cachet": "cachet", "uptimekuma": "uptime-kuma", "upptime": "upptime"}
PATHS = (
    "",
    "/api/v1/components",
    "/api/status-page/acme",
    "/api/status-page/heartbeat/acme",
    "/history/summary.json",
)


@pytest.mark.corpus
def test_no_recording_of_another_engine_is_taken_for_one_of_these(corpus):
    """Under whatever path it is served, and all of their own are known under their own."""
    formats = {name: Formats()[name] for name in FOLDERS}
    own = dict.fromkeys(FOLDERS, 0)
    others = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or path.suffix == ".md":
            continue
        if "series" in path.parent.name and path.name[:4] > "0003":
            continue
        engine, body = path.relative_to(corpus).parts[0], body_of(path)
        claimed = {
            name
            for name, format in formats.items()
            for place in PATHS
            if format.claims(Response(url=f"{ROOT}{place}", status=200, body=body))
        }
        if engine in FOLDERS.values():
            (name,) = claimed
            assert FOLDERS[name] == engine, path
            own[name] += 1
        else:
            assert claimed == set(), path
            others += 1
    assert own == {"cachet": 4, "uptimekuma": 2, "upptime": 6}
    assert others > 100
