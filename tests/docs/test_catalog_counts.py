"""The numbers that the documentation tells of the catalog are those of the catalog."""

import re
from collections import Counter

from bellbuoy import formats
from bellbuoy.catalog import COMPATIBLE, Catalog
from tests.docs.pages import rows, text

ENTRIES = list(Catalog())
READABLE = [entry for entry in ENTRIES if entry.is_readable]
LISTED = [entry for entry in ENTRIES if not entry.is_readable]


def number(text):
    """A number as it is written for people."""
    return int(text.replace(",", ""))


def test_the_pages_of_each_format_are_counted():
    """In the table of the catalog's page; the compatible stand apart, and so do the listed."""
    counted = Counter(page.format or page.engine for entry in READABLE for page in entry.pages)
    told = {name: number(cells[0]) for name, cells in rows("docs/catalog.md").items()}
    assert told == counted
    listed = sum(len(entry.pages) for entry in LISTED)
    assert f"| listed, not counted | {listed:,} |" in text("docs/catalog.md")


def test_the_providers_are_counted():
    """Wherever a page tells how many are readable, it is that many."""
    told = re.findall(r"([\d,]+) providers are readable and ([\d,]+) more", text("docs/catalog.md"))
    assert [(number(a), number(b)) for a, b in told] == [(len(READABLE), len(LISTED))]
    told = re.findall(r"([\d,]+) providers by name", text("README.md"))
    assert [number(a) for a in told] == [len(READABLE)]


def test_nothing_is_listed_that_a_format_reads():
    """Who adds a format looks at what is listed under its name, and makes it readable."""
    # Status.io's own page is known, but not its address below api.status.io, which is what is read.
    engines = {page.engine for entry in LISTED for page in entry.pages}
    assert engines & formats.builtin_names() <= {"statusio"}
    assert COMPATIBLE not in engines
