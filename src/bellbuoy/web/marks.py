"""Places in lists, as they are told outside.

A place in the log reads `<log>:<seq>`. Every other list is ordered by what its items are, and
a place in it holds what the last item was ordered by: it stays right when items come and go.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from bellbuoy.errors import CursorError
from bellbuoy.stores import Store
from bellbuoy.stores.cursors import format_cursor, parse_cursor
from bellbuoy.web.problems import Problem

T = TypeVar("T")

Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A number of the log: anybody can write a mark, and a store takes no greater one."""

Instant = Annotated[datetime, Meta(tz=True)]
"""An instant, which nothing is without its zone."""

Moment = tuple[Instant, str, str]
"""Where a list of incidents was left: when the last one began, its page's key and its own."""


def mark(*parts: Any) -> str:
    """What an item is ordered by, as one opaque word."""
    return urlsafe_b64encode(msgspec.json.encode(parts)).decode("ascii").rstrip("=")


def read_mark(text: str, kind: type[T]) -> T:
    """The parts of a mark, as a tuple of this kind. Raises CursorError if it is none."""
    try:
        packed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        return msgspec.json.decode(packed, type=kind)
    except (ValueError, NotBase64, msgspec.MsgspecError, RecursionError):
        raise CursorError(
            f"{text[:40]!r} is not a cursor of this list; take the `next` of an answer"
        ) from None


async def place_after(store: Store, text: str) -> int:
    """The `seq` after which to read, from `<log>:<seq>`; 0 is the beginning of what is kept.

    Raises Problem if it is malformed or of another log, and where nothing can be read on from it
    without a gap.
    """
    seq = _seq(store, text, "after")
    last = await store.last_seq()
    if seq > last:
        raise Problem(400, f"{text!r} is beyond the end of the log", name="after")
    first = await store.first_seq()
    # Where nothing is kept, the next to come is the first.
    if 0 < seq < (first or last + 1) - 1:
        oldest = format_cursor(store.log_id, 0)
        raise Problem(
            410,
            f"what came after {text!r} is not kept any more; begin at {oldest}, the oldest kept",
            name="after",
        )
    return seq


def place_before(store: Store, text: str | None) -> int | None:
    """The `seq` before which to read. Raises Problem if it is malformed or of another log."""
    return None if text is None else _seq(store, text, "before")


def _seq(store: Store, text: str, name: str) -> int:
    try:
        return parse_cursor(text, store.log_id)
    except CursorError as error:
        raise Problem(400, str(error), name=name) from None
