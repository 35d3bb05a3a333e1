"""The complete files of earlier tools, each run as it is by the real `watch`."""

import json

import pytest

from tests.cli.pages import incident, served, summary

ATOM = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <id>tag:status.acme.example,2005:/history</id>
  <title>Acme Status - Incident History</title>
  <updated>2026-02-23T16:09:30Z</updated>
  <entry>
    <id>tag:status.acme.example,2005:Incident/1</id>
    <published>2026-02-23T16:09:00Z</published>
    <updated>2026-02-23T16:09:30Z</updated>
    <link rel="alternate" type="text/html" href="https://status.acme.example/incidents/abc123"/>
    <title>Requests fail</title>
    <content type="html">&lt;p&gt;&lt;small&gt;Feb &lt;var data-var='date'&gt;23&lt;/var&gt;, \
&lt;var data-var='time'&gt;16:09&lt;/var&gt; UTC&lt;/small&gt;&lt;br&gt;\
&lt;strong&gt;Investigating&lt;/strong&gt; - We look into it.&lt;/p&gt;</content>
  </entry>
</feed>
"""

FILES = {
    "with product and feed_url": """
providers:
  - name: Acme
    product: Acme API
    feed_url: URL/history.atom
    poll_interval_seconds: 60
""",
    "with feed_type": """
providers:
  - name: Acme
    feed_url: URL/history.atom
    feed_type: atom
    poll_interval_seconds: 300
""",
    "with api_base, pasted under providers": """
providers:
  - name: Acme
    api_base: URL/api/v2
""",
}


@pytest.mark.parametrize("file", FILES)
def test_an_older_file_is_watched_as_it_is(file, run, home):
    """Nothing is edited, and the open incident is announced once."""
    pages = {
        "/history.atom": ATOM.encode(),
        "/api/v2/summary.json": summary(incident()),
    }
    with served(pages) as url:
        path = home / "config.yaml"
        path.write_text(FILES[file].replace("URL", url))
        arguments = ("--config", str(path), "--allow-private", "127.0.0.0/8", "--json")
        first = run("watch", "--once", *arguments)
        again = run("watch", "--once", *arguments)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    (event,) = map(json.loads, first.stdout.splitlines())
    assert event["type"] == "dev.bellbuoy.incident.opened.v1"
    assert event["data"]["provider"]["name"].startswith("Acme")
    assert again.stdout == ""
