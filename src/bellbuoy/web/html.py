"""From templates to pages. Everything that a template prints is escaped, and none is a vendor's."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bellbuoy import durations
from bellbuoy.web import access, spoken
from bellbuoy.web.addresses import incident_path, page_id, provider_path
from bellbuoy.web.problems import Problem

_FILTERS: dict[str, Any] = {
    "ago": spoken.ago,
    "span": spoken.span,
    "period": durations.spoken,
    "clock": spoken.clock,
    "stamp": spoken.stamp,
    "machine": spoken.machine,
    "counted": spoken.counted,
    "lag": spoken.lag,
    "link": spoken.safe_link,
}

_NAMES = {
    "incident_path": incident_path,
    "page_id": page_id,
    "provider_path": provider_path,
    "shape": spoken.shape,
}


@cache
def environment() -> Environment:
    """The templates, read once."""
    found = Environment(
        loader=PackageLoader("bellbuoy.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(_FILTERS)
    names: dict[str, Any] = found.globals
    names.update(_NAMES)
    return found


def page(
    request: Request, template: str, *, status: int = 200, now: datetime | None = None, **facts: Any
) -> HTMLResponse:
    """A page from a template and what it shows; `now` is the instant from which times are told."""
    scope = getattr(request.state, "scope", access.Scope.NOTHING)
    text = (
        environment()
        .get_template(template)
        .render(
            path=request.url.path,
            now=now or datetime.now(UTC),
            may_write=scope is access.Scope.WRITE,
            is_signed_in=access.SESSION in request.cookies,
            **facts,
        )
    )
    return HTMLResponse(text, status, headers={"cache-control": "no-cache"})


def wants_part(request: Request) -> bool:
    """Whether a page that stands asks for the part of it that changes."""
    asked = request.headers
    return "hx-request" in asked and "hx-history-restore-request" not in asked


def error_page(request: Request, problem: Problem) -> HTMLResponse:
    """What is wrong, as a person reads it."""
    response = page(request, "error.html", status=problem.status, problem=problem)
    response.headers.update(problem.headers)
    return response
