"""The published JSON Schema of the config."""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from bellbuoy.config.schema import config_schema
from tests.config.test_load import EXAMPLE

PUBLISHED = Path(__file__).parents[2] / "docs" / "config.schema.json"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    """A validator of the schema as the code makes it."""
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_published_schema_is_the_one_of_the_code():
    """If not: python -m bellbuoy.config.schema > docs/config.schema.json."""
    assert json.loads(PUBLISHED.read_text("utf-8")) == config_schema()


def test_the_example_is_valid(validator):
    """What people copy is good for their editors too."""
    validator.validate(YAML(typ="safe", pure=True).load(EXAMPLE))


@pytest.mark.parametrize(
    "bad",
    [
        {"provider": []},
        {"providers": [42]},
        {"providers": [{"name": "A", "ulr": "x"}]},
        {"http": {"seats": 0}},
        {"http": {"timeout": "soon"}},
        {"routes": [{"when": {}}]},
        {"receivers": {"ops": {}}},
    ],
)
def test_faults_are_found_by_editors(validator, bad):
    """Misspelt keys, missing keys, values out of range."""
    assert not validator.is_valid(bad)
