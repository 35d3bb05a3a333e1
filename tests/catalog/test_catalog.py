"""The shipped catalog, and the loader that reads one stanza without the others."""

import time
import tomllib
from importlib.resources import files

import pytest

from bellbuoy import formats
from bellbuoy.catalog import DEFAULTS, Catalog

TEXT = files("bellbuoy.catalog").joinpath("providers.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("github", "github"), ("GitHub", "github"), ("GITHUB", "github"), ("gh", "github"),
        ("claude", "anthropic"), ("Fly.io", "fly"), ("fly io", "fly"), ("pypi", "python"),
        ("1Password", "1password"), ("MongoDB Atlas", "mongodb"),
    ],
)  # fmt: skip
def test_a_provider_is_found_by_any_of_its_names(name, slug):
    """Slug, name or alias; case, blanks and punctuation do not count."""
    entry = Catalog().find(name)
    assert entry is not None
    assert entry.slug == slug


@pytest.mark.parametrize("name", ["", "***", "githubb", "name", "github.com"])
def test_what_is_no_name_is_not_found(name):
    """Nothing is guessed: a near name is offered, not taken."""
    assert Catalog().find(name) is None


def test_near_names_are_offered():
    """The best comes first, and an alias offers its slug."""
    assert Catalog().nearest("githb")[0] == "github"
    assert Catalog().nearest("claud")[0] == "anthropic"
    assert Catalog().nearest("no such provider at all") == ()


def test_the_default_set_is_there():
    """The five that are watched without a config, each with a page and a format."""
    catalog = Catalog()
    for slug in DEFAULTS:
        entry = catalog.find(slug)
        assert entry is not None
        assert entry.pages


def test_reading_by_stanza_reads_what_the_whole_file_says():
    """The shortcut of the loader and a TOML reader agree on every provider."""
    whole = tomllib.loads(TEXT)
    entries = {entry.slug: entry for entry in Catalog()}
    assert entries.keys() == whole.keys()
    assert len(Catalog()) == len(whole) >= 30
    for slug, stanza in whole.items():
        entry = entries[slug]
        assert (entry.name, entry.category) == (stanza["name"], stanza["category"])
        assert list(entry.aliases) == stanza.get("aliases", [])
        assert [page.url for page in entry.pages] == [page["url"] for page in stanza["pages"]]


def test_the_catalog_is_tidy():
    """Sorted by slug, no name or page twice, plain https addresses, formats that exist."""
    entries = list(Catalog())
    slugs = [entry.slug for entry in entries]
    assert slugs == sorted(slugs)
    names = [name for entry in entries for name in {entry.slug, entry.name.lower(), *entry.aliases}]
    assert len(names) == len(set(names))
    pages = [page for entry in entries for page in entry.pages]
    assert len({page.url for page in pages}) == len(pages)
    for page in pages:
        assert page.url.startswith("https://")
        assert not page.url.endswith("/")
    assert {page.format for page in pages} <= {"statuspage", "incidentio", "feed"}
    assert {page.format for page in pages} <= formats.builtin_names()


def test_one_lookup_is_cheap_in_a_catalog_of_thousands():
    """Cutting the file at its headers costs less than 30 ms where reading it all would not."""
    stanza = '[v{0}]\nname = "Vendor {0}"\ncategory = "x"\npages = [{{ url = "https://v{0}.example", format = "feed" }}]\n\n'  # noqa: E501
    text = "".join(map(stanza.format, range(2300)))
    best = 1.0
    for _ in range(5):
        began = time.process_time()
        entry = Catalog(text).find("v1234")
        best = min(best, time.process_time() - began)
        assert entry is not None
        assert entry.name == "Vendor 1234"
    assert best < 0.030
