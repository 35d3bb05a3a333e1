"""One browser for each worker; a test gets contexts of it, and fails on whatever it complains of.

These tests share one loop with the browser, so their modules say so:
`pytestmark = pytest.mark.asyncio(loop_scope="session")`.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.browser.browsers import Watcher, chromium, launch
from tests.browser.served import Served, served
from tests.web.lookout import lookout

OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncGenerator[Browser]:
    """Debian's Chromium, once."""
    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium here (Debian's package chromium)")
    async with async_playwright() as playwright:
        opened = await launch(playwright, path)
        yield opened
        await opened.close()


@pytest.fixture
def watcher() -> Watcher:
    """What the browser complained of."""
    return Watcher()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, watcher: Watcher) -> AsyncGenerator[OpenPage]:
    """Opens an address in a context of its own; keywords are the context's."""
    contexts = []

    async def opened(url: str, **options: Any) -> Page:
        chosen = {"viewport": {"width": 1440, "height": 900}, "timezone_id": "UTC", **options}
        context = await browser.new_context(locale="en-GB", **chosen)
        contexts.append(context)
        context.set_default_timeout(15_000)
        watcher.watch(context)
        page = await context.new_page()
        await page.goto(url)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert watcher.unforgiven() == []


@pytest_asyncio.fixture(loop_scope="session")
async def afternoon() -> AsyncGenerator[Served]:
    """The pretend world on an afternoon, behind a port."""
    seen, config = lookout()
    async with served(seen, **config) as one:
        yield one
