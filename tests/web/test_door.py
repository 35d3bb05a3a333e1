"""The door: what it does not let in, and what it says to everybody."""

import asyncio
import html
import re

import httpx
import pytest

from bellbuoy.web import access, door
from bellbuoy.web.access import Scope
from bellbuoy.web.application import application
from bellbuoy.web.door import Door
from tests.web.sites import (
    CLOSED,
    METRICS_TOKEN,
    NOW,
    OPEN,
    READ_TOKEN,
    WRITE_TOKEN,
    everyday,
    open_site,
)

SILENCE = {"matcher": {"providers": "github"}, "for": "2h", "author": "ana"}
COOKIE = {"cookie": f"{access.SESSION}={access.new_session(OPEN, Scope.WRITE, NOW.timestamp())}"}


async def write(client, **headers):
    """The status of an attempt to mute something."""
    answer = await client.post("/api/v1/silences", json=SILENCE, headers=headers)
    return answer.status_code


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "x" * 500, "[", ""])
async def test_w3_a_request_under_another_name_is_misdirected(client, writes, host):
    """421, for reading and for writing; without a token only health answers to any name."""
    for path in ("/", "/api/v1/pages", "/static/bellbuoy.css", "/sign-in", "/metrics"):
        answer = await client.get(path, headers={"host": host})
        assert answer.status_code == 421, path
        assert "web.hosts" in answer.json()["detail"]
    assert await write(client, host=host, **writes) == 421


async def test_prometheus_may_ask_by_an_address_that_it_discovered(client):
    """Who shows a token is no stranger's page, but that opens figures alone under any name."""
    shown = {"host": "10.1.2.3:8484", "authorization": f"Bearer {WRITE_TOKEN}"}
    figures = await client.get("/metrics", headers=shown)
    assert figures.json()["detail"] == "nothing is counted here"
    assert (await client.get("/api/v1/pages", headers=shown)).status_code == 421


async def test_w3_a_token_is_not_guessed_faster_under_another_name(client):
    """Wrong ones are slowed down there, too."""
    wrong = {"host": "evil.example", "authorization": "Bearer wrong-token-0123456789"}
    answers = [(await client.get("/metrics", headers=wrong)).status_code for _ in range(12)]
    assert answers == [421] * 10 + [429] * 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:8484"}, 201),
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"sec-fetch-site": "none"}, 201),
        ({}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8484"}, 403),
        ({"referer": "http://127.0.0.1:8484/"}, 403),
    ],
)
async def test_w3_a_cookie_writes_only_from_a_page_of_ours(client, headers, status):
    """No other page can have a browser write with it (CSRF)."""
    assert await write(client, **COOKIE, **headers) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 201), ({"origin": "https://evil.example"}, 403), ({"sec-fetch-site": "cross-site"}, 403)],
)
async def test_w3_a_token_needs_no_origin_but_a_strange_one_is_refused(
    client, writes, headers, status
):
    """A program has no origin; a browser that has one tells the truth."""
    assert await write(client, **writes, **headers) == status


async def test_a_form_of_a_stranger_signs_nobody_in(client):
    """Nobody is made to work under another's name (login CSRF)."""
    form = {"token": WRITE_TOKEN}
    strange = await client.post("/sign-in", data=form, headers={"origin": "https://evil.example"})
    assert strange.status_code == 403
    assert "set-cookie" not in strange.headers


async def test_w6_signing_in_gives_a_cookie_that_scripts_do_not_see(client):
    """HttpOnly, SameSite=strict, with an end; and what it opens is what the token opens."""
    answer = await client.post(
        "/sign-in",
        data={"token": WRITE_TOKEN, "next": "/silences"},
        headers={"origin": "http://127.0.0.1:8484"},
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/silences")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert f"max-age={access.SESSION_LASTS}" in cookie
    assert WRITE_TOKEN not in cookie
    wrong = await client.post("/sign-in", data={"token": "wrong"})
    assert wrong.status_code == 403
    assert "set-cookie" not in wrong.headers


@pytest.mark.parametrize(
    "there", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
)
async def test_signing_in_leads_to_a_path_of_ours(client, there):
    """A link cannot use the page to send somebody elsewhere."""
    answer = await client.post("/sign-in", data={"token": WRITE_TOKEN, "next": there})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("web", [CLOSED])
async def test_signing_in_leads_back_to_where_somebody_was(client):
    """With the escapes of the address: vendors have ids that are addresses themselves."""
    there = "/incidents/0123456789ab/https%3A%2F%2Fa%3Fid%3D3?x=1%262"
    sent = await client.get(there, headers={"accept": "text/html"})
    assert sent.status_code == 303
    shown = await client.get(sent.headers["location"])
    (field,) = re.findall(r'name="next" value="([^"]*)"', shown.text)
    form = {"token": READ_TOKEN, "next": html.unescape(field)}
    answer = await client.post("/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, there)


@pytest.mark.parametrize("web", [CLOSED])
@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example"])
async def test_being_sent_to_sign_in_leads_nobody_elsewhere(client, path):
    """Whatever the address was that a link made somebody ask for."""
    url = httpx.URL("http://127.0.0.1:8484").copy_with(raw_path=path.encode())
    sent = await client.get(url, headers={"accept": "text/html"})
    assert sent.status_code == 303
    assert httpx.URL(sent.headers["location"]).path == "/sign-in"
    shown = await client.get(sent.headers["location"])
    assert re.findall(r'name="next" value="([^"]*)"', shown.text) == ["/"]


async def test_w6_a_session_is_over_after_its_time(site):
    """The same cookie, twelve hours later."""
    late = NOW.timestamp() + access.SESSION_LASTS + 1
    whole = application(site, clock=lambda: 0.0, now=lambda: late)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(whole), base_url="http://127.0.0.1:8484"
    ) as client:
        assert await write(client, origin="http://127.0.0.1:8484", **COOKIE) == 401


async def test_a_person_without_a_token_is_led_to_the_sign_in_page():
    """A program gets 401 and how to do it."""
    async with open_site(everyday(), web=CLOSED) as site, asking(site) as client:
        person = await client.get("/history?q=a+b&kind=page", headers={"accept": "text/html"})
        assert person.status_code == 303
        # And from there back to the same search.
        there = httpx.URL(person.headers["location"])
        assert (there.path, there.params["next"]) == ("/sign-in", "/history?q=a+b&kind=page")
        program = await client.get("/api/v1/pages")
        assert program.status_code == 401
        assert program.headers["www-authenticate"].startswith("Bearer")
        assert "web.auth.read" in program.json()["detail"]


def asking(site, clock=lambda: 0.0):
    """A client of an application of its own."""
    whole = application(site, clock=clock, now=NOW.timestamp)
    transport = httpx.ASGITransport(whole, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8484")


async def test_writes_are_limited_by_address_and_come_back_with_time(site, writes):
    """429 with `Retry-After`; who may not write takes nothing from who may."""
    time = [0.0]
    async with asking(site, lambda: time[0]) as client:
        for _ in range(40):
            assert await write(client) == 401
        assert [await write(client, **writes) for _ in range(31)] == [201] * 30 + [429]
        time[0] = 1.0
        assert await write(client, **writes) == 201


async def test_guessing_tokens_is_slow_and_locks_nobody_out(site, writes):
    """After ten wrong ones 429; the right one works all the while."""
    async with asking(site) as client:
        wrong = {"authorization": "Bearer a-guess-of-somebody"}
        assert [await write(client, **wrong) for _ in range(12)] == [401] * 10 + [429] * 2
        assert await write(client, **writes) == 201


async def test_a_flood_of_pokes_takes_nothing_from_who_writes(site, writes):
    """They have an allowance of their own."""
    async with asking(site) as client:
        codes = [
            (await client.post("/api/v1/pages/000000000000/poke")).status_code for _ in range(31)
        ]
        assert codes == [403] * 30 + [429]
        assert await write(client, **writes) == 201


@pytest.mark.parametrize("size", [door.MOST_BYTES + 1, 10**9])
async def test_a_body_that_says_it_is_large_is_not_read(client, writes, size):
    """By its length alone."""
    headers = {**writes, "content-length": str(size)}
    answer = await client.post("/api/v1/silences", content=b"{}", headers=headers)
    assert answer.status_code == 413


async def test_a_body_that_grows_or_stalls_is_ended(site, writes, monkeypatch):
    """Without a length, or with a false one."""

    async def grows():
        for _ in range(100):
            yield b"x" * 1024

    async def stalls():
        yield b"{"
        await asyncio.Event().wait()

    async with asking(site) as client:
        answer = await client.post("/api/v1/silences", content=grows(), headers=writes)
        assert answer.status_code == 413
        monkeypatch.setattr(door, "BODY_WITHIN", 0.02)
        answer = await client.post("/api/v1/silences", content=stalls(), headers=writes)
        assert answer.status_code == 408


async def test_every_answer_tells_browsers_to_be_careful(client, writes):
    """Pages, problems, files and redirects alike."""
    for answer in (
        await client.get("/"),
        await client.get("/static/bellbuoy.css"),
        await client.get("/api/v1/nothing"),
        await client.get("/", headers={"host": "evil.example"}),
        await client.post("/sign-out"),
        await client.post("/api/v1/silences", headers=writes, content=b"x"),
    ):
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


async def ask_raw(base_url, text):
    """The first line of what a server answers to these very bytes."""
    host, port = base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(text)
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), 10)
        return line.decode("latin-1")
    finally:
        writer.close()


HOST = b"Host: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", "200"),
        (b"GET / HTTP/1.1\r\n\r\n", "421"),
        (b"GET / HTTP/1.0\r\n\r\n", "421"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Cookie: \xff;;=;bellbuoy_session\r\n\r\n", "200"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Authorization: \xff\xfe\r\n\r\n", "200"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Accept: " + b"x" * 9000 + b"\r\n\r\n", "200"),
        (b"GET /%ff%00%0d%0aX:y HTTP/1.1\r\n" + HOST + b"\r\n", "404"),
        (b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", "404"),
        (b"GET /static/../../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", "404"),
        (b"GET /static/%2e%2e/%2e%2e/door.py HTTP/1.1\r\n" + HOST + b"\r\n", "404"),
        (b"GET http://evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n", "200"),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", "404"),
        (b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", "401"),
        (b"FOO / HTTP/1.1\r\n" + HOST + b"\r\n", "400"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nab", "401"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "400"),
    ],
)
async def test_garbage_is_answered_and_breaks_nothing(base_url, request_, status):
    """Whatever comes over the wire, the answer is a plain one and the next question works."""
    assert (await ask_raw(base_url, request_)).split()[1] == status
    assert "200" in await ask_raw(base_url, b"GET /api/v1/silences HTTP/1.1\r\n" + HOST + b"\r\n")


async def test_a_head_request_is_a_get_without_its_body(base_url):
    """For pages, the API and files (RFC 9110, section 9.3.2)."""
    async with httpx.AsyncClient(base_url=base_url) as client:
        for path in ("/", "/api/v1/silences", "/static/bellbuoy.css", "/api/v1/openapi.json"):
            head, whole = await client.head(path), await client.get(path)
            assert (head.status_code, head.content) == (200, b""), path
            assert head.headers["content-type"] == whole.headers["content-type"]
        assert (await client.head("/api/v1/nothing")).status_code == 404


async def test_a_header_that_claims_another_address_is_not_believed(site, writes):
    """Only the peer itself counts, or each request would come from somebody new."""
    async with asking(site) as client:
        codes = [
            await write(
                client, **writes, **{"x-forwarded-for": f"10.0.0.{n}", "forwarded": "for=x"}
            )
            for n in range(31)
        ]
    assert codes[-1] == 429


async def test_what_is_not_http_is_not_answered(site):
    """A websocket, or what else a server may speak."""
    sent = []
    await Door(None, OPEN, clock=lambda: 0.0, now=lambda: 0.0)(
        {"type": "websocket"}, None, sent.append
    )
    assert sent == []


async def test_w8_no_answer_shows_a_secret_of_the_config():
    """Tokens, and what receivers are told with, in pages, the API, and every error."""
    canary = "canary-9f8e7d6c5b4a"
    web = type(OPEN)(read="", write=f"{canary}-write", metrics=f"{canary}-metrics")
    async with open_site(everyday(), web=web) as site, asking(site) as client:
        ids = [view.id for view in await site.overview.pages()]
        paths = [
            "/",
            "/sign-in",
            "/api/v1/openapi.json",
            *(f"/api/v1/{name}" for name in ("providers", "pages", "incidents", "components")),
            *(f"/api/v1/{name}" for name in ("events", "deliveries", "silences", "nothing")),
            *(f"/api/v1/pages/{id}" for id in ids),
            "/api/v1/pages?limit=canary",
        ]
        for path in paths:
            for headers in ({}, {"authorization": f"Bearer {canary}-write"}):
                for accept in ("application/json", "text/html"):
                    answer = await client.get(path, headers={"accept": accept, **headers})
                    assert canary not in answer.text, path
                    assert canary not in str(answer.headers), path
        for name in ("read", "write"):
            assert canary not in repr(web), name


async def test_w8_the_poke_address_is_shown_to_who_may_write_and_to_nobody_else(site, client):
    """It is a token in an address."""
    id = (await site.overview.pages())[0].id
    for headers, is_shown in (
        ({}, False),
        ({"authorization": f"Bearer {READ_TOKEN}"}, False),
        ({"authorization": f"Bearer {METRICS_TOKEN}"}, False),
        ({"authorization": f"Bearer {WRITE_TOKEN}"}, True),
    ):
        for path in (f"/api/v1/pages/{id}", "/api/v1/pages"):
            answer = await client.get(path, headers=headers)
            assert ("poke?token=" in answer.text) is is_shown


async def test_cookies_of_other_applications_sign_nobody_out(client):
    """All ports of a host share one jar, and some put into it what the RFC has no way to say."""
    origin = "http://127.0.0.1:8484"
    strange = f'theme={{"dark":true}}; a b=c; {COOKIE["cookie"]}; x="'
    assert await write(client, origin=origin, cookie=strange) == 201


@pytest.mark.parametrize("web", [OPEN, CLOSED], ids=["open", "closed"])
async def test_where_there_is_no_web_only_what_watches_the_watcher_is_there(site, web):
    """Everything else is a 404 that says why, whoever asks, and leads nobody to a sign-in page."""
    narrow = application(site, is_whole=False, clock=lambda: 0.0, now=NOW.timestamp)
    transport = httpx.ASGITransport(narrow)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8484") as client:
        for path in ("/healthz", "/readyz"):
            assert (await client.get(path, headers={"host": "10.0.0.7"})).status_code == 200
        closed = web is CLOSED
        # Nothing is counted at this site, which is said to who may ask.
        assert (await client.get("/metrics")).status_code == (401 if closed else 404)
        headers = {"authorization": f"Bearer {METRICS_TOKEN}"}
        if closed:
            answer = await client.get("/metrics", headers=headers)
            assert answer.json()["detail"] == "nothing is counted here"
        for path in ("/", "/api/v1/pages", "/sign-in", "/static/bellbuoy.css", "/nothing"):
            for method in ("GET", "HEAD", "POST"):
                answer = await client.request(method, path, headers={"accept": "text/html"})
                assert answer.status_code == 404, (method, path)
        answer = await client.get("/")
        assert answer.json()["detail"] == (
            "here are only /healthz, /readyz, /metrics: web is not among the roles of this process"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
