"""`/api/v1`: everything that is known, for tools; described at `/api/v1/openapi.json`."""

from fastapi import APIRouter, Depends, Request

from bellbuoy.web import access
from bellbuoy.web.api import deliveries, events, incidents, pages, silences, stream, workers
from bellbuoy.web.api.answers import JSON
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

PREFIX = "/api/v1"


def router(site: Site) -> APIRouter:
    """The whole of it."""
    routes = APIRouter(prefix=PREFIX, dependencies=[Depends(_speaks_json)])
    # The stream's path would otherwise be the id of an event.
    for part in (stream, pages, incidents, events, deliveries, silences, workers):
        routes.include_router(part.router(site))
    return routes


async def _speaks_json(request: Request) -> None:
    """Raise Problem where something else than JSON is sent: a form can be sent by any page."""
    path, method = request.url.path, request.method
    if method in access.SAFE or access.is_poke(method, path):
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON and (kind or await request.body()):
        raise Problem(415, f"send {JSON}, and say so in Content-Type", name="content-type")
