"""Which part of everything watched a visitor asks for: all of it, or the board of a tag."""

from starlette.requests import Request

from bellbuoy.web.overview import PageView
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

BOTH = ("", "/boards/{tag}")
"""What stands before a path that tells of everything, and before that of one board."""


async def selected(site: Site, request: Request) -> tuple[PageView, ...]:
    """The pages of a request's board, or every page. Raises Problem if there is no such board."""
    tag = board(request)
    views = await site.overview.pages()
    if tag is None:
        return views
    if found := tuple(view for view in views if tag in view.watched.tags):
        return found
    raise Problem(404, "no provider has this tag, so there is no such board")


def board(request: Request) -> str | None:
    """The tag of the board that is asked for; None for everything."""
    return request.path_params.get("tag")


def origin(request: Request) -> str:
    """By which address we are asked, without a slash at the end: `https://bell.example`.

    The door has found the name to be ours.
    """
    return str(request.base_url).rstrip("/")


def title(request: Request) -> str:
    """What a board, or the whole, is called in other tools."""
    tag = board(request)
    return "Bellbuoy" if tag is None else f"Bellbuoy: {tag}"
