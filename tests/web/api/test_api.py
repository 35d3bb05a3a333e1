"""The API: what it lists, how it is read in parts, and what it says where something is wrong."""

import json
from datetime import timedelta

import pytest

from bellbuoy.events import to_json
from bellbuoy.model.facts import Impact, IncidentStatus
from bellbuoy.web.marks import mark
from tests.web.sites import (
    NOW,
    Seen,
    incident,
    known,
    minutes_ago,
    open_site,
    read_state,
    silence,
    told,
    update,
    watched,
)

LISTS = ("providers", "pages", "incidents", "components", "events", "deliveries", "silences")


async def get(client, path, status=200, **more):
    """What is answered at a path below the API."""
    answer = await client.get(f"/api/v1/{path}", **more)
    assert answer.status_code == status, answer.text
    return answer.json()


async def ids(client, path, name="id"):
    """The ids of what is listed, in order."""
    return [one[name] for one in (await get(client, path))["items"]]


@pytest.mark.parametrize("address", ["sqlite", "memory"], indirect=True)
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_that_is_read_one_by_one_is_the_whole_list(client, name):
    """Each part says how to go on, in the body and in `Link`, and nothing comes twice."""
    whole = (await get(client, name))["items"]
    assert len(whole) >= 1
    found, path = [], f"/api/v1/{name}?limit=1"
    for _ in range(len(whole) + 1):
        answer = await client.get(path)
        found += answer.json()["items"]
        assert (answer.json()["next"] is None) is ("link" not in answer.headers)
        if answer.json()["next"] is None:
            break
        path = answer.headers["link"].partition(">")[0].removeprefix("<")
    for one in (*found, *whole):
        # Polling goes on meanwhile.
        one.pop("next_look_at", None)
    assert found == whole


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("providers?provider=GIT*", ["github"]),
        ("providers?category=ai", ["openai"]),
        ("providers?tag=ai", ["acme", "openai"]),
        ("providers?tag=ai&tag=tools&provider=github", ["github"]),
        ("providers?text=loud", ["cloudflare"]),
        ("providers?page=https://status.f*", ["fresh"]),
        ("providers?provider=nobody", []),
    ],
)
async def test_providers_are_filtered_as_routes_filter(client, path, found):
    """Globs, case does not count, and what is said twice means either."""
    assert await ids(client, path, "slug") == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("incidents", ["m1", "i1", "i2"]),
        ("incidents?kind=incident", ["i1", "i2"]),
        ("incidents?kind=maintenance", ["m1"]),
        ("incidents?open=true", ["m1", "i1"]),
        ("incidents?open=false", ["i2"]),
        ("incidents?impact=%3E%3Dmajor", ["i1"]),
        ("incidents?impact=minor&impact=none", ["m1", "i2"]),
        ("incidents?component=act*", ["i2"]),
        ("incidents?text=chatgpt", ["i1"]),
        ("incidents?provider=openai", ["i1"]),
        ("incidents?tag=tools", ["i2"]),
        ("incidents?provider=nobody", []),
        ("components?component=ChatGPT/*", ["conversations"]),
        ("components?status=maintenance", ["frankfurt"]),
        ("components?text=apis", ["apis", "responses"]),
        ("components?provider=github", ["actions", "pages"]),
    ],
)
async def test_incidents_and_components_are_filtered(client, path, found):
    """Each parameter takes away what it does not name."""
    assert await ids(client, path) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("events", [6, 5, 4, 3, 2, 1]),
        ("events?kind=component", [6]),
        ("events?kind=incident.resolved&kind=maintenance", [3, 2]),
        ("events?type=incident.opened", [4, 1]),
        ("events?impact=>=major", [6, 5, 4]),
        ("events?provider=github", [6, 2, 1]),
        ("events?tag=ai", [5, 4]),
        ("events?component=Actions", [2, 1]),
        ("events?text=found*", [6, 5]),
        ("events?search=jobs+star", [2, 1]),
        ("events?search=jobs&limit=1", [2]),
    ],
)
async def test_events_are_filtered_as_routes_filter_and_newest_first(client, path, found):
    """What an event does not state, it passes; every kind is meant unless one is named."""
    answer = await get(client, path)
    assert [one["data"]["seq"] for one in answer["items"]] == found


async def test_an_event_is_the_very_cloudevent_that_receivers_get(client, site):
    """In lists and alone, byte by byte."""
    event = (await site.store.latest_events(limit=1))[0]
    whole = to_json(event).decode()
    assert (await client.get(f"/api/v1/events/{event.id}")).text == whole
    assert whole in (await client.get("/api/v1/events")).text


async def test_a_page_of_the_log_can_be_asked_for_by_its_id(client):
    """And an unknown id finds nothing."""
    pages = await get(client, "pages?provider=github")
    assert (await get(client, f"events?page={pages['items'][0]['id']}"))["items"][0]["data"][
        "seq"
    ] == 6
    assert (await get(client, "events?page=000000000000"))["items"] == []


async def test_whoever_reads_after_a_place_gets_what_comes_later_and_a_place_again(client, site):
    """So that a tool can ask every minute, with nothing missed and nothing twice."""
    log = site.store.log_id
    first = await get(client, f"events?after={log}:0&limit=4")
    assert [one["data"]["seq"] for one in first["items"]] == [1, 2, 3, 4]
    second = await get(client, f"events?after={first['next']}")
    assert [one["data"]["seq"] for one in second["items"]] == [5, 6]
    assert second["next"] == f"{log}:6"
    assert await get(client, f"events?after={log}:6") == {"items": [], "next": f"{log}:6"}


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("events?after=0123456789abcdef:1", 400, "after"),
        ("events?after={log}:99", 400, "after"),
        ("events?after=42", 400, "after"),
        ("events?before=0123456789abcdef:1", 400, "before"),
        ("events?after={log}:1&before={log}:2", 422, "query"),
        ("events?kind=incidents", 422, "kind"),
        ("events?type=incident", 422, "type"),
        ("events?impact=majr", 422, "impact"),
        ("events?limit=0", 422, "limit"),
        ("pages?limit=201", 422, "limit"),
        ("pages?limit=many", 422, "limit"),
        ("pages?tag=Not%20One", 422, "tag"),
        ("pages?text=%00", 422, "text"),
        ("pages?nothing=1", 422, "nothing"),
        ("pages?cursor=nonsense", 400, "cursor"),
        ("incidents?cursor=WyJhIl0", 400, "cursor"),
        ("incidents?kind=outage", 422, "kind"),
        ("components?status=green", 422, "status"),
        ("deliveries?status=lost", 422, "status"),
    ],
)
async def test_an_impossible_value_is_a_problem_that_names_the_parameter(
    client, site, path, status, name
):
    """With a sentence that says what would do."""
    answer = await client.get(f"/api/v1/{path.format(log=site.store.log_id)}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["name"]) == (status, name)
    assert len(problem["detail"]) > 10


@pytest.mark.parametrize("address", ["memory", "sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("api/v1/silences?ended=true&cursor=", ("2026-01-01T00:00:00", "b")),
        ("api/v1/incidents?cursor=", ("2026-01-01T00:00:00", "a", "b")),
        ("api/v1/deliveries?cursor=", (2**63, "a", "b")),
        ("api/v1/deliveries?cursor=", (2**70, "a", "b")),
        ("api/v1/deliveries?cursor=", (-1, "a", "b")),
        ("deliveries?before=", (2**63, "a", "b")),
    ],
)
async def test_a_mark_that_somebody_made_up_is_refused(client, path, parts):
    """No store is asked for what it cannot hold, and no fault tells where it is."""
    answer = await client.get(f"/{path}{mark(*parts)}")
    assert answer.status_code == 400
    assert "is not a cursor" in answer.text
    assert "bellbuoy.db" not in answer.text


@pytest.mark.parametrize("address", ["memory", "sqlite"], indirect=True)
@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_a_mark_of_any_instant_is_a_place(client, when):
    """Also where the calendar ends."""
    for path, parts in (("incidents", (when, "a", "b")), ("silences", (when, "b"))):
        answer = await client.get(f"/api/v1/{path}?cursor={mark(*parts)}")
        assert answer.status_code == 200, answer.text


async def test_a_place_before_what_is_kept_is_gone_and_says_where_to_begin(client, site):
    """410, because to read on from there would leave a gap."""
    first, second, *_ = await site.store.read_events()
    await site.store.write_cursor("dispatcher", 6)
    for each in await site.store.deliveries():
        await site.store.settle(each)
    pruned = await site.store.prune(second.observed_at + timedelta(seconds=1))
    assert pruned == 2
    log = site.store.log_id
    problem = await get(client, f"events?after={log}:1", 410)
    assert f"{log}:0" in problem["detail"]
    kept = await get(client, f"events?after={log}:0")
    assert kept["items"][0]["data"]["seq"] == 3
    assert (await get(client, f"events?after={log}:2"))["items"]


@pytest.mark.parametrize(
    "path",
    [
        "providers/nobody",
        "pages/000000000000",
        "pages/x",
        "incidents/000000000000/i1",
        "components/000000000000/x",
        "events/5d6c7e2a-6a55-5d35-8e8e-0d9f9c1b2a33",
        "events/%00",
        "deliveries/x/y",
        "silences/0",
        "nothing",
    ],
)
async def test_what_is_not_there_is_a_404_that_says_so(client, path):
    """As a problem, like every error."""
    assert (await get(client, path, 404))["title"] == "Not Found"


async def test_an_incident_is_shown_with_all_its_messages(client):
    """Whoever asks for one gets its texts, and how often each was replaced."""
    listed = (await get(client, "incidents?text=chatgpt"))["items"][0]
    story = await get(client, f"incidents/{listed['page']}/{listed['id']}")
    assert {key: story[key] for key in listed} == listed
    assert [each["body"] for each in story["updates"]] == [
        "We are looking into it.",
        "Found <b>it</b> & fix it.",
    ]
    assert [each["edits"] for each in story["updates"]] == [0, 1]
    assert story["began_at"] == "2026-11-20T15:53:00Z"


async def test_a_component_and_a_page_are_shown_by_their_ids(client):
    """The ids are those of the lists."""
    listed = (await get(client, "components?component=actions"))["items"][0]
    assert await get(client, f"components/{listed['page']}/{listed['id']}") == listed
    page = await get(client, f"pages/{listed['page']}")
    pages = (await get(client, "pages"))["items"]
    for one in (page, *pages):
        # Polling goes on meanwhile.
        one.pop("next_look_at")
    assert page in pages
    assert page["provider"]["slug"] == "github"


async def test_an_id_may_hold_what_an_address_may_not(web, address):
    """A vendor's ids are any text: slashes, blanks, letters of all the world."""
    page = watched("acme")
    odd = incident("a/b ü#2?", "Odd", update(1, IncidentStatus.INVESTIGATING, "x", NOW))
    facts = {page.page.key: known(page.page.key, odd)}
    seen = Seen(pages=(page,), states={page.page.key: read_state(page.page.key)}, known=facts)
    async with open_site(seen, web=web, address=address) as site, asking(site) as client:
        listed = (await get(client, "incidents"))["items"][0]
        assert listed["id"] == "a/b ü#2?"
        answer = await get(client, f"incidents/{listed['page']}/a%2Fb%20%C3%BC%232%3F")
        assert answer["title"] == "Odd"


def asking(site):
    """A client of an application of its own."""
    import httpx

    from bellbuoy.web.application import application

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(application(site)), base_url="http://127.0.0.1"
    )


@pytest.mark.parametrize("name", LISTS)
async def test_what_did_not_change_is_not_sent_again(client, name):
    """304 with the same ETag, whatever else the header names; another ETag gets it all."""
    path = f"/api/v1/{name}"
    first = await client.get(path)
    if name == "pages":  # When a page is looked at next changes from moment to moment.
        path += "?page=https://nowhere.example"
        first = await client.get(path)
    tag = first.headers["etag"]
    again = await client.get(path, headers={"if-none-match": f'"x", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await client.get(path, headers={"if-none-match": '"x"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_a_filter_that_finds_little_looks_at_so_much_at_once_and_says_where_to_go_on(web):
    """No question makes us read a whole log; whoever follows `next` still finds it all."""
    page = watched("acme")
    updates = tuple(
        update(number, IncidentStatus.INVESTIGATING, "needle" if number == 3 else "hay", NOW)
        for number in range(5000)
    )
    about = incident("i1", "Long", *updates)
    seen = Seen(pages=(page,), events=told(page, about))
    async with open_site(seen, web=web) as site, asking(site) as client:
        found, path, answers = [], "/api/v1/events?text=needle", 0
        while path:
            answer = await client.get(path)
            found += answer.json()["items"]
            answers += 1
            path = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
    assert [one["data"]["seq"] for one in found] == [4]
    assert answers == 3


async def test_an_impact_that_few_incidents_have_is_found_behind_many(web):
    """The list of incidents goes on in the same way."""
    page = watched("acme")
    many = [
        incident(
            f"i{number}",
            "Trouble",
            started_at=minutes_ago(number),
            impact=Impact.CRITICAL if number == 2500 else Impact.MINOR,
        )
        for number in range(2600)
    ]
    key = page.page.key
    seen = Seen(pages=(page,), states={key: read_state(key)}, known={key: known(key, *many)})
    async with open_site(seen, web=web) as site, asking(site) as client:
        first = await get(client, "incidents?impact=critical")
        assert first["items"] == []
        second = await get(client, f"incidents?impact=critical&cursor={first['next']}")
        assert [one["id"] for one in second["items"]] == ["i2500"]
        assert second["next"] is None


async def test_a_dead_delivery_is_sent_again_and_no_other(client, site, writes):
    """It waits again from now on; what is done stays done."""
    (dead,) = (await get(client, "deliveries?status=dead"))["items"]
    path = f"/api/v1/deliveries/{dead['id']}"
    assert (await client.post(f"{path}/revive")).status_code == 401
    answer = await client.post(f"{path}/revive", headers=writes)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["attempts"]) == ("waiting", 0)
    assert (await get(client, f"deliveries/{dead['id']}"))["status"] == "waiting"
    again = await client.post(f"{path}/revive", headers=writes)
    assert again.status_code == 409
    assert "waiting" in again.json()["detail"]
    missing = await client.post("/api/v1/deliveries/a/b/revive", headers=writes)
    assert missing.status_code == 404


async def test_deliveries_are_found_by_receiver_status_and_event(client):
    """Each alone, and together."""
    everything = (await get(client, "deliveries"))["items"]
    assert [one["seq"] for one in everything] == [5, 4, 1]
    assert await ids(client, "deliveries?receiver=pager") == [everything[1]["id"]]
    assert await ids(client, "deliveries?status=done") == [everything[2]["id"]]
    event = everything[0]["event"]
    assert await ids(client, f"deliveries?event={event}&receiver=ops") == [everything[0]["id"]]
    assert await ids(client, f"deliveries?event={event}&receiver=pager") == []


async def test_a_silence_is_made_shown_and_ended(client, site, writes):
    """For a length of time or until an instant; ended, it is history."""
    body = {"matcher": {"providers": "github"}, "for": "2h", "author": "ana", "comment": "x\ny"}
    made = await client.post("/api/v1/silences", json=body, headers=writes)
    assert made.status_code == 201
    found = made.json()
    assert made.headers["location"] == f"/api/v1/silences/{found['id']}"
    assert found["ends_at"] == "2026-11-20T18:30:00Z"
    assert found["matcher"]["providers"] == ["github"]
    assert "\n" not in found["comment"]
    assert await get(client, f"silences/{found['id']}") == found
    assert found["id"] in await ids(client, "silences")
    ended = await client.delete(f"/api/v1/silences/{found['id']}", headers=writes)
    assert ended.json()["ends_at"] == "2026-11-20T16:30:00Z"
    assert found["id"] not in await ids(client, "silences")
    assert found["id"] in await ids(client, "silences?ended=true")
    again = await client.delete(f"/api/v1/silences/{found['id']}", headers=writes)
    assert (again.status_code, again.json()) == (200, ended.json())


async def test_a_silence_until_an_instant_is_told_in_utc(client, writes):
    """Whatever its offset was."""
    body = {"matcher": {"providers": "*"}, "until": "2026-11-20T20:00:00+02:00", "author": "ana"}
    made = await client.post("/api/v1/silences", json=body, headers=writes)
    assert made.json()["ends_at"] == "2026-11-20T18:00:00Z"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"matcher": {}}, "matcher"),
        ({"matcher": {"impacts": "majr"}}, "matcher.impacts"),
        ({"matcher": {"provider": "github"}}, "matcher.provider"),
        ({"matcher": None}, "matcher"),
        ({"for": None}, "body"),
        ({"until": "2026-11-20T18:00:00Z"}, "body"),
        ({"for": "-2h"}, "for"),
        ({"for": "100000d"}, "for"),
        ({"for": None, "until": "2026-11-20T18:00:00"}, "until"),
        ({"for": None, "until": "2026-11-20T16:00:00Z"}, "until"),
        ({"for": None, "until": "9999-12-31T23:59:59-12:00"}, "until"),
        ({"author": ""}, "author"),
        ({"author": "\ud800"}, "author"),
        ({"more": 1}, "more"),
    ],
)
async def test_a_silence_that_makes_no_sense_is_refused_with_the_place(
    client, writes, change, name
):
    """And nothing is muted by it."""
    body = {"matcher": {"providers": "github"}, "for": "2h", "author": "ana"} | change
    body = {key: value for key, value in body.items() if value is not None or key == "matcher"}
    answer = await client.post(
        "/api/v1/silences",
        content=json.dumps(body),
        headers={**writes, "content-type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["name"] == name
    assert len(await ids(client, "silences")) == 1


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"a": 1}', "text/plain", 415),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (b'{"a": 1}', None, 415),
        (b"{", "application/json", 422),
        (b"[" * 60000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"", "application/json", 422),
        (b"x" * 70000, "application/json", 413),
    ],
)
async def test_w3_a_write_is_json_that_says_so_and_is_small(client, writes, content, kind, status):
    """What any page of the web could send as a form is not taken."""
    headers = {**writes, **({"content-type": kind} if kind else {})}
    answer = await client.post("/api/v1/silences", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/silences", "GET, POST, HEAD"),
        ("POST", "/api/v1/silences/x", "GET, DELETE, HEAD"),
        ("DELETE", "/api/v1/events", "GET, HEAD"),
        ("OPTIONS", "/api/v1/events", "GET, HEAD"),
        ("GET", "/api/v1/pages/000000000000/poke", "POST"),
        ("POST", "/static/nothing.css", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_answered_with_those_it_does(
    client, writes, method, path, allowed
):
    """405 with `Allow`."""
    answer = await client.request(method, path, headers=writes)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json()["title"] == "Method Not Allowed"


async def test_a_store_that_refuses_is_a_503_and_a_fault_of_ours_a_500(
    client, site, monkeypatch, caplog
):
    """Both as problems; neither tells what only the log should."""
    from bellbuoy.errors import StoreUnavailableError

    async def refuses(*_, **__):
        raise StoreUnavailableError("sqlite:////var/b.db: the disk is full")

    async def breaks(*_, **__):
        raise RuntimeError("an inner secret")

    monkeypatch.setattr(site.store, "silences", refuses)
    answer = await client.get("/api/v1/silences")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "b.db" not in answer.text
    assert "b.db: the disk is full" in caplog.text
    monkeypatch.setattr(site.store, "silences", breaks)
    answer = await client.get("/api/v1/silences")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "inner" not in answer.text


async def test_so_many_silences_and_no_more_are_in_force(client, site, writes, monkeypatch):
    """A tool that runs wild does not fill the store."""
    monkeypatch.setattr("bellbuoy.web.api.silences.MOST_SILENCES", 1)
    assert await site.store.silences(NOW) == (silence(),)
    body = {"matcher": {"providers": "github"}, "for": "2h", "author": "ana"}
    assert (await client.post("/api/v1/silences", json=body, headers=writes)).status_code == 409


async def test_every_instant_of_every_list_ends_in_z(client):
    """UTC, said as RFC 3339 says it."""
    seen = 0
    for name in LISTS:
        for where, value in _leaves(await get(client, name)):
            if where.endswith("_at") and value is not None:
                assert value.endswith("Z"), (name, where, value)
                seen += 1
    assert seen > 20


def _leaves(value, where=""):
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, where)
    else:
        yield where, value
