"""Making a silence, whoever asks for it: a command, a form or the API."""

from datetime import datetime
from secrets import token_hex

from bellbuoy.model.delivery import Matcher, Silence
from bellbuoy.text import clean_line


def new_silence(
    matcher: Matcher, now: datetime, ends_at: datetime, *, author: str, comment: str = ""
) -> Silence:
    """A mute of what is like `matcher`, from `now` until before `ends_at`, both aware UTC."""
    return Silence(
        id=token_hex(6),
        matcher=matcher,
        starts_at=now,
        ends_at=ends_at,
        author=clean_line(author),
        comment=clean_line(comment),
        created_at=now,
    )
