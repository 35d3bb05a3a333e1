"""As a Statuspage page: its shapes, its words, and what another Bellbuoy makes of them."""

import re
from datetime import timedelta

import httpx
import pytest
from msgspec.structs import replace

from bellbuoy.config.web import Web
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, statuspage
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind, IncidentStatus
from bellbuoy.model.known import Seen as FormatSeen
from bellbuoy.web.application import application
from tests.event_samples import incident_event
from tests.formats.conversation import converse
from tests.formats.samples import page_at
from tests.web.sites import (
    CLOSED,
    NOW,
    READ_TOKEN,
    Seen,
    component,
    everyday,
    incident,
    known,
    minutes_ago,
    open_site,
    read_state,
    unreadable_state,
    update,
    watched,
)

HERE = "http://127.0.0.1:8484"
DOCUMENTS = {
    "summary": {"page", "components", "incidents", "scheduled_maintenances", "status"},
    "status": {"page", "status"},
    "components": {"page", "components"},
    "incidents": {"page", "incidents"},
    "incidents/unresolved": {"page", "incidents"},
    "scheduled-maintenances": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/upcoming": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/active": {"page", "scheduled_maintenances"},
}
ACME = watched("acme", "Acme")
KEY = ACME.page.key


def asking(site) -> httpx.AsyncClient:
    """Somebody who asks a site without a token."""
    whole = application(site, clock=lambda: 0.0, now=NOW.timestamp)
    return httpx.AsyncClient(transport=httpx.ASGITransport(whole), base_url=HERE)


async def told(seen: Seen, path: str = "summary") -> dict:
    """A document of a site that saw this."""
    async with open_site(seen) as site, asking(site) as client:
        return (await client.get(f"/api/v2/{path}.json")).json()


def acme(*facts, **more) -> Seen:
    """Acme alone, with these facts."""
    states = {KEY: more.pop("state", read_state(KEY))}
    return Seen(pages=(ACME,), states=states, known={KEY: known(KEY, *facts)}, **more)


async def bodies(client, below: str = "") -> dict[str, bytes]:
    """Every document by its whole address, as `converse` answers with them."""
    found = {}
    for name in DOCUMENTS:
        answer = await client.get(f"{below}/api/v2/{name}.json")
        found[f"{HERE}{below}/api/v2/{name}.json"] = answer.content
    return found


@pytest.mark.parametrize("below", ["", "/boards/ai"])
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_every_document_has_the_parts_that_statuspage_gives_it(client, name, below):
    """Tools that were written for Statuspage find what they look for."""
    answer = await client.get(f"{below}/api/v2/{name}.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == DOCUMENTS[name]
    assert answer.json()["page"].keys() == {"id", "name", "url", "time_zone", "updated_at"}


async def test_ids_have_statuspages_form_and_stay_over_a_restart(seen, tmp_path):
    """Twelve letters and digits, the same from another process over the same store."""
    address = f"sqlite:///{tmp_path / 'bellbuoy.db'}"
    async with open_site(seen, address=address) as site, asking(site) as client:
        before = (await client.get("/api/v2/summary.json")).json()
    empty = replace(seen, states={}, known={}, events=(), deliveries=(), silences=())
    async with open_site(empty, address=address) as site, asking(site) as client:
        after = (await client.get("/api/v2/summary.json")).json()
    assert after == before
    rows = [before["page"], *before["components"], *before["incidents"]]
    rows += [row for one in before["incidents"] for row in one["incident_updates"]]
    ids = [row["id"] for row in rows]
    assert all(re.fullmatch("[a-z0-9]{12}", id) for id in ids)
    assert len(set(ids)) == len(ids)


async def test_a_provider_is_a_group_with_its_components_below_it(client):
    """A provider that names none is a component itself, and is in no group."""
    rows = (await client.get("/api/v2/components.json")).json()["components"]
    by_name = {row["name"]: row for row in rows}
    openai, below = by_name["OpenAI"], by_name["ChatGPT: Conversations"]
    assert openai["group"] is True
    assert openai["components"] == [below["id"], by_name["APIs: Responses"]["id"]]
    assert (below["group"], below["group_id"]) == (False, openai["id"])
    assert openai["status"] == below["status"] == "partial_outage"
    assert "APIs" not in by_name
    assert (by_name["Fresh"]["group"], by_name["Fresh"]["group_id"]) == (False, None)
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))


async def test_two_pages_of_one_provider_stand_in_one_group():
    """And one of them that names no components is told by its host."""
    other = watched("acme", "Acme", url="https://status.eu.acme.example")
    keys = (KEY, other.page.key)
    seen = Seen(
        pages=(ACME, other),
        states={key: read_state(key) for key in keys},
        known={KEY: known(KEY, component("API")), keys[1]: known(keys[1])},
    )
    group, *parts = (await told(seen))["components"]
    assert group["name"] == "Acme"
    assert [part["name"] for part in parts] == ["API", "Acme (status.eu.acme.example)"]
    assert group["components"] == [part["id"] for part in parts]


@pytest.mark.parametrize(
    ("status", "word", "indicator", "description"),
    [
        (ComponentStatus.OPERATIONAL, "operational", "none", "All Systems Operational"),
        (ComponentStatus.MAINTENANCE, "under_maintenance", "maintenance", "Service Under Maint"),
        (ComponentStatus.DEGRADED, "degraded_performance", "minor", "Minor Service Outage"),
        (ComponentStatus.PARTIAL_OUTAGE, "partial_outage", "major", "Partial System Outage"),
        (ComponentStatus.MAJOR_OUTAGE, "major_outage", "critical", "Major Service Outage"),
        (ComponentStatus.UNKNOWN, "degraded_performance", "minor", "Not Known: 1 of 1 comp"),
    ],
)
async def test_each_status_has_statuspages_word(status, word, indicator, description):
    """The component, its group, and the whole page."""
    document = await told(acme(component("API", status)))
    assert [row["status"] for row in document["components"]] == [word, word]
    assert document["status"]["indicator"] == indicator
    assert document["status"]["description"].startswith(description)


@pytest.mark.parametrize("state", [unreadable_state(KEY), None], ids=["unreadable", "never read"])
async def test_what_cannot_be_read_is_never_told_as_operational(state):
    """An old green is no green, and nothing of it reaches a traffic light."""
    seen = acme(component("API"))
    document = await told(replace(seen, states={KEY: state} if state else {}))
    rows = document["components"]
    assert {row["status"] for row in rows} == {"degraded_performance"}
    assert all(row["bellbuoy"] == {"status": "unknown"} for row in rows)
    assert all(row["description"].startswith("Not known") for row in rows)
    assert document["status"]["indicator"] == "minor"
    assert document["status"]["description"].startswith("Not Known: ")


async def test_unknown_is_counted_beside_what_is_worse(client):
    """An outage elsewhere does not hide that two components are not known."""
    said = (await client.get("/api/v2/status.json")).json()["status"]
    assert said == {
        "indicator": "major",
        "description": "Partial System Outage; not known: 2 of 7 components",
    }


@pytest.mark.parametrize(
    ("impact", "indicator", "word"),
    [
        (Impact.NONE, "none", "none"),
        (Impact.MINOR, "minor", "minor"),
        (Impact.UNKNOWN, "minor", "minor"),
        (Impact.MAJOR, "major", "major"),
        (Impact.CRITICAL, "critical", "critical"),
    ],
)
async def test_an_open_incident_weighs_though_all_components_are_well(impact, indicator, word):
    """Vendors open incidents long before they touch a component."""
    trouble = incident("i1", "Trouble", impact=impact)
    document = await told(acme(component("API"), trouble))
    assert document["status"]["indicator"] == indicator
    (row,) = document["incidents"]
    assert row["impact"] == word
    assert row.get("bellbuoy") == ({"impact": "unknown"} if impact is Impact.UNKNOWN else None)


async def test_an_incident_is_told_with_its_updates_the_newest_first(client):
    """Every word is the vendor's own, and the link leads to our page of it."""
    (row,) = (await client.get("/api/v2/incidents/unresolved.json")).json()["incidents"]
    assert row["name"] == "Elevated error rate for ChatGPT conversations"
    assert row["status"] == "identified"
    assert [each["body"] for each in row["incident_updates"]] == [
        "Found <b>it</b> & fix it.",
        "We are looking into it.",
    ]
    assert {each["incident_id"] for each in row["incident_updates"]} == {row["id"]}
    assert row["started_at"] == row["created_at"] == "2026-11-20T15:53:00.000Z"
    assert row["updated_at"] == "2026-11-20T16:18:00.000Z"
    assert row["resolved_at"] is None
    assert [one["name"] for one in row["components"]] == ["ChatGPT: Conversations"]
    assert re.fullmatch(rf"{HERE}/incidents/[0-9a-f]{{12}}/i1", row["shortlink"])


async def test_planned_work_has_its_beginning_and_its_planned_end(client):
    """As the vendor tells them."""
    (row,) = (await client.get("/api/v2/scheduled-maintenances/upcoming.json")).json()[
        "scheduled_maintenances"
    ]
    assert row["scheduled_for"] == "2026-11-21T04:30:00.000Z"
    assert row["scheduled_until"] == "2026-11-21T06:30:00.000Z"
    assert row["impact"] == "maintenance"
    assert row["created_at"] < row["updated_at"] < row["scheduled_for"]
    active = await client.get("/api/v2/scheduled-maintenances/active.json")
    assert active.json()["scheduled_maintenances"] == []


def planned(*updates, **more):
    """Planned work of Acme."""
    return incident("m1", "Work", *updates, kind=IncidentKind.MAINTENANCE, **more)


async def test_work_that_goes_on_is_active_and_over_it_is_neither():
    """The three lists agree with each other."""
    on = planned(update(1, IncidentStatus.IN_PROGRESS, "We work.", minutes_ago(5)))
    seen = acme(on)
    (row,) = (await told(seen, "scheduled-maintenances/active"))["scheduled_maintenances"]
    assert row["scheduled_until"] is None, "a made-up end would be believed"
    assert not (await told(seen, "scheduled-maintenances/upcoming"))["scheduled_maintenances"]
    over = acme(planned(update(1, IncidentStatus.COMPLETED, "Done.", minutes_ago(5))))
    assert not (await told(over))["scheduled_maintenances"]
    (row,) = (await told(over, "scheduled-maintenances"))["scheduled_maintenances"]
    assert (row["status"], row["scheduled_until"]) == ("completed", row["resolved_at"])


async def test_words_that_statuspage_lacks_come_with_what_is_meant():
    """Cancelled work is over, and an update without a status leaves things as they were."""
    cancelled = planned(update(1, IncidentStatus.CANCELLED, "Not today.", minutes_ago(5)))
    (row,) = (await told(acme(cancelled), "scheduled-maintenances"))["scheduled_maintenances"]
    assert (row["status"], row["bellbuoy"]) == ("completed", {"status": "cancelled"})
    odd = incident(
        "i1",
        "Odd",
        update(1, IncidentStatus.MONITORING, "We watch.", minutes_ago(9)),
        update(2, IncidentStatus.UNKNOWN, "Pondering.", minutes_ago(5)),
    )
    (row,) = (await told(acme(odd)))["incidents"]
    assert (row["status"], row["bellbuoy"]) == ("monitoring", {"status": "unknown"})
    assert row["incident_updates"][0]["bellbuoy"] == {"status": "unknown"}
    assert row["monitoring_at"] == row["incident_updates"][1]["created_at"]


async def test_an_entry_has_the_same_bytes_in_every_document_and_whatever_else_changes(
    site, client
):
    """Else readers that compare entries would decode all of them whenever anything happens."""

    async def entry(path: str) -> dict:
        rows = (await client.get(f"/api/v2/{path}.json")).json()["incidents"]
        return next(row for row in rows if row["status"] == "identified")

    before = await entry("summary")
    assert await entry("incidents") == await entry("incidents/unresolved") == before
    (event,) = await site.store.latest_events(limit=1)
    await site.store.append([replace(event, id="news", seq=0, observed_at=NOW)])
    assert (await client.get("/api/v2/summary.json")).json()["page"][
        "updated_at"
    ] > "2026-11-20T16:29"
    assert await entry("summary") == before


async def test_what_was_withdrawn_stands_nowhere():
    """Neither in a list nor at an address of its own, so that other Bellbuoys see it go."""
    gone = incident("i1", "Posted in error", withdrawn=True)
    there = incident("i2", "Trouble")
    async with open_site(acme(gone, there)) as site, asking(site) as client:
        for name in ("summary", "incidents", "incidents/unresolved"):
            rows = (await client.get(f"/api/v2/{name}.json")).json()["incidents"]
            assert [row["name"] for row in rows] == ["Trouble"]
        (row,) = rows
        one = await client.get(f"/incidents/{row['id']}.json")
        way = await client.get(f"/incidents/{row['id']}")
        assert one.json() == row
        assert row["shortlink"].endswith(way.headers["location"])
        assert (await client.get("/incidents/000000000000.json")).status_code == 404
        assert (await client.get("/incidents/000000000000")).status_code == 404


async def test_what_ended_beyond_the_retention_is_not_told():
    """Its texts are gone by then, and an entry that loses its words would look edited."""
    old, recent = minutes_ago(60 * 24 * 3), minutes_ago(60)
    seen = acme(
        incident("i1", "Old", update(1, IncidentStatus.RESOLVED, "Over.", old)),
        incident("i2", "Recent", update(1, IncidentStatus.RESOLVED, "Over.", recent)),
    )
    async with open_site(seen, retention=86400.0) as site, asking(site) as client:
        rows = (await client.get("/api/v2/incidents.json")).json()["incidents"]
    assert [row["name"] for row in rows] == ["Recent"]


async def test_the_pages_stamp_is_when_something_changed_and_a_board_has_its_own(site, client):
    """Asking again moves nothing, and neither does another board's news."""
    whole = (await client.get("/api/v2/status.json")).json()["page"]["updated_at"]
    board = (await client.get("/boards/ai/api/v2/status.json")).json()["page"]["updated_at"]
    assert (whole, board) == ("2026-11-20T16:25:00.000Z", "2026-11-20T16:18:20.000Z")
    openai = site.config.watched[0].page
    (event,) = await site.store.latest_events(page=openai.key, limit=1)
    news = replace(event, id=f"{event.id[:-1]}x", seq=0, observed_at=minutes_ago(1))
    await site.store.append([news])
    board = (await client.get("/boards/ai/api/v2/status.json")).json()["page"]["updated_at"]
    assert board == "2026-11-20T16:29:00.000Z"


async def test_a_boards_stamp_is_found_behind_a_hundred_events_of_others():
    """A quiet board does not become newer or older because others are loud."""
    quiet = watched("quiet", tags=("calm",))
    old = incident_event(page=replace(incident_event().page, key=quiet.page.key))
    loud = [
        incident_event(incident=f"n{number}", observed_at=NOW + timedelta(seconds=number))
        for number in range(150)
    ]
    first = replace(old, observed_at=minutes_ago(60))
    seen = Seen(pages=(quiet, ACME), events=(first, *loud))
    async with open_site(seen) as site, asking(site) as client:
        board = (await client.get("/boards/calm/api/v2/status.json")).json()
    assert board["page"]["updated_at"] == "2026-11-20T15:30:00.000Z"


async def test_a_stamp_without_events_does_not_move_at_every_look():
    """Where everything was dropped long ago it is a day, so that it never runs backwards."""
    assert (await told(Seen(pages=(ACME,))))["page"]["updated_at"] == "2026-08-23T00:00:00.000Z"


async def test_what_did_not_change_is_not_sent_again(client):
    """An entity tag, 304, and HEAD."""
    first = await client.get("/api/v2/summary.json")
    tag = first.headers["etag"]
    again = await client.get("/api/v2/summary.json", headers={"if-none-match": f'"x", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await client.get("/api/v2/summary.json", headers={"if-none-match": '"x"'})
    assert other.status_code == 200
    head = await client.head("/api/v2/summary.json")
    assert (head.status_code, head.headers["etag"]) == (200, tag)


async def test_there_is_no_board_without_a_provider_on_it(client):
    """A misspelt board is no empty, green page."""
    answer = await client.get("/boards/nix/api/v2/summary.json")
    assert answer.status_code == 404
    assert "no such board" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("web", "allowed"),
    [(Web(), None), (Web(read=""), "*"), (CLOSED, None)],
    ids=["loopback", "open on purpose", "token"],
)
async def test_other_sites_read_only_what_the_config_opened(client, allowed):
    """On the loopback any page in a browser would learn what a company depends on."""
    token = {"authorization": f"Bearer {READ_TOKEN}", "origin": "https://other.example"}
    answer = await client.get("/api/v2/status.json", headers=token)
    assert answer.status_code == 200
    assert answer.headers.get("access-control-allow-origin") == allowed


@pytest.mark.parametrize("below", ["", "/boards/ai"])
async def test_it_is_recognised_as_statuspage(client, below):
    """From the address of the page or of the board."""
    answers = {
        **await bodies(client, below),
        **await bodies(client),
        f"{HERE}{below}": Response(url=f"{HERE}{below}", status=200, body=b"<html></html>"),
    }
    found, _ = converse(recognise(f"{HERE}{below}", Formats({})), answers)
    assert (found.format, found.url) == ("statuspage", f"{HERE}{below}")
    assert found.name == ("Bellbuoy: ai" if below else "Bellbuoy")


async def test_our_own_reader_gets_back_what_is_known(client):
    """Statuses with unknown among them, titles, texts, impacts and times."""
    answers = await bodies(client)
    snapshot, _ = converse(statuspage.read(page_at(HERE, "statuspage"), FormatSeen()), answers)
    statuses = {(part.group, part.name): part.status for part in snapshot.components}
    assert statuses["OpenAI", "ChatGPT: Conversations"] is ComponentStatus.PARTIAL_OUTAGE
    assert statuses["Acme", "Everything"] is ComponentStatus.UNKNOWN
    assert statuses[None, "Fresh"] is ComponentStatus.UNKNOWN
    by_title = {one.title: one for one in snapshot.incidents}
    assert len(by_title) == 3
    trouble = by_title["Elevated error rate for ChatGPT conversations"]
    (held,) = (
        one
        for page in everyday().known.values()
        for one in page.incidents.values()
        if one.title == trouble.title
    )
    assert [(each.status, each.body, each.at) for each in trouble.updates] == [
        (each.status, each.body, each.at) for each in held.updates
    ]
    assert (trouble.impact, trouble.status, trouble.started_at) == (
        held.impact,
        held.status,
        held.started_at,
    )
    assert [(part.name, part.group) for part in trouble.components] == [
        ("ChatGPT: Conversations", "OpenAI")
    ]
    work = by_title["FRA (Frankfurt) on 2026-11-21"]
    assert (work.kind, work.status, work.impact) == (
        IncidentKind.MAINTENANCE,
        IncidentStatus.SCHEDULED,
        Impact.NONE,
    )
