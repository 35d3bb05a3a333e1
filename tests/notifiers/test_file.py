"""A line per event, whole lines only, on disk before it counts."""

import errno
import json
import os
import stat
import sys

import pytest

from bellbuoy.errors import DelayedError
from bellbuoy.events import to_builtins, to_json
from bellbuoy.notifiers import DoorNotifier, Notifiers, file
from tests.event_samples import incident_event, message
from tests.event_schema import valid_wire

EVENTS = [incident_event(update=f"u{n}", body=f"message {n}\nsecond line") for n in range(3)]


async def deliver(path, *events):
    """Send events to a file."""
    async with file.open(file.Settings(path=path)) as door:
        for event in events:
            await door.notify(message(event))


def test_it_is_a_notifier_with_a_door():
    """The registry finds it by its name."""
    assert isinstance(Notifiers()["file"], DoorNotifier)


async def test_one_cloudevent_per_line(tmp_path):
    """What is read back line by line is what was sent, also over a restart."""
    path = tmp_path / "events" / "log.jsonl"
    await deliver(path, *EVENTS[:2])
    await deliver(path, EVENTS[2])
    lines = path.read_bytes().decode().splitlines()
    assert [valid_wire(json.loads(line)) for line in lines] == [
        json.loads(json.dumps(to_builtins(event))) for event in EVENTS
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are not what protects files there")
async def test_the_file_is_its_owners_alone(tmp_path):
    """Events may tell what a company depends on: 0600, whatever the umask."""
    before = os.umask(0)
    try:
        await deliver(tmp_path / "log.jsonl", EVENTS[0])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log.jsonl").stat().st_mode) == 0o600


async def test_p1_half_a_line_that_a_crash_left_is_never_followed_by_another(tmp_path):
    """Cut anywhere, the file holds whole lines only after the next event."""
    first, second = (to_json(event) + b"\n" for event in EVENTS[:2])
    for kept in [*range(0, len(second), 7), 1, 14, 15, 16, len(second) - 1]:
        path = tmp_path / "log.jsonl"
        path.write_bytes(first + second[:kept])
        await deliver(path, EVENTS[1])
        assert path.read_bytes() == first + second, kept


async def test_a_torn_line_longer_than_one_look_back_is_mended(tmp_path):
    """A long first line without an end is found from its beginning."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"specversion":' + b"x" * 200_000)
    await deliver(path, EVENTS[0])
    assert path.read_bytes() == to_json(EVENTS[0]) + b"\n"


async def test_a_last_line_of_somebody_else_is_ended_and_kept(tmp_path):
    """What we did not write is not ours to take away."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"buy milk")
    await deliver(path, EVENTS[0])
    assert path.read_bytes() == b"buy milk\n" + to_json(EVENTS[0]) + b"\n"


async def test_a_rotated_file_is_left_alone(tmp_path):
    """After logrotate renamed it, a new file begins."""
    path = tmp_path / "log.jsonl"
    await deliver(path, EVENTS[0])
    async with file.open(file.Settings(path=path)) as door:
        await door.notify(message(EVENTS[1]))
        path.rename(tmp_path / "log.jsonl.1")
        await door.notify(message(EVENTS[2]))
    assert path.read_bytes() == to_json(EVENTS[2]) + b"\n"
    assert (tmp_path / "log.jsonl.1").read_bytes().count(b"\n") == 2


async def test_n5_a_full_disk_is_no_success_and_leaves_no_half_line(tmp_path, monkeypatch):
    """Half a line went out before the disk was full: delayed, then the whole line once."""
    path = tmp_path / "log.jsonl"
    await deliver(path, EVENTS[0])
    real = os.write
    told = []

    def write(descriptor, data):
        if bytes(data).startswith(b'{"spec') and not told:
            told.append(real(descriptor, bytes(data)[:40]))
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(file.os, "write", write)
    with pytest.raises(DelayedError, match="No space left") as caught:
        await deliver(path, EVENTS[1])
    assert caught.value.uncertain
    assert not path.read_bytes().endswith(b"\n")
    await deliver(path, EVENTS[1])
    assert path.read_bytes() == b"".join(to_json(event) + b"\n" for event in EVENTS[:2])


@pytest.mark.parametrize("end", [b"", b"}\n"])
@pytest.mark.parametrize("kept", [0, 5, 100])
async def test_p3_zeros_that_a_power_cut_left_in_the_last_line_are_taken_away(tmp_path, kept, end):
    """A file may grow on disk before its data comes, and the end of a line before its middle."""
    path = tmp_path / "log.jsonl"
    await deliver(path, EVENTS[0])
    before = path.read_bytes()
    path.write_bytes(before + to_json(EVENTS[1])[:kept] + bytes(200) + end)
    await deliver(path, EVENTS[1])
    assert path.read_bytes() == before + to_json(EVENTS[1]) + b"\n"


async def test_n5_a_line_that_may_not_be_on_disk_comes_again(tmp_path, monkeypatch):
    """A failed fsync is no success, and nothing before it is lost: at least once."""
    path = tmp_path / "log.jsonl"
    await deliver(path, EVENTS[0])

    def fsync(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(file.os, "fsync", fsync)
        with pytest.raises(DelayedError, match="Input/output error") as caught:
            await deliver(path, EVENTS[1])
    assert caught.value.uncertain
    await deliver(path, EVENTS[1])
    lines = path.read_bytes().splitlines()
    assert list(dict.fromkeys(lines)) == [to_json(event) for event in EVENTS[:2]]


async def test_a_place_that_cannot_be_written_is_delayed_with_the_systems_words(tmp_path):
    """A directory where the file should be, or a file where its directory should be."""
    (tmp_path / "there").mkdir()
    with pytest.raises(DelayedError, match="there"):
        await deliver(tmp_path / "there", EVENTS[0])
    (tmp_path / "plain").write_text("")
    with pytest.raises(DelayedError, match="plain"):
        await deliver(tmp_path / "plain" / "log.jsonl", EVENTS[0])


async def test_a_device_or_a_pipe_is_written_to_as_it_is():
    """/dev/null and /dev/stdout can be neither mended nor synced."""
    await deliver(os.devnull, EVENTS[0])


def test_a_relative_path_is_made_absolute(tmp_path, monkeypatch):
    """The place does not move with the working directory."""
    monkeypatch.chdir(tmp_path)
    settings = file.Settings(path="log.jsonl")
    monkeypatch.chdir("/")
    assert settings.path == tmp_path / "log.jsonl"
    assert file.Settings(path="~/log.jsonl").path.is_absolute()
