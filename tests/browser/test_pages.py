"""The pages behind the board in a browser: for every reader, with and without scripts."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Page, expect

from tests.browser.served import Served, served
from tests.web.long_view import long_view
from tests.web.sites import WRITE_TOKEN, Seen

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = {
    "provider": "/providers/harbor-cloud",
    "unreadable": "/providers/oxbow-models",
    "maintenance": "/maintenance",
    "day": "/maintenance?day=2026-11-22",
    "history": "/history?q=storage",
    "deliveries": "/deliveries",
    "silences": "/silences",
    "config": "/config",
    "sign-in": "/sign-in",
}
_SERIOUS = {"serious", "critical"}


@pytest_asyncio.fixture(loop_scope="session")
async def years() -> AsyncGenerator[Served]:
    """The pretend world with its past, behind a port."""
    seen, config = long_view()
    async with served(seen, **config) as one:
        yield one


async def sign_in(page: Page, url: str) -> None:
    """Show the token that writes, as a person does."""
    await page.goto(f"{url}/sign-in")
    await page.get_by_label("Token").fill(WRITE_TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
async def test_axe_finds_no_serious_fault_on_a_page(years, open_page, path, scheme):
    """Also in what is folded, and in the forms of who may write."""
    page = await open_page(years.url, color_scheme=scheme, bypass_csp=True)
    await sign_in(page, years.url)
    await page.goto(years.url + path)
    await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    await page.add_script_tag(path=AXE_FILE_PATH)
    found: dict[str, Any] = await page.evaluate("axe.run()")
    faults = [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in _SERIOUS
    ]
    assert faults == []


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
async def test_no_page_is_wider_than_a_phone(years, open_page, path):
    """Nobody has to push a page sideways."""
    page = await open_page(years.url + path, viewport={"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_the_lag_is_drawn_where_there_are_scripts_and_said_where_there_are_none(
    years, open_page
):
    """A line for the eye, its median in words."""
    path = years.url + PATHS["provider"]
    page = await open_page(path)
    await expect(page.locator(".plot canvas")).to_have_count(1)
    plain = await open_page(path, java_script_enabled=False)
    await expect(plain.locator(".plot canvas")).to_have_count(0)
    await expect(plain.locator(".health dl")).to_contain_text("Lag of the vendor")


async def test_a_day_says_what_it_was_and_a_region_unfolds(years, open_page):
    """Without a script."""
    page = await open_page(years.url + PATHS["provider"], java_script_enabled=False)
    told = page.locator("symbol rect.major_outage title").first
    await expect(told).to_contain_text("2026-10-10: major outage")
    region = page.locator("details.branch", has_text="Asia South")
    await expect(region.locator("li.component").first).to_be_hidden()
    await region.locator("summary").click()
    await expect(region.locator("li.component").first).to_be_visible()


async def test_a_silence_is_made_and_ended_without_a_script(years, open_page, watcher):
    """A wrong word keeps what was typed, and the browser's own checks are not needed for it."""
    watcher.forgiven = ("422",)
    page = await open_page(years.url, java_script_enabled=False)
    await sign_in(page, years.url)
    await page.goto(f"{years.url}/silences")
    await page.get_by_label("What").fill("nobody-of-this-name")
    await page.get_by_label("Who says so").fill("the team on call")
    await page.get_by_role("button", name="Silence", exact=True).click()
    await expect(page.locator("#target-wrong")).to_contain_text("like no provider")
    await expect(page.get_by_label("Who says so")).to_have_value("the team on call")
    await page.get_by_label("What").fill("lantern-mail")
    await page.get_by_role("button", name="Silence", exact=True).click()
    await expect(page.get_by_role("status")).to_have_text("Silenced from now on.")
    row = page.locator("li.silence", has_text="lantern-mail")
    await row.get_by_role("button").click()
    await expect(page.get_by_role("status")).to_have_text("That silence is over.")


async def test_who_signs_out_has_no_buttons_any_more(years, open_page):
    """The cookie is gone, and reading is still open."""
    page = await open_page(years.url)
    await sign_in(page, years.url)
    await page.goto(f"{years.url}/deliveries")
    await expect(page.get_by_role("button", name="Send again").first).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(f"{years.url}/deliveries")
    await expect(page.locator("form[method=post]")).to_have_count(0)
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(
    "path", ["/maintenance", "/history", "/deliveries", "/silences", "/config"]
)
async def test_a_page_with_nothing_on_it_complains_of_nothing(open_page, path):
    """Empty is a state like any other."""
    async with served(Seen()) as nothing:
        page = await open_page(nothing.url + path)
        await expect(page.locator("main")).not_to_be_empty()
        await page.close()
