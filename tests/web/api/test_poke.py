"""A vendor pokes a page: what it must show, and that nothing of what it says is believed."""

import pytest

from bellbuoy.web import access
from bellbuoy.web.door import MOST_BYTES, MOST_POKED
from tests.web.sites import OPEN, WRITE_TOKEN


@pytest.fixture
async def page(site):
    """A page that is watched."""
    return (await site.overview.pages())[1]


@pytest.fixture
def path(page):
    """The address that a vendor is given, without its token."""
    return f"/api/v1/pages/{page.id}/poke"


async def test_the_address_that_the_api_shows_works_as_it_is(client, writes, page):
    """Who may write copies it into the vendor's form."""
    shown = (await client.get(f"/api/v1/pages/{page.id}", headers=writes)).json()["poke"]
    answer = await client.post(shown)
    assert answer.status_code == 202
    assert answer.json()["next_look_at"] is None or answer.json()["next_look_at"].endswith("Z")


async def test_it_may_come_as_a_bearer_token(client, path, page):
    """For who can set a header."""
    token = access.poke_token(OPEN, page.id)
    headers = {"authorization": f"Bearer {token}"}
    assert (await client.post(path, headers=headers)).status_code == 202


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", None),
        (b'{"incident": {"status": "resolved"}}', "application/json"),
        (b"{", "application/json"),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b"\xff" * 100, "text/plain"),
        (b"x" * (MOST_BYTES + 1), "application/json"),
    ],
)
async def test_what_is_sent_along_is_neither_read_nor_believed(
    client, site, path, page, content, kind, monkeypatch
):
    """202 whatever it is; nothing is recorded, and the page alone is asked."""
    poked = []

    async def poke(key):
        poked.append(key)
        return True

    monkeypatch.setattr(site.app, "poke", poke)
    before = await site.store.last_seq()
    token = access.poke_token(OPEN, page.id)
    headers = {"content-type": kind} if kind else {}
    answer = await client.post(f"{path}?token={token}", content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    assert poked == [page.watched.page.key]
    assert await site.store.last_seq() == before


async def test_a_body_without_end_is_not_taken(client, path, page):
    """However right the token is."""
    token = access.poke_token(OPEN, page.id)
    answer = await client.post(f"{path}?token={token}", content=b"x" * (MOST_POKED + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize("token", ["", "wrong", WRITE_TOKEN, "\u00fc", "0" * 32])
async def test_any_other_token_is_refused(client, site, path, token, monkeypatch):
    """Also the one that may write: what stands in an address is known to many."""
    monkeypatch.setattr(site.app, "poke", pytest.fail)
    answer = await client.post(path, params={"token": token})
    assert answer.status_code == 403
    headers = {"authorization": f"Bearer {WRITE_TOKEN}"}
    assert (await client.post(path, headers=headers)).status_code == 403


async def test_the_token_of_another_page_is_refused(client, site, path):
    """Each page has its own."""
    other = (await site.overview.pages())[2].id
    answer = await client.post(f"{path}?token={access.poke_token(OPEN, other)}")
    assert answer.status_code == 403


async def test_a_page_that_is_not_watched_any_more_is_a_404(client):
    """To who shows its token; to others it looks like every page."""
    gone = "000000000000"
    token = access.poke_token(OPEN, gone)
    assert (await client.post(f"/api/v1/pages/{gone}/poke?token={token}")).status_code == 404
    assert (await client.post(f"/api/v1/pages/{gone}/poke?token=x")).status_code == 403


@pytest.mark.parametrize("web", [type(OPEN)()])
async def test_without_a_write_token_nothing_can_be_poked(client, path):
    """An empty token is no token."""
    answer = await client.post(f"{path}?token=")
    assert answer.status_code == 403
    assert "web.auth.write" in answer.json()["detail"]
