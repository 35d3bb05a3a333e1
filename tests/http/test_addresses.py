"""Private addresses are never connected to, however they are reached."""

# ruff: noqa: SIM117 - a vendor and its client read better one below the other

import asyncio
import re
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.http.transport import Transport
from tests.faultd import LOOPBACK, Answer, faultd
from tests.http.test_guard import REFUSED

SPELLINGS = ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost", "LOCALHOST.", "[::1]"]
LITERALS = [
    f"[{address}]" if ":" in address else address
    for address, _ in REFUSED
    if address and "%" not in address
]


async def failure(driver, url):
    """The error of one visit with one question."""
    async with driver.visit(url) as visit:
        with pytest.raises(FetchError) as caught:
            await visit.ask(Request.get(url))
    return caught.value


@pytest.fixture
def connections(monkeypatch):
    """Every connection that the loop is told to make, and none of them made."""
    made = []

    async def spy(self, sock, address):
        made.append(address)
        raise ConnectionRefusedError(111, "spied")

    monkeypatch.setattr(asyncio.BaseEventLoop, "sock_connect", spy, raising=False)
    monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", spy)
    return made


async def test_h12_no_literal_and_no_spelling_of_one_is_connected_to(connections):
    """A spy on the sockets sees no connection for any private literal, in any spelling."""
    async with Driver(HttpSettings()) as driver:
        for host in [*LITERALS, *SPELLINGS]:
            error = await failure(driver, f"http://{host}:8080/")
            assert error.reason in {Unreadable.REFUSED, Unreadable.NETWORK}, host
        assert connections == []
        await failure(driver, "http://93.184.216.34/")
        assert connections == [("93.184.216.34", 80)]


async def test_h12_a_refusal_names_the_key_and_the_option_that_allow_it():
    """An operator with a page at home reads what to write."""
    async with Driver(HttpSettings()) as driver:
        error = await failure(driver, "http://10.1.2.3/")
        assert error.reason is Unreadable.REFUSED
        assert "10.1.2.3 is a private address" in error.detail
        assert "http.allow_private" in error.detail
        assert "--allow-private 10.1.2.3/32" in error.detail


async def test_h12_a_name_that_flips_to_a_private_address_is_refused(connections):
    """Rebinding: each answer is checked at the socket, and all its addresses."""
    answers = [["93.184.216.34"], ["127.0.0.1"], ["10.0.0.1", "::1", "169.254.169.254"]]

    async def flip(host):
        return answers.pop(0)

    async with Driver(HttpSettings(), resolver=flip) as driver:
        errors = [await failure(driver, "http://status.acme.example/") for _ in range(3)]
    assert [error.reason for error in errors] == [
        Unreadable.NETWORK,
        Unreadable.REFUSED,
        Unreadable.REFUSED,
    ]
    assert set(connections) == {("93.184.216.34", 80)}


async def test_h12_a_public_address_beside_a_private_one_is_used(connections):
    """A mixed answer connects to the public address only."""

    async def mixed(host):
        return ["10.0.0.1", "93.184.216.34"]

    async with Driver(HttpSettings(), resolver=mixed) as driver:
        await failure(driver, "http://status.acme.example/")
    assert set(connections) == {("93.184.216.34", 80)}


async def test_h12_a_redirect_to_a_private_address_is_refused():
    """The hop is checked like the first address; the private server sees nothing."""
    async with faultd(Answer(body=b"secret")) as private:
        there = Answer(302, {"Location": private.at("/admin")})
        async with faultd(there) as vendor:
            settings = HttpSettings(allow_private=(f"{vendor.host}/32",))
            async with Driver(settings) as driver:
                error = await failure(driver, vendor.url)
        assert error.reason is Unreadable.REFUSED
        assert private.requests == []
        assert private.connections == 0


async def test_h12_a_page_never_rides_on_a_connection_opened_for_a_receiver():
    """A receiver's idle connection to a private address is not there for pages."""

    def notify(url):
        return (yield Request.post(url, b"{}", content_type="application/json")).status

    async with faultd(Answer(body=b"ok")) as receiver, Driver(HttpSettings()) as driver:
        assert await driver.send(notify(receiver.url), timeout=5) == 200
        error = await failure(driver, receiver.url)
        assert error.reason is Unreadable.REFUSED
        assert len(receiver.requests) == 1


async def test_h12_behind_a_proxy_private_literals_are_refused_and_names_are_the_proxys():
    """The proxy's own private address is the operator's word; a page's is not."""
    async with faultd(Answer(body=b"by proxy")) as proxy:
        async with Driver(HttpSettings(proxy=proxy.url)) as driver:
            for host in (
                "10.0.0.1",
                "127.1",
                "2130706433",
                "[::ffff:7f00:1]",
                "localhost",
                "a.localhost",
            ):
                error = await failure(driver, f"http://{host}/")
                assert error.reason is Unreadable.REFUSED, host
            assert proxy.requests == []
            async with driver.visit("http://status.acme.example/x") as visit:
                response = await visit.ask(Request.get("http://status.acme.example/x"))
            assert response.body == b"by proxy"
            assert proxy.requests[0].target == "http://status.acme.example/x"


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("a.example", ("a.example",), True),
        ("b.a.example", ("a.example",), False),
        ("b.a.example", (".a.example",), True),
        ("a.example", (".a.example",), True),
        ("xa.example", (".a.example",), False),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8",), False),
        ("10.1.2.3", ("10.1.2.3",), True),
        ("fd00::1", ("fd00::/8",), True),
        ("fd00::1", ("[fd00::1]",), True),
        ("A.Example.", ("a.example",), True),
        ("anything.example", ("*",), True),
        ("8.8.8.8", ("*",), True),
        ("a.example", (), False),
    ],
)
def test_no_proxy_matches_names_suffixes_addresses_and_networks(host, no_proxy, direct):
    """Each form of an entry, and nothing by accident."""
    from bellbuoy.http.proxies import Proxies

    proxy = "http://proxy.example:3128"
    chosen = Proxies(proxy, no_proxy).for_host(host)
    assert chosen == (None if direct else proxy)


async def test_no_proxy_sends_a_page_directly_and_through_the_guard():
    """What is exempt from the proxy is judged like any other page."""
    async with faultd(Answer(body=b"direct")) as vendor:
        settings = HttpSettings(proxy="http://127.0.0.1:9", no_proxy=("127.0.0.0/8",))
        async with Driver(settings) as driver:
            assert (await failure(driver, vendor.url)).reason is Unreadable.REFUSED
        async with Driver(
            HttpSettings(proxy="http://127.0.0.1:9", no_proxy=LOOPBACK, allow_private=LOOPBACK)
        ) as driver:
            async with driver.visit(vendor.url) as visit:
                assert (await visit.ask(Request.get(vendor.url))).body == b"direct"


@given(
    st.sampled_from(["", "http://", "https://", "//"]),
    st.text("ahtp:/[]@?#%.0127x\\ \n\0é％①-\ud800"),
)
@example("http://", "[ )tx2]'@")
@example("http://", "%31%32%37.0.0.1/")
@example("http://", "localhost%00.example/")
def test_w4_no_text_makes_the_reading_of_addresses_fail(scheme, text):
    """Whatever a vendor writes into Location: a target, or a reason why it is none."""
    for proxy in (None, "http://127.0.0.1:9"):
        target = Transport(HttpSettings(proxy=proxy), None).target(scheme + text)
        assert target.refusal or re.fullmatch(
            r"https?://(\[[0-9a-f:.]+\]|[\w.-]+):\d+", target.host
        )


def test_the_spellings_are_those_a_resolver_would_take():
    """The table above is not out of thin air: the system reads them as loopback."""
    for host in SPELLINGS[:4]:
        assert socket.gethostbyname(host) == "127.0.0.1"
