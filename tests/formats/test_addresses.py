import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.formats._addresses import canonical, host, page_root


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("HTTPS://Status.Example.COM:443/", "https://status.example.com"),
        ("http://status.example.com:80", "http://status.example.com"),
        ("http://status.example.com:443/", "http://status.example.com:443"),
        ("https://status.example.com./a/b//?q=1#f", "https://status.example.com/a/b?q=1"),
        ("https://Status.example.com/Acme/", "https://status.example.com/Acme"),
        ("https://user:word@example.com/", "https://example.com"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("ftp://example.com", None),
        ("example.com", None),
        ("https://", None),
        ("https://[bad", None),
        ("https://example.com:99999", None),
        ("https://no address", None),
        ("", None),
    ],
)
def test_one_page_has_one_spelling(address, expected):
    """Case, default ports, credentials, fragments and slashes at the end name nothing."""
    assert canonical(address) == expected


@given(st.text(max_size=30), st.sampled_from(["", "https://", "http://x"]))
def test_no_text_breaks_an_address_and_a_canonical_one_stays(text, scheme):
    """Any text is an address or none; spelling it again changes nothing."""
    address = canonical(scheme + text)
    host(scheme + text)
    if address is not None:
        assert canonical(address) == address


def test_the_root_of_a_page_is_what_stands_before_its_documents():
    """A page may lie below a path, whose last part may be a document's name elsewhere."""
    below = {"api", "history.atom"}
    for address, root in {
        "https://example.com/api/v2/summary.json?x=1": "https://example.com",
        "https://example.com/acme/history.atom": "https://example.com/acme",
        "https://example.com/acme/": "https://example.com/acme",
        "https://example.com/apis/": "https://example.com/apis",
    }.items():
        assert page_root(address, below) == root
    assert page_root("mailto:x@example.com", below) is None
