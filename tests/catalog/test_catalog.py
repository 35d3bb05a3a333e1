"""The loader, which reads one stanza without the others, and how names are found."""

import pytest

from bellbuoy.catalog import DEFAULTS, Catalog
from tests.moments import least_cpu


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("github", "github"), ("GitHub", "github"), ("GITHUB", "github"), ("gh", "github"),
        ("claude", "anthropic"), ("Fly.io", "fly"), ("fly io", "fly"), ("pypi", "python"),
        ("1Password", "1password"), ("MongoDB Atlas", "mongodb"), ("gcp", "google-cloud"),
        ("AWS", "amazon-web-services"), ("Azure", "microsoft-azure"), ("cf", "cloudflare"),
    ],
)  # fmt: skip
def test_a_provider_is_found_by_any_of_its_names(name, slug):
    """Slug, name or alias; case, blanks and punctuation do not count."""
    entry = Catalog().find(name)
    assert entry is not None
    assert entry.slug == slug


@pytest.mark.parametrize(
    "name", ["", "***", "githubb", "name", "github.com", "github]\nname", "[", "]\n"]
)
def test_what_is_no_name_is_not_found(name):
    """Nothing is guessed: a near name is offered, not taken."""
    assert Catalog().find(name) is None


def test_near_names_are_offered():
    """The best comes first, and an alias offers its slug."""
    assert Catalog().nearest("githb")[0] == "github"
    assert Catalog().nearest("claud")[0] == "anthropic"
    assert Catalog().nearest("no such provider at all") == ()


def test_the_default_set_is_there():
    """The five that are watched without a config, each readable."""
    for slug in DEFAULTS:
        entry = Catalog().find(slug)
        assert entry is not None
        assert entry.is_readable
        assert all(page.format for page in entry.pages)


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("github", "github"),
        ("gh", "github"),
        ("GitH", "github"),
        ("githubstatus.com", "github"),
        ("clodflare", "cloudflare"),
        ("maps google", "google-maps-platform"),
        ("fly.io", "fly"),
    ],
)
def test_a_search_finds_by_name_alias_and_host(words, first):
    """The best comes first; each word occurs, in any order; else what is near."""
    assert Catalog().search(words)[0].slug == first


def test_a_search_finds_by_category():
    """All of it, and none that has nothing to do with the word."""
    found = {entry.slug for entry in Catalog().search("source-control")}
    assert {"github", "gitlab", "bitbucket"} <= found
    assert found == {e.slug for e in Catalog() if e.category == "source-control"}


def test_a_search_for_nothing_finds_all_and_for_nonsense_none():
    """An empty word lists the whole catalog."""
    assert len(Catalog().search("")) == len(Catalog())
    assert Catalog().search("no such provider at all") == []


QUESTIONS = {
    "slug": lambda catalog: catalog.find("vercel"),
    "alias": lambda catalog: catalog.find("gcp"),
    "nearest": lambda catalog: catalog.nearest("githb"),
    "all": list,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_to_the_unread_catalog_is_cheap(question):
    """Less than 30 ms of CPU from nothing to the answer, be it about one or about all."""
    assert QUESTIONS[question](Catalog())
    assert least_cpu(lambda: QUESTIONS[question](Catalog())) < 0.030


def test_a_catalog_is_read_only_when_it_is_asked(monkeypatch):
    """Making one touches no file."""

    def never(*_):
        raise AssertionError("the catalog was read")

    monkeypatch.setattr("bellbuoy.catalog.files", never)
    catalog = Catalog()
    with pytest.raises(AssertionError, match="was read"):
        catalog.find("github")
