"""The documentation as data: its pages, and the code blocks in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_SHELL = {"sh", "console"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, its number there, its language and its text."""

    page: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        """How a failing test names it."""
        return f"{self.page}-{self.number}"

    @property
    def file(self) -> str | None:
        """The file that the block is, if its first line names one: `# package/module.py`."""
        named = re.match(r"# ([\w./-]+\.\w+)\n", self.text)
        return named[1] if named else None


def text(name: str) -> str:
    """A page, by its path below the root."""
    return (ROOT / name).read_text("utf-8")


def blocks(*languages: str, page: str | None = None) -> list[Block]:
    """The blocks in one of these languages, of one page or of all."""
    return [
        Block(str(path.relative_to(ROOT)), number, found[2], found[3])
        for path in PAGES
        for number, found in enumerate(_FENCE.finditer(path.read_text("utf-8")))
        if found[2] in languages and page in (None, str(path.relative_to(ROOT)))
    ]


def without_blocks(text: str) -> str:
    """The prose of a page."""
    return _FENCE.sub("", text)


def rows(name: str) -> dict[str, list[str]]:
    """The rows of a page's tables by what stands in their first cell, in backquotes."""
    found = re.findall(r"^\| `([^`]+)` \| (.*) \|$", text(name), re.MULTILINE)
    return {first: [cell.strip() for cell in rest.split(" | ")] for first, rest in found}


def command_lines() -> list[tuple[str, str]]:
    """Every line that calls `bellbuoy` in a shell block, with its page."""
    return [
        (block.page, line.strip().removeprefix("$ "))
        for block in blocks(*_SHELL)
        for line in block.text.replace("\\\n", " ").splitlines()
        if "bellbuoy " in line and not line.lstrip().startswith("#")
    ]
