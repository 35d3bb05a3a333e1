"""Visits: what is asked, what answers mean, and what is kept of them."""

# ruff: noqa: SIM117 - a vendor and its client read better one below the other

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bellbuoy import __version__
from bellbuoy.errors import ConfigError, FetchError, Unreadable
from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.model.known import Validators
from bellbuoy.observer import Observer
from tests.faultd import LOOPBACK, Answer, document, faultd

HERE = HttpSettings(allow_private=LOOPBACK, timeout=5)


class Listener(Observer):
    def __init__(self):
        self.requests = []

    def request_done(self, details):
        """Keep it."""
        self.requests.append(details)


async def ask(driver, url, validators=None):
    """One visit with one question."""
    async with driver.visit(url) as visit:
        return await visit.ask(Request.get(url), validators or Validators())


async def failure(driver, url, validators=None):
    """The error of one visit with one question."""
    with pytest.raises(FetchError) as caught:
        await ask(driver, url, validators)
    return caught.value


async def test_a_document_comes_back_whole_with_its_validators():
    """A 200 gives the body, lower-case fields, and validators with the hash of the body."""
    listener = Listener()
    script = document(b'{"a": 1}', etag='W/"1"', last_modified="Mon, 02 Mar 2026 09:00:00 GMT")
    async with faultd(script) as vendor, Driver(HERE, observer=listener) as driver:
        url = vendor.at("/api/v2/summary.json?x=1")
        async with driver.visit(vendor.url) as visit:
            response = await visit.ask(Request.get(url))
            assert (response.status, response.body, response.url) == (200, b'{"a": 1}', url)
            assert response.etag == 'W/"1"'
            fresh = visit.fresh[url]
            assert fresh.etag == 'W/"1"'
            assert fresh.last_modified == "Mon, 02 Mar 2026 09:00:00 GMT"
            assert len(fresh.body_hash) == 16
            assert visit.all_answered
            assert visit.moved_to is None
            assert visit.latency > 0
        assert vendor.requests[0].target == "/api/v2/summary.json?x=1"
        done = listener.requests[0]
        assert (done.method, done.url, done.status, done.size) == ("GET", url, 200, 8)


async def test_the_user_agent_is_honest_and_names_a_contact():
    """Vendors see who asks, how to reach them, and that br is never wanted."""
    settings = HttpSettings(allow_private=LOOPBACK, contact="ops@example.com\r\nX-Evil: 1")
    async with faultd(Answer(body=b"x")) as vendor, Driver(settings) as driver:
        await ask(driver, vendor.url)
        headers = vendor.requests[0].headers
        assert headers["user-agent"] == f"Bellbuoy/{__version__} (+ops@example.com X-Evil: 1)"
        assert headers["accept-encoding"] == "gzip, deflate"
        assert "x-evil" not in headers


async def test_both_validators_are_sent_and_a_304_has_no_body():
    """A conditional question carries If-None-Match and If-Modified-Since."""
    stamp = "Mon, 02 Mar 2026 09:00:00 GMT"
    script = document(b"body", etag='"1"', last_modified=stamp)
    async with faultd(script) as vendor, Driver(HERE) as driver:
        kept = Validators(etag='"1"', last_modified=stamp, body_hash=b"h" * 16)
        async with driver.visit(vendor.url) as visit:
            response = await visit.ask(Request.get(vendor.url), kept)
            assert response.not_modified
            assert response.body == b""
            assert visit.fresh[vendor.url] == kept
        sent = vendor.requests[0].headers
        assert (sent["if-none-match"], sent["if-modified-since"]) == ('"1"', stamp)


async def test_h4_validators_of_a_304_replace_the_kept_ones():
    """What a 304 brings is used in the next question; the hash of the body stays."""
    new = {"ETag": '"2"', "Last-Modified": "Tue, 03 Mar 2026 09:00:00 GMT"}
    async with faultd(Answer(304, new)) as vendor, Driver(HERE) as driver:
        kept = Validators(etag='"1"', last_modified="old", body_hash=b"h" * 16)
        async with driver.visit(vendor.url) as visit:
            await visit.ask(Request.get(vendor.url), kept)
            fresh = visit.fresh[vendor.url]
            await visit.ask(Request.get(vendor.url), fresh)
        assert fresh == Validators(
            etag='"2"', last_modified="Tue, 03 Mar 2026 09:00:00 GMT", body_hash=b"h" * 16
        )
        assert vendor.requests[1].headers["if-none-match"] == '"2"'
        assert vendor.requests[1].headers["if-modified-since"].startswith("Tue")


async def test_h4_a_200_that_lost_its_etag_replaces_both():
    """Validators never survive the document that they belonged to."""
    async with faultd(Answer(200, body=b"new")) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            await visit.ask(Request.get(vendor.url), Validators(etag='"1"', last_modified="x"))
            fresh = visit.fresh[vendor.url]
        assert (fresh.etag, fresh.last_modified) == (None, None)


async def test_h2_the_same_body_under_a_new_etag_is_not_modified():
    """A server that changes its ETag each time causes no reading."""
    etags = iter(range(100))
    async with (
        faultd(lambda _: Answer(200, {"ETag": f'"{next(etags)}"'}, b"same")) as vendor,
        Driver(HERE) as driver,
    ):
        kept = Validators()
        outcomes = []
        for _ in range(5):
            async with driver.visit(vendor.url) as visit:
                outcomes.append((await visit.ask(Request.get(vendor.url), kept)).status)
                kept = visit.fresh[vendor.url]
        assert outcomes == [200, 304, 304, 304, 304]
        assert kept.etag == '"4"'


async def test_a_304_to_an_unconditional_question_is_an_error():
    """A server that says "not modified" to one who knows nothing has told nothing."""
    async with faultd(Answer(304)) as vendor, Driver(HERE) as driver:
        assert (await failure(driver, vendor.url)).reason is Unreadable.REFUSED


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(404), Unreadable.GONE),
        (Answer(410), Unreadable.GONE),
        (Answer(400), Unreadable.REFUSED),
        (Answer(401), Unreadable.REFUSED),
        (Answer(403, body=b"forbidden"), Unreadable.REFUSED),
        (Answer(429), Unreadable.REFUSED),
        (Answer(500, body=b'{"error": "x"}'), Unreadable.REFUSED),
        (Answer(503), Unreadable.REFUSED),
        (Answer(200), Unreadable.CUT),
        (Answer(204), Unreadable.CUT),
        (Answer(206, body=b"part"), Unreadable.CUT),
        (Answer(202, body=b"<html>"), Unreadable.BLOCKED),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else value.name,
)
async def test_h7_h8_every_status_that_is_no_document_has_its_reason(answer, reason):
    """Error statuses, empty bodies and parts are failures with the status in them."""
    async with faultd(answer) as vendor, Driver(HERE) as driver:
        error = await failure(driver, vendor.url)
        assert (error.reason, error.status) == (reason, answer.status)
        assert error.url == vendor.url


CHALLENGES = {
    "cloudflare": Answer(
        403, {"cf-mitigated": "challenge", "Content-Type": "text/html"}, b"<html>wait</html>"
    ),
    "cloudflare 503": Answer(
        503, {"Content-Type": "text/html"}, b"<html><title>Just a moment...</title></html>"
    ),
    "aws waf": Answer(405, {"x-amzn-waf-action": "captcha"}, b"<html></html>"),
    "incapsula": Answer(200, {}, b"<html><script src='/_Incapsula_Resource?x'></script></html>"),
    "datadome": Answer(
        403, {"Content-Type": "text/html"}, b"<script src='https://geo.captcha-delivery.com/'>"
    ),
    "small captcha": Answer(
        200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>Solve this CAPTCHA</html>"
    ),
}


@pytest.mark.parametrize("name", CHALLENGES)
async def test_h6_a_challenge_where_the_document_was_is_blocked(name):
    """A page for browsers is never taken for an empty but healthy document."""
    async with faultd(CHALLENGES[name]) as vendor, Driver(HERE) as driver:
        assert (await failure(driver, vendor.url)).reason is Unreadable.BLOCKED


async def test_h6_an_ordinary_page_with_a_captcha_in_a_form_is_a_document():
    """Status pages carry a captcha in their subscription form, and Cloudflare's script."""
    body = (
        b"<!DOCTYPE html><html><title>Acme Status</title>"
        b"<script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script>"
        + b"<p>fine</p>" * 4000
        + b"<form><div class='g-recaptcha'></div></form></html>"
    )
    script = Answer(200, {"Content-Type": "text/html"}, body)
    async with faultd(script) as vendor, Driver(HERE) as driver:
        assert (await ask(driver, vendor.url)).body == body


async def test_h6_a_json_document_that_speaks_of_captchas_is_a_document():
    """An incident about a captcha is not a captcha."""
    body = b'{"title": "captcha-delivery.com is down"}'
    async with faultd(Answer(200, {"Content-Type": "application/json"}, body)) as vendor:
        async with Driver(HERE) as driver:
            assert (await ask(driver, vendor.url)).body == body


async def test_h9_a_body_that_never_ends_is_given_up_at_the_deadline():
    """One byte at a time for ever ends when the visit's time is over, not later."""
    slow = Answer(200, body=b"x" * 1000, rate=10, piece=1)
    settings = HttpSettings(allow_private=LOOPBACK, timeout=0.5)
    async with faultd(slow) as vendor, Driver(settings) as driver:
        began = asyncio.get_running_loop().time()
        error = await failure(driver, vendor.url)
        assert asyncio.get_running_loop().time() - began < 2
        assert (error.reason, error.timed_out) == (Unreadable.NETWORK, True)


async def test_h9_a_server_that_never_answers_does_not_delay_another():
    """While one page hangs, another is answered at once."""
    settings = HttpSettings(allow_private=LOOPBACK, timeout=1)
    async with (
        faultd(Answer(hang=True)) as hung,
        faultd(Answer(body=b"x")) as healthy,
        Driver(settings) as driver,
    ):
        waiting = asyncio.create_task(failure(driver, hung.url))
        await hung.until(1)
        began = asyncio.get_running_loop().time()
        await ask(driver, healthy.url)
        assert asyncio.get_running_loop().time() - began < 0.5
        assert not waiting.done()
        assert (await waiting).timed_out


async def test_the_deadline_is_one_for_all_questions_of_a_visit():
    """Three questions of 0.3 s each do not fit into 0.7 s."""
    settings = HttpSettings(allow_private=LOOPBACK, timeout=0.7)
    async with faultd(Answer(body=b"x", delay=0.3)) as vendor, Driver(settings) as driver:
        async with driver.visit(vendor.url) as visit:
            await visit.ask(Request.get(vendor.at("/1")))
            await visit.ask(Request.get(vendor.at("/2")))
            with pytest.raises(FetchError) as caught:
                await visit.ask(Request.get(vendor.at("/3")))
            assert caught.value.timed_out
            assert not visit.all_answered
            with pytest.raises(FetchError):
                await visit.ask(Request.get(vendor.at("/4")))
        assert len(vendor.requests) == 3


async def test_cancelling_from_outside_stays_a_cancellation():
    """Stopping the monitor is not a failure of the page, and its seat is free again."""
    settings = HttpSettings(allow_private=LOOPBACK, seats=1)
    async with (
        faultd(Answer(hang=True)) as hung,
        faultd(Answer(body=b"x")) as healthy,
        Driver(settings) as driver,
    ):
        task = asyncio.create_task(ask(driver, hung.url))
        await hung.until(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await ask(driver, healthy.url)).status == 200


async def test_h8_nobody_listening_and_unknown_names_are_network_failures():
    """Refused connections and missing names say what could not be reached."""
    async with faultd(Answer(body=b"x")) as vendor:
        closed = vendor.url

    async def nowhere(host):
        raise OSError(-2, "Name or service not known")

    async with Driver(HERE, resolver=nowhere) as driver:
        refused = await failure(driver, closed)
        unknown = await failure(driver, "http://status.acme.example/")
    assert (refused.reason, unknown.reason) == (Unreadable.NETWORK, Unreadable.NETWORK)
    assert "no connection to 127." in refused.detail
    assert "no address for the name status.acme.example" in unknown.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x16\x03\x01\x02\x00garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
    ],
)
async def test_h8_what_is_not_http_is_a_network_failure(raw):
    """Another protocol, garbage, or a closed connection is never a document."""
    async with faultd(Answer(raw=raw)) as vendor, Driver(HERE) as driver:
        assert (await failure(driver, vendor.url)).reason is Unreadable.NETWORK


async def test_a_connection_is_reused_and_a_stale_one_is_replaced():
    """Keep-alive is used; a server that closed its idle end costs no failed visit."""
    async with faultd(Answer(body=b"x")) as vendor, Driver(HERE) as driver:
        await ask(driver, vendor.url)
        await ask(driver, vendor.url)
        assert vendor.connections == 1
        vendor.script = Answer(body=b"x", close=True)
        await ask(driver, vendor.url)
        await ask(driver, vendor.url)
        assert vendor.connections == 2


async def test_the_dns_answer_is_kept_and_dropped_when_connecting_fails():
    """A moved host is found again at the next visit, and is not looked up at every visit."""
    lookups = []
    async with faultd(Answer(body=b"x", close=True)) as vendor:

        async def resolve(host):
            lookups.append(host)
            return ["127.0.0.77"] if len(lookups) == 1 else [vendor.host]

        async with Driver(HERE, resolver=resolve) as driver:
            url = f"http://status.acme.example:{vendor.port}/"
            assert (await failure(driver, url)).reason is Unreadable.NETWORK
            for _ in range(3):
                await ask(driver, url)
        assert len(lookups) == 2
        assert vendor.requests[0].headers["host"] == f"status.acme.example:{vendor.port}"


async def test_h5_a_retry_after_holds_the_whole_host_and_can_be_kept():
    """After 429 with Retry-After: 600 no request goes to that host for 600 s, restart included."""
    clock = [datetime(2026, 3, 2, 9, tzinfo=UTC)]
    script = [Answer(429, {"Retry-After": "600"}), Answer(body=b"x")]
    async with faultd(script) as vendor:
        async with Driver(HERE, now=lambda: clock[0]) as driver:
            error = await failure(driver, vendor.at("/one"))
            assert (error.reason, error.status, error.retry_after) == (
                Unreadable.REFUSED,
                429,
                600.0,
            )
            held = await failure(driver, vendor.at("/two"))
            assert held.reason is Unreadable.REFUSED
            assert held.retry_after == 600.0
            until = driver.held_until(vendor.url)
            assert until == clock[0] + timedelta(seconds=600)
        async with Driver(HERE, now=lambda: clock[0]) as restarted:
            restarted.hold(vendor.at("/whatever"), until)
            clock[0] += timedelta(seconds=599)
            assert (await failure(restarted, vendor.url)).retry_after == 1.0
            assert len(vendor.requests) == 1
            clock[0] += timedelta(seconds=1)
            assert restarted.held_until(vendor.url) is None
            assert (await ask(restarted, vendor.url)).status == 200


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 02 Mar 2026 09:05:00 GMT", 300.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0),
        ("86400", 3600.0),
        ("9" * 400, 3600.0),
        ("Fri, 02 Mar 2029 09:00:00 GMT", 3600.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
async def test_h5_retry_after_is_read_in_both_forms_and_capped_at_an_hour(value, seconds):
    """Seconds or a date, never more than an hour, and nonsense is nothing."""
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    async with faultd(Answer(503, {"Retry-After": value})) as vendor:
        async with Driver(HERE, now=lambda: now) as driver:
            error = await failure(driver, vendor.url)
            assert error.retry_after == seconds
            assert (driver.held_until(vendor.url) is not None) == bool(seconds)


async def test_h5_another_port_is_another_host():
    """A hold is for scheme, host and port together."""
    async with Driver(HERE) as driver:
        until = datetime.now(UTC) + timedelta(minutes=5)
        driver.hold("http://127.0.0.1:81/a", until)
        assert driver.held_until("http://127.0.0.1:81") == until
        assert driver.held_until("http://127.0.0.1:82") is None
        assert driver.held_until("https://127.0.0.1:81") is None


async def test_h5_a_clock_that_jumped_back_cannot_hold_for_ever():
    """A hold kept from a clock in the future ends within an hour."""
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    async with Driver(HERE, now=lambda: now) as driver:
        driver.hold("http://a.example", now + timedelta(days=900))
        assert driver.held_until("http://a.example") == now + timedelta(hours=1)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/x",
        "gopher://example.com/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "unix:///var/run/docker.sock",
        "ws://example.com/",
        "//example.com/x",
        "example.com",
        "http://",
        "http:///path",
        "http://example.com:99999/",
        "http://[::1",
        "",
        "\x00",
    ],
)
async def test_w4_only_http_and_https_addresses_are_asked(url):
    """Other schemes and broken addresses are refused before anything is opened."""
    async with Driver(HERE) as driver:
        async with driver.visit(url) as visit:
            with pytest.raises(FetchError) as caught:
                await visit.ask(Request.get(url))
        assert caught.value.reason is Unreadable.REFUSED


async def test_h13_the_environment_names_no_proxy_and_netrc_no_password(monkeypatch, tmp_path):
    """HTTP_PROXY, ALL_PROXY and .netrc are not the operator's word."""
    async with faultd(Answer(body=b"proxied")) as proxy, faultd(Answer(body=b"x")) as vendor:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        netrc = tmp_path / ".netrc"
        netrc.write_text(f"machine {vendor.host} login me password secret\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HOME", str(tmp_path))
        async with Driver(HERE) as driver:
            assert (await ask(driver, vendor.url)).body == b"x"
        assert proxy.requests == []
        assert "authorization" not in vendor.requests[0].headers


async def test_w8_a_password_in_a_page_address_is_used_and_never_shown():
    """Basic credentials reach the page, but neither an error nor an observer."""
    listener = Listener()
    async with faultd(Answer(500)) as vendor, Driver(HERE, observer=listener) as driver:
        error = await failure(driver, vendor.url.replace("http://", "http://me:canary@"))
        assert vendor.requests[0].headers["authorization"].startswith("Basic ")
        assert "canary" not in f"{error}{error.url}{listener.requests}"


async def test_a_ca_file_that_is_missing_is_a_config_error_that_names_the_key(tmp_path):
    """A wrong path is said at the start."""
    settings = HttpSettings(ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match=r"http\.ca_file: .*none\.pem"):
        async with Driver(settings):
            pass


# Questions to which a failure is an answer


async def look(driver, url, validators=None):
    """One visit with one question that accepts a failure; the answer and what was kept of it."""
    async with driver.visit(url) as visit:
        request = Request.get(url, accepts_failure=True)
        response = await visit.ask(request, validators or Validators())
        return response, visit.fresh


@pytest.mark.parametrize("status", [202, 401, 404, 410, 500, 503])
async def test_an_error_is_an_answer_to_whoever_accepts_failures(status):
    """With its body, and nothing is kept by which the next answer could be taken for the same."""
    async with faultd(Answer(status, {"ETag": '"1"'}, b"broken")) as vendor, Driver(HERE) as driver:
        response, fresh = await look(driver, vendor.url, Validators(etag='"1"'))
        assert (response.status, response.body, fresh) == (status, b"broken", {})
        assert "if-none-match" not in vendor.requests[0].headers


async def test_the_same_body_under_another_status_is_another_answer():
    """A hash of the body alone would hide an outage."""
    script = [Answer(200, body=b"same"), Answer(503, body=b"same")]
    async with faultd(script) as vendor, Driver(HERE) as driver:
        seen = [(await look(driver, vendor.url))[0] for _ in script]
        assert [(one.status, one.body) for one in seen] == [(200, b"same"), (503, b"same")]


async def test_h6_without_being_asked_for_an_error_is_never_a_document():
    """Only the question decides; whatever a format yields, its answers are documents."""
    async with faultd(Answer(503, body=b"{}")) as vendor, Driver(HERE) as driver:
        async with driver.visit(vendor.url) as visit:
            await visit.ask(Request.get(vendor.url, accepts_failure=True))
            with pytest.raises(FetchError):
                await visit.ask(Request.get(vendor.url))


async def test_h5_an_answer_that_asks_for_peace_gets_it():
    """The 503 is an answer, and nothing more is sent to the host until it wants to be asked."""
    async with faultd(Answer(503, {"Retry-After": "600"})) as vendor, Driver(HERE) as driver:
        response, _ = await look(driver, vendor.url)
        assert response.retry_after == 600
        with pytest.raises(FetchError) as caught:
            await look(driver, vendor.url)
        assert 590 < caught.value.retry_after <= 600
        assert len(vendor.requests) == 1


async def test_h5_that_we_ask_too_often_is_no_answer():
    """429 tells of us, and nothing of what is behind the address."""
    async with faultd(Answer(429, {"Retry-After": "60"})) as vendor, Driver(HERE) as driver:
        with pytest.raises(FetchError) as caught:
            await look(driver, vendor.url)
        assert (caught.value.status, caught.value.retry_after) == (429, 60)
        assert driver.held_until(vendor.url) is not None


async def test_h11_redirects_are_followed_to_the_last_answer():
    """A permanent one to an error is no move; a circle is refused as ever."""
    script = {
        "/old": Answer(301, {"Location": "/new"}),
        "/new": [Answer(200, body=b"here"), Answer(503)],
        "/circle": Answer(302, {"Location": "/circle"}),
    }
    async with faultd(script) as vendor, Driver(HERE) as driver:
        moves = []
        for _ in range(2):
            async with driver.visit(vendor.url) as visit:
                response = await visit.ask(Request.get(vendor.at("/old"), accepts_failure=True))
                moves.append((response.status, visit.moved_to))
        assert moves == [(200, vendor.at("/new")), (503, None)]
        with pytest.raises(FetchError, match="circle"):
            await look(driver, vendor.at("/circle"))


async def test_h12_the_address_guard_holds_for_whoever_accepts_failures():
    """A private address is refused, never down."""
    async with faultd(Answer()) as vendor, Driver(HttpSettings()) as driver:
        with pytest.raises(FetchError) as caught:
            await look(driver, vendor.url)
        assert caught.value.reason is Unreadable.REFUSED
        assert vendor.connections == 0


async def test_what_the_first_question_came_to_is_thrown_into_the_exchange():
    """So an exchange can say what it makes of nobody answering, without asking again."""

    def reading():
        try:
            yield Request.get("http://127.0.0.1:9/", accepts_failure=True)
        except FetchError as failure:
            return failure.detail

    async with Driver(HERE) as driver, driver.visit("http://127.0.0.1:9/") as visit:
        failure = FetchError("u", Unreadable.NETWORK, "nobody")
        assert await visit.drive(reading(), first=failure) == "nobody"
        with pytest.raises(FetchError, match="nobody"):
            await visit.drive((Request.get("u") for _ in range(1)), first=failure)
