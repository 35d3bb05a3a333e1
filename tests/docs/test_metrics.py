"""docs/metrics.md names every figure, as it is exported."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bellbuoy.telemetry.stock import COMPONENTS_A_PAGE, COMPONENTS_IN_ALL
from tests.docs.pages import rows, text
from tests.telemetry.scraped import FAILED, FULL, counted


def exported():
    """Every family that is exported, with its type and its labels, by the name of its samples."""
    metrics = counted()
    metrics.visit_done(FAILED)
    found = {}
    for family in text_string_to_metric_families(metrics.render(FULL).decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found[name] = (family.type, labels)
    return found


@pytest.mark.parametrize("name", exported())
def test_every_figure_is_described_with_its_type_and_its_labels(name):
    """The library's own are only named."""
    kind, labels = exported()[name]
    if not name.startswith("bellbuoy_"):
        assert f"`{name}`" in text("docs/metrics.md")
        return
    told_kind, told_labels, meaning = rows("docs/metrics.md")[name]
    assert told_kind == kind
    assert set(re.findall(r"`(\w+)`", told_labels)) == labels
    assert meaning


def test_no_figure_is_described_that_is_not_there():
    """A table that promises more would be a panel that stays empty."""
    described = {name for name in rows("docs/metrics.md") if name.startswith("bellbuoy_")}
    assert described == {name for name in exported() if name.startswith("bellbuoy_")}


def test_the_caps_are_told():
    """As they are in the code."""
    page = text("docs/metrics.md")
    assert f"**{COMPONENTS_A_PAGE} components of a page**" in page
    assert f"**{COMPONENTS_IN_ALL:,} of all pages**" in page
