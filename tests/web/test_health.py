"""Health, readiness and figures, for what watches the watcher."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bellbuoy.telemetry.metrics import Metrics
from bellbuoy.web.application import application
from bellbuoy.web.site import Site
from tests.web.sites import CLOSED, METRICS_TOKEN, NOW, READ_TOKEN, everyday, open_site


@pytest.mark.parametrize("web", [CLOSED])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_needs_neither_a_token_nor_our_name(client, path):
    """An orchestrator asks by whatever address it has."""
    answer = await client.get(path, headers={"host": "10.0.0.7:8484"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.head(path)).status_code == 200


async def test_it_is_not_ready_while_it_stops_and_says_so(site, client):
    """And it still lives."""
    assert (await client.get("/readyz")).json() == {"ready": True, "reasons": []}
    site.app.request_stop()
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": ["it is stopping"]}
    assert (await client.get("/healthz")).text == "ok\n"


async def test_it_is_not_ready_once_a_task_died(site, client):
    """Half a monitor looks like a quiet day; why is told by kind alone."""

    async def die():
        raise ValueError("a secret")

    site.app._start("worker", die())
    await site.app._over.wait()
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"][0] == "a task died: worker (ValueError)"
    assert "secret" not in answer.text


async def test_figures_are_prometheus_text_and_need_their_token():
    """Where metrics have a token of their own, that of reading is not enough."""
    seen = everyday()
    async with open_site(seen, web=CLOSED) as bare:
        metrics = Metrics([one.page for one in seen.pages])
        metrics.woke(0.002)
        site = Site(bare.app, CLOSED, bare.overview, metrics)
        whole = application(site, clock=lambda: 0.0, now=NOW.timestamp)
        transport = httpx.ASGITransport(whole)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answers = [
                await client.get("/metrics", headers={"authorization": f"Bearer {token}"})
                for token in ("x", READ_TOKEN, METRICS_TOKEN)
            ]
    assert [answer.status_code for answer in answers] == [401, 401, 200]
    assert answers[2].headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(answers[2].text)}
    pages = {sample.labels.get("page") for sample in families["bellbuoy_polls"].samples}
    assert pages == {one.page.key for one in seen.pages}
    assert families["bellbuoy_event_loop_lag_seconds"].samples[-1].value > 0


async def test_where_nothing_is_counted_there_are_no_figures(client):
    """A site without metrics says so, and is no empty success."""
    assert (await client.get("/metrics")).status_code == 404
