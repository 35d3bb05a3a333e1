"""The stream: events as they are recorded, with nothing lost and nothing twice."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from msgspec.structs import replace

from bellbuoy.events import EventKind, to_json
from bellbuoy.web.api import stream, tail
from bellbuoy.web.api.tail import Tail
from bellbuoy.web.application import application
from bellbuoy.web.server import address_of, listen, serving
from tests.event_samples import incident_event
from tests.web.sites import NOW, OPEN, Seen, everyday, open_site, watched

PATH = "/api/v1/events/stream"


def news(number, **more):
    """An event that is not in the log yet."""
    return incident_event(update=f"new{number}", body=f"News {number}", **more)


async def _lines(answer):
    """Its lines; only line feeds end them here, and not what else Python takes for an end."""
    rest = ""
    async for text in answer.aiter_text():
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield line


class Reader:
    """Reads a stream as a browser does: https://html.spec.whatwg.org/#event-stream-interpretation."""

    def __init__(self, answer):
        self._lines = _lines(answer)
        self.last_id = ""
        self.retry = None
        self.comments = 0

    async def next(self):
        """The next message that has data, as (type, data)."""
        kind, data = "message", []
        async for line in self._lines:
            if not line:
                if data:
                    return kind, "\n".join(data)
                kind = "message"
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "":
                    self.comments += 1
                case "event":
                    kind = value
                case "data":
                    data.append(value)
                case "id":
                    self.last_id = value
                case "retry":
                    self.retry = int(value)
        return None

    async def seqs(self, count):
        """The numbers of the next events."""
        return [json.loads((await self.next())[1])["data"]["seq"] for _ in range(count)]


@asynccontextmanager
async def reading(base_url, query="", **headers):
    """Somebody who reads the stream."""
    async with (
        httpx.AsyncClient(base_url=base_url, timeout=20) as client,
        client.stream("GET", f"{PATH}{query}", headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Reader(answer)


async def until(is_so):
    """Wait for a condition, for a bounded time."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - the condition is nobody's event
            await asyncio.sleep(0.01)


async def test_it_begins_now_and_each_event_is_one_message(site, base_url):
    """The type is the kind, the id the place in the log, the data the very CloudEvent."""
    async with reading(base_url) as reader:
        (event,) = await site.store.append([news(1, title="Line one\nline two\r\n\u2028end")])
        kind, data = await reader.next()
        assert kind == EventKind.INCIDENT_OPENED
        assert data.encode() == to_json(event)
        assert reader.last_id == f"{site.store.log_id}:7"
        assert reader.retry == 3000


async def test_whoever_was_cut_off_goes_on_where_they_were(site, base_url):
    """Also one who had heard nothing yet: the place is told at once."""
    async with reading(base_url) as reader:
        await site.store.append([news(1), news(2)])
        assert await reader.seqs(1) == [7]
        place = reader.last_id
    await site.store.append([news(3)])
    async with reading(base_url, **{"last-event-id": place}) as reader:
        assert await reader.seqs(2) == [8, 9]
    async with reading(base_url, f"?after={site.store.log_id}:0") as reader:
        assert await reader.seqs(9) == list(range(1, 10))
    async with reading(base_url, "?after=nonsense", **{"last-event-id": place}) as reader:
        assert await reader.seqs(1) == [8]


async def test_only_what_is_asked_for_comes(site, base_url):
    """The filters are those of the list."""
    log = site.store.log_id
    async with reading(base_url, f"?after={log}:0&kind=incident&impact=>=major") as reader:
        await site.store.append([news(1)])
        assert await reader.seqs(3) == [4, 5, 7]


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("?after=0123456789abcdef:1", 400, "after"),
        ("?after={log}:99", 400, "after"),
        ("?impact=majr", 422, "impact"),
        ("?limit=3", 422, "limit"),
    ],
)
async def test_what_cannot_be_followed_is_a_problem_and_no_stream(
    client, site, query, status, name
):
    """As for the list."""
    answer = await client.get(PATH + query.format(log=site.store.log_id))
    assert (answer.status_code, answer.json()["name"]) == (status, name)


async def test_one_too_many_is_asked_to_come_back_later(site, base_url, monkeypatch):
    """503 with `Retry-After`; when somebody leaves there is a place again."""
    monkeypatch.setattr(stream, "MOST_LISTENERS", 1)
    async with httpx.AsyncClient(base_url=base_url) as client:
        async with reading(base_url):
            refused = await client.get(PATH)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")

        async with asyncio.timeout(10):
            while True:
                async with client.stream("GET", PATH) as answer:
                    if answer.status_code == 200:
                        break


async def test_a_head_request_gets_the_headers_and_ends(base_url):
    """Nobody waits for a body that never comes."""
    async with httpx.AsyncClient(base_url=base_url, timeout=5) as client:
        answer = await client.head(PATH)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


async def test_in_silence_a_comment_comes_and_moves_the_place_on(site, base_url, monkeypatch):
    """So that who filters much does not fall behind what is kept."""
    monkeypatch.setattr(tail, "BEAT_EVERY", 0.05)
    async with reading(base_url, "?kind=monitor") as reader:
        await site.store.append([news(1)])
        listening = asyncio.create_task(reader.next())
        await until(lambda: reader.comments and reader.last_id.endswith(":7"))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_it_ends_at_once_when_the_app_is_over():
    """And the server waits for nobody."""
    async with open_site(everyday()) as site:
        with listen(OPEN_ON_ANY_PORT) as opened:
            async with serving(application(site), opened), reading(address_of(opened)) as reader:
                site.app.request_stop()
                began = asyncio.get_running_loop().time()
                assert await reader.next() is None
            assert asyncio.get_running_loop().time() - began < 1.5


OPEN_ON_ANY_PORT = type(OPEN)(port=0)


class Pipe:
    """A listener's connection by hand: what was sent, and whether sending waits."""

    def __init__(self):
        self.text = b""
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.is_gone = asyncio.Event()
        self.waiting = 0

    async def receive(self):
        """What the server asks for: nothing, and then the end."""
        await self.is_gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        """Take a message, when there is room."""
        self.waiting += 1
        await self.is_open.wait()
        self.waiting -= 1
        self.text += message.get("body", b"")

    @property
    def seqs(self):
        """The numbers of the events that came."""
        lines = self.text.decode().splitlines()
        return [json.loads(line[6:])["data"]["seq"] for line in lines if line.startswith("data: ")]


@asynccontextmanager
async def listening(whole, pipe, query=b""):
    """An ASGI conversation in which the reader may be slow."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": query,
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
    }
    task = asyncio.create_task(whole(scope, pipe.receive, pipe.send))
    await until(lambda: b"retry" in pipe.text)
    try:
        yield task
    finally:
        pipe.is_open.set()
        pipe.is_gone.set()
        await asyncio.wait_for(task, 10)


async def test_whoever_is_slow_falls_back_to_the_log_and_loses_nothing(whole, site, monkeypatch):
    """The newest are held for all; what is older than those is read again for the slow one."""
    monkeypatch.setattr(tail, "NEWEST", 8)
    slow, quick = Pipe(), Pipe()
    async with listening(whole, slow), listening(whole, quick):
        slow.is_open.clear()
        await site.store.append([news(0)])
        await until(lambda: slow.waiting)
        for number in range(1, 60):
            await site.store.append([news(number)])
        await until(lambda: quick.seqs == list(range(7, 67)))
        assert slow.seqs == []
        slow.is_open.set()
        await until(lambda: slow.seqs == list(range(7, 67)))


async def test_whoever_takes_nothing_for_long_is_let_go(whole, site, monkeypatch):
    """It holds no place that others want, and comes back with the id that it has."""
    monkeypatch.setattr(stream, "STALLED_AFTER", 0.05)
    pipe = Pipe()
    async with listening(whole, pipe) as task:
        pipe.is_open.clear()
        await site.store.append([news(1)])
        await until(lambda: pipe.waiting == 1)
        await until(lambda: pipe.waiting == 2 or task.done())
        pipe.is_open.set()
        await asyncio.wait_for(task, 10)


async def test_the_log_is_read_once_for_all_and_not_at_all_for_nobody(whole, site, monkeypatch):
    """However many listen, an event is read and encoded one time."""
    reads = 0
    read_events = site.store.read_events

    async def counted(**more):
        nonlocal reads
        found = await read_events(**more)
        reads += bool(found)
        return found

    monkeypatch.setattr(site.store, "read_events", counted)
    await site.store.append([news(1)])
    assert reads == 0
    pipes = [Pipe() for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        over = asyncio.Event()

        async def listen_until_over(pipe):
            async with listening(whole, pipe):
                await over.wait()

        for pipe in pipes:
            group.create_task(listen_until_over(pipe))
        await until(lambda: all(b"retry" in pipe.text for pipe in pipes))
        before = reads
        await site.store.append([news(2)])
        await until(lambda: all(pipe.seqs == [8] for pipe in pipes))
        assert reads == before + 1
        over.set()


async def test_a_store_that_refuses_for_a_moment_ends_no_stream(whole, site, monkeypatch):
    """What was recorded meanwhile comes when the store answers again."""
    from bellbuoy.delivery import patience
    from bellbuoy.errors import StoreUnavailableError

    monkeypatch.setattr(patience, "PAUSE", 0.02)
    pipe = Pipe()
    async with listening(whole, pipe):
        read_events = site.store.read_events
        refused = 0

        async def refuses(**_):
            nonlocal refused
            refused += 1
            raise StoreUnavailableError("the disk is full")

        monkeypatch.setattr(site.store, "read_events", refuses)
        await site.store.append([news(1)])
        await until(lambda: refused >= 2)
        monkeypatch.setattr(site.store, "read_events", read_events)
        await until(lambda: pipe.seqs == [7])


async def test_the_tail_stops_reading_with_its_last_listener():
    """Nobody there costs nothing."""

    class Ear:
        def wake(self):
            """Take the hint."""

        def beat(self):
            """Take the sign of life."""

        def end(self):
            """Take the end."""

    async with open_site(Seen(pages=(watched("acme"),))) as site:
        end, ear = Tail(site.app), Ear()
        before = len(asyncio.all_tasks())
        end.join(ear, 0)
        assert end.listeners == 1
        assert len(asyncio.all_tasks()) == before + 2
        end.leave(ear)
        await until(lambda: len(asyncio.all_tasks()) == before)
        assert end.listeners == 0


@pytest.fixture
async def pruned():
    """A site after a long quiet time: nothing is kept of its log but where it ends."""
    async with open_site(replace(everyday(), deliveries=())) as site:
        await site.store.prune(NOW + timedelta(days=3650))
        assert (await site.store.first_seq(), await site.store.last_seq()) == (0, 6)
        yield site


async def test_a_log_of_which_nothing_is_kept_is_not_asked_again_and_again(pruned, monkeypatch):
    """Who wants all of it is at its end at once."""
    reads = 0
    read_events = pruned.store.read_events

    async def counted(**more):
        nonlocal reads
        reads += 1
        return await read_events(**more)

    monkeypatch.setattr(pruned.store, "read_events", counted)
    pipe = Pipe()
    async with listening(application(pruned), pipe, f"after={pruned.store.log_id}:0".encode()):
        for _ in range(500):
            await asyncio.sleep(0)
        assert reads < 10
        await pruned.store.append([news(1)])
        await until(lambda: pipe.seqs == [7])


async def test_a_place_in_a_log_of_which_nothing_is_kept_is_gone(pruned):
    """What came after it is lost, and that is said; its end is a place like any other."""
    log = pruned.store.log_id
    transport = httpx.ASGITransport(application(pruned))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8484") as client:
        for place, status in ((3, 410), (6, 200), (0, 200)):
            answer = await client.get(f"/api/v1/events?after={log}:{place}")
            assert answer.status_code == status, place


async def test_who_comes_as_the_last_one_leaves_is_not_let_go(site):
    """The reader of those before ends without them."""

    class Ear:
        is_ended = False

        def wake(self):
            """Take the hint."""

        def beat(self):
            """Take the sign of life."""

        def end(self):
            """Take the end."""
            self.is_ended = True

    end, before, after = Tail(site.app), Ear(), Ear()
    end.join(before, 6)
    await asyncio.sleep(0)
    end.leave(before)
    end.join(after, 6)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not after.is_ended
    end.leave(after)
