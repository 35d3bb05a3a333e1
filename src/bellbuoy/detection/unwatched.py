"""What ends because nobody watches a page any more. Pure."""

from datetime import datetime
from urllib.parse import urlsplit

from bellbuoy.detection import lifecycle
from bellbuoy.detection.record import Record
from bellbuoy.events import NO_LONGER_WATCHED, Event
from bellbuoy.model.facts import Page, Provider
from bellbuoy.model.known import KnownIncident


def ended(page_key: str, incident: KnownIncident, now: datetime) -> tuple[Event, ...]:
    """The end, for the log only, of an incident whose page was taken out of the config.

    Only the key of the page is left, so its host stands for the provider. `now` is aware UTC.
    """
    host = urlsplit(page_key).netloc
    page = Page(key=page_key, url=page_key, provider=Provider(slug=host, name=host), format="")
    record = Record(page, now, is_baseline=False, evidence=0)
    kind = lifecycle.withdrawn(incident.kind)
    content = f"unwatched {now.isoformat()}"
    record.event(kind, incident, content=content, reason=NO_LONGER_WATCHED)
    return tuple(record.events)
