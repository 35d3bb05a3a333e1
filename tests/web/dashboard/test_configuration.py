"""The config in force: what it says, what it hides, and recognising an address."""

import asyncio

import pytest
from msgspec.structs import replace

from bellbuoy.config import Config
from bellbuoy.config.load import load_config
from bellbuoy.config.web import Web
from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.model.facts import Snapshot
from bellbuoy.web.dashboard import configuration
from bellbuoy.web.dashboard.in_force import in_force
from bellbuoy.web.site import Site
from tests.polling.scripted import PlainFormat, ScriptedNetwork
from tests.web.reading import press, read
from tests.web.sites import WRITE_TOKEN

CANARY = "canary-5e1f0c77a2b9d4e6"

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

SECRETS = f"""
providers:
  - openai: {{components: [API], tags: [ai], every: 30s}}
  - {{name: Probe, url: "https://probe.example/health", format: probe, expect: {{text: ok}}}}
receivers:
  ops: {{kind: slack, token: "xoxb-{CANARY}", channel: "#ops"}}
  hook: {{kind: webhook, url: "https://hooks.example/{CANARY}", secret: "{SIGNING}"}}
  pager: {{kind: command, run: ["/bin/true"], env: {{TOKEN: "{CANARY}"}}}}
routes:
  - {{name: all, to: [ops, hook], hold: 5m, quiet: "mon-fri 22:00-07:00"}}
  - {{to: pager, when: {{kinds: [incident]}}}}
services:
  shop: {{owner: web, runbook: "https://wiki.example/shop", needs: [openai]}}
heartbeat: {{url: "https://beat.example/{CANARY}"}}
http: {{proxy: "http://user:{CANARY}@proxy.example:3128", contact: ops@example.com}}
store: postgresql://user:{CANARY}@db.example/bellbuoy
web: {{auth: {{read: "{CANARY}-read", write: "{CANARY}-write", metrics: "{CANARY}-metrics"}}}}
display: {{timezone: Europe/Berlin}}
"""


@pytest.fixture
def everything(tmp_path) -> Config:
    """A config with a secret wherever one can stand."""
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(SECRETS, "utf-8")
    return load_config(str(path), env={})


def test_w8_no_secret_of_a_config_is_shown_anywhere(everything):
    """Neither as a setting nor inside an address."""
    said = repr(in_force(everything, {}))
    assert CANARY not in said
    assert SIGNING not in said
    assert "(hidden)" in said


async def test_the_page_tells_where_it_is_served_and_not_where_the_config_would_have_it(site):
    """A port that was given to the command is the one in force."""
    elsewhere = Site(site.app, replace(site.web, port=9000), site.overview)
    found = in_force(elsewhere.config, {})
    said = {each.key: each.value for _, section in found.sections for each in section}
    assert said["web.listen"] == "127.0.0.1:9000"


def test_what_is_in_force_is_told_in_words(everything):
    """Pages, receivers, routes and the operator's own services."""
    found = in_force(everything, {"https://status.openai.com": "incidentio"})
    openai, probe = found.pages
    assert (openai.every, openai.components, openai.tags) == ("30 s", ("API",), ("ai",))
    assert openai.format == "incidentio"
    assert probe.expects == 'HTTP 2xx with the text "ok"'
    ops = found.receivers[0]
    assert (ops.name, ops.kind) == ("ops", "slack")
    assert {said.key: said.value for said in ops.settings}["channel"] == "#ops"
    assert found.routes[0].words == (
        "everything that is announced",
        "held back for 5 m; what ends meanwhile is never told",
        "quiet mon-fri 22:00-07:00 (Europe/Berlin)",
    )
    assert found.needs[0].needs == ("providers: openai",)
    said = {one.key: one.value for _, some in found.sections for one in some}
    assert said["http.proxy"] == "http://***@proxy.example:3128"
    assert said["store"] == "postgresql://***@db.example/bellbuoy"
    assert said["web.auth.read"] == said["web.auth.write"] == "(hidden)"
    assert said["heartbeat"] == "every 1 m, to an address that is hidden"


@pytest.mark.parametrize("web", [Web(write=WRITE_TOKEN)])
async def test_w8_the_page_holds_no_token_of_its_own(client, writes):
    """Also for who has it."""
    answer = await client.get("/config", headers={"accept": "text/html", **writes})
    assert answer.status_code == 200
    assert WRITE_TOKEN not in answer.text


async def test_the_page_shows_pages_and_says_why_asking_needs_a_token(client):
    """A form appears only for who may use it."""
    page = await read(client, "/config")
    assert page.texts("//table//th[@scope='row']") == [
        "OpenAI",
        "GitHub",
        "Cloudflare",
        "Acme",
        "Fresh",
    ]
    assert "No config file was found" in page.text
    assert "Bellbuoy has to ask the address; so only who may write" in page.text
    assert not page.all("//form[@action='/config/recognise']")


async def ask(client, writes, address):
    """Recognise an address."""
    return await press(client, "/config/recognise", {"address": address}, writes)


@pytest.mark.parametrize(
    "typed",
    [
        "file:///etc/passwd",
        "ftp://example.com/x",
        "gopher://example.com",
        "javascript://alert(1)",
        "data://text/html,x",
        "https://user:pass@example.com",
        "https://",
        "http://exa mple.com",
        "",
        "x" * 3000,
    ],
)
async def test_w4_what_is_no_web_address_is_never_asked(client, writes, site, typed):
    """Other schemes, credentials and nonsense are told beside the field, and stay in it."""
    before = dict(site.app.network.asked)
    page = await ask(client, writes, typed)
    assert page.status == 422
    assert page.texts("//*[@id='address-wrong']")[0]
    assert page.all("//input[@name='address']/@value") == [typed]
    assert dict(site.app.network.asked) == before


async def test_asking_without_the_token_is_refused(client, site):
    """It would make us send requests for anybody."""
    answer = await client.post("/config/recognise", data={"address": "https://stranger.example"})
    assert answer.status_code == 401
    assert "https://stranger.example" not in site.app.network.asked


def answering(site, script) -> None:
    """Let the site's network answer by a script."""
    site.app.network = ScriptedNetwork(script)
    site.config.formats["plain"] = PlainFormat(mark=b"PLAIN")


async def test_a_recognised_address_shows_the_stanza_to_paste(client, writes, site):
    """As the command prints it."""
    answering(site, lambda _url, _time: b"PLAIN{}")
    page = await ask(client, writes, "status.acme.example")
    assert page.status == 200
    (pasted,) = page.texts("//pre[@class='paste']")
    assert pasted == "providers: - name: Vendor url: https://status.acme.example format: plain"


async def test_an_address_that_speaks_no_format_says_what_was_asked(client, writes, site):
    """And that it can be probed."""
    answering(site, lambda _url, _time: b"<html>hello</html>")
    page = await ask(client, writes, "https://acme.example")
    assert "no format was recognised" in page.text
    assert "https://acme.example" in page.texts("//details")[0]


async def test_an_address_that_does_not_answer_says_why(client, writes, site):
    """With the reason that polling would give: a private address is refused by the same guard."""

    def refuse(url, _time):
        raise FetchError(url, Unreadable.REFUSED, "10.0.0.1 is a private address")

    answering(site, refuse)
    page = await ask(client, writes, "https://intra.example")
    assert "cannot be asked: refused: 10.0.0.1 is a private address" in page.text


async def test_one_address_is_recognised_at_a_time_and_not_for_ever(
    client, writes, site, monkeypatch
):
    """Who comes second is told so, and the first one ends by its deadline."""
    asked = asyncio.Event()

    async def never() -> Snapshot:
        asked.set()
        return await asyncio.get_running_loop().create_future()

    answering(site, lambda _url, _time: never())
    monkeypatch.setattr(configuration, "WITHIN", 0.3)
    first = asyncio.create_task(ask(client, writes, "https://slow.example"))
    await asked.wait()
    second = await ask(client, writes, "https://other.example")
    assert second.status == 409
    assert "another address is being recognised" in second.text
    assert "was not recognised within 0.3 s" in (await first).text


async def test_the_guard_of_polling_keeps_a_visitor_out_of_private_networks():
    """The real driver, over a real App: loopback is refused before anything is sent."""

    class Place:
        """As much of a site as the question needs."""

        def __init__(self, driver):
            self.app = self
            self.network = driver
            self.config = self
            self.formats = {}

    async with Driver(HttpSettings()) as driver:
        answer = await configuration.recognised(Place(driver), "http://127.0.0.1:1/")
    assert "refused" in answer.wrong
