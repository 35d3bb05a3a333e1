"""Every error that leaves a room of Bellbuoy.

    BellbuoyError
    ├── ConfigError      the config cannot be used; names file, line and key      exit 2
    │   └── PluginError  a plugin that the config names cannot be used            exit 2
    ├── VisitError       one visit to one page failed; the page is not known now
    │   ├── FetchError   an HTTP exchange gave no usable answer
    │   └── ReadError    an answer came, but it is not a document of the format
    ├── StoreError       the database cannot be used                              exit 3
    │   ├── StoreCorruptError      it is damaged
    │   ├── StoreNewerError        a newer Bellbuoy wrote it
    │   ├── StoreUnavailableError  the disk or the server refuses just now
    │   └── LeaseLostError         another worker has taken over what was to be written
    ├── AlreadyRunningError        another process polls with this store          exit 4
    ├── CursorError      a place in the log that this log does not have
    └── DeliveryError    a receiver did not take an event
        ├── RefusedError     and never will: the delivery is parked as dead
        ├── DisabledError    and wants no more at all: the receiver is disabled
        └── DelayedError     but may later: the delivery is retried

What you usually write:

    try:
        snapshot = await driver.drive(format.read(page, seen))
    except VisitError as error:
        health = health.failed(error.reason, str(error))

Errors hold plain values only, so this module imports nothing of Bellbuoy.
A foreign exception (aiohttp, lxml, SQLAlchemy ...) never leaves the room that
uses the library; what is not mapped is a bug and is reported as one.
"""

from enum import StrEnum


class Unreadable(StrEnum):
    """Why a page could not be read, in a phrase that a person can act on."""

    NETWORK = "network"
    """No usable connection: DNS, refused, reset, timed out, TLS."""
    REFUSED = "refused"
    """The server answered with an error status, or our own address guard said no."""
    BLOCKED = "blocked"
    """A challenge or captcha stands where the document was."""
    NOT_THE_FORMAT = "not the format"
    """A readable answer that is not a document of this format."""
    CUT = "cut"
    """The body ended before the document did."""
    GONE = "gone"
    """404 or 410: there is no such document any more."""
    EMPTIED = "emptied"
    """The document is well-formed, but everything that was in it is gone."""
    NOISY = "noisy"
    """Its texts change at every look, so changes in them are no longer recorded."""


class BellbuoyError(Exception):
    """The base of everything Bellbuoy raises on purpose."""


class ConfigError(BellbuoyError):
    """The configuration cannot be used.

    `problems` holds one line per fault, each already naming its place
    (`bellbuoy.yaml:7: routes.0.to: ...`) and its cure.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PluginError(ConfigError):
    """A plugin that the configuration names is missing, broken or too new."""


class VisitError(BellbuoyError):
    """One visit to one page failed: nothing is known of it now, least of all that it is fine."""

    def __init__(self, url: str, reason: Unreadable, detail: str) -> None:
        super().__init__(f"{url}: {reason}: {detail}")
        self.url = url
        self.reason = reason
        self.detail = detail


class FetchError(VisitError):
    """An HTTP exchange gave no usable answer.

    `status` is the HTTP status if one came. `retry_after` is what the server asked
    for, in seconds. `timed_out` is true when our own deadline ended the exchange.
    `uncertain` is true when the request may have arrived although no answer came back.
    """

    def __init__(
        self,
        url: str,
        reason: Unreadable,
        detail: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        timed_out: bool = False,
        uncertain: bool = False,
    ) -> None:
        super().__init__(url, reason, detail)
        self.status = status
        self.retry_after = retry_after
        self.timed_out = timed_out
        self.uncertain = uncertain


class ReadError(VisitError):
    """A body is not a document of the format.

    `format` names the format, `place` where in the document reading ended
    (`$.components[3].status`, `line 12`).
    """

    def __init__(
        self,
        url: str,
        format: str,
        place: str,
        problem: str,
        *,
        reason: Unreadable = Unreadable.NOT_THE_FORMAT,
    ) -> None:
        super().__init__(url, reason, f"as {format}, at {place}: {problem}")
        self.format = format
        self.place = place
        self.problem = problem


class StoreError(BellbuoyError):
    """The database cannot be used."""


class StoreCorruptError(StoreError):
    """The database is damaged. Bellbuoy never starts from empty in silence."""


class StoreNewerError(StoreError):
    """The database was written by a newer Bellbuoy."""


class StoreUnavailableError(StoreError):
    """The disk or the server refuses just now: full, read-only, input/output error, away."""


class LeaseLostError(StoreError):
    """Another worker has taken over what was to be written; nothing was."""


class AlreadyRunningError(BellbuoyError):
    """Another process polls with this store."""


class CursorError(BellbuoyError):
    """A cursor that is malformed, or that belongs to another log."""


class DeliveryError(BellbuoyError):
    """A receiver did not take an event. `detail` is safe to show: it holds no secret."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class RefusedError(DeliveryError):
    """The receiver will never take this event (a permanent 4xx): the delivery is dead."""


class DisabledError(RefusedError):
    """The receiver wants no more events at all (410 Gone)."""


class DelayedError(DeliveryError):
    """The receiver may take it later.

    `retry_after` is what it asked for, in seconds. `uncertain` is true when the event may
    have arrived although no answer came back. `away` is true when the receiver as such cannot
    be reached: nothing is wrong with this event, so the waits do not grow.
    """

    def __init__(
        self,
        detail: str,
        *,
        retry_after: float | None = None,
        uncertain: bool = False,
        away: bool = False,
    ) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.uncertain = uncertain
        self.away = away
