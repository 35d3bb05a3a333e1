"""Meta: one word for each service, and no incidents."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, meta
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample

PATH = "data/orgs.json"
FACE = f"{ROOT}/{PATH}"
GOOD = sample("meta")[FACE]
HOME = "https://metastatus.com"


def read(body: bytes = GOOD) -> Snapshot:
    """Read the sample page, or another body in its place."""
    return converse(meta.read(page_at(ROOT, "meta"), Seen()), {FACE: body})[0]


def edited(edit: Callable[[Any], object]) -> bytes:
    """The sample after an edit in place of its products."""
    document = json.loads(GOOD)
    edit(document)
    return json.dumps(document).encode()


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    golden = json.loads((FIXTURES / "meta" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read(), order="deterministic"))
    assert found.pop("entries") == {}
    assert found == golden


@pytest.mark.parametrize(
    "word",
    ["Major disruptions", "No known issues, but", "no known issues.", "resolved", "", None, 7],
)
def test_never_green_any_word_but_the_recorded_one_is_unknown(word):
    """Prose that looks good is not taken for good."""
    snapshot = read(edited(lambda orgs: orgs[0]["services"][0].update(status=word)))
    part = snapshot.components[0]
    assert part.status is ComponentStatus.UNKNOWN
    assert part.status_raw == (word if isinstance(word, str) else "")


def test_a_word_that_changes_is_told_once_it_was_seen_twice():
    """There is no incident that it could belong to."""
    replay = Replay(meta, page_at(ROOT, "meta"), PATH)
    worse = GOOD.replace(b"No known issues", b"Some issues", 1)
    kinds = []
    for name, body in enumerate((GOOD, worse, worse, worse, GOOD, GOOD)):
        events = replay.visit(Recorded(name=str(name), at=None, body=body))
        kinds.append([event.kind.value for event in events])
    assert kinds == [[], [], ["component.changed"], [], [], ["component.changed"]]


@pytest.mark.parametrize(
    "broken",
    [None, 7, "x", [], {}, {"id": "a", "name": "A"}, {"id": 3, "name": "A", "services": []}],
)
def test_a_product_that_cannot_be_read_costs_itself_and_the_completeness(broken):
    """Its brothers are read."""
    snapshot = read(edited(lambda orgs: orgs.append(broken)))
    assert snapshot.components == read().components
    assert snapshot.complete == frozenset()
    assert read().complete == {Part.COMPONENTS}


@pytest.mark.parametrize("broken", [None, 7, "x", {}, {"id": 9}, {"id": "", "name": "A"}])
def test_a_service_that_cannot_be_read_costs_itself_and_the_completeness(broken):
    """The others of its product are read."""
    snapshot = read(edited(lambda orgs: orgs[0]["services"].append(broken)))
    assert snapshot.components == read().components
    assert snapshot.complete == frozenset()


def test_services_of_one_id_lose_the_completeness():
    """They cannot be told apart."""
    snapshot = read(edited(lambda orgs: orgs[0]["services"][1].update(id=1)))
    assert (len(snapshot.components), snapshot.complete) == (2, frozenset())


def test_it_is_recognised_by_its_page_and_by_its_products():
    """A list of anybody's products is not enough."""
    page = b"<!DOCTYPE html><html><head><title>Meta Status</title></head></html>"
    claim = meta.claims(Response(url=f"{HOME}/ads-manager", status=200, body=page))
    assert claim is not None
    assert (claim.url, claim.name) == (HOME, "Meta")
    assert meta.claims(Response(url=ROOT, status=200, body=page)) is None
    plain = edited(lambda orgs: orgs[0].pop("rss_file_paths"))
    assert meta.claims(Response(url=FACE, status=200, body=plain)) is None


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    meta.claims(Response(url=FACE, status=200, body=body))
    try:
        snapshot = read(body)
    except ReadError:
        return
    clean(snapshot)
    assert {part.status for part in snapshot.components} <= {
        ComponentStatus.OPERATIONAL, ComponentStatus.UNKNOWN,
    }  # fmt: skip


@pytest.mark.corpus
def test_the_recorded_body_is_recognised_and_read(corpus):
    """51 services of 17 products, all without known issues."""
    body = body_of(corpus / "meta/meta/Meta-orgs.json")
    address = f"{HOME}/{PATH}"
    found, _ = converse(recognise(address, Formats()), {address: body})
    assert (found.format, found.url, found.name) == ("meta", HOME, "Meta")
    answer = Response(url=address, status=200, body=body)
    others = [format for name, format in Formats().items() if name != "meta"]
    assert not [format.NAME for format in others if format.claims(answer)]
    page = page_at(HOME, "meta")
    snapshot, _ = converse(meta.read(page, Seen()), {address: body})
    assert len(snapshot.components) == 51
    assert len({part.group for part in snapshot.components}) == 17
    assert {(part.status.value, part.status_raw) for part in snapshot.components} == {
        ("operational", "No known issues")
    }
    assert snapshot.complete == {Part.COMPONENTS}
    replay = Replay(meta, page, PATH)
    for name in ("1", "2"):
        assert replay.visit(Recorded(name=name, at=None, body=body)) == ()
    assert len(replay.known.components) == 51


@pytest.mark.corpus
def test_no_recording_of_another_engine_is_taken_for_metas(corpus):
    """Wherever it lies, its fields are others."""
    count = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or path.parent.parent.name == "meta" or path.suffix == ".md":
            continue
        if "series" in path.parent.name and path.name[:4] > "0003":
            continue
        assert meta.claims(Response(url=FACE, status=200, body=body_of(path))) is None, path
        count += 1
    assert count > 50
