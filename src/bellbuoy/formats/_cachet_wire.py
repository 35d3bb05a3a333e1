"""Cachet's wire shapes: pages of its lists, and their rows."""

from msgspec import UNSET, Raw, Struct

_MOST_ROWS = 2_000

Number = int | str | None
Text = str | None


class _Pagination(Struct):
    total_pages: int


class _Meta(Struct):
    pagination: _Pagination


class Document(Struct):
    """A page of any list."""

    meta: _Meta
    data: list[Raw]

    @property
    def is_whole(self) -> bool:
        """Whether there is no other page of the list."""
        return self.meta.pagination.total_pages <= 1 and len(self.data) <= _MOST_ROWS

    @property
    def rows(self) -> list[Raw]:
        """Its rows, as many as are read."""
        return self.data[:_MOST_ROWS]


class UpdateRow(Struct):
    """A message of an incident."""

    id: Number = None
    status: Number = None
    human_status: Text = None
    message: Text = None


class Row(Struct):
    """A row of any of the lists."""

    id: Number = None
    name: Text = None
    status: Number = None
    message: Text = None
    permalink: Text = None
    status_name: Text = None
    human_status: Text = None
    latest_status: Number = None
    latest_human_status: Text = None
    lowest_human_status: Text = None
    group_id: Number = None
    component_id: Number = None
    scheduled_at: object = UNSET
    is_resolved: object = UNSET
    enabled: object = UNSET
    enabled_components: object = UNSET
    updates: list[Raw] | None = None

    @property
    def is_incident(self) -> bool:
        """Whether it is an incident."""
        return self.human_status is not None and self.is_resolved is not UNSET

    @property
    def is_schedule(self) -> bool:
        """Whether it is planned work."""
        return self.human_status is not None and self.scheduled_at is not UNSET

    @property
    def is_component(self) -> bool:
        """Whether it is a component."""
        return self.status_name is not None and self.enabled is not UNSET

    @property
    def is_group(self) -> bool:
        """Whether it is a group of components."""
        return self.lowest_human_status is not None and self.enabled_components is not UNSET

    @property
    def is_mine(self) -> bool:
        """Whether it is any of these."""
        return self.is_incident or self.is_schedule or self.is_component or self.is_group
