"""Addresses of pages in one spelling, so that one page is never taken for two."""

from collections.abc import Container
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def canonical(address: str) -> str | None:
    """The address with lower-case scheme and host and without what names nothing.

    That is a default port, a fragment, credentials and slashes at the end. None if it is
    not an http or https address.
    """
    parts = _split(address)
    return None if parts is None else _join(parts, parts.path, parts.query)


def page_root(address: str, below: Container[str]) -> str | None:
    """The canonical address of the page that a document belongs to.

    `below` names what lies directly below a page (`api`, `history.atom`): the path ends
    before the first of them.
    """
    parts = _split(address)
    if parts is None:
        return None
    kept: list[str] = []
    for segment in parts.path.split("/"):
        if segment in below:
            break
        kept.append(segment)
    return _join(parts, "/".join(kept))


def host(address: str) -> str:
    """The host of an address, as a name for people; empty if there is none."""
    parts = _split(address)
    return (parts.hostname or "") if parts else ""


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address.strip())
        is_one_word = len(address.split()) == 1
        is_usable = is_one_word and parts.scheme in _DEFAULT_PORTS and bool(parts.hostname)
        _ = parts.port  # an impossible port is a ValueError here
    except ValueError:
        return None
    return parts if is_usable else None


def _join(parts: SplitResult, path: str, query: str = "") -> str:
    name = (parts.hostname or "").rstrip(".")
    where = f"[{name}]" if ":" in name else name
    if parts.port not in (None, _DEFAULT_PORTS[parts.scheme]):
        where = f"{where}:{parts.port}"
    return f"{parts.scheme}://{where}{path.rstrip('/')}" + (f"?{query}" if query else "")
