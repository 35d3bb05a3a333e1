"""`/silences`: what is muted, muting something for a while, and ending that."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from fastapi import APIRouter, Request
from msgspec import Struct
from msgspec.structs import replace
from starlette.responses import Response

from bellbuoy.config import values
from bellbuoy.config.routes import unwatched, watched_target
from bellbuoy.config.spoken import spoken_matcher
from bellbuoy.delivery.silencing import new_silence
from bellbuoy.durations import duration
from bellbuoy.events import FAMILIES
from bellbuoy.model.delivery import Matcher, Silence
from bellbuoy.model.facts import Impact
from bellbuoy.text import clean_line
from bellbuoy.web import html
from bellbuoy.web.api.silences import MOST_SILENCES
from bellbuoy.web.dashboard import done
from bellbuoy.web.site import Site

T = TypeVar("T")

MOST_ENDED = 20
"""How many that are over are shown, the latest first."""

LENGTHS = ("30m", "1h", "2h", "4h", "8h", "1d", "7d")
"""What the form proposes."""

IMPACTS = ("<=minor", "<=major", *(each.value for each in Impact))
"""What the form offers."""


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody typed into the form, as it was typed."""

    target: str = ""
    length: str = "2h"
    comment: str = ""
    author: str = ""
    kind: str = ""
    impact: str = ""
    text: str = ""


class Row(Struct, frozen=True, kw_only=True):
    """A silence in words."""

    id: str
    what: str
    author: str
    comment: str
    starts_at: datetime
    ends_at: datetime


def router(site: Site) -> APIRouter:
    """The page, its form and its buttons."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/silences")
    async def show(request: Request, target: str = "") -> Response:
        return await _page(site, request, Wish(target=target[:300]), {})

    @routes.post("/silences")
    async def add(request: Request) -> Response:
        return await _add(site, request, await _wish(request))

    @routes.post("/silences/{id}/expire")
    async def expire(id: str) -> Response:
        now = site.app.now()
        for silence in await site.store.silences(now):
            if silence.id == id:
                await site.store.add_silence(silence.ended(now))
                return done.back("/silences", "expired")
        return done.back("/silences", "gone")

    return routes


async def _wish(request: Request) -> Wish:
    """What the form holds; a file is no word."""
    async with request.form() as form:
        typed = {name: form.get(name) for name in Wish.__struct_fields__}
    # A field that is missing is empty: the form has its own defaults.
    return Wish(**{name: text if isinstance(text, str) else "" for name, text in typed.items()})


async def _add(site: Site, request: Request, wish: Wish) -> Response:
    now = site.app.now()
    silence, wrong = read(wish, site, now)
    if not wrong and len(await site.store.silences(now)) >= MOST_SILENCES:
        wrong = {"target": f"{MOST_SILENCES} silences are in force; end some first"}
    if silence is None or wrong:
        return await _page(site, request, wish, wrong, status=422)
    await site.store.add_silence(silence)
    return done.back("/silences", "silenced")


def read(wish: Wish, site: Site, now: datetime) -> tuple[Silence | None, Mapping[str, str]]:
    """The silence that is wished for, or what is wrong with each field, by its name."""
    wrong: dict[str, str] = {}
    matcher = _checked("target", wrong, lambda: _target(wish.target, site))
    length = _checked("length", wrong, lambda: values.within(duration(wish.length), 1.0))
    kinds = _checked("kind", wrong, lambda: (values.event_kind(wish.kind),) if wish.kind else ())
    impacts = _checked("impact", wrong, lambda: values.impacts(wish.impact) if wish.impact else ())
    author = clean_line(wish.author, 200)
    if not author:
        wrong["author"] = "is empty; say who you are, for those who wonder"
    if matcher is None or length is None or wrong:
        return None, wrong
    text = (clean_line(wish.text),) if wish.text.strip() else ()
    asked = replace(matcher, kinds=kinds or (), impacts=frozenset(impacts or ()), text=text)
    ends_at = now + timedelta(seconds=length)
    return new_silence(
        asked, now, ends_at, author=author, comment=clean_line(wish.comment, 1000)
    ), {}


def _target(text: str, site: Site) -> Matcher:
    if not text.strip():
        raise ValueError("is empty; write a provider, PROVIDER:COMPONENT, or * for everything")
    matcher = watched_target(values.target(text.strip()), site.config.watched, site.catalog)
    if stranger := unwatched(matcher, site.config.watched):
        raise ValueError(f"{stranger}, so nothing would be muted")
    return matcher


def _checked(name: str, wrong: dict[str, str], meaning: Callable[[], T]) -> T | None:
    """What a field means; None if it means nothing, and then why is kept."""
    try:
        return meaning()
    except ValueError as error:
        wrong[name] = str(error)
        return None


async def _page(
    site: Site, request: Request, wish: Wish, wrong: Mapping[str, str], *, status: int = 200
) -> Response:
    now = site.app.now()
    found = [(each.ends_at > now, _row(each)) for each in await site.store.silences()]
    ended = sorted((row for is_on, row in found if not is_on), key=lambda row: row.ends_at)
    providers = {one.page.provider.slug: one.page.provider.name for one in site.config.watched}
    return html.page(
        request,
        "silences.html",
        status=status,
        now=now,
        on=sorted((row for is_on, row in found if is_on), key=lambda row: row.ends_at),
        ended=ended[: -MOST_ENDED - 1 : -1],
        wish=wish,
        wrong=wrong,
        providers=sorted(providers.items()),
        lengths=LENGTHS,
        kinds=FAMILIES,
        impacts=IMPACTS,
        said=done.said(request.query_params),
        writes=bool(site.web.write),
    )


def _row(silence: Silence) -> Row:
    return Row(
        id=silence.id,
        what=spoken_matcher(silence.matcher),
        author=silence.author,
        comment=silence.comment,
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
    )
