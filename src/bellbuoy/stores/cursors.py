"""A reader's place in the log, as it is told outside: `<log>:<seq>`.

The log is named because a restored backup repeats numbers: a place in another log means
something else there, so it is refused.
"""

from bellbuoy.errors import CursorError

_GREATEST = 2**63 - 1
"""The greatest number of a log; it has 19 digits."""


def format_cursor(log_id: str, seq: int) -> str:
    """The place after event `seq` of a log."""
    return f"{log_id}:{seq}"


def parse_cursor(text: str, log_id: str) -> int:
    """The `seq` of a cursor of this log. Raises CursorError if it is malformed or foreign."""
    log, colon, digits = text.rpartition(":")
    if not colon or not log or not _is_seq(digits):
        raise CursorError(f"{text[:100]!r} is not a cursor: it should read like {log_id}:42")
    if log != log_id:
        raise CursorError(f"{text[:100]!r} is a place in another log; this one is {log_id}")
    return int(digits)


def _is_seq(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and len(digits) <= 19 and int(digits) <= _GREATEST
