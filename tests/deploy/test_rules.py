"""The alerting rules, checked and played by Prometheus itself."""

import asyncio
import json
import re
import subprocess
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from bellbuoy.model.delivery import DeliveryStatus
from tests.deploy.shipped import (
    PLAYED,
    PROMETHEUS,
    ROOT,
    RULES,
    alerts,
    expressions,
    filled_in,
    installed,
    read,
)
from tests.telemetry.scraped import FAILED, FULL, attempt, counted, visit

MAY_BE_EMPTY = {
    "Disabled receivers A",
    "Events recorded, by kind A",
    "Pages that could not be read A",
    "Restarts",
}
"""What the dashboard asks that has no answer on a day without trouble."""


def promtool(*arguments):
    """Run it; what it says."""
    command = ["promtool", *arguments]
    done = subprocess.run(
        command, cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@installed
def test_prometheus_takes_the_scrape_config_and_the_rules():
    """Syntax, expressions and templates."""
    said = promtool("check", "config", "scrape.yaml")
    assert f"{len(alerts())} rules found" in said


@installed
def test_the_rules_alert_when_they_should_and_only_then():
    """The cases of rules.test.yaml, which ships beside them."""
    assert "SUCCESS" in promtool("test", "rules", PLAYED.name)


def test_every_alert_is_played():
    """There is a case in which it fires."""
    played = {
        test["alertname"]
        for case in read(PLAYED)["tests"]
        for test in case.get("alert_rule_test", [])
        if test["exp_alerts"]
    }
    assert played == {rule["alert"] for rule in alerts()}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_is_wrong_and_where_to_read_what_to_do(rule):
    """Its part of docs/metrics.md is there."""
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    assert re.search(rf"^### {rule['alert']}$", (ROOT / page).read_text("utf-8"), re.MULTILINE)


@asynccontextmanager
async def exporter():
    """Our figures on a free port: counters grow with each scrape; its address."""
    metrics = counted()

    async def scraped(_request):
        for each in (visit(), visit("changed"), FAILED):
            metrics.visit_done(each)
        metrics.woke(0.002)
        metrics.attempted(attempt(DeliveryStatus.DONE))
        return web.Response(body=metrics.render(FULL), content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", scraped)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield "{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


@asynccontextmanager
async def real_prometheus(folder, target):
    """A real Prometheus on a free port that scrapes this target each second; its address."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{"job_name": "bellbuoy", "static_configs": [{"targets": [target]}]}],
        "rule_files": [str(RULES)],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        address = None
        while address is None:
            said = await process.stderr.readline()
            assert said, "it ended"
            found = re.search(rb'Listening on"? address=(\S+)', said)
            address = found[1].decode() if found else None
        reading = asyncio.create_task(process.stderr.read())
        yield f"http://{address}"
        process.terminate()
        await reading
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def answer(http, base, expr):
    """What it answers to an expression: samples; none while it begins."""
    async with http.get(f"{base}/api/v1/query?query={quote(filled_in(expr))}") as response:
        if response.status == 503:
            return []
        said = await response.json()
    assert said["status"] == "success", (expr, said)
    return said["data"]["result"]


async def until(http, base, expr):
    """Wait until it has an answer to an expression."""
    for _ in range(200):
        if await answer(http, base, expr):
            return
        await asyncio.sleep(0.3)
    raise AssertionError(f"no answer: {expr}")


@installed
@pytest.mark.timeout(180)
async def test_a_real_prometheus_answers_every_panel_of_the_dashboard(tmp_path):
    """It scrapes our figures, evaluates our rules, and no panel of a busy monitor is empty."""
    async with (
        exporter() as target,
        real_prometheus(tmp_path, target) as base,
        aiohttp.ClientSession() as http,
    ):
        await until(http, base, "count_over_time(bellbuoy_ready[1m]) > 4")
        answers = {where: await answer(http, base, expr) for where, expr in expressions().items()}
        async with http.get(f"{base}/api/v1/rules") as response:
            (group,) = (await response.json())["data"]["groups"]
        await until(http, base, 'ALERTS{alertname="VendorIncidentCritical"}')
    empty = {where for where, found in answers.items() if not found}
    assert empty <= MAY_BE_EMPTY
    assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}
    assert len(group["rules"]) == len(alerts())
