"""The shipped data: which status pages a provider has, and which format they speak.

`providers.toml` holds one stanza per provider. Reading all of a large file for one name
would cost more than everything else at start, so the file is cut at its stanza headers
and only the stanzas that are asked for are read.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property
from importlib.resources import files

import msgspec
from msgspec import Struct

DEFAULTS = ("openai", "anthropic", "github", "cloudflare", "stripe")
"""The slugs of the providers that are watched when there is no config."""

_HEADER = re.compile(r"^\[([a-z0-9-]+)\]$", re.MULTILINE)
_NAMING = re.compile(r"^(?:name|aliases) = .*$", re.MULTILINE)
_QUOTED = re.compile(r'"([^"]*)"')
_PUNCTUATION = re.compile(r"[\W_]+")


class CatalogPage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A status page: its address, its format, and how often to look, in seconds."""

    url: str
    format: str
    every: float | None = None


class CatalogEntry(Struct, frozen=True, kw_only=True):
    """A provider as the catalog knows it."""

    slug: str
    name: str
    aliases: tuple[str, ...] = ()
    category: str
    pages: tuple[CatalogPage, ...]


class _Stanza(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    aliases: tuple[str, ...] = ()
    category: str
    pages: tuple[CatalogPage, ...]


class Catalog:
    """The providers by slug, name and alias; case, blanks and punctuation do not count."""

    def __init__(self, text: str | None = None) -> None:
        self._given = text

    def find(self, name: str) -> CatalogEntry | None:
        """The provider of that slug, name or alias, or None."""
        slug = name if name in self._stanzas else self._slugs.get(_folded(name))
        return None if slug is None else self._read(slug)

    def nearest(self, name: str) -> tuple[str, ...]:
        """Up to three slugs whose slug, name or alias looks like a misspelt one; the best first."""
        close = get_close_matches(_folded(name), self._slugs, n=6, cutoff=0.7)
        return tuple(dict.fromkeys(self._slugs[folded] for folded in close))[:3]

    def __iter__(self) -> Iterator[CatalogEntry]:
        return map(self._read, self._stanzas)

    def __len__(self) -> int:
        return len(self._stanzas)

    def _read(self, slug: str) -> CatalogEntry:
        stanza = msgspec.toml.decode(self._stanzas[slug], type=dict[str, _Stanza])[slug]
        return CatalogEntry(
            slug=slug,
            name=stanza.name,
            aliases=stanza.aliases,
            category=stanza.category,
            pages=stanza.pages,
        )

    @cached_property
    def _stanzas(self) -> dict[str, str]:
        """Each stanza's text by slug, header included, unread."""
        text = self._given
        if text is None:
            text = files(__name__).joinpath("providers.toml").read_text("utf-8")
        headers = list(_HEADER.finditer(text))
        ends = [header.start() for header in headers[1:]] + [len(text)]
        return {
            header[1]: text[header.start() : end] for header, end in zip(headers, ends, strict=True)
        }

    @cached_property
    def _slugs(self) -> dict[str, str]:
        """Slugs by every folded name."""
        slugs: dict[str, str] = {}
        for slug, text in self._stanzas.items():
            for line in _NAMING.findall(text):
                for name in _QUOTED.findall(line):
                    slugs.setdefault(_folded(name), slug)
        return slugs | {_folded(slug): slug for slug in self._stanzas}


def _folded(name: str) -> str:
    return _PUNCTUATION.sub("", name.casefold())
