"""The feeds of Azure and of Microsoft's admin center, as they were recorded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bellbuoy.formats import Formats, feed
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import IncidentStatus, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from tests.formats.conversation import converse
from tests.formats.samples import page_at

AZURE = "https://azure.status.microsoft/en-us/status/feed"
ADMIN = "https://status.cloud.microsoft/api/feed/mac"
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


def told(url: str, body: bytes) -> Snapshot:
    """What one look at a feed finds, once it was recognised as one."""
    found, _ = converse(recognise(url, Formats()), {url: body})
    assert (found.format, found.url) == ("feed", url)
    return converse(feed.read(page_at(url, "feed"), Seen()), {url: body})[0]


@pytest.mark.corpus
def test_azure_s_feed_is_empty_when_all_is_well(corpus: Path):
    """A channel without items is a document, not a fault."""
    for name in ("Azure-feed.xml", "azure-feed-atlas.xml"):
        snapshot = told(AZURE, (corpus / "azure/azure" / name).read_bytes())
        assert (snapshot.name, snapshot.incidents) == ("Azure Status", ())


@pytest.mark.corpus
@pytest.mark.parametrize("day", ["2022-09-07", "2024-07-21", "2026-07-23"])
def test_azure_states_no_status_so_none_is_read(corpus: Path, day):
    """Its texts speak of recovery and of investigation, but no word is a state."""
    body = (corpus / f"azure/azure/azure-feed-{day}.xml").read_bytes()
    [incident] = told(AZURE, body).incidents
    assert incident.status is IncidentStatus.UNKNOWN
    assert incident.updated_at
    assert incident.updates[0].body
    assert "<" not in incident.updates[0].body


@pytest.mark.corpus
def test_other_words_under_the_stamp_of_azure_s_item_are_an_edit(corpus: Path):
    """Azure rewrites an item in place, and `lastBuildDate` moves by itself."""
    quiet = (corpus / "azure/azure/Azure-feed.xml").read_bytes()
    body = (corpus / "azure/azure/azure-feed-2026-07-23.xml").read_bytes()
    built = body.replace(b"16:38:47", b"16:40:00")
    other = body.replace(b"We are investigating", b"We are mitigating")
    player = Replay(Formats()["feed"], page_at(AZURE, "feed"), "en-us/status/feed")
    visits = (quiet, body, built, other, other, quiet, quiet, quiet)
    kinds = [
        event.kind.value
        for place, visit in enumerate(visits)
        for event in player.visit(
            Recorded(name=str(place), at=NOON + timedelta(minutes=place), body=visit)
        )
    ]
    assert kinds == ["incident.opened", "incident.edited"]


@pytest.mark.corpus
def test_the_standing_notice_of_the_admin_center_is_no_news(corpus: Path):
    """It says "Available" and moves its date at every look."""
    body = (corpus / "microsoft365/microsoft/Microsoft-adminfeed.xml").read_bytes()
    [incident] = told(ADMIN, body).incidents
    assert (incident.status, incident.status_raw) == (IncidentStatus.RESOLVED, "Available")
    player = Replay(Formats()["feed"], page_at(ADMIN, "feed"), "api/feed/mac")
    for minute in range(6):
        moved = body.replace(b"00:05:00 Z", f"00:{minute + 5:02}:00 Z".encode())
        at = NOON + timedelta(minutes=minute)
        assert player.visit(Recorded(name="x", at=at, body=moved)) == ()
