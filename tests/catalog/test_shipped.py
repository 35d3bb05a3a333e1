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
from bellbuoy.errors import FetchError, ReadError
from bellbuoy.formats import Formats
from bellbuoy.model.known import Seen
from bellbuoy.routing.matchers import is_like
from tests.docs.pages import text
from tests.formats.conversation import converse
from tests.formats.samples import body_of, page_at, sample_url

FILES = {
    file.name: file.read_text("utf-8") for file in files("bellbuoy.catalog.providers").iterdir()
}
ENTRIES = list(Catalog())
PAGES = [(entry, page) for entry in ENTRIES for page in entry.pages]
PAGE = text("docs/catalog.md")
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


WATCHED = [entry for entry in ENTRIES if entry.components]
SOURCES = [
    (source, slugs.split(", "))
    for source, slugs in re.findall(
        r"^\| ((?:recorded|copied|transcribed)[^|]*) \| [^|]* \| (.*) \|$", PAGE, re.MULTILINE
    )
]
"""The rows of the table of sources: what kind it is, and the providers that rest on it."""
RECORDED_AS = {
    "aws": "amazon-web-services",
    "betterstack": "better-stack",
    "microsoft": "microsoft-365",
    "redis": "redis-cloud",
    "ssa-gov": "us-social-security-administration",
}
"""The folders of recorded bodies that are not called as the catalog calls the provider."""


def test_fifty_providers_propose_components():
    """Enough that most people need not look for the names of what they use."""
    assert len(WATCHED) >= 50


@pytest.mark.parametrize("entry", WATCHED, ids=lambda entry: entry.slug)
def test_every_component_is_named_once_and_as_a_page_would_spell_it(entry):
    """No blank around, no glob for everything, and no more than a person would choose."""
    assert entry.is_readable
    assert 1 <= len(entry.components) <= 8
    assert len({name.casefold() for name in entry.components}) == len(entry.components)
    assert all(name == name.strip() and name.strip("*?") for name in entry.components)


def test_the_source_of_every_component_is_told():
    """Each provider that has components stands in one row of the table of sources."""
    told = Counter(slug for _, slugs in SOURCES for slug in slugs)
    assert told == Counter(entry.slug for entry in WATCHED)
    assert f"{len(WATCHED)} providers have components" in PAGE


@pytest.mark.corpus
def test_proposed_components_stand_on_a_recorded_page(corpus):
    """Spelt as there: a component that is on no page would be watched for ever in silence."""
    recorded = {
        RECORDED_AS.get(folder.name, folder.name): folder
        for folder in sorted(corpus.glob("*/*"))
        if folder.is_dir()
    }
    told = {slug for source, slugs in SOURCES if source == "recorded" for slug in slugs}
    assert told == {entry.slug for entry in WATCHED} & set(recorded)
    for entry in WATCHED:
        if entry.slug in told:
            missing = set(entry.components)
            for names in recorded_names(recorded[entry.slug], entry.pages[0].format):
                missing -= {glob for glob in missing if any(is_like(glob, n) for n in names)}
                if not missing:
                    break
            assert not missing, f"{entry.slug}: on no recorded page: {missing}"


def recorded_names(folder, format):
    """The names of components and their groups in each recorded body, single bodies first."""
    for path in sorted(folder.rglob("*"), key=lambda path: (len(path.parts), path)):
        if path.is_file():
            yield names_in(body_of(path), Formats()[format])


def names_in(body, format):
    """What a format reads as components in a body, and those of an API's mere list of them."""
    page = page_at(sample_url(format), format.NAME)
    reading = format.read(page, Seen())
    face = next(reading).url
    reading.close()
    try:
        snapshot, _ = converse(format.read(page, Seen()), {face: body})
    except (ReadError, FetchError):
        parts = []
    else:
        parts = [*snapshot.components, *(c for i in snapshot.incidents for c in i.components)]
    names = {name for part in parts for name in (part.name, part.group) if name}
    try:
        return names | {one["name"] for one in json.loads(body)["components"]}
    except (ValueError, TypeError, KeyError):
        return names
