"""What is shipped: every stanza of the catalog keeps the contract."""

import json
import re
import tomllib
from collections import Counter
from importlib.resources import files
from urllib.parse import urlsplit

import pytest

from bellbuoy import formats
from bellbuoy.catalog import COMPATIBLE, Catalog, CatalogPage
from bellbuoy.config.values import page_key

FILES = {
    file.name: file.read_text("utf-8") for file in files("bellbuoy.catalog.providers").iterdir()
}
ENTRIES = list(Catalog())
PAGES = [(entry, page) for entry in ENTRIES for page in entry.pages]
PUNCTUATION = re.compile(r"[\W_]+")


def folded(name):
    """A name as it is compared."""
    return PUNCTUATION.sub("", name.casefold())


@pytest.mark.parametrize("name", sorted(FILES))
def test_reading_by_stanza_reads_what_the_file_says(name):
    """The shortcut of the loader and a TOML reader agree on every provider and every key."""
    category = name.removesuffix(".toml")
    mine = {entry.slug: entry for entry in ENTRIES if entry.category == category}
    whole = tomllib.loads(FILES[name])
    assert mine.keys() == whole.keys()
    for slug, stanza in whole.items():
        entry = mine[slug]
        assert (entry.name, entry.state) == (stanza["name"], stanza["state"])
        assert list(entry.aliases) == stanza.get("aliases", [])
        assert list(entry.components) == stanza.get("components", [])
        assert list(entry.pages) == [CatalogPage(**page) for page in stanza["pages"]]
        assert Catalog().find(slug) == entry


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_keeps_the_shape_that_the_loader_relies_on(name):
    """Sorted stanzas, keys in order, one per line, a blank line between, comments at the head."""
    head, *stanzas = FILES[name].split("\n\n")
    assert head.startswith("#")
    assert "\n[" not in head
    assert FILES[name].endswith("]\n")
    slugs = []
    for stanza in stanzas:
        first, *lines = stanza.rstrip("\n").split("\n")
        slugs.append(re.fullmatch(r"\[([a-z0-9]+(?:-[a-z0-9]+)*)\]", first)[1])
        keys = [line.partition(" = ")[0] for line in lines]
        order = ["name", "aliases", "state", "pages", "components"]
        assert keys == [key for key in order if key in keys]
        aliases = next((json.loads(x.partition(" = ")[2]) for x in lines if x[0] == "a"), [])
        assert aliases == sorted(set(aliases))
    assert slugs == sorted(slugs)


def test_no_name_is_there_twice():
    """Slugs, names and aliases, compared as they are looked up."""
    names = Counter(
        name
        for entry in ENTRIES
        for name in {folded(name) for name in (entry.slug, entry.name, *entry.aliases)}
    )
    assert [name for name, count in names.items() if count > 1] == []
    assert "" not in names
    assert len(Catalog()) == len(ENTRIES) == len({entry.slug for entry in ENTRIES})


def test_no_page_is_there_twice():
    """One address is one page of one provider, and pages share a host only by their paths."""
    keys = Counter(page_key(page.url) for _, page in PAGES)
    assert [key for key, count in keys.items() if count > 1] == []
    hosts = Counter(
        urlsplit(page.url).netloc.removeprefix("www.")
        for _, page in PAGES
        if not urlsplit(page.url).path
    )
    assert [host for host, count in hosts.items() if count > 1] == []


def test_every_address_is_plain_https():
    """No port, no query, and no slash at the end but where a feed's own address has one."""
    for _, page in PAGES:
        parts = urlsplit(page.url)
        assert parts.scheme == "https"
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), page.url
        assert not parts.fragment
        assert page.format == "feed" or not page.url.endswith("/")


def test_a_readable_page_names_what_reads_it():
    """A format that exists, or an API of two formats, told apart at the first look."""
    for entry, page in PAGES:
        if entry.is_readable:
            named = page.format in formats.builtin_names() and not page.engine
            decided_later = not page.format and page.engine == COMPATIBLE
            assert named or decided_later, entry.slug
            assert page.confidence in {"high", "medium"}, f"{entry.slug}: no better than listed"


def test_a_listed_page_names_no_format():
    """But what serves it, as far as that is known."""
    for entry, page in PAGES:
        if not entry.is_readable:
            assert page.format == ""
            assert re.fullmatch(r"[a-z0-9]+", page.engine), entry.slug


def test_every_component_is_named_once_and_as_a_page_would_spell_it():
    """No pattern and no blank around."""
    named = [entry for entry in ENTRIES if entry.components]
    assert named
    for entry in named:
        assert entry.is_readable
        assert len(set(entry.components)) == len(entry.components)
        assert all(name == name.strip() and "*" not in name for name in entry.components)


@pytest.mark.corpus
def test_proposed_components_stand_on_a_recorded_page(corpus):
    """Spelt as there: a component that is on no page would be watched for ever in silence."""
    recorded: dict[str, set[str]] = {}
    for path in corpus.rglob("*.json"):
        try:
            document = json.loads(path.read_bytes())
        except ValueError:
            continue  # Some bodies were recorded because they are broken.
        components = document.get("components") if isinstance(document, dict) else None
        for one in components or ():
            recorded.setdefault(path.relative_to(corpus).parts[1], set()).add(one.get("name"))
    for entry in ENTRIES:
        if entry.components:
            assert set(entry.components) <= recorded[entry.slug], entry.slug
