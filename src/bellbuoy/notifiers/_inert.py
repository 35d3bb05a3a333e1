"""Vendor text that means nothing in any markup, for where the medium is not known."""

import re
from urllib.parse import quote

# Angle brackets are tags and Slack's mentions, the others Markdown's marks in one dialect or
# another. Each becomes a sign that looks alike and means nothing.
_INERT = str.maketrans({"<": "‹", ">": "›", "`": "'", "*": "∗", "~": "∼", "|": "¦"})
_LINKS = re.compile(r"@|\](?=[(\[:])|^\s*#+", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")


def inert(text: str) -> str:
    """Text in which nothing is a mention, a link with another name, or markup, anywhere."""
    text = _LINKS.sub(lambda found: f"{found[0]}\N{ZERO WIDTH SPACE}", text.translate(_INERT))
    return _EMPHASIS.sub(lambda found: "\N{MODIFIER LETTER LOW MACRON}" * len(found[0]), text)


def inert_link(address: str) -> str:
    """The same address, in which nothing can be taken for a mention, markup, or its own end."""
    return quote(address, safe="/:?#&=+,;.~-_!%")
