"""Who shares the store, as a person and a tool read it."""

import pytest

from bellbuoy.errors import StoreUnavailableError
from bellbuoy.model.leases import LEASE_FOR, Role, Worker, shard
from tests.web.reading import read
from tests.web.sites import NOW

HEADINGS = "//h2"
ROWS = "//div[@aria-label='Workers']//tbody/tr"


@pytest.fixture
async def shared(site, monkeypatch):
    """A site whose store is shared by two, of which one polls; its clock stands still."""
    monkeypatch.setattr(site.store, "is_shared", True)
    monkeypatch.setattr(site.store._leases, "_now", lambda: NOW)
    for id, name, roles, more in (
        ("b", "node1:7", (Role.POLL, Role.DELIVER), {"is_offline": True}),
        ("a", "node2:9", (Role.WEB,), {}),
    ):
        worker = Worker(id=id, name=name, roles=roles, version="1.2", started_at=NOW, **more)
        await site.store.renew(worker)
    await site.store.claim("b", dict.fromkeys(map(shard, range(3))))
    return site


async def test_the_page_of_the_config_names_the_workers_alive(shared, client):
    """By name, with what each is there for and holds."""
    page = await read(client, "/config")
    assert "2 workers alive" in page.texts(HEADINGS)
    cells = [page.texts(f"({ROWS})[{number}]/*") for number in (1, 2)]
    since = "2026-11-20 16:30:00 UTC"
    silence = "0 s ago (it reaches nothing)"
    assert cells[0] == ["node1:7", "poll, deliver", "1.2", since, "3", silence]
    assert cells[1] == ["node2:9", "web", "1.2", since, "0", "0 s ago"]


async def test_where_nobody_shares_the_store_there_is_no_table(client):
    """One process does everything, and that needs no telling."""
    page = await read(client, "/config")
    assert not [heading for heading in page.texts(HEADINGS) if "orker" in heading]


async def test_while_the_store_is_away_the_page_says_that_nobody_can_tell(
    shared, client, monkeypatch
):
    """The config itself is still shown: that is when somebody looks at it."""

    async def away():
        raise StoreUnavailableError("a store", "it is away")

    monkeypatch.setattr(shared.store, "roster", away)
    page = await read(client, "/config")
    assert page.status == 200
    assert "nobody can tell who shares it" in page.text
    assert not page.all(ROWS)


async def test_the_api_lists_them_in_parts(shared, client):
    """By id, each with its last sign of life."""
    first = (await client.get("/api/v1/workers?limit=1")).json()
    (one,) = first["items"]
    assert one["name"] == "node2:9"
    assert one["heard_at"] == "2026-11-20T16:30:00Z"
    second = (await client.get(f"/api/v1/workers?cursor={first['next']}")).json()
    (other,) = second["items"]
    assert second["next"] is None
    assert other == {
        "id": "b",
        "name": "node1:7",
        "roles": ["poll", "deliver"],
        "version": "1.2",
        "started_at": "2026-11-20T16:30:00Z",
        "heard_at": "2026-11-20T16:30:00Z",
        "shards": 3,
        "offline": True,
    }


async def test_who_is_gone_is_not_listed(shared, client, monkeypatch):
    """The store remembers it for an hour, and it does nothing."""
    monkeypatch.setattr(shared.store._leases, "_now", lambda: NOW + LEASE_FOR)
    await shared.store.renew(Worker(id="b", name="node1:7", roles=(), version="1", started_at=NOW))
    assert len((await shared.store.roster()).members) == 2
    assert [one["id"] for one in (await client.get("/api/v1/workers")).json()["items"]] == ["b"]


async def test_a_cursor_of_another_list_is_refused(client):
    """And not taken for the beginning."""
    assert (await client.get("/api/v1/workers?cursor=x")).status_code == 400
