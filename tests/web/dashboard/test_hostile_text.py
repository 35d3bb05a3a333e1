"""Whatever a vendor writes stays text, on every page."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from bellbuoy.model.facts import AffectedComponent, Impact, IncidentKind, IncidentStatus
from bellbuoy.notifiers import Notifiers, Receiver
from bellbuoy.web import html
from bellbuoy.web.dashboard.hits import marked
from tests.web.reading import read
from tests.web.sites import (
    NOW,
    Seen,
    component,
    delivery,
    incident,
    known,
    minutes_ago,
    open_site,
    read_state,
    told,
    update,
    watched,
)

CORPUS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><x-canary onload=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title></style></textarea><x-canary>",
    "{{7*7}}{% for x in () %}${7*7}#{7*7}",
    "javascript:alert(1)",
    "&lt;x-canary&gt;&#60;x-canary&#62;",
    "]]><!--<x-canary>-->",
    "<a href=javascript:alert(1)>x</a><base href=//evil.example>",
)
PAGES = (
    "/",
    "/providers/acme",
    "/maintenance",
    "/maintenance?day=2026-11-21",
    "/history",
    "/history?q=script+x",
    "/deliveries",
    "/silences",
    "/config",
)


def hostile(text: str) -> Seen:
    """A page in whose every field a vendor wrote this."""
    acme = watched("acme", text)
    part = component(text, id=text, group=text, region=f"{text} ")
    named = (AffectedComponent(id=text, name=text, group=text),)
    bad = {"url": "javascript:alert(1)", "impact_raw": text, "components": named}
    trouble = incident(
        text, text, update(1, IncidentStatus.INVESTIGATING, text, minutes_ago(9)), **bad
    )
    past = incident("past", text, update(2, IncidentStatus.RESOLVED, text, minutes_ago(99)), **bad)
    planned = incident(
        "planned",
        text,
        update(3, IncidentStatus.SCHEDULED, text, minutes_ago(99)),
        kind=IncidentKind.MAINTENANCE,
        impact=Impact.NONE,
        started_at=NOW.replace(day=21),
        components=named,
    )
    events = tuple(event for each in (past, planned, trouble) for event in told(acme, each))
    key = acme.page.key
    return Seen(
        pages=(acme,),
        states={key: read_state(key, detail=text, moved_to=text, failures=1)},
        known={key: known(key, trouble, past, planned, part)},
        events=events,
        deliveries=(delivery(1, events[0], reason=text),),
    )


@pytest.fixture(params=CORPUS)
def seen(request) -> Seen:
    """One text of the corpus in every field."""
    return hostile(request.param)


@pytest.fixture
async def site(seen, web, address):
    """A site with a receiver, so that deliveries are shown."""
    ops = Receiver(name="ops", kind="file", settings=Notifiers({})["file"].Settings(path="x"))
    async with open_site(seen, web=web, address=address, receivers=(ops,)) as opened:
        yield opened


async def test_j7_markup_in_any_field_of_a_vendor_stays_text_on_every_page(client, seen):
    """No element, no handler, no style, and no way to anything but http and https."""
    text = seen.pages[0].page.provider.name
    shown = 0
    for path in PAGES:
        page = await read(client, path)
        assert page.status == 200, path
        assert not page.all("//x-canary | //img | //base | //iframe | //object")
        assert not page.all("//@*[starts-with(name(), 'on')] | //@style")
        for script in page.all("//script"):
            assert script.get("src", "").startswith("/static/"), path
            assert not script.text
        for address in page.all("//@href | //@src | //@action"):
            assert urlsplit(address).scheme in {"", "http", "https"}, address
        shown += " ".join(text.split()) in page.text
    assert shown >= 5


async def test_j6_what_looks_like_a_template_is_printed_as_it_is(client, seen):
    """Templates are ours alone; a vendor's text is only ever a value."""
    page = await read(client, "/providers/acme")
    if "{{7*7}}" in seen.pages[0].page.provider.name:
        assert "{{7*7}}{% for x in () %}${7*7}#{7*7}" in page.text
    assert "49" not in page.texts("//h1")[0]


def test_no_template_turns_escaping_off():
    """Neither by `safe`, nor by a block of its own."""
    environment = html.environment()
    for name in environment.list_templates(extensions=["html"]):
        source = environment.loader.get_source(environment, name)[0]
        tree = environment.parse(source)
        assert not [each.name for each in tree.find_all(nodes.Filter) if each.name == "safe"], name
        assert "autoescape" not in source, name
        assert " style=" not in source, name


@settings(max_examples=60)
@given(st.text(alphabet="<>&\"'abc /=", max_size=60), st.lists(st.text("abc", max_size=3)))
def test_j7_a_hit_is_marked_outside_of_what_is_escaped(text, wanted):
    """No `<` of a vendor stands there but as `&lt;`."""
    template = html.environment().from_string(
        "{% for one in some %}{% if one.is_hit %}<mark>{{ one.text }}</mark>"
        "{% else %}{{ one.text }}{% endif %}{% endfor %}"
    )
    shown = template.render(some=marked(text, [word for word in wanted if word]))
    plain = shown.replace("<mark>", "").replace("</mark>", "")
    assert "<" not in plain
    assert ">" not in plain
