"""P3: the power is cut at any instant, and what was acknowledged is there.

A process keeps a store and writes to a file; `recorder.c` records every call that it makes to
the file system. From that journal disks are drawn that a power cut could leave, and each is
opened with the real store.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bellbuoy.errors import StoreError
from bellbuoy.events import to_json
from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.model.known import Known
from bellbuoy.notifiers import Message, file
from bellbuoy.stores import Outgoing, Store
from bellbuoy.stores.opening import open_store
from tests.powercut import life
from tests.powercut.journal import Call, Disk, Record, read
from tests.stores.samples import delivery, event, page

HERE = Path(__file__).parent


class LostError(AssertionError):
    """Something that was acknowledged is not there, or half of something is."""


@pytest.fixture(scope="session")
def recorder(tmp_path_factory) -> Path:
    """The library that records, if this system can make and load it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("no C compiler for Linux here (Debian's packages gcc and libc6-dev)")
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    made = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / "recorder.c", "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"the recorder cannot be compiled here (glibc is needed): {made.stderr[:300]}")
    return library


def live(recorder: Path, root: Path, kill: tuple[Call, str] | None = None) -> bool:
    """Live, and write the journal beside `root`; whether it was killed, as `kill` says."""
    killing = {}
    if kill is not None:
        killing = {"RECORD_KILL_CALL": str(int(kill[0])), "RECORD_KILL_NAME": kill[1]}
    root.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.powercut.life", str(root)],
        env={
            **os.environ,
            "LD_PRELOAD": str(recorder),
            "RECORD_BELOW": str(root),
            "RECORD_TO": str(root.with_suffix(".journal")),
            **killing,
        },
        cwd=HERE.parents[1],
        check=False,
        timeout=60,
    )
    assert done.returncode in {0, -signal.SIGKILL}
    return done.returncode != 0


@pytest.fixture
def lived(recorder, tmp_path) -> tuple[Path, list[Record]]:
    """The directory of a whole life, and its journal."""
    root = (tmp_path / "root").resolve()
    assert not live(recorder, root)
    records = read(root.with_suffix(".journal"))
    marks = [record.first.decode() for record in records if record.call is Call.MARK]
    assert {"opened", "pruned", "copied two.db 20", "line 30", "settled 30"} <= set(marks)
    return root, records


def cuts(records: list[Record], chance: random.Random, *, between: int) -> list[int]:
    """Before and after each synchronisation, at each acknowledgement, and at other instants."""
    at = {0, len(records)}
    for place, record in enumerate(records):
        if record.call in {Call.SYNC, Call.SYNC_DIRECTORY}:
            at |= {place, place + 1}
        elif record.call is Call.MARK:
            at.add(place + 1)
    return sorted(at | set(chance.sample(range(len(records)), min(between, len(records)))))


async def look(root: Path, records: list[Record], place: Path, at: list[int], *, draws: int) -> int:
    """Look at disks that cuts could leave after so many calls; returns at how many."""
    chance = random.Random(3)
    disk, marks, played, looked = Disk(root), [], 0, 0
    for cut in at:
        for record in records[played:cut]:
            disk.play(record)
            if record.call is Call.MARK:
                marks.append(record.first.decode())
        played = cut
        for _ in range(draws):
            shutil.rmtree(place, ignore_errors=True)
            disk.leave(place, chance)
            try:
                await check(place, marks)
            except (AssertionError, StoreError) as error:
                error.add_note(f"cut after {cut} of {len(records)} calls, {marks[-1:]}")
                raise
            looked += 1
    return looked


async def check(root, marks: list[str]) -> None:
    """Raise LostError, or what the store raises, unless all that was acknowledged is there."""
    said = {mark.split()[0]: mark.split()[1:] for mark in marks}
    # Of a kind of mark the last one counts: numbers go up.
    upto = {kind: int(words[-1]) if words else 0 for kind, words in said.items()}
    path = life.database(root)
    if "opened" in said and not path.exists():
        raise LostError("the database has no name")
    for mark in marks:
        kind, *words = mark.split()
        if kind == "copied":
            await _check_copy(root / words[0], int(words[1]))
    await _check_lines(life.lines(root), [int(mark[5:]) for mark in marks if mark[:5] == "line "])
    await _check_store(path, upto, is_pruned="pruned" in said)


async def _check_store(path: Path, upto: dict[str, int], *, is_pruned: bool) -> None:
    async with open_store(str(path), poller=True) as store:
        await _check_visits(store, upto.get("visit", 0), is_pruned=is_pruned)
        last = await store.last_seq()
        cursor = await store.read_cursor(life.DISPATCHER) or 0
        if cursor < upto.get("dispatched", 0):
            raise LostError(f"deliveries up to {cursor} only")
        deliveries = {one.seq: one for one in await store.deliveries(limit=1000)}
        held = {one.seq for one in await store.read_events(limit=1000)}
        if set(deliveries) != {seq for seq in held if seq <= cursor}:
            raise LostError("half of a transaction: deliveries without their cursor")
        for seq, one in deliveries.items():
            if seq <= upto.get("settled", 0) and one.status is not DeliveryStatus.DONE:
                raise LostError(f"delivery {seq} is not settled")
        (fresh,) = await store.append([event(1, of=page("https://after.example"))])
        if fresh.seq != last + 1:
            raise LostError("the log counts wrong")
        await store.dispatch(life.DISPATCHER, fresh.seq, Outgoing(new=(delivery(fresh),)))
        if problems := await store.check():
            raise LostError(f"damage: {problems}")
    async with open_store(str(path), poller=True) as store:
        if await store.last_seq() != last + 1:
            raise LostError("what was written afterwards is not there")


async def _check_visits(store: Store, acknowledged: int, *, is_pruned: bool = False) -> None:
    """Each visit up to the acknowledged one is there; each is there as a whole or not at all."""
    last = await store.last_seq()
    if last < acknowledged:
        raise LostError(f"the log ends at {last}, {acknowledged} was acknowledged")
    seqs = [one.seq for one in await store.read_events(limit=1000)]
    whole = list(range(1, last + 1))
    if seqs != (whole[life.OLD :] if is_pruned else whole) and seqs != whole[life.OLD :]:
        raise LostError(f"events are missing, or came back: {seqs}")
    numbers = range(1, life.VISITS + 1)
    states = await store.load_states(life.page_of(n).key for n in numbers)
    if len(states) != last:
        raise LostError("half of a visit: a state without its event")
    for number in numbers:
        found = await store.load_known(life.page_of(number).key)
        if found != (life.known_of(number) if number <= last else _unknown(number)):
            raise LostError(f"half of visit {number}")


def _unknown(number: int) -> Known:
    return Known(page_key=life.page_of(number).key)


async def _check_copy(path, holds: int) -> None:
    if not path.exists():
        raise LostError(f"{path.name} has no name")
    async with open_store(str(path)) as store:
        await _check_visits(store, holds)


async def _check_lines(path, acknowledged: list[int]) -> None:
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    # The last one may be torn, until the next line is written.
    if lines and not _is_whole(lines[-1]):
        del lines[-1]
    if not all(map(_is_whole, lines)):
        raise LostError("a line is no event")
    told = {json.loads(line)["data"]["seq"] for line in lines}
    if not set(acknowledged) <= told:
        raise LostError(f"lines {sorted(set(acknowledged) - told)} are missing")
    again = life.event_of(1).numbered(1)
    async with file.open(file.Settings(path=path)) as receiver:
        await receiver.notify(Message(event=again, delivery=delivery(again), sent_at=0))
    if path.read_bytes() != b"".join(lines) + to_json(again) + b"\n":
        raise LostError("the next line does not stand by itself")


def _is_whole(line: bytes) -> bool:
    try:
        return line.endswith(b"\n") and isinstance(json.loads(line), dict)
    except ValueError:
        return False


@pytest.mark.timeout(900)
async def test_p3_the_power_is_cut_at_any_instant_and_what_was_acknowledged_is_there(
    lived, tmp_path, full_profile
):
    """Creation, visits, deliveries, pruning, copies, lines: all of it whole, and it goes on."""
    root, records = lived
    chance = random.Random(1)
    at = cuts(records, chance, between=100)
    if not full_profile:
        at = sorted(chance.sample(at, 50))
    assert await look(root, records, tmp_path / "disk", at, draws=2) >= 100


@pytest.mark.parametrize(
    "kill",
    [
        (Call.MKDIR, "/new"),
        (Call.LINK, "/bellbuoy.db"),
        (Call.MKDIR, "/told"),
        (Call.CREATE, "/lines.jsonl"),
    ],
    ids=lambda kill: f"{kill[0].name} {kill[1]}",
)
async def test_p3_killed_and_begun_again_and_then_the_power_is_cut(recorder, tmp_path, kill):
    """What a killed process left without a sync, the next one does not take for being on disk."""
    root = (tmp_path / "root").resolve()
    assert live(recorder, root, kill)
    assert not live(recorder, root)
    records = read(root.with_suffix(".journal"))
    at = [_at_mark(records, mark) for mark in ("opened", "visit 20", "line 1")]
    await look(root, records, tmp_path / "disk", sorted(at), draws=3)


def _at_mark(records: list[Record], mark: str) -> int:
    """The number of calls up to the last such mark."""
    marked = (Call.MARK, mark.encode())
    return max(at for at, one in enumerate(records, 1) if (one.call, one.first) == marked)


def _without(records: list[Record], names: str) -> list[Record]:
    """The journal of a process that did not wait for the disk when it wrote to such files."""
    of = {}
    kept = []
    for record in records:
        if record.call is Call.CREATE:
            of[record.inode] = record.name.name
        if record.call is Call.SYNC and of[record.inode].endswith(names):
            continue
        kept.append(record)
    return kept


async def test_p3_a_process_that_does_not_wait_for_the_disk_is_found_out(lived, tmp_path):
    """Without the syncs of one kind of file (for the log: synchronous=NORMAL) something is lost."""
    root, records = lived
    at = [_at_mark(records, "visit 30"), _at_mark(records, "settled 30")]
    for names, lost in (
        ("-wal", "the log ends at"),
        (".new", "damaged|is empty"),
        ("one.db", "one.db"),
        ("lines.jsonl", "lines .* are missing|a line is no event"),
    ):
        with pytest.raises((LostError, StoreError), match=lost):
            # From the end, where all is acknowledged.
            await look(root, _without(records, names), tmp_path / "disk", at, draws=20)
    kept = [record for record in records if record.call is not Call.SYNC_DIRECTORY]
    with pytest.raises(LostError, match="has no name"):
        await look(root, kept, tmp_path / "disk", at, draws=20)
