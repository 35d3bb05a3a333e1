"""What works, but perhaps not as meant: `doubtful/<doubt>.yaml`, and beside it the warnings."""

from pathlib import Path

import pytest

from bellbuoy.config.load import load_config

FOLDER = Path(__file__).parent / "doubtful"
DOUBTS = sorted(path.name for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", DOUBTS)
def test_a_doubtful_config_is_read_and_warned_of_with_file_line_key_and_cure(name, monkeypatch):
    """Each doubt is told in exactly the words that stand beside it, and nothing else is."""
    monkeypatch.chdir(FOLDER)
    warnings = load_config(name, env={}).warnings
    assert "\n".join(warnings) + "\n" == (FOLDER / name).with_suffix(".txt").read_text("utf-8")


def test_c13_paging_on_impact_alone_is_among_them():
    """Impact is derived from components: whoever pages on it alone should wait a moment."""
    assert "c13-paging-on-impact-alone.yaml" in DOUBTS


def test_c13_a_receiver_of_an_unknown_shape_is_no_pager(tmp_path):
    """What is wrong with a receiver is told as a problem, and the doubt does not get in its way."""
    path = tmp_path / "bellbuoy.yaml"
    path.write_text("receivers: {a: pagerduty}\nroutes: [{to: a, when: {impacts: major}}]\n")
    with pytest.raises(Exception, match="must be a mapping"):
        load_config(str(path), env={})
