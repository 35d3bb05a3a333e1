"""`/api/v1/deliveries`: what went to whom, and sending again."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from bellbuoy.model.delivery import Delivery, DeliveryStatus
from bellbuoy.web.api.answers import as_json, as_list, cut
from bellbuoy.web.api.facts import delivery_answer
from bellbuoy.web.api.models import DeliveryAnswer
from bellbuoy.web.api.openapi import listing, one_of
from bellbuoy.web.api.queries import DeliveryQuery
from bellbuoy.web.marks import Seq, mark, read_mark
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

DeliveryId = Annotated[
    str,
    Path(
        description="The id of a delivery: the event's, the receiver's, and sometimes more.",
        examples=["5d6c7e2a-6a55-5d35-8e8e-0d9f9c1b2a33/ops"],
    ),
]


def router(site: Site) -> APIRouter:
    """What went to whom."""
    routes = APIRouter(tags=["deliveries"])

    @routes.get("/deliveries", responses=listing(DeliveryAnswer))
    async def list_deliveries(
        request: Request, asked: Annotated[DeliveryQuery, Query()]
    ) -> Response:
        """List deliveries, newest first."""
        found = await site.store.deliveries(
            receiver=asked.receiver,
            status=asked.status,
            event_id=asked.event,
            before=read_mark(asked.cursor, tuple[Seq, str, str]) if asked.cursor else None,
            limit=asked.limit + 1,
        )
        some, going_on = cut(
            found, asked.limit, lambda each: mark(each.seq, each.receiver, each.id)
        )
        return as_list(request, [delivery_answer(each) for each in some], going_on)

    @routes.get("/deliveries/{id:path}", responses=one_of(DeliveryAnswer))
    async def get_delivery(request: Request, id: DeliveryId) -> Response:
        """Show one delivery."""
        return as_json(request, delivery_answer(await _delivery(site, id)))

    @routes.post("/deliveries/{id:path}/revive", responses=one_of(DeliveryAnswer))
    async def revive_delivery(request: Request, id: DeliveryId) -> Response:
        """Send a dead delivery again, as if it had never been tried."""
        found = await _delivery(site, id)
        if found.status is not DeliveryStatus.DEAD:
            raise Problem(
                409, f"only a dead delivery can be sent again; this one is {found.status}"
            )
        await site.store.revive(id, site.app.now())
        return as_json(request, delivery_answer(await _delivery(site, id)))

    return routes


async def _delivery(site: Site, id: str) -> Delivery:
    event = id.partition("/")[0]
    for each in await site.store.deliveries(event_id=event, limit=1000):
        if each.id == id:
            return each
    raise Problem(404, "there is no delivery of this id, or not any more")
