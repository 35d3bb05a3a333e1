"""What an export of a store looks like: lines of JSON, the last of which vouches for the others.

    {"bellbuoy":"export","shape":1,"schema":"0003","version":"0.1.0",
     "log":{"id":"5c0e7a3d1b9f4826","seq":2},"rows":{"cursor":0,"event":2}}
    {"table":"cursor","columns":["reader","seq"]}
    {"table":"event","columns":["seq","id","incident","observed_at","facts","page_key"]}
    [1,"6f0c...","i1",1771862970123456,"hKJpZA...","https://status.acme.example"]
    [2,"91ab...",null,1771862970123456,"hKJpZA...","https://status.acme.example"]
    {"end":{"rows":2,"sha256":"9c1f..."}}

The first line is the header, here in two: the schema of the tables, the log's identity and the
`seq` given last, and how many rows each table has. Tables follow in the order of the header, and
rows in the order of their key, each value as it is in the database: instants as microseconds
since 1970, bytes in Base64. The last line has the SHA-256 of all bytes before it. Nothing tells
when or where an export was made, so two exports of the same rows are the same bytes.

A name that ends in `.gz` means the same through gzip; read is either, whatever its name.
"""

import gzip
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO, cast

import msgspec
from msgspec import Struct
from sqlalchemy import TableClause, column, table, types

from bellbuoy import __version__
from bellbuoy.errors import StoreError, StoreNewerError
from bellbuoy.stores import migrations, schema
from bellbuoy.stores.faults import mapped

SHAPE = 1
"""The shape of the lines; a change that an older reader would not understand raises it."""

ROWS = 1000
"""Rows of one batch, at most."""

BATCH_BYTES = 4 * 1024 * 1024
"""Bytes of lines after which a batch takes no further row."""

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of a line; whatever is longer is no row of ours, and is not read to its end."""

NOT_CARRIED = frozenset({"alembic_version", "log", "lease", "worker", "poke"})
"""Tables that stay behind: what the header says, and what is true of running processes only."""

_GZIP = b"\x1f\x8b"


class LogPlace(Struct, frozen=True):
    """A log's identity and the `seq` given last."""

    id: str
    seq: int


class Header(Struct, frozen=True, kw_only=True):
    """The first line; `rows` says how many each table has, in the order of the lines."""

    bellbuoy: str = "export"
    shape: int = SHAPE
    schema: str = migrations.HEAD
    version: str = __version__
    log: LogPlace
    rows: dict[str, int]

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.rows.values())


class Mark(Struct, frozen=True):
    """A place in an export: after how many rows, and the SHA-256 of all bytes up to there."""

    position: int
    digest: str


class Batch(Struct, frozen=True):
    """Rows of one table that follow each other, and the mark behind the last of them."""

    table: TableClause
    rows: list[dict[str, Any]]
    mark: Mark


class _Turn(Struct, frozen=True):
    """The line before the rows of a table."""

    table: str
    columns: tuple[str, ...]


class _End(Struct, frozen=True):
    rows: int
    sha256: str


class _Last(Struct, frozen=True):
    end: _End


class _Known(Struct, frozen=True):
    """What every shape of a header says."""

    bellbuoy: str = ""
    shape: int = 0
    schema: str = ""
    version: str = ""


@cache
def tables() -> Mapping[str, TableClause]:
    """Every table that is carried, by name and in that order, with its values as they are kept.

    A table that the schema gets later is carried, unless it is in `NOT_CARRIED`.
    """
    return {
        name: table(name, *(column(each.name, _plain(each.type)) for each in found.columns))
        for name, found in sorted(schema.metadata.tables.items())
        if name not in NOT_CARRIED
    }


class Writing:
    """An export that is being written; `name` is what its stream is called by people."""

    def __init__(self, stream: BinaryIO, name: str, header: Header) -> None:
        self._stream = stream
        self._name = name
        self._hash = sha256()
        self._rows = 0
        self._put([header])

    def turn(self, of: TableClause) -> None:
        """The rows of this table follow."""
        self._put([_turn(of)])

    def rows(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows of the table whose turn it is."""
        self._put(map(tuple, rows))
        self._rows += len(rows)

    def end(self) -> None:
        """Write the line that vouches for the others."""
        self._put([_Last(_End(self._rows, self._hash.hexdigest()))])

    def _put(self, values: Iterable[object]) -> None:
        lines = b"".join(msgspec.json.encode(each) + b"\n" for each in values)
        self._hash.update(lines)
        with mapped(self._name):
            self._stream.write(lines)


class Export:
    """An export that is being read, once and from the front.

    Raises StoreError, which names the line, where it is none, is cut or is damaged; and
    StoreNewerError where a newer Bellbuoy made it. Whether it is whole is known at its end.
    """

    def __init__(self, stream: BufferedReader, name: str) -> None:
        self.name = name
        self._stream = _unpacked(stream, name)
        self._hash = sha256()
        self._line = 0
        self._position = 0
        line = self._next()
        self.header = _header(line, name)
        self._take(line)

    @property
    def mark(self) -> Mark:
        """Behind the row that was read last."""
        return Mark(self._position, self._hash.hexdigest())

    def verify(self) -> None:
        """Read it to its end, and keep nothing."""
        for _ in self._rows():
            pass

    def batches(self, after: Mark) -> Iterator[Batch]:
        """The rows behind a mark. Raises StoreError if the ones up to there are others."""
        if not after.position or after.position > self.header.total:
            self._must_be(after)
        lines: list[bytes] = []
        size = 0
        for name, line, left in self._rows():
            if self._position <= after.position:
                if self._position == after.position:
                    self._must_be(after)
                continue
            of = tables()[name]
            lines.append(line)
            size += len(line)
            if not left or len(lines) >= ROWS or size >= BATCH_BYTES:
                yield Batch(of, self._decoded(of, lines), self.mark)
                lines, size = [], 0

    def _must_be(self, mark: Mark) -> None:
        if self.mark != mark:
            raise StoreError(
                f"{self.name} is not the export whose first {mark.position} rows are there "
                "already: go on with that one, or import this one into an empty store"
            )

    def _rows(self) -> Iterator[tuple[str, bytes, int]]:
        """Each row as (table, line, rows of that table that are left); then the end is judged."""
        for name, number in self.header.rows.items():
            self._take(self._turn(name))
            for left in reversed(range(number)):
                line = self._next()
                if not line.startswith(b"["):
                    raise self._wrong(f"a row of {name} should stand here")
                self._take(line)
                self._position += 1
                yield name, line, left
        self._judge_end()

    def _turn(self, name: str) -> bytes:
        line = self._next()
        with self._understood("a table should begin here"):
            turn = msgspec.json.decode(line, type=_Turn)
        if turn != _turn(tables()[name]):
            raise self._wrong(f"the table {name} should begin here, with the columns that it has")
        return line

    def _judge_end(self) -> None:
        digest = self._hash.hexdigest()
        with self._understood("the end should stand here"):
            end = msgspec.json.decode(self._next(), type=_Last).end
        if end != _End(self._position, digest):
            raise StoreError(f"{self.name} was changed since it was made: its checksum is another")
        with mapped(self.name), _packed_well(self.name):
            if self._stream.read(1):
                raise self._wrong("something stands behind the end")

    def _decoded(self, of: TableClause, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        decode = _decoder(of.name).decode
        names = [each.name for each in of.columns]
        with self._understood(f"a row of {of.name} here or before is none"):
            return [dict(zip(names, decode(line), strict=True)) for line in lines]

    def _next(self) -> bytes:
        self._line += 1
        with mapped(self.name), _packed_well(self.name):
            line = self._stream.readline(LONGEST_LINE)
        if self._line > 1 and not line.endswith(b"\n") and len(line) < LONGEST_LINE:
            raise StoreError(
                f"{self.name} is cut after {self._position} of {self.header.total} rows: "
                "take it whole, or export anew"
            )
        return line

    def _take(self, line: bytes) -> None:
        self._hash.update(line)

    @contextmanager
    def _understood(self, problem: str) -> Generator[None]:
        try:
            yield
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._wrong(f"{problem} ({error})") from error

    def _wrong(self, problem: str) -> StoreError:
        return StoreError(f"{self.name}, line {self._line}: {problem}")


def _turn(of: TableClause) -> _Turn:
    # SQLAlchemy's names are of a class of their own.
    return _Turn(str(of.name), tuple(str(each.name) for each in of.columns))


def _header(line: bytes, name: str) -> Header:
    """The header, if this Bellbuoy can read what follows."""
    try:
        known = msgspec.json.decode(line, type=_Known)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        known = _Known()
    if known.bellbuoy != "export":
        raise StoreError(f"{name} is no export of a store: `bellbuoy store export` makes one")
    made = f"{name} was made by Bellbuoy {known.version} (schema {known.schema}"
    if known.shape > SHAPE or known.schema > migrations.HEAD:
        raise StoreNewerError(f"{made}, this one knows {migrations.HEAD}): import it with that one")
    if known.schema != migrations.HEAD:
        raise StoreError(
            f"{made}, this one has {migrations.HEAD}): import it with that version, then open the "
            "store with this one, which brings it up to date"
        )
    try:
        header = msgspec.json.decode(line, type=Header)
    except msgspec.MsgspecError as error:
        raise StoreError(f"{name}, line 1: {error}") from error
    if set(header.rows) != set(tables()):
        raise StoreError(f"{name}, line 1: it does not name the tables of schema {header.schema}")
    return header


def _unpacked(stream: BufferedReader, name: str) -> BufferedReader:
    with mapped(name):
        is_packed = stream.peek(2).startswith(_GZIP)
    if not is_packed:
        return stream
    return BufferedReader(cast("RawIOBase", gzip.GzipFile(fileobj=stream)))


@contextmanager
def _packed_well(name: str) -> Generator[None]:
    try:
        yield
    except EOFError as error:
        raise StoreError(f"{name} is cut: take it whole, or export anew") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise StoreError(f"{name} is damaged: {error}") from error


@cache
def _decoder(name: str) -> "msgspec.json.Decoder[tuple[Any, ...]]":
    found = schema.metadata.tables[name].columns
    kinds = [_plain(each.type).python_type for each in found]
    shape = [
        kind | None if each.nullable else kind for kind, each in zip(kinds, found, strict=True)
    ]
    return msgspec.json.Decoder(cast("Any", tuple)[tuple(shape)])


def _plain(kind: types.TypeEngine[Any]) -> types.TypeEngine[Any]:
    """The type as which a value is kept."""
    return kind.impl_instance if isinstance(kind, types.TypeDecorator) else kind
