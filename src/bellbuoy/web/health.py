"""Whether it lives, whether it does its work, and its figures: for what watches the watcher.

`/healthz` and `/readyz` answer anybody under any name, so they say nothing of what is watched.
"""

import asyncio

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bellbuoy.telemetry.metrics import CONTENT_TYPE
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

_FRESH = {"cache-control": "no-store"}


def router(site: Site) -> APIRouter:
    """Health, readiness and metrics."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/healthz")
    async def health() -> Response:
        return PlainTextResponse("ok\n", headers=_FRESH)

    @routes.get("/readyz")
    async def readiness() -> Response:
        reasons = site.app.ready()
        status = 503 if reasons else 200
        said = {"ready": not reasons, "reasons": reasons}
        return JSONResponse(said, status, headers=_FRESH)

    @routes.get("/metrics")
    async def metrics() -> Response:
        if site.metrics is None:
            raise Problem(404, "nothing is counted here")
        stock = await site.app.stock()
        # Thousands of pages are tens of thousands of lines.
        text = await asyncio.to_thread(site.metrics.render, stock)
        return Response(text, headers={**_FRESH, "content-type": CONTENT_TYPE})

    return routes
