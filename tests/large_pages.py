"""Pages whose documents are as large as a body may be, for a vendor in a process of its own.

/many/...    a Statuspage with very many incidents, each of several updates
/parts/...   a Statuspage with very many components
/feed        a Statuspage's Atom history with very many entries
/broken      the same feed with a bare ampersand in it, which strict XML refuses
/other       an RSS feed of no known vendor, every entry with a long text
"""

import json

from benchmarks import documents

from bellbuoy.http.decoding import MAX_BODY
from tests.faultd import Answer, Received

LARGE = MAX_BODY - 256 * 1024
"""Bytes of a large document: nearly as many as are read at all."""

PATHS = ("many", "parts", "feed", "broken", "other")
"""The first part of each page's path."""


def _grown(make) -> bytes:
    """What `make` writes with so many entries that it is as large as may be."""
    size = (len(make(200)) - len(make(100))) / 100
    return make(int(LARGE / size * 0.99))


def _summary(count: int) -> bytes:
    components = [
        {"id": f"c{place:011}", "name": f"Part {place} of the whole", "status": "operational",
         "description": "what it is " * 20, "group": False}
        for place in range(count)
    ]  # fmt: skip
    return json.dumps({**json.loads(documents.summary()), "components": components}).encode()


def _open(count: int) -> bytes:
    rows = json.loads(documents.incidents(count=count))["incidents"]
    for row in rows:
        row |= {"id": f"o{row['id']}", "status": "monitoring", "resolved_at": None}
        row["incident_updates"] = row["incident_updates"][1:]
    return json.dumps({**json.loads(documents.summary()), "incidents": rows}).encode()


def _other(count: int) -> bytes:
    items = "".join(
        f"<item><title>Trouble {place}</title><guid>g{place}</guid>"
        f"<description>{'&lt;p&gt;Wörter &amp;amp; mehr.&lt;/p&gt; ' * 200}</description>"
        "<pubDate>Mon, 05 Jan 2026 12:00:00 GMT</pubDate></item>"
        for place in range(count)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
        f"<title>Other</title><link>https://other.example</link>{items}</channel></rss>"
    ).encode()


_DOCUMENTS = {
    "/many/api/v2/summary.json": _grown(_open),
    "/many/api/v2/incidents.json": _grown(lambda count: documents.incidents(count=count)),
    "/parts/api/v2/summary.json": _grown(_summary),
    "/feed": _grown(lambda count: documents.feed(entries=count)),
    "/other": _grown(_other),
}
_DOCUMENTS["/broken"] = _DOCUMENTS["/feed"].replace(
    b"Example Status", "Ex & mple Statüs".encode(), 1
)


def script(received: Received) -> Answer:
    """The document at a path, with another stamp and tag each time it is asked for."""
    body = _DOCUMENTS.get(received.path)
    if body is None:
        return Answer(404)
    # The end of a document is blank, and says nothing.
    return Answer(200, {"ETag": f'"{received.number}"'}, body + b" " * received.number)
