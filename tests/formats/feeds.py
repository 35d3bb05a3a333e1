"""Feeds to be read: golden documents, written ones, and one visit without a network."""

from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import feed
from bellbuoy.model.facts import Snapshot
from bellbuoy.model.known import Seen
from tests.formats.samples import page_at

FIXTURES = Path(__file__).parent / "fixtures" / "feed"
DOCUMENTS = sorted(
    path.name for path in FIXTURES.iterdir() if path.is_file() and ".golden" not in path.name
)
URL = "https://feeds.example/feed"


def read(
    body: bytes,
    seen: Seen | None = None,
    *,
    url: str = URL,
    content_type: str = "",
    status: int = 200,
) -> Snapshot:
    """What one visit to a feed finds."""
    exchange = feed.read(page_at(url, "feed"), seen or Seen())
    request = next(exchange)
    assert request.url == url
    headers = {"content-type": content_type} if content_type else {}
    try:
        exchange.send(Response(url=url, status=status, headers=headers, body=body))
    except StopIteration as end:
        return end.value
    finally:
        exchange.close()
    raise AssertionError("a feed is one question")


def refused(body: bytes, **more) -> ReadError:
    """The error that a body is refused with."""
    with pytest.raises(ReadError) as caught:
        read(body, **more)
    return caught.value


def after(snapshot: Snapshot) -> Seen:
    """What is held after a snapshot."""
    return Seen(first_look=False, entries=snapshot.entries)


def update_html(when: str, word: str, text: str) -> str:
    """One update as Statuspage writes it."""
    return f"<p><small>{when}</small><br><strong>{word}</strong> - {text}</p>"


def history(
    html: str,
    *,
    published: str = "2026-05-28T20:41:00Z",
    updated: str = "",
    code: str = "abc123def456",
) -> bytes:
    """A Statuspage history with one incident."""
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:status.acme.example,2005:/history</id>'
        "<title>Acme Status - Incident History</title>"
        f"<entry><id>tag:status.acme.example,2005:Incident/1</id>"
        f'<link href="https://status.acme.example/incidents/{code}"/><title>Trouble</title>'
        f"<published>{published}</published><updated>{updated or published}</updated>"
        f'<content type="html">{escape(html)}</content></entry></feed>'
    ).encode()


def ids(snapshot: Snapshot) -> list[str]:
    """The update ids of a snapshot's only incident, oldest first."""
    return [update.id for update in snapshot.incidents[0].updates]
