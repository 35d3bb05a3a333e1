"""`--roles` of `serve`: what is refused, what is at the port, and real processes side by side."""

import asyncio
import json
import signal
import sys
import urllib.error
import urllib.request
from contextlib import asynccontextmanager

import httpx
import pytest

from bellbuoy.demo.internet import pretend_internet
from tests.cli.test_serve import serving

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ("pol", "'pol' is no role of this command; there are: poll, deliver, web"),
        ("web,pages", "'pages' is no role"),
        ("", "names nothing"),
        (" , ", "names nothing"),
        ("poll", "one process polls and delivers: name both, or use a store on PostgreSQL"),
        ("web,deliver", "name both, or use a store on PostgreSQL"),
    ],
)
def test_roles_that_cannot_be_are_refused_with_the_cure(call, roles, said):
    """In one line, before a port is opened."""
    done = call("serve", "--port", "0", "--roles", roles)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_web_alone_has_nothing_to_show_of_a_store_in_memory(call):
    """Nobody else can write there, so it would be empty for ever."""
    done = call("serve", "--port", "0", "--roles", "web", "--store", "memory:")
    assert done.returncode == 2
    assert "seen by its own process only" in done.stderr


def status(address, path):
    """What is answered there, with its text."""
    try:
        with urllib.request.urlopen(address + path, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@needs_signals
def test_a_server_without_web_shows_only_what_watches_it(environment, home):
    """An orchestrator probes it, Prometheus scrapes it; people are told where they are."""
    with serving(environment, home, "--roles", "poll,deliver") as (process, said):
        address, _, only = said.partition(" ")
        assert only == "(/healthz, /readyz and /metrics only)"
        assert status(address, "/healthz") == (200, "ok\n")
        assert status(address, "/readyz")[0] == 200
        assert "bellbuoy_page_interval_seconds{" in status(address, "/metrics")[1]
        code, text = status(address, "/")
        assert code == 404
        assert "web is not among the roles of this process" in text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


@asynccontextmanager
async def running(environment, home, *arguments):
    """A process of ours, and what it says; it is asked to stop at the end, and ends with 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bellbuoy",
        *arguments,
        env=environment,
        cwd=home,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert (await process.communicate())[0] is None
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def said_after(process, word):
    """The rest of the line that begins so."""
    lines = []
    async for line in process.stderr:
        lines.append(line.decode())
        if lines[-1].startswith(word):
            return lines[-1].removeprefix(word).strip()
    raise AssertionError(lines)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, home):
    """Where two processes meet."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_address")
    return str(home / "meet.db")


def written(internet, store, home):
    """A config that watches those pretend vendors whose pages can always be read."""
    fine = [
        one.page
        for one, vendor in zip(internet.watched, internet.world.vendors, strict=True)
        if not any(step.trouble for step in vendor.steps)
    ]
    providers = [
        {"name": page.provider.name, "url": page.url, "format": page.format, "every": page.every}
        for page in fine
    ]
    rest = {"http": {"allow_private": ["127.0.0.0/8"]}, "store": store}
    (home / "bellbuoy.yaml").write_text(json.dumps({"providers": providers, **rest}))
    return len(fine)


async def live(client, kind):
    """The incident of the next event of this kind, as the stream tells it."""
    async with client.stream("GET", f"/api/v1/events/stream?type={kind}") as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended")


async def pages(client):
    """How every page stands, by its address."""
    items = (await client.get("/api/v1/pages?limit=200")).json()["items"]
    return {one["key"]: one["status"] for one in items}


async def until_known(client):
    """Wait until no page is unknown, for half a minute."""
    for _ in range(150):
        found = await pages(client)
        if "unknown" not in found.values():
            return
        await asyncio.sleep(0.2)
    raise AssertionError(found)


@needs_signals
@pytest.mark.timeout(180)
async def test_a_server_that_polls_nothing_shows_what_a_watch_beside_it_records(
    environment, home, store
):
    """Live, whatever the store; soon no page is unknown to it, and it is ready."""
    async with pretend_internet(7, 15.0) as internet:
        count = written(internet, store, home)
        assert count > 8
        async with (
            running(environment, home, "serve", "--port", "0", "--roles", "web") as web,
            httpx.AsyncClient(timeout=90) as client,
        ):
            client.base_url = await said_after(web, "serving at ")
            assert list((await pages(client)).values()) == ["unknown"] * count
            told = asyncio.create_task(live(client, "incident.updated"))
            async with running(environment, home, "watch") as watch:
                await said_after(watch, f"{count} pages:")
                event = await told
                await until_known(client)
                named = event["data"]["incident"]["id"]
                found = (await client.get("/api/v1/incidents?limit=200")).json()["items"]
                assert named in {one["id"] for one in found}
                board = (await client.get("/", headers={"accept": "text/html"})).text
                assert "unknown" not in board.partition('id="grid"')[2].partition("</main>")[0]
                assert (await client.get("/readyz")).json() == {"ready": True, "reasons": []}
