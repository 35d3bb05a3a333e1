"""Planned work as a calendar that other programs read back."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from icalendar import Calendar
from msgspec.structs import replace

from bellbuoy.model.facts import IncidentKind, IncidentStatus
from bellbuoy.model.known import KnownIncident
from bellbuoy.web.application import application
from tests.web.sites import (
    NOW,
    Seen,
    incident,
    known,
    minutes_ago,
    open_site,
    read_state,
    update,
    watched,
)

HERE = "http://127.0.0.1:8484"
ACME = watched("acme", "Acme", tags=("calm",))
KEY = ACME.page.key
START = NOW + timedelta(hours=12)


def work(*updates, title: str = "Work", **more) -> KnownIncident:
    """Planned work of Acme that begins in twelve hours."""
    told = updates or (update(1, IncidentStatus.SCHEDULED, "We will work.", minutes_ago(60)),)
    kind = IncidentKind.MAINTENANCE
    return incident("m1", title, *told, **{"kind": kind, "started_at": START, **more})


async def read(*facts: KnownIncident, path: str = "/maintenance.ics", **config) -> bytes:
    """The calendar of a site that knows this of Acme."""
    states = {KEY: read_state(KEY)}
    seen = Seen(pages=(ACME,), states=states, known={KEY: known(KEY, *facts)})
    async with open_site(seen, **config) as site:
        transport = httpx.ASGITransport(application(site, clock=lambda: 0.0, now=NOW.timestamp))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return answer.content


def only(body: bytes):
    """The one event of a calendar."""
    (event,) = Calendar.from_ical(body).walk("VEVENT")
    return event


async def test_planned_work_is_an_event_with_its_beginning_and_its_planned_end(client):
    """Who, what, when, and where to read on."""
    event = only((await client.get("/maintenance.ics")).content)
    assert event["summary"] == "Cloudflare: FRA (Frankfurt) on 2026-11-21"
    assert event.decoded("dtstart") == datetime(2026, 11, 21, 4, 30, tzinfo=UTC)
    assert event.decoded("dtend") == datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
    assert "not known" not in event["description"]
    assert event["status"] == "CONFIRMED"
    assert event["transp"] == "TRANSPARENT"
    assert event["url"].startswith(f"{HERE}/incidents/")
    assert "Traffic may be re-routed." in event["description"]


async def test_work_whose_planned_end_is_not_known_has_no_end_before_it_ended():
    """What is not known is not made up, and the text says so; then it ends when it ended."""
    event = only(await read(work()))
    assert "dtend" not in event
    assert "duration" not in event
    assert "When it ends is not known" in event["description"]
    done = update(2, IncidentStatus.COMPLETED, "Done.", minutes_ago(10))
    begun = update(1, IncidentStatus.IN_PROGRESS, "We work.", minutes_ago(60))
    event = only(await read(work(begun, done, started_at=minutes_ago(60))))
    assert event.decoded("dtstart") == minutes_ago(60)
    assert event.decoded("dtend") == minutes_ago(10)
    longer = work(begun, done, started_at=minutes_ago(60), scheduled_until=NOW)
    assert only(await read(longer)).decoded("dtend") == minutes_ago(10)
    assert "not known" not in event["description"]


async def test_cancelled_and_withdrawn_work_is_struck_out_and_not_lost():
    """A calendar that just forgets leaves the entry where it was copied to."""
    cancelled = update(2, IncidentStatus.CANCELLED, "Not today.", minutes_ago(5))
    first = update(1, IncidentStatus.SCHEDULED, "We will work.", minutes_ago(60))
    event = only(await read(work(first, cancelled)))
    assert event["status"] == "CANCELLED"
    assert "dtend" not in event
    assert only(await read(work(withdrawn=True)))["status"] == "CANCELLED"
    odd = work(update(1, IncidentStatus.UNKNOWN, "Hm.", minutes_ago(5)), status_raw="Planned-ish")
    event = only(await read(odd))
    assert event["status"] == "TENTATIVE"
    assert "Status: Planned-ish" in event["description"]


async def test_its_uid_stays_and_its_sequence_and_time_rise():
    """So that a calendar replaces an entry, and never doubles it or takes an older one."""
    first = update(1, IncidentStatus.SCHEDULED, "We will work.", minutes_ago(60))
    edited = replace(first, hashes=(*first.hashes, "b"), updated_at=minutes_ago(50))
    later = update(2, IncidentStatus.IN_PROGRESS, "We work.", minutes_ago(5))
    lives = [
        work(first),
        work(edited),
        work(edited, revision=1, started_at=START + timedelta(hours=1)),
        work(edited, later, revision=1),
    ]
    events = [only(await read(one)) for one in lives]
    assert len({event["uid"] for event in events}) == 1
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(set(sequences))
    changed = [event.decoded("last-modified") for event in events]
    assert changed == sorted(changed)
    assert all(event.decoded("dtstamp") == at for event, at in zip(events, changed, strict=True))
    assert changed[-1] == minutes_ago(5)


async def test_lines_are_folded_and_text_is_escaped():
    """RFC 5545, 3.1 and 3.3.11: 75 octets a line, whatever a vendor writes."""
    title = "Größe; Farbe, \\ und\nEND:VEVENT\r\nBEGIN:VALARM " + "ä" * 200
    body = await read(work(title=title))
    lines = body.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert [line for line in lines if line.startswith((b"BEGIN:", b"END:"))] == [
        b"BEGIN:VCALENDAR",
        b"BEGIN:VEVENT",
        b"END:VEVENT",
        b"END:VCALENDAR",
    ]
    assert only(body)["summary"] == f"Acme: {title}".replace("\r\n", "\n")


async def test_the_calendar_names_itself_and_its_form():
    """VERSION and PRODID are required; a name and a rhythm are what programs look for."""
    calendar = Calendar.from_ical(await read(work(), path="/boards/calm/maintenance.ics"))
    assert calendar["version"] == "2.0"
    assert calendar["prodid"].startswith("-//Bellbuoy//")
    assert calendar["x-wr-calname"] == "Bellbuoy: calm: planned work"
    assert calendar["refresh-interval"].dt == timedelta(minutes=15)


async def test_work_without_a_beginning_or_long_over_is_left_out():
    """The one has no place in a calendar, the other only fills it."""
    assert b"VEVENT" not in await read(work(started_at=None))
    old = NOW - timedelta(days=31)
    over = work(update(1, IncidentStatus.COMPLETED, "Done.", old), started_at=old)
    assert b"VEVENT" not in await read(over)
    assert b"VEVENT" not in await read(incident("i1", "Trouble"))


@pytest.mark.parametrize("path", ["/maintenance.ics", "/boards/tools/maintenance.ics"])
async def test_what_did_not_change_is_not_sent_again(client, path):
    """Calendars ask for ever; nothing in it tells when it was asked."""
    tag = (await client.get(path)).headers["etag"]
    assert (await client.get(path, headers={"if-none-match": tag})).status_code == 304
    assert (await client.head(path)).headers["etag"] == tag
    assert (await client.get("/boards/nix/maintenance.ics")).status_code == 404
