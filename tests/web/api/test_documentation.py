"""What docs/api.md tells of the API is what the API does."""

import json
import re
import shlex

import pytest

from bellbuoy.web.api import openapi, stream, tail
from bellbuoy.web.api.queries import MOST
from bellbuoy.web.application import routes
from tests.docs.pages import rows, text
from tests.web.sites import WRITE_TOKEN

PAGE = "docs/api.md"


def calls():
    """Every call of curl that the page shows, as its words."""
    shown = re.findall(r"^    (curl (?:.*\\\n)*.*)$", text(PAGE), re.MULTILINE)
    return [shlex.split(call.replace("\\\n", " ")) for call in shown]


def test_every_operation_has_a_row_and_no_other(site):
    """The table is the list of the description."""
    document = openapi.document(routes(site))
    there = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    told = {name for name in rows(PAGE) if "/api/v1/" in name}
    assert told == there


def test_every_filter_is_described(site):
    """And nothing is called a filter that is none."""
    document = openapi.document(routes(site))
    there = {
        parameter["name"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    }
    elsewhere = {"limit", "cursor", "after", "before", "token"}
    table = text(PAGE).partition("| parameter |")[2].partition("\n\n")[0]
    firsts = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    told = {name for first in firsts for name in re.findall(r"`(\w+)`", first)}
    assert told == there - elsewhere


@pytest.mark.parametrize("words", calls(), ids=lambda words: words[-1].partition("/v1/")[2])
async def test_a_call_that_is_shown_works_as_it_is(client, words):
    """Its address, its headers and what it sends."""
    method, headers, body, address = "GET", {}, None, ""
    words = iter(words[1:])
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value.replace("$WRITE_TOKEN", WRITE_TOKEN)
            case "-d":
                body = next(words)
            case "-N":
                method = "HEAD"  # The stream goes on for ever.
            case _:
                address = word
    answer = await client.request(method, address, headers=headers, content=body)
    assert answer.status_code == (201 if method == "POST" else 200), answer.text
    assert method == "HEAD" or answer.json()


def test_there_are_calls_to_try():
    """The test above has something to do."""
    assert len(calls()) == 7


async def test_the_problem_that_is_shown_is_one(client, site):
    """But for the name of the log."""
    (shown,) = (
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", text(PAGE), re.DOTALL)
    )
    found = await client.get("/api/v1/events?after=0123456789abcdef:7")
    log = shown["detail"].rpartition(" ")[2]
    assert found.json() == {**shown, "detail": shown["detail"].replace(log, site.store.log_id)}


def test_the_numbers_are_those_of_the_code():
    """Limits that somebody may plan by."""
    page = text(PAGE)
    assert f"(1 to {MOST}, 50 by default)" in page
    assert f"the newest {tail.NEWEST} events" in page
    assert f"every {tail.BEAT_EVERY:.0f} seconds" in page
    assert f"At most {stream.MOST_LISTENERS:,} listen" in page
    assert f"nothing for {stream.STALLED_AFTER:.0f} seconds" in page
