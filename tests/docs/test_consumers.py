"""The consumers on the brokers' pages: ten lines each, run against what Bellbuoy has sent."""

import asyncio
import os
import re
import subprocess
import sys

import pytest

from bellbuoy.notifiers import Notifiers
from tests import brokers
from tests.docs.pages import blocks
from tests.notifiers import goldens
from tests.notifiers.consumers import CONSUMERS

LIFE = [goldens.opened(), goldens.updated(), goldens.resolved(), goldens.reminder()]
NAMES = {"redis": "STREAM", "nats": "SUBJECT", "rabbitmq": "QUEUE", "kafka": "TOPIC"}
"""By which variable a consumer is told of another name than `bellbuoy`."""

ADDRESSES = {
    "redis": "REDIS_URL",
    "nats": "NATS_URL",
    "rabbitmq": "RABBITMQ_URL",
    "kafka": "KAFKA_SERVERS",
}


async def send(kind, settings):
    """Send a life."""
    notifier = Notifiers()[kind]
    async with notifier.open(notifier.Settings.model_validate(settings)) as door:
        for step in LIFE:
            await door.notify(step)


@pytest.mark.parametrize("kind", sorted(CONSUMERS))
def test_the_consumer_of_a_page_reads_a_life_in_order(kind, tmp_path):
    """Each event by its type and its key; what it read is acknowledged, so nothing comes again."""
    (program,) = blocks("python", page=f"docs/receivers/{kind}.md")
    path = tmp_path / str(program.file)
    path.write_text(program.text, "utf-8")
    lines = re.findall(r"^(?!import |from |# |asyncio\.run) *\S", program.text, re.MULTILINE)
    assert len(lines) <= 10
    with brokers.server(kind) as address:
        consumer = CONSUMERS[kind](address)
        asyncio.run(send(kind, consumer.settings()))
        env = {**os.environ, ADDRESSES[kind]: address, NAMES[kind]: consumer.name}
        read = [
            subprocess.run(
                [sys.executable, str(path)],
                check=False,
                env=env,
                capture_output=True,
                text=True,
                timeout=90,
            ).stdout
            for _ in range(2)
        ]
        asyncio.run(consumer.forget())
    found = [(line.split()[0], line.split()[-1]) for line in read[0].splitlines()]
    assert found == [(f"dev.bellbuoy.{one.event.kind}.v1", one.delivery.key) for one in LIFE]
    assert read[1] == ""
