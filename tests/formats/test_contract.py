"""What every format must do; the registry says which there are."""

import json
from collections.abc import Iterator, Mapping

import pytest

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import API_VERSION, Format, Formats, _json
from bellbuoy.model.facts import Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.testing import check_format
from tests.formats.conversation import converse
from tests.formats.lives import Life
from tests.formats.samples import page_at, sample, sample_url

FORMATS = Formats()
EACH_FORMAT = pytest.mark.parametrize("name", sorted(FORMATS))
EACH_OF_PAGES = pytest.mark.parametrize(
    "name", sorted(name for name, format in FORMATS.items() if format.PROBES)
)


def face_of(format: Format, url: str) -> str:
    """The address that every visit asks first."""
    exchange = format.read(page_at(url, format.NAME), Seen())
    request = next(exchange)
    exchange.close()
    return request.url


def outcome_of(format: Format, url: str, answers: Mapping[str, bytes]) -> Snapshot | ReadError:
    """What a first visit ends with."""
    try:
        return converse(format.read(page_at(url, format.NAME), Seen()), answers)[0]
    except ReadError as error:
        return error


def unusable(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Bodies that are no document of any format, made of one that is."""
    whole = body.rstrip()
    yield "empty", b""
    yield "blank", b" \n\n"
    yield "no text", bytes(range(256)) * 8
    yield (
        "a web page",
        b"<!DOCTYPE html><html><head><title>Acme</title></head><body>Hi</body></html>",
    )
    for value in (None, True, 7, "status", [], {}, [[]], {"page": 3, "components": "x"}):
        yield f"the value {value!r}", json.dumps(value).encode()
    yield "an error document", b'{"status": 500, "error": "Internal Server Error"}'
    yield "nested lists", b"[" * 100_000 + b"]" * 100_000
    yield "nested objects", b'{"page":' * 100_000 + b"1" + b"}" * 100_000
    yield "nested elements", b"<a>" * 100_000 + b"</a>" * 100_000
    yield "a bomb", b'<!DOCTYPE f [<!ENTITY a "ha">' + b'<!ENTITY b "&a;&a;">]><f>&b;</f>'
    for length in range(97, len(whole), 97):
        yield f"cut after {length} bytes", whole[:length]
    yield "cut before its last byte", whole[:-1]


def test_there_are_formats():
    """The registry finds modules, and none of the private ones."""
    assert "statuspage" in FORMATS
    assert all(not name.startswith("_") and name != "recognise" for name in FORMATS)
    with pytest.raises(KeyError):
        FORMATS["_json"]


NOTHING_OPEN = frozenset({"ibmcloud", "meta", "microsoft365", "probe", "sorry", "upptime"})
"""Their samples list nothing that goes on: IBM's words for it are not known, the rest has none."""


@EACH_FORMAT
def test_a_format_has_what_the_registry_needs(name):
    """Attributes of the right types, a name that is the module's, and its source cited."""
    format = FORMATS[name]
    assert format.api_version == API_VERSION
    assert name == format.NAME
    assert format.PLATFORM is None or isinstance(format.PLATFORM, str)
    assert bool(format.PROBES) == (name != "probe")
    assert all(probe and not probe.startswith("/") for probe in format.PROBES)
    assert "https://" in (format.__doc__ or ""), "its docstring cites where the format is written"


@EACH_FORMAT
def test_a_format_passes_the_conformance_tests_for_plugins(name):
    """What we ask of plugins holds for our own formats."""
    format = FORMATS[name]
    check_format(format, url=sample_url(format), answers=sample(name))


@EACH_OF_PAGES
def test_h6_h7_x1_x2_a_body_that_is_no_document_is_a_read_error(name):
    """Whatever stands where the face was, reading ends with the format and the place."""
    format, answers = FORMATS[name], sample(name)
    url = sample_url(format)
    face = face_of(format, url)
    for what, body in unusable(answers[face]):
        outcome = outcome_of(format, url, {**answers, face: body})
        assert isinstance(outcome, ReadError), f"{what}: was read"
        assert (outcome.format, outcome.url) == (name, face), what
        assert outcome.place, what


@EACH_OF_PAGES
def test_a_later_document_that_cannot_be_read_never_breaks_a_visit_otherwise(name):
    """Faults in what is asked after the face give a snapshot or a ReadError, nothing else."""
    format, answers = FORMATS[name], sample(name)
    url = sample_url(format)
    face = face_of(format, url)
    for later in answers.keys() - {face}:
        for what, body in unusable(answers[later]):
            outcome = outcome_of(format, url, {**answers, later: body})
            is_named = isinstance(outcome, ReadError) and outcome.format == name
            assert isinstance(outcome, Snapshot) or is_named, what


@EACH_FORMAT
def test_c5_what_was_withdrawn_is_reopened_by_the_very_bytes_that_it_had(name):
    """An entry need not be decoded again to tell that the page lists it again."""
    format, answers = FORMATS[name], sample(name)
    life = Life(format, page_at(sample_url(format), name))
    life.look(answers)
    away = life.open_ids()
    assert bool(away) == (name not in NOTHING_OPEN), "its sample page has something open"
    withdrawn = [kind.partition(".")[2] for kind, _ in life.withdraw()]
    assert withdrawn == ["withdrawn"] * len(away)
    kinds = [kind for kind, _ in life.look(answers)]
    back = {"incident": "incident.reopened", "maintenance": "maintenance.updated"}
    assert sorted(kinds) == sorted(back[life.known.incidents[id].kind] for id in away)
    assert life.open_ids() == away
    assert life.look(answers) == []


@EACH_FORMAT
def test_a_format_claims_nothing_that_is_no_document(name):
    """Positive evidence only, and no body makes `claims` fail."""
    format, answers = FORMATS[name], sample(name)
    for url, good in answers.items():
        for what, body in unusable(good):
            claim = format.claims(Response(url=url, status=200, body=body))
            assert claim is None or what.startswith("cut"), what


def test_x2_a_document_is_mended_only_if_that_does_not_hold_up_the_loop(monkeypatch):
    """The standard library reads in one call, which stops the loop even from a thread."""
    body = b'{"page": "a bare \x01 control character"}'
    response = Response(url="https://status.example", status=200, body=body)
    assert _json.decode(response, dict, format="statuspage") == json.loads(body, strict=False)
    monkeypatch.setattr(_json, "_MOST_MENDED", len(body) - 1)
    with pytest.raises(ReadError, match="not JSON"):
        _json.decode(response, dict, format="statuspage")
