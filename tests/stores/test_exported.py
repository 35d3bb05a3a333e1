"""What an export looks like, and how one that is cut, changed or of another kind is refused."""

import gzip
import io
import json
from hashlib import sha256

import pytest

from bellbuoy.errors import StoreError, StoreNewerError
from bellbuoy.stores import exported, schema
from bellbuoy.stores.exported import Export, Mark
from tests.stores.moving import exported_to, fill


@pytest.fixture
def made(database, tmp_path) -> bytes:
    """An export with a row in every table."""
    fill(str(database))
    return exported_to(str(database), tmp_path / "made.jsonl")


def opened(bytes_: bytes) -> Export:
    """An export that is being read."""
    return Export(io.BufferedReader(io.BytesIO(bytes_)), "x.jsonl")


def read(bytes_: bytes) -> None:
    """Read it to its end, its rows too."""
    export = opened(bytes_)
    for _ in export.batches(export.mark):
        pass


def with_header(made: bytes, **changes) -> bytes:
    """The same with something else in its first line."""
    first, _, rest = made.partition(b"\n")
    return json.dumps({**json.loads(first), **changes}).encode() + b"\n" + rest


def test_every_line_is_json_and_says_what_follows(made):
    """A header, each table with its columns and rows, and an end that vouches for all of it."""
    *lines, last = made.splitlines(keepends=True)
    header = json.loads(lines[0])
    assert (header["bellbuoy"], header["shape"], header["log"]["seq"]) == ("export", 1, 4)
    rows = [json.loads(line) for line in lines[1:] if line.startswith(b"[")]
    assert json.loads(last) == {
        "end": {"rows": len(rows), "sha256": sha256(b"".join(lines)).hexdigest()}
    }
    assert sum(header["rows"].values()) == len(rows)
    turns = [json.loads(line) for line in lines[1:] if line.startswith(b"{")]
    assert [turn["table"] for turn in turns] == list(header["rows"])
    for turn in turns:
        columns = schema.metadata.tables[turn["table"]].columns
        assert turn["columns"] == [column.name for column in columns]


def test_every_table_is_carried_but_those_that_are_named(made):
    """What a later schema adds comes along by default, and has a row in these tests."""
    rows = json.loads(made.partition(b"\n")[0])["rows"]
    assert set(rows) == set(schema.metadata.tables) - {
        *("alembic_version", "log", "lease", "worker", "poke")
    }
    assert all(rows.values())


def test_the_same_rows_are_the_same_bytes(made, database, tmp_path):
    """So whoever has half of one export can go on with another."""
    assert exported_to(str(database), tmp_path / "again.jsonl") == made


@pytest.mark.parametrize("packed", [False, True])
def test_a_cut_export_is_refused_wherever_it_was_cut(made, packed, full_profile):
    """At any byte, plain or through gzip: the missing end is missed."""
    whole = gzip.compress(made) if packed else made
    read(whole)
    step = 1 if full_profile else 97
    for length in range(0, len(whole), step):
        with pytest.raises(StoreError, match=r"x\.jsonl"):
            read(whole[:length])


def test_a_changed_export_is_refused_wherever_it_was_changed(made, full_profile):
    """One bit, in a row or in a line between: it is none, or its checksum is another."""
    step = 5 if full_profile else 89
    for place in range(0, len(made), step):
        changed = bytearray(made)
        changed[place] ^= 1
        with pytest.raises(StoreError, match=r"x\.jsonl"):
            read(bytes(changed))


def test_a_damaged_gzip_is_refused(made):
    """With what is wrong, in one line."""
    packed = bytearray(gzip.compress(made))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(StoreError, match=r"x\.jsonl.*(damaged|line|checksum|cut)"):
        read(bytes(packed))


@pytest.mark.parametrize(
    "other",
    [b"", b"\n", b"{}\n", b"[]\n", b"SQLite format 3\0", b"\xff\xfe\n", b'{"bellbuoy":"x"}\n'],
)
def test_what_is_no_export_is_refused(other):
    """And told how one is made."""
    with pytest.raises(StoreError, match=r"x\.jsonl is no export .*`bellbuoy store export`"):
        read(other)


@pytest.mark.parametrize("changes", [{"shape": 2}, {"schema": "9999"}])
def test_an_export_of_a_newer_bellbuoy_is_refused(made, changes):
    """It may hold what this one would lose."""
    with pytest.raises(StoreNewerError, match="import it with that one"):
        read(with_header(made, version="9.9", **changes))


def test_an_export_of_an_older_schema_is_refused(made):
    """Its rows would miss what the steps since then fill in; it is said how to go on."""
    with pytest.raises(StoreError, match=r"Bellbuoy 0\.0\.1 .*brings it up to date"):
        read(with_header(made, schema="0001", version="0.0.1"))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rows": {"event": 1}}, "tables of schema"),
        ({"log": None}, "line 1"),
        ({"rows": 3}, "line 1"),
    ],
)
def test_a_header_that_lacks_something_is_refused(made, changes, problem):
    """It names the line."""
    with pytest.raises(StoreError, match=problem):
        read(with_header(made, **changes))


def test_a_row_of_another_kind_is_refused_with_its_line(made):
    """Also where the checksum is right, for anybody can make one."""
    lines = made.splitlines(keepends=True)[:-1]
    place = next(n for n, line in enumerate(lines) if line.startswith(b'["console"'))
    lines[place] = b'["console","many"]\n'
    whole = b"".join(lines)
    rows = sum(line.startswith(b"[") for line in lines)
    end = {"end": {"rows": rows, "sha256": sha256(whole).hexdigest()}}
    with pytest.raises(StoreError, match=r"x\.jsonl, line \d+: a row of cursor"):
        read(whole + json.dumps(end).encode() + b"\n")


def test_something_behind_the_end_is_refused(made):
    """Two exports in one file are none."""
    with pytest.raises(StoreError, match="behind the end"):
        read(made + made)


def test_a_line_without_an_end_is_not_read_into_memory(made, monkeypatch):
    """A file that is no export may be one line of any length."""
    monkeypatch.setattr(exported, "LONGEST_LINE", 4096)
    with pytest.raises(StoreError, match="no export"):
        opened(b'{"bellbuoy":"export"' + b" " * 10_000_000)


def test_a_batch_is_bounded_by_rows_and_by_bytes(made, monkeypatch):
    """What is in memory at a time does not depend on how much there is."""

    def sizes():
        export = opened(made)
        return [len(batch.rows) for batch in export.batches(export.mark)]

    assert max(sizes()) > 5
    monkeypatch.setattr(exported, "ROWS", 5)
    assert max(sizes()) == 5
    monkeypatch.setattr(exported, "BATCH_BYTES", 10)
    assert set(sizes()) == {1}


def test_reading_goes_on_behind_a_mark_and_only_behind_its_own(made):
    """Of another export the same place is another one."""
    export = opened(made)
    (one, *rest) = export.batches(export.mark)
    again = opened(made)
    assert list(again.batches(one.mark)) == rest
    for mark in (
        Mark(one.mark.position, "0" * 64),
        Mark(0, "0" * 64),
        Mark(10**6, one.mark.digest),
    ):
        other = opened(made)
        with pytest.raises(StoreError, match="is not the export whose first"):
            list(other.batches(mark))
