"""Stores with something in every table, and the ways from one to another."""

import asyncio
from pathlib import Path

from bellbuoy.model.delivery import DeliveryStatus, Matcher, Silence
from bellbuoy.stores import Outgoing
from bellbuoy.stores.exported import Export
from bellbuoy.stores.exporting import export
from bellbuoy.stores.importing import load
from bellbuoy.stores.opening import open_database, open_store
from tests.stores.samples import (
    ATTEMPT,
    DAY,
    NOW,
    delivery,
    event,
    incident,
    known,
    page,
    state,
    visit,
)


def nothing(done: int, total: int) -> None:
    """Whoever is told how far it is and does not care."""


def fill(address: str) -> str:
    """Write something into every table; the log's identity."""
    return asyncio.run(_fill(address))


async def _fill(address: str) -> str:
    async with open_store(address) as store:
        for number in range(4):
            of = page(f"https://{number}.example")
            over = incident("i2", resolved_at=NOW, title="Überstanden\n\u2028 ✓")
            now = known(incident(), over, page_key=of.key)
            new = event(number, of=of, title=f"Störung {number}")
            await store.commit(visit(None, now, new, of=of))
        await store.save_states([state("https://never-read.example")])
        one, two, *_ = await store.read_events()
        dead = delivery(two, "dev", status=DeliveryStatus.DEAD, attempts=3, last=ATTEMPT)
        held = delivery(two, "late", status=DeliveryStatus.HELD, after_gap=True)
        new = (delivery(one), dead, held)
        await store.dispatch("dispatcher", 2, Outgoing(new=new, told=(("ops", one.lane, "r"),)))
        await store.write_cursor("console", 2**63 - 1)
        await store.remember_reference("ops", one.lane, "m-1")
        await store.disable("dev", ATTEMPT)
        await store.add_silence(
            Silence(
                id="s1",
                matcher=Matcher(),
                starts_at=NOW,
                ends_at=NOW + DAY,
                author="ops",
                created_at=NOW,
            )
        )
        return store.log_id


def exported_to(address: str, path: Path) -> bytes:
    """What the export of a store is."""
    with open_database(address) as database, path.open("wb") as stream:
        export(database, stream, path.name, nothing)
    return path.read_bytes()


def imported_from(path: Path, address: str, told=nothing, **more) -> None:
    """Import a file, whose faults name it by its name."""
    with path.open("rb") as stream:
        source = Export(stream, path.name)
        with open_database(address, poller=True, unfinished_too=True) as database:
            load(database, source, told, **more)
