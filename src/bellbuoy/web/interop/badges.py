"""How a provider stands as a small image for a README: `/badge/<provider>.svg`.

In the form of the flat badges that people know from shields.io. Its colour is never the only
sign: the word stands beside it, and in the title for those who listen. Green says that all is
well now; what cannot be read is grey.
"""

from fastapi import APIRouter, Request
from msgspec import Struct
from starlette.responses import Response

from bellbuoy.model.facts import ComponentStatus
from bellbuoy.web.conditional import answer
from bellbuoy.web.interop.standing import Part, Standing, standings
from bellbuoy.web.interop.xml import Element, add, document, root
from bellbuoy.web.site import Site
from bellbuoy.web.weighing import worst

MAX_AGE = 60
"""How long an image may be shown without asking again, in seconds."""

MEDIA_TYPE = "image/svg+xml"

LONGEST = 60
"""How many characters of a name are shown."""

_GREY = "#5f6368"
_LABEL_GREY = "#444"
_COLOURS = {
    ComponentStatus.OPERATIONAL: "#2b7a32",
    ComponentStatus.DEGRADED: "#8a6100",
    ComponentStatus.PARTIAL_OUTAGE: "#b34700",
    ComponentStatus.MAJOR_OUTAGE: "#b3261e",
    ComponentStatus.MAINTENANCE: "#1f5fbf",
    ComponentStatus.UNKNOWN: _GREY,
}
"""White text on each has a contrast of 4.5 or more (WCAG 2.2, 1.4.3)."""

_SVG = "http://www.w3.org/2000/svg"


class Badge(Struct, frozen=True, kw_only=True):
    """What stands on the left, and on the right on a colour. `status` is that of the answer."""

    label: str
    message: str
    colour: str = _GREY
    status: int = 200


def router(site: Site) -> APIRouter:
    """The badge of each provider, or of one of its components."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/badge/{slug}.svg")
    async def badge(request: Request, slug: str, component: str = "") -> Response:
        found = await _standing(site, slug)
        drawn = _badge(found, component)
        return answer(
            request,
            draw(drawn),
            MEDIA_TYPE,
            status=drawn.status,
            max_age=MAX_AGE,
            is_public=not site.web.read,
        )

    return routes


async def _standing(site: Site, slug: str) -> Standing | None:
    views = [
        view for view in await site.overview.pages() if view.watched.page.provider.slug == slug
    ]
    components = {
        view.watched.page.key: await site.store.components(view.watched.page.key) for view in views
    }
    return next(iter(standings(views, components)), None)


def _badge(found: Standing | None, component: str) -> Badge:
    if found is None:
        return Badge(label="bellbuoy", message="no such provider", status=404)
    if not component:
        return _of(found.provider.name, found.trouble)
    parts = [part for part in found.parts if _is_called(part, component)]
    if not parts:
        return Badge(label=found.provider.name, message="no such component", status=404)
    return _of(f"{found.provider.name}: {parts[0].name}", worst(part.status for part in parts))


def _is_called(part: Part, name: str) -> bool:
    """By its id, its name, or its name with group and region; case does not count."""
    names = {part.name, *((part.component.id, part.component.name) if part.component else ())}
    return name.casefold() in {each.casefold() for each in names}


def _of(label: str, status: ComponentStatus) -> Badge:
    return Badge(label=label, message=status.value.replace("_", " "), colour=_COLOURS[status])


def draw(badge: Badge) -> bytes:
    """The image; pure. It has no script, no style and no address, so it runs nowhere."""
    label, message = _short(badge.label), _short(badge.message)
    left, right = _width(label) + 10, _width(message) + 10
    said = f"{label}: {message}"
    size = {"width": str(left + right), "height": "20"}
    top = root(_svg("svg"), {None: _SVG}, **size, role="img", **{"aria-label": said})
    add(top, _svg("title"), said)
    clip = add(top, _svg("clipPath"), attributes={"id": "r"})
    add(clip, _svg("rect"), attributes={**size, "rx": "3", "fill": "#fff"})
    blocks = add(top, _svg("g"), attributes={"clip-path": "url(#r)"})
    for place, width, colour in ((0, left, _LABEL_GREY), (left, right, badge.colour)):
        block = {"x": str(place), "width": str(width), "height": "20", "fill": colour}
        add(blocks, _svg("rect"), attributes=block)
    words = add(top, _svg("g"), attributes=_LETTERS)
    _word(words, label, left / 2, left - 10)
    _word(words, message, left + right / 2, right - 10)
    return document(top, declared=False)


_LETTERS = {
    "fill": "#fff",
    "text-anchor": "middle",
    "font-family": "Verdana,Geneva,DejaVu Sans,sans-serif",
    "font-size": "11",
}


def _svg(name: str) -> str:
    return f"{{{_SVG}}}{name}"


def _word(parent: Element, text: str, middle: float, width: int) -> None:
    # Whatever font there is, the text takes the width that was reckoned for it.
    add(parent, _svg("text"), text, {"x": f"{middle:g}", "y": "14", "textLength": str(width)})


def _short(text: str) -> str:
    """On one line, without what XML has no way to write, and not too long."""
    line = " ".join("".join(char for char in text if char.isprintable()).split()) or "?"
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _width(text: str) -> int:
    """About how wide Verdana sets it at 11 pixels."""
    return round(sum(_char_width(char) for char in text))


def _char_width(char: str) -> float:
    if char in "iljI|!.,:;' ":
        return 3.8
    if char in 'frt()[]-/"':
        return 4.8
    if char in "mwMW%@":
        return 10.2
    if not char.isascii():
        return 11.0
    return 7.6 if char.isupper() else 6.7
