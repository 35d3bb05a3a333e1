"""Structured logs on standard error: one record per line, as text or as JSON.

    what happened -> LogObserver -> redact -> escape and render -> one line

A record never holds a secret of the configuration, the credentials or the query of an
address, nor a raw control character: what a vendor wrote cannot begin a line of its own
(CWE-117) or steer a terminal. Logs of libraries take the same way.

Levels: DEBUG every request and every "no" with its reason, INFO the life of the process,
WARNING once when a page becomes unreadable and once when it is readable again, and for
deliveries given up.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO
from urllib.parse import urlsplit

import structlog

from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.observer import Attempted, Happened, Observer, RequestDone, VisitDone, Withheld

Level = Literal["debug", "info", "warning", "error"]
"""How much is logged: this and everything graver."""

Record = MutableMapping[str, Any]

_SHORTEST_SECRET = 4
_USERINFO = re.compile(r"(?<=//)[^/@\s]+(?=@)")
_PLAIN = re.compile(r"[^\s\"'=\\]+")


class Redactor:
    """Takes secrets out of texts, and credentials out of the addresses in them.

    Secrets shorter than four characters are left alone: hiding them would hide the text.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        """The text with `***` where a secret stood."""
        if self._secrets is not None:
            text = self._secrets.sub("***", text)
        return _USERINFO.sub("***", text) if "//" in text else text


def safe_address(method: str, url: str) -> str:
    """An address as a log may show it.

    Without credentials and query; for anything but GET without the path too, because the
    path of a webhook is a secret more often than not.
    """
    parts = urlsplit(url)
    if not parts.netloc:
        return url.partition("?")[0]
    host = parts.netloc.rpartition("@")[2]
    path = parts.path if method == "GET" else "/…" if parts.path.strip("/") else ""
    return f"{parts.scheme}://{host}{path}{'?…' if parts.query else ''}"


def escape(text: str) -> str:
    r"""The text with every character that is not printable as `\n`, `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


@contextmanager
def open_log(
    level: Level = "warning",
    *,
    as_json: bool = False,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Generator["LogObserver"]:
    """Log what happens while the block runs, to `stream` (standard error by default).

    Warnings and errors of libraries are taken along. `secrets` are never written.
    """
    redactor = Redactor(secrets)

    def stamp(_logger: Any, name: str, record: Record) -> Record:
        at = now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"at": at, "level": name, "event": record.pop("event", ""), **record}

    def redact(_logger: Any, _name: str, record: Record) -> Record:
        return {key: _redacted(value, redactor) for key, value in record.items()}

    logger = structlog.wrap_logger(
        structlog.PrintLogger(file=stream or sys.stderr),
        processors=[stamp, redact, _as_json if as_json else _as_text],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    )
    door = _Libraries(logger)
    root = logging.getLogger()
    root.addHandler(door)
    try:
        yield LogObserver(logger)
    finally:
        root.removeHandler(door)


class LogObserver(Observer):
    """Writes what it is told into a structlog logger."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._unreadable: dict[str, str] = {}

    def request_done(self, details: RequestDone) -> None:
        """DEBUG, with an address that holds no secret."""
        self._logger.debug(
            "request",
            method=details.method,
            url=safe_address(details.method, details.url),
            status=details.status,
            ms=round(details.seconds * 1000, 1),
            size=details.size,
            **_given(error=details.error),
        )

    def visit_done(self, details: VisitDone) -> None:
        """DEBUG; INFO if it failed; WARNING where the page's standing changed."""
        log = self._logger.info if details.failure is not None else self._logger.debug
        log(
            "visit",
            page=details.page_key,
            outcome=details.outcome,
            ms=round(details.seconds * 1000, 1),
            events=details.events,
            **_given(reason=details.failure, detail=details.detail),
        )
        was_unreadable = details.page_key in self._unreadable
        if details.unreadable is not None and not was_unreadable:
            self._unreadable[details.page_key] = details.unreadable
            self._logger.warning(
                "page cannot be read",
                page=details.page_key,
                provider=details.provider,
                reason=details.unreadable,
                **_given(detail=details.detail),
            )
        elif details.unreadable is None and was_unreadable:
            del self._unreadable[details.page_key]
            self._logger.warning(
                "page can be read again", page=details.page_key, provider=details.provider
            )

    def withheld(self, details: Withheld) -> None:
        """DEBUG: why something led to no event or no delivery."""
        self._logger.debug(
            "withheld",
            page=details.page_key,
            about=details.about,
            reason=details.reason,
            **_given(receiver=details.receiver),
        )

    def attempted(self, details: Attempted) -> None:
        """DEBUG if it arrived, INFO if it will be tried again, WARNING if it was given up."""
        delivery = details.delivery
        log = {
            DeliveryStatus.DONE: self._logger.debug,
            DeliveryStatus.WAITING: self._logger.info,
            DeliveryStatus.DEAD: self._logger.warning,
        }[delivery.status]
        log(
            "delivery",
            receiver=delivery.receiver,
            seq=delivery.seq,
            status=delivery.status,
            attempts=delivery.attempts,
            **_given(outcome=delivery.last.outcome if delivery.last else ""),
        )

    def happened(self, details: Happened) -> None:
        """At the level that it was told with."""
        fields = {
            f"{k}_" if k in {"event", "level", "at"} else k: v for k, v in details.fields.items()
        }
        getattr(self._logger, details.level)(details.what, **fields)


class _Libraries(logging.Handler):
    """Lets records of libraries take our way."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on; a traceback becomes a field."""
        level = "error" if record.levelno >= logging.ERROR else "warning"
        trace = ""
        if record.exc_info:
            trace = logging.Formatter().formatException(record.exc_info)
        getattr(self._logger, level)(
            record.getMessage(), logger=record.name, **_given(exception=trace)
        )


def _given(**fields: Any) -> dict[str, Any]:
    """Only those fields that say something."""
    return {key: value for key, value in fields.items() if value}


def _redacted(value: Any, redactor: Redactor) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _redacted(item, redactor) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item, redactor) for item in value]
    return redactor(str(value))


def _as_json(_logger: Any, _name: str, record: Record) -> str:
    return json.dumps(record)


def _as_text(_logger: Any, _name: str, record: Record) -> str:
    head = (record.pop("at"), record.pop("level").upper(), record.pop("event"))
    fields = (f"{key}={_value(value)}" for key, value in record.items())
    return escape(" ".join((*head, *fields)))


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
