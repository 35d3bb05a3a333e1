"""FireHydrant: the one document behind each of its status pages.

    data/payload.json ──> components, the names of conditions, and every incident since the first

It is what the page itself loads, and is not documented; pages that have one are
https://status.redis.io/data/payload.json and https://status.firehydrant.com/data/payload.json.

Recognised by its `config`, its table of `conditions` (the page's own words for OPERATIONAL,
DEGRADED and OFFLINE) and its lists of components and incidents.

Identity: an incident's `id` (a UUID). An entry of its timeline has none: it is the `time` at which
it was written, to the microsecond, and its number among equals. `occurredAt` is the time that the
page shows; what was moved from another engine has old ones beside new ones of `time`.

Words: an incident stands where the furthest milestone in its `timestamps` says, so it is over if
`resolved` is there. An entry moves it if it names a milestone, or begins with a status in the
form in which histories of other engines were brought in ("➡️ **Identified** — "). A severity is
a word of the page's owner; of the usual ones SEV1 is critical, SEV2 major, SEV3 to SEV5 are minor.
MAINTENANCE is planned work, of which nothing tells whether it has begun.

Components: the list states no status. It is the worst condition in which an incident that is not
over names the component, and operational if none does, which is what the page shows.

Window: the whole history (some 950 incidents at one page), so nothing leaves it; an incident that
was taken away cannot be told from a fault, since no address of its own is known.

Cannot say: groups, regions, when planned work is due to end.
No recording verified: an incident that is not over, the conditions in its components, milestones
other than acknowledged, investigating and resolved, SEV1, SEV3 and SEV5, planned work ahead, what
`componentConditions` tells beyond `components`, entries that are neither a note nor a milestone.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha1

from msgspec import Raw, Struct

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._firehydrant_wire import (
    ABSENT,
    CONDITIONS,
    WORK,
    ComponentRow,
    IncidentHead,
    IncidentRow,
    Text,
    read_incident,
    rows_of,
)
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Incident,
    Page,
    Part,
    Snapshot,
    Window,
)
from bellbuoy.model.known import Seen

api_version = 1
NAME = "firehydrant"
PLATFORM: str | None = "firehydrant"
PROBES = ("data/payload.json",)

_BELOW = frozenset({"data"})
_MOST_ENTRIES = 2_000
_OPEN = "+"
"""Ends the hash of an entry that is not over: its conditions are needed at each look."""


class _Payload(Struct):
    components: Raw
    incidents: list[Raw]
    conditions: dict[str, object]
    config: Raw = ABSENT


class _Config(Struct, rename="camel"):
    company_name: Text = None
    title: Text = None


def claims(response: Response) -> Claim | None:
    """A payload with a name, and with a table of conditions in FireHydrant's words."""
    root = page_root(response.url, _BELOW)
    if root is None or response.body[:64].lstrip()[:1] != b"{":
        return None
    try:
        payload = decode(response, _Payload, format=NAME)
    except ReadError:
        return None
    name = _name(payload)
    is_own = bool(payload.conditions) and all(
        isinstance(word, str) and word in CONDITIONS for word in payload.conditions.values()
    )
    return Claim(format=NAME, url=root, name=name or host(root)) if is_own and name else None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if the answer is no payload of FireHydrant's."""
    response = yield Request.get(page.at(PROBES[0]), accept="application/json")
    payload = decode(response, _Payload, format=NAME)
    look = _Look(page.url, payload.conditions, {hash: id for id, hash in seen.entries.items()})
    for raw in payload.incidents[:_MOST_ENTRIES]:
        look.take(raw)
    rows, is_whole = rows_of(payload.components, ComponentRow)
    components = {row.id: look.component(row.id, row.name) for row in rows if row.id and row.name}
    is_whole = is_whole and len(components) == len(rows)
    starts = [one.started_at for one in look.incidents.values() if one.started_at]
    return Snapshot(
        incidents=tuple(look.incidents.values()),
        components=tuple(components.values()),
        complete=frozenset({Part.COMPONENTS} if is_whole else ()),
        unchanged=frozenset(look.entries.keys() - look.incidents.keys()),
        entries=look.entries,
        window=Window(ids=frozenset(look.entries), floor=min(starts, default=None), is_full=False),
        name=_name(payload) or None,
    )


class _Look:
    """What one visit has found so far. `id_of` are the ids of known entries by their hashes."""

    def __init__(self, url: str, conditions: Mapping[str, object], id_of: dict[str, str]) -> None:
        self.incidents: dict[str, Incident] = {}
        self.entries: dict[str, str] = {}
        self._url = url
        self._conditions = conditions
        self._id_of = id_of
        self._worst: dict[str, tuple[ComponentStatus, str]] = {}

    def take(self, raw: Raw) -> None:
        """Take in one entry; one that is no incident costs only itself."""
        hash = sha1(raw, usedforsecurity=False).hexdigest()[:20]
        if hash in self._id_of:
            self.entries.setdefault(self._id_of[hash], hash)
            return
        is_known = f"{hash}{_OPEN}" in self._id_of
        row = decode_entry(raw, IncidentHead if is_known else IncidentRow)
        if row is None or not row.id or row.id in self.entries:
            return
        life = row.life()
        is_over = life.status.is_over
        self.entries[row.id] = hash if is_over else f"{hash}{_OPEN}"
        parts, _ = rows_of(row.components, ComponentRow)
        if not is_over:
            self._note(parts)
        if isinstance(row, IncidentRow):
            named = tuple(
                AffectedComponent(id=part.id or "", name=part.name, status=self._status(part))
                for part in parts
                if part.name
            )
            self.incidents[row.id] = read_incident(row, life, named, self._url)

    def component(self, id: str, name: str) -> Component:
        """A component, in the worst condition in which what is not over names it."""
        status, word = self._worst.get(id) or (ComponentStatus.OPERATIONAL, "")
        return Component(id=id, name=name, status=status, status_raw=word)

    def _note(self, parts: Iterable[ComponentRow]) -> None:
        for part in parts:
            held, _ = self._worst.get(part.id or "", (None, ""))
            status = self._status(part)
            if held is None or status.rank > held.rank:
                self._worst[part.id or ""] = (status, part.condition or "")

    def _status(self, part: ComponentRow) -> ComponentStatus:
        word = part.condition or ""
        if word.upper() == WORK:
            return ComponentStatus.MAINTENANCE
        return CONDITIONS.get(str(self._conditions.get(word)), ComponentStatus.UNKNOWN)


def _name(payload: _Payload) -> str:
    config = decode_entry(payload.config, _Config)
    return (config.title or config.company_name or "") if config else ""
