"""`/config`: what is in force, and which stanza an address needs."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request
from msgspec import Struct
from starlette.responses import Response

from bellbuoy.config import values
from bellbuoy.config.edit import stanza_of, stanza_text
from bellbuoy.errors import StoreError, VisitError
from bellbuoy.formats import Formats
from bellbuoy.formats.recognise import recognise
from bellbuoy.web import html
from bellbuoy.web.dashboard.in_force import WorkerRow, in_force, worker_rows
from bellbuoy.web.site import Site

WITHIN = 45.0
"""How long a recognition may take, with waiting for a seat, in seconds."""


class Answer(Struct, frozen=True, kw_only=True):
    """What came of an address: a stanza to paste, or why there is none."""

    address: str
    wrong: str = ""
    name: str = ""
    format: str = ""
    paste: str = ""
    tried: tuple[str, ...] = ()


def router(site: Site) -> APIRouter:
    """The page, and its question."""
    routes = APIRouter(include_in_schema=False)
    turn = asyncio.Lock()

    @routes.get("/config")
    async def show(request: Request) -> Response:
        return await _page(site, request, None)

    @routes.post("/config/recognise")
    async def ask(request: Request, address: Annotated[str, Form()] = "") -> Response:
        """Asks the address, so it makes us send requests: only who may write may do that."""
        if turn.locked():
            wrong = "another address is being recognised; try again in a moment"
            return await _page(site, request, Answer(address=address, wrong=wrong), status=409)
        async with turn:
            answer = await recognised(site, address)
        return await _page(site, request, answer, status=422 if answer.wrong else 200)

    return routes


async def recognised(site: Site, address: str) -> Answer:
    """Find out how a page is read, by the same ways and guards as polling."""
    text = address.strip()
    try:
        url = values.page_address(text if "://" in text else f"https://{text}")
    except ValueError as error:
        return Answer(address=address, wrong=str(error))
    try:
        async with asyncio.timeout(WITHIN), site.app.network.visit(url) as conversation:
            # Without a scheme, the recognition tries both.
            found = await conversation.drive(recognise(text, Formats(site.config.formats)))
    except VisitError as error:
        return Answer(address=address, wrong=f"cannot be asked: {error.reason}: {error.detail}")
    except TimeoutError:
        return Answer(address=address, wrong=f"was not recognised within {WITHIN:g} s")
    if found.format is None:
        wrong = "no format was recognised; what is no status page can be probed (format: probe)"
        return Answer(address=address, wrong=wrong, tried=found.tried)
    return Answer(
        address=address,
        name=found.name or found.url,
        format=found.format,
        paste=f"providers:\n{stanza_text(stanza_of(found), 2)}",
    )


async def _workers(site: Site) -> tuple[WorkerRow, ...] | None:
    """Who shares the store; None if nobody can tell."""
    if not site.store.is_shared:
        return ()
    try:
        return worker_rows(await site.store.roster())
    except StoreError:
        return None


async def _page(
    site: Site, request: Request, answer: Answer | None, *, status: int = 200
) -> Response:
    formats = {place.page.key: place.state.format for place in site.app.places()}
    workers = await _workers(site)
    return html.page(
        request,
        "config.html",
        status=status,
        now=site.app.now(),
        config=in_force(site.config, formats),
        place=site.store.place,
        is_shared=site.store.is_shared,
        workers=workers,
        answer=answer,
        writes=bool(site.web.write),
    )
