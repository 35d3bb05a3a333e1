"""The pages for people."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from bellbuoy.web import html
from bellbuoy.web.site import Site


def router(site: Site) -> APIRouter:
    """Every page of the dashboard."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def board(request: Request) -> Response:
        pages = await site.overview.pages()
        return html.page(request, "board.html", now=site.app.now(), pages=pages)

    return routes
