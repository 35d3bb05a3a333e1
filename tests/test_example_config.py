"""The example config of the documentation, over a recorded outage."""

import json
from pathlib import Path

import pytest

from bellbuoy.config.load import load_config
from bellbuoy.formats import Formats
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.routing.routes import announces, decide

EXAMPLE = """
providers:
  - github                                  # from the catalog
  - openai: {components: ["API", "ChatGPT*"]}
  - name: Acme
    url: https://status.acme.example        # format is recognised, or given: format: statuspage
    every: 30s
receivers:
  ops: {kind: file, path: ops.jsonl}
routes:
  - to: ops
    when: {impacts: ">=minor", kinds: [incident]}
http: {seats: 100, timeout: 20s, per_host: 2, contact: ops@example.com, allow_private: []}
display: {timezone: Europe/Berlin}
"""

BODIES = ("OpenAI.json", "openai-archive-2026-09-22.json", "openai-archive-2026-09-24.json")


@pytest.mark.corpus
def test_the_example_config_announces_a_recorded_outage_of_openai(
    corpus: Path, tmp_path: Path
) -> None:
    """An incident that names no component passes the component filter: none is hidden."""
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(EXAMPLE)
    config = load_config(str(path))
    page = next(one.page for one in config.watched if one.page.provider.slug == "openai")
    assert page.format == "incidentio"
    player = Replay(Formats()[page.format], page, "api/v2/summary.json")
    recorded = [
        Recorded(name=name, at=None, body=(corpus / "incidentio/openai" / name).read_bytes())
        for name in BODIES
    ]
    events = [event for one in recorded for event in player.visit(one)]
    shown = [event for event in events if announces(event, (), config.landscape).told]
    sent = [
        decision.receiver
        for event in events
        for decision in decide(event, config.routes, config.landscape)
        if decision.told
    ]
    titles = {event.incident.title for event in shown if event.incident}
    outage = json.loads(recorded[1].body)["incidents"][0]["name"]
    assert outage in titles
    assert "ops" in sent
