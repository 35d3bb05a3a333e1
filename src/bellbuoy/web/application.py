"""All routes behind the one door, and what an error becomes on its way out."""

import time
from collections.abc import Callable
from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from bellbuoy import __version__
from bellbuoy.errors import CursorError, StoreError
from bellbuoy.web import dashboard, html, problems, sign_in
from bellbuoy.web.door import Door
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site


def application(
    site: Site,
    *,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
) -> Door:
    """The whole of it, as an ASGI application. `clock` and `now` are as `Door` has them."""
    return Door(routes(site), site.web, clock=clock, now=now)


def routes(site: Site) -> FastAPI:
    """Every route, without the door: the list from which the tests of access are made."""
    app = FastAPI(
        title="Bellbuoy",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.include_router(sign_in.router(site))
    app.include_router(dashboard.router(site))
    app.mount("/static", StaticFiles(directory=str(files("bellbuoy.web") / "static")))
    for kind in (Problem, HTTPException, RequestValidationError, CursorError, StoreError):
        app.add_exception_handler(kind, _problem)
    return app


def _answer(request: Request, problem: Problem) -> Response:
    is_person = "text/html" in request.headers.get("accept", "")
    return html.error_page(request, problem) if is_person else problems.as_response(problem)


async def _problem(request: Request, error: Exception) -> Response:
    return _answer(request, _as_problem(error))


def _as_problem(error: Exception) -> Problem:
    """What an error means to whoever asked."""
    match error:
        case Problem():
            return error
        case HTTPException(status_code=404):
            return Problem(404, "there is nothing here")
        case HTTPException():
            return Problem(error.status_code, str(error.detail))
        case RequestValidationError():
            first = error.errors()[0]
            return Problem(422, first["msg"], name=".".join(map(str, first["loc"])))
        case CursorError():
            return Problem(400, str(error), name="cursor")
        case _:
            return Problem(503, f"the store: {error}", retry_after=5)
