"""AWS: its events now, in UTF-16 as they come, and the document that it gave until 2023."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.events import Event
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, _aws_archive, _aws_events, aws
from bellbuoy.formats._markup import to_text
from bellbuoy.model.facts import ComponentStatus, Impact, Incident, IncidentStatus, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import converse
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at
from tests.polling.test_replay import bodies

FOLDER = FIXTURES / "aws"
SAMPLE = (FOLDER / "sample" / "public" / "currentevents").read_bytes()
ARCHIVE = (FOLDER / "data.json").read_bytes()
HOME = "https://health.aws.amazon.com"
DATA = f"{ROOT}/data.json"


def read(body: bytes = SAMPLE, seen: Seen | None = None, root: str = ROOT) -> Snapshot:
    """What one visit finds; it asks for one document only, whichever that is."""
    face = root if root.endswith("data.json") else f"{root}/public/currentevents"
    exchange = aws.read(page_at(root, "aws"), seen or Seen())
    snapshot, asked = converse(exchange, {face: body})
    assert asked == [face]
    return snapshot


def edited(edit: Callable[[Any], object], body: bytes = SAMPLE) -> bytes:
    """The sample after an edit in place."""
    document = json.loads(body)
    edit(document)
    return json.dumps(document).encode()


def utf16(body: bytes, codec: str = "utf-16-be") -> bytes:
    """A body as AWS sends it: big endian, with a byte order mark."""
    return ("\ufeff" + body.decode()).encode(codec)


def one(snapshot: Snapshot, id: str) -> Incident:
    """The incident whose id holds a text."""
    [incident] = [incident for incident in snapshot.incidents if id in incident.id]
    return incident


def after(snapshot: Snapshot) -> Seen:
    """What is held after a look."""
    return Seen(first_look=False, entries=snapshot.entries, history_due=False)


# What is read


@pytest.mark.parametrize(
    ("body", "root", "golden"),
    [(SAMPLE, ROOT, "sample"), (ARCHIVE, DATA, "data.json")],
    ids=["events", "archive"],
)
def test_a_document_reads_as_its_golden_snapshot(body, root, golden):
    """The document and the objects that it must become stand side by side."""
    want = msgspec.json.decode((FOLDER / f"{golden}.golden.json").read_bytes(), type=Snapshot)
    found = read(body, root=root)
    assert msgspec.structs.replace(found, entries={}) == want
    assert found.entries.keys() == {incident.id for incident in found.incidents}


@pytest.mark.parametrize("codec", ["utf-16-be", "utf-16-le"])
def test_utf_16_reads_as_utf_8_does(codec):
    """AWS sends the first of both, with a mark."""
    body = edited(lambda rows: rows[0].update(summary="Störung bei Größe 𝟛"))
    body = json.dumps(json.loads(body), ensure_ascii=False).encode()
    assert read(utf16(body, codec)) == read(body)
    assert read(utf16(body, codec)).incidents[0].title == "Störung bei Größe 𝟛"


def test_an_event_is_over_by_its_end_or_by_its_summary():
    """Either says so; a status of 0 alone does not."""
    for fields, is_over in (
        ({"end_time": "1772650000"}, True),
        ({"summary": "[RESOLVED] Increased Error Rates"}, True),
        ({"status": "0"}, False),
        ({"end_time": None}, False),
        ({"end_time": "soon"}, False),
        ({"end_time": "0"}, False),
        ({"summary": "Not [RESOLVED] yet"}, False),
        ({"summary": "[解決済み]障害 | [RESOLVED] Trouble"}, True),
    ):
        body = edited(lambda rows, fields=fields: rows[0].update(fields))
        incident = one(read(body), "0A1B2_1")
        assert incident.status.is_over is is_over, fields
    for bar in ("|", "\uff5c"):
        both = f"[解決済み]障害 {bar}[RESOLVED] Trouble"
        body = edited(lambda rows, both=both: rows[0].update(summary=both))
        assert one(read(body), "0A1B2_1").title == "障害 | Trouble"
    ended = one(read(), "00B73_2")
    assert ended.title == "Elevated Packet Loss"
    assert ended.updates[-1].status is IncidentStatus.RESOLVED


def test_a_message_that_all_is_well_ends_nothing_while_the_event_goes_on():
    """An event whose newest message has status 0 and which has no end is open."""

    def calm(rows: Any) -> None:
        rows[0]["event_log"][-1]["status"] = 0

    incident = one(read(edited(calm)), "0A1B2_1")
    assert incident.is_open
    assert incident.updates[-1].status is IncidentStatus.UNKNOWN


def test_the_impact_is_the_worst_that_was_and_stays_when_it_is_over():
    """At the end AWS sets the event's own status to 0."""
    ended = one(read(), "00B73_2")
    assert (ended.impact, ended.impact_raw) == (Impact.MINOR, "2")
    mild = edited(lambda rows: rows[0].update(status="1", event_log=[]))
    assert one(read(mild), "0A1B2_1").impact is Impact.MAJOR
    strange = one(read(), "47B68_3")
    assert (strange.impact, strange.impact_raw) == (Impact.UNKNOWN, "7")


def test_services_are_named_with_their_region_and_their_own_status():
    """A global service has no region; an unknown word is never green."""
    parts = {part.id: part for part in one(read(), "0A1B2_1").components}
    assert parts["s3-me-central-1"].group == "me-central-1"
    assert parts["s3-me-central-1"].status is ComponentStatus.MAJOR_OUTAGE
    assert parts["route53"].group is None
    assert parts["route53"].status is ComponentStatus.OPERATIONAL
    assert parts["ec2-me-central-1"].status is ComponentStatus.UNKNOWN
    assert read().components == ()


@pytest.mark.parametrize(
    ("key", "region"),
    [
        ("ec2-us-east-1", "us-east-1"),
        ("dms-us-gov-west-1", "us-gov-west-1"),
        ("acm-pca-me-south-1", "me-south-1"),
        ("ecs-ap-northeast-3", "ap-northeast-3"),
        ("management-console", None),
        ("s3-us-standard", None),
        ("import-export", None),
    ],
)
def test_a_region_is_the_code_at_the_end_of_a_key(key, region):
    """What does not look like one is part of the name."""
    assert _aws_events.affected(key, "Name", ComponentStatus.UNKNOWN).group == region


def test_times_are_seconds_as_text_or_number_and_once_milliseconds():
    """The latest of all is when the event changed last."""
    incident = one(read(), "0A1B2_1")
    assert incident.updated_at
    assert incident.updated_at.timestamp() == 1_772_644_000
    assert incident.started_at
    assert incident.started_at.timestamp() == 1_772_640_000


def test_messages_of_one_second_are_two_updates():
    """None may hide the other."""

    def same(rows: Any) -> None:
        for message in rows[0]["event_log"]:
            message["timestamp"] = "1772640000"

    updates = one(read(edited(same)), "0A1B2_1").updates
    assert [update.id for update in updates] == ["1772640000", "1772640000#2"]


def test_a_quiet_dashboard_is_an_empty_list_from_aws():
    """Its host or its encoding says whose it is; else it may be anybody's."""
    for body, root in ((b"[]", HOME), (utf16(b"[]"), ROOT), (utf16(b"[\n]\n"), HOME)):
        found = read(body, root=root)
        assert (found.incidents, found.complete) == ((), frozenset())
    with pytest.raises(ReadError, match="anybody"):
        read(b"[]")


# The older document


def test_a_date_that_moves_within_its_minute_is_the_same_incident():
    """AWS moved five within a month of recordings, by up to 57 seconds."""

    def rounded(document: Any) -> None:
        document["current"][0]["date"] = "1638895980"

    ids = [one(read(body, root=DATA), "connect").id
           for body in (ARCHIVE, edited(rounded, ARCHIVE))]  # fmt: skip
    assert ids[0] == ids[1]


def test_moving_to_the_archive_ends_what_was_open():
    """Some were archived without the word that they are resolved."""

    def archive(document: Any) -> None:
        document["archive"].append(document["current"].pop())

    first = read(ARCHIVE, root=DATA)
    assert one(first, "connect").is_open
    second = read(edited(archive, ARCHIVE), after(first), DATA)
    moved = one(second, "connect")
    assert (moved.status, moved.status_raw) == (IncidentStatus.RESOLVED, "archive")
    assert moved.updates == one(first, "connect").updates


def test_messages_are_told_apart_by_their_times_and_keep_their_words():
    """A span within a message is not the head of another."""
    parts = [
        ("", "<div>No time.</div>"),
        ("8:22 AM", '<div><span class="yellowfg"> 8:22 AM PST</span>&nbsp;One.</div>'),
        ("9:00 PM", "<div><span>Aug 9, 9:00 PM PDT</span>A <span>b</span> &amp; c<br>d</div>"),
        ("9:00 PM#2", "<span>Aug 10,  9:00 PM PDT</span> See <a href='https://e.example/'>it</a>."),
    ]  # fmt: skip
    said = "".join(markup for _, markup in parts)
    body = edited(lambda document: document["current"][0].update(description=said), ARCHIVE)
    updates = one(read(body, root=DATA), "connect").updates
    assert [update.id for update in updates] == [id for id, _ in parts]
    assert [update.body for update in updates] == [
        "No time.", "One.", "A b & c\nd", "See it (https://e.example/).",
    ]  # fmt: skip


# What is skipped, what is refused


@pytest.mark.parametrize(("body", "root"), [(SAMPLE, ROOT), (ARCHIVE, DATA)])
def test_what_did_not_change_is_not_decoded(monkeypatch, body, root):
    """Equal bytes are unchanged."""
    first = read(body, root=root)

    def fail(*_args: Any, **_named: Any) -> None:
        pytest.fail("an unchanged entry was decoded")

    monkeypatch.setattr(_aws_events, "read_event", fail)
    monkeypatch.setattr(_aws_archive, "read_entry", fail)
    again = read(body, after(first), root)
    assert again.incidents == ()
    assert again.unchanged == first.entries.keys()


@pytest.mark.parametrize("broken", [None, 7, "x", [], {}, {"arn": "arn:aws:s3:::bucket"}])
def test_an_entry_that_cannot_be_read_costs_only_itself(broken):
    """Its brothers are told, in both documents."""
    found = read(edited(lambda rows: rows.insert(0, broken)))
    assert found.incidents == read().incidents
    old = read(edited(lambda rows: rows["archive"].insert(0, broken), ARCHIVE), root=DATA)
    assert old.incidents == read(ARCHIVE, root=DATA).incidents


@pytest.mark.parametrize("wrong", [None, 7, {"a": 1}, [3], True, "x"])
@pytest.mark.parametrize(
    "field", ["date", "status", "service", "impacted_services", "impacted_service_status_changes"]
)
def test_a_wrong_field_costs_only_itself(field, wrong):
    """The event is still told, and still open."""
    found = one(read(edited(lambda rows: rows[0].update({field: wrong}))), "0A1B2_1")
    assert (found.title, found.is_open, len(found.updates)) == ("Increased Error Rates", True, 2)


@pytest.mark.parametrize(
    "body",
    [b"[[]]", b'[{"arn": "x"}]', b"{}", b'{"archive": [], "current": []}', b'{"archive": [{}]}',
     b'{"archive": [{}], "current": [7]}', b"null"],
)  # fmt: skip
def test_a_document_of_another_kind_is_refused(body):
    """Neither of the two shapes."""
    for root in (ROOT, DATA):
        with pytest.raises(ReadError) as caught:
            read(body, root=root)
        assert caught.value.reason is Unreadable.NOT_THE_FORMAT


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-be", "utf-16-le"])
def test_h7_a_body_cut_at_any_byte_is_cut(codec):
    """In the middle of a character, too."""
    body = SAMPLE if codec == "utf-8" else utf16(SAMPLE, codec)
    for length in [*range(0, len(body) - 1, 13), len(body) - 1]:
        with pytest.raises(ReadError) as caught:
            read(body[:length])
        assert caught.value.reason is Unreadable.CUT, length


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Either document with bytes or values replaced, or in another encoding."""
    body = draw(st.sampled_from([SAMPLE, ARCHIVE, utf16(SAMPLE)]))
    if body[:1] not in b"[{" or draw(st.booleans()):
        for _ in range(draw(st.integers(1, 6))):
            place = draw(st.integers(0, len(body)))
            body = body[:place] + draw(st.binary(max_size=12)) + body[place + 9 :]
        return body
    document = json.loads(body)
    for _ in range(draw(st.integers(1, 6))):
        value: Any = document
        while isinstance(value, (dict, list)) and value:
            names = sorted(value) if isinstance(value, dict) else range(len(value))
            key = draw(st.sampled_from(names))
            if draw(st.integers(0, 2)) == 0 or not isinstance(value[key], (dict, list)):
                value[key] = draw(VALUES)
                break
            value = value[key]
    return json.dumps(document).encode()


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(), st.sampled_from([ROOT, DATA]))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body, root):
    """Whatever a server sends, reading ends with a snapshot or a ReadError."""
    aws.claims(Response(url=root, status=200, body=body))
    try:
        snapshot = read(body, root=root)
    except ReadError:
        return
    clean(snapshot)
    assert read(body, after(snapshot), root).incidents == ()


# What is recognised


@pytest.mark.parametrize(
    ("address", "body", "root", "name"),
    [
        (f"{HOME}/public/currentevents", utf16(SAMPLE), HOME, "AWS"),
        (f"{HOME}/public/currentevents", utf16(b"[]"), HOME, "AWS"),
        (f"{HOME}/public/currentevents", b"[]", HOME, "AWS"),
        (f"{ROOT}/aws/public/currentevents", SAMPLE, f"{ROOT}/aws", "status.example.com"),
        ("https://status.aws.amazon.com/data.json", ARCHIVE,
         "https://status.aws.amazon.com/data.json", "AWS"),
        (f"{HOME}/health/status", b"<!DOCTYPE html><html></html>", HOME, "AWS"),
        ("https://status.aws.amazon.com/", b"\n<html></html>", HOME, "AWS"),
        (ROOT, b"<!DOCTYPE html><html></html>", None, ""),
        (f"{ROOT}/public/currentevents", b"[]", None, ""),
        ("https://status.aws.amazon.com/rss/all.rss", b"<rss></rss>", None, ""),
    ],
)  # fmt: skip
def test_both_documents_and_the_dashboard_are_claimed(address, body, root, name):
    """The older document is its own address; an empty list needs AWS's host or encoding."""
    claim = aws.claims(Response(url=address, status=200, body=body))
    assert ((claim.url, claim.name) if claim else (None, "")) == (root, name)


# Recordings

SERIES = {
    "series-data-json-2021-12-07": {"opened": 10, "updated": 29, "resolved": 9, "edited": 3},
    "series-data-json-2022-04-flapping": {"opened": 1, "updated": 4, "resolved": 1},
    "series-data-json-2023-04": {"opened": 8, "updated": 23, "resolved": 8, "edited": 4},
}


def recorded(corpus: Path) -> list[Path]:
    """Every recorded document."""
    return sorted(path for path in (corpus / "aws").rglob("*.json*") if path.is_file())


@pytest.mark.corpus
def test_every_recorded_body_is_read_recognised_and_of_known_words(corpus):
    """Only the empty file of a failed fetch is refused."""
    refused = 0
    counts: Counter[str] = Counter()
    others = [format for name, format in Formats().items() if name != "aws"]
    for path in recorded(corpus):
        body = body_of(path)
        root = f"{HOME}/data.json" if "data-json" in path.parent.name else HOME
        answer = Response(
            url=root if root != HOME else f"{HOME}/public/currentevents", status=200, body=body
        )
        if not body:
            refused += 1
            with pytest.raises(ReadError):
                read(body, root=root)
            assert aws.claims(answer) is None
            continue
        claim = aws.claims(answer)
        assert claim is not None
        assert claim.url == root
        assert not [format.NAME for format in others if format.claims(answer)]
        snapshot = clean(read(body, root=root))
        assert read(body, after(snapshot), root).incidents == ()
        for incident in snapshot.incidents:
            is_ended = incident.status.is_over and incident.impact_raw == "0"
            assert incident.impact is not Impact.UNKNOWN or is_ended
            assert incident.started_at
            assert incident.components
            assert incident.title
            assert "[RESOLVED]" not in incident.title
            assert all(update.body for update in incident.updates)
            assert len({update.id for update in incident.updates}) == len(incident.updates)
            counts["events" if root == HOME else "old"] += 1
            for part in incident.components:
                assert part.status is not ComponentStatus.UNKNOWN
                counts["in a region" if part.group else "global"] += 1
    assert refused == 1
    assert counts["events"] == 7
    assert counts["in a region"] > counts["global"] > 0


@pytest.mark.corpus
def test_the_messages_of_the_archive_say_the_same_with_and_without_the_scanner(corpus):
    """The short way for pieces without markup is only shorter."""
    count = 0
    folder = corpus / "aws/aws/series-data-json-2022-04-flapping"
    document = json.loads(body_of(next(folder.glob("0008_*"))))
    for entry in document["archive"]:
        updates = _aws_archive.messages(entry["description"])
        for time, body in updates:
            assert time
            assert to_text(body).split() == body.split()
            assert " ".join(body.split()) in " ".join(to_text(entry["description"]).split())
            count += 1
    assert count > 1_000


def play(corpus: Path, series: str) -> tuple[list[Event], list[Event]]:
    """The events of a series, and of the same series played again."""
    replay = Replay(aws, page_at(DATA, "aws"), "data.json")
    folder = corpus / "aws/aws" / series
    first = [event for body in bodies(folder) for event in replay.visit(body)]
    return first, [event for body in bodies(folder) for event in replay.visit(body)]


@pytest.mark.corpus
@pytest.mark.parametrize("series", SERIES)
def test_a_series_tells_each_step_once_and_nothing_the_second_time(corpus, series):
    """Archives of 102 and of 483 entries in turn are no news, nor is a date that moved."""
    first, again = play(corpus, series)
    counts = Counter(event.kind.value.removeprefix("incident.") for event in first)
    assert counts == SERIES[series]
    assert [event for event in again if event.kind.family != "page"] == []


@pytest.mark.corpus
def test_no_recording_of_another_engine_is_taken_for_aws(corpus):
    """Wherever it lies, and AWS's own feeds neither."""
    count = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or path.suffix == ".md":
            continue
        if "aws" in path.parts and path.suffix != ".rss":
            continue
        if "series" in path.parent.name and path.name[:4] > "0003":
            continue
        body = body_of(path)
        for place in (f"{ROOT}/public/currentevents", DATA):
            assert aws.claims(Response(url=place, status=200, body=body)) is None, path
        count += 1
    assert count > 50
