"""What every format must do with good, foreign, cut and missing answers."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import msgspec

from bellbuoy import formats
from bellbuoy.errors import FetchError, ReadError, Unreadable, VisitError
from bellbuoy.exchange import Request, Response
from bellbuoy.formats import Format
from bellbuoy.model.facts import ComponentStatus, Page, Provider, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.testing.claims import must

MOST_REQUESTS = 20
"""A visit that asks more than this is not polite."""

_CUTS = 200
_IMPURE = frozenset(
    {"asyncio", "socket", "aiohttp", "httpx", "requests", "urllib3", "sqlite3", "sqlalchemy",
     "logging", "time", "random", "threading", "subprocess"}
)  # fmt: skip

FOREIGN = (
    b"",
    b"OK",
    b"null",
    b"[]",
    b"{}",
    b'{"status": 500, "error": "Internal Server Error"}',
    b"\x00\xff" * 64,
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>",
)
"""Answers that are no status page of any format."""


def check_format(format: Format, *, url: str, answers: Mapping[str, bytes | Response]) -> Snapshot:
    """Check a format against recorded answers of one page, and return what it read.

    `answers` maps addresses, or paths below `url`, to bodies (or to whole responses, where
    headers matter). Every other question is answered with 404. Raises AssertionError.
    """
    _check_attributes(format)
    page = _page(format, url)
    face = _first_request(format, page, Seen())
    used = Seen(first_look=False, open_ids=frozenset({"x"}), entries={"x": "y"}, history_due=False)
    must(face == _first_request(format, page, used), "the first request does not depend on `seen`")
    first = play(format, url, answers)
    must(first == play(format, url, answers), "the same answers always give the same snapshot")
    _check_snapshot(first)
    _check_second_look(format, url, answers, first)
    response = _answer(face, page, answers)
    claim = format.claims(response)
    must(claim is None or claim.format == format.NAME, "a claim names the format itself")
    must(claim is None or format.PROBES, "a format without PROBES claims nothing")
    for body in FOREIGN:
        foreign = Response(url=face.url, status=200, body=body)
        must(format.claims(foreign) is None, f"`claims` does not claim {body[:60]!r}")
    if face.accepts_failure:
        _check_failures(format, url, face)
        return first
    _check_foreign(format, url, face)
    _check_cut(format, url, answers, response, first)
    return first


def play(
    format: Format, url: str, answers: Mapping[str, bytes | Response], seen: Seen | None = None
) -> Snapshot:
    """Read a page from recorded answers. Raises VisitError as the format does."""
    page = _page(format, url)
    exchange = format.read(page, seen or Seen())
    try:
        request = next(exchange)
        for _ in range(MOST_REQUESTS):
            must(request.method == "GET", "a format only asks: every request is a GET")
            try:
                response = _answer(request, page, answers)
            except FetchError as error:
                request = exchange.throw(error)
            else:
                request = exchange.send(response)
    except StopIteration as stop:
        must(isinstance(stop.value, Snapshot), "`read` returns a Snapshot")
        return stop.value
    finally:
        exchange.close()
    raise AssertionError(f"a visit asks at most {MOST_REQUESTS} questions")


def _page(format: Format, url: str) -> Page:
    provider = Provider(slug="tested", name="Tested")
    return Page(key=url.rstrip("/"), url=url, provider=provider, format=format.NAME)


def _answer(request: Request, page: Page, answers: Mapping[str, bytes | Response]) -> Response:
    for path, answer in answers.items():
        if request.url in (path, page.at(path)):
            if isinstance(answer, Response):
                return answer
            return Response(url=request.url, status=200, body=answer)
    raise FetchError(request.url, Unreadable.GONE, "no recorded answer", status=404)


def _first_request(format: Format, page: Page, seen: Seen) -> Request:
    exchange = format.read(page, seen)
    try:
        request = next(exchange)
    except StopIteration as stop:
        raise AssertionError("`read` asks at least one question") from stop
    finally:
        exchange.close()
    must(isinstance(request, Request), "`read` yields a Request")
    return request


def _check_attributes(format: Any) -> None:
    version = getattr(format, "api_version", None)
    must(version == formats.API_VERSION, f"api_version is {formats.API_VERSION}")
    must(isinstance(getattr(format, "NAME", None), str) and format.NAME, "NAME is a text")
    must(
        hasattr(format, "PLATFORM") and isinstance(format.PLATFORM, (str, type(None))),
        "PLATFORM is a text or None",
    )
    probes = getattr(format, "PROBES", None)
    must(
        isinstance(probes, tuple) and all(isinstance(probe, str) for probe in probes),
        "PROBES is a tuple of paths",
    )
    must(callable(getattr(format, "claims", None)), "there is a function `claims`")
    must(callable(getattr(format, "read", None)), "there is a function `read`")
    if isinstance(format, ModuleType):
        impure = sorted(_imported(format) & _IMPURE)
        must(not impure, f"a format is pure: it does not import {', '.join(impure)}")


def _imported(module: ModuleType) -> set[str]:
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def _check_snapshot(snapshot: Snapshot) -> None:
    try:
        msgspec.convert(msgspec.to_builtins(snapshot), Snapshot)
    except (msgspec.ValidationError, TypeError) as error:
        raise AssertionError(f"every value of a snapshot has the type it says: {error}") from error
    for what, ids in _ids(snapshot):
        must(all(ids), f"{what} have ids that are not empty")
        must(len(ids) == len(set(ids)), f"{what} have ids of their own")
    for at in _instants(snapshot):
        must(at.utcoffset() == timedelta(0), "every instant is an aware datetime in UTC")


def _ids(snapshot: Snapshot) -> Iterator[tuple[str, list[str]]]:
    yield "incidents", [incident.id for incident in snapshot.incidents]
    yield "components", [component.id for component in snapshot.components]
    for incident in snapshot.incidents:
        yield "the updates of an incident", [update.id for update in incident.updates]


def _instants(snapshot: Snapshot) -> Iterator[datetime]:
    if snapshot.stamp:
        yield snapshot.stamp
    for incident in snapshot.incidents:
        times = (incident.started_at, incident.updated_at, incident.resolved_at)
        yield from filter(None, (*times, incident.scheduled_until))
        for update in incident.updates:
            yield from filter(None, (update.at, update.updated_at))


def _check_second_look(
    format: Format, url: str, answers: Mapping[str, bytes | Response], first: Snapshot
) -> None:
    seen = Seen(
        first_look=False,
        open_ids=frozenset(incident.id for incident in first.incidents if incident.is_open),
        entries=first.entries,
        stamp=first.stamp,
        history_due=False,
    )
    second = play(format, url, answers, seen)
    known = {incident.id: incident for incident in first.incidents}
    must(second.unchanged <= known.keys(), "`unchanged` names only incidents that were read before")
    for incident in second.incidents:
        must(incident.id not in second.unchanged, "an incident is read or unchanged, not both")
        must(known.get(incident.id, incident) == incident, "a second look reads the same facts")


def _check_foreign(format: Format, url: str, face: Request) -> None:
    for body in FOREIGN:
        try:
            play(format, url, {face.url: body})
        except ReadError:
            continue
        raise AssertionError(f"`read` raises ReadError for {body[:60]!r}, which is not its format")
    try:
        play(format, url, {})
    except VisitError:
        return
    raise AssertionError("`read` passes on the FetchError of its first question")


def _check_failures(format: Format, url: str, face: Request) -> None:
    """Where a failure is an answer: it may mean much, but never that all is well."""
    for status in (404, 500, 503):
        for body in FOREIGN:
            answer = Response(url=face.url, status=status, body=body)
            try:
                read = play(format, url, {face.url: answer})
            except VisitError:
                continue
            fine = [one for one in read.components if one.status is ComponentStatus.OPERATIONAL]
            must(not fine, f"nothing is operational that answers {status}")


def _check_cut(
    format: Format,
    url: str,
    answers: Mapping[str, bytes | Response],
    face: Response,
    whole: Snapshot,
) -> None:
    others = {path: answer for path, answer in answers.items() if path != face.url}
    step = max(1, len(face.body) // _CUTS)
    for length in range(0, len(face.body), step):
        cut = msgspec.structs.replace(face, body=face.body[:length])
        try:
            read = play(format, url, {face.url: cut, **others})
        except VisitError:
            continue
        must(read == whole, f"a document cut after {length} bytes raises ReadError")
