"""Alerts over real sockets: through the whole monitor, and at a real Alertmanager."""

import asyncio
import json
import re
import shutil
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.request import urlopen

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.app import App
from bellbuoy.config.load import load_config
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.model.delivery import Occasion
from bellbuoy.notifiers import Digest, alertmanager
from bellbuoy.stores.memory import MemoryStore
from bellbuoy.testing.events import sample_events
from tests.cli.pages import incident, served, statuspage
from tests.event_samples import message
from tests.notifiers.fakes.alertmanager import AlertmanagerFake
from tests.notifiers.test_alertmanager import OPENED, RAISED, RESOLVED, hostile, instant


async def test_a_life_at_the_pretend_alertmanager():
    """Over a real socket, behind a proxy with a password."""
    async with AlertmanagerFake() as fake, Driver(HttpSettings()) as driver:
        said = alertmanager.Settings.model_validate(fake.settings())
        reference = ""
        for event, severities in ((OPENED, ["warning"]), (RAISED, ["critical"]), (RESOLVED, [])):
            told = replace(message(event), reference=reference, sent_at=int(time.time()))
            receipt = await driver.send(alertmanager.notify(told, said), timeout=5)
            reference = receipt.reference or reference
            assert [labels["severity"] for labels in fake.firing()] == severities
        assert fake.complaints == []


async def test_what_stays_open_is_renewed_by_the_monitor(tmp_path):
    """Two looks at the same page, four minutes and a bit apart: the second one renews."""
    counts = []
    path = tmp_path / "bellbuoy.yaml"
    async with AlertmanagerFake() as fake:
        with served(statuspage(incident())) as page:
            path.write_text(
                f"http: {{allow_private: [127.0.0.0/8]}}\n"
                f"providers: [{{name: Acme, url: '{page}', format: statuspage}}]\n"
                f"receivers: {{am: {json.dumps({'kind': 'alertmanager', **fake.settings()})}}}\n"
                "routes: [{to: am}]\n"
            )
            config, store = load_config(str(path), env={}), MemoryStore()
            for ahead in (timedelta(), timedelta(seconds=200), timedelta(seconds=241)):
                clock = partial(lambda ahead: datetime.now(UTC) + ahead, ahead)
                async with App(config, once=True, store=store, now=clock) as app:
                    await app.stopped()
                assert fake.complaints == []
                counts.append(len(fake.heard))
    assert counts == [1, 1, 2]
    assert fake.heard[0] == fake.heard[1]


BINARY = next(filter(None, map(shutil.which, ("alertmanager", "prometheus-alertmanager"))), None)
real = pytest.mark.skipif(
    BINARY is None,
    reason="there is no Alertmanager here (Debian's package prometheus-alertmanager)",
)
CONFIG = """
route: {receiver: us, group_by: ["..."], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: us, webhook_configs: [{url: "%s", send_resolved: true}]}]
"""


@asynccontextmanager
async def real_alertmanager(folder, hook="http://127.0.0.1:9/"):
    """A real Alertmanager on a free port that notifies this address; its own address."""
    (folder / "am.yml").write_text(CONFIG % hook)
    process = await asyncio.create_subprocess_exec(
        BINARY,
        f"--config.file={folder / 'am.yml'}",
        f"--storage.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        while not (found := re.search(rb'Listening on"? .*?address=(\S+)', await line(process))):
            pass
        # What it goes on to say must be read, or it waits for that.
        reading = asyncio.create_task(process.stderr.read())
        yield f"http://{found[1].decode()}"
        process.terminate()
        await reading
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def line(process):
    """The next line that a program says; it ends the test if there is none."""
    said = await process.stderr.readline()
    assert said, "it ended"
    return said


@asynccontextmanager
async def notified():
    """An address that Alertmanagers may notify, and the notifications, each as they come."""
    told = asyncio.Queue()

    async def take(request):
        said = await request.json()
        told.put_nowait([(one["status"], one["labels"]["severity"]) for one in said["alerts"]])
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", told
    finally:
        await runner.cleanup()


def now(event, **rest):
    """A message that is sent at this moment of the real clock."""
    return replace(message(event, **rest), sent_at=int(time.time()))


@real
async def test_a_real_alertmanager_notifies_once_for_each_thing_that_changed(tmp_path):
    """A beginning, a raised severity and an end are told to people; renewals are not."""
    async with (
        notified() as (hook, told),
        real_alertmanager(tmp_path, hook) as url,
        Driver(HttpSettings()) as driver,
    ):
        said = alertmanager.Settings(url=url)

        async def tell(message, reference=""):
            exchange = alertmanager.notify(replace(message, reference=reference), said)
            return (await driver.send(exchange, timeout=5)).reference

        reference = await tell(now(OPENED))
        assert await told.get() == [("firing", "warning")]
        for _ in range(3):
            await tell(now(OPENED, occasion=Occasion.REMINDER), reference)
        reference = await tell(now(RAISED), reference)
        two = [*await told.get(), *await told.get()]
        assert sorted(two) == [("firing", "critical"), ("resolved", "warning")]
        await tell(now(RAISED, occasion=Occasion.REMINDER), reference)
        await tell(now(RESOLVED), reference)
        assert await told.get() == [("resolved", "critical")]
        assert told.empty()


@real
async def test_a_real_alertmanager_takes_every_kind_of_event(tmp_path):
    """What fires is what is open: one alert for each thing, with the end that we gave it."""
    async with real_alertmanager(tmp_path) as url, Driver(HttpSettings()) as driver:
        said = alertmanager.Settings(url=url, labels={"team": "web"})
        for event in sample_events():
            await driver.send(alertmanager.notify(now(event), said), timeout=5)
        messages = tuple(map(now, sample_events()))
        digest = Digest(id="d", messages=messages, sent_at=int(time.time()))
        before = time.time()
        await driver.send(alertmanager.digest(digest, said), timeout=5)
        with await asyncio.to_thread(urlopen, f"{url}/api/v2/alerts") as answer:
            found = json.load(answer)
    assert found
    assert all(one["labels"]["team"] == "web" for one in found)
    for one in found:
        assert instant(one["endsAt"]).timestamp() == pytest.approx(before + 720, abs=60)


@real
async def test_j7_a_real_alertmanager_refuses_no_text_of_a_vendor(tmp_path):
    """Whatever stands in a title, a name or an address, nothing is lost because of it."""
    async with real_alertmanager(tmp_path) as url, Driver(HttpSettings()) as driver:
        said = alertmanager.Settings(url=url)
        loop = asyncio.get_running_loop()

        async def tell(message):
            await driver.send(alertmanager.notify(message, said), timeout=5)

        @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors])
        @given(text=st.text(), name=st.text(min_size=1), link=st.text())
        def try_all(text, name, link):
            for event in hostile(text, name, link):
                asyncio.run_coroutine_threadsafe(tell(now(event)), loop).result(10)

        await asyncio.to_thread(try_all)
