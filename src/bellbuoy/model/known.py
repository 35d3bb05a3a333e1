"""What we hold of a page between two visits.

`Known` is the whole of it and changes only through `detection.merge`. `Seen` is the small
part that a format needs to decide what to ask and what to skip. `PageState` is what the
scheduler keeps in memory for every page, so it is small.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field

from bellbuoy.errors import Unreadable
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Page,
)

MISSED_AT_MOST = 1000
"""Looks without an incident after which its absence no longer makes every look a full one."""

ENOUGH = 3
"""So many missed looks, or `AT_LEAST`, and what a page said last tells nothing of now."""

AT_LEAST = timedelta(minutes=10)
"""However short the time between two looks is."""


class Validators(Struct, frozen=True, kw_only=True):
    """What a server gave to ask "has it changed?": RFC 9110, section 8.8.

    `body_hash` is our own: 16 bytes of BLAKE2b over the decoded body.
    """

    etag: str | None = None
    last_modified: str | None = None
    body_hash: bytes | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """What a format may know of the past.

    `first_look` is true until a snapshot of this page was merged. `open_ids` are the known
    open incidents and maintenances. `entries` maps entry keys to the hash of the entry when
    it was last decoded. `stamp` is the newest page stamp seen. `history_due` is true when
    more than two intervals passed without a look, or five minutes since history was asked.
    `after_gap` is the first of these alone. `missing` maps open incidents that are absent
    long enough to be doubted to their own addresses, so that the format can ask there.
    """

    first_look: bool = True
    open_ids: frozenset[str] = frozenset()
    entries: Mapping[str, str] = {}
    stamp: datetime | None = None
    history_due: bool = True
    after_gap: bool = False
    missing: Mapping[str, str] = {}


class KnownUpdate(Struct, frozen=True, kw_only=True):
    """One update we hold. `hashes` are all texts it ever had, oldest first, newest last."""

    id: str
    hashes: tuple[str, ...]
    status: IncidentStatus
    status_raw: str = ""
    body: str = ""
    at: datetime | None = None
    updated_at: datetime | None = None


class KnownIncident(Struct, frozen=True, kw_only=True):
    """One incident we hold.

    `id` is the vendor's, `key` ours: the same, or `id#2` where the vendor used an id again.
    `updates` is append-only, in the order in which they were recorded. `revision` counts
    the recorded changes that no update carried, so that each has an id of its own, together with
    `first_seen_at`: what was forgotten is counted anew.
    `pending` are fields seen with a new value once, waiting to be seen again.
    `past` are values that fields had before (`field=value`): a return to one needs newer
    evidence. `missing_polls` and `missing_since` count looks at complete lists without it.
    `adopted` is true if it was first seen over, not yet begun or of unknown status, and was
    taken in silence.
    """

    id: str
    key: str
    kind: IncidentKind
    title: str
    status: IncidentStatus
    status_raw: str = ""
    impact: Impact = Impact.UNKNOWN
    impact_raw: str = ""
    url: str = ""
    started_at: datetime | None = None
    scheduled_until: datetime | None = None
    updated_at: datetime | None = None
    resolved_at: datetime | None = None
    components: tuple[AffectedComponent, ...] = ()
    updates: tuple[KnownUpdate, ...] = ()
    revision: int = 0
    pending: Mapping[str, str] = {}
    past: frozenset[str] = frozenset()
    missing_polls: int = 0
    missing_since: datetime | None = None
    withdrawn: bool = False
    adopted: bool = False
    first_seen_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it goes on, as far as we know.

        A notice that was there before us and never says whether it is over counts as over.
        """
        if self.withdrawn or (self.adopted and self.status is IncidentStatus.UNKNOWN):
            return False
        return not self.status.is_over


class KnownComponent(Struct, frozen=True, kw_only=True):
    """One component we hold. `pending` is a status seen once; `revision` counts its changes.

    One that leaves the page and comes back is counted anew, so `first_seen_at` tells the counts
    apart; it is None where an older version kept it.
    `pending` is its own status where it was ill when we came, and that still is to be told.
    """

    id: str
    name: str
    status: ComponentStatus
    status_raw: str = ""
    group: str | None = None
    region: str | None = None
    is_group: bool = False
    revision: int = 0
    pending: str | None = None
    first_seen_at: datetime | None = None


class Known(Struct, frozen=True, kw_only=True):
    """Everything we hold of one page.

    `format` is the one by which all of it was read. `baseline_at` is when its first snapshot
    was merged; None means never. `floor` is the time before which history is older than our
    acquaintance with the page, and so silent. `incidents` and `components` are keyed by our
    key and by the vendor's id. `entries` are the hashes of the entries last decoded.
    `validators` are kept per address. `history_at` is when history was last read. `gaps`
    counts `page.gap` events. `noisy` lists updates (`incident/update`) whose text changes so
    often that further edits are not recorded.
    """

    page_key: str
    format: str = ""
    baseline_at: datetime | None = None
    floor: datetime | None = None
    stamp: datetime | None = None
    history_at: datetime | None = None
    incidents: Mapping[str, KnownIncident] = {}
    components: Mapping[str, KnownComponent] = {}
    entries: Mapping[str, str] = {}
    validators: Mapping[str, Validators] = {}
    gaps: int = 0
    noisy: frozenset[str] = frozenset()

    @property
    def is_unsettled(self) -> bool:
        """Whether seeing the same facts again would decide something.

        An incident that is missing for long, while its own address does not say that it is
        gone, is not looked for at every visit any more.
        """
        return any(
            incident.pending or 0 < incident.missing_polls < MISSED_AT_MOST
            for incident in self.incidents.values()
        ) or any(component.pending for component in self.components.values())


class Health(Struct, frozen=True, kw_only=True):
    """How reading a page goes.

    `failures` counts failed visits in a row, `failing_since` is the first of them, `failure`
    why the latest failed.
    `unreadable` is set from `page.unreadable` to `page.readable`; `failing_since` stands in the
    ids of both. `held_until` is the instant before which the
    host asked us not to come back (Retry-After). `latency` is that of the last answer,
    in seconds. `moved_to` is the new address and format that were announced.
    """

    polled_at: datetime | None = None
    read_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    failure: Unreadable | None = None
    unreadable: Unreadable | None = None
    detail: str = ""
    held_until: datetime | None = None
    latency: float | None = None
    moved_to: str | None = None
    timed_out: bool = False
    noisy: bool = False


class PageState(Struct, frozen=True, kw_only=True):
    """What the scheduler holds in memory for each page between two visits.

    `face` are the validators of the page's first document. `has_open` is true while an
    incident is open, `unsettled` while known facts wait to be seen again,
    `refreshed_at` is the last unconditional look. `format` and `url` are how the page turned
    out to be read, where the config left that open, or where what it says (`instead_of`, a
    format) is not true any more.
    """

    page_key: str
    face: Validators = field(default_factory=Validators)
    health: Health = field(default_factory=Health)
    has_open: bool = False
    unsettled: bool = False
    refreshed_at: datetime | None = None
    format: str = ""
    url: str = ""
    instead_of: str = ""


def is_blind(page: Page, health: Health, now: datetime) -> bool:
    """Whether what the page said last, if anything, does not tell of now.

    While it is us who are offline, or right after we were away, no page was found unreadable.
    """
    if health.unreadable is not None or health.read_at is None:
        return True
    patience = max(AT_LEAST, ENOUGH * timedelta(seconds=page.every))
    return now - health.read_at > patience
