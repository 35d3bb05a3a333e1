"""Sorry: the state of a whole page, and no more than that.

    api/v1/status.json ──> the page, its state, and how many components and notices it has

Sorry's own API is documented at https://docs.sorryapp.com/api/v1/index.html; this copy of a page
below its own address needs no key and no id, and is not documented.

Recognised by the page's `state` beside links to its `components` and `notices`.

Components: one, the page as a whole, known by the page's id. `operational` is operational;
`degraded` and `partially-degraded`, which tools on Sorry's API name, are degraded; any other is
unknown.

Cannot say: everything else. Which part has trouble, incidents ("notices"), their messages and
ends, planned work: these lie at `api/v1/components` and `api/v1/notices`, but no recording shows
them, so they are not asked. A page in trouble is therefore a component that changes, never an
incident. `updated_at` moves with the page's settings (it stood a year before the recording), so it
is no stamp. A count of notices counts those of all time and tells nothing of today.
No recording verified: any state but `operational`, and `state_text` when it is used.
"""

from collections.abc import Mapping

from msgspec import Raw, Struct

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.model.facts import Component, ComponentStatus, Page, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "sorry"
PLATFORM: str | None = "sorry"
PROBES = ("api/v1/status.json",)

_BELOW = frozenset({"api"})
_LINKS = ("components", "notices")
_STATUS = {
    "operational": ComponentStatus.OPERATIONAL,
    "degraded": ComponentStatus.DEGRADED,
    "partially-degraded": ComponentStatus.DEGRADED,
}

Text = str | None


class _Document(Struct):
    page: Raw


class _PageRow(Struct):
    id: int | str | None = None
    name: Text = None
    state: Text = None
    links: Mapping[str, object] | None = None


def claims(response: Response) -> Claim | None:
    """A page with a state, and with links to what it is made of."""
    root = page_root(response.url, _BELOW)
    if root is None or response.body[:64].lstrip()[:1] != b"{":
        return None
    try:
        row = _page(response)
    except ReadError:
        return None
    return Claim(format=NAME, url=root, name=row.name or host(root))


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:  # noqa: ARG001 - nothing is asked twice
    """Read the page. Raises ReadError if the answer is no page of Sorry's."""
    response = yield Request.get(page.at(PROBES[0]), accept="application/json")
    row = _page(response)
    word = row.state or ""
    whole = Component(
        id=str(row.id),
        name=row.name or host(page.url),
        status=_STATUS.get(word.lower(), ComponentStatus.UNKNOWN),
        status_raw=word,
    )
    return Snapshot(components=(whole,), name=row.name)


def _page(response: Response) -> _PageRow:
    """The page in an answer. Raises ReadError if it is not Sorry's."""
    row = decode_entry(decode(response, _Document, format=NAME).page, _PageRow)
    if row is None or row.id in (None, "") or not row.state:
        raise ReadError(response.url, NAME, "$.page", "a page of Sorry's has an id and a state")
    if not all(name in (row.links or {}) for name in _LINKS):
        raise ReadError(response.url, NAME, "$.page.links", "a page of Sorry's links to its parts")
    return row
