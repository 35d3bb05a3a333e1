"""`/deliveries`: what went to whom, what waits, what was not taken, and sending that again."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from msgspec import Struct
from starlette.responses import Response

from bellbuoy.delivery.again import send_again
from bellbuoy.events import Event
from bellbuoy.model.delivery import Delivery, DeliveryStatus, Occasion
from bellbuoy.notifiers import Receiver
from bellbuoy.web import html
from bellbuoy.web.addresses import incident_path, provider_path
from bellbuoy.web.dashboard import done
from bellbuoy.web.marks import Seq, mark, read_mark
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

ON_A_PAGE = 50
"""How many deliveries a page shows."""

MOST_AT_ONCE = 5000
"""How many dead deliveries one press sends again; the newest first."""

WORDS = {
    DeliveryStatus.DONE: "sent",
    DeliveryStatus.WAITING: "waiting",
    DeliveryStatus.HELD: "held",
    DeliveryStatus.WITHHELD: "withheld",
    DeliveryStatus.DEAD: "dead",
}

_STATES = {
    DeliveryStatus.DONE: "operational",
    DeliveryStatus.WAITING: "maintenance",
    DeliveryStatus.HELD: "maintenance",
    DeliveryStatus.WITHHELD: "unknown",
    DeliveryStatus.DEAD: "critical",
}


class Summary(Struct, frozen=True, kw_only=True):
    """How a receiver stands: deliveries by status, and whether it wants no more (410)."""

    name: str
    kind: str
    done: int
    waiting: int
    held: int
    withheld: int
    dead: int
    oldest_at: datetime | None
    is_disabled: bool


class Row(Struct, frozen=True, kw_only=True):
    """One delivery with its event; `title` is empty where the event is kept no more."""

    id: str
    event_id: str
    receiver: str
    state: str
    words: str
    what: str
    title: str
    path: str
    provider: str
    rule: str
    reason: str
    attempts: int
    answer: str
    answered_at: datetime | None
    due_at: datetime | None
    created_at: datetime
    is_after_gap: bool
    is_dead: bool


def router(site: Site) -> APIRouter:
    """The list, and its buttons."""
    routes = APIRouter(include_in_schema=False)
    _add_list(routes, site)
    _add_buttons(routes, site)
    return routes


def _add_list(routes: APIRouter, site: Site) -> None:
    @routes.get("/deliveries")
    async def deliveries(
        request: Request,
        status: str = "",
        receiver: Annotated[str, Query(max_length=64)] = "",
        before: Annotated[str, Query(max_length=600)] = "",
    ) -> Response:
        found = await site.store.deliveries(
            receiver=receiver or None,
            status=_status(status),
            before=read_mark(before, tuple[Seq, str, str]) if before else None,
            limit=ON_A_PAGE + 1,
        )
        rows = [await _row(site, each) for each in found[:ON_A_PAGE]]
        older = _older(status, receiver, found[ON_A_PAGE - 1]) if len(found) > ON_A_PAGE else ""
        return html.page(
            request,
            "deliveries.html",
            now=site.app.now(),
            summaries=[one async for one in _summaries(site)],
            rows=rows,
            chosen=status,
            receiver=receiver,
            words=[(each.value, word) for each, word in WORDS.items()],
            older=older,
            is_first=not before,
            said=done.said(request.query_params),
            writes=bool(site.web.write),
        )


def _add_buttons(routes: APIRouter, site: Site) -> None:
    @routes.post("/deliveries/send-again")
    async def again(
        receiver: Annotated[str, Form()],
        delivery: Annotated[str, Form()] = "",
        event: Annotated[str, Form()] = "",
    ) -> Response:
        _known(site, receiver)
        dead = await site.store.deliveries(
            receiver=receiver,
            status=DeliveryStatus.DEAD,
            event_id=event or None,
            limit=MOST_AT_ONCE,
        )
        meant = [each for each in dead if delivery in {"", each.id}]
        back = f"/deliveries?{urlencode({'receiver': receiver})}"
        if not meant:
            return done.back(back, "gone")
        count, _ = await send_again(site.store, receiver, meant, site.app.now())
        return done.back(back, "again", count)

    @routes.post("/deliveries/enable")
    async def enable(receiver: Annotated[str, Form()]) -> Response:
        _known(site, receiver)
        await site.store.enable(receiver)
        return done.back(f"/deliveries?{urlencode({'receiver': receiver})}", "enabled")


async def _summaries(site: Site) -> AsyncIterator[Summary]:
    disabled, oldest = await site.store.disabled(), await site.store.oldest_waiting()
    for each in site.config.receivers:
        counts = await site.store.count_deliveries(each.name)
        yield Summary(
            name=each.name,
            kind=each.kind,
            oldest_at=oldest.get(each.name),
            is_disabled=each.name in disabled,
            **{status.value: counts.get(status, 0) for status in DeliveryStatus},
        )


async def _row(site: Site, each: Delivery) -> Row:
    event = await site.store.find_event(each.event_id)
    last = each.last
    occasion = "" if each.occasion is Occasion.EVENT else f" ({each.occasion.value})"
    is_to_come = each.status in {DeliveryStatus.WAITING, DeliveryStatus.HELD}
    return Row(
        id=each.id,
        event_id=each.event_id,
        receiver=each.receiver,
        state=_STATES[each.status],
        words=WORDS[each.status],
        what=f"{event.kind.value.replace('.', ' ')}{occasion}" if event else f"event {each.seq}",
        title=_title(event),
        path=_path(site, event),
        provider=event.provider.name if event else "",
        rule=each.rule,
        reason=each.reason,
        attempts=each.attempts,
        answer=last.outcome if last else "",
        answered_at=last.at if last else None,
        due_at=each.due_at if is_to_come else None,
        created_at=each.created_at,
        is_after_gap=each.after_gap,
        is_dead=each.status is DeliveryStatus.DEAD,
    )


def _title(event: Event | None) -> str:
    if event is None:
        return ""
    if event.incident is not None:
        return event.incident.title
    return event.component.name if event.component else event.page.url


def _path(site: Site, event: Event | None) -> str:
    """Where the event's incident is shown, or its provider; empty if it is watched no more."""
    keys = {one.page.key for one in site.config.watched}
    if event is None or event.page.key not in keys:
        return ""
    if event.incident is not None:
        return incident_path(event.page.key, event.incident.id)
    return provider_path(event.provider.slug)


def _known(site: Site, name: str) -> Receiver:
    for each in site.config.receivers:
        if each.name == name:
            return each
    raise Problem(404, f"{name[:64]!r} is not a receiver", name="receiver")


def _status(text: str) -> DeliveryStatus | None:
    try:
        return DeliveryStatus(text) if text else None
    except ValueError:
        known = ", ".join(DeliveryStatus)
        raise Problem(422, f"status: write one of {known}", name="status") from None


def _older(status: str, receiver: str, last: Delivery) -> str:
    given = {"status": status, "receiver": receiver}
    given["before"] = mark(last.seq, last.receiver, last.id)
    return f"/deliveries?{urlencode({name: value for name, value in given.items() if value})}"
