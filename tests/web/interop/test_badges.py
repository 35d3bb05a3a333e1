"""Badges: the word, its colour, and nothing that runs."""

import re

import httpx
import pytest
from lxml import etree

from bellbuoy.model.facts import ComponentStatus, Impact
from bellbuoy.web.application import application
from bellbuoy.web.interop.badges import _COLOURS, LONGEST, Badge, draw
from tests.web.sites import (
    CLOSED,
    NOW,
    READ_TOKEN,
    Seen,
    component,
    incident,
    known,
    open_site,
    read_state,
    watched,
)

SVG = "{http://www.w3.org/2000/svg}"
GREY = _COLOURS[ComponentStatus.UNKNOWN]


def read(body: bytes) -> tuple[str, str]:
    """What a badge says, and on which colour."""
    root = etree.fromstring(body)
    title = root.findtext(f"{SVG}title")
    assert root.get("aria-label") == title
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert ": ".join(texts) == title
    *_, colour = (one.get("fill") for one in root.iter(f"{SVG}rect"))
    return title, colour


async def of(path: str, *facts) -> tuple[int, str, str]:
    """The badge of Acme, of which this is known."""
    acme = watched("acme", "Acme")
    key = acme.page.key
    seen = Seen(pages=(acme,), states={key: read_state(key)}, known={key: known(key, *facts)})
    async with open_site(seen) as site:
        transport = httpx.ASGITransport(application(site, clock=lambda: 0.0, now=NOW.timestamp))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.get(path)
    assert answer.headers["content-type"] == "image/svg+xml"
    return answer.status_code, *read(answer.content)


@pytest.mark.parametrize("status", ComponentStatus)
async def test_each_status_has_its_word_and_its_colour(status):
    """Green is for operational alone, unknown is grey."""
    found = await of("/badge/acme.svg", component("API", status))
    assert found == (200, f"Acme: {status.value.replace('_', ' ')}", _COLOURS[status])
    assert len(set(_COLOURS.values())) == len(ComponentStatus)


@pytest.mark.parametrize("slug", ["acme", "fresh"])
async def test_what_cannot_be_read_is_grey(client, slug):
    """Also what was never read yet."""
    said, colour = read((await client.get(f"/badge/{slug}.svg")).content)
    assert (said, colour) == (f"{slug.title()}: unknown", GREY)


async def test_an_open_incident_shows_though_all_components_are_well():
    """Vendors open incidents long before they touch a component."""
    trouble = incident("i1", "Trouble", impact=Impact.CRITICAL)
    _, said, _ = await of("/badge/acme.svg", component("API"), trouble)
    assert said == "Acme: major outage"


@pytest.mark.parametrize("asked", ["Conversations", "conversations", "ChatGPT: Conversations"])
async def test_a_component_has_a_badge_of_its_own(client, asked):
    """By its name, its id, or its name with its group."""
    answer = await client.get("/badge/openai.svg", params={"component": asked})
    assert read(answer.content)[0] == "OpenAI: ChatGPT: Conversations: partial outage"


async def test_of_several_components_with_one_name_the_worst_counts():
    """A name that repeats over regions must not show the green one."""
    well = component("API", region="eu")
    ill = component("API", ComponentStatus.MAJOR_OUTAGE, region="us", id="api-us")
    _, said, _ = await of("/badge/acme.svg?component=API", well, ill)
    assert said.endswith(": major outage")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/badge/nobody.svg", "bellbuoy: no such provider"),
        ("/badge/%3Cscript%3E.svg", "bellbuoy: no such provider"),
        ("/badge/openai.svg?component=<script>", "OpenAI: no such component"),
    ],
)
async def test_what_is_not_watched_is_404_and_an_image_that_says_so(client, path, said):
    """A broken image in a README tells nobody anything."""
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "image/svg+xml"
    assert read(answer.content)[0] == said
    assert b"script" not in answer.content


async def test_it_is_kept_for_a_minute_and_then_asked_for_again(client):
    """By anybody, because everybody may read; and shown by other sites."""
    answer = await client.get("/badge/openai.svg")
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    tag = answer.headers["etag"]
    again = await client.get("/badge/openai.svg", headers={"if-none-match": tag})
    assert again.status_code == 304
    assert (await client.head("/badge/openai.svg")).headers["etag"] == tag


@pytest.mark.parametrize("web", [CLOSED])
async def test_where_reading_needs_a_token_no_shared_cache_keeps_it(client):
    """Else the cache would let in whom the door does not."""
    assert (await client.get("/badge/openai.svg")).status_code == 401
    token = {"authorization": f"Bearer {READ_TOKEN}"}
    answer = await client.get("/badge/openai.svg", headers=token)
    assert answer.headers["cache-control"] == "private, max-age=60"


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", '" onload="alert(1)', "]]>&x;", "\x00\ufffe", "a" * 999, ""],
)
async def test_j7_a_vendors_name_is_text_in_a_badge(name):
    """No element, no attribute and no address of a vendor's; and it is not endless."""
    root = etree.fromstring(draw(Badge(label=name, message="unknown")))
    names = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert names == {"svg", "title", "clipPath", "rect", "g", "text"}
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on")]
    label = next(root.iter(f"{SVG}text")).text
    assert 0 < len(label) <= LONGEST
    assert int(root.get("width")) < 900


def luminance(colour: str) -> float:
    """WCAG's relative luminance of `#rgb` or `#rrggbb`."""
    digits = colour.removeprefix("#")
    digits = "".join(each * 2 for each in digits) if len(digits) == 3 else digits
    parts = [int(pair, 16) / 255 for pair in re.findall("..", digits)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", [*_COLOURS.values(), "#444"])
def test_white_text_can_be_read_on_every_colour(colour):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 at least."""
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5
