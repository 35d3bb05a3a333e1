"""The board and the incident for every reader: by keyboard, without scripts, on a phone, by ear."""

from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Page, expect

from tests.browser.served import served
from tests.web.lookout import MAIN_INCIDENT, lookout
from tests.web.sites import Seen

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = {"board": "/", "incident": MAIN_INCIDENT, "of a tag": "/boards/shop", "no match": "/?q=zzz"}
_SERIOUS = {"serious", "critical"}


async def _faults(page: Page) -> list[str]:
    """What axe calls serious: https://github.com/dequelabs/axe-core."""
    await page.add_script_tag(path=AXE_FILE_PATH)
    found: dict[str, Any] = await page.evaluate("axe.run()")
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in _SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
async def test_axe_finds_no_serious_fault(afternoon, open_page, path, scheme):
    """Contrast, names, order and roles, in both schemes; axe alone passes by the policy."""
    page = await open_page(afternoon.url + path, color_scheme=scheme, bypass_csp=True)
    assert await _faults(page) == []


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
async def test_nothing_is_wider_than_a_phone(afternoon, open_page, path):
    """Nobody has to push a page sideways."""
    page = await open_page(afternoon.url + path, viewport={"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_everything_is_reached_with_the_keyboard(afternoon, open_page):
    """From the first tab, which skips to the content, to the incident and its raw event."""
    page = await open_page(afternoon.url)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    link = page.get_by_role("link", name="Elevated error rates across Chat and the API")
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await link.evaluate("one => one === document.activeElement"):
            break
    outline = await link.evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline != "none"
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Elevated error rates across Chat and the API")
    raw = page.locator("details.raw summary").first
    await raw.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("details.raw pre").first).to_contain_text('"specversion": "1.0"')


async def test_reading_needs_no_script(afternoon, open_page):
    """Times stand there in UTC, the filter is a form, and the story can be unfolded."""
    page = await open_page(afternoon.url, java_script_enabled=False)
    await expect(page.locator("article")).to_have_count(3)
    times = await page.locator("article time").all_text_contents()
    assert "15:53" in times
    assert "37 min" in times
    await page.get_by_placeholder("Filter by name or words").fill("beaconlight")
    await page.get_by_role("button", name="Filter").click()
    assert "q=beaconlight" in page.url
    await expect(page.locator("article")).to_have_count(1)
    await page.get_by_role("link", name="Elevated error rates").click()
    await page.locator("details.told summary").first.click()
    await expect(page.locator("details.told ul").first).to_contain_text("wake somebody")


async def test_the_filter_works_without_a_reload_and_stands_in_the_address(afternoon, open_page):
    """What is typed is shown at once; the address can be passed on, and what is empty is left."""
    page = await open_page(afternoon.url)
    await page.evaluate("window.isTheSame = true")
    await page.get_by_placeholder("Filter by name or words").press_sequentially("payments")
    await expect(page.locator("article")).to_have_count(1)
    assert page.url == f"{afternoon.url}/?q=payments"
    await page.get_by_label("Impact").select_option("major")
    await expect(page).to_have_url(f"{afternoon.url}/?q=payments&impact=major")
    await page.get_by_placeholder("Filter by name or words").fill("")
    await expect(page.locator("article")).to_have_count(2)
    assert await page.evaluate("window.isTheSame")
    again = await open_page(page.url)
    await expect(again.locator("article")).to_have_count(2)
    await expect(again.get_by_label("Impact")).to_have_value("major")


async def test_times_are_told_in_the_viewers_zone_with_utc_at_hand(afternoon, open_page):
    """A person in Kolkata reads their own time of day."""
    page = await open_page(afternoon.url, timezone_id="Asia/Kolkata")
    shown = page.locator("article", has_text="Beaconlight AI").locator(".both time").first
    await expect(shown).to_contain_text("21:23")
    await expect(shown).to_have_attribute("title", "2026-11-20 15:53:00 UTC")


async def test_a_board_of_a_tag_leads_nowhere_else(afternoon, open_page):
    """It shows what has the tag, under its name, without the way to the rest."""
    page = await open_page(f"{afternoon.url}/boards/shop")
    await expect(page.locator("header.top nav")).to_have_count(0)
    await expect(page.locator(".brand")).to_have_text("shop")
    assert await page.locator(".tile").count() < 25


async def test_an_empty_board_says_what_to_do(open_page):
    """And so does a filter that finds nothing."""
    async with served(Seen()) as nothing:
        page = await open_page(nothing.url)
        await expect(page.locator("main")).to_contain_text("bellbuoy add github")
        await page.close()
    seen, config = lookout()
    async with served(seen, **config) as one:
        page = await open_page(f"{one.url}/?q=nobody+has+this")
        await expect(page.locator("main")).to_contain_text("nobody has this")
        await page.get_by_role("link", name="Show everything").click()
        await expect(page.locator("article")).to_have_count(3)
        await page.close()


async def test_who_wants_no_motion_gets_none(afternoon, open_page):
    """Not even the wash of a card that has just come."""
    page = await open_page(afternoon.url, reduced_motion="reduce")
    await page.evaluate("document.querySelector('article').classList.add('arrived')")
    name = await page.locator("article").first.evaluate(
        "one => getComputedStyle(one).animationName"
    )
    assert name == "none"
