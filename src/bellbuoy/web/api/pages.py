"""`/api/v1/providers` and `/api/v1/pages`: what is watched, how it stands, and poking it."""

import hmac
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from bellbuoy.web import access
from bellbuoy.web.api.answers import as_json, as_list, cut
from bellbuoy.web.api.choosing import chosen_pages, says
from bellbuoy.web.api.facts import page_answer, provider_answer
from bellbuoy.web.api.models import PageAnswer, PokeAnswer, ProviderAnswer
from bellbuoy.web.api.openapi import listing, one_of
from bellbuoy.web.api.queries import PageQuery, ProviderQuery, Where
from bellbuoy.web.marks import mark, read_mark
from bellbuoy.web.overview import PageView, by_provider
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

PageId = Annotated[
    str,
    Path(
        description="12 hex digits that name a page, as `page` of an answer.",
        examples=["9f2c1a7b3e4d"],
        max_length=12,
    ),
]


def router(site: Site) -> APIRouter:
    """What is watched."""
    routes = APIRouter(tags=["pages"])
    _add_providers(routes, site)
    _add_pages(routes, site)
    return routes


def _add_providers(routes: APIRouter, site: Site) -> None:
    @routes.get("/providers", responses=listing(ProviderAnswer))
    async def list_providers(
        request: Request, asked: Annotated[ProviderQuery, Query()]
    ) -> Response:
        """List the providers that are watched, by slug."""
        after = read_mark(asked.cursor, tuple[str]) if asked.cursor else ("",)
        views = await _views(site, asked)
        found = (_provider(site, each) for each in by_provider(views))
        wanted = (
            one for one in found if (one.slug,) > after and says(asked.text, one.name, one.slug)
        )
        answers, going_on = cut(wanted, asked.limit, lambda one: mark(one.slug))
        return as_list(request, answers, going_on)

    @routes.get("/providers/{slug}", responses=one_of(ProviderAnswer))
    async def get_provider(
        request: Request, slug: Annotated[str, Path(examples=["github"], max_length=200)]
    ) -> Response:
        """Show one provider, by its slug."""
        for each in by_provider(await _views(site, Where())):
            if each[0].watched.page.provider.slug == slug:
                return as_json(request, _provider(site, each))
        raise Problem(404, f"no provider of the slug {slug[:40]!r} is watched")


def _add_pages(routes: APIRouter, site: Site) -> None:
    @routes.get("/pages", responses=listing(PageAnswer))
    async def list_pages(request: Request, asked: Annotated[PageQuery, Query()]) -> Response:
        """List the pages that are watched, by provider and address."""
        after = read_mark(asked.cursor, tuple[str, str]) if asked.cursor else ("", "")
        found = [
            view
            for view in await _views(site, asked)
            if _place(view) > after
            and says(asked.text, view.watched.page.provider.name, view.watched.page.url)
        ]
        some, going_on = cut(found, asked.limit, lambda view: mark(*_place(view)))
        return as_list(request, [_page(site, request, view) for view in some], going_on)

    @routes.get("/pages/{id}", responses=one_of(PageAnswer))
    async def get_page(request: Request, id: PageId) -> Response:
        """Show one page. Who may write sees the address that a vendor may call."""
        view = await site.overview.page(id)
        if view is None:
            raise _no_page(id)
        return as_json(request, _page(site, request, view))

    @routes.post("/pages/{id}/poke", status_code=202, responses=one_of(PokeAnswer, status=202))
    async def poke_page(
        request: Request,
        id: PageId,
        token: Annotated[str, Query(description="The page's own token.", max_length=200)] = "",
    ) -> Response:
        """Say that a page changed, so that it is looked at soon.

        Meant for a vendor's webhook: the token of the page may stand in the address, and what is
        sent along is not read. The page is looked at no sooner than five seconds after the look
        before, and never before its host lets us come back.
        """
        _judge_poke(site, request, id, token)
        watched = site.overview.watched(id)
        if watched is None or not await site.app.poke(watched.page.key):
            raise _no_page(id)
        place = site.app.place(watched.page.key)
        return as_json(request, PokeAnswer(next_look_at=place and place.due_at), status=202)


def _judge_poke(site: Site, request: Request, id: str, token: str) -> None:
    """Raise Problem unless the page's own token is shown."""
    wanted = access.poke_token(site.web, id)
    if not wanted:
        raise Problem(403, "no page can be poked; set web.auth.write in the config")
    given = token or access.bearer(request.headers)
    if not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()):
        raise Problem(
            403, "this is not the token of this page; GET /api/v1/pages/{id} tells it", name="token"
        )


async def _views(site: Site, asked: Where) -> list[PageView]:
    """The chosen pages as they stand, in order."""
    views = {view.watched.page.key: view for view in await site.overview.pages()}
    return [views[one.page.key] for one in chosen_pages(site, asked)]


def _provider(site: Site, views: Sequence[PageView]) -> ProviderAnswer:
    provider = views[0].watched.page.provider
    return provider_answer(provider, views, site.categories[provider.slug])


def _page(site: Site, request: Request, view: PageView) -> PageAnswer:
    poke = access.poke_path(site.web, view.id, request.state.scope) or None
    return page_answer(view, site.categories[view.watched.page.provider.slug], poke)


def _place(view: PageView) -> tuple[str, str]:
    return view.watched.page.provider.slug, view.watched.page.key


def _no_page(id: str) -> Problem:
    return Problem(404, f"no page of the id {id[:40]!r} is watched")
