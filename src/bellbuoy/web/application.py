"""All routes behind the one door, and what an error becomes on its way out."""

import logging
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.staticfiles import StaticFiles

from bellbuoy import __version__
from bellbuoy.errors import CursorError, StoreError
from bellbuoy.web import api, dashboard, health, html, problems, sign_in
from bellbuoy.web.api import openapi, validation
from bellbuoy.web.door import Door, NarrowDoor
from bellbuoy.web.interop import badges, feeds, ics, statuspage
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

_log = logging.getLogger(__name__)

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def application(
    site: Site,
    *,
    is_whole: bool = True,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
) -> Door:
    """The whole of it, as an ASGI application, or only what watches the watcher.

    `clock` and `now` are as `Door` has them.
    """
    door = Door if is_whole else NarrowDoor
    return door(routes(site), site.web, clock=clock, now=now)


def routes(site: Site) -> FastAPI:
    """Every route, without the door: the list from which the tests of access are made."""
    app = FastAPI(
        title="Bellbuoy",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=openapi.PATH,
    )
    app.openapi = cache(partial(openapi.document, app))
    app.include_router(api.router(site))
    app.include_router(sign_in.router(site))
    app.include_router(dashboard.router(site))
    for part in (statuspage, feeds, ics, badges, health):
        app.include_router(part.router(site))
    app.mount("/static", StaticFiles(directory=str(files("bellbuoy.web") / "static")))
    for kind in (
        Problem,
        HTTPException,
        RequestValidationError,
        CursorError,
        StoreError,
        Exception,
    ):
        app.add_exception_handler(kind, _problem)
    return app


def _answer(request: Request, problem: Problem) -> Response:
    is_person = "text/html" in request.headers.get("accept", "")
    return html.error_page(request, problem) if is_person else problems.as_response(problem)


async def _problem(request: Request, error: Exception) -> Response:
    return _answer(request, _as_problem(request, error))


def _as_problem(request: Request, error: Exception) -> Problem:
    """What an error means to whoever asked."""
    match error:
        case Problem():
            return error
        case HTTPException(status_code=404):
            return Problem(404, "there is nothing here")
        case HTTPException(status_code=405):
            return Problem(405, "this cannot be done here", allow=_allowed(request))
        case HTTPException():
            return Problem(error.status_code, str(error.detail))
        case RequestValidationError():
            return validation.as_problem(error)
        case CursorError():
            return Problem(400, str(error), name="cursor")
        case StoreError():
            # It names the place of the store, which is no business of whoever asked.
            _log.warning("the store: %s", error)
            return Problem(503, "the store refuses just now; the log says why", retry_after=5)
        case _:
            # What it was stands in the log; it is a bug, and no business of whoever asked.
            return Problem(500, "a fault of ours; the log says which")


def _allowed(request: Request) -> tuple[str, ...]:
    """The methods that a path takes (RFC 9110, section 10.2.1)."""
    if any(isinstance(route, Mount) for route in _matching(request, "GET")):
        return "GET", "HEAD"
    found = [method for method in _METHODS if any(_matching(request, method))]
    return (*found, "HEAD") if "GET" in found else tuple(found)


def _matching(request: Request, method: str) -> Iterator[BaseRoute]:
    # Within a mount the scope is that of the mount; the routes are those of the whole.
    root = request.scope.get("app_root_path", "")
    scope = {**request.scope, "method": method, "root_path": root}
    for route in request.app.routes:
        if route.matches(scope.copy())[0] is Match.FULL:
            yield route
