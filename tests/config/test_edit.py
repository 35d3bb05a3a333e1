"""Adding a provider to a file that a person wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.catalog import DEFAULTS
from bellbuoy.config.document import parse_document
from bellbuoy.config.edit import add_provider, added, stanza_text
from bellbuoy.config.load import load_config
from bellbuoy.errors import ConfigError

ACME = {"name": "Acme: #1", "url": "https://status.acme.example", "format": "statuspage"}
LINES = """\
- name: "Acme: #1"
  url: https://status.acme.example
  format: statuspage"""


def test_comments_and_layout_stay():
    """Everything that was there is there, to the letter; the new lines are indented alike."""
    before = (
        "# ours\nproviders:\n    - github   # the   forge\n\n    -   openai: {every: 1m}  # x\n\n"
        "# destinations\nreceivers: {}\n\n\nhttp: {proxy: null}\n"
    )
    after = added(before, "stripe", "f")
    new = "    - stripe\n"
    assert after.replace(new, "") == before
    assert after.index(new) == before.index("\n# destinations")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("providers:\n- github\nstore: x\n", "providers:\n- github\n- stripe\nstore: x\n"),
        ("providers:\n  - github", "providers:\n  - github\n  - stripe\n"),
        ("providers:\r\n  - github\r\n", "providers:\r\n  - github\r\n  - stripe\r\n"),
        ("providers:\n  - openai:\n  # end\n", "providers:\n  - openai:\n  - stripe\n  # end\n"),
        ("providers: [github] # x\n", 'providers: [github, "stripe"] # x\n'),
        ("providers: [\n  github,\n]\n", 'providers: [\n  github, "stripe",\n]\n'),
        ("providers: []\n", 'providers: ["stripe"]\n'),
        ('{"providers": ["x"],\n\t"store": 1}', '{"providers": ["x", "stripe"],\n\t"store": 1}'),
        ("providers:\n  - |\n    a\nstore: x", "providers:\n  - |\n    a\n  - stripe\nstore: x"),
        ("'providers':\n  - x\n...\n", "'providers':\n  - x\n  - stripe\n...\n"),
        ("a: {providers: [x]}\nproviders: [y]", 'a: {providers: [x]}\nproviders: [y, "stripe"]'),
    ],
)  # fmt: skip
def test_each_layout_is_continued(before, after):
    """Block and flow, JSON, other line ends, no line end, a document's end."""
    assert added(before, "stripe", "f") == after


def test_a_page_is_added_with_its_keys():
    """Texts that YAML would take for something else are put between quotes."""
    assert stanza_text(ACME) == LINES
    data = parse_document(added("providers:\n  - github\n", ACME, "f"), "f", {}).data
    assert data == {"providers": ["github", ACME]}


@pytest.mark.parametrize("before", ["", "# only words\n", "store: x.db\n", "providers: # none\n"])
def test_where_no_provider_is_named_the_default_set_is_written_out(before):
    """Adding one must not end the watch over the five that were watched so far."""
    data = parse_document(added(before, ACME, "f"), "f", {}).data
    assert data["providers"] == [*DEFAULTS, ACME]


def test_what_cannot_be_edited_safely_is_given_to_paste():
    """A JSON file without the key is left alone."""
    with pytest.raises(ConfigError, match=r"cannot be edited safely; add this to providers:\n- "):
        added('{"store": "x"}', ACME, "f")


@given(
    st.dictionaries(
        st.sampled_from(["name", "url", "format", "every"]),
        st.text(st.characters(exclude_categories=("Cs", "Cc"))).filter(lambda t: "${" not in t)
        | st.integers(0, 100),
        min_size=1,
    )
)
def test_any_stanza_comes_back_as_it_went_in(stanza):
    """Whatever a page calls itself."""
    data = parse_document(f"providers:\n{stanza_text(stanza, 2)}\n", "f", {}).data
    assert data == {"providers": [stanza]}


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path):
    """A link stays a link, and no temporary file is left."""
    real = tmp_path / "real.yaml"
    real.write_text("providers:\n  - github\n")
    real.chmod(0o600)
    link = tmp_path / "bellbuoy.yaml"
    link.symlink_to(real)
    add_provider(link, "stripe")
    assert link.is_symlink()
    assert real.read_text() == "providers:\n  - github\n  - stripe\n"
    assert real.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bellbuoy.yaml", "real.yaml"]


def test_a_file_is_created_where_there_is_none(tmp_path):
    """And it is a good config."""
    path = tmp_path / "new" / "bellbuoy.yaml"
    add_provider(path, {"name": "Acme", "url": "https://status.acme.example"})
    watched = load_config(str(path), env={}).watched
    assert [one.page.provider.slug for one in watched] == [*DEFAULTS, "acme"]


def test_a_broken_file_is_not_touched(tmp_path):
    """The error names its line."""
    path = tmp_path / "bad.yaml"
    path.write_text("providers: [github\n")
    with pytest.raises(ConfigError, match=r"bad\.yaml:2: not readable"):
        add_provider(path, "stripe")
    assert path.read_text() == "providers: [github\n"
