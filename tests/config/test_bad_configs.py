"""One bad config per fault: `bad/<fault>.yaml`, and beside it exactly what a person is told."""

from pathlib import Path

import pytest

from bellbuoy.config.load import load_config
from bellbuoy.errors import ConfigError, PluginError
from tests.config.conftest import TOKEN
from tests.moments import least_cpu

FOLDER = Path(__file__).parent / "bad"
FAULTS = sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".txt")


def told(name: str, kinds, env) -> str:
    """What a person is told of a bad config, without the address of this folder."""
    with pytest.raises(ConfigError) as caught:
        load_config(name, env=env, notifiers=kinds)
    return "\n".join(caught.value.problems).replace(str(FOLDER), "FOLDER") + "\n"


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_config_is_refused_with_file_line_key_and_cure(name, kinds, env, monkeypatch):
    """Each fault is told in exactly the words that stand beside it."""
    monkeypatch.chdir(FOLDER)
    assert told(name, kinds, env) == (FOLDER / name).with_suffix(".txt").read_text("utf-8")


@pytest.mark.parametrize("name", FAULTS)
def test_w8_no_problem_shows_a_secret(name, kinds, env, monkeypatch):
    """What came from the environment is never repeated, whatever is wrong with it."""
    monkeypatch.chdir(FOLDER)
    assert TOKEN not in told(name, kinds, env)


def test_every_expected_text_belongs_to_a_config():
    """No text is left over from a fixture that went away."""
    texts = {path.stem for path in FOLDER.glob("*.txt")}
    assert texts == {Path(name).stem for name in FAULTS}


def test_w7_a_bomb_of_aliases_is_refused_in_less_than_a_second(kinds, env, monkeypatch):
    """Nine lines that would grow to a billion values cost no more than nine lines."""
    monkeypatch.chdir(FOLDER)

    def act():
        assert "is an alias" in told("alias-bomb.yaml", kinds, env)

    assert least_cpu(act, enough=1) < 1


def test_a_plugin_that_is_missing_is_a_plugin_error(kinds, env, monkeypatch):
    """The error names its kind, so that a caller can tell it from a mistake in the file."""
    monkeypatch.chdir(FOLDER)
    with pytest.raises(PluginError, match="acme-status"):
        load_config("unknown-plugin.yaml", env=env, notifiers=kinds)
