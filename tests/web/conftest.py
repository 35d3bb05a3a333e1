"""A site to be looked at, from within and over a port. A test module may say `seen` anew.

For a real server the test asks for `base_url`, for answers without one for `client`.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from bellbuoy.config.web import Web
from bellbuoy.web.application import application
from bellbuoy.web.server import address_of, listen, serving
from bellbuoy.web.site import Site
from tests.web.sites import NOW, OPEN, WRITE_TOKEN, Seen, everyday, open_site


@pytest.fixture
def seen() -> Seen:
    """What was seen."""
    return everyday()


@pytest.fixture
def web() -> Web:
    """Who may what."""
    return OPEN


@pytest.fixture(params=["memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where it is kept. `parametrize` it with `indirect` for SQLite."""
    return "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'bellbuoy.db'}"


@pytest.fixture
async def site(seen: Seen, web: Web, address: str) -> AsyncGenerator[Site]:
    """The site of an App that runs."""
    async with open_site(seen, web=web, address=address) as opened:
        yield opened


@pytest.fixture
def whole(site: Site) -> ASGIApp:
    """The whole application behind its door; its clocks stand still."""
    return application(site, clock=lambda: 0.0, now=NOW.timestamp)


@pytest.fixture
async def client(whole: ASGIApp) -> AsyncGenerator[httpx.AsyncClient]:
    """Somebody who asks without a token, within the process."""
    transport = httpx.ASGITransport(whole, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8484") as one:
        yield one


@pytest.fixture
def writes() -> dict[str, str]:
    """The header that opens what writes."""
    return {"authorization": f"Bearer {WRITE_TOKEN}"}


@pytest.fixture
async def base_url(site: Site) -> AsyncGenerator[str]:
    """The address of a real server, for streams and browsers."""
    with listen(Web(port=0)) as opened:
        async with serving(application(site), opened):
            yield address_of(opened)
