"""Whatever stands in a config, a person is told what is wrong with it."""

import json
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.config.load import load_config
from bellbuoy.config.schema import HttpEntry, MatcherEntry, PageEntry
from bellbuoy.errors import ConfigError
from tests.config.conftest import Settings

WORDS = st.sampled_from(
    ["github", "githb", "ops", "https://a.example", "file:///x", "30s", "5", ">=major", "incident",
     "chat", "${TOKEN}", "${", "file:x", "*", "", "UTC", "10.0.0.0/8", "feed", "\U0001f600", "a\nb"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | WORDS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=2)
)


def mapping(model, *more: str):
    """A mapping whose keys are mostly known."""
    return st.dictionaries(st.sampled_from([*model.model_fields, *more, "x"]), VALUES, max_size=3)


PAGES = mapping(PageEntry) | st.dictionaries(WORDS, mapping(PageEntry) | st.none(), max_size=2)
ROUTES = st.fixed_dictionaries(
    {}, optional={"to": VALUES, "when": mapping(MatcherEntry) | VALUES, "late": VALUES}
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "providers": st.lists(PAGES | VALUES, max_size=3) | VALUES,
        "receivers": st.dictionaries(WORDS, mapping(Settings, "kind") | VALUES, max_size=2)
        | VALUES,
        "routes": st.lists(ROUTES | VALUES, max_size=2) | VALUES,
        "http": mapping(HttpEntry) | VALUES,
        "display": st.fixed_dictionaries({}, optional={"timezone": VALUES}) | VALUES,
        "plugins": VALUES,
        "store": VALUES,
        "retention": VALUES,
    },
)


@given(CONFIGS)
def test_any_config_is_good_or_refused_with_its_line(tmp_path_factory, config):
    """No other exception leaves, and every problem and warning begins with the file."""
    path = tmp_path_factory.mktemp("garbage") / "bellbuoy.yaml"
    path.write_text(json.dumps(config), "utf-8")
    chat = {"chat": SimpleNamespace(KIND="chat", Settings=Settings)}
    try:
        said = load_config(str(path), env={"TOKEN": "canary-5e2f77"}, notifiers=chat).warnings
    except ConfigError as error:
        said = error.problems
    assert all(line.startswith(f"{path}:1: ") for line in said)
    assert all("\n" not in line and "canary" not in line for line in said)
