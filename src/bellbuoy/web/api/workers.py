"""`/api/v1/workers`: the processes that share the store."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from bellbuoy.web.api.answers import as_list, cut
from bellbuoy.web.api.facts import worker_answer
from bellbuoy.web.api.models import WorkerAnswer
from bellbuoy.web.api.openapi import listing
from bellbuoy.web.api.queries import Paged
from bellbuoy.web.marks import mark, read_mark
from bellbuoy.web.site import Site


def router(site: Site) -> APIRouter:
    """Who shares the store."""
    routes = APIRouter(tags=["workers"])

    @routes.get("/workers", responses=listing(WorkerAnswer))
    async def list_workers(request: Request, asked: Annotated[Paged, Query()]) -> Response:
        """List the processes alive that share the store, by id.

        Alive is who was heard in the last 15 seconds. Where one process does everything, with a
        store in a file, there are none.
        """
        after = read_mark(asked.cursor, tuple[str])[0] if asked.cursor else ""
        roster = await site.store.roster()
        found = (
            worker_answer(one, roster)
            for one in roster.members
            if one.is_live and one.worker.id > after
        )
        answers, going_on = cut(found, asked.limit, lambda one: mark(one.id))
        return as_list(request, answers, going_on)

    return routes
