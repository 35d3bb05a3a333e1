"""What a receiver's HTTP status means for a delivery: done, to be retried, or dead.

| status | meaning |
|---|---|
| 2xx | the receiver has it |
| 408, 409, 425, 429, 5xx | it may take it later |
| 410 | it wants no more at all |
| 1xx, 3xx and every other 4xx | it will never take this event; redirects are not followed |
"""

from datetime import UTC, datetime

from bellbuoy.errors import DelayedError, DisabledError, RefusedError
from bellbuoy.exchange import Response

_LATER = frozenset({408, 409, 425, 429})


def settle(response: Response, *, sent_at: int) -> None:
    """Return if the receiver took it, else raise what its answer means.

    `sent_at` is the time of the attempt in Unix seconds, for a Retry-After that names an instant.
    Raises RefusedError, DisabledError or DelayedError.
    """
    status = response.status
    if 200 <= status < 300:
        return
    said = f"HTTP {status}"
    if status == 410:
        raise DisabledError(f"{said}: the receiver wants no more")
    if status in _LATER or status >= 500:
        raise DelayedError(said, retry_after=_seconds(response, sent_at))
    raise RefusedError(said)


def _seconds(response: Response, sent_at: int) -> float | None:
    wait = response.retry_after
    if isinstance(wait, datetime):
        wait = (wait - datetime.fromtimestamp(sent_at, UTC)).total_seconds()
    return None if wait is None else max(wait, 0.0)
