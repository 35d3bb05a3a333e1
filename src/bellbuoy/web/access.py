"""Who may ask what: pure rules over a request and the config's `web` section.

Everything that is not named here needs the token for writing, so a route that somebody forgot
is closed, not open. A browser gets its token once, on the sign-in page, and from then on a
cookie that proves it and ends by itself.
"""

import hmac
from collections.abc import Mapping
from enum import IntEnum
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

from bellbuoy.config.web import Web, is_loopback

SESSION = "bellbuoy_session"
"""The name of the cookie."""

SESSION_LASTS = 12 * 3600
"""How long a browser stays signed in, in seconds."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing: RFC 9110, section 9.2.1."""

_HEALTH = ("/healthz", "/readyz")
_METRICS = "/metrics"

WATCHING = (*_HEALTH, _METRICS)
"""What is there for those who watch the watcher."""

_OPEN = frozenset({*_HEALTH, "/sign-in", "/sign-out"})
_STATIC = "/static/"


class Scope(IntEnum):
    """What a request may do; each includes the ones before it, but for METRICS."""

    NOTHING = 0
    METRICS = 1
    READ = 2
    WRITE = 3


def needed(method: str, path: str) -> Scope:
    """The scope that a request needs. Who pokes a page shows a token of that page's own."""
    if path in _OPEN or is_poke(method, path):
        return Scope.NOTHING
    if method not in SAFE:
        return Scope.WRITE
    if path.startswith(_STATIC):
        return Scope.NOTHING
    return Scope.METRICS if path == _METRICS else Scope.READ


def is_poke(method: str, path: str) -> bool:
    """Whether a vendor says that its page changed: `POST /api/v1/pages/{id}/poke`."""
    parts = path.split("/")
    return method == "POST" and parts[1:4] == ["api", "v1", "pages"] and parts[5:] == ["poke"]


def may_have_any_name(web: Web, path: str, bearer: str) -> bool:
    """Whether a request need not name us: health, and figures for who shows a token of ours.

    Prometheus asks what it discovered by address. A stranger's page, against which the name is
    checked, knows no token, and a browser puts none into this header by itself.
    """
    is_scrape = path == _METRICS and _of_token(web, bearer) is not Scope.NOTHING
    return is_scrape or path in _HEALTH


def granted(web: Web, bearer: str, session: str, now: float) -> Scope:
    """The scope of who shows this token (empty for none) or this cookie (empty for none).

    `now` is in seconds since 1970. Where reading is open, everybody reads.
    """
    if scope := max(_of_token(web, bearer), _of_session(web, session, now)):
        return scope
    return Scope.READ if not web.read else Scope.NOTHING


def is_enough(web: Web, has: Scope, needs: Scope) -> bool:
    """Whether a scope covers what is needed. Where metrics have a token, reading is not enough."""
    if needs is Scope.METRICS and web.metrics:
        return has in {Scope.METRICS, Scope.WRITE}
    if has is Scope.METRICS and not web.read:
        # Whoever shows a token that opens little may still do what everybody may.
        has = Scope.READ
    return has >= (Scope.READ if needs is Scope.METRICS else needs)


def scope_of_token(web: Web, token: str) -> Scope:
    """What a token that a person types opens; NOTHING if it is none of ours."""
    return _of_token(web, token)


def new_session(web: Web, scope: Scope, now: float) -> str:
    """The cookie's value for who showed the token of this scope.

    It holds when it ends, and a proof that only the token's owner can make: so it ends with
    its time, or with the token.
    """
    ends = int(now) + SESSION_LASTS
    return f"{scope.name.lower()}.{ends}.{_proof(_token_of(web, scope), scope, ends)}"


def poke_token(web: Web, page_id: str) -> str:
    """The token that a page's own notifications show; empty while there is no token to write."""
    if not web.write:
        return ""
    return hmac.new(web.write.encode(), f"poke {page_id}".encode(), sha256).hexdigest()[:32]


def poke_path(web: Web, page_id: str, scope: Scope) -> str:
    """Where a vendor's webhook pokes a page, with its token; empty for who may not know it."""
    token = poke_token(web, page_id) if scope is Scope.WRITE else ""
    return f"/api/v1/pages/{page_id}/poke?token={token}" if token else ""


def is_our_host(web: Web, host: str) -> bool:
    """Whether a request's Host names us; else a stranger's page could read us (DNS rebinding)."""
    name = _host_name(host)
    return name is not None and (is_loopback(name) or name in web.hosts or _is_own(web, name))


def is_our_origin(web: Web, origin: str, host: str) -> bool:
    """Whether a request was sent by a page of ours. `null` and other schemes are strangers.

    Another port is another site: on the loopback there are many, each somebody else's. Only a
    proxy in front of us may have changed the Host, and then a page of ours is one of
    `web.hosts` without a port.
    """
    scheme, _, authority = origin.partition("://")
    if scheme not in {"http", "https"} or "/" in authority or not is_our_host(web, authority):
        return False
    return authority.lower() == host.lower() or authority.lower() in web.hosts


def bearer(headers: Mapping[str, str]) -> str:
    """The token in `Authorization: Bearer ...` (RFC 6750, section 2.1); empty without one."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _is_own(web: Web, name: str) -> bool:
    """Whether it is the very address that we listen on, and that is one address."""
    # Browsers write an IPv6 address in their own way (RFC 5952), the config in any.
    try:
        own = ip_address(web.host)
        return ip_address(name) == own and not own.is_unspecified
    except ValueError:
        return False


def _host_name(host: str) -> str | None:
    """The host without its port, in lower case; None if it is no host."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    is_plain = parts.netloc == host and parts.username is None
    return parts.hostname.rstrip(".") if is_plain and parts.hostname else None


def _of_token(web: Web, token: str) -> Scope:
    found = Scope.NOTHING
    for scope in (Scope.METRICS, Scope.READ, Scope.WRITE):
        # Each is compared, and in constant time, so that an answer's time tells nothing.
        known = _token_of(web, scope)
        is_it = hmac.compare_digest(token.encode("utf-8", "replace"), known.encode())
        found = scope if is_it and known else found
    return found


def _token_of(web: Web, scope: Scope) -> str:
    tokens = {Scope.METRICS: web.metrics, Scope.READ: web.read or "", Scope.WRITE: web.write}
    return tokens.get(scope, "")


def _of_session(web: Web, session: str, now: float) -> Scope:
    name, _, rest = session.partition(".")
    ends, _, proof = rest.partition(".")
    scope = {"read": Scope.READ, "write": Scope.WRITE}.get(name, Scope.NOTHING)
    token = _token_of(web, scope)
    if not token or not ends.isdecimal() or len(ends) > 12 or int(ends) <= now:
        return Scope.NOTHING
    is_ours = hmac.compare_digest(
        proof.encode("utf-8", "replace"), _proof(token, scope, int(ends)).encode()
    )
    return scope if is_ours else Scope.NOTHING


def _proof(token: str, scope: Scope, ends: int) -> str:
    return hmac.new(token.encode(), f"session {scope.name} {ends}".encode(), sha256).hexdigest()
