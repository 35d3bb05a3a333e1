"""Wire shapes that status pages speak; one module each, pure.

A format is a module with the attributes of `Format`. To add one, write `formats/X.py`,
`tests/formats/test_X.py` and its fixtures: the registry finds it by its name.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from bellbuoy.exchange import Exchange, Response
from bellbuoy.model.facts import Page, Snapshot
from bellbuoy.model.known import Seen

API_VERSION = 1
"""The version of the `Format` protocol; provisional until 1.0."""

_NOT_FORMATS = frozenset({"__init__", "recognise"})


class Claim(Struct, frozen=True, kw_only=True):
    """A format's word that an answer is its own: the page's canonical address, and its name."""

    format: str
    url: str
    name: str


class Format(Protocol):
    """What a format module holds."""

    api_version: int
    """`API_VERSION` at the time of writing."""

    NAME: str
    """Its name in the config, which is the module's name."""

    PLATFORM: str | None
    """The hosting platform whose pages share a request budget; None if they are unrelated."""

    PROBES: tuple[str, ...]
    """Paths below a page's address where its document may lie, the cheapest and surest first.

    Empty for a format that no page has by itself, because a person must say so.

    A format of one vendor's own page may also have `HOSTS`, a tuple of host names: then its
    probes are asked there only, and nobody else is bothered with them.
    """

    def claims(self, response: Response) -> Claim | None:
        """Whether an answer, to whatever address, is of this format: positive evidence only."""
        ...

    def read(self, page: Page, seen: Seen) -> Exchange[Snapshot]:
        """Read the page. The first request, its face, does not depend on `seen`.

        Raises ReadError if an answer is not of the format.
        """
        ...


def hosts_of(format: Format) -> tuple[str, ...]:
    """The only hosts where a format's probes are asked; empty if they may be asked anywhere."""
    return getattr(format, "HOSTS", ())


class Formats(Mapping[str, Format]):
    """Every format by name: the built-in ones, loaded at first use, and `extra` from plugins."""

    def __init__(self, extra: Mapping[str, Format] | None = None) -> None:
        self._loaded = dict(extra or {})

    def __getitem__(self, name: str) -> Format:
        if name not in self._loaded:
            if name not in builtin_names():
                raise KeyError(name)
            self._loaded[name] = import_module(f"{__name__}.{name}")  # pyright: ignore[reportArgumentType] - the contract test checks each module
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*builtin_names(), *self._loaded}))

    def __len__(self) -> int:
        return len({*builtin_names(), *self._loaded})


@cache
def builtin_names() -> frozenset[str]:
    """The names of the formats in this package."""
    names = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return frozenset(name for name in names if name not in _NOT_FORMATS and name[0] != "_")
