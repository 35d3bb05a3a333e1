"""The history: search, filters, pages of it, and hits that are marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.events import page_ref
from bellbuoy.stores.words import words_in
from bellbuoy.web.dashboard.hits import LONGEST, excerpt, marked
from tests.event_samples import incident_event
from tests.web.reading import read
from tests.web.sites import NOW, Seen, watched

ROW = "//li[@class='record']"


def hits(text, words):
    """The marked words of a text."""
    return [piece.text for piece in marked(text, words_in(words)) if piece.is_hit]


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("Errors in the API", "api", ["API"]),
        ("Elevated errors", "elev", ["Elevated"]),
        ("elev elevated", "elev errors", ["elev"]),
        ("Störung bei São Paulo", "storung sao", ["Störung", "São"]),
        ("<b>API</b>", "b api", ["API"]),
        ("nothing", "", []),
        ("100% of requests", "100 %", ["100"]),
    ],
)
def test_what_is_marked_is_what_the_search_found(text, words, found):
    """Without case and accents; of the last word its beginning is enough."""
    if "<b>" in text:
        found = ["b", "API", "b"]
    assert hits(text, words) == found


@given(st.text(max_size=900), st.text(max_size=20))
def test_marking_changes_no_text(text, words):
    """All pieces together are the text."""
    wanted = words_in(words)
    assert "".join(piece.text for piece in marked(text, wanted)) == text
    assert sum(len(piece.text) for piece in excerpt(text, wanted)) <= LONGEST + 4


def test_an_excerpt_shows_the_first_hit_of_a_long_text():
    """However far behind it stands."""
    text = "x " * 900 + "the needle in it " + "y " * 900
    pieces = excerpt(text, words_in("needle"))
    assert [piece.text for piece in pieces if piece.is_hit] == ["needle"]
    assert pieces[0].text.startswith("… ")
    assert pieces[-1].text.endswith(" …")


async def test_all_that_was_recorded_stands_there_newest_first(client, seen):
    """Each with its provider, its kind, and a way to it."""
    page = await read(client, "/history")
    assert len(page.all(ROW)) == len(seen.events)
    assert page.texts(f"{ROW}[1]//p[@class='record-title']") == [
        "Pages: operational → partial outage"
    ]
    assert "/incidents/" in page.all(f"{ROW}//p[@class='record-title']/a/@href")[1]


@pytest.mark.parametrize("address", ["sqlite", "memory"], indirect=True)
async def test_words_find_titles_and_messages_and_are_marked(client):
    """In any order, and not as operators."""
    page = await read(client, "/history", params={"q": 'chatgpt "it" AND'})
    assert page.all(f"count({ROW})") == 0
    page = await read(client, "/history", params={"q": "found ChatGPT conv"})
    assert page.all(f"count({ROW})") == 1
    assert page.texts("//mark") == ["ChatGPT", "conversations", "Found"]
    assert page.all("//input[@name='q']/@value") == ["found ChatGPT conv"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("provider=github", 3),
        ("provider=openai", 2),
        ("kind=component", 1),
        ("kind=maintenance", 1),
        ("impact=minor", 2),
        ("provider=github&kind=incident&q=jobs", 2),
        ("provider=github&impact=critical", 0),
    ],
)
async def test_filters_stand_in_the_address(client, query, count):
    """And the form shows what is chosen."""
    page = await read(client, f"/history?{query}")
    assert page.all(f"count({ROW})") == count
    chosen = [value for value in page.all("//option[@selected]/@value") if value]
    assert all(f"={value}" in query for value in chosen)
    assert len(chosen) == query.count("=") - query.count("q=")


@pytest.mark.parametrize("query", ["kind=x", "impact=worse", "before=x", "before=" + "9" * 30])
async def test_an_address_that_asks_for_what_there_is_not_says_what_there_is(client, query):
    """A reader of the address bar learns from it."""
    assert (await read(client, f"/history?{query}")).status == 422


async def test_what_is_found_nowhere_says_how_to_find_more(client):
    """And a text without a word says that."""
    assert "Nothing found" in (await read(client, "/history?q=zebra")).text
    assert "There is no word in that" in (await read(client, "/history?q=%25%25")).text


@pytest.mark.parametrize("seen", [Seen(pages=(watched("acme"),))])
async def test_before_anything_was_recorded_it_says_what_will_stand_there(client):
    """An empty log is no fault."""
    assert "Nothing was recorded yet" in (await read(client, "/history")).text


def _long() -> Seen:
    acme = watched("acme")
    return Seen(
        pages=(acme,),
        events=tuple(
            incident_event(
                incident=f"i{number}",
                body=f"Message {number}",
                title=f"Trouble {number}",
                provider=acme.page.provider,
                page=page_ref(acme.page),
                observed_at=NOW,
            )
            for number in range(120)
        ),
    )


@pytest.mark.parametrize("seen", [_long()])
@pytest.mark.parametrize("query", ["", "?q=trouble", "?provider=acme"])
async def test_pages_of_it_miss_nothing_and_repeat_nothing(client, query):
    """Until the end, which says that it is the end."""
    titles, path = [], f"/history{query}"
    while path:
        page = await read(client, path)
        titles += page.texts("//p[@class='record-title']")
        path = next(iter(page.all("//a[@rel='next']/@href")), "")
    assert titles == [f"Trouble {number}" for number in reversed(range(120))]
