"""HTML that vendors put into feeds, turned into plain text. Pure, and linear in its length.

Only the tokens matter here (a tag begins, a tag ends, a text), never the tree. That is why
this is a scanner of its own: libxml2 compares every attribute of a tag with all others, so
one tag with 100,000 attributes (1.2 MB) kept it busy for 15 s, and regular expressions fail
worse. The syntax is https://html.spec.whatwg.org/multipage/syntax.html.
"""

import html
from collections.abc import Iterable, Iterator

from msgspec import Struct

MAX_MARKUP = 262_144
"""How much of one text is read, in characters; whole feeds of 25 long incidents are shorter."""

_BLANK = " \t\n\r\f"
_RAW = frozenset({"script", "style", "template"})
_ITEMS = {"li": ("\n- ", ""), "ol": ("", "\n"), "ul": ("", "\n")}
_TABLES = frozenset({"table", "tbody", "tfoot", "thead", "tr"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "hr"})
_SECTIONS = frozenset({"address", "article", "aside", "blockquote", "div", "figure", "footer"})
_DEFINITIONS = frozenset({"dd", "dl", "dt"})
_BLOCKS = (
    _DEFINITIONS
    | _TABLES
    | _HEADINGS
    | _SECTIONS
    | {"header", "main", "nav", "p", "pre", "section"}
)
_BREAKS = ("<br", "<p", "<div", "<li", "<tr")


class Tag(Struct, frozen=True, gc=False):
    """A tag begins or ends here. `href` is its address, if it is a link that begins."""

    name: str
    begins: bool
    href: str = ""


Token = Tag | str
"""A tag, or a stretch of text with its character references resolved."""

_INLINE = ("a", "b", "br", "em", "i", "small", "span", "strong", "u", "var")

# Most tags that vendors write are among these, without any attribute.
_BARE = {
    f"<{sign}{name}{end}": Tag(name, not sign)
    for name in (*_BLOCKS, *_ITEMS, *_INLINE)
    for sign, end in (("", ""), ("", "/"), ("", " /"), ("/", ""))
}
_LONGEST_BARE = max(map(len, _BARE)) + 1


def tokens(markup: str) -> Iterator[Token]:
    """The tags and texts of a piece of HTML, in order; comments and scripts are left out."""
    markup = markup[:MAX_MARKUP]
    seen: dict[str, Tag] = {}
    begin = place = 0
    while (opening := markup.find("<", place)) >= 0:
        closing = markup.find(">", opening, opening + _LONGEST_BARE)
        tag = _BARE.get(markup[opening:closing]) if closing > 0 else None
        if tag is not None:
            if opening > begin:
                yield unescape(markup[begin:opening])
            yield tag
            begin = place = closing + 1
            continue
        sign = markup[opening + 1 : opening + 2]
        if sign not in {"/", "!", "?"} and not (sign.isascii() and sign.isalpha()):
            place = opening + 1
            continue
        if opening > begin:
            yield unescape(markup[begin:opening])
        if sign in {"!", "?"}:
            begin = place = _after_comment(markup, opening)
            continue
        closing = markup.find(">", opening)
        tag = seen.get(markup[opening:closing]) if closing > 0 else None
        if tag is not None:
            place = closing + 1
        else:
            tag, place = _tag(markup, opening)
            if place == closing + 1:
                seen[markup[opening:closing]] = tag
        yield tag
        if tag.begins and tag.name in _RAW:
            place = _after_raw(markup, tag.name, place)
        begin = place
    if begin < len(markup):
        yield unescape(markup[begin:])


def unescape(text: str) -> str:
    """Text with its character references resolved."""
    if "&" not in text:
        return text
    try:
        return html.unescape(text)
    except ValueError:  # a reference of more than 4,300 digits
        return text


def to_text(markup: str) -> str:
    """What a person would read: paragraphs as lines, list items with a dash, links with addresses.

    Line ends count only where the markup has no breaks of its own, as in plain text.
    """
    if "\n" in markup:
        lowered = markup.lower()
        if not any(mark in lowered for mark in _BREAKS):
            markup = markup.replace("\n", "<br>")
    text = _text_of_plain(markup)
    return join(tokens(markup)) if text is None else text


def join(stream: Iterable[Token]) -> str:
    """The text of a stream of tokens.

    A link that begins ends the one before it, as the specification has it, so none is in another.
    """
    parts: list[str] = []
    link: tuple[str, int] | None = None
    for token in stream:
        if isinstance(token, str):
            parts.append(token.replace("\n", " ").replace("\xa0", " "))
        elif token.name != "a":
            parts.append(_break_at(token))
        else:
            if link:
                parts.append(_address(link[0], "".join(parts[link[1] :]) if link[0] else ""))
            link = (token.href, len(parts)) if token.begins else None
    return _tidy("".join(parts))


def _break_at(tag: Tag) -> str:
    """What stands in a text where a tag stood that is no link."""
    if tag.name in _ITEMS:
        return _ITEMS[tag.name][0 if tag.begins else 1]
    if tag.name == "p":
        return "\n\n"
    return "\n" if tag.name == "br" or tag.name in _BLOCKS else ""


_BREAK_AT = {f"{bare[1:]}>": _break_at(tag) for bare, tag in _BARE.items() if tag.name != "a"}


def _text_of_plain(markup: str) -> str | None:
    """The text of markup in which every `<` and the next `>` are a tag; None of any other.

    Most texts are such, and nothing but their lines is made of them. What it gives is what
    `join(tokens(markup))` gives.
    """
    if len(markup) > MAX_MARKUP:
        return None
    line, *pieces = markup.replace("\n", " ").split("<")
    line = _resolved(line)
    lines: list[str] = []
    link: tuple[str, int] | None = None
    is_apart = False
    for piece in (*pieces, "br>"):  # so that the last line ends, too
        end = piece.find(">") + 1
        text = piece[end:]
        if "&" in text:
            text = _resolved(text)
        between = _BREAK_AT.get(piece[:end])
        if between is None:
            tag = _known_end(piece, end)
            if tag is None:
                return None
            between = _break_at(tag)
            if tag.name == "a":
                line += _address(link[0], line[link[1] :]) if link else ""
                link = (tag.href, len(line)) if tag.begins else None
        if not between:
            line += text
            continue
        if link:
            return None
        line = line.strip()
        if line and line != "-":
            lines.append(f"\n{line}" if is_apart else line)
            is_apart = False
        is_apart = is_apart or not line or between == "\n\n"
        line = between[1:] + text
    text = "\n".join(lines).strip()
    return text if _is_even(text) else "\n".join(" ".join(one.split()) for one in text.split("\n"))


def _known_end(piece: str, end: int) -> Tag | None:
    """The tag before `end` of what stands behind a `<`; None if it is none, or ends elsewhere."""
    if not end or not (piece[0] == "/" or (piece[0].isascii() and piece[0].isalpha())):
        return None
    name, _, attribute = piece[: end - 1].partition(" ")
    key, quote, value = attribute.partition('="')
    if quote and key.isalpha() and name.isalpha() and value.find('"') == len(value) - 1 >= 0:
        name = name.lower()
        is_link = name == "a" and key.lower() == "href"
        href = _web_address(unescape(value[:-1])) if is_link else ""
        return None if name in _RAW else Tag(name, begins=True, href=href)
    tag, place = _tag(f"<{piece}<", 0)
    return tag if place == end + 1 and not (tag.begins and tag.name in _RAW) else None


def _address(href: str, label: str) -> str:
    """What a link adds to its label."""
    label = label.strip()
    if not href or label.rstrip("/") == href.rstrip("/"):
        return ""
    return f" ({href})" if label else href


def _resolved(text: str) -> str:
    """A stretch of text between two tags, on one line and without references."""
    text = text.replace("&nbsp;", " ")  # by far the most frequent one
    return unescape(text).replace("\n", " ") if "&" in text else text


_ODD_BLANKS = "\t\v\f\r\x1c\x1d\x1e\x1f"
"""All of ASCII that `str.split` takes for a blank, but the space and the end of a line."""


def _is_even(text: str) -> bool:
    """Whether all blanks in it are single spaces, or ends of lines; false also if in doubt."""
    if not text.isascii():
        # Of all that `str.split` takes for a blank, only the space can be printed.
        return "  " not in text and text.replace("\n", " ").isprintable()
    # One search for one sign is far quicker than a look at each sign.
    for blank in _ODD_BLANKS:
        if blank in text:
            return False
    return "  " not in text


def to_line(text: str) -> str:
    """A plain text on one line, with single spaces between its words."""
    is_line = _is_even(text) and "\n" not in text
    return text.strip() if is_line else " ".join(text.split())


def _tidy(text: str) -> str:
    lines: list[str] = []
    is_even = _is_even(text)
    for raw in text.split("\n"):
        line = raw.strip() if is_even else " ".join(raw.split())
        if line != "-" and (line or (lines and lines[-1])):
            lines.append(line)
    return "\n".join(lines).strip()


def _tag(markup: str, opening: int) -> tuple[Tag, int]:
    """The tag that begins at `opening`, and the place after it."""
    begins = markup[opening + 1] != "/"
    place = first = opening + (1 if begins else 2)
    while place < len(markup) and markup[place] not in " \t\n\r\f/>":
        place += 1
    name = markup[first:place].lower()
    href, place = _attributes(markup, place, wants_href=begins and name == "a")
    return Tag(name, begins, href), place


def _attributes(markup: str, place: int, *, wants_href: bool) -> tuple[str, int]:
    """The web address among a tag's attributes, and the place after the tag."""
    href = ""
    end = len(markup)
    while place < end:
        sign = markup[place]
        if sign == ">":
            return href, place + 1
        if sign in " \t\n\r\f/":
            place += 1
            continue
        first = place
        place += 1
        while place < end and markup[place] not in " \t\n\r\f/>=":
            place += 1
        name = markup[first:place]
        while place < end and markup[place] in _BLANK:
            place += 1
        if markup[place : place + 1] != "=":
            continue
        value, place = _value(markup, place + 1)
        if wants_href and not href and name.lower() == "href":
            href = _web_address(unescape(value))
    return href, end


def _value(markup: str, place: int) -> tuple[str, int]:
    while place < len(markup) and markup[place] in _BLANK:
        place += 1
    quote = markup[place : place + 1]
    if quote and quote in "\"'":
        closing = markup.find(quote, place + 1)
        closing = len(markup) if closing < 0 else closing
        return markup[place + 1 : closing], closing + 1
    first = place
    while place < len(markup) and markup[place] not in " \t\n\r\f>":
        place += 1
    return markup[first:place], place


def _web_address(value: str) -> str:
    value = value.strip()
    return value if value.lower().startswith(("http://", "https://")) else ""


def _after_raw(markup: str, name: str, place: int) -> int:
    """The place of the end tag of an element whose content is not markup."""
    closing = markup.find("</", place)
    while closing >= 0:
        if markup[closing + 2 : closing + 2 + len(name)].lower() == name:
            return closing
        closing = markup.find("</", closing + 2)
    return len(markup)


def _after_comment(markup: str, opening: int) -> int:
    is_comment = markup.startswith("<!--", opening)
    closing = markup.find("-->" if is_comment else ">", opening + 2)
    return len(markup) if closing < 0 else closing + (3 if is_comment else 1)
