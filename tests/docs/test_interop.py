"""docs/interop.md names every path that other tools read, and how every status is told."""

import re

import pytest
from fastapi.routing import APIRoute

from bellbuoy.model.facts import ComponentStatus, Impact
from bellbuoy.web import health
from bellbuoy.web.interop import badges, feeds, ics, statuspage
from bellbuoy.web.interop.statuspage_rows import COMPONENT_WORDS, INDICATORS
from tests.docs.pages import text
from tests.web.sites import Seen, open_site

PAGE = "docs/interop.md"


def lines(first: str) -> list[str]:
    """The rows of the table whose first heading is this, without its head."""
    table = re.search(rf"\n\| {re.escape(first)} .*\n\|[-|]+\n((?:\|.*\n)+)", text(PAGE))
    assert table is not None
    return table[1].splitlines()


async def test_every_path_that_other_tools_read_is_described():
    """Those of boards are the same ones; an incident's page is for people."""
    async with open_site(Seen()) as site:
        routers = [part.router(site) for part in (statuspage, feeds, ics, badges, health)]
    paths = {route.path for one in routers for route in one.routes if isinstance(route, APIRoute)}
    whole = {path for path in paths if not path.startswith("/boards/")} - {"/incidents/{id}"}
    described = re.findall(r"`(/[^`]+)`", "\n".join(row.split("|")[1] for row in lines("path")))
    names = {"{id}": "ID", "{slug}": "PROVIDER"}
    for name, shown in names.items():
        whole = {path.replace(name, shown) for path in whole}
    assert whole == set(described)


@pytest.mark.parametrize("status", ComponentStatus)
def test_every_status_of_a_component_has_its_row(status):
    """With the word that is said and what it does to the whole."""
    (row,) = (line for line in lines("a component that is") if line.startswith(f"| `{status}` "))
    _, said, indicator = (cell.strip() for cell in row.strip("| ").split(" | "))
    assert said.startswith(f"`{COMPONENT_WORDS[status]}`")
    assert indicator.strip("`") in INDICATORS


@pytest.mark.parametrize("impact", Impact)
def test_every_impact_has_its_row(impact):
    """Unknown among them."""
    assert any(line.startswith(f"| `{impact}` ") for line in lines("an open incident of impact"))
