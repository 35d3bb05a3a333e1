"""Probes through the real process, over sockets: what `watch` prints, and when it keeps quiet."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.cli.pages import served
from tests.faultd import Answer, faultd

UP, DOWN = Answer(body=b'{"status": "ok"}'), Answer(503, body=b'{"status": "ok"}')
GIVE_UP = 30


@pytest.fixture
def watching(environment, home):
    """A `watch` over these addresses; it is ended with the block."""

    @asynccontextmanager
    async def watching(*urls, arguments=(), every="200ms"):
        probes = [
            {
                "name": f"API {number}",
                "url": url,
                "format": "probe",
                "every": every,
                "expect": {"json": {"$.status": "ok"}},
            }
            for number, url in enumerate(urls)
        ]
        http = {"allow_private": ["127.0.0.0/8"]}
        path = home / "bellbuoy.yaml"
        path.write_text(json.dumps({"providers": probes, "store": "memory", "http": http}))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bellbuoy", "watch", *arguments,
            env=environment, cwd=home,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(GIVE_UP):
                yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    return watching


async def block(process):
    """The next block that is printed, without its times."""
    text = (await process.stdout.readuntil(b"\n\n")).decode()
    return [line.strip() for line in text.partition("] ")[2].strip().splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
async def test_r6_a_life_a_flap_and_an_outage_are_told_as_what_they_are(watching):
    """Down and up are printed unasked, a single look is not, and who is away is down."""
    async with AsyncExitStack() as stack:
        away = AsyncExitStack()
        await stack.enter_async_context(away)
        lives = await stack.enter_async_context(faultd(UP))
        flaps = await stack.enter_async_context(
            faultd(lambda received: DOWN if received.number % 5 == 4 else UP)
        )
        leaves = await away.enter_async_context(faultd(UP))
        process = await stack.enter_async_context(watching(lives.url, flaps.url, leaves.url))
        await asyncio.gather(lives.until(2), flaps.until(2), leaves.until(2))
        lives.script = DOWN
        assert await block(process) == [
            "Provider: API 0",
            "Product: API 0",
            "Status: operational -> major outage",
            "Message: HTTP 503",
            f"Link: {lives.url}",
        ]
        lives.script = UP
        assert (await block(process))[2:4] == [
            "Status: major outage -> operational",
            "Message: HTTP 200",
        ]
        await away.aclose()
        provider, _, status, message, _ = await block(process)
        assert provider == "Provider: API 2"
        assert status == "Status: operational -> major outage"
        assert message.startswith("Message: no answer: no connection to 127.")
        await flaps.until(20)
        process.terminate()
        assert await process.stdout.read() == b""
        assert await process.wait() == 0


async def test_h15_when_all_are_away_it_is_us_and_none_of_them_is_down(watching):
    """One event, in a run that goes on for many looks."""
    async with AsyncExitStack() as stack:
        vendors = AsyncExitStack()
        await stack.enter_async_context(vendors)
        found = [await vendors.enter_async_context(faultd(UP)) for _ in range(6)]
        urls = [vendor.url for vendor in found]
        process = await stack.enter_async_context(
            watching(*urls, arguments=("--json", "--for", "5s"), every="300ms")
        )
        await asyncio.gather(*(vendor.until(2) for vendor in found))
        await vendors.aclose()
        lines = (await process.stdout.read()).splitlines()
        assert [json.loads(line)["type"] for line in lines] == ["dev.bellbuoy.monitor.offline.v1"]
        assert await process.wait() == 0


def test_one_look_tells_how_an_address_is(run, home):
    """`status` shows it as a component; what does not answer is unknown after one look."""
    with served({"/health": {"status": "ok"}, "/ill": {"status": "down"}}) as url:
        expect = {"json": {"$.status": "ok"}}
        probes = [
            {"name": name, "url": f"{url}/{path}", "format": "probe", "expect": expect}
            for name, path in (("Well", "health"), ("Ill", "ill"), ("Gone", "gone"))
        ]
        probes.append({"name": "Away", "url": "http://127.0.0.1:9/", "format": "probe"})
        config = {"providers": probes, "http": {"allow_private": ["127.0.0.0/8"]}}
        (home / "bellbuoy.yaml").write_text(json.dumps(config))
        done = run("status")
        once = run("watch", "--once", "--store", "memory")
    assert [line.split(None, 1) for line in done.stdout.splitlines()[1:]] == [
        ["Well", "operational"],
        ["Ill", "major outage: Ill"],
        ["Gone", "major outage: Gone"],
        ["Away", "unknown: network"],
    ]
    assert done.returncode == 1
    assert once.stdout == ""
    assert "4 pages: 1 fine, 2 with trouble, 1 unreadable" in once.stderr


def test_config_check_says_what_is_expected(call, home):
    """As it is understood: classes by their names, and every value."""
    expect = {"status": ["2xx", 401], "text": "pong", "json": {"$.up": True}}
    probes = [
        {"name": "API", "url": "https://api.acme.example/a", "format": "probe", "expect": expect},
        {"name": "API", "url": "https://api.acme.example/b", "format": "probe"},
        {"url": "https://api.acme.example/c", "format": "probe", "expect": {"status": [204, 200]}},
    ]
    (home / "bellbuoy.yaml").write_text(json.dumps({"providers": probes}))
    done = call("config", "check")
    assert done.returncode == 0, done.stderr
    told = [line.partition("expects ")[2] for line in done.stdout.splitlines() if "probe" in line]
    assert told == [
        'HTTP 2xx or 401 with the text "pong" and $.up true, components *',
        "HTTP 2xx, components *",
        "HTTP 200 or 204, components *",
    ]


def test_recorded_bodies_of_a_probe_are_not_replayed(call, home):
    """They hold no status, so whatever was said of them would be made up."""
    (home / "body").write_text("pong")
    done = call("replay", "--format", "probe", "--path", "ping", "body")
    assert done.returncode == 2
    assert "a recorded body says nothing of the status" in done.stderr
    assert done.stdout == ""
