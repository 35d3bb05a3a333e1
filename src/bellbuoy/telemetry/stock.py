"""What stands at one instant: pages, components, incidents, deliveries.

It comes from the store and the scheduler, which this room does not know: whoever asks for
figures passes a `Stock` in.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind
from bellbuoy.model.known import Health
from bellbuoy.model.leases import Role

COMPONENTS_A_PAGE = 100
"""Components of one page that have a series of their own."""

COMPONENTS_IN_ALL = 5000
"""Components of all pages that have a series of their own, in the order of the config."""


class ComponentNow(Struct, frozen=True, kw_only=True):
    """A component as it is; `name` is `group/name` where it is in a group."""

    id: str
    name: str
    status: ComponentStatus


class PageNow(Struct, frozen=True, kw_only=True):
    """A page as it is.

    `page` is its key, `every` the interval in seconds. `components` counts all that are no
    groups by their status, `shown` are those that have a series each. `incidents` counts what
    is open by kind and impact.
    """

    provider: str
    page: str
    every: float
    health: Health
    components: Mapping[ComponentStatus, int] = {}
    shown: tuple[ComponentNow, ...] = ()
    incidents: Mapping[tuple[IncidentKind, Impact], int] = {}


class ReceiverNow(Struct, frozen=True, kw_only=True):
    """A receiver as it is; `oldest` is when the oldest delivery that waits was made."""

    name: str
    deliveries: Mapping[DeliveryStatus, int] = {}
    oldest: datetime | None = None
    is_disabled: bool = False


class WorkersNow(Struct, frozen=True, kw_only=True):
    """The workers that share the store: how many of a role are alive, and what this one holds.

    `shards` of the pages, and `deliveries`: the dispatcher's lease and those of receivers.
    """

    alive: Mapping[Role, int] = {}
    shards: int = 0
    deliveries: int = 0


class Stock(Struct, frozen=True, kw_only=True):
    """Everything that stands now.

    `last_seq` is None, and no receiver is here, where the store could not be read. `unready`
    are the reasons why the monitor is not ready. `workers` is None where nobody shares the store.
    """

    pages: tuple[PageNow, ...] = ()
    receivers: tuple[ReceiverNow, ...] = ()
    last_seq: int | None = None
    unready: tuple[str, ...] = ()
    is_offline: bool = False
    workers: WorkersNow | None = None
