"""The page of one incident, by its address."""

import httpx

from bellbuoy.model.facts import IncidentStatus
from bellbuoy.web.addresses import incident_path, page_id
from bellbuoy.web.dashboard.incident import find
from tests.web.sites import (
    Seen,
    incident,
    known,
    minutes_ago,
    open_site,
    read_state,
    told,
    update,
    watched,
)

OPENAI = "https://status.openai.example"


async def test_it_shows_the_story_and_who_was_told(client):
    """The title, each step, the raw events and the way to the API."""
    answer = await client.get(incident_path(OPENAI, "i1"))
    assert answer.status_code == 200
    assert "Elevated error rate for ChatGPT conversations" in answer.text
    assert "Found &lt;b&gt;it&lt;/b&gt; &amp; fix it." in answer.text
    assert "/api/v1/events/" in answer.text
    assert answer.headers["vary"] == "HX-Request"


async def test_a_page_that_is_live_gets_the_part_that_changes(client):
    """And one that comes back from the history gets the whole."""
    for path in ("/", incident_path(OPENAI, "i1")):
        part = await client.get(path, headers={"hx-request": "true"})
        assert part.text.lstrip().startswith("<div id=")
        whole = await client.get(
            path, headers={"hx-request": "true", "hx-history-restore-request": "true"}
        )
        assert whole.text.lstrip().startswith("<!doctype html>")


async def test_an_incident_that_nobody_knows_is_not_found(client):
    """Neither under a page that is watched, nor under one that never was."""
    for path in (incident_path(OPENAI, "nope"), incident_path("https://never.example", "i1")):
        answer = await client.get(path)
        assert answer.status_code == 404


async def test_a_key_may_be_any_text():
    """Vendors use addresses, spaces and signs as ids."""
    of = watched("acme")
    key = "https://x.example/a b?c=d#e/%2F"
    strange = incident(key, "Strange", update(1, IncidentStatus.IDENTIFIED, "x", minutes_ago(3)))
    world = Seen(
        pages=(of,),
        states={of.page.key: read_state(of.page.key)},
        known={of.page.key: known(of.page.key, strange)},
    )
    async with open_site(world) as site:
        found = await find(site, page_id(of.page.key), key)
    assert found is not None
    assert found.incident.title == "Strange"


async def test_an_incident_of_a_page_that_is_watched_no_more_lives_on_in_its_events(site):
    """Its page has left the config, the log has not."""
    gone = watched("gone", "Gone")
    old = incident("i9", "Long ago", update(1, IncidentStatus.RESOLVED, "Over.", minutes_ago(9)))
    await site.store.append(told(gone, old))
    found = await find(site, page_id(gone.page.key), "i9")
    assert found is not None
    assert (found.view, found.incident.title) == (None, "Long ago")


async def test_two_pages_with_the_same_key_are_not_mixed_up(site):
    """Some vendors count their incidents from 1."""
    other = watched("other", "Other")
    same = incident("i1", "Another i1", update(1, IncidentStatus.IDENTIFIED, "x", minutes_ago(3)))
    await site.store.append(told(other, same))
    found = await find(site, page_id(OPENAI), "i1")
    assert found is not None
    assert {event.provider.slug for event in found.events} == {"openai"}


async def test_a_board_that_does_not_exist_names_those_that_do(client: httpx.AsyncClient):
    """And a filter that cannot be says what it can be."""
    answer = await client.get("/boards/nope")
    assert answer.status_code == 404
    assert "ai, tools" in answer.text
    answer = await client.get("/?impact=awful")
    assert answer.status_code == 422
    assert "minor, major, critical" in answer.text


async def test_a_board_of_a_tag_shows_only_what_has_it(client):
    """Whatever else the address asks for."""
    answer = await client.get("/boards/ai?tag=tools&category=cloud")
    assert "OpenAI" in answer.text
    assert "GitHub" not in answer.text
    assert 'href="/config"' not in answer.text
