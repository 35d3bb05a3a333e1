"""The things of the API, as its answers hold them. Every instant is UTC and ends in Z."""

from typing import Annotated

from msgspec import Meta, Struct

from bellbuoy.errors import Unreadable
from bellbuoy.events import IncidentComponent, Instant
from bellbuoy.model.delivery import DeliveryStatus, Occasion
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Provider,
)
from bellbuoy.model.leases import Role

PageId = Annotated[
    str, Meta(description="12 hex digits that name a page.", pattern="^[0-9a-f]{12}$")
]
Count = Annotated[int, Meta(ge=0)]


class ProviderAnswer(Struct, frozen=True, kw_only=True):
    """A provider that is watched; `status` is the worst of its pages."""

    slug: str
    name: str
    category: str
    status: ComponentStatus
    pages: tuple[PageId, ...]
    open_incidents: Count
    open_maintenances: Count


class PageAnswer(Struct, frozen=True, kw_only=True):
    """A page that is watched, how it stands, and how reading it goes.

    `format` is empty until it is recognised. `status` is the worst of its components, or of
    its open incidents where it lists no component, as feeds do: what their impacts mean, `minor`
    and `unknown` degraded, `major` a partial outage, `critical` a major one. It is unknown while
    the page cannot be read. `unreadable` says why it counts as unreadable, `failures` counts
    failed looks in a row. `next_look_at` is null while a look goes on, and where another process
    looks. `held_until` is when its host lets us come back. `latency` is in seconds. `poke` is the
    address that a vendor may call when the page changes; only who may write sees it.
    """

    id: PageId
    key: str
    url: str
    provider: Provider
    category: str
    tags: tuple[str, ...]
    format: str
    every: Annotated[float, Meta(description="Seconds between two looks.")]
    status: ComponentStatus
    unreadable: Unreadable | None
    failures: Count
    detail: str
    polled_at: Instant | None
    read_at: Instant | None
    next_look_at: Instant | None
    held_until: Instant | None
    latency: float | None
    components: Count
    components_ill: Count
    open_incidents: Count
    open_maintenances: Count
    poke: str | None


class UpdateAnswer(Struct, frozen=True, kw_only=True):
    """A message in an incident's life; `edits` counts how often its text was replaced."""

    id: str
    status: IncidentStatus
    status_raw: str
    body: str
    at: Instant | None
    updated_at: Instant | None
    edits: Count


class IncidentAnswer(Struct, frozen=True, kw_only=True):
    """A problem, or planned work.

    `began_at` orders the list: the vendor's start, else its first message, else when we saw it.
    `scheduled_until` is when planned work is to end, null where the page does not state it.
    `withdrawn` is true if the page took it back.
    """

    id: str
    page: PageId
    provider: Provider
    kind: IncidentKind
    title: str
    url: str
    impact: Impact
    impact_raw: str
    status: IncidentStatus
    status_raw: str
    open: bool
    withdrawn: bool
    began_at: Instant
    started_at: Instant | None
    scheduled_until: Instant | None
    updated_at: Instant | None
    resolved_at: Instant | None
    first_seen_at: Instant | None
    components: tuple[IncidentComponent, ...]


class IncidentStory(IncidentAnswer, frozen=True, kw_only=True):
    """An incident with its messages, oldest first."""

    updates: tuple[UpdateAnswer, ...]


class ComponentAnswer(Struct, frozen=True, kw_only=True):
    """A part of a provider's system; `is_group` marks a heading over others."""

    id: str
    page: PageId
    provider: Provider
    name: str
    group: str | None
    region: str | None
    is_group: bool
    status: ComponentStatus
    status_raw: str


class AttemptAnswer(Struct, frozen=True, kw_only=True):
    """One try. `uncertain`: it may have arrived, although no answer came back."""

    at: Instant
    seconds: float
    outcome: str
    uncertain: bool


class DeliveryAnswer(Struct, frozen=True, kw_only=True):
    """One event on its way to one receiver.

    `rule` names the route that decided, `reason` says why it is held or withheld, `digest` is
    the message with which it travels, empty if alone.
    """

    id: str
    receiver: str
    event: str
    seq: Count
    rule: str
    status: DeliveryStatus
    occasion: Occasion
    reason: str
    created_at: Instant
    due_at: Instant
    attempts: Count
    last: AttemptAnswer | None
    digest: str


class MatcherAnswer(Struct, frozen=True, kw_only=True):
    """What an event must be like; what is empty matches everything."""

    providers: tuple[str, ...]
    pages: tuple[str, ...]
    components: tuple[str, ...]
    impacts: tuple[Impact, ...]
    kinds: tuple[str, ...]
    types: tuple[str, ...]
    categories: tuple[str, ...]
    text: tuple[str, ...]
    services: tuple[str, ...]
    owners: tuple[str, ...]


class SilenceAnswer(Struct, frozen=True, kw_only=True):
    """A mute of what is like `matcher`, until before `ends_at`."""

    id: str
    matcher: MatcherAnswer
    starts_at: Instant
    ends_at: Instant
    author: str
    comment: str
    created_at: Instant


class WorkerAnswer(Struct, frozen=True, kw_only=True):
    """A process that shares the store, as it was heard last.

    `name` is its machine and process, `shards` counts those of the pages that it polls, out of
    256. `offline` is true while it says that it reaches nothing.
    """

    id: str
    name: str
    roles: tuple[Role, ...]
    version: str
    started_at: Instant
    heard_at: Instant
    shards: Count
    offline: bool


class PokeAnswer(Struct, frozen=True, kw_only=True):
    """When the page is looked at next, if that is known here; null while a look goes on."""

    next_look_at: Instant | None


class ProblemAnswer(Struct, frozen=True, kw_only=True):
    """What is wrong, and its cure: problem details for HTTP APIs (RFC 9457).

    `name` is the parameter, or the part of the body, that it is about.
    """

    type: str
    title: str
    status: int
    detail: str
    name: str = ""


MODELS = (
    ProviderAnswer,
    PageAnswer,
    IncidentAnswer,
    IncidentStory,
    ComponentAnswer,
    DeliveryAnswer,
    SilenceAnswer,
    WorkerAnswer,
    PokeAnswer,
    ProblemAnswer,
)
"""Everything that an answer may be."""
