"""The fixtures of the web's tests hold what they promise."""

import httpx
import pytest


@pytest.mark.parametrize("address", ["sqlite", "memory"], indirect=True)
async def test_what_was_seen_stands_in_the_store_and_stays(site, seen):
    """Pages, their open incidents, events, deliveries and silences."""
    pages = await site.overview.pages()
    assert [view.watched.page.provider.slug for view in pages] == [
        "openai",
        "github",
        "cloudflare",
        "acme",
        "fresh",
    ]
    assert [view.is_unreadable for view in pages] == [False, False, False, True, False]
    assert [view.is_read for view in pages] == [True, True, True, True, False]
    assert [len(view.incidents) for view in pages] == [1, 0, 0, 0, 0]
    assert [len(view.maintenances) for view in pages] == [0, 0, 1, 0, 0]
    assert len(await site.store.read_events()) == len(seen.events)
    assert {one.status.value for one in await site.store.deliveries()} == {
        "done",
        "dead",
        "waiting",
    }
    assert await site.store.silences() == seen.silences


async def test_the_board_answers_within_the_process_and_over_a_port(client, base_url):
    """Both ways lead to the same application."""
    assert "OpenAI" in (await client.get("/")).text
    async with httpx.AsyncClient(base_url=base_url) as over_a_port:
        answer = await over_a_port.get("/")
    assert answer.status_code == 200
    assert "OpenAI" in answer.text
