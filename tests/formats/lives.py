"""A page that is looked at again and again, and what is announced of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bellbuoy.detection.merge import merge
from bellbuoy.detection.seen import seen
from bellbuoy.formats import Format
from bellbuoy.model.facts import Page, Part, Snapshot
from bellbuoy.model.known import Known
from bellbuoy.text import clean
from tests.formats.conversation import Answer, converse


class Life:
    """One page, looked at once a minute."""

    def __init__(self, format: Format, page: Page) -> None:
        self.known = Known(page_key=page.key)
        self._format = format
        self._page = page
        self._now = datetime(2026, 3, 4, 18, tzinfo=UTC)

    def look(self, answers: Mapping[str, Answer]) -> list[tuple[str, str]]:
        """The kinds and the words of the events of one more look."""
        before, self._now = self._now, self._now + timedelta(minutes=1)
        asked = seen(self.known, self._now, read_at=before, every=60)
        snapshot, _ = converse(self._format.read(self._page, asked), answers)
        return self._take(snapshot)

    def open_ids(self) -> frozenset[str]:
        """The incidents that go on."""
        return frozenset(one.id for one in self.known.incidents.values() if one.is_open)

    def withdraw(self) -> list[tuple[str, str]]:
        """The events of so many looks at whole lists without an incident that all are withdrawn."""
        events: list[tuple[str, str]] = []
        for _ in range(20):
            self._now += timedelta(minutes=1)
            events += self._take(Snapshot(complete=frozenset(Part), gone=self.open_ids()))
        return events

    def _take(self, snapshot: Snapshot) -> list[tuple[str, str]]:
        merged = merge(self._page, self.known, clean(snapshot), self._now)
        self.known = merged.known
        return [
            (event.kind.value, event.update.body if event.update else "") for event in merged.events
        ]
