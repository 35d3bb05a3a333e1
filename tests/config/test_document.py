"""YAML and JSON as plain values with lines."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.config.document import parse_document
from bellbuoy.errors import ConfigError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))).filter(
        lambda text: "${" not in text
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcdefgh_", min_size=1, max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def read(text: str, **env: str):
    """The values of a text without faults."""
    document = parse_document(text, "f", env)
    assert document.problems == []
    return document.data


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("22:00", "22:00"), ("no", "no"), ("on", "on"), ("0777", 777), ("0o17", 15),
        ("0x1F", 31), ("1_000", "1_000"), ("1e3", 1000.0), (".5", 0.5), ("~", None),
        ("", None), ("null", None), ("TRUE", True), ("False", False), ("'1'", "1"),
        ('"true"', "true"), ("2026-02-23", "2026-02-23"), ("=", "="), ("30s", "30s"),
        ("-.inf", float("-inf")),
    ],
)  # fmt: skip
def test_plain_words_mean_what_yaml_1_2_says(scalar, value):
    """Times, `no` and dates stay text."""
    assert read(f"a: {scalar}") == {"a": value}


@given(JSON)
def test_json_means_the_same_through_this_door(value):
    """Whatever json writes, in either layout, is read back."""
    data = {"top": value}
    assert read(json.dumps(data)) == data
    assert read(json.dumps(data, indent="\t", ensure_ascii=False)) == data


def test_every_value_knows_its_line():
    """Keys, list items and what stands on many lines."""
    document = parse_document("a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n", "f", {})
    assert [document.line(place) for place in [("a",), ("b", 0), ("b", 1, "c"), ("b", 1, "d")]] == [
        1, 3, 4, 5,
    ]  # fmt: skip
    assert document.line(("b", 1, "missing", 7)) == 4


def test_variables_are_put_in_and_hidden_in_texts():
    """A value that came from the environment shows as the variable it came from."""
    document = parse_document('a: "x${KEY}y"', "f", {"KEY": "canary"})
    assert document.data == {"a": "xcanaryy"}
    assert document.redact("bad xcanaryy") == "bad x${KEY}y"


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_read_or_refused_as_a_config(text):
    """No foreign exception leaves, whatever is in the file."""
    try:
        problems = [f"f: {text}" for _, _, text in parse_document(text, "f", {}).problems]
    except ConfigError as error:
        problems = list(error.problems)
    assert all(problem.startswith("f:") for problem in problems)
