"""The Grafana dashboard asks only for what there is."""

import json
import re
import subprocess

import pytest

from bellbuoy.observer import Recorded
from tests.deploy.shipped import (
    DASHBOARD,
    ROOT,
    alerts,
    expressions,
    figures,
    filled_in,
    installed,
    panels,
)
from tests.telemetry.scraped import FAILED, counted, samples


@pytest.fixture(scope="module")
def exported():
    """The names of all samples that are exported."""
    metrics = counted()
    metrics.visit_done(FAILED)
    metrics.recorded(Recorded(kinds=("incident.opened",)))
    names = {name for name, _ in samples(metrics)}
    # Only Linux tells of these (prometheus-client's ProcessCollector).
    return names | {
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    }


@pytest.mark.parametrize("where", expressions())
def test_every_figure_that_is_asked_for_is_exported(where, exported):
    """A panel of a figure that does not exist is empty, and looks like a quiet day."""
    asked = figures(expressions()[where])
    assert asked
    assert asked <= exported


def test_variables_and_alerts_speak_of_exported_figures(exported):
    """They fail in silence, too."""
    queries = [one["definition"] for one in DASHBOARD["templating"]["list"] if "definition" in one]
    assert len(queries) == 3
    for text in [*queries, *(rule["expr"] for rule in alerts())]:
        assert figures(text)
        assert figures(text) <= exported


def test_every_figure_of_ours_is_on_the_dashboard_or_in_an_alert(exported):
    """What nobody looks at need not be counted."""
    shown = figures(" ".join([*expressions().values(), *(rule["expr"] for rule in alerts())]))
    parts = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported | shown}
    used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    ours = {name for name in parts if name.startswith("bellbuoy_")}
    assert ours - used == {"bellbuoy_page_last_visit_timestamp_seconds"}


@installed
def test_prometheus_parses_every_expression(tmp_path):
    """As rules, because promtool checks those without a server."""
    rules = [
        {"record": f"panel:{number}", "expr": filled_in(expr)}
        for number, expr in enumerate(expressions().values())
    ]
    (tmp_path / "all.json").write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    command = ["promtool", "check", "rules", str(tmp_path / "all.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_panels_do_not_lie_on_each_other():
    """Each has a place of its own within the 24 columns, and an id of its own."""
    taken = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_every_panel_asks_the_chosen_prometheus():
    """So that the dashboard works wherever it is imported."""
    for panel in panels():
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    first = DASHBOARD["templating"]["list"][0]
    assert (first["name"], first["type"]) == ("datasource", "datasource")


def test_the_dashboard_names_no_host_and_no_other_place():
    """It was made for everybody."""
    text = (ROOT / "deploy" / "grafana" / "bellbuoy.json").read_text("utf-8")
    assert "http://" not in text
    assert "https://" not in text
