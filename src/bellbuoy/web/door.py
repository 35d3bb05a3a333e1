"""The one door: every request passes it, and what it does not let in reaches no route.

    request ──> is it for us (Host) ──> from a page of ours (Origin) ──> small, and not too often
            ──> may it (scope) ──> the application ──> the headers that every answer has

Written against ASGI itself (https://asgi.readthedocs.io/en/stable/specs/www.html), because a
thousand quiet listeners pass it, too. Only the peer's own address counts: a header that claims
another one is not believed.
"""

import asyncio
import math
from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bellbuoy.config.web import Web
from bellbuoy.web import access, problems
from bellbuoy.web.paces import Allowance
from bellbuoy.web.problems import Problem

MOST_BYTES = 64 * 1024
"""The largest body that is taken, in bytes."""

MOST_POKED = 1024 * 1024
"""The largest body that may come with a poke, in bytes; it is thrown away as it comes."""

BODY_WITHIN = 10.0
"""How long a body may take to come, in seconds."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""What every answer says to a browser: https://owasp.org/www-project-secure-headers/."""

_EMBEDDED = ("/badge/",)
"""What other sites may show: an image in a README."""


class Door:
    """The application behind its door.

    `clock` counts seconds and never runs backwards, `now` are seconds since 1970.
    """

    def __init__(
        self,
        inner: ASGIApp,
        web: Web,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._web = web
        self._clock = clock
        self._now = now
        # Apart, so that who may do nothing takes nothing from those who may: behind a proxy all
        # have one address.
        self._writes = Allowance(burst=30, rate=1.0)
        self._knocks = Allowance(burst=30, rate=1.0)
        self._failures = Allowance(burst=10, rate=0.1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass, or answer it here."""
        if scope["type"] != "http":
            return
        answer = _Answer(send, scope)
        try:
            self._judge(scope)
            if scope["method"] not in access.SAFE:
                is_poke = access.is_poke(scope["method"], scope["path"])
                most = MOST_POKED if is_poke else MOST_BYTES
                body = await _read_body(receive, most, is_kept=not is_poke)
                receive = _replayed(body, receive)
        except Problem as problem:
            await self._refuse(problem, scope, receive, answer)
            return
        if scope["method"] == "HEAD":
            # Answered like GET; the server leaves out the body (RFC 9110, section 9.3.2).
            scope = {**scope, "method": "GET", "state": {**scope["state"], "is_head": True}}
        await self._inner(scope, receive, answer)

    def _judge(self, scope: Scope) -> None:
        """Raise Problem if a request may not pass; else say in it what it may do."""
        method, path = scope["method"], scope["path"]
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:
            # RFC 9112, section 3.2; else two readers of it would each see another one.
            raise Problem(400, "there is more than one Host", name="host")
        host, shown = headers.get("host", ""), access.bearer(headers)
        is_free = access.may_have_any_name(self._web, path, shown)
        if not is_free and not access.is_our_host(self._web, host):
            self._count_failure(scope, headers)
            raise Problem(
                421, "this name is not ours; add it to web.hosts in the config", name="host"
            )
        has = access.granted(self._web, shown, _session(headers), self._now())
        scope.setdefault("state", {})["scope"] = has
        needs = access.needed(method, path)
        if method not in access.SAFE:
            self._judge_write(scope, headers)
        if not access.is_enough(self._web, has, needs):
            self._count_failure(scope, headers)
            raise self._not_allowed(needs, has)
        if method not in access.SAFE:
            allowance = self._writes if needs is access.Scope.WRITE else self._knocks
            if wait := allowance.take(_peer(scope), self._clock()):
                raise Problem(429, "too many writes at once", retry_after=math.ceil(wait))

    def _judge_write(self, scope: Scope, headers: dict[str, str]) -> None:
        """Raise Problem if another page had a browser send it, or if it says that it is large."""
        is_poke = access.is_poke(scope["method"], scope["path"])
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        host = headers.get("host", "")
        is_strange = origin is not None and not access.is_our_origin(self._web, origin, host)
        is_by_cookie = bool(_session(headers)) and not access.bearer(headers)
        is_unsaid = origin is None and site is None and is_by_cookie and not is_poke
        if is_strange or is_unsaid or site not in {None, "same-origin", "none"}:
            raise Problem(403, "it was not sent by a page of ours", name="origin")
        length, most = headers.get("content-length", "0"), MOST_POKED if is_poke else MOST_BYTES
        if not length.isdecimal() or int(length[:20]) > most:
            raise _too_large(most)

    def _count_failure(self, scope: Scope, headers: dict[str, str]) -> None:
        """Guessing a token is slow; asking without one costs nothing."""
        if not access.bearer(headers):
            return
        if wait := self._failures.take(_peer(scope), self._clock()):
            raise Problem(429, "too many wrong tokens", retry_after=math.ceil(wait))

    def _not_allowed(self, needs: access.Scope, has: access.Scope) -> Problem:
        if needs is access.Scope.WRITE and not self._web.write:
            return Problem(403, "nothing can be written here; set web.auth.write in the config")
        if needs is access.Scope.WRITE and has is access.Scope.READ and self._web.read:
            return Problem(403, "this token only reads; writing needs that of web.auth.write")
        what = {access.Scope.WRITE: "write", access.Scope.METRICS: "metrics"}.get(needs, "read")
        return Problem(
            401,
            f"needs 'Authorization: Bearer TOKEN' with the token of web.auth.{what}",
            authenticate=True,
        )

    async def _refuse(
        self, problem: Problem, scope: Scope, receive: Receive, answer: "_Answer"
    ) -> None:
        accepts = dict(scope["headers"]).get(b"accept", b"")
        is_person = b"text/html" in accepts and scope["method"] in access.SAFE
        if problem.status == 401 and is_person:
            response = RedirectResponse(f"/sign-in?next={quote(_address(scope), safe='/')}", 303)
        else:
            response = problems.as_response(problem)
        await response(scope, receive, answer)


class NarrowDoor(Door):
    """A door that leads to what watches the watcher, and nowhere else."""

    def _judge(self, scope: Scope) -> None:
        if scope["path"] not in access.WATCHING:
            raise Problem(
                404,
                f"here are only {', '.join(access.WATCHING)}: web is not among the roles of this "
                "process",
            )
        super()._judge(scope)


class _Answer:
    """Sends an answer with the headers that all of them have, and none of our software's."""

    def __init__(self, send: Send, scope: Scope) -> None:
        self._send = send
        self._is_embedded = scope["path"].startswith(_EMBEDDED)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            resource = b"cross-origin" if self._is_embedded else b"same-origin"
            message["headers"] = [
                *message.get("headers", ()),
                *_HEADERS,
                (b"cross-origin-resource-policy", resource),
            ]
        await self._send(message)


async def _read_body(receive: Receive, most: int, *, is_kept: bool = True) -> bytes:
    """A body of at most so many bytes; empty if it is not kept.

    Raises Problem if it is larger, or takes too long.
    """
    size, kept = 0, b""
    try:
        async with asyncio.timeout(BODY_WITHIN):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Problem(400, "the body was cut")
                part: bytes = message.get("body", b"")
                size += len(part)
                if size > most:
                    raise _too_large(most)
                kept += part if is_kept else b""
                if not message.get("more_body", False):
                    return kept
    except TimeoutError:
        raise Problem(408, f"the body did not come within {BODY_WITHIN:g} s") from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What receives a body that was read already, and then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _too_large(most: int) -> Problem:
    return Problem(413, f"at most {most} bytes are taken")


def _address(scope: Scope) -> str:
    """What was asked for, with its escapes: an id may hold a slash that separates nothing."""
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _session(headers: MutableMapping[str, str]) -> str:
    # As browsers read them: all ports of a host have one jar, and what another application put
    # into it may be no cookie by the letter of RFC 6265.
    return cookie_parser(headers.get("cookie", "")).get(access.SESSION, "")


def _peer(scope: Scope) -> str:
    client: Any = scope.get("client")
    return client[0] if client else ""
