"""Pages that stay open: they follow what happens, and leave in peace whoever reads them."""

import pytest
from playwright.async_api import Page, expect

from bellbuoy.events import EventKind
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from tests.browser.served import served
from tests.event_samples import incident_event
from tests.web.lookout import MAIN_INCIDENT, OF, lookout, main_incident
from tests.web.sites import NOW, Seen, component, incident, minutes_ago, told, update

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOGHORN = OF["Foghorn Chat"]
COUNTS_EVENTS = """
    window.heard = [];
    document.addEventListener("bellbuoy:event", (event) => window.heard.push(event.detail.id));
"""


def _trouble(number: int = 1, body: str = "Messages arrive late."):
    return incident(
        f"new-{number}",
        f"Messages are delayed ({number})",
        update(1, IncidentStatus.INVESTIGATING, body, minutes_ago(1)),
        impact=Impact.MAJOR,
    )


async def _is_live(page: Page) -> None:
    await expect(page.locator("#live")).to_have_text("live")


async def test_a_new_incident_appears_without_a_reload(afternoon, open_page):
    """The card, the tile, the heading, the title and the favicon follow; the page is the same."""
    page = await open_page(afternoon.url)
    await _is_live(page)
    await page.evaluate("window.isTheSame = true")
    await expect(page.locator("#heading")).to_contain_text("Four vendors have trouble")
    new = _trouble()
    await afternoon.happen(FOGHORN, new, events=told(FOGHORN, new))
    await expect(page.locator("article", has_text="Messages are delayed")).to_be_visible()
    await expect(page.locator("#heading")).to_contain_text("Five vendors have trouble")
    await expect(page).to_have_title("1 critical, 2 major, 1 minor, 1 unread · Bellbuoy")
    await expect(page.locator("#favicon")).to_have_attribute("href", "/static/favicon-critical.svg")
    await expect(page.locator("#say")).to_contain_text("Foghorn Chat: Messages are delayed")
    assert await page.evaluate("window.isTheSame")


async def test_the_end_of_an_incident_takes_its_card_away(afternoon, open_page):
    """And the provider is fine again."""
    page = await open_page(afternoon.url)
    await _is_live(page)
    open_one = _trouble()
    await afternoon.happen(FOGHORN, open_one, events=told(FOGHORN, open_one))
    card = page.locator("article", has_text="Messages are delayed")
    await expect(card).to_be_visible()
    over = incident(
        "new-1",
        open_one.title,
        *open_one.updates,
        update(2, IncidentStatus.RESOLVED, "They arrive in time again.", NOW),
        impact=Impact.MAJOR,
    )
    await afternoon.happen(FOGHORN, over, events=told(FOGHORN, over)[1:])
    await expect(card).to_have_count(0)


async def test_what_changes_without_an_event_comes_by_a_quiet_refresh(afternoon, open_page):
    """A component's status that no route asks for still shows within half a minute."""
    page = await open_page("about:blank")
    await page.clock.install(time=NOW)
    await page.goto(afternoon.url)
    await _is_live(page)
    await afternoon.happen(FOGHORN, component("API", ComponentStatus.DEGRADED))
    await page.clock.fast_forward(31_000)
    await expect(page.locator("li.minor", has_text="Foghorn Chat")).to_contain_text("1 of 3")


async def test_a_refresh_that_fails_once_is_forgotten_with_the_next(afternoon, open_page, watcher):
    """The board says since when it is not live, and that it is again."""
    watcher.forgiven = ("ERR_FAILED",)
    page = await open_page("about:blank")
    await page.clock.install(time=NOW)
    await page.goto(afternoon.url)
    await _is_live(page)
    await page.route(page.url, lambda route: route.abort())
    await page.clock.fast_forward(31_000)
    await expect(page.locator("#live")).to_contain_text("not live since")
    await page.unroute(page.url)
    await page.clock.fast_forward(31_000)
    await _is_live(page)


async def test_nothing_moves_under_the_pointer_until_it_leaves(afternoon, open_page):
    """What would move waits behind a small button; what has its place changes in it."""
    page = await open_page(afternoon.url)
    await _is_live(page)
    tile = page.locator("li", has_text="Foghorn Chat").locator(".tile")
    first = page.locator("article").first
    await first.hover()
    before = await first.bounding_box()
    new = _trouble()
    await afternoon.happen(
        FOGHORN, new, component("API", ComponentStatus.MAJOR_OUTAGE), events=told(FOGHORN, new)
    )
    pill = page.get_by_role("button", name="1 change")
    await expect(pill).to_be_visible()
    await expect(tile).to_contain_text("1 of 3")
    await expect(page.locator("article", has_text="Messages are delayed")).to_have_count(0)
    assert await first.bounding_box() == before
    await page.mouse.move(5, 5)
    await expect(page.locator("article", has_text="Messages are delayed")).to_be_visible()
    await expect(pill).to_be_hidden()


async def test_the_small_button_shows_what_waits(afternoon, open_page):
    """Whoever wants to see it now need not move away."""
    page = await open_page(afternoon.url)
    await _is_live(page)
    await page.locator("article").first.hover()
    new = _trouble()
    await afternoon.happen(FOGHORN, new, events=told(FOGHORN, new))
    await page.get_by_role("button", name="1 change").dispatch_event("click")
    await expect(page.locator("article", has_text="Messages are delayed")).to_be_visible()


async def test_nothing_moves_around_what_has_the_focus(afternoon, open_page):
    """A person with a keyboard keeps the place where they are."""
    page = await open_page(afternoon.url)
    await _is_live(page)
    await page.locator("#filter select").last.focus()
    await page.keyboard.press("Tab")
    focused = await page.evaluate("document.activeElement.closest('article')?.id ?? ''")
    assert focused.startswith("i-")
    new = _trouble()
    await afternoon.happen(FOGHORN, new, events=told(FOGHORN, new))
    await expect(page.get_by_role("button", name="1 change")).to_be_visible()
    still = await page.evaluate("document.activeElement.closest('article')?.id ?? ''")
    assert still == focused
    await page.locator("#filter input").focus()
    await expect(page.locator("article", has_text="Messages are delayed")).to_be_visible()


async def test_after_a_restart_the_story_goes_on_without_a_gap_or_a_repeat(
    open_page, watcher, tmp_path
):
    """Events before, during and after the time in which the server was away come once each."""
    watcher.forgiven = ("ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE", "ERR_NETWORK")
    seen, config = lookout()
    address = f"sqlite:///{tmp_path / 'bellbuoy.db'}"
    told_ids: list[str] = []

    async def tell(one, number: int) -> None:
        new = _trouble(number)
        await one.happen(FOGHORN, new, events=told(FOGHORN, new))
        told_ids.append(f"{one.site.store.log_id}:{await one.site.store.last_seq()}")

    async with served(seen, address=address, **config) as one:
        page = await open_page("about:blank")
        await page.add_init_script(COUNTS_EVENTS)
        await page.goto(one.url)
        await _is_live(page)
        await page.evaluate("window.isTheSame = true")
        await tell(one, 1)
        await expect(page.locator("article", has_text="delayed (1)")).to_be_visible()
        port = one.port
    await expect(page.locator("#live")).to_contain_text("not live since")
    again = Seen(pages=seen.pages)
    async with served(again, address=address, **config) as away:
        await tell(away, 2)
    async with served(again, address=address, port=port, **config) as one:
        await _is_live(page)
        await expect(page.locator("article", has_text="delayed (2)")).to_be_visible()
        await tell(one, 3)
        await expect(page.locator("article", has_text="delayed (3)")).to_be_visible()
        assert await page.evaluate("window.heard") == told_ids
        assert await page.evaluate("window.isTheSame")
        await page.close()


async def test_a_lost_line_is_said_with_its_time(open_page, watcher):
    """Who looks at a wall must see that it is old."""
    watcher.forgiven = ("ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE", "ERR_NETWORK")
    seen, config = lookout()
    async with served(seen, **config) as one:
        page = await open_page("about:blank")
        await page.clock.install(time=NOW)
        await page.goto(one.url)
        await _is_live(page)
    await expect(page.locator("#live")).to_have_text("not live since 16:30")
    await expect(page.locator("#live")).to_have_class("live lost")
    await page.close()


async def test_a_hidden_tab_gives_its_line_back_and_catches_up_when_seen(afternoon, open_page):
    """Browsers open few lines to one host; what nobody sees needs none."""
    page = await open_page("about:blank")
    await page.clock.install(time=NOW)
    await page.goto(afternoon.url)
    await _is_live(page)
    hide = "is => { Object.defineProperty(document, 'hidden', {get: () => is, configurable: true});"
    hide += " document.dispatchEvent(new Event('visibilitychange')) }"
    async with page.expect_event("requestfailed", lambda one: "/stream" in one.url):
        await page.evaluate(hide, arg=True)
        await page.clock.fast_forward(11_000)
    new = _trouble()
    await afternoon.happen(FOGHORN, new, events=told(FOGHORN, new))
    await page.evaluate(hide, arg=False)
    await expect(page.locator("article", has_text="Messages are delayed")).to_be_visible()
    await _is_live(page)


async def test_an_incident_that_is_open_grows_and_keeps_what_was_unfolded(afternoon, open_page):
    """The new step stands on top, and the raw event that somebody reads stays open."""
    page = await open_page(afternoon.url + MAIN_INCIDENT)
    await _is_live(page)
    raw = page.locator("details.raw").last
    await raw.locator("summary").click()
    await page.mouse.move(5, 5)
    of, about = OF["Beaconlight AI"], main_incident()
    more = update(4, IncidentStatus.MONITORING, "The rollback is everywhere.", NOW)
    grown = incident(
        about.key,
        about.title,
        *about.updates,
        more,
        components=about.components,
        impact_raw=about.impact_raw,
    )
    await afternoon.happen(of, grown, events=told(of, grown)[3:])
    entries = page.locator("ol.timeline > li")
    await expect(entries).to_have_count(6)
    await expect(entries.first).to_contain_text("The rollback is everywhere.")
    await expect(page.locator("details.raw[open]")).to_have_count(1)


async def test_an_event_that_no_page_knows_of_harms_nothing(afternoon, open_page):
    """The stream only hints; what is shown is asked for."""
    page = await open_page(afternoon.url)
    await _is_live(page)
    await afternoon.site.store.append(
        [incident_event(EventKind.INCIDENT_RESOLVED, "unheard-of", at=NOW, observed_at=NOW)]
    )
    place = f"{afternoon.site.store.log_id}:{await afternoon.site.store.last_seq()}"
    await expect(page.locator("#board")).to_have_attribute("data-cursor", place)
    await expect(page.locator("#heading")).to_contain_text("Four vendors have trouble")
