"""The log as a feed: valid in three forms, with nothing in it that runs."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from urllib.parse import quote, urlsplit
from uuid import UUID

import feedparser
import httpx
import pytest
from lxml import etree, html
from msgspec.structs import replace

from bellbuoy.events import Event, EventKind
from bellbuoy.exchange import Response
from bellbuoy.formats import feed as feed_format
from bellbuoy.model.facts import Impact, Provider
from bellbuoy.model.known import Seen as FormatSeen
from bellbuoy.web.application import application
from bellbuoy.web.interop.feeds import LENGTH
from tests.event_samples import component_event, incident_event, monitor_event, page_event
from tests.formats.conversation import converse
from tests.formats.samples import page_at
from tests.web.sites import NOW, Seen, minutes_ago, open_site, watched

HERE = "http://127.0.0.1:8484"
ATOM = "{http://www.w3.org/2005/Atom}"
FORMS = ("/feed.atom", "/feed.rss", "/feed.json")
XSS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "]]><script>alert(1)</script><![CDATA[",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--><script>alert(1)</script>-->",
    '<a href="javascript:alert(1)">x</a>',
    "{{ 7*7 }} ${7*7} <%= 7*7 %>",
    "</title></item><item><title>faked",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
]
"""What a vendor's text may hold, and no reader may run."""


async def read(seen: Seen, path: str, **config) -> bytes:
    """A feed of a site that saw this."""
    async with open_site(seen, **config) as site:
        transport = httpx.ASGITransport(application(site, clock=lambda: 0.0, now=NOW.timestamp))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            answer = await client.get(path)
    assert answer.status_code == 200
    return answer.content


async def titles(client: httpx.AsyncClient, path: str) -> list[str]:
    """The titles in a JSON Feed, the newest first."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


def is_announced(event: Event) -> bool:
    """Whether it is told unless somebody asks for more."""
    return event.kind.family in {"incident", "page", "monitor"}


async def test_an_entry_is_an_event_and_its_date_is_when_we_saw_it(client, site):
    """The same in all three forms, the newest first; the vendor's time stands in the text."""
    log = [each for each in await site.store.latest_events() if is_announced(each)]
    atom = etree.fromstring((await client.get("/feed.atom")).content)
    rss = etree.fromstring((await client.get("/feed.rss")).content)
    items = (await client.get("/feed.json")).json()["items"]
    ids = [f"urn:uuid:{event.id}" for event in log]
    assert [one.text for one in atom.iterfind(f"{ATOM}entry/{ATOM}id")] == ids
    assert [one.text for one in rss.iterfind("channel/item/guid")] == ids
    assert [item["id"] for item in items] == ids
    assert all(UUID(id.removeprefix("urn:uuid:")).version == 5 for id in ids)
    seen = [event.observed_at for event in log]
    dates = [one.text for one in atom.iterfind(f"{ATOM}entry/{ATOM}updated")]
    assert [datetime.fromisoformat(date) for date in dates] == seen
    dates = [one.text for one in rss.iterfind("channel/item/pubDate")]
    assert [parsedate_to_datetime(date) for date in dates] == seen
    assert [datetime.fromisoformat(item["date_published"]) for item in items] == seen
    assert "The vendor's time: 2026-11-20 16:18:00 UTC" in items[0]["content_text"]
    assert items[0]["_bellbuoy"] == {"vendor_time": "2026-11-20T16:18:00Z"}


async def test_atom_keeps_the_rules_of_its_specification(client):
    """RFC 4287, 4.1.1 and 4.1.2: what must be there once, and what must be an address."""
    answer = await client.get("/feed.atom")
    assert answer.headers["content-type"] == "application/atom+xml"
    root = etree.fromstring(answer.content)
    assert root.tag == f"{ATOM}feed"
    for element in (root, *root.iterfind(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1, name
        assert element.findtext(f"{ATOM}author/{ATOM}name")
        assert urlsplit(element.findtext(f"{ATOM}id")).scheme == "urn"
        at = datetime.fromisoformat(element.findtext(f"{ATOM}updated"))
        assert at.utcoffset() is not None
        rels = [link.get("rel") for link in element.iterfind(f"{ATOM}link")]
        assert rels.count("alternate") == 1
        assert all(urlsplit(link.get("href")).scheme for link in element.iterfind(f"{ATOM}link"))
    (self,) = (link for link in root.iterfind(f"{ATOM}link") if link.get("rel") == "self")
    assert self.get("href") == f"{HERE}/feed.atom"
    texts = [one.get("type") for one in root.iter(f"{ATOM}title", f"{ATOM}content")]
    assert set(texts) == {None, "text"}
    updated = [entry.findtext(f"{ATOM}updated") for entry in root.iterfind(f"{ATOM}entry")]
    assert root.findtext(f"{ATOM}updated") == max(updated)


async def test_rss_keeps_the_rules_of_its_specification(client):
    """RSS 2.0: a channel with title, link and description, items with a date of RFC 822."""
    answer = await client.get("/feed.rss")
    assert answer.headers["content-type"] == "application/rss+xml"
    root = etree.fromstring(answer.content)
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    (channel,) = root
    for name in ("title", "link", "description", "lastBuildDate"):
        assert channel.findtext(name)
    guids = [item.find("guid") for item in channel.iterfind("item")]
    assert {guid.get("isPermaLink") for guid in guids} == {"false"}
    assert len({guid.text for guid in guids}) == len(guids)
    dates = [item.findtext("pubDate") for item in channel.iterfind("item")]
    assert all(parsedate_to_datetime(date).tzinfo is UTC for date in dates)


async def test_json_feed_keeps_the_rules_of_its_specification(client):
    """JSON Feed 1.1: version and title, and for each item a unique id and a content."""
    answer = await client.get("/feed.json")
    assert answer.headers["content-type"] == "application/feed+json"
    feed = answer.json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert (feed["title"], feed["feed_url"]) == ("Bellbuoy", f"{HERE}/feed.json")
    for item in feed["items"]:
        assert item["content_text"]
        assert isinstance(item["id"], str)
        assert urlsplit(item["url"]).netloc == "127.0.0.1:8484"
        assert item["authors"] == [{"name": item["title"].partition(":")[0]}]
        assert datetime.fromisoformat(item["date_published"]).utcoffset() is not None
    ids = [item["id"] for item in feed["items"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", FORMS[:2])
async def test_feedparser_reads_it_without_a_complaint(client, path):
    """Titles, links, ids and dates as they were meant."""
    parsed = feedparser.parse(BytesIO((await client.get(path)).content))
    assert not parsed.bozo
    first = parsed.entries[0]
    assert first.title == "OpenAI: Elevated error rate for ChatGPT conversations: identified"
    assert first.link.startswith(f"{HERE}/incidents/")
    assert first.id.startswith("urn:uuid:")
    assert tuple(first.published_parsed)[:6] == (2026, 11, 20, 16, 18, 20)


@pytest.mark.parametrize("path", FORMS)
async def test_our_own_reader_reads_it(client, path):
    """A Bellbuoy can watch the feed of another."""
    url = f"{HERE}{path}"
    body = (await client.get(path)).content
    response = Response(url=url, status=200, body=body)
    assert feed_format.claims(response).name == "Bellbuoy"
    snapshot, _ = converse(feed_format.read(page_at(url, "feed"), FormatSeen()), {url: body})
    assert len(snapshot.incidents) == 4
    found = {one.title for one in snapshot.incidents}
    assert "GitHub: Delays starting Actions jobs: resolved" in found


async def test_only_announced_kinds_are_told_unless_others_are_asked_for(client):
    """Planned work and components flood a reader who did not ask for them."""
    assert all("Cloudflare" not in title for title in await titles(client, "/feed.json"))
    assert await titles(client, "/feed.json?kind=maintenance") == [
        "Cloudflare: FRA (Frankfurt) on 2026-11-21: scheduled"
    ]
    assert await titles(client, "/feed.json?kind=component") == ["GitHub: Pages: partial outage"]
    assert len(await titles(client, "/feed.json?kind=incident.opened,incident.resolved")) == 3


@pytest.mark.parametrize(
    ("query", "providers"),
    [
        ("provider=github", {"GitHub"}),
        ("provider=github&provider=openai", {"GitHub", "OpenAI"}),
        ("provider=git*", {"GitHub"}),
        ("impact=minor", {"GitHub"}),
        ("impact=>=major", {"OpenAI"}),
        ("impact=minor,major", {"GitHub", "OpenAI"}),
        ("provider=nobody", set()),
    ],
)
async def test_it_is_narrowed_by_provider_and_impact_as_routes_are(client, query, providers):
    """The same words as in a route's `when`."""
    found = await titles(client, f"/feed.json?{quote(query, safe='=&,*')}")
    assert {title.partition(":")[0] for title in found} == providers


@pytest.mark.parametrize("query", ["kind=incidents", "impact=awful", "impact=>critical"])
async def test_a_query_that_can_mean_nothing_is_refused_with_its_cure(client, query):
    """An empty feed would look like a quiet day."""
    answer = await client.get(f"/feed.atom?{query}")
    assert answer.status_code == 422
    assert answer.json()["name"] == query.partition("=")[0]
    assert len(answer.json()["detail"]) > 20


async def test_a_board_tells_only_of_its_own_providers(client):
    """And it is a feed of its own, with its own id and title."""
    assert {one.partition(":")[0] for one in await titles(client, "/boards/ai/feed.json")} == {
        "OpenAI"
    }
    ids = set()
    for path in ("/feed.atom", "/boards/ai/feed.atom", "/boards/tools/feed.atom"):
        root = etree.fromstring((await client.get(path)).content)
        ids.add(root.findtext(f"{ATOM}id"))
    assert len(ids) == 3
    assert (await client.get("/boards/nix/feed.atom")).status_code == 404


@pytest.mark.parametrize("path", FORMS)
async def test_what_did_not_change_is_not_sent_again(client, path):
    """Readers ask every few minutes for ever."""
    tag = (await client.get(path)).headers["etag"]
    assert (await client.get(path, headers={"if-none-match": tag})).status_code == 304
    head = await client.head(path)
    assert (head.status_code, head.headers["etag"]) == (200, tag)


@pytest.mark.parametrize("path", FORMS)
async def test_an_empty_log_is_a_valid_feed_that_stays_as_it_is(path):
    """Nothing happened yet, and no reader complains of it."""
    seen = Seen(pages=(watched("acme"),))
    first, second = await read(seen, path), await read(seen, path)
    if path.endswith("json"):
        assert json.loads(first)["items"] == []
    else:
        parsed = feedparser.parse(BytesIO(first))
        assert (bool(parsed.bozo), parsed.feed.title, parsed.entries) == (False, "Bellbuoy", [])
    assert len(first) == len(second)


async def test_what_is_looked_for_is_found_behind_much_else():
    """A filter reaches past the newest events, and a feed has its length."""
    rare = incident_event(
        incident="rare", provider=Provider(slug="rare", name="Rare"), observed_at=minutes_ago(99)
    )
    many = [incident_event(incident=f"n{n}", observed_at=minutes_ago(9)) for n in range(300)]
    seen = Seen(pages=(watched("acme"),), events=(rare, *many))
    items = json.loads(await read(seen, "/feed.json?provider=rare"))["items"]
    assert [item["authors"] for item in items] == [[{"name": "Rare"}]]
    assert len(json.loads(await read(seen, "/feed.json"))["items"]) == LENGTH


async def test_every_kind_of_event_has_its_words():
    """Pages, components and the monitor itself are told in words, not in names of kinds."""
    events = (
        page_event(reason="it answers with a challenge"),
        page_event(EventKind.PAGE_READABLE),
        page_event(EventKind.PAGE_MOVED),
        page_event(EventKind.PAGE_GAP),
        monitor_event(),
        monitor_event(EventKind.MONITOR_ONLINE),
        component_event("API", group="Core"),
        incident_event(EventKind.INCIDENT_REOPENED, "again"),
        incident_event(EventKind.INCIDENT_WITHDRAWN, "gone"),
        incident_event(EventKind.INCIDENT_CHANGED, "worse", changes={"impact": ("minor", "major")}),
    )
    kinds = "incident,page,monitor,component"
    seen = Seen(pages=(watched("acme"),), events=events)
    items = json.loads(await read(seen, f"/feed.json?kind={kinds}"))["items"]
    told = {item["tags"][0]: item for item in items}
    assert len(told) == len(events)
    assert told["page.unreadable"]["title"] == "OpenAI: status page cannot be read"
    assert "Why: it answers with a challenge" in told["page.unreadable"]["content_text"]
    assert told["component.changed"]["title"] == "OpenAI: API (Core): partial outage"
    assert told["incident.reopened"]["title"].endswith(": reopened, investigating")
    assert told["incident.withdrawn"]["title"].endswith(": withdrawn")
    assert "Changed: impact from minor to major" in told["incident.changed"]["content_text"]
    assert told["monitor.offline"]["url"] == f"{HERE}/"
    assert "external_url" not in told["monitor.offline"]


def hostile(text: str) -> Event:
    """An event in which every field of the vendor's holds this."""
    event = incident_event(
        title=text,
        body=text,
        components=(text,),
        provider=Provider(slug="evil", name=text),
        impact=Impact.CRITICAL,
    )
    return replace(event, incident=replace(event.incident, url=text, status_raw=text))


@pytest.mark.parametrize("text", XSS)
async def test_j7_markup_of_a_vendor_is_text_in_every_form(text):
    """No element, attribute or address of a vendor's gets into a feed, and no word is lost."""
    seen = Seen(pages=(watched("acme"),), events=(hostile(text),))
    atom = etree.fromstring(await read(seen, "/feed.atom"))
    plain = {f"{ATOM}{name}" for name in (
        "feed", "id", "title", "updated", "published", "link", "author", "name", "generator",
        "entry", "category", "content")}  # fmt: skip
    assert {element.tag for element in atom.iter()} == plain
    assert text in atom.findtext(f"{ATOM}entry/{ATOM}title")
    assert text in atom.findtext(f"{ATOM}entry/{ATOM}content")
    rss = etree.fromstring(await read(seen, "/feed.rss"))
    assert len(rss.findall("channel/item")) == 1
    # Whoever takes the description for HTML, as most do, sees the text and no element.
    shown = html.fromstring(f"<div>{rss.findtext('channel/item/description')}</div>")
    assert {element.tag for element in shown.iter()} == {"div", "br"}
    assert text in shown.text_content()
    title = html.fromstring(f"<div>{rss.findtext('channel/item/title')}</div>")
    assert [element.tag for element in title.iter()] == ["div"]
    (item,) = json.loads(await read(seen, "/feed.json"))["items"]
    assert text in item["content_text"]
    assert "content_html" not in item
    links = [link.get("href") for link in atom.iter(f"{ATOM}link")]
    links += [item["url"], item.get("external_url", HERE), rss.findtext("channel/item/link")]
    assert {urlsplit(link).scheme for link in links} <= {"http", "https"}
    assert not any("alert" in link for link in links)


@pytest.mark.parametrize("path", FORMS)
async def test_j7_characters_that_xml_cannot_write_cost_no_feed(path):
    """One such character in one title would hide every other event."""
    event = hostile("\x00\x08\x0b\ufffe\uffff and \x1b[31m")
    body = await read(Seen(pages=(watched("acme"),), events=(event,)), path)
    found = json.loads(body)["items"] if path.endswith("json") else etree.fromstring(body)
    assert len(found) == 1 or found.tag.endswith("feed")


async def test_an_address_with_blanks_in_it_is_still_an_address():
    """Vendors write such, and a validator refuses the whole feed for it."""
    event = incident_event()
    odd = "https://status.openai.com/incidents/a b<c>"
    event = replace(event, incident=replace(event.incident, url=odd))
    atom = etree.fromstring(
        await read(Seen(pages=(watched("acme"),), events=(event,)), "/feed.atom")
    )
    (via,) = (one for one in atom.iter(f"{ATOM}link") if one.get("rel") == "via")
    assert via.get("href") == "https://status.openai.com/incidents/a%20b%3Cc%3E"
