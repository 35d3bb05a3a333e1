"""Exchanges: a conversation over HTTP, written as a pure generator.

    def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
        summary = yield Request.get(page.at("api/v2/summary.json"))
        ...
        return Snapshot(...)

A generator yields a `Request`, is sent the `Response`, and returns its result. It never
touches a socket, a clock or a log; the driver (`bellbuoy.http`) does, and throws a
`FetchError` into the generator where an answer could not be had, so an optional question
can fail softly:

    try:
        history = yield Request.get(page.at("api/v2/incidents.json"))
    except FetchError:
        history = None

The driver sends only 2xx answers, and 304 for a question whose validators it kept (its
body is empty: nothing new there); where a question `accepts_failure`, it sends error statuses
too. For a notifier it sends every answer as it came.
"""

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from msgspec import Struct

from bellbuoy.errors import FetchError, Unreadable

T = TypeVar("T")


class Request(Struct, frozen=True, kw_only=True):
    """One question. Header names are written as they go out.

    With `accepts_failure` no document is asked for, but how an address answers. An error
    status then is an answer as good as any, but for 429, which tells only of us. Such a
    question is never conditional. If it is a page's face, that nobody answers is thrown into
    the exchange as a FetchError, once it is sure that this is not our own network's fault.
    """

    method: str = "GET"
    url: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    accepts_failure: bool = False

    @classmethod
    def get(cls, url: str, *, accept: str = "*/*", accepts_failure: bool = False) -> "Request":
        """Ask for a document."""
        return cls(url=url, headers={"Accept": accept}, accepts_failure=accepts_failure)

    @classmethod
    def post(
        cls, url: str, body: bytes, *, content_type: str, headers: Mapping[str, str] | None = None
    ) -> "Request":
        """Send a document."""
        return cls(
            method="POST",
            url=url,
            headers={"Content-Type": content_type, **(headers or {})},
            body=body,
        )


class Response(Struct, frozen=True, kw_only=True):
    """One answer, read in full. Header names are lower-case.

    `url` is the address that answered. `moved_to` is that address if only permanent
    redirects (301, 308) led there, else None.
    """

    url: str
    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    moved_to: str | None = None

    @property
    def not_modified(self) -> bool:
        """Whether the server says that nothing changed."""
        return self.status == 304

    @property
    def etag(self) -> str | None:
        """The entity tag as it came, weak mark and quotes included."""
        return self.headers.get("etag") or None

    @property
    def last_modified(self) -> str | None:
        """The Last-Modified field as it came."""
        return self.headers.get("last-modified") or None

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; empty if none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def max_age(self) -> float | None:
        """`Cache-Control: max-age`, in seconds."""
        for directive in self.headers.get("cache-control", "").split(","):
            name, _, value = directive.strip().partition("=")
            if name.lower() == "max-age" and value.strip('"').isdigit():
                return float(value.strip('"'))
        return None

    @property
    def retry_after(self) -> float | datetime | None:
        """`Retry-After` (RFC 9110, 10.2.3): seconds from now, or an instant, or None."""
        return parse_retry_after(self.headers.get("retry-after", ""))


def parse_retry_after(value: str) -> float | datetime | None:
    """Read a Retry-After field in either of its forms; what is neither is None."""
    value = value.strip()
    if value.isdecimal() and value.isascii():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


Exchange = Generator[Request, Response, T]


def face_only(exchange: Exchange[T]) -> Exchange[T]:
    """The same exchange, of which only the first question is asked; the others fail."""
    try:
        request = next(exchange)
        try:
            response = yield request
        except FetchError as failure:
            request = exchange.throw(failure)
        else:
            request = exchange.send(response)
        while True:
            detail = "was not asked: one question is all this look may ask"
            request = exchange.throw(FetchError(request.url, Unreadable.REFUSED, detail))
    except StopIteration as end:
        return end.value
    finally:
        exchange.close()
