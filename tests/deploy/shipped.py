"""The dashboard and the rules as data, and every figure that they may speak of."""

import json
import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "rules.yaml"
PLAYED = PROMETHEUS / "rules.test.yaml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "bellbuoy.json").read_text("utf-8"))

installed = pytest.mark.skipif(
    shutil.which("promtool") is None or shutil.which("prometheus") is None,
    reason="there is no Prometheus here (Debian's package prometheus)",
)


def read(path):
    """A YAML file."""
    return YAML(typ="safe").load(path)


def alerts():
    """The shipped alerts."""
    return [rule for group in read(RULES)["groups"] for rule in group["rules"]]


def panels():
    """The panels that show something: all but the headings."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions():
    """What the dashboard asks, by where it asks it."""
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel["targets"]
    }
    found |= {one["name"]: one["expr"] for one in DASHBOARD["annotations"]["list"]}
    return found


def filled_in(expr):
    """An expression as Grafana sends it, with everything chosen."""
    filled = expr.replace("$__rate_interval", "1m").replace("$__range", "1h")
    return re.sub(r"\$(instance|provider|receiver)\b", ".*", filled)


def figures(text):
    """The names of figures in an expression."""
    return set(re.findall(r"\b(?:bellbuoy|process)_\w+", text))
