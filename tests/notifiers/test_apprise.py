"""Apprise's services get plain text that means nothing in any markup, once, or as a repeat."""

import asyncio
import importlib.util
import json
import os
import re

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from bellbuoy.errors import DelayedError
from bellbuoy.notifiers import _apprise, _programs, apprise, takes_digests
from bellbuoy.notifiers._inert import inert, inert_link
from bellbuoy.notifiers._wording import REPEAT
from bellbuoy.testing.events import HOSTILE, MARK, sample_events
from tests.event_samples import incident_event, message
from tests.notifiers import goldens
from tests.notifiers.fakes import HttpFake, Trouble
from tests.notifiers.fakes.apprise import AppriseFake

HOOK = "3ccdd113474722377935511fc85d3dd4"


class Quiet:
    """In place of the process: keeps what it is asked, and says that it was sent."""

    def __init__(self) -> None:
        self.asked: list[dict] = []

    async def ask(self, line: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109 - as the real one
        """Take it."""
        self.asked.append(json.loads(line))
        return b'{"sent": true}'


def settings(url="json://127.0.0.1/x", **rest):
    """Settings without a look at the URL, which takes a second."""
    return apprise.Settings.model_construct(
        url=apprise.SecretStr(url), timeout=30.0, timezone="UTC", **rest
    )


async def said(one) -> dict:
    """What Apprise is asked to send of a message or a digest."""
    quiet = Quiet()
    service = apprise._Service(settings(), quiet)
    await (service.digest(one) if isinstance(one, goldens.Digest) else service.notify(one))
    (asked,) = quiet.asked
    return asked


@pytest.mark.parametrize(
    "name", ["opened", "updated", "resolved", "maintenance", "reminder", "digest"]
)
async def test_a_message_reads_as_agreed(name):
    """The golden files hold title, type and body."""
    asked = await said(getattr(goldens, name)())
    text = f"{asked['title']}\n[{asked['type']}]\n\n{asked['body']}\n"
    goldens.kept(f"apprise/{name}.txt", text)


@pytest.mark.parametrize("event", list(sample_events()), ids=lambda event: event.kind)
async def test_every_kind_of_event_has_a_title_and_a_body(event):
    """Services refuse a message without one."""
    asked = await said(message(event))
    assert asked["title"].strip()
    assert asked["body"].strip()


async def test_n7_a_repeat_shows_its_key_and_nothing_else_does():
    """Apprise knows no idempotency key, so a person has to see that it is the same."""
    first, again = await said(goldens.opened()), await said(goldens.opened(repeat=True))
    key = goldens.opened().delivery.key
    assert key not in json.dumps(first)
    assert again["title"] == f"{first['title']} {REPEAT} {key}"
    late = await said(replace(goldens.digest(), repeat=True))
    assert late["title"].endswith(f"{REPEAT} digest-1")


MENTION = re.compile(r"@\w|<[!@#]|<[a-z/]", re.IGNORECASE)
LINK = re.compile(r"\]\(|\]\[|\]:")


def is_inert(text: str) -> bool:
    """No mention, tag, named link or mark of any dialect."""
    has_marks = any(mark in text for mark in "<>`*|~")
    emphasis = re.search(r"(?<![^\W_])_|_(?![^\W_])", text)
    return not (MENTION.search(text) or LINK.search(text) or has_marks or emphasis)


@given(
    text=st.text(max_size=200)
    | st.text(alphabet="<>@!#[]():`*_~| \nab/\\", max_size=60)
    | st.just(HOSTILE)
)
@example("<!channel> <@U1> @everyone @all [a](javascript:1) ![b](http://x) [c][d]\n[d]: http://x")
@example("**bold** __under__ ~~gone~~ ||hidden|| `code` snake_case # not\n# heading")
@example("@@everyone <<!here>> ]\u200b(")
def test_j1_j2_j7_vendor_text_means_nothing_in_any_markup(text):
    """Mentions of Slack, Discord and Mattermost, tags, links with another name, emphasis."""
    made = inert(text)
    assert is_inert(made)
    assert inert(made) == made or "@" in text or "]" in text or "#" in text
    assert not re.search(r"^\s*#+(?!\u200b|#)", made, re.MULTILINE)


@given(text=st.text(alphabet="<>@!#[]():`*_~| \"'\\a/%&?=", max_size=60))
def test_j1_j7_a_link_cannot_end_early_or_mention_anyone(text):
    """Its signs are percent-encoded, as addresses have it; what is encoded stays so."""
    made = inert_link(f"https://status.example/{text}")
    assert not set(made) & set("<>@[]()`*| \"'\\")
    assert inert_link(made) == made


async def test_j1_j2_a_hostile_vendor_is_inert_in_every_part():
    """Title, body, component names, link, and the lines of a digest."""
    link = "https://status.example/<@U1>/@everyone?a=[b](c)"
    event = incident_event(title=HOSTILE, body=f"{HOSTILE}\n{HOSTILE}", components=(HOSTILE,))
    event = replace(event, incident=replace(event.incident, url=link))
    asked = await said(message(event))
    digest = replace(goldens.digest(), messages=(message(event), goldens.opened()))
    many = await said(digest)
    for text in (asked["title"], asked["body"], many["title"], many["body"]):
        for line in text.splitlines():
            assert is_inert(line.removeprefix("- ")), line
    assert MARK in asked["title"]
    assert "https://status.example/%3C%40U1%3E/%40everyone?a=%5Bb%5D%28c%29" in asked["body"]


def test_a_runbook_stays_as_the_operator_wrote_it():
    """It is no vendor's, and must work when it is clicked."""
    service = replace(goldens.CHECKOUT, runbook="https://wiki.example/~ops/__check__")
    sent = replace(goldens.opened(), services=(service,))
    assert "Runbook: https://wiki.example/~ops/__check__" in list(apprise._lines(sent, "UTC"))


def test_it_offers_digests():
    """What waited too long becomes one message."""
    assert takes_digests(apprise)


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:8080/x",
        "ntfy://127.0.0.1:8080/topic",
        f"mmost://127.0.0.1:8065/{HOOK}",
        "gchat://workspace/key/token",
        "tgram://123456789:AAbbccddeeffgghhiijjkkllmmnnooppqqr/12345",
    ],
)
def test_urls_of_services_are_understood(url):
    """They are checked when the config is read, by Apprise itself."""
    assert apprise.Settings(url=url).url.get_secret_value() == url


@pytest.mark.parametrize("url", ["tgram://canary", "nosuch://canary", "canary", "https://canary.x"])
def test_w8_a_url_that_apprise_does_not_understand_is_one_error_that_does_not_show_it(url):
    """A token is often all of it."""
    with pytest.raises(ValidationError, match="not an address that Apprise understands") as caught:
        apprise.Settings(url=url)
    assert "canary" not in str(caught.value)


def test_without_the_extra_the_cure_is_said(monkeypatch):
    """The config names what to install."""
    monkeypatch.setattr(apprise, "find_spec", lambda _: None)
    with pytest.raises(ValidationError, match=r"pip install 'bellbuoy\[apprise\]'"):
        apprise.Settings(url="json://127.0.0.1/x")
    assert importlib.util.find_spec("apprise") is not None


class NtfyFake(HttpFake):
    """Publishing as JSON, https://docs.ntfy.sh/publish/#publish-as-json, read on 2026-11-28."""

    kind = "apprise"

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """A topic and a message of at most 4096 bytes; nothing of Apprise's own."""
        given = json.loads(body)
        if request.path != "/" or given["topic"] != "ops" or not given["message"]:
            return self.refuse("not a message for the topic")
        if len(body) > 16_384 or "X-Icon" in request.headers or "Cookie" in request.headers:
            return self.refuse("more than was asked for")
        self.heard.append((given["title"], given["message"]))
        return web.json_response({"id": "1", "event": "message", "topic": "ops"})


class MattermostFake(HttpFake):
    """Incoming webhooks, https://developers.mattermost.com/integrate/webhooks/incoming/,
    read on 2026-11-28.
    """

    kind = "apprise"

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """A text of at most 16383 characters, in Markdown, in which `@all` is a mention."""
        given = json.loads(body)
        if request.path != f"/hooks/{HOOK}" or not 0 < len(given["text"]) <= 16_383:
            return self.refuse("not a text for the hook")
        if re.search(r"(?<!\w)@(all|channel|here|everyone)\b", given["text"]):
            return self.refuse("everybody was woken")
        self.heard.append(given["text"])
        return web.Response(text="ok")


async def test_ntfy_is_reached_for_real():
    """By its own URL, at a server on loopback; a text that is too long is cut, not refused."""
    async with NtfyFake() as fake:
        url = f"ntfy://{fake.url.removeprefix('http://')}/ops?priority=high"
        async with apprise.open(settings(url)) as door:
            await door.notify(goldens.opened())
            await door.notify(message(incident_event(title="Long", body="word " * 3_000)))
        assert fake.complaints == []
        assert fake.heard[0][0] == "OpenAI: Elevated error rates - Investigating"
        assert "Affects: API, Sign-in" in fake.heard[0][1]
        assert len(fake.heard[1][1]) <= 7800


async def test_mattermost_is_reached_for_real_and_wakes_nobody():
    """A vendor that writes @all in its title does not ring at everybody's desk."""
    async with MattermostFake() as fake:
        url = f"mmost://{fake.url.removeprefix('http://')}/{HOOK}"
        async with apprise.open(settings(url)) as door:
            await door.notify(message(incident_event(title=HOSTILE, body=HOSTILE)))
            await door.digest(goldens.digest())
        assert fake.complaints == []
        assert MARK in fake.heard[0]
        assert "[click](" not in fake.heard[0]
        assert "Slow searches" in fake.heard[1]


async def test_one_process_sends_many_and_ends_with_the_door():
    """It is large and slow to start, and nothing of it is left behind."""
    async with AppriseFake() as fake:
        async with apprise.open(settings(fake.settings()["url"])) as door:
            await door.notify(goldens.opened())
            first = door._helper._started[0].get_pid()
            await door.notify(goldens.updated())
            assert door._helper._started[0].get_pid() == first
        assert len(fake.heard) == 2
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)


async def test_n7_a_service_that_hangs_is_given_up_with_its_process(monkeypatch):
    """After its time; the next message has a process of its own, and arrives as a repeat."""
    async with AppriseFake() as fake:
        hung = asyncio.Event()
        take = fake.take

        async def hang(request, body):
            hung.set()
            await asyncio.Event().wait()

        fake.take = hang
        async with apprise.open(settings(fake.settings()["url"])) as door:
            helper = door._helper
            sending = asyncio.ensure_future(door.notify(goldens.opened()))
            await hung.wait()
            process = helper._started[0].get_pid()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)
            door._timeout = 0.1
            with pytest.raises(DelayedError, match=r"no answer after 0\.1 s") as caught:
                await door.notify(goldens.opened())
            assert caught.value.uncertain
            fake.take, door._timeout = take, 60.0
            await door.notify(goldens.opened(repeat=True))
        assert REPEAT in fake.heard[0].text


async def test_a_process_that_dies_is_replaced():
    """What it had is uncertain, and the next message is sent by another."""
    async with AppriseFake() as fake, apprise.open(settings(fake.settings()["url"])) as door:
        take = fake.take

        async def die(request, body):
            os.kill(door._helper._started[0].get_pid(), 9)
            await asyncio.Event().wait()

        fake.take = die
        with pytest.raises(DelayedError, match="its process ended") as caught:
            await door.notify(goldens.opened())
        assert caught.value.uncertain
        fake.take = take
        await door.notify(goldens.opened())
        assert len(fake.heard) == 1


async def test_an_idle_process_is_ended(monkeypatch):
    """It holds much memory for a message a day; the next one starts another."""
    monkeypatch.setattr(_apprise, "IDLE", 0.01)
    async with AppriseFake() as fake, apprise.open(settings(fake.settings()["url"])) as door:
        await door.notify(goldens.opened())
        _, program = door._helper._started
        await asyncio.wait_for(program.ended.wait(), 20)
        await door.notify(goldens.updated())
        assert len(fake.heard) == 2


async def test_w8_what_apprise_says_of_a_failure_is_told_without_the_url():
    """A person needs the reason; the token is not part of it."""
    async with AppriseFake() as fake:
        url = fake.settings()["url"]
        fake.rotate()
        async with apprise.open(settings(url)) as door:
            with pytest.raises(DelayedError, match="401") as caught:
                await door.notify(goldens.opened())
    assert "canary" not in str(caught.value)
    service = apprise._Service(settings("tgram://123456789:AAbbcc/99999999"), Quiet())
    told = service._told("first\nPOST https://api.telegram.org/bot123456789:AAbbcc failed\n\n")
    assert told == "POST https://api.telegram.org/bot***:*** failed"
    assert service._told(" \n") == "it does not say why"


async def test_w8_h13_the_process_knows_nothing_of_our_environment(monkeypatch, tmp_path):
    """No token of another receiver, no proxy and no password file of the user's."""
    monkeypatch.setenv("SLACK_TOKEN", "canary")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    (tmp_path / ".netrc").write_text("default login a password canary\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    seen = []

    class Watching(AppriseFake):
        async def take(self, request, body):
            seen.append(dict(request.headers))
            return await super().take(request, body)

    async with Watching() as fake, apprise.open(settings(fake.settings()["url"])) as door:
        await door.notify(goldens.opened())
    assert "Authorization" not in seen[0]
    assert {"SLACK_TOKEN", "HTTP_PROXY"}.isdisjoint(_apprise._env())


async def test_a_program_that_only_prints_is_no_answer(tmp_path):
    """The last bytes are kept, a line is an answer, an end is none."""
    helper = _programs.Helper(("sh", "-c", "read a; printf '%05000d\\n' 1; read b"), {}, idle=60)
    assert len(await helper.ask(b"x", timeout=20)) == 5000
    assert await helper.ask(b"y", timeout=20) == b""
    with pytest.raises(FileNotFoundError):
        await _programs.Helper(("/no/such/program",), {}, idle=60).ask(b"x", timeout=20)
    await helper.close()


async def test_a_redirect_is_no_success():
    """Apprise would follow it unless it is told not to."""
    async with AppriseFake() as fake, apprise.open(settings(fake.settings()["url"])) as door:
        fake.next(Trouble.MOVED)
        with pytest.raises(DelayedError):
            await door.notify(goldens.opened())
        assert fake.requests == 1
