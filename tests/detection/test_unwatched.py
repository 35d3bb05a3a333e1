"""What ends because its page was taken out of the config."""

from datetime import UTC, datetime

from bellbuoy.detection.unwatched import ended
from bellbuoy.events import NO_LONGER_WATCHED, EventKind
from bellbuoy.model.facts import IncidentKind, IncidentStatus
from bellbuoy.model.known import KnownIncident

NOW = datetime(2026, 11, 20, 16, tzinfo=UTC)


def known(kind):
    """An open incident, or planned work."""
    return KnownIncident(
        id="i1", key="i1", kind=kind, title="Trouble", status=IncidentStatus.UNKNOWN
    )


def test_an_incident_is_withdrawn_for_the_log_only_under_the_name_of_its_host():
    """More than the key of the page is not known any more."""
    (event,) = ended("https://status.acme.example/eu", known(IncidentKind.INCIDENT), NOW)
    assert event.kind is EventKind.INCIDENT_WITHDRAWN
    assert event.provider.name == "status.acme.example"
    assert event.reason == NO_LONGER_WATCHED
    assert event.is_log_only


def test_planned_work_is_withdrawn_as_planned_work():
    """Each by the word of its kind."""
    (event,) = ended("https://status.acme.example", known(IncidentKind.MAINTENANCE), NOW)
    assert event.kind is EventKind.MAINTENANCE_WITHDRAWN


def test_taken_out_twice_it_ends_twice():
    """Put in again and out again is another end, with an id of its own."""
    first, again = (
        ended("https://status.acme.example", known(IncidentKind.INCIDENT), at)
        for at in (NOW, NOW.replace(hour=17))
    )
    assert first[0].id != again[0].id
