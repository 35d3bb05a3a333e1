"""Redirects, followed by hand: few, never downwards, never with another host's secrets."""

# ruff: noqa: SIM117 - a vendor and its client read better one below the other

import pytest

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.model.known import Validators
from tests.faultd import LOOPBACK, Answer, faultd

HERE = HttpSettings(allow_private=LOOPBACK, timeout=5)


def to(location, status=302):
    """A redirect."""
    return Answer(status, {"Location": location}, b"<html>moved</html>")


async def failure(driver, url):
    """The error of one visit with one question."""
    async with driver.visit(url) as visit:
        with pytest.raises(FetchError) as caught:
            await visit.ask(Request.get(url))
    return caught.value


@pytest.mark.parametrize(
    ("statuses", "moved"),
    [
        ((301,), True),
        ((308,), True),
        ((302,), False),
        ((307,), False),
        ((301, 302), False),
        ((301, 308, 301, 301, 308), True),
    ],
)
async def test_a_page_moved_only_when_every_redirect_was_permanent(statuses, moved):
    """301 and 308 all the way say where the page lies now; one temporary step says nothing."""
    script = {f"/{i}": to(f"/{i + 1}", status) for i, status in enumerate(statuses)}
    last = f"/{len(statuses)}"
    async with faultd({**script, last: Answer(body=b"here")}) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            response = await visit.ask(Request.get(vendor.at("/0")))
            assert response.body == b"here"
            assert response.url == vendor.at(last)
            assert response.moved_to == visit.moved_to == (vendor.at(last) if moved else None)
            assert list(visit.fresh) == [vendor.at("/0")]


async def test_only_the_face_of_a_visit_can_move_the_page():
    """A later document that lies elsewhere does not move the page."""
    script = {"/face": Answer(body=b"x"), "/later": to("/there", 301), "/there": Answer(body=b"y")}
    async with faultd(script) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            await visit.ask(Request.get(vendor.at("/face")))
            assert (await visit.ask(Request.get(vendor.at("/later")))).moved_to is not None
            assert visit.moved_to is None


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ({"/": to("/")}, "circle"),
        ({"/": to("/a"), "/a": to("/b"), "/b": to("/a")}, "circle"),
        ({"/": to("/1"), **{f"/{i}": to(f"/{i + 1}") for i in range(1, 9)}}, "more than 5"),
        ({"/": to("file:///etc/passwd")}, "only http"),
        ({"/": to("ftp://example.com/")}, "only http"),
        ({"/": to("javascript:alert(1)")}, "only http"),
        ({"/": to("http://[::1")}, "not an address"),
        ({"/": to("http://[ )tx2]'@")}, "not an address"),
        ({"/": to("http://127%2E0.0.1/")}, "no host name"),
        ({"/": to("http://")}, "circle"),
        ({"/": to("http://example.com:0/")}, "only http"),
        ({"/": Answer(302)}, "without saying where"),
    ],
)
async def test_h11_a_redirect_that_leads_nowhere_good_is_one_error(script, says):
    """Circles, long chains, other schemes and broken addresses are refused, saying which."""
    async with faultd(script) as vendor, Driver(HERE) as driver:
        error = await failure(driver, vendor.at("/"))
        assert error.reason is Unreadable.REFUSED
        assert says in error.detail
        assert len(vendor.requests) <= 6


async def test_h11_five_hops_are_allowed():
    """The fifth redirect still arrives."""
    script = {f"/{i}": to(f"/{i + 1}") for i in range(5)}
    async with faultd({**script, "/5": Answer(body=b"x")}) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            assert (await visit.ask(Request.get(vendor.at("/0")))).status == 200


async def test_h11_secrets_stay_with_their_host_and_validators_go_along():
    """Authorization and cookies are dropped across hosts; on the same host they stay."""
    async with faultd(Answer(304)) as other, Driver(HERE) as driver:
        script = {"/a": to("/b"), "/b": to(other.at("/c"))}
        async with faultd(script) as vendor:
            request = Request(
                url=vendor.at("/a"), headers={"Authorization": "Bearer canary", "cookie": "a=b"}
            )
            async with driver.visit(vendor.url) as visit:
                await visit.ask(request, Validators(etag='"1"'))
            assert vendor.requests[1].headers["authorization"] == "Bearer canary"
            assert "authorization" not in other.requests[0].headers
            assert "cookie" not in other.requests[0].headers
            assert other.requests[0].headers["if-none-match"] == '"1"'


async def test_h11_a_password_in_a_location_is_not_used():
    """A redirect cannot make us log in somewhere."""
    async with faultd(Answer(body=b"x")) as other, Driver(HERE) as driver:
        there = other.url.replace("http://", "http://me:secret@")
        async with faultd(to(there)) as vendor, driver.visit(vendor.url) as visit:
            await visit.ask(Request.get(vendor.url))
        assert "authorization" not in other.requests[0].headers


async def test_h11_a_posted_question_becomes_a_get_except_after_307_and_308():
    """RFC 9110, 15.4: the body is sent again only where the server says so."""
    for status, method in ((302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")):
        script = {"/a": to("/b", status), "/b": Answer(body=b"x")}
        async with faultd(script) as vendor, Driver(HERE) as driver:
            async with driver.visit(vendor.url) as visit:
                request = Request.post(vendor.at("/a"), b"q", content_type="text/plain")
                await visit.ask(request)
            assert vendor.requests[1].method == method
            assert vendor.requests[1].body == (b"q" if method == "POST" else b"")
