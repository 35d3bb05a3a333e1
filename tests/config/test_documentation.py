"""The documentation of the config: complete, and true because it is executed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from bellbuoy import notifiers
from bellbuoy.config.load import load_config
from bellbuoy.config.problems import OLDER
from bellbuoy.config.schema import (
    AuthEntry,
    ConfigFile,
    DisplayEntry,
    ExpectEntry,
    HeartbeatEntry,
    HttpEntry,
    MaintenanceEntry,
    MatcherEntry,
    PageEntry,
    PluginNames,
    QuietEntry,
    RouteEntry,
    ServiceEntry,
    WebEntry,
)
from tests.docs.test_blocks import ENV

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
ROWS = {
    cells[0].strip("` "): [cell.strip() for cell in cells[1:]]
    for line in TEXT.splitlines()
    if line.startswith("| `")
    for cells in [line.strip().strip("|").split(" | ")]
}
SECTIONS: dict[str, type[BaseModel]] = {
    "": ConfigFile,
    "providers[].": PageEntry,
    "providers[].expect.": ExpectEntry,
    "routes[].": RouteEntry,
    "routes[].when.": MatcherEntry,
    "routes[].maintenance.": MaintenanceEntry,
    "routes[].quiet.": QuietEntry,
    "services.NAME.": ServiceEntry,
    "heartbeat.": HeartbeatEntry,
    "web.": WebEntry,
    "web.auth.": AuthEntry,
    "http.": HttpEntry,
    "display.": DisplayEntry,
    "plugins.": PluginNames,
}


def keys() -> Iterator[str]:
    """Every key that a person may write, as the documentation spells it."""
    for prefix, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            if field.json_schema_extra == OLDER:
                yield name
            elif name not in {"http", "display"}:
                yield f"{prefix}{field.alias or name}"
    yield "receivers.NAME.kind"
    for kind in notifiers.builtin_kinds():
        for name, field in notifiers.Notifiers()[kind].Settings.model_fields.items():
            yield f"{kind}.{field.alias or name}"


def load(text: str, tmp_path: Path):
    """Read a config with the built-in kinds."""
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(text, "utf-8")
    return load_config(str(path), env=ENV)


@pytest.mark.parametrize("key", sorted(set(keys())))
def test_every_key_is_documented(key):
    """With its meaning, its default and an example or the reason why it differs."""
    assert key in ROWS, f"docs/configuration.md has no row for `{key}`"
    assert len(ROWS[key]) == 3
    assert all(ROWS[key])


def test_no_row_is_about_a_key_that_went_away():
    """The tables hold nothing else."""
    assert ROWS.keys() <= set(keys())


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_block_is_a_good_config(block, tmp_path):
    """What people copy works, without a warning."""
    assert load(block, tmp_path).warnings == ()


@pytest.mark.parametrize("key", sorted(key for key in ROWS if ROWS[key][-1].startswith("`")))
def test_every_example_of_a_row_is_a_good_config_that_holds_the_key(key, tmp_path):
    """Each example can be tried alone; an older key has a reason in its place."""
    example = ROWS[key][-1].strip("`")
    load(example, tmp_path)
    assert key.rpartition(".")[2].partition("[")[0] in example
