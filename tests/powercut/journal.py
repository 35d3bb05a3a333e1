"""What a power cut could leave of the files that a process wrote.

`recorder.c` writes the journal. Here it is played up to a cut, and then a disk is drawn from
all those that the rules of POSIX allow:

- what was written to a file before its last fsync is there,
- each later write is there, absent, or torn: any part of it, or zeros in its place,
- a name is there for certain only once its directory was synchronised; later changes of names
  are there or not, each for itself.

That is worse than what any file system of today does, which keep the order of names and often
more. https://pubs.opengroup.org/onlinepubs/9799919799/functions/fsync.html
"""

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path, PurePosixPath
from typing import NamedTuple

_HEAD = struct.Struct("<IIIIQQ")
_SECTOR = 512


class Call(IntEnum):
    """What was done. The numbers are those of `recorder.c`."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC = 4
    SYNC_DIRECTORY = 5
    LINK = 6
    RENAME = 7
    UNLINK = 8
    MKDIR = 9
    MARK = 10


class Record(NamedTuple):
    """One call: its file by inode, its place in the file or the new size, names or bytes."""

    call: Call
    inode: int
    place: int
    first: bytes
    second: bytes

    @property
    def name(self) -> PurePosixPath:
        """The first name of a call about names."""
        return PurePosixPath(self.first.decode())

    @property
    def other(self) -> PurePosixPath:
        """The second name of a call about names."""
        return PurePosixPath(self.second.decode())


def read(path: Path) -> list[Record]:
    """The records of a journal."""
    return list(_records(path.read_bytes()))


def _records(data: bytes) -> Iterator[Record]:
    at = 0
    while at < len(data):
        call, size, more, _, inode, place = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        first, second = data[at : at + size], data[at + size : at + size + more]
        at += size + more
        yield Record(Call(call), inode, place, first, second)


@dataclass
class _File:
    """What is on disk for certain, and the writes that nobody has synchronised."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Record] = field(default_factory=list)


@dataclass
class _Directory:
    """Names on disk for certain, and changes of names; a change to None takes a name away."""

    durable: dict[str, "_File | _Directory"] = field(default_factory=dict)
    pending: list[tuple[str, "_File | _Directory | None"]] = field(default_factory=list)

    def now(self) -> dict[str, "_File | _Directory"]:
        """The names as the process sees them."""
        return _changed(self.durable, self.pending)


class Disk:
    """A file system below `root`, as it is after the records that were played."""

    def __init__(self, root: Path) -> None:
        self._root = PurePosixPath(root)
        self._top = _Directory()
        self._files: dict[int, _File] = {}

    def play(self, record: Record) -> None:
        """Do what the process did."""
        match record.call:
            case Call.CREATE:
                self._files[record.inode] = made = _File()
                self._name(record.name, made)
            case Call.WRITE | Call.TRUNCATE:
                self._files[record.inode].pending.append(record)
            case Call.SYNC:
                file = self._files[record.inode]
                for written in file.pending:
                    _write(file.durable, written)
                file.pending.clear()
            case Call.SYNC_DIRECTORY:
                self._sync(record.name)
            case Call.MKDIR:
                self._name(record.name, _Directory())
            case Call.LINK:
                self._name(record.other, self._find(record.name))
            case Call.RENAME:
                self._name(record.other, self._find(record.name))
                self._name(record.name, None)
            case Call.UNLINK:
                self._name(record.name, None)
            case Call.MARK:
                pass

    def leave(self, place: Path, chance: random.Random) -> None:
        """Write to `place` one of the disks that a power cut could leave."""
        # Whole disks in which all, or nothing, of what is open arrived are drawn more often.
        likely = chance.choice([0.0, 1.0, chance.random(), chance.random()])
        _leave(self._top, place, chance, likely)

    def _name(self, path: PurePosixPath, what: "_File | _Directory | None") -> None:
        if path.is_relative_to(self._root) and path != self._root:
            self._directory(path.parent).pending.append((path.name, what))

    def _sync(self, path: PurePosixPath) -> None:
        if not path.is_relative_to(self._root):
            return
        directory = self._directory(path)
        directory.durable = directory.now()
        directory.pending.clear()

    def _directory(self, path: PurePosixPath) -> _Directory:
        found = self._find(path)
        assert isinstance(found, _Directory), path
        return found

    def _find(self, path: PurePosixPath) -> "_File | _Directory":
        found: _File | _Directory = self._top
        for part in path.relative_to(self._root).parts:
            assert isinstance(found, _Directory), path
            found = found.now()[part]
        return found


def _changed(
    names: dict[str, "_File | _Directory"],
    changes: Sequence[tuple[str, "_File | _Directory | None"]],
) -> dict[str, "_File | _Directory"]:
    changed = dict(names)
    for name, what in changes:
        if what is None:
            changed.pop(name, None)
        else:
            changed[name] = what
    return changed


def _leave(directory: _Directory, place: Path, chance: random.Random, likely: float) -> None:
    place.mkdir(exist_ok=True)
    arrived = [change for change in directory.pending if chance.random() < likely]
    for name, what in _changed(directory.durable, arrived).items():
        if isinstance(what, _Directory):
            _leave(what, place / name, chance, likely)
            continue
        content = bytearray(what.durable)
        for written in what.pending:
            _write_perhaps(content, written, chance, likely)
        (place / name).write_bytes(content)


def _write_perhaps(
    content: bytearray, written: Record, chance: random.Random, likely: float
) -> None:
    if chance.random() < likely:
        _write(content, written)
        return
    if written.call is not Call.WRITE or chance.random() < 0.5:
        return
    data = written.first
    at = chance.randrange(len(data) + 1)
    tear = chance.choice(("beginning", "end", "sectors", "zeros"))
    if tear == "beginning":
        _write(content, written._replace(first=data[:at]))
    elif tear == "end":
        _write(content, written._replace(first=data[at:], place=written.place + at))
    elif tear == "zeros":
        _write(content, written._replace(first=bytes(len(data))), only_beyond=True)
    else:
        for start in range(0, len(data), _SECTOR):
            if chance.random() < 0.5:
                part = data[start : start + _SECTOR]
                _write(content, written._replace(first=part, place=written.place + start))


def _write(content: bytearray, written: Record, *, only_beyond: bool = False) -> None:
    """Write or cut. `only_beyond` is what happens where a file grew and its data did not come."""
    start = written.place
    if written.call is Call.TRUNCATE:
        del content[start:]
        content.extend(bytes(start - len(content)))
        return
    data = written.first
    if only_beyond:
        data = data[max(len(content) - start, 0) :]
        start = max(start, len(content))
    if data:
        content.extend(bytes(max(start - len(content), 0)))
        content[start : start + len(data)] = data
