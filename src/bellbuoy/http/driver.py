"""Performs exchanges over HTTP: the only way from Bellbuoy to a page or a receiver.

    async with Driver(settings) as driver:
        async with driver.visit(page.url) as visit:            # waits for a seat
            face = await visit.ask(request, validators)         # 2xx or 304, else FetchError
            if not face.not_modified:
                snapshot = await visit.drive(exchange, first=face)

    a question: held? -> its host's turn -> guard -> request -> redirects by hand -> body
                -> what the answer means -> validators

Does not decide when to look again (cadence), whether a page is unreadable by now (the
poller), or whether a receiver's answer is a success (the notifier).
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Self, TypeVar

from xxhash import xxh3_128_digest
from yarl import URL

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.http import HttpSettings
from bellbuoy.http.failures import from_status
from bellbuoy.http.limits import Holds, Limits, Seat
from bellbuoy.http.names import Resolve
from bellbuoy.http.performing import TURNS, perform, timed_out
from bellbuoy.http.transport import REDIRECTS, UNPARSABLE, Answer, Target, Transport
from bellbuoy.model.known import Validators
from bellbuoy.observer import Observer, RequestDone

T = TypeVar("T")

MAX_HOPS = 5
"""Redirects that one question follows."""

_NONE = Validators()
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


def utcnow() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Driver:
    """Every limit and guard of HTTP, once. An async context manager.

    `now` is the wall clock, for Retry-After. `resolver` turns a host name into address
    literals instead of the system. Raises ConfigError if the settings cannot be used: at
    construction, or at entering for `ca_file`.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        observer: Observer | None = None,
        now: Callable[[], datetime] = utcnow,
        resolver: Resolve | None = None,
    ) -> None:
        self.now = now
        self.timeout = settings.timeout
        self.observer = observer or Observer()
        self.transport = Transport(settings, resolver)
        self.limits = Limits(settings.seats, settings.per_host, self.transport.leave)
        self.holds = Holds(now)
        self.turns = asyncio.Semaphore(TURNS)

    async def __aenter__(self) -> Self:
        self.clock = asyncio.get_running_loop().time
        await self.transport.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.transport.__aexit__(*details)

    def visit(
        self, url: str, *, platform: str | None = None, slow: bool = False
    ) -> AbstractAsyncContextManager["Conversation"]:
        """One visit to one page.

        Entering waits for the host's turn, the platform's budget and a seat, in this order;
        then the deadline of the whole visit begins (`settings.timeout`). Leaving frees the
        seat. `slow` says that the last visit timed out: such visits share a tenth of the seats.
        """
        return Conversation(self, url, platform, slow=slow)

    async def send(self, exchange: Exchange[T], *, timeout: float) -> T:  # noqa: ASYNC109 - of each answer
        """Perform a receiver's exchange; each of its answers may take `timeout` seconds.

        One deadline for all would never be met by a message that takes a request for each of
        hundreds of incidents. Every answer is sent in, whatever its status; redirects are not
        followed, and a private address is the operator's word. A FetchError is thrown into the
        exchange; its `uncertain` says whether the request may have arrived.
        """

        async def answer(request: Request) -> Response:
            return await self._deliver(request, self.clock() + timeout)

        return await perform(exchange, answer, None, self.turns)

    def divide(self, workers: int) -> None:
        """So many workers, of which this is one, ask the same platforms."""
        self.limits.divide(workers)

    def hold(self, host_url: str, until: datetime) -> None:
        """Send nothing to the host of this address (scheme + host + port) before `until`."""
        if host := self.transport.target(host_url).host:
            self.holds.hold(host, until)

    def held_until(self, host_url: str) -> datetime | None:
        """When a held host may be asked again; None if it may be now."""
        return self.holds.until(self.transport.target(host_url).host)

    async def _deliver(self, request: Request, deadline: float) -> Response:
        target = self.transport.target(request.url)
        # The whole address of a receiver is often its secret.
        shown = f"{target.host}/…"
        if target.refusal and not target.host:
            raise FetchError("", Unreadable.REFUSED, "not an address that can be asked")
        began = self.clock()
        sent: list[bool] = []
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self.transport.fetch_receiver(
                    target._replace(shown=shown), request, sent
                )
        except TimeoutError:
            failure = timed_out(shown, uncertain=bool(sent))
            self.report(request.method, shown, began, None, failure)
            raise failure from None
        except FetchError as failure:
            self.report(request.method, shown, began, None, failure)
            raise
        self.report(request.method, shown, began, answer, None)
        return Response(
            url=request.url, status=answer.status, headers=answer.headers, body=answer.body
        )

    def report(
        self,
        method: str,
        shown: str,
        began: float,
        answer: Answer | None,
        failure: FetchError | None,
    ) -> float:
        """Tell the observer of one request; returns its length in seconds."""
        seconds = self.clock() - began
        self.observer.request_done(
            RequestDone(
                method=method,
                url=shown,
                status=answer.status if answer else None,
                seconds=seconds,
                size=len(answer.body) if answer else 0,
                error="" if failure is None else failure.detail,
            )
        )
        return seconds


class Conversation:
    """The questions of one visit, under one deadline.

    `fresh` maps each asked address to the validators of this visit's answer. `all_answered`
    is false once a question failed. `moved_to` is set when the face (the first answer) came
    only over permanent redirects. `latency` is how long the last answer took, in seconds.
    """

    __slots__ = (
        "_deadline",
        "_driver",
        "_has_face",
        "_platform",
        "_requests",
        "_seat",
        "_slow",
        "_target",
        "all_answered",
        "fresh",
        "latency",
        "moved_to",
    )

    def __init__(self, driver: Driver, url: str, platform: str | None, *, slow: bool) -> None:
        self.fresh: dict[str, Validators] = {}
        self.all_answered = True
        self.moved_to: str | None = None
        self.latency: float | None = None
        self._driver = driver
        self._target = driver.transport.target(url)
        self._platform = platform
        self._slow = slow
        self._seat: Seat | None = None
        self._deadline = 0.0
        self._requests = 0
        self._has_face = False

    async def __aenter__(self) -> Self:
        driver = self._driver
        target = self._target
        # Where no request will be sent, no seat is needed; `ask` says why.
        if not target.refusal and driver.holds.remaining(target.host) is None:
            seat = Seat(driver.limits)
            await seat.enter(target.host, self._platform, slow=self._slow)
            self._seat = seat
        self._deadline = driver.clock() + driver.timeout
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._seat is not None:
            self._seat.leave()

    async def ask(self, request: Request, validators: Validators = _NONE) -> Response:
        """Ask one question; the answer is a document (2xx), or 304.

        With `validators` it asks whether that document changed; a body whose hash is the one
        in `validators` counts as a 304, too. A 304 has no body. A question that
        `accepts_failure` is asked without, gets error statuses as answers, and leaves none.

        Raises FetchError for everything else: errors of the network, other statuses, a body
        that was cut, a passed deadline (`timed_out`), a host that asked us to wait.
        """
        driver = self._driver
        target = driver.transport.target(request.url)
        if request.accepts_failure:
            # An unchanged body under another status is another answer.
            validators = _NONE
        headers = _conditional(request.headers, validators)
        began = driver.clock()
        moved_to = None
        try:
            async with asyncio.timeout_at(self._deadline):
                answer = await self._request(target, request.method, headers, request.body)
                if answer.status in REDIRECTS:
                    answer, target, moved_to = await self._follow(target, answer, request, headers)
                body_hash = xxh3_128_digest(answer.body)  # a millisecond for the largest
            return self._judge(request, target, answer, body_hash, validators, moved_to)
        except TimeoutError:
            self.all_answered = False
            failure = timed_out(target.shown)
            driver.report(request.method, target.shown, began, None, failure)
            raise failure from None
        except FetchError:
            self.all_answered = False
            raise

    async def drive(
        self,
        exchange: Exchange[T],
        *,
        first: Response | FetchError | None = None,
        validators: Mapping[str, Validators] | None = None,
    ) -> T:
        """Perform an exchange and return its result; the exchange is closed in any case.

        `first` is what its first question came to, already asked. `validators`, by
        address, make the other questions conditional. A FetchError is thrown into the
        exchange, and leaves it if it is not caught there. Bodies over 256 KiB are read in
        a thread.
        """
        known = validators or {}

        async def answer(request: Request) -> Response:
            return await self.ask(request, known.get(request.url, _NONE))

        return await perform(exchange, answer, self._deadline, self._driver.turns, first)

    def _judge(
        self,
        asked: Request,
        target: Target,
        answer: Answer,
        body_hash: bytes,
        validators: Validators,
        moved_to: str | None,
    ) -> Response:
        status, headers, body = answer
        if status == 304:
            if validators.etag is None and validators.last_modified is None:
                raise _refused(target, "answered 304 to an unconditional request")
        else:
            driver = self._driver
            failure = from_status(target.shown, status, headers, body, driver.now())
            if failure is not None:
                if failure.retry_after and status in {429, 503}:
                    until = driver.now() + timedelta(seconds=failure.retry_after)
                    driver.holds.hold(target.host, until)
                if not asked.accepts_failure or status == 429:
                    raise failure
                # Where a redirect ends in an error, nothing has moved there.
                moved_to = None
        if not self._has_face:
            self._has_face = True
            self.moved_to = moved_to
        if asked.accepts_failure:
            return Response(
                url=target.shown, status=status, headers=headers, body=body, moved_to=moved_to
            )
        return self._keep(asked.url, target, answer, body_hash, validators, moved_to)

    def _keep(
        self,
        asked: str,
        target: Target,
        answer: Answer,
        body_hash: bytes,
        validators: Validators,
        moved_to: str | None,
    ) -> Response:
        status, headers, body = answer
        etag, last_modified = headers.get("etag"), headers.get("last-modified")
        if status == 304:
            # RFC 9111, 4.3.4: what a 304 brings replaces what was kept, the rest stays.
            fresh = Validators(
                etag=etag or validators.etag,
                last_modified=last_modified or validators.last_modified,
                body_hash=validators.body_hash,
            )
        else:
            fresh = Validators(etag=etag, last_modified=last_modified, body_hash=body_hash)
            if body_hash == validators.body_hash:
                status, body = 304, b""
        self.fresh[asked] = fresh
        return Response(
            url=target.shown, status=status, headers=headers, body=body, moved_to=moved_to
        )

    async def _follow(
        self, target: Target, answer: Answer, request: Request, headers: Mapping[str, str]
    ) -> tuple[Answer, Target, str | None]:
        """Ask again where a redirect leads; returns also where only permanent ones led to."""
        method, body = request.method, request.body
        seen = {target.url}
        permanent = True
        while answer.status in REDIRECTS:
            there = self._next_hop(target, answer.headers.get("location", ""))
            if there.url in seen:
                raise _refused(target, "redirects in a circle")
            if len(seen) > MAX_HOPS:
                raise _refused(target, f"redirects more than {MAX_HOPS} times")
            seen.add(there.url)
            permanent = permanent and answer.status in {301, 308}
            if answer.status not in {307, 308} and method not in {"GET", "HEAD"}:
                method, body = "GET", None
            if there.host != target.host:
                headers = {k: v for k, v in headers.items() if k.lower() not in _CREDENTIALS}
            target = there
            answer = await self._request(target, method, headers, body)
        return answer, target, target.shown if permanent else None

    def _next_hop(self, target: Target, location: str) -> Target:
        if not location:
            raise _refused(target, "redirects without saying where")
        try:
            url = target.url.join(URL(location))
        except UNPARSABLE:
            raise _refused(target, "redirects to what is not an address") from None
        if target.url.scheme == "https" and url.scheme == "http":
            raise _refused(target, "redirects from https to http")
        there = self._driver.transport.target(str(url.with_user(None)) if url.user else str(url))
        if there.refusal:
            raise _refused(target, f"redirects to {there.shown}: {there.refusal}")
        return there

    async def _request(
        self, target: Target, method: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        driver, seat = self._driver, self._seat
        if target.refusal:
            raise _refused(target, target.refusal)
        remaining = driver.holds.remaining(target.host)
        if remaining is not None or seat is None:
            raise self._held_back(target, remaining)
        if seat.host != target.host:
            await seat.move(target.host)
        if self._platform is not None and self._requests:
            await driver.limits.take_token(self._platform, begun=True)
        self._requests += 1
        began = driver.clock()
        try:
            answer = await driver.transport.fetch_page(target, method, headers, body)
        except FetchError as failure:
            driver.report(method, target.shown, began, None, failure)
            raise
        self.latency = driver.report(method, target.shown, began, answer, None)
        return answer

    def _held_back(self, target: Target, remaining: float | None) -> FetchError:
        """The visit began without a seat, because its address or its host may not be asked."""
        if remaining is None and self._target.refusal:
            return _refused(self._target, self._target.refusal)
        seconds = remaining or 0.0
        return FetchError(
            target.shown,
            Unreadable.REFUSED,
            f"the host asked us to wait (Retry-After), {seconds:.0f} s are left",
            retry_after=seconds,
        )


def _conditional(headers: Mapping[str, str], validators: Validators) -> Mapping[str, str]:
    """RFC 9110, 13.1: both conditions are sent, the server prefers the entity tag."""
    if validators.etag is None and validators.last_modified is None:
        return headers
    conditional = dict(headers)
    if validators.etag is not None:
        conditional["If-None-Match"] = validators.etag
    if validators.last_modified is not None:
        conditional["If-Modified-Since"] = validators.last_modified
    return conditional


def _refused(target: Target, detail: str) -> FetchError:
    return FetchError(target.shown, Unreadable.REFUSED, detail)
