"""What vendors write stays text, in every field and on every page (FAULTS J6 and J7)."""

import pytest
from msgspec.structs import replace
from playwright.async_api import Page, expect

from bellbuoy.config import Watched
from bellbuoy.events import Event
from bellbuoy.model.facts import AffectedComponent, ComponentStatus, Impact, IncidentStatus
from bellbuoy.model.known import Known
from bellbuoy.web.addresses import incident_path
from tests.browser.served import Served, served
from tests.web.sites import (
    Seen,
    component,
    incident,
    known,
    minutes_ago,
    read_state,
    told,
    update,
    watched,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

CORPUS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)' x='",
    "</title><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "{{7*7}}{% raw %}${7*7}#{7*7}",
    "<a href=javascript:alert(1)>click</a>",
    "<hx-partial hx-target=body>gone</hx-partial>",
    "<div hx-get=/ hx-trigger=load hx-swap-oob=true id=board>gone</div>",
    "<style>*{display:none}</style>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<base href=//evil.example><form action=//evil.example>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
)
URLS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    'https://ok.example/"><script>alert(1)</script>',
    "//evil.example",
    "http://[bad",
)
STRANGE = """() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const ours = `${location.origin}/static/`;
    const built = "script, img, iframe, style, base, math, hx-partial, object, embed, mglyph";
    const links = all("[href], [src], [action]").flatMap((one) =>
        ["href", "src", "action"].map((name) => one.getAttribute(name)).filter(Boolean));
    return {
        scripts: [...document.scripts].filter((one) => !one.src.startsWith(ours)).length,
        elements: all("main *").filter((one) => one.matches(built)).length,
        handlers: all("*").flatMap((one) => one.getAttributeNames())
            .filter((name) => name.startsWith("on")).length,
        links: links.filter((url) => /^\\s*(javascript|data|vbscript):|^\\/\\//i.test(url)),
        requests: all("main [hx-get]:not(#filter), main [hx-swap-oob]").length,
    };
}"""
NOTHING = {"scripts": 0, "elements": 0, "handlers": 0, "links": [], "requests": 0}


def _page(number: int, text: str) -> tuple[Watched, Known, tuple[Event, ...]]:
    """A page on which every field that a vendor fills holds this text."""
    of = watched(f"acme{number}", text)
    bad = incident(
        text,
        text,
        update(1, IncidentStatus.INVESTIGATING, f"before {text}", minutes_ago(9)),
        update(2, IncidentStatus.IDENTIFIED, text, minutes_ago(3), "ab"),
        url=URLS[number % len(URLS)],
        impact=Impact.UNKNOWN,
        impact_raw=text,
        status_raw=text,
        components=(AffectedComponent(id="c", name=text, group=text),),
    )
    part = component(
        text, ComponentStatus.MAJOR_OUTAGE, id="c", group=text, region=text, status_raw=text
    )
    changes = {
        "body": (text, f"{text} more"),
        "title": (text, f"x {text}"),
        "components": ("", text),
    }
    events = tuple(replace(each, changes=changes, reason=text) for each in told(of, bad))
    return of, known(of.page.key, bad, part), events


def _hostile() -> Seen:
    found = [_page(number, text) for number, text in enumerate(CORPUS)]
    return Seen(
        pages=tuple(of for of, _, _ in found),
        states={of.page.key: read_state(of.page.key) for of, _, _ in found},
        known={of.page.key: held for of, held, _ in found},
        events=tuple(event for _, _, events in found for event in events),
    )


async def _is_inert(page: Page) -> None:
    assert await page.evaluate(STRANGE) == NOTHING
    assert await page.locator("#board, #incident").count() == 1


async def _is_swapped(page: Page, one: Served, event: Event) -> None:
    """An event came, and the page was morphed."""
    await page.locator("#live", has_text="live").wait_for()
    (numbered,) = await one.site.store.append([event])
    place = f"{one.site.store.log_id}:{numbered.seq}"
    await expect(page.locator("[data-live]")).to_have_attribute("data-cursor", place)


async def test_j6_j7_what_vendors_write_is_shown_on_the_board_as_it_is_written(open_page):
    """No alert, no new element, no link that runs, in the page and in what is morphed into it."""
    seen = _hostile()
    async with served(seen, categories={}) as one:
        page = await open_page(one.url)
        await _is_inert(page)
        titles = await page.locator("article h2").all_inner_texts()
        assert {" ".join(each.split()) for each in titles} == {" ".join(t.split()) for t in CORPUS}
        await _is_swapped(page, one, replace(seen.events[0], id="again"))
        await _is_inert(page)
        await page.close()


async def test_j6_j7_what_vendors_write_is_shown_in_the_story_as_it_is_written(open_page):
    """The same for the page of each incident: bodies, edits, components, reasons and raw JSON."""
    seen = _hostile()
    async with served(seen, categories={}) as one:
        page = await open_page(one.url)
        for of, text in zip(seen.pages, CORPUS, strict=True):
            await page.goto(one.url + incident_path(of.page.key, text))
            await _is_inert(page)
            assert " ".join(text.split()) in await page.locator("h1").inner_text()
        await _is_swapped(page, one, replace(seen.events[-1], id="again"))
        await _is_inert(page)
        await page.close()
