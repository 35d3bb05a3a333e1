"""The documents of pretend vendors, of the sizes that real ones have."""

import json
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
WORDS = "Requests to the API may fail or be slow for some customers while we look for the cause. "
STATUSES = ("resolved", "monitoring", "identified", "investigating")


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def feed(*, moved: int = 0, entries: int = 25) -> bytes:
    """A Statuspage history.atom; `moved` moves only the feed's own `<updated>`."""
    stamp = _iso(START + timedelta(seconds=moved))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xml:lang="en-US" '
        'xmlns="http://www.w3.org/2005/Atom">\n<id>tag:status.example,2005:/history</id>\n'
        '<link rel="alternate" type="text/html" href="https://status.example"/>\n'
        f"<title>Example Status - Incident History</title>\n<updated>{stamp}</updated>\n"
        "<author><name>Example</name></author>\n"
        + "".join(map(_entry, range(entries)))
        + "</feed>\n"
    ).encode()


def _entry(number: int) -> str:
    end = START - timedelta(days=2 * number)
    updates = "".join(
        f"&lt;p&gt;&lt;small&gt;{at:%b} &lt;var data-var=&#39;date&#39;&gt;{at.day:2}&lt;/var&gt;, "
        f"&lt;var data-var=&#39;time&#39;&gt;{at:%H:%M}&lt;/var&gt; UTC&lt;/small&gt;&lt;br&gt;"
        f"&lt;strong&gt;{status.title()}&lt;/strong&gt; - {WORDS * 3}&lt;/p&gt;"
        for at, status in _life(end)
    )
    return (
        f"<entry>\n<id>tag:status.example,2005:Incident/{20000 + number}</id>\n"
        f"<published>{_iso(end)}</published>\n<updated>{_iso(end)}</updated>\n"
        '<link rel="alternate" type="text/html" '
        f'href="https://status.example/incidents/{_id(number)}"/>\n'
        f"<title>Elevated errors {number}</title>\n"
        f'<content type="html">{updates}</content>\n</entry>\n'
    )


def _life(end: datetime) -> list[tuple[datetime, str]]:
    return [(end - timedelta(minutes=20 * step), word) for step, word in enumerate(STATUSES)]


def _id(number: int) -> str:
    return f"{number:04}bcdfghjk"


def summary(*, opened: bool = False) -> bytes:
    """A Statuspage summary.json with ten components, and an open incident if `opened`."""
    at = START + timedelta(hours=1) if opened else START
    names = ("API", "Website", "Dashboard", "Login", "Search", "Mail", "Files", "Jobs", "Hooks")
    components = [
        {"id": f"c{place:011}", "name": name, "status": "operational", "group": False}
        for place, name in enumerate((*names, "Exports"))
    ]
    return json.dumps(
        {
            "page": _page(at),
            "components": components,
            "incidents": [_incident(9999, at, is_open=True)] if opened else [],
            "scheduled_maintenances": [],
            "status": {"indicator": "none", "description": "All Systems Operational"},
        }
    ).encode()


def incidents(*, kind: str = "incidents", count: int = 50, moved: int = 0) -> bytes:
    """A Statuspage incidents.json of about 150 KB; `moved` moves only the page's stamp."""
    page = _page(START + timedelta(seconds=moved))
    rows = [_incident(number, START - timedelta(days=number)) for number in range(count)]
    return json.dumps({"page": page, kind: rows}).encode()


def _page(at: datetime) -> dict[str, str]:
    return {
        "id": "kctbh9vrtdwd",
        "name": "Example",
        "url": "https://status.example",
        "time_zone": "Etc/UTC",
        "updated_at": _iso(at),
    }


def _incident(number: int, end: datetime, *, is_open: bool = False) -> dict[str, object]:
    id = _id(number)
    life = [(end, "investigating")] if is_open else _life(end)
    updates = [
        {
            "id": f"{id}{place}",
            "status": status,
            "body": WORDS * 4,
            "incident_id": id,
            "created_at": _iso(at),
            "updated_at": _iso(at),
            "display_at": _iso(at),
            "affected_components": [
                {
                    "code": "c00000000000",
                    "name": "API",
                    "old_status": "operational",
                    "new_status": "operational",
                }
            ],
        }
        for place, (at, status) in enumerate(life)
    ]
    return {
        "id": id,
        "name": f"Elevated errors {number}",
        "status": life[0][1],
        "created_at": _iso(life[-1][0]),
        "updated_at": _iso(end),
        "monitoring_at": None,
        "resolved_at": None if is_open else _iso(end),
        "impact": "minor",
        "shortlink": f"https://stspg.io/{id}",
        "started_at": _iso(life[-1][0]),
        "page_id": "kctbh9vrtdwd",
        "incident_updates": updates,
        "components": [{"id": "c00000000000", "name": "API", "status": "operational"}],
    }
