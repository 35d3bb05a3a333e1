"""TLS: verified always, resumed where the host remembers us, opened by a proxy where it must be."""

# ruff: noqa: SIM117 - a vendor and its client read better one below the other

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress

import pytest
import trustme

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.http.tls import client_context
from tests.faultd import LOOPBACK, Answer, faultd, loopback_address

uvloop = pytest.importorskip("uvloop")


async def ask(driver, url):
    """One visit with one question."""
    async with driver.visit(url) as visit:
        return await visit.ask(Request.get(url))


async def failure(driver, url):
    """The error of one visit with one question."""
    with pytest.raises(FetchError) as caught:
        await ask(driver, url)
    return caught.value


async def test_h8_an_untrusted_certificate_is_a_failure_that_names_ca_file(authority):
    """Never an insecure second try; the cure is in the text."""
    host = loopback_address()
    async with faultd(Answer(body=b"x"), ssl=authority.server(host), host=host) as vendor:
        async with Driver(HttpSettings(allow_private=LOOPBACK)) as driver:
            error = await failure(driver, vendor.url)
        assert error.reason is Unreadable.NETWORK
        assert "certificate" in error.detail
        assert "http.ca_file" in error.detail
        assert vendor.requests == []


async def test_h8_a_certificate_for_another_name_is_a_failure(authority):
    """A trusted authority is not enough."""
    settings = HttpSettings(allow_private=LOOPBACK, ca_file=authority.file)
    async with faultd(Answer(body=b"x"), ssl=authority.server("other.example")) as vendor:
        async with Driver(settings) as driver:
            error = await failure(driver, vendor.url)
        assert error.reason is Unreadable.NETWORK
        assert "http.ca_file" in error.detail


async def test_h8_an_expired_certificate_is_a_failure(authority):
    """Expiry is said, and is a failure of the network."""
    host = loopback_address()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = trustme.datetime.datetime(2020, 1, 1, tzinfo=trustme.datetime.timezone.utc)
    authority.ca.issue_cert(host, not_after=past).configure_cert(context)
    settings = HttpSettings(allow_private=LOOPBACK, ca_file=authority.file)
    async with faultd(Answer(body=b"x"), ssl=context, host=host) as vendor:
        async with Driver(settings) as driver:
            error = await failure(driver, vendor.url)
    assert error.reason is Unreadable.NETWORK
    assert "expired" in error.detail


async def test_a_server_that_speaks_no_tls_is_a_network_failure():
    """https:// to a server that greets in plain text says that TLS is what failed."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 welcome\r\n")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(greet, loopback_address(), 0)
    async with server, Driver(HttpSettings(allow_private=LOOPBACK)) as driver:
        host, port = server.sockets[0].getsockname()
        error = await failure(driver, f"https://{host}:{port}")
    assert error.reason is Unreadable.NETWORK
    assert "TLS" in error.detail


async def test_ca_file_trusts_what_it_names_and_replaces_the_system(authority):
    """With it the page is read; the context holds that one authority and no other."""
    host = loopback_address()
    settings = HttpSettings(allow_private=LOOPBACK, ca_file=authority.file)
    async with faultd(Answer(body=b"x"), ssl=authority.server(host), host=host) as vendor:
        async with Driver(settings) as driver:
            assert (await ask(driver, vendor.url)).body == b"x"
    assert len(client_context(authority.file).get_ca_certs()) == 1


def visits(authority, context, count):
    """Some visits on new connections; how many TLS handshakes the vendor could resume."""

    async def situation():
        script = Answer(body=b"x", close=True)
        async with faultd(script, ssl=context, host="127.0.0.1") as vendor:
            settings = HttpSettings(allow_private=LOOPBACK, ca_file=authority.file)
            async with Driver(settings) as driver:
                for _ in range(count):
                    await ask(driver, vendor.url)
            return vendor.resumed

    return situation()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_new_connection_to_a_known_host_resumes_its_session(authority, version, loop):
    """Only the first handshake is a full one, in both protocol versions and on both loops."""
    context = authority.server("127.0.0.1")
    context.minimum_version = context.maximum_version = version
    with asyncio.Runner(loop_factory=loop) as runner:
        resumed = runner.run(visits(authority, context, 4))
    assert resumed == [False, True, True, True]


async def test_a_server_without_sessions_is_asked_all_the_same(authority):
    """Where nothing can be resumed, each handshake is a full one."""
    context = authority.server("127.0.0.1")
    context.num_tickets = 0
    assert await visits(authority, context, 3) == [False, False, False]


async def test_a_session_is_not_offered_to_another_name(authority):
    """Two names on one server each have a handshake of their own, with their own certificate."""
    host = loopback_address()
    context = authority.server("a.example", "b.example")

    async def resolve(_):
        return [host]

    script = Answer(body=b"x", close=True)
    settings = HttpSettings(allow_private=LOOPBACK, ca_file=authority.file)
    async with faultd(script, ssl=context, host=host) as vendor:
        async with Driver(settings, resolver=resolve) as driver:
            for name in ("a.example", "b.example", "a.example", "b.example"):
                await ask(driver, f"https://{name}:{vendor.port}/")
            error = await failure(driver, f"https://c.example:{vendor.port}/")
    assert vendor.resumed[:4] == [False, False, True, True]
    assert error.reason is Unreadable.NETWORK


LARGE = Answer(body=b"x" * 55_000)
SMALL = Answer(body=b"x" * 2_000)


def two_visits(authority, answer):
    """Two visits of two questions each; how many connections they took, and left open."""

    async def situation():
        context = authority.server("127.0.0.1")
        async with faultd(answer, ssl=context, host="127.0.0.1") as vendor:
            settings = HttpSettings(allow_private=LOOPBACK, ca_file=authority.file)
            async with Driver(settings) as driver:
                for _ in range(2):
                    async with driver.visit(vendor.url) as visit:
                        for path in ("a", "b"):
                            await visit.ask(Request.get(vendor.at(path)))
                    if answer is LARGE:
                        await vendor.until_closed()
                return vendor.connections, vendor.open_connections, vendor.resumed

    return situation()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_tls_connection_that_swelled_lasts_for_one_visit(authority, loop):
    """Its buffers never shrink, and a resumed handshake is cheaper than keeping them."""
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(two_visits(authority, LARGE)) == (2, 0, [False, True])


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_tls_connection_that_carried_little_at_once_is_kept(authority, loop):
    """The next visit comes over the same one."""
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(two_visits(authority, SMALL)) == (1, 1, [False])


async def test_a_plain_connection_is_kept_whatever_it_carried():
    """It has no buffers that grow."""
    async with faultd(LARGE) as vendor:
        async with Driver(HttpSettings(allow_private=LOOPBACK)) as driver:
            for _ in range(2):
                await ask(driver, vendor.url)
        assert vendor.connections == 1


async def test_a_swollen_connection_is_not_closed_under_another_visit(authority):
    """Whoever leaves a host last closes: until then all that it has may be in use."""
    settings = HttpSettings(allow_private=LOOPBACK, ca_file=authority.file)
    context = authority.server("127.0.0.1")
    async with faultd(LARGE, ssl=context, host="127.0.0.1") as vendor:
        async with Driver(settings) as driver, driver.visit(vendor.url) as longer:
            await longer.ask(Request.get(vendor.url))
            await ask(driver, vendor.url)
            await longer.ask(Request.get(vendor.url))
            assert (vendor.connections, vendor.open_connections) == (1, 1)


async def test_h11_a_redirect_from_https_to_http_is_refused(authority):
    """What was private on the way stays so."""
    host = loopback_address()
    async with faultd(Answer(body=b"x")) as plain:
        script = Answer(302, {"Location": plain.url})
        async with faultd(script, ssl=authority.server(host), host=host) as vendor:
            settings = HttpSettings(allow_private=LOOPBACK, ca_file=authority.file)
            async with Driver(settings) as driver:
                error = await failure(driver, vendor.url)
        assert error.reason is Unreadable.REFUSED
        assert "from https to http" in error.detail
        assert plain.requests == []


@asynccontextmanager
async def connect_proxy(inner_port, *, status=200):
    """A CONNECT proxy that leads every tunnel to one port, as one that opens TLS does."""
    asked = []

    async def pump(reader, writer):
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await tunnel(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def tunnel(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode("latin-1"))
        if status != 200 or not head.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
            await writer.drain()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
        finally:
            inner_writer.transport.abort()

    tasks = set()
    host = loopback_address()
    server = await asyncio.start_server(serve, host, 0)
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_h17_a_page_is_read_through_a_proxy_that_opens_tls(authority):
    """CONNECT to a proxy on a private address, a certificate of the company's own authority."""
    mitm = authority.server("status.acme.example")
    async with (
        faultd(Answer(body=b"x"), ssl=mitm, host="127.0.0.1") as inner,
        connect_proxy(inner.port) as (proxy, asked),
    ):
        settings = HttpSettings(proxy=proxy.replace("//", "//me:pw@"), ca_file=authority.file)
        async with Driver(settings) as driver:
            for _ in range(2):
                response = await ask(driver, "https://status.acme.example/api")
                assert response.body == b"x"
        assert asked[0].startswith("CONNECT status.acme.example:443 ")
        assert "Proxy-Authorization: Basic bWU6cHc=" in asked[0]
        assert inner.requests[0].path == "/api"
        assert "proxy-authorization" not in inner.requests[0].headers


async def test_h17_without_its_authority_the_error_names_ca_file(authority):
    """The first thing that a person behind such a proxy sees says what to set."""
    mitm = authority.server("status.acme.example")
    async with (
        faultd(Answer(body=b"x"), ssl=mitm, host="127.0.0.1") as inner,
        connect_proxy(inner.port) as (proxy, _),
        Driver(HttpSettings(proxy=proxy)) as driver,
    ):
        error = await failure(driver, "https://status.acme.example/")
        assert error.reason is Unreadable.NETWORK
        assert "http.ca_file" in error.detail


@pytest.mark.parametrize(
    ("status", "reason"), [(407, Unreadable.REFUSED), (502, Unreadable.NETWORK)]
)
async def test_h17_a_proxy_that_says_no_is_named(status, reason):
    """407 is for the operator to cure, 502 may pass."""
    async with connect_proxy(0, status=status) as (proxy, _):
        async with Driver(HttpSettings(proxy=proxy)) as driver:
            error = await failure(driver, "https://status.acme.example/")
    assert error.reason is reason
    assert "http.proxy" in error.detail
    assert str(status) in error.detail


async def test_h17_a_proxy_that_is_away_is_named():
    """It is our side that is broken, and the text says which key."""
    async with faultd(Answer()) as gone:
        pass
    async with Driver(HttpSettings(proxy=gone.url)) as driver:
        for scheme in ("http", "https"):
            error = await failure(driver, f"{scheme}://status.acme.example/")
            assert error.reason is Unreadable.NETWORK
            assert "http.proxy" in error.detail


async def test_h17_a_literal_private_target_is_refused_before_the_proxy_is_asked(authority):
    """The exemption is for the proxy's own address alone."""
    async with connect_proxy(0) as (proxy, asked):
        async with Driver(HttpSettings(proxy=proxy, ca_file=authority.file)) as driver:
            for host in ("10.0.0.5", "169.254.169.254", "[::1]"):
                assert (await failure(driver, f"https://{host}/")).reason is Unreadable.REFUSED
        assert asked == []
