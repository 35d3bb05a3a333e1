"""Who may what: the pure rules, and every route that there is against them."""

import re

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from bellbuoy.config.web import Web
from bellbuoy.web import access
from bellbuoy.web.access import Scope
from bellbuoy.web.application import routes
from tests.web.sites import CLOSED, METRICS_TOKEN, NOW, OPEN, READ_TOKEN, WRITE_TOKEN

NOBODY = Web()
"""Everybody reads, and nobody writes."""

SETTINGS = {"nobody writes": NOBODY, "open": OPEN, "closed": CLOSED}

SHOWN = {
    "nothing": {},
    "read token": {"authorization": f"Bearer {READ_TOKEN}"},
    "write token": {"authorization": f"Bearer {WRITE_TOKEN}"},
    "metrics token": {"authorization": f"Bearer {METRICS_TOKEN}"},
    "wrong token": {"authorization": "Bearer a-token-of-nobody-0000"},
    "basic": {"authorization": f"Basic {WRITE_TOKEN}"},
    "read cookie": (CLOSED, Scope.READ),
    "write cookie": (CLOSED, Scope.WRITE),
    "forged cookie": {"cookie": f"{access.SESSION}=write.99999999999.{'0' * 64}"},
}


def headers_of(shown):
    """What is sent by who shows this."""
    if isinstance(shown, tuple):
        cookie = access.new_session(*shown, NOW.timestamp())
        shown = {"cookie": f"{access.SESSION}={cookie}"}
    return {**shown, "origin": "http://127.0.0.1:8484"}


def endpoints(site):
    """Every method and path of the application; parts of a path stand for anything."""
    for context in iter_route_contexts(routes(site).routes):
        if isinstance(context.original_route, Mount):
            yield "GET", f"{context.path}/nothing"
            continue
        path = re.sub(r"\{\w+(:path)?\}", "000000000000", context.path)
        for method in context.methods or ():
            yield method, path


EXPECTED = {
    # What is shown, by what a route needs: whether it passes, when closed.
    "nothing": {Scope.NOTHING},
    "read token": {Scope.NOTHING, Scope.READ},
    "write token": {Scope.NOTHING, Scope.READ, Scope.METRICS, Scope.WRITE},
    "metrics token": {Scope.NOTHING, Scope.METRICS},
    "wrong token": {Scope.NOTHING},
    "basic": {Scope.NOTHING},
    "read cookie": {Scope.NOTHING, Scope.READ},
    "write cookie": {Scope.NOTHING, Scope.READ, Scope.METRICS, Scope.WRITE},
    "forged cookie": {Scope.NOTHING},
}


def passes(web, name, needs):
    """Whether it is let in, written down a second time and by hand."""
    if needs is Scope.WRITE and not web.write:
        return False
    if web is CLOSED:
        return needs in EXPECTED[name]
    is_writer = web.write and name in {"write token", "write cookie"}
    return needs is not Scope.WRITE or bool(is_writer)


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("settings", SETTINGS)
async def test_w1_w2_every_route_lets_in_whom_the_rules_name_and_nobody_else(seen, settings, name):
    """A matrix of all routes, whatever is shown, open and closed; the list is the app's own."""
    import httpx

    from bellbuoy.web.application import application
    from tests.web.sites import open_site

    web = SETTINGS[settings]
    async with open_site(seen, web=web) as site:
        ticks = iter(range(0, 10**9, 1000))
        whole = application(site, clock=lambda: float(next(ticks)), now=NOW.timestamp)
        transport = httpx.ASGITransport(whole, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8484"
        ) as client:
            count = 0
            for method, path in endpoints(site):
                # The stream would go on for ever.
                asked = "HEAD" if path.endswith("/stream") else method
                answer = await client.request(asked, path, headers=headers_of(SHOWN[name]))
                needs = access.needed(method, path)
                is_in = answer.status_code not in {401, 403}
                if access.is_poke(method, path):
                    # It has a token of its own, and none of these is it.
                    is_in = is_in or answer.json().get("name") == "token" or not web.write
                if path == "/sign-in" and method == "POST":
                    is_in = True  # No token is a wrong token, which it says with 403.
                assert is_in is passes(web, name, needs), (method, path, answer.status_code)
                count += 1
            assert count > 25


async def test_w2_every_route_is_known_to_the_rules_and_what_is_not_needs_the_write_token(site):
    """Nobody forgets one: what is open to all is named here a second time."""
    open_to_all = {
        (method, path)
        for method, path in endpoints(site)
        if access.needed(method, path) is Scope.NOTHING
    }
    assert {path for _, path in open_to_all} <= {
        "/healthz",
        "/readyz",
        "/sign-in",
        "/sign-out",
        "/static/nothing",
        "/api/v1/pages/000000000000/poke",
    }
    assert access.needed("GET", "/anything/else") is Scope.READ
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "FOO", ""):
        assert access.needed(method, "/anything/else") is Scope.WRITE
        assert access.needed(method, "/static/board.css") is Scope.WRITE
        assert access.needed(method, "/metrics") is Scope.WRITE


async def test_w5_no_route_takes_code_an_address_or_a_file_from_who_asks(site):
    """Plugins, pages and receivers come from the config alone."""
    written = {
        (method, context.path)
        for context in iter_route_contexts(routes(site).routes)
        if isinstance(context.original_route, APIRoute)
        for method in context.methods or ()
        if method not in access.SAFE
    }
    below_the_api = {each for each in written if each[1].startswith("/api/")}
    assert below_the_api == {
        ("POST", "/api/v1/pages/{id}/poke"),
        ("POST", "/api/v1/deliveries/{id:path}/revive"),
        ("POST", "/api/v1/silences"),
        ("DELETE", "/api/v1/silences/{id}"),
    }


@pytest.mark.parametrize(
    ("path", "is_poke"),
    [
        ("/api/v1/pages/x/poke", True),
        ("/api/v1/pages/x/y/poke", False),
        ("/api/v1/pages/x/poke/", False),
        ("/api/v1/pages/poke", False),
        ("//api/v1/pages/x/poke", False),
        ("/API/v1/pages/x/poke", False),
    ],
)
def test_only_the_very_path_of_a_poke_needs_no_token_of_ours(path, is_poke):
    """Neighbours of it need what everything needs."""
    assert access.is_poke("POST", path) is is_poke
    assert access.is_poke("GET", path) is False


def test_w6_a_session_ends_by_itself_with_its_token_and_with_a_letter_of_it():
    """It is worth nothing after twelve hours, under another token, or when changed."""
    session = access.new_session(CLOSED, Scope.WRITE, 1000.0)
    last = 1000.0 + access.SESSION_LASTS
    assert access.granted(CLOSED, "", session, last - 1) is Scope.WRITE
    assert access.granted(CLOSED, "", session, last) is Scope.NOTHING
    rotated = Web(read=READ_TOKEN, write="another-token-entirely")
    assert access.granted(rotated, "", session, 1001.0) is Scope.NOTHING
    for place in range(len(session)):
        changed = session[:place] + ("1" if session[place] != "1" else "2") + session[place + 1 :]
        assert access.granted(CLOSED, "", changed, 1001.0) is Scope.NOTHING


@pytest.mark.parametrize(
    "session",
    [
        "",
        "write",
        "write.",
        "write..",
        "write.99999999999",
        "metrics.99999999999.x",
        "write.-1.x",
        "write.٣.x",
        "write.999999999999999999999.x",
        "write.99999999999.\udcff",
        "WRITE.99999999999.x",
        "." * 9000,
    ],
)
def test_w6_garbage_is_no_session(session):
    """And raises nothing."""
    assert access.granted(CLOSED, "", session, 0.0) is Scope.NOTHING


def test_a_reading_session_does_not_become_a_writing_one():
    """The scope is in the proof."""
    session = access.new_session(CLOSED, Scope.READ, 0.0)
    assert access.granted(CLOSED, "", session.replace("read", "write"), 1.0) is Scope.NOTHING
    both = Web(read=WRITE_TOKEN, write=WRITE_TOKEN)
    session = access.new_session(both, Scope.READ, 0.0)
    assert access.granted(both, "", session.replace("read", "write"), 1.0) is Scope.NOTHING


@pytest.mark.parametrize("token", ["", " ", "\udcff", "ü" * 20, READ_TOKEN[:-1], "x" * 10**6])
def test_w6_an_empty_or_odd_token_opens_nothing(token):
    """Also where no token is set, which is then no empty one."""
    for web in SETTINGS.values():
        assert access.scope_of_token(web, token) is Scope.NOTHING


def test_who_shows_a_token_of_little_may_still_do_what_everybody_may():
    """Prometheus' token does not close what is open to those without any."""
    web = Web(write=WRITE_TOKEN, metrics=METRICS_TOKEN)
    has = access.granted(web, METRICS_TOKEN, "", 0.0)
    assert access.is_enough(web, has, Scope.READ)
    assert access.is_enough(web, has, Scope.METRICS)
    assert not access.is_enough(web, has, Scope.WRITE)
    assert not access.is_enough(web, access.granted(web, "", "", 0.0), Scope.METRICS)


def test_a_poke_token_is_of_one_page_and_ends_with_the_write_token():
    """A vendor that is told one can do nothing with it elsewhere."""
    first, second = access.poke_token(OPEN, "a"), access.poke_token(OPEN, "b")
    assert len({first, second, access.poke_token(Web(write="another-token-entirely"), "a")}) == 3
    assert len(first) == 32
    assert access.poke_token(NOBODY, "a") == ""


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8484", True),
        ("localhost:1", True),
        ("LOCALHOST", True),
        ("localhost.", True),
        ("[::1]:8484", True),
        ("status.example.com", True),
        ("STATUS.example.com:443", True),
        ("evil.example", False),
        ("status.example.com.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost@evil.example", False),
        ("evil.example/127.0.0.1", False),
        ("127.0.0.1:x", False),
        ("127.0.0.1:99999", False),
        ("2130706433", False),
        ("0.0.0.0", False),
        ("[::]", False),
        ("", False),
        (" ", False),
        ("127.0.0.1,evil.example", False),
    ],
)
def test_w3_only_our_own_names_are_answered(host, is_ours):
    """So a stranger's name that leads to the loopback reads nothing (DNS rebinding)."""
    assert access.is_our_host(Web(hosts=("status.example.com",)), host) is is_ours


@pytest.mark.parametrize(
    ("origin", "host", "is_ours"),
    [
        ("http://127.0.0.1:8484", "127.0.0.1:8484", True),
        ("http://localhost:8484", "localhost:8484", True),
        ("https://status.example.com", "status.example.com", True),
        ("https://status.example.com", "127.0.0.1:8484", True),
        ("http://127.0.0.1:3000", "127.0.0.1:8484", False),
        ("http://localhost:8484", "127.0.0.1:8484", False),
        ("https://status.example.com:8443", "status.example.com", False),
        ("https://evil.example", "127.0.0.1:8484", False),
        ("https://evil.example", "evil.example", False),
        ("null", "127.0.0.1:8484", False),
        ("", "127.0.0.1:8484", False),
        ("file://", "127.0.0.1:8484", False),
        ("chrome-extension://abc", "127.0.0.1:8484", False),
        ("http://127.0.0.1:8484/", "127.0.0.1:8484", False),
    ],
)
def test_w3_another_port_is_another_site(origin, host, is_ours):
    """What else runs on this machine does not write with a person's cookie."""
    web = Web(hosts=("status.example.com",))
    assert access.is_our_origin(web, origin, host) is is_ours


def test_an_ipv6_address_is_ours_however_it_is_written():
    """Browsers shorten it (RFC 5952), whoever writes a config may not."""
    web = Web(host="2001:DB8:0:0::1", read=READ_TOKEN)
    assert access.is_our_host(web, "[2001:db8::1]:8484")
    assert not access.is_our_host(web, "[2001:db8::2]:8484")
    assert not access.is_our_host(Web(host="::", read=READ_TOKEN), "[2001:db8::1]:8484")


@pytest.mark.parametrize(
    ("path", "token", "is_free"),
    [
        ("/healthz", "", True),
        ("/readyz", "", True),
        ("/metrics", METRICS_TOKEN, True),
        ("/metrics", WRITE_TOKEN, True),
        ("/metrics", "", False),
        ("/metrics", "wrong-token-0123456789", False),
        ("/", WRITE_TOKEN, False),
        ("/api/v1/pages", READ_TOKEN, False),
    ],
)
def test_w3_only_health_and_figures_with_a_token_are_shown_under_any_name(path, token, is_free):
    """A page of a stranger's, under whatever name, knows no token."""
    assert access.may_have_any_name(CLOSED, path, token) is is_free
    assert access.may_have_any_name(OPEN, path, "") is (path in {"/healthz", "/readyz"})
