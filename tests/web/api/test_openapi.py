"""The description of the API: complete, true, and without anything that a stranger could find."""

import asyncio
import itertools
import json
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from bellbuoy.config.web import Web
from bellbuoy.web.api import openapi
from bellbuoy.web.application import application, routes
from bellbuoy.web.server import address_of, listen, serving
from tests.web.sites import WRITE_TOKEN

HAS_BODY = ("200", "201", "202")


@pytest.fixture
def document(site):
    """The description, as it is served."""
    return openapi.document(routes(site))


def operations(document):
    """Every operation with its method and path."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def resolved(document, schema):
    """A schema that can be validated against by itself."""
    return {**schema, "components": document["components"]}


def test_every_operation_is_described_with_an_example_of_its_answer(document):
    """And its parameters too; the example is what its schema says."""
    count = 0
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"].strip().endswith("."), where
        assert operation["tags"], where
        for parameter in operation.get("parameters", ()):
            about = parameter.get("description") or parameter["schema"].get("examples")
            assert about or parameter["in"] == "path", (where, parameter["name"])
        answers = {status: operation["responses"].get(status) for status in HAS_BODY}
        (found,) = (answer for answer in answers.values() if answer)
        ((kind, content),) = found["content"].items()
        Draft202012Validator(resolved(document, content["schema"])).validate(content["example"])
        assert kind in {"application/json", "text/event-stream"}
        assert "application/problem+json" in operation["responses"]["default"]["content"]
        count += 1
    assert count == 20


def test_it_is_openapi_3_1_and_every_reference_leads_somewhere(document):
    """Also those of the CloudEvents, which come from their own schema."""
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    found = set(_references(document))
    assert {name.rpartition("/")[2] for name in found} <= schemas.keys()
    assert "#/components/schemas/Event" in found
    assert "HTTPValidationError" not in schemas


def _references(value):
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def test_what_writes_says_that_it_needs_a_token(document):
    """Reading says that it may."""
    for method, path, operation in operations(document):
        assert ({} in operation["security"]) is (method == "get"), (method, path)


async def test_it_is_served_where_a_tool_looks_for_it(client, document):
    """As it is, and as JSON."""
    answer = await client.get("/api/v1/openapi.json")
    assert answer.json() == document


@pytest.mark.parametrize("name", ["providers", "pages", "incidents", "components", "events"])
async def test_real_answers_are_as_described(client, document, name):
    """What the fixtures hold, against the schema."""
    found = await client.get(f"/api/v1/{name}")
    schema = document["paths"][f"/api/v1/{name}"]["get"]["responses"]["200"]["content"]
    whole = resolved(document, schema["application/json"]["schema"])
    Draft202012Validator(whole).validate(found.json())
    assert found.json()["items"]


@pytest.mark.parametrize("mode", list(GenerationMode))
async def test_whatever_is_asked_the_answer_is_as_described(site, document, mode, full_profile):
    """Schemathesis asks what fits and what does not; no answer surprises it."""
    examples = 100 if full_profile else 8
    with listen(Web(port=0)) as opened:
        ticks = itertools.count(step=1000)
        whole = application(site, clock=lambda: float(next(ticks)))
        async with serving(whole, opened):
            await asyncio.to_thread(_ask_everything, address_of(opened), mode, examples, document)


UNSAYABLE = {
    # What fits these is known to the log, to the clock or to the config's own rules alone.
    *("after", "before", "cursor", "query"),
    *("body", "for", "until", "matcher"),
}


def _is_unsayable(answer):
    name = answer.json().get("name", "") if answer.status_code in {400, 422} else ""
    return name.partition(".")[0] in UNSAYABLE


def _fits_as_sent(document, path, answer):
    """Whether a question was only wrong before it was written into an address, as text.

    Every list of texts takes `false` that was a boolean, and an empty one that was an object.
    """
    if answer.request.method != "GET":
        return False
    said = parse_qs(urlsplit(answer.request.url).query, keep_blank_values=True)
    schemas = {
        one["name"]: resolved(document, one["schema"])
        for one in document["paths"][path]["get"].get("parameters", ())
        if one["in"] == "query"
    }
    return said.keys() <= schemas.keys() and all(
        any(map(Draft202012Validator(schemas[name]).is_valid, _readings(texts)))
        for name, texts in said.items()
    )


def _readings(texts):
    """What the texts of a parameter may mean, as JSON."""
    yield texts
    if len(texts) == 1:
        yield texts[0]
        with suppress(ValueError):
            yield json.loads(texts[0])


def _ask_everything(address, mode, examples, document):
    schema = schemathesis.openapi.from_url(f"{address}{openapi.PATH}")
    load_all_checks()
    checks = CHECKS.get_all()
    (accepted,) = (one for one in checks if one.__name__ == "positive_data_acceptance")
    (rejected,) = (one for one in checks if one.__name__ == "negative_data_rejection")
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/stream"):
            continue  # It goes on for ever; its problems are those of the list.

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            nonlocal asked
            asked += 1
            headers = {"Authorization": f"Bearer {WRITE_TOKEN}"}
            answer = case.call(headers=headers)
            excluded = [accepted] if _is_unsayable(answer) else []
            if _fits_as_sent(document, case.operation.path, answer):
                excluded.append(rejected)
            case.validate_response(answer, checks=checks, excluded_checks=excluded, headers=headers)

        with suppress(Unsatisfiable):  # Where nothing is asked, nothing can be asked wrongly.
            ask()
    assert asked >= 15 * examples
