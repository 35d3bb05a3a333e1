"""Microsoft 365: services and posts as components, and nothing made of a standing notice."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, microsoft365
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import Answer, converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, page_at, sample

FOLDER = FIXTURES / "microsoft365"
GOOD = sample("microsoft365")
CONSUMER, MAC, AZURE = (f"{ROOT}/api/posts/{name}" for name in ("m365Consumer", "mac", "azure"))
OLDER = f"{ROOT}/api/servicestatus/index"
OLDER_BODY = (FOLDER / "index.json").read_bytes()
HOME = "https://status.cloud.microsoft"
SHELL = b"<!doctype html><html><head><title>Service health</title></head></html>"


def read(answers: dict[str, Answer] | None = None, url: str = ROOT) -> tuple[Snapshot, list[str]]:
    """Read the sample page, with other answers where they are given."""
    page = page_at(url, "microsoft365")
    return converse(microsoft365.read(page, Seen()), {**GOOD, **(answers or {})})


def statuses(snapshot: Snapshot) -> dict[str, str]:
    """How each component is."""
    return {one.id: one.status.value for one in snapshot.components}


@pytest.mark.parametrize(
    ("url", "golden"), [(ROOT, "sample"), (OLDER, "index.json")], ids=["posts", "older"]
)
def test_a_page_reads_as_its_golden_snapshot(url, golden):
    """The documents and the objects that they must become stand side by side."""
    want = msgspec.json.decode((FOLDER / f"{golden}.golden.json").read_bytes(), type=Snapshot)
    assert read({OLDER: OLDER_BODY}, url)[0] == want


def test_a_standing_notice_is_no_incident():
    """A post has a message and an id on a quiet day too."""
    snapshot, asked = read()
    assert asked == [CONSUMER, MAC, AZURE]
    assert snapshot.incidents == ()
    assert Part.OPEN_INCIDENTS not in snapshot.complete


def test_only_words_that_say_so_are_fine():
    """What nobody has seen is unknown, and keeps the vendor's word."""
    for word, status in (
        ("Operational", ComponentStatus.OPERATIONAL),
        ("Service restored", ComponentStatus.OPERATIONAL),
        ("Service degradation", ComponentStatus.DEGRADED),
        ("Unknown", ComponentStatus.UNKNOWN),
        ("Service sparkling", ComponentStatus.UNKNOWN),
    ):
        body = GOOD[MAC].replace(b'"Available"', json.dumps(word).encode())
        post = read({MAC: body})[0].components[-2]
        assert (post.id, post.status, post.status_raw) == ("mac", status, word)


@pytest.mark.parametrize(
    ("answer", "owes"),
    [(503, True), (404, False), (SHELL, False), (b"", True), (b"[]", False), (b"{}", False)],
)
def test_a_post_that_is_away_costs_only_itself(answer, owes):
    """The others are told; the list is not complete, and asked again where that may help."""
    snapshot, _ = read({MAC: answer})
    assert "mac" not in statuses(snapshot)
    assert "azure" in statuses(snapshot)
    assert Part.COMPONENTS not in snapshot.complete
    assert snapshot.owes is owes


def test_a_post_as_it_was_is_not_told_again():
    """A 304 is the same answer once more."""
    snapshot, _ = read({MAC: Response(url=MAC, status=304)})
    assert "mac" not in statuses(snapshot)
    assert not snapshot.owes


@pytest.mark.parametrize("wrong", [None, 7, "x", [], {}, {"ServiceWorkloadName": "A"}])
def test_a_row_that_is_no_service_costs_only_itself(wrong):
    """And then the list proves no absence."""
    rows = [wrong, *json.loads(GOOD[CONSUMER])]
    snapshot, _ = read({CONSUMER: json.dumps(rows).encode()})
    assert snapshot.components == read()[0].components
    assert snapshot.complete == frozenset()


def test_a_post_is_told_from_others_by_its_address_only():
    """Its fields are those of any post: elsewhere it is nobody's."""
    for url, is_mine in ((MAC, True), (AZURE, True), (f"{ROOT}/api/status", False), (ROOT, False)):
        claim = microsoft365.claims(Response(url=url, status=200, body=GOOD[AZURE]))
        assert (claim is not None) is is_mine, url


def test_its_own_host_is_known_by_its_web_page():
    """The page is a shell without data; elsewhere a shell is no evidence."""
    claim = microsoft365.claims(Response(url=f"{HOME}/azure", status=200, body=SHELL))
    assert claim is not None
    assert claim.url == HOME
    assert microsoft365.claims(Response(url=ROOT, status=200, body=SHELL)) is None


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(st.data())
def test_a_mutated_body_is_read_or_refused_and_never_breaks(data):
    """Whatever a server sends, reading ends with a snapshot or a ReadError."""
    for url, bodies in ((ROOT, GOOD), (OLDER, {OLDER: OLDER_BODY})):
        answers = {place: data.draw(mutated(body)) for place, body in bodies.items()}
        for place, body in answers.items():
            microsoft365.claims(Response(url=place, status=200, body=body))
        try:
            clean(read(dict(answers), url)[0])
        except ReadError:
            continue


# Recordings

REAL = {
    "Microsoft-consumer.json": f"{HOME}/api/posts/m365Consumer",
    "Microsoft-adminpost.json": f"{HOME}/api/posts/mac",
    "Microsoft.json": "https://portal.office.com/api/servicestatus/index",
}


@pytest.mark.corpus
def test_every_recording_is_recognised_under_its_real_path(corpus: Path):
    """The posts lead to the page, the older document is a page of its own."""
    places = {corpus / "microsoft365/microsoft" / name: url for name, url in REAL.items()}
    places[corpus / "azure/azure/Azure-post.json"] = f"{HOME}/api/posts/azure"
    for path, url in places.items():
        found, _ = converse(recognise(url, Formats()), {url: path.read_bytes()})
        assert (found.format, found.name) == ("microsoft365", "Microsoft 365"), path
        assert found.url == (url if path.name == "Microsoft.json" else HOME)


@pytest.mark.corpus
def test_every_recording_is_read(corpus: Path):
    """All services were fine on that day, and both documents name the same."""
    bodies = {name: (corpus / "microsoft365/microsoft" / name).read_bytes() for name in REAL}
    azure = (corpus / "azure/azure/Azure-post.json").read_bytes()
    answers: dict[str, Answer] = {
        CONSUMER: bodies["Microsoft-consumer.json"],
        MAC: bodies["Microsoft-adminpost.json"],
        AZURE: azure,
        OLDER: bodies["Microsoft.json"],
    }
    now, _ = read(answers)
    older, _ = read(answers, OLDER)
    assert set(statuses(now).values()) == set(statuses(older).values()) == {"operational"}
    assert len(statuses(older)) == 10
    assert statuses(now).keys() - statuses(older).keys() == {"mac", "azure"}
    assert now.complete == older.complete == {Part.COMPONENTS}
    assert not now.owes


@pytest.mark.corpus
def test_a_visit_played_twice_gives_nothing(corpus: Path):
    """Seeing the same facts again is no news."""
    body = (corpus / "microsoft365/microsoft/Microsoft-consumer.json").read_bytes()
    player = Replay(microsoft365, page_at(ROOT, "microsoft365"), "api/posts/m365Consumer")
    for _ in range(3):
        events = player.visit(Recorded(name="x", at=None, body=body))
        assert list(events) == []
    assert len(player.known.components) == 10
