"""Sorry: the state of a page, which is all that was ever recorded."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, sorry
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample

PATH = "api/v1/status.json"
FACE = f"{ROOT}/{PATH}"
GOOD = sample("sorry")[FACE]


def read(body: bytes = GOOD) -> Snapshot:
    """Read the sample page, or another body in its place; nothing else is asked."""
    snapshot, asked = converse(sorry.read(page_at(ROOT, "sorry"), Seen()), {FACE: body})
    assert asked == [FACE]
    return snapshot


def edited(edit: Callable[[Any], object]) -> bytes:
    """The sample after an edit in place of its page."""
    document = json.loads(GOOD)
    edit(document["page"])
    return json.dumps(document).encode()


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    golden = json.loads((FIXTURES / "sorry" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read(), order="deterministic"))
    assert found.pop("entries") == {}
    assert found == golden


@pytest.mark.parametrize(
    ("word", "status"),
    [("operational", "operational"), ("Operational", "operational"), ("degraded", "degraded"),
     ("partially-degraded", "degraded"), ("fine", "unknown"), ("under-maintenance", "unknown")],
)  # fmt: skip
def test_never_green_a_state_that_nobody_told_is_unknown(word, status):
    """The word is kept."""
    (whole,) = read(edited(lambda page: page.update(state=word))).components
    assert (whole.status, whole.status_raw) == (ComponentStatus(status), word)


def test_a_page_in_trouble_is_a_component_that_changed():
    """What the trouble is cannot be said; that the list is not complete is."""
    replay = Replay(sorry, page_at(ROOT, "sorry"), PATH)
    fine = edited(lambda page: page.update(state="operational"))
    kinds = []
    for name, body in enumerate((fine, GOOD, GOOD, fine, fine)):
        events = replay.visit(Recorded(name=str(name), at=None, body=body))
        kinds.append([event.kind.value for event in events])
    assert kinds == [[], [], ["component.changed"], [], ["component.changed"]]
    assert read().complete == frozenset()


@pytest.mark.parametrize("field", ["id", "state", "links"])
@pytest.mark.parametrize("wrong", [None, "", [], {}, True])
def test_a_page_without_its_marks_is_refused(field, wrong):
    """Anybody's page has a name."""
    body = edited(lambda page: page.update({field: wrong}))
    with pytest.raises(ReadError):
        read(body)
    assert sorry.claims(Response(url=FACE, status=200, body=body)) is None


@pytest.mark.parametrize("wrong", [None, "", 7, []])
def test_a_page_without_a_name_is_called_by_its_host(wrong):
    """The rest is read."""
    body = edited(lambda page: page.update(name=wrong))
    assert read(body).components[0].name == "status.example.com"


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    sorry.claims(Response(url=FACE, status=200, body=body))
    try:
        clean(read(body))
    except ReadError:
        return


@pytest.mark.corpus
def test_the_recorded_body_is_recognised_and_read(corpus):
    """One page, operational."""
    body = body_of(corpus / "sorry/iorad/Iorad-sorryapp.json")
    root = "https://status.iorad.com"
    for path in (PATH, "api/v1/status", "api/v1"):
        address = f"{root}/{path}"
        found, _ = converse(recognise(address, Formats()), {address: body})
        assert (found.format, found.url, found.name) == ("sorry", root, "iorad status")
        answer = Response(url=address, status=200, body=body)
        others = [format for name, format in Formats().items() if name != "sorry"]
        assert not [format.NAME for format in others if format.claims(answer)]
    replay = Replay(sorry, page_at(root, "sorry"), PATH)
    for name in ("1", "2"):
        assert replay.visit(Recorded(name=name, at=None, body=body)) == ()
    (whole,) = replay.known.components.values()
    assert (whole.id, whole.name, whole.status_raw) == ("7530", "iorad status", "operational")
    assert whole.status is ComponentStatus.OPERATIONAL


@pytest.mark.corpus
def test_no_recording_of_another_engine_is_taken_for_sorrys(corpus):
    """Wherever it lies, its fields are others."""
    count = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or "sorry" in path.parts or path.suffix == ".md":
            continue
        if "series" in path.parent.name and path.name[:4] > "0003":
            continue
        assert sorry.claims(Response(url=FACE, status=200, body=body_of(path))) is None, path
        count += 1
    assert count > 50
