"""Take the pictures of the pages, anew and always the same: `python -m tests.browser.screens`."""

import asyncio
import sys
import time
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from bellbuoy.web.access import SESSION, Scope, new_session
from tests.browser.browsers import chromium, launch
from tests.browser.served import served
from tests.web.long_view import long_view
from tests.web.lookout import MAIN_INCIDENT, lookout
from tests.web.sites import NOW, OPEN

SCREENS = Path(__file__).parents[2] / "docs" / "screens"

PAGES = {"board": "/", "incident": MAIN_INCIDENT}
"""What is taken of an afternoon, by the name of its pictures."""

FURTHER = {
    "provider": "/providers/harbor-cloud",
    "maintenance": "/maintenance",
    "history": "/history?q=storage",
    "deliveries": "/deliveries",
    "silences": "/silences",
    "config": "/config",
    "sign-in": "/sign-in",
}
"""What is taken of the same world with a past, for who has signed in."""

SCHEMES = ("light", "dark")
SIZES = {390: 844, 1440: 900}
"""The widths, each with the height that a window then has."""


async def take(browser: Browser, url: str, name: str, into: Path, session: str = "") -> None:
    """The pictures of one page, light and dark, narrow and wide; `session` is a cookie's value."""
    for scheme in SCHEMES:
        for width, height in SIZES.items():
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
                timezone_id="UTC",
                locale="en-GB",
            )
            if session:
                await context.add_cookies([{"name": SESSION, "value": session, "url": url}])
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
    session = new_session(OPEN, Scope.WRITE, time.time())
    async with async_playwright() as playwright:
        browser = await launch(playwright, path)
        for world, pages, cookie in ((lookout, PAGES, ""), (long_view, FURTHER, session)):
            seen, config = world()
            async with served(seen, **config) as one:
                for name in [each for each in pages if each in (names or pages)]:
                    shown = "" if name == "sign-in" else cookie
                    await take(browser, one.url + pages[name], name, SCREENS, shown)
        await browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
