"""Pages and what they say, as plain values."""

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.model.facts import Page, Provider


def page_at(url: str) -> Page:
    """A page at that address."""
    return Page(key=url, url=url, provider=Provider(slug="acme", name="Acme"), format="statuspage")


@pytest.mark.parametrize(
    ("url", "path", "address"),
    [
        ("https://a.example", "api/v2/summary.json", "https://a.example/api/v2/summary.json"),
        ("https://a.example/", "", "https://a.example/"),
        ("https://a.example/b", "c?per_page=100", "https://a.example/b/c?per_page=100"),
        ("https://a.example/b", "../c", "https://a.example/c"),
        ("https://a.example/b", "./", "https://a.example/b/"),
        ("https://a.example/b", "/c", "https://a.example/c"),
        ("https://a.example/b", "https://c.example/d", "https://c.example/d"),
        ("http://[::1]:8080", "c", "http://[::1]:8080/c"),
    ],
)
def test_a_document_below_a_page(url, path, address):
    """The page's address goes on, wherever it ends."""
    assert page_at(url).at(path) == address


@given(
    st.text(alphabet="ab/.:?#;%&= \t\xe9[]", max_size=12),
    st.text(alphabet="ab/.:?#;%&= \t\xe9[]", max_size=12),
)
def test_however_odd_an_address_is_it_is_joined_by_the_rules(host, path):
    """What is joined in a shorter way comes out the same."""
    url = f"https://a{host}"
    try:
        joined = urljoin(url if url.endswith("/") else url + "/", path)
    except ValueError:
        with pytest.raises(ValueError, match=r".*"):
            page_at(url).at(path)
    else:
        assert page_at(url).at(path) == joined
