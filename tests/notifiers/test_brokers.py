"""Kafka, NATS, Redis and RabbitMQ: each event is there, as its binding says, before it counts."""

import asyncio
import json
import signal
from contextlib import asynccontextmanager

import aio_pika
import nats
import pytest
import redis.asyncio
from msgspec.structs import replace
from pydantic import ValidationError

from bellbuoy.errors import DelayedError, DeliveryError, RefusedError
from bellbuoy.model.delivery import Occasion
from bellbuoy.notifiers import (
    Notifiers,
    WideDoorNotifier,
    _cloudevents,
    _kafka_client,
    _link,
    takes_digests,
)
from bellbuoy.testing.events import MARK, sample_events
from tests import brokers
from tests.event_samples import component_event, incident_event, message, monitor_event
from tests.notifiers import goldens
from tests.notifiers.consumers import CONSUMERS, no_word

NOTIFIERS = Notifiers()
SERVERS = ["redis", "nats", "rabbitmq"]
"""Those with a real server behind them."""

KINDS = [*SERVERS, "kafka"]
LIFE = [goldens.opened(), goldens.updated(), goldens.resolved()]


@pytest.fixture(scope="module", params=KINDS)
def address(request):
    """Where each of the brokers is."""
    with brokers.server(request.param) as server:
        yield request.param, server


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    """Where each of the real servers is."""
    with brokers.server(request.param) as server:
        yield request.param, server


@asynccontextmanager
async def door_to(kind, **settings):
    """The way to a broker."""
    notifier = NOTIFIERS[kind]
    async with notifier.open(notifier.Settings.model_validate(settings)) as door:
        yield door


@asynccontextmanager
async def talk(address, **more):
    """A way to a broker, and who reads there."""
    kind, place = address
    async with (
        CONSUMERS[kind](place) as consumer,
        door_to(kind, **consumer.settings(**more)) as door,
    ):
        yield door, consumer


async def failure(door, told=None):
    """How a message fails."""
    with pytest.raises(DeliveryError) as caught:
        await door.notify(told or message(incident_event()))
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_notifier_with_a_wide_door_and_without_digests(kind):
    """Many incidents at once, each event by itself, also after a backlog."""
    assert isinstance(NOTIFIERS[kind], WideDoorNotifier)
    assert not takes_digests(NOTIFIERS[kind])


async def test_a_life_is_there_in_order_under_one_key(address):
    """Whoever reads gets valid CloudEvents, and knows what belongs together."""
    async with talk(address) as (door, consumer):
        for step in LIFE:
            assert (await door.notify(step)).detail
        heard = await consumer.heard()
    assert [event["id"] for event in heard] == [step.event.id for step in LIFE]
    assert {event["partitionkey"] for event in heard} == {LIFE[0].event.lane}
    assert heard[0]["bellbuoyservices"] == "Checkout"
    assert heard[1]["bellbuoyaftergap"] == "true"
    assert heard[2]["data"]["incident"]["title"] == "Elevated error rates"


async def test_j5_every_kind_of_event_with_any_text_arrives(address):
    """Vendor text is data; what stands in names and addresses holds none of it."""
    events = list(sample_events())
    strange = incident_event(incident="a b.c*>#\u20ac/\r\nX: y", update="u9")
    async with talk(address) as (door, consumer):
        for event in [*events, strange]:
            await door.notify(message(event))
        heard = await consumer.heard()
    assert sorted(event["id"] for event in heard) == sorted(e.id for e in [*events, strange])
    for event in heard:
        assert not any(MARK in text for name, text in event.items() if name != "data")


async def test_reminders_have_a_key_of_their_own_and_repeats_say_so(address):
    """So that neither a broker nor a consumer takes a reminder for a repeat."""
    reminder = goldens.reminder()
    repeat = replace(goldens.updated(), repeat=True)
    async with talk(address) as (door, consumer):
        for told in (LIFE[0], reminder, repeat):
            await door.notify(told)
        heard = await consumer.heard()
    assert [event["bellbuoykey"] for event in heard] == [
        LIFE[0].event.id,
        reminder.delivery.id,
        repeat.event.id,
    ]
    assert heard[1]["bellbuoyoccasion"] == Occasion.REMINDER
    assert [event.get("bellbuoyrepeat") for event in heard] == [None, None, "true"]


async def test_many_incidents_go_at_once(address):
    """A hundred on their way together, all acknowledged."""
    told = [message(incident_event(incident=f"i{n}")) for n in range(100)]
    async with talk(address) as (door, consumer):
        await asyncio.gather(*map(door.notify, told))
        heard = await consumer.heard()
    assert {event["id"] for event in heard} == {one.event.id for one in told}


def test_it_works_on_the_loop_that_bellbuoy_runs_on(address):
    """It has sockets of its own making."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not there on this system")

    async def life():
        async with talk(address) as (door, consumer):
            await asyncio.gather(
                *(door.notify(message(incident_event(incident=str(n)))) for n in range(9))
            )
            return await consumer.heard()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert len(runner.run(life())) == 9


async def test_n1_a_broker_that_nobody_hears_is_away(server, monkeypatch):
    """Nothing was sent, so nothing is a repeat, and the waits do not grow."""
    monkeypatch.setattr(_link, "OPEN_WITHIN", 0.7)
    kind, place = server
    nowhere = place.rpartition(":")[0] + f":{brokers.free_port()}"
    async with door_to(kind, url=nowhere) as door:
        error = await failure(door)
    assert isinstance(error, DelayedError)
    assert (error.away, error.uncertain) == (True, False)
    assert error.detail.startswith("127.0.0.1:")
    assert "guest" not in error.detail


async def test_n4_a_connection_that_is_lost_before_the_answer_makes_a_repeat(server):
    """The next try goes over a new connection, and the event is there at least once."""
    kind, place = server
    async with CONSUMERS[kind](place) as consumer, brokers.cut(place) as way:
        async with door_to(kind, **{**consumer.settings(), "url": way.address}) as door:
            await door.notify(LIFE[0])
            way.hears = False
            failing = asyncio.create_task(failure(door, LIFE[1]))
            await asyncio.sleep(0.3)
            way.now()
            error = await failing
            assert isinstance(error, DelayedError)
            assert (error.away, error.uncertain) == (True, True)
            way.hears = True
            await door.notify(replace(LIFE[1], repeat=True))
            await door.notify(LIFE[2])
        heard = await consumer.heard()
    assert list(dict.fromkeys(event["id"] for event in heard)) == [one.event.id for one in LIFE]


async def test_m7_a_broker_that_stopped_answering_gets_a_new_client(server, monkeypatch):
    """Its connection is there, and nothing moves: after half a minute, here half a second."""
    monkeypatch.setattr(_link, "ANSWER_WITHIN", 0.5)
    kind, place = server
    async with CONSUMERS[kind](place) as consumer, brokers.cut(place) as way:
        async with door_to(kind, **{**consumer.settings(), "url": way.address}) as door:
            await door.notify(LIFE[0])
            way.hears = False
            error = await failure(door, LIFE[1])
            assert "no acknowledgement within 0.5 s" in error.detail
            way.hears = True
            await door.notify(LIFE[1])
        heard = await consumer.heard()
    assert {event["id"] for event in heard} == {one.event.id for one in LIFE[:2]}


async def test_m7_a_cluster_of_kafka_that_stands_still_is_given_up(monkeypatch):
    """The producer gives the message up first, and is given up with it; the next one succeeds."""
    from bellbuoy.notifiers import _kafka_client

    monkeypatch.setattr(_kafka_client, "GIVEN_UP_AFTER", 1.0)
    with brokers.kafka() as cluster:
        async with talk(("kafka", ",".join(cluster.servers))) as (door, consumer):
            await door.notify(LIFE[0])
            cluster.signal(signal.SIGSTOP)
            error = await failure(door, LIFE[1])
            cluster.signal(signal.SIGCONT)
            assert isinstance(error, DelayedError)
            assert (error.away, error.uncertain) == (True, True)
            await door.notify(LIFE[1])
            heard = await consumer.heard()
    assert list(dict.fromkeys(event["id"] for event in heard)) == [one.event.id for one in LIFE[:2]]


async def test_p8_a_stop_does_not_wait_for_a_cluster_that_is_away():
    """What could not be sent is in the store."""
    async with asyncio.timeout(10):
        async with door_to("kafka", servers=f"127.0.0.1:{brokers.free_port()}") as door:
            sending = asyncio.create_task(door.notify(LIFE[0]))
            await asyncio.sleep(0.5)
            sending.cancel()
            await asyncio.wait([sending])


async def test_a_redis_that_wants_a_password_says_how_to_give_it():
    """The right one is enough; neither is told."""
    with brokers.own("redis") as own:
        own.start("--requirepass", "s3cr3t-canary")
        await own.answers()
        for login in ("", ":wr0ng-canary@"):
            async with door_to("redis", url=f"redis://{login}127.0.0.1:{own.port}") as door:
                error = await failure(door)
            assert isinstance(error, DelayedError)
            assert "redis://USER:PASSWORD@HOST" in error.detail
            assert "canary" not in str(error)
        async with door_to("redis", url=f"redis://:s3cr3t-canary@127.0.0.1:{own.port}") as door:
            await door.notify(LIFE[0])


async def test_r2_a_rabbitmq_that_refuses_one_event_for_its_size_refuses_no_other(monkeypatch):
    """It closes the channel for it, on which others wait: those are tried again."""
    monkeypatch.setenv("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-rabbit max_message_size 4096")
    large = message(incident_event(incident="large", body="x" * 8000))
    small = [message(incident_event(incident=f"i{number}")) for number in range(20)]
    with brokers.own("rabbitmq") as own:
        own.start()
        await own.answers()
        async with talk(("rabbitmq", own.address)) as (door, consumer):
            await door.notify(LIFE[0])
            told = [*small[:10], large, *small[10:]]
            said = await asyncio.gather(*map(door.notify, told), return_exceptions=True)
            refused = [
                each.event.incident.id
                for each, answer in zip(told, said, strict=True)
                if isinstance(answer, RefusedError)
            ]
            assert refused == ["large"]
            for each, answer in zip(told, said, strict=True):
                if isinstance(answer, DelayedError):
                    await door.notify(each)
            heard = {event["id"] for event in await consumer.heard()}
    assert {each.event.id for each in small} <= heard


def test_r2_events_go_to_kafka_each_by_itself():
    """What is too large would be refused together with what shares a batch with it."""
    settings = NOTIFIERS["kafka"].Settings.model_validate({"servers": ["127.0.0.1:9092"]})
    options = _kafka_client._options(settings, lambda _: None)
    assert options["batch.num.messages"] == 1


async def test_a_nats_that_wants_a_password_says_how_to_give_it():
    """The right one is enough; neither is told."""
    with brokers.own("nats") as own:
        own.start("--user", "bell", "--pass", "s3cr3t-canary")
        await own.answers()
        async with door_to("nats", url=f"nats://bell:wr0ng-canary@127.0.0.1:{own.port}") as door:
            error = await failure(door)
        assert isinstance(error, DelayedError)
        assert "are refused; say them in `url`" in error.detail
        assert "canary" not in str(error)
        async with door_to("nats", url=f"nats://bell:s3cr3t-canary@127.0.0.1:{own.port}") as door:
            await door.notify(LIFE[0])


@pytest.fixture(scope="module")
def redis_server():
    """Where Redis is."""
    with brokers.server("redis") as server:
        yield server


@pytest.fixture(scope="module")
def nats_server():
    """Where NATS is."""
    with brokers.server("nats") as server:
        yield server


@pytest.fixture(scope="module")
def rabbitmq_server():
    """Where RabbitMQ is."""
    with brokers.server("rabbitmq") as server:
        yield server


async def test_a_rabbitmq_that_refuses_a_password_says_so(rabbitmq_server):
    """The wrong one is not told."""
    wrong = rabbitmq_server.replace("guest:guest", "guest:wr0ng-canary")
    assert wrong != rabbitmq_server
    async with door_to("rabbitmq", url=wrong) as door:
        error = await failure(door)
    assert isinstance(error, DelayedError)
    assert "user and password are refused" in error.detail
    assert "canary" not in str(error)


async def test_a_stream_of_redis_keeps_about_its_length(redis_server):
    """Whole blocks of a hundred entries go, as the server likes it."""
    async with talk(("redis", redis_server), max_length=200) as (door, consumer):
        told = [message(incident_event(incident=f"i{n}")) for n in range(600)]
        await asyncio.gather(*map(door.notify, told))
        assert 200 <= len(await consumer.heard()) < 400


async def test_a_name_that_is_no_stream_is_said(redis_server):
    """Something else stands there; the cure is another name."""
    async with talk(("redis", redis_server)) as (door, consumer):
        async with redis.asyncio.from_url(redis_server) as client:
            await client.set(consumer.name, "x")
        error = await failure(door)
    assert isinstance(error, DelayedError)
    assert "choose another `stream`" in error.detail


async def test_copies_that_are_wanted_and_not_there_are_said(redis_server, monkeypatch):
    """The entry is there, so the next attempt is a repeat."""
    monkeypatch.setattr(NOTIFIERS["redis"], "COPIES_WITHIN", 0.2)
    async with talk(("redis", redis_server), replicas=1) as (door, consumer):
        error = await failure(door)
        assert isinstance(error, DelayedError)
        assert "0 replicas of 0 and 1" in error.detail
        assert error.uncertain
        assert len(await consumer.heard()) == 1


async def answering(reader, writer):
    """A Redis as far as it takes to say what is on disk: 7.2 with `appendonly yes`."""
    while line := await reader.readline():
        parts = []
        for _ in range(int(line[1:])):
            length = int((await reader.readline())[1:])
            parts.append((await reader.readexactly(length + 2))[:-2])
        answers = {b"PING": b"+PONG", b"XADD": b"$3\r\n1-0", b"WAITAOF": b"*2\r\n:1\r\n:0"}
        writer.write(answers.get(parts[0].upper(), b"-ERR unknown command") + b"\r\n")
    writer.close()


async def test_an_entry_that_is_on_disk_is_waited_for():
    """By WAITAOF over the same connection, where the server has it."""
    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        async with door_to("redis", url=f"redis://127.0.0.1:{port}?protocol=2", disk=True) as door:
            assert (await door.notify(LIFE[0])).detail == "entry 1-0"
        async with door_to(
            "redis", url=f"redis://127.0.0.1:{port}?protocol=2", disk=True, replicas=1
        ) as door:
            assert "on 1 disks and 0 replicas of 1 and 1" in (await failure(door)).detail


async def test_a_redis_that_cannot_say_what_is_on_disk_says_what_it_takes():
    """An older server, or one without `appendonly`."""
    with brokers.own("redis") as own:
        own.start("--appendonly", "no")
        await own.answers()
        async with door_to("redis", url=own.address, disk=True) as door:
            error = await failure(door)
    assert isinstance(error, DelayedError)
    assert "`appendonly yes`" in error.detail
    assert error.uncertain


async def test_a_repeat_is_kept_out_by_jetstream(nats_server):
    """Its key is `Nats-Msg-Id`, and the stream that is made knows it for an hour."""
    async with talk(("nats", nats_server)) as (door, consumer):
        await door.notify(LIFE[0])
        again = await door.notify(replace(LIFE[0], repeat=True))
        assert again.detail.endswith("had it already")
        assert len(await consumer.heard()) == 1
        assert consumer.messages[0].subject == f"{consumer.name}.openai.incidents.i1.opened"
        client = await nats.connect(nats_server)
        made = (await client.jetstream().stream_info(consumer.name)).config
        await client.close()
    assert (made.duplicate_window, made.max_age, made.storage) == (3600, 90 * 86400, "file")


async def test_a_stream_that_is_there_is_left_as_it_is(nats_server):
    """And if it does not take our subjects, that is said until somebody adds them."""
    async with CONSUMERS["nats"](nats_server) as consumer:
        client = await nats.connect(nats_server, error_cb=no_word)
        jetstream = client.jetstream()
        await jetstream.add_stream(name=consumer.name, subjects=[f"{consumer.name}-other"])
        async with door_to("nats", **consumer.settings()) as door:
            error = await failure(door)
            assert isinstance(error, DelayedError)
            assert f"no stream takes {consumer.name}.>" in error.detail
            await jetstream.update_stream(name=consumer.name, subjects=[f"{consumer.name}.>"])
            await door.notify(LIFE[0])
        assert len(await consumer.heard()) == 1
        await client.close()


async def test_a_subject_that_another_stream_takes_is_said(nats_server):
    """Neither can a second stream take it, nor is the first one meant."""
    async with CONSUMERS["nats"](nats_server) as consumer:
        client = await nats.connect(nats_server, error_cb=no_word)
        await client.jetstream().add_stream(name=consumer.name, subjects=[f"{consumer.name}.>"])
        async with door_to("nats", **{**consumer.settings(), "stream": "another"}) as door:
            assert "choose another `subject`" in (await failure(door)).detail
        await client.close()


async def test_n3_an_event_that_nats_finds_too_large_is_refused(nats_server):
    """No later try could help; the next event goes out."""
    async with talk(("nats", nats_server)) as (door, consumer):
        error = await failure(door, message(incident_event(body="x" * 2_000_000)))
        assert isinstance(error, RefusedError)
        assert "max_payload" in error.detail
        await door.notify(LIFE[0])
        assert len(await consumer.heard()) == 1


async def test_n3_an_event_that_kafka_finds_too_large_is_refused():
    """No later try could help; the next event goes out."""
    with brokers.kafka() as cluster:
        async with talk(("kafka", ",".join(cluster.servers))) as (door, consumer):
            error = await failure(door, message(incident_event(body="x" * 2_000_000)))
            assert isinstance(error, RefusedError)
            assert "max.message.bytes" in error.detail
            await door.notify(LIFE[0])
            assert len(await consumer.heard()) == 1


async def test_what_reaches_no_queue_waits_until_there_is_one(rabbitmq_server):
    """It is given back, and the cure is said; with a queue it goes where that is bound."""
    async with CONSUMERS["rabbitmq"](rabbitmq_server) as consumer:
        async with door_to("rabbitmq", **consumer.settings(queue=None)) as door:
            error = await failure(door)
            assert isinstance(error, DelayedError)
            assert f"no queue takes what {consumer.name} gets" in error.detail
            connection = await aio_pika.connect(rabbitmq_server)
            async with connection, connection.channel() as channel:
                queue = await channel.declare_queue(consumer.name)
                await queue.bind(consumer.name, "openai.incidents.*.opened")
            await door.notify(LIFE[0])
            await failure(door, LIFE[1])
        assert [event["id"] for event in await consumer.heard()] == [LIFE[0].event.id]


async def test_a_queue_that_was_made_otherwise_is_said(rabbitmq_server):
    """It is not changed."""
    async with CONSUMERS["rabbitmq"](rabbitmq_server) as consumer:
        connection = await aio_pika.connect(rabbitmq_server)
        async with connection, connection.channel() as channel:
            await channel.declare_queue(consumer.name)
        async with door_to("rabbitmq", **consumer.settings()) as door:
            error = await failure(door)
    assert isinstance(error, DelayedError)
    assert "made otherwise: name another, or delete it" in error.detail


async def test_an_exchange_that_was_made_otherwise_is_said(rabbitmq_server):
    """It is not changed."""
    async with CONSUMERS["rabbitmq"](rabbitmq_server) as consumer:
        connection = await aio_pika.connect(rabbitmq_server)
        async with connection, connection.channel() as channel:
            await channel.declare_exchange(consumer.name, "fanout")
        async with door_to("rabbitmq", **consumer.settings()) as door:
            assert "made otherwise" in (await failure(door)).detail


def test_words_to_choose_by_are_short_and_have_no_meaning_to_a_broker():
    """Provider, thing, id, what happened; whatever the vendor calls it."""
    words = _cloudevents.words
    assert words(goldens.opened().event) == ("openai", "incidents", "i1", "opened")
    assert words(goldens.maintenance().event) == ("openai", "maintenances", "m1", "scheduled")
    assert words(component_event()) == ("openai", "components", "c1", "changed")
    assert words(monitor_event()) == ("bellbuoy", "monitor", "offline")
    for id in ("a.b *>#\n€", "https://x.example/" + "€" * 300, ".", "%"):
        found = words(incident_event(incident=id))
        assert all(0 < len(word) <= 100 and word.isascii() for word in found)
        assert not any(set(word) & set(". *>#\n") for word in found)
    assert words(incident_event(incident="x" * 101)) != words(incident_event(incident="x" * 102))


def test_all_of_an_event_as_json_is_the_event_with_extensions():
    """Nothing of it is lost."""
    told = goldens.updated()
    event = json.loads(_cloudevents.structured(told))
    attributes, content_type, data = _cloudevents.binary(told)
    assert event == {**attributes, "datacontenttype": content_type, "data": json.loads(data)}


@pytest.mark.parametrize(
    ("kind", "settings", "fault"),
    [
        ("redis", {"url": "http://h"}, "must be redis:// or rediss:// and a host"),
        ("redis", {"url": "redis://"}, "and a host"),
        ("redis", {"url": "redis://:pass#word@h"}, "written as %XX"),
        ("redis", {"url": "redis://h", "stream": "a b"}, "pattern"),
        ("redis", {"url": "redis://h", "max_length": 0}, "greater than or equal to 1"),
        ("nats", {"url": "nats://a,http://b"}, "must be nats:// or tls:// and a host"),
        ("nats", {"url": "nats://a", "stream": "a.b"}, "pattern"),
        ("nats", {"url": "nats://a", "subject": "a.>"}, "pattern"),
        ("rabbitmq", {"url": "redis://h"}, "must be amqp:// or amqps:// and a host"),
        ("rabbitmq", {"url": "amqp://h", "queue": "#"}, "pattern"),
        ("kafka", {"servers": []}, "at least 1 item"),
        ("kafka", {"servers": "kafka.example"}, "pattern"),
        ("kafka", {"servers": "h:9092", "user": "bell"}, "user and password belong together"),
        ("kafka", {"servers": "h:9092", "ca_file": "ca.pem"}, "say `tls: true`, too"),
        ("kafka", {"servers": "h:9092", "no": 1}, "Extra inputs"),
    ],
)
def test_a_bad_setting_is_said_with_its_cure(kind, settings, fault):
    """And never with what may be a secret."""
    with pytest.raises(ValidationError, match=fault) as caught:
        NOTIFIERS[kind].Settings.model_validate(settings)
    assert "pass#word" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_is_not_installed_is_named_with_its_cure(kind, monkeypatch):
    """As a problem of the config, and not as a failure of every delivery."""
    monkeypatch.setattr("bellbuoy.notifiers._brokers.find_spec", lambda name: None)
    settings = {"servers": "h:1"} if kind == "kafka" else {"url": "redis://h"}
    with pytest.raises(ValidationError, match=rf"pip install 'bellbuoy\[{kind}\]'"):
        NOTIFIERS[kind].Settings.model_validate(settings)


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_ca_file_that_cannot_be_used_is_said(kind, tmp_path):
    """Once the connection is made, not before: it may be there by then."""
    schemes = {"redis": "rediss", "nats": "tls", "rabbitmq": "amqps"}
    url = f"{schemes[kind]}://127.0.0.1:{brokers.free_port()}"
    async with door_to(kind, url=url, ca_file=tmp_path / "none.pem") as door:
        error = await failure(door)
    assert isinstance(error, DelayedError)
    assert "none.pem cannot be used: No such file" in error.detail
