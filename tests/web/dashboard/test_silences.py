"""Silences: what is muted, muting something, and what is wrong with a wish."""

from datetime import timedelta

import pytest

from bellbuoy.config.web import Web
from bellbuoy.model.facts import Impact
from tests.web.reading import press, read
from tests.web.sites import NOW, Seen, silence, watched

GOOD = {"target": "openai:API*", "length": "2h", "author": "the team on call", "comment": "we know"}


async def test_what_is_muted_says_by_whom_until_when_and_why(client):
    """Without a token there is nothing to press."""
    page = await read(client, "/silences")
    assert page.texts("//li[@class='silence']//p")[:2] == [
        "providers: acme",
        "by the team on call: we know",
    ]
    assert not page.all("//form[@method='post']")
    assert "Sign in with the token of web.auth.write to mute something" in page.text


async def test_a_silence_is_made_as_it_was_typed(client, site, writes):
    """From now on, for so long, of all that was asked."""
    wish = {**GOOD, "kind": "incident", "impact": "<=minor", "text": "latency"}
    page = await press(client, "/silences", wish, writes)
    assert page.texts("//*[@class='said']") == ["Silenced from now on."]
    (made,) = [each for each in await site.store.silences() if each.id != "4f3a9c01"]
    assert (made.starts_at, made.ends_at) == (NOW, NOW + timedelta(hours=2))
    assert (made.author, made.comment) == ("the team on call", "we know")
    assert made.matcher.providers == ("openai",)
    assert made.matcher.components == ("API*",)
    assert made.matcher.kinds == ("incident",)
    assert made.matcher.impacts == {Impact.NONE, Impact.MINOR, Impact.UNKNOWN}
    assert made.matcher.text == ("latency",)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("target", "", "is empty"),
        ("target", "nobody", "is like no provider that is watched"),
        ("target", "a:", "neither a provider nor a component"),
        ("length", "soon", "is not a duration"),
        ("length", "0.1s", "is not between"),
        ("length", "99999d", "is not between"),
        ("author", " ", "say who you are"),
        ("kind", "disaster", "is not a kind of event"),
        ("impact", ">=worse", "is not an impact"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    client, site, writes, field, typed, said
):
    """And nothing is muted."""
    wish = {**GOOD, "text": "<b>latency", field: typed}
    page = await press(client, "/silences", wish, writes)
    assert page.status == 422
    assert said in page.texts(f"//*[@id='{field}-wrong']")[0]
    assert page.all(f"//*[@name='{field}']/@aria-describedby") == [f"{field}-wrong"]
    for name in {*GOOD, "text"} - {"kind", "impact"}:
        assert page.all(f"//input[@name='{name}']/@value") == [wish[name]]
    assert len(await site.store.silences()) == 1


async def test_a_silence_is_ended_now(client, site, writes):
    """It stays in the list of those that are over; ending it twice changes nothing."""
    page = await press(client, "/silences/4f3a9c01/expire", {}, writes)
    assert "That silence is over." in page.text
    (ended,) = await site.store.silences()
    assert ended.ends_at == NOW
    assert page.texts("//h2")[-1] == "Over"
    again = await press(client, "/silences/4f3a9c01/expire", {}, writes)
    assert "Nothing was changed" in again.text


@pytest.mark.parametrize("path", ["/silences", "/silences/4f3a9c01/expire"])
async def test_without_the_token_nothing_is_muted_and_nothing_ended(client, site, seen, path):
    """The door refuses both."""
    assert (await client.post(path, data=GOOD)).status_code == 401
    assert await site.store.silences() == seen.silences


@pytest.mark.parametrize("seen", [Seen(pages=(watched("acme"),))])
@pytest.mark.parametrize("web", [Web()])
async def test_without_anything_muted_it_says_what_a_silence_is_and_what_to_set(client):
    """Nothing can be written here at all."""
    page = await read(client, "/silences")
    assert "Nothing is silenced." in page.text
    assert "Set a token as web.auth.write in the config to mute something" in page.text


async def test_a_link_may_say_what_is_to_be_muted(client, writes):
    """Other pages can lead here."""
    page = await read(client, "/silences?target=github:Actions", headers=writes)
    assert page.all("//input[@name='target']/@value") == ["github:Actions"]


@pytest.mark.parametrize("seen", [Seen(silences=(silence(comment="a\x1b[1m <i>b</i>"),))])
async def test_what_others_wrote_is_shown_as_text(client):
    """A comment is no markup."""
    page = await read(client, "/silences")
    assert "<i>b</i>" in page.text
    assert not page.all("//i")
