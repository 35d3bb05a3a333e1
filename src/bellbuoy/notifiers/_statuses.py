"""What a receiver's HTTP status means for a delivery: done, to be retried, or dead.

| status | meaning |
|---|---|
| 2xx | the receiver has it |
| 408, 409, 425, 429, 5xx | it may take it later |
| 410 | it wants no more at all |
| 1xx, 3xx and every other 4xx | it will never take this event; redirects are not followed |
"""

from datetime import UTC, datetime

from pydantic import SecretStr

from bellbuoy.errors import DelayedError, DisabledError, RefusedError
from bellbuoy.exchange import Response
from bellbuoy.text import clean_line

MAX_WORDS = 300
"""How much of a receiver's own words is kept."""

_LATER = frozenset({408, 409, 425, 429})


def settle(response: Response, *, sent_at: int, words: str = "") -> None:
    """Return if the receiver took it, else raise what its answer means.

    `sent_at` is the time of the attempt in Unix seconds, for a Retry-After that names an instant.
    `words` are the receiver's own for it, if they are safe to show: they hold no secret.
    Raises RefusedError, DisabledError or DelayedError.
    """
    status = response.status
    if 200 <= status < 300:
        return
    said = clean_line(f"HTTP {status}: {words}" if words else f"HTTP {status}", MAX_WORDS)
    if status == 410:
        raise DisabledError(f"{said}: the receiver wants no more")
    if status in _LATER or status >= 500:
        raise DelayedError(said, retry_after=_seconds(response, sent_at))
    raise RefusedError(said)


def said(response: Response, *secrets: SecretStr | None) -> str:
    """What the receiver wrote, on one line, without these secrets; nothing if it is HTML."""
    if response.content_type == "text/html":
        return ""
    text = clean_line(response.body[:2_000].decode("utf-8", "replace"), 2_000)
    for secret in secrets:
        if secret is not None and secret.get_secret_value():
            text = text.replace(secret.get_secret_value(), "(secret)")
    return text


def _seconds(response: Response, sent_at: int) -> float | None:
    wait = response.retry_after
    if isinstance(wait, datetime):
        wait = (wait - datetime.fromtimestamp(sent_at, UTC)).total_seconds()
    return None if wait is None else max(wait, 0.0)
