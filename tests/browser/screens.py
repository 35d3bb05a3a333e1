"""Take the pictures of the pages, anew and always the same: `python -m tests.browser.screens`."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.browser.browsers import chromium, launch
from tests.browser.served import served
from tests.web.lookout import MAIN_INCIDENT, lookout
from tests.web.sites import NOW

SCREENS = Path(__file__).parents[2] / "docs" / "screens"

PAGES = {"board": "/", "incident": MAIN_INCIDENT}
"""What is taken, by the name of its pictures."""

SCHEMES = ("light", "dark")
SIZES = {390: 844, 1440: 900}
"""The widths, each with the height that a window then has."""


async def take(browser: Browser, url: str, name: str, into: Path) -> None:
    """The pictures of one page, light and dark, narrow and wide."""
    for scheme in SCHEMES:
        for width, height in SIZES.items():
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
                timezone_id="UTC",
                locale="en-GB",
            )
            page = await context.new_page()
            await page.clock.install(time=NOW)
            await page.goto(url)
            if await page.locator("#live").count():
                await page.locator("#live", has_text="live").wait_for()
            await page.evaluate("document.fonts.ready")
            await page.screenshot(path=into / f"{name}-{scheme}-{width}.png", full_page=True)
            await context.close()


async def main(names: list[str]) -> int:
    """Take the pictures of these pages, or of all."""
    path = chromium()
    if path is None:
        sys.stderr.write("there is no Chromium here (Debian's package chromium)\n")
        return 1
    SCREENS.mkdir(parents=True, exist_ok=True)
    seen, config = lookout()
    async with served(seen, **config) as one, async_playwright() as playwright:
        browser = await launch(playwright, path)
        for name in names or PAGES:
            await take(browser, one.url + PAGES[name], name, SCREENS)
        await browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
