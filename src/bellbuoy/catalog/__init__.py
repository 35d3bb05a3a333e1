"""The shipped data: which status pages a provider has, and what they speak.

`providers/` holds one TOML file per category, one stanza per provider. The files keep to a
narrow shape (each key on a line of its own, a blank line between stanzas, comments only at
the head), so that a stanza is found without reading the others, and becomes JSON by
quoting its keys: a hundred times faster than a TOML reader, which all of it would hold up
every start.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

DEFAULTS = ("openai", "anthropic", "github", "cloudflare", "stripe")
"""The slugs of the providers that are watched when there is no config."""

COMPATIBLE = "statuspage-compatible"
"""The engine of a page that answers Statuspage's API, as incident.io's pages do, too."""

_NAMES = re.compile(r'^\[([a-z0-9-]+)\]\nname = "(.*)"(?:\naliases = \[(.*)\])?$', re.MULTILINE)
_QUOTED = re.compile(r'"([^"]*)"')
_PUNCTUATION = re.compile(r"[\W_]+")


class CatalogPage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A status page.

    `format` is the one that reads it; empty if that is decided at the first look, or if there
    is none. `engine` is what serves the page where no format is named. `confidence` is how
    sure that is: high (seen by what identifies it), medium (one source that asked or knows),
    low (only listed somewhere). `every` is how often to look, in seconds.
    """

    url: str
    format: str = ""
    engine: str = ""
    confidence: Literal["high", "medium", "low"]
    every: float | None = None


class CatalogEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider as the catalog knows it.

    `state` says whether a format of ours reads its pages (readable), or the catalog only
    knows where they are (listed). `components` are those that most people watch, if known.
    """

    slug: str
    name: str
    aliases: tuple[str, ...] = ()
    category: str
    state: Literal["readable", "listed"]
    pages: tuple[CatalogPage, ...]
    components: tuple[str, ...] = ()

    @property
    def is_readable(self) -> bool:
        """Whether a format of ours reads its pages."""
        return self.state == "readable"


_KEYS = (
    *((f"\n{key} = ", f'\n"{key}": ') for key in CatalogEntry.__struct_fields__),
    *((f"{{ {key} = ", f'{{ "{key}": ') for key in CatalogPage.__struct_fields__),
    *((f", {key} = ", f', "{key}": ') for key in CatalogPage.__struct_fields__),
)
"""How a key stands in the files, and how it stands in JSON. A regex takes four times as long."""


class Catalog:
    """The providers by slug, name and alias; case, blanks and punctuation do not count.

    `texts` are the files by category; the shipped ones unless given. They are read at the
    first question.
    """

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._given = texts

    def find(self, name: str) -> CatalogEntry | None:
        """The provider of that slug, name or alias, or None."""
        return self._read(name) or self._read(self._slugs.get(_folded(name), ""))

    def nearest(self, name: str) -> tuple[str, ...]:
        """Up to three slugs whose slug, name or alias looks like a misspelt one; the best first."""
        close = get_close_matches(_folded(name), self._slugs, n=6, cutoff=0.7)
        return tuple(dict.fromkeys(self._slugs[folded] for folded in close))[:3]

    def search(self, words: str) -> list[CatalogEntry]:
        """Every provider in whose name, alias, category or host each word occurs; the best first.

        Where none does, those whose name looks like the words. No word at all finds all.
        """
        wanted = words.casefold().split()
        ranked = [(_rank(entry, wanted), entry) for entry in self]
        found = [(rank, entry) for rank, entry in ranked if rank is not None]
        if not found:
            return [entry for slug in self.nearest(words) if (entry := self._read(slug))]
        return [entry for _, entry in sorted(found, key=lambda one: (one[0], one[1].slug))]

    def __iter__(self) -> Iterator[CatalogEntry]:
        """Every provider, sorted by its slug."""
        entries = [e for category, text in self.texts.items() for e in _entries(category, text)]
        return iter(sorted(entries, key=lambda entry: entry.slug))

    def __len__(self) -> int:
        return sum(text.count("\n[") for text in self.texts.values())

    def _read(self, slug: str) -> CatalogEntry | None:
        """The provider of exactly this slug, or None."""
        for category, text in self.texts.items() if slug else ():
            start = text.find(f"\n[{slug}]\n")
            if start >= 0:
                end = text.find("\n\n[", start + 1)
                (entry,) = _entries(category, text[start : end if end >= 0 else None])
                return entry
        return None

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The text of each file by category."""
        if self._given is not None:
            return self._given
        found = sorted(files(__name__).joinpath("providers").iterdir(), key=lambda file: file.name)
        return {file.name.removesuffix(".toml"): file.read_text("utf-8") for file in found}

    @cached_property
    def _slugs(self) -> dict[str, str]:
        """Slugs by every folded name."""
        slugs: dict[str, str] = {}
        for text in self.texts.values():
            for slug, name, aliases in _NAMES.findall(text):
                slugs[_folded(slug)] = slug
                for other in (name, *_QUOTED.findall(aliases)):
                    slugs.setdefault(_folded(other), slug)
        return slugs


def stanza_text(entry: CatalogEntry) -> str:
    """A provider as it stands in the file of its category, without a newline at the end."""
    lines = [f"[{entry.slug}]", f"name = {_quoted(entry.name)}"]
    if entry.aliases:
        lines.append(f"aliases = {_listed(map(_quoted, entry.aliases))}")
    lines.append(f"state = {_quoted(entry.state)}")
    lines.append(f"pages = {_listed(map(_table, entry.pages))}")
    if entry.components:
        lines.append(f"components = {_listed(map(_quoted, entry.components))}")
    return "\n".join(lines)


def _table(page: CatalogPage) -> str:
    said = msgspec.to_builtins(page).items()
    return f"{{ {', '.join(f'{key} = {_quoted(value)}' for key, value in said if value)} }}"


def _listed(values: Iterable[str]) -> str:
    return f"[{', '.join(values)}]"


def _quoted(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _entries(category: str, text: str) -> list[CatalogEntry]:
    """The stanzas of a text, whatever stands before the first one left out."""
    for key, quoted in _KEYS:
        text = text.replace(key, quoted)
    _, *stanzas = text.rstrip().split("\n[")
    bodies = (stanza.rstrip().partition("]\n") for stanza in stanzas)
    documents = (
        f'{{"slug":"{slug}","category":"{category}",{body.replace(chr(10), ",")}}}'
        for slug, _, body in bodies
    )
    return msgspec.json.decode(f"[{','.join(documents)}]", type=list[CatalogEntry])


def _rank(entry: CatalogEntry, wanted: list[str]) -> int | None:
    """How well a provider fits words, 0 being best; None if it does not."""
    names = [name.casefold() for name in (entry.slug, entry.name, *entry.aliases)]
    hosts = [page.url.removeprefix("https://").partition("/")[0] for page in entry.pages]
    everywhere = " ".join([*names, entry.category, *hosts])
    if not all(word in everywhere or _folded(word) in everywhere for word in wanted):
        return None
    whole = " ".join(wanted)
    if whole in names:
        return 0
    if any(name.startswith(whole) for name in names):
        return 1
    if whole == entry.category:
        return 2
    return 3 if any(whole in name for name in names) else 4


def _folded(name: str) -> str:
    return _PUNCTUATION.sub("", name.casefold())
