"""Signing in: a browser shows a token once, and gets a cookie that proves it for some hours."""

import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from bellbuoy.web import access, html
from bellbuoy.web.access import Scope
from bellbuoy.web.site import Site


def router(site: Site) -> APIRouter:
    """The sign-in page, and what it posts to."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/sign-in")
    def show(request: Request, next: str = "/") -> Response:
        return html.page(request, "sign_in.html", next=_own_path(next), is_wrong=False)

    @routes.post("/sign-in")
    def sign_in(
        request: Request, token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/"
    ) -> Response:
        scope = access.scope_of_token(site.web, token.strip())
        if scope not in {Scope.READ, Scope.WRITE}:
            return html.page(
                request, "sign_in.html", status=403, next=_own_path(next), is_wrong=True
            )
        response = RedirectResponse(_own_path(next), 303)
        response.set_cookie(
            access.SESSION,
            access.new_session(site.web, scope, time.time()),
            max_age=access.SESSION_LASTS,
            httponly=True,
            samesite="strict",
            secure=request.headers.get("origin", "").startswith("https://"),
        )
        return response

    @routes.post("/sign-out")
    def sign_out() -> Response:
        response = RedirectResponse("/", 303)
        response.delete_cookie(access.SESSION, httponly=True, samesite="strict")
        return response

    return routes


def _own_path(text: str) -> str:
    """A path of ours; whatever else a link may have put there leads to the board."""
    is_path = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_path and text.isprintable() and "\\" not in text else "/"
