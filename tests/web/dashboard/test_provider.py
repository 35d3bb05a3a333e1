"""A provider's page: components, days, incidents, and how reading goes."""

import time
from datetime import timedelta

import httpx
import pytest
from msgspec.structs import replace

from bellbuoy.config.web import Web
from bellbuoy.model.facts import ComponentStatus
from bellbuoy.model.known import Known
from bellbuoy.web import access
from bellbuoy.web.addresses import page_id
from bellbuoy.web.application import application
from bellbuoy.web.dashboard.branches import tree
from bellbuoy.web.dashboard.page_health import lag
from tests.event_samples import incident_event
from tests.web.reading import press, read
from tests.web.sites import (
    NOW,
    OPEN,
    Seen,
    component,
    minutes_ago,
    open_site,
    read_state,
    watched,
)

OPENAI = page_id("https://status.openai.example")


def test_components_stand_under_group_and_region_and_what_is_ill_comes_first():
    """The branch that holds trouble is open, the others are folded where there are many."""
    many = [
        component(f"S{number:02}", id=f"{number}-{region}", group="Compute", region=region)
        for region in ("eu", "us")
        for number in range(20)
    ]
    many[25] = replace(many[25], status=ComponentStatus.DEGRADED)
    root = tree([*many, component("Alone"), component("Compute", is_group=True)])
    (compute,) = root.branches
    assert [one.name for one in root.parts] == ["Alone"]
    assert (root.total, root.ill, compute.total) == (41, 1, 40)
    assert [(one.name, one.is_open, one.ill) for one in compute.branches] == [
        ("us", True, 1),
        ("eu", False, 0),
    ]
    assert compute.branches[0].parts[0].name == "S05"


def test_a_region_is_the_heading_of_what_has_no_group():
    """And a region that is the group itself is not said twice."""
    parts = [component("A", id="a", region="eu"), component("B", id="b", group="us", region="us")]
    root = tree(parts)
    assert [(one.name, [p.name for p in one.parts]) for one in root.branches] == [
        ("eu", ["A"]),
        ("us", ["B"]),
    ]
    assert all(not one.branches for one in root.branches)


def test_the_lag_is_the_median_over_what_was_seen_as_it_came():
    """What was over, or open already, when it was first seen tells nothing of the vendor."""
    came = [
        incident_event(seq=n, at=NOW, observed_at=NOW + timedelta(seconds=seconds))
        for n, seconds in enumerate((10, 20, 600))
    ]
    stale = [
        incident_event(at=NOW, observed_at=NOW + timedelta(days=1), reason="already open"),
        incident_event(at=NOW, observed_at=NOW + timedelta(days=1), late=True),
        incident_event(at=None, observed_at=NOW),
    ]
    found = lag([*stale, *came])
    assert found is not None
    assert (found.middle, found.most) == (timedelta(seconds=20), timedelta(seconds=600))
    assert lag(stale) is None


async def test_a_provider_shows_its_trouble_its_components_and_its_days(client):
    """Each component with a bar of ninety days, each day with its words."""
    page = await read(client, "/providers/openai")
    assert page.status == 200
    assert "Elevated error rate for ChatGPT conversations" in page.text
    assert page.texts("//details[contains(@class,'branch')]/summary") == [
        "ChatGPT 1 of 1 not operational",
        "APIs 1 component",
    ]
    bar = page.all("//symbol[starts-with(@id,'days-')]")[0]
    days = bar.findall("rect")
    assert len(days) == 90
    assert days[-1].findtext("title").startswith("2026-11-20: partial outage for 37 min")
    assert days[0].findtext("title") == "2026-08-23: not known for 1 d"
    assert "How the days are judged" in page.text


async def test_every_bar_that_is_drawn_is_there(client):
    """A component refers to a drawing that the page holds, and says it in words."""
    page = await read(client, "/providers/openai")
    names = set(page.all("//symbol/@id"))
    used = page.all("//svg[@class='days']/use/@href")
    assert used
    assert {name.removeprefix("#") for name in used} <= names
    assert all("90 days" in one for one in page.all("//svg[@class='days']/@aria-label"))


async def test_a_page_that_cannot_be_read_says_so_and_shows_no_green(client):
    """Nor does one that was never read; both say why."""
    acme = await read(client, "/providers/acme")
    assert "This page cannot be read (blocked)" in acme.text
    assert "a challenge stands where the document was" in acme.text
    last = acme.all("//symbol/rect[last()]/@class")
    assert last
    assert set(last) == {"day unknown"}
    fresh = await read(client, "/providers/fresh")
    assert "This page was not read yet" in fresh.text
    assert set(fresh.all("//symbol/rect/@class")) == {"day unknown"}


async def test_health_tells_looks_latency_format_and_lag(client):
    """All that the list of page health promises."""
    page = await read(client, "/providers/openai")
    facts = dict(zip(page.texts("//dl//dt"), page.texts("//dl//dd"), strict=True))
    assert facts["Last look"] == facts["Last good read"] == "18 s ago"
    assert facts["Latency"] == "210 ms"
    assert facts["Format"] == "plain"
    assert facts["Failed looks in a row"] == "0"
    assert facts["Lag of the vendor"] == "20 s, at most 20 s"
    assert facts["Next look"].endswith("every 1 m")


async def test_who_may_write_looks_now_and_sees_the_address_to_give_away(client, writes):
    """Others see what it would take, and neither button nor token."""
    token = access.poke_token(OPEN, OPENAI)
    reader = await read(client, "/providers/openai")
    assert token not in reader.text
    assert not reader.all("//form[contains(@action,'/look')]")
    assert "Sign in with the token of web.auth.write" in reader.text
    writer = await read(client, "/providers/openai", headers=writes)
    assert f"http://127.0.0.1:8484/api/v1/pages/{OPENAI}/poke?token={token}" in writer.text
    done = await press(client, "/providers/openai/look", {"page": OPENAI}, writes)
    assert done.texts("//*[@role='status']") == ["It is looked at again within seconds."]
    poked = await client.post(f"/api/v1/pages/{OPENAI}/poke?token={token}")
    assert poked.status_code == 202


@pytest.mark.parametrize("page", ["", "000000000000", page_id("https://status.github.example")])
async def test_a_look_at_a_page_of_another_provider_is_refused(client, writes, page):
    """The button of one provider cannot be turned against another."""
    answer = await client.post("/providers/openai/look", data={"page": page}, headers=writes)
    assert answer.status_code == 404


async def test_a_look_without_the_token_is_refused(client):
    """By the door, before any route."""
    answer = await client.post("/providers/openai/look", data={"page": OPENAI})
    assert answer.status_code == 401


async def test_a_provider_that_is_not_watched_is_not_there(client):
    """A person gets a page that says so."""
    page = await read(client, "/providers/nobody")
    assert page.status == 404
    assert "No provider of this name is watched" in page.text


@pytest.mark.parametrize("web", [Web()])
async def test_without_a_token_to_write_the_page_says_what_to_set(client):
    """Instead of a button that fails."""
    page = await read(client, "/providers/openai")
    assert "Set a token as web.auth.write in the config" in page.text


async def test_what_a_link_puts_into_the_address_is_not_said(client):
    """Only words of our own list are."""
    page = await read(client, "/providers/openai?done=You+are+hacked&count=9")
    assert "hacked" not in page.text
    assert not page.all("//*[@class='said']")


async def test_thousands_of_components_are_one_small_page():
    """Services times regions: drawings that are alike are drawn once."""
    aws = watched("aws", "AWS")
    parts = {
        f"{region}-{number}": component(
            f"Service {number}", id=f"{region}-{number}", group=f"region-{region}"
        )
        for region in range(25)
        for number in range(120)
    }
    known = Known(page_key=aws.page.key, baseline_at=minutes_ago(60), components=parts)
    seen = Seen(
        pages=(aws,), states={aws.page.key: read_state(aws.page.key)}, known={aws.page.key: known}
    )
    async with open_site(seen) as site:
        transport = httpx.ASGITransport(application(site))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            began = time.thread_time()
            answer = await client.get("/providers/aws", headers={"accept": "text/html"})
            took = time.thread_time() - began
    assert answer.text.count('class="component ') == 3001
    assert len(answer.text) < 2_500_000
    assert took < 5.0
