"""Single values, good and bad."""

import pytest

from bellbuoy.config.values import (
    json_steps,
    page_address,
    page_key,
    scalar,
    statuses,
    target,
    target_parts,
)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("https://Status.Acme.example/", "https://status.acme.example"),
        ("HTTP://x.example:80/a/?q=1#f", "http://x.example/a?q=1"),
        ("https://x.example:8443/EU", "https://x.example:8443/EU"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
        ("https://x.example./", "https://x.example"),
        (" https://x.example ", "https://x.example"),
    ],
)
def test_keys_are_canonical(address, key):
    """And the key of a key is the key."""
    assert page_key(address) == key == page_key(key)
    assert page_address(address).strip()


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd", "FILE:/etc/passwd", "ftp://x.example/", "gopher://x.example/",
        "data:text/html,x", "javascript:alert(1)", "jar:https://x.example", "unix:///run/x.sock",
        "//x.example/", "status.acme.example", "localhost:8080", "https://", "https:///x",
        "http:/x", "https:x.example", "ht!tp://x.example", "", "https://.", "https://a..b/",
        "https://x.example:99999/", "https://x.example:0/", "https://x y.example/",
        "https://x.example/\r\nHost: y", "https://%00/", "https://x\\@y.example/",
        "https://me:pw@x.example/", "https://[::1/", "https://" + "a" * 64 + ".example",
        "https://x.example/" + "a" * 3000,
    ],
)  # fmt: skip
def test_w4_only_plain_web_addresses_are_pages(address):
    """Other schemes, credentials, control characters and no-hosts are refused."""
    with pytest.raises(ValueError, match=";"):
        page_address(address)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()), ("$.status", ("status",)), ("status", ("status",)), (" $.a ", ("a",)),
        ("checks.0.up", ("checks", "0", "up")), ("$.checks[0].up", ("checks", "0", "up")),
        ("[0][12]", ("0", "12")), ("$[0].x", ("0", "x")), ("a-b.c:d", ("a-b", "c:d")),
        ("$.größe", ("größe",)),
    ],
)  # fmt: skip
def test_paths_are_keys_and_indexes(path, steps):
    """With or without the root, in either spelling of an index."""
    assert json_steps(path) == steps


@pytest.mark.parametrize(
    "path",
    ["", " ", ".", "$.", "$..a", "a.", ".a", "$a", "a..b", "a[", "a[]", "a[-1]", "a[b]", "a]b",
     "$.*", "a[*]", "a[?(@.b)]", "a b", "[99999999999]"],
)  # fmt: skip
def test_what_is_not_a_path(path):
    """Wildcards, filters, and halves of paths."""
    with pytest.raises(ValueError, match="write keys and indexes"):
        json_steps(path)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (200, {200}), ([200, 204, 200], {200, 204}), ("2xx", set(range(200, 300))),
        (["2xx", 401], {*range(200, 300), 401}), ("4xx", {*range(400, 500)} - {429}), (599, {599}),
    ],
)  # fmt: skip
def test_statuses_are_one_a_list_or_classes(said, meant):
    """429 is in no class: it tells of us."""
    assert statuses(said) == meant


@pytest.mark.parametrize(
    "said", [0, 99, 100, 199, 300, 304, 399, 429, 600, "200", "3xx", "", "ok", True, None, 200.0,
             [], [[]], {}, [200, "x"], {"200": 1}],
)  # fmt: skip
def test_what_is_not_a_status(said):
    """What is never a last answer, and what is no number of HTTP."""
    with pytest.raises(ValueError, match=r";"):
        statuses(said)


@pytest.mark.parametrize("said", [[], {}, ["a"], {"a": 1}])
def test_what_is_not_one_value(said):
    """Each value inside has a path of its own."""
    with pytest.raises(ValueError, match="give a path"):
        scalar(said)


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("github", ("github", None)),
        ("github: Actions ", ("github", "Actions")),
        ("aws:us-east-1/ec2", ("aws", "us-east-1/ec2")),
        ("acme:a:b", ("acme", "a:b")),
        ("https://a.example", ("https://a.example", None)),
        ("https://a.example:API", ("https://a.example", "API")),
        ("HTTPS://a.example/x/y:API/v1", ("HTTPS://a.example/x/y", "API/v1")),
        ("http://127.0.0.1:8080", ("http://127.0.0.1:8080", None)),
        ("http://127.0.0.1:8080:API", ("http://127.0.0.1:8080", "API")),
        ("http://127.0.0.1:8080/x:1", ("http://127.0.0.1:8080/x", "1")),
        ("https://a.example:1st floor", ("https://a.example", "1st floor")),
        ("http://[::1]:8080:API", ("http://[::1]:8080", "API")),
        ("http://[::1]", ("http://[::1]", None)),
    ],
)
def test_a_target_is_a_provider_or_an_address_and_perhaps_a_component(said, parts):
    """The colons of an address are not the one before the component."""
    assert target(said) == said
    assert target_parts(said) == parts


@pytest.mark.parametrize(
    "said",
    [
        "",
        ":API",
        "github:",
        "https://a.example:",
        "https://",
        "https://a b",
        "https://u:p@a.example",
    ],
)
def test_what_is_not_a_target(said):
    """Nothing before the colon, nothing behind it, or no address where one begins."""
    with pytest.raises(ValueError):
        target(said)
