"""What a single value of the config may be, and what it means.

Every function raises ValueError with "what is wrong; the cure". Pure, but for the zone
database of the system.
"""

import operator
import re
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit
from zoneinfo import ZoneInfo, available_timezones

from bellbuoy.durations import spoken
from bellbuoy.events import FAMILIES, EventKind
from bellbuoy.model.facts import Impact
from bellbuoy.routing.schedules import parse_rhythm, parse_window
from bellbuoy.text import MAX_URL

_COMPARISON = re.compile(r"(>=|<=|>|<)\s*(\w+)")
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_STEP = re.compile(r"\.([^.\[\]*?@\s]+)|\[([0-9]{1,9})\]")
_ADDRESS_TARGET = re.compile(
    r"(https?://(?:\[[^\]/]*\]|[^:/]*)(?::[0-9]+(?![^:/]))?(?:/[^:]*)?)(?::(.*))?", re.IGNORECASE
)
_PORTS = {"http": 80, "https": 443}
_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_HOST = re.compile(r"[a-z0-9._-]+")
_TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LISTEN = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<host>[a-z0-9._-]+))?(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE
)
_OWN_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
STATUS_CLASSES = {f"{first}xx": range(first * 100, first * 100 + 100) for first in (2, 4, 5)}
"""Classes of HTTP statuses, and those in them (RFC 9110, section 15)."""

_BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")


def nearest(word: str, known: Iterable[str]) -> str:
    """What a misspelt word may have meant, as a phrase to append; empty if nothing is near."""
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.casefold(), name)
    close = get_close_matches(word.casefold(), folded, n=3, cutoff=0.6)
    if not close:
        return ""
    return f" (did you mean {' or '.join(repr(folded[name]) for name in close)}?)"


def within(seconds: float, low: float, high: float = 3650 * 86400.0) -> float:
    """A duration between two others."""
    if low <= seconds <= high:
        return seconds
    raise ValueError(
        f"{spoken(seconds)} is not between {spoken(low)} and {spoken(high)}; change it"
    )


def page_address(value: str) -> str:
    """The address of a page as it is asked: as written, without blanks around and fragment."""
    text = value.strip()
    parts = _parts(text)
    return urlunsplit(parts._replace(fragment=""))


def page_key(address: str) -> str:
    """The canonical form of an address: two addresses of one page have the same key.

    Lower-case scheme and host, no default port, no trailing slash, no fragment.
    """
    parts = _parts(address.strip())
    host = _host(parts)
    port = "" if parts.port in {None, _PORTS[parts.scheme]} else f":{parts.port}"
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path.rstrip("/"), parts.query, ""))


def _parts(text: str) -> SplitResult:
    if len(text) > MAX_URL:
        raise ValueError(f"is longer than {MAX_URL} characters; is it an address?")
    if _BLANK_OR_CONTROL.search(text):
        raise ValueError(f"{_shown(text)} holds a blank or a control character; take it out")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{_shown(text)} is not an address ({error}); check it") from error
    if parts.scheme in _PORTS and parts.netloc:
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "holds a user or a password, and the address of a page is shown to everyone; "
                "take it out"
            )
        _host(parts)
        return parts
    if not parts.netloc and "." in text.partition("/")[0] and parts.scheme not in _PORTS:
        raise ValueError(f"{_shown(text)} has no scheme; write 'https://{text[:100]}'")
    raise ValueError(f"{_shown(text)} is not an http or https address; write 'https://' and a host")


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        return f"[{host}]"
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host) or parts.port == 0:
        raise ValueError(f"{_shown(parts.netloc)} is not a host; check the address")
    return host


def api_base_page(value: str) -> str:
    """The page of a Statuspage-like `api_base`: what stands before `/api/v2`."""
    address = page_address(value)
    before, found, _ = address.partition("/api/v2")
    return before if found else address


def listed(value: Any) -> Any:
    """A single text as a list of one."""
    return [value] if isinstance(value, str) else value


def several(value: Any) -> Any:
    """A single value as a list of one."""
    return value if isinstance(value, list) else [value]


def during(value: Any) -> Any:
    """Hours of quiet that are written without a word."""
    return {"during": value} if isinstance(value, (str, list)) else value


def impacts(value: Any) -> frozenset[Impact]:
    """A set of impacts, from one, from a list, or from a comparison such as `>=major`.

    In a comparison unknown ranks as minor (`Impact.rank`).
    """
    if isinstance(value, str) and (found := _COMPARISON.fullmatch(value.strip())):
        compare, bar = _COMPARE[found[1]], _impact(found[2]).rank
        chosen = frozenset(impact for impact in Impact if compare(impact.rank, bar))
    else:
        words = listed(value)
        if not isinstance(words, list):
            raise ValueError("must be an impact, a list of them, or a comparison like '>=major'")
        chosen = frozenset(map(_impact, words))
    if not chosen:
        raise ValueError("matches no impact at all; leave it out to match every one")
    return chosen


def _impact(word: Any) -> Impact:
    try:
        return Impact(str(word).strip())
    except ValueError:
        known = [impact.value for impact in Impact]
        raise ValueError(
            f"{_shown(word)} is not an impact{nearest(str(word), known)}; "
            f"known are {', '.join(known)}, and comparisons like '>=major'"
        ) from None


def event_kind(value: str) -> str:
    """A family of kinds (`incident`) or a whole kind (`incident.resolved`)."""
    known = (*FAMILIES, *(kind.value for kind in EventKind))
    if value in known:
        return value
    raise ValueError(
        f"{_shown(value)} is not a kind of event{nearest(value, known)}; write a family "
        f"({', '.join(FAMILIES)}) or a whole kind such as incident.resolved"
    )


def whole_kind(value: str) -> str:
    """A whole kind of event (`incident.resolved`)."""
    known = [kind.value for kind in EventKind]
    if value in known:
        return value
    raise ValueError(
        f"{_shown(value)} is not a type of event{nearest(value, known)}; write one such as "
        "incident.resolved, or a family under kinds"
    )


def target(value: str) -> str:
    """A provider or a page, or a component of it: `github`, `github:Actions`, `https://...:API`."""
    provider, component = target_parts(value)
    if not provider or component == "":
        raise ValueError(
            f"{_shown(value)} is neither a provider nor a component of one; write 'github', "
            "'github:Actions' or 'aws:us-east-1/ec2'"
        )
    return value


def target_parts(value: str) -> tuple[str, str | None]:
    """What stands before the colon of a target and what behind it; None where there is none.

    An address has colons of its own: before its slashes, in its host, before its port.
    """
    found = _ADDRESS_TARGET.fullmatch(value.strip())
    if found:
        if "@" in value.partition("://")[2].partition("/")[0]:
            page_address(value)  # what follows the colon of `user:password@` is no component
        address, component = found.groups()
        page_address(address)
        return address, component if component is None else component.strip()
    provider, colon, component = value.partition(":")
    return provider.strip(), component.strip() if colon else None


def statuses(value: Any) -> frozenset[int]:
    """Statuses of HTTP, from one, from a list, or from classes such as `2xx`."""
    given: Any = value if isinstance(value, list) else [value]
    chosen: set[int] = set()
    for one in given:
        chosen.update(_statuses(one))
    if not chosen:
        raise ValueError("must not be empty; fill it, or leave the key out")
    return frozenset(chosen)


def _statuses(value: Any) -> Iterable[int]:
    if isinstance(value, str) and value in STATUS_CLASSES:
        return (status for status in STATUS_CLASSES[value] if status != 429)
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 599:
        raise ValueError(
            f"{_shown(value)} is not a status; write 200, a list of such, "
            f"or {', '.join(map(repr, STATUS_CLASSES))}"
        )
    if value < 200 or 300 <= value < 400:
        raise ValueError(
            f"{value} is never the last word: redirects are followed; write the status at their end"
        )
    if value == 429:
        raise ValueError("429 says only that we ask too often; take it out, or give a longer every")
    return (value,)


def json_path(value: str) -> str:
    """The way to a value in a JSON document, as it is written."""
    json_steps(value)
    return value


def json_steps(path: str) -> tuple[str, ...]:
    """The keys and list indexes in a path: `$.checks[0].status`, or `checks.0.status`."""
    text = path.strip()
    if text[:1] != "$":
        text = f"${text}" if text[:1] == "[" else f"$.{text}"
    steps: list[str] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise ValueError(
                f"{_shown(path)} is not a path; write keys and indexes with dots, "
                "such as $.checks[0].status"
            )
        steps.append(found[1] or found[2])
        at = found.end()
    return tuple(steps)


def scalar(value: Any) -> Any:
    """A value that can be compared as a whole."""
    if isinstance(value, (dict, list)):
        raise ValueError(  # noqa: TRY004 - see above
            "must be a text, a number, true, false or null; give a path to each value inside"
        )
    return value


def window(value: str) -> str:
    """A time of quiet."""
    parse_window(value)
    return value


def rhythm(value: str) -> str:
    """The hours of a digest."""
    parse_rhythm(value, "UTC")
    return value


def timezone(value: str) -> str:
    """The IANA name of a time zone that this system knows."""
    if value == "UTC":
        return value
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        known = available_timezones()
        if not known:
            raise ValueError(
                "this system has no time zone database; install the package tzdata, or use UTC"
            ) from error
        raise ValueError(
            f"{_shown(value)} is not a time zone{nearest(value, known)}; "
            "write an IANA name such as Europe/Berlin"
        ) from error
    return value


def network(value: str) -> str:
    """An address or a network in CIDR form."""
    try:
        return str(ip_network(value.strip(), strict=False))
    except ValueError as error:
        raise ValueError(
            f"{_shown(value)} is not a network; write an address or a CIDR such as 10.0.0.0/8"
        ) from error


def contact(value: str) -> str:
    """What tells a vendor whom to write to: it goes into the User-Agent header."""
    text = value.strip()
    if not text.isascii() or not text.isprintable() or not 0 < len(text) <= 200:
        raise ValueError("must be an e-mail address or a web address in plain ASCII")
    return text


def proxy_address(value: str) -> str:
    """The address of an HTTP proxy, which may hold a user and a password."""
    text = value.strip()
    if not _is_web_address(text):
        raise ValueError("is not the address of a proxy; write 'http://host:port'")
    return text


def beat_address(value: str) -> str:
    """The address that a sign of life goes to. Its path is mostly its secret."""
    text = value.strip()
    if not _is_web_address(text):
        raise ValueError("is not an http or https address; write 'https://' and a host")
    return text


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_good and not _BLANK_OR_CONTROL.search(text)


def store_address(value: str, base: Path) -> str:
    """An SQLAlchemy style address, from one or from a path; a relative path begins at `base`.

    Known are SQLite files, PostgreSQL and `memory:`.
    """
    text = value.strip()
    if text in {"memory", "memory:", ":memory:", "sqlite://", "sqlite:///:memory:"}:
        return "memory:"
    scheme, _, rest = text.partition("://")
    if rest and scheme in _POSTGRESQL:
        return f"postgresql://{rest}"
    if text.startswith("sqlite:///"):
        text = text.removeprefix("sqlite:///")
    elif "://" in text or text.startswith("sqlite:"):
        raise ValueError(
            "is not a store; write a path, sqlite:///PATH (four slashes if PATH is absolute), "
            "postgresql://USER@HOST/NAME or memory"
        )
    if not text or "\x00" in text:
        raise ValueError("names no file; write a path or the address of a database")
    return f"sqlite:///{(base / Path(text).expanduser()).absolute().as_posix()}"


def tag(value: str) -> str:
    """The name of a board: it stands in an address."""
    text = value.strip()
    if not _TAG.fullmatch(text):
        raise ValueError(
            f"{_shown(value)} is not a tag; use up to 40 lower-case letters, digits and '-'"
        )
    return text


def listen_address(value: str) -> str:
    """An address and a port to listen on; either may be left out, and then is the default's."""
    host, port = listen_parts(value)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen_parts(value: str) -> tuple[str, int]:
    """The host and the port of an address to listen on: `127.0.0.1:8484`, `:8484`, `[::1]:80`."""
    match = _LISTEN.fullmatch(value.strip())
    if match is None or int(match["port"] or 0) > 65535:
        raise ValueError(
            f"{_shown(value)} is nowhere to listen; write HOST:PORT, such as 127.0.0.1:8484"
        )
    host = match["six"] or match["host"] or "127.0.0.1"
    return host, int(match["port"] or 8484)


def host_name(value: str) -> str:
    """A name, or an address, by which a server of ours is reached; without scheme and port."""
    text = value.strip().lower().strip("[]")
    if not _OWN_HOST.fullmatch(text):
        raise ValueError(
            f"{_shown(value)} is not a host; write its name alone, such as status.example.com"
        )
    return text


def token(value: str) -> str:
    """A secret that opens a door: too long to be guessed, and it must pass as a header."""
    if len(value) < 16 or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(
            "must be a token of at least 16 characters without blanks; make one with "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return value


def existing_file(value: str, base: Path) -> Path:
    """A file that is there; a relative path begins at `base`."""
    path = base / Path(value).expanduser()
    if not path.is_file():
        raise ValueError(f"there is no file {path}; check the path")
    return path


def format_name(value: str, known: Iterable[str]) -> str:
    """The name of a format."""
    known = sorted(known)
    if value in known:
        return value
    raise ValueError(
        f"{_shown(value)} is not a format{nearest(value, known)}; known are {', '.join(known)}; "
        "leave it out to have it recognised"
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
