"""`bellbuoy receivers`: are they reached, and what did they not take?"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from msgspec import Struct
from msgspec.structs import asdict, replace

from bellbuoy.cli.options import ConfigPath, Flag, StorePlace

if TYPE_CHECKING:
    from bellbuoy.config import Config
    from bellbuoy.model.delivery import Delivery
    from bellbuoy.notifiers import Receiver
    from bellbuoy.stores import Store

_SHOWN = 1000
"""Dead deliveries that are listed at most."""

commands = App(name="receivers", help="Try receivers, and look after what they did not take.")

_Name = Annotated[str, Parameter(help="The receiver's name in the config.")]


@commands.command(name="list")
def list_(
    *,
    json: Annotated[bool, Flag, Parameter(help="Print an array.")] = False,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Show every receiver: its kind, what waits for it, and what it never took.

    For example:

        bellbuoy receivers list
    """
    import json as encoder

    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import say, write
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    chosen = choose(config, store=store, quiet=True)
    place = existing_store(chosen)

    async def look() -> "list[_Standing]":
        async with open_store(place, poller=False) as opened:
            return [await _standing(opened, each) for each in chosen.receivers]

    found = run(look)
    if json:
        write(encoder.dumps([asdict(each) for each in found], indent=2) + "\n")
        return 0
    for each in found:
        over = ", wants no more (410)" if each.wants_no_more else ""
        counts = f"{each.waiting} waiting, {each.held} held, {each.dead} dead"
        write(f"{each.name} ({each.kind}): {counts}{over}\n")
    if not found:
        say("there are no receivers in the config")
    return 0


@commands.command
def dead(
    name: Annotated[str | None, Parameter(help="Only of this receiver.")] = None,
    /,
    *,
    json: Annotated[bool, Flag, Parameter(help="Print an array.")] = False,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Show deliveries that were refused or given up, newest first, with the reason.

    For example:

        bellbuoy receivers dead
    """
    import json as encoder

    import msgspec

    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import say, write
    from bellbuoy.cli.wording import local
    from bellbuoy.model.delivery import DeliveryStatus
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store
    from bellbuoy.text import clean_line
    from bellbuoy.web.spoken import counted

    chosen = choose(config, store=store, quiet=True)
    place = existing_store(chosen)

    async def look() -> "list[_Dead]":
        async with open_store(place, poller=False) as opened:
            found = await opened.deliveries(
                receiver=name, status=DeliveryStatus.DEAD, limit=_SHOWN + 1
            )
            return [await _dead(opened, each) for each in found]

    found = run(look)
    if name is not None and not found:
        _receiver(chosen, name)  # One that the config no longer has may still have dead ones.
    if len(found) > _SHOWN:
        say(f"only the newest {_SHOWN} are shown")
    found = found[:_SHOWN]
    if json:
        write(encoder.dumps(msgspec.to_builtins(found), indent=2) + "\n")
        return 0
    for each in found:
        at = local(each.at, chosen.timezone)
        tried = counted(each.attempts, "attempt")
        about = clean_line(f"{each.kind} {each.subject}")
        write(f"{each.id}  {at}  {about}  after {tried}: {clean_line(each.reason)}\n")
    if not found:
        say("nothing is dead")
    return 0


@commands.command
def revive(
    name: _Name,
    delivery: Annotated[str | None, Parameter(help="Only this one, by its id.")] = None,
    /,
    *,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Let a receiver have another try at what is dead, now.

    One that answered that it wants no more (410) is told again from now on,
    also by a `watch` that runs.

    For example:

        bellbuoy receivers revive ops
    """
    from datetime import UTC, datetime

    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import say, write
    from bellbuoy.delivery.again import send_again
    from bellbuoy.errors import ConfigError
    from bellbuoy.model.delivery import DeliveryStatus
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store
    from bellbuoy.web.spoken import counted

    chosen = choose(config, store=store, quiet=True)
    _receiver(chosen, name)
    place = existing_store(chosen)

    async def again() -> int:
        async with open_store(place, poller=False) as opened:
            found = await opened.deliveries(
                receiver=name, status=DeliveryStatus.DEAD, limit=1_000_000
            )
            meant = [each for each in found if delivery in {None, each.id}]
            if delivery is not None and not meant:
                raise ConfigError(
                    f"{delivery!r} is not dead at {name}; "
                    f"`bellbuoy receivers dead {name}` lists what is"
                )
            count, was_disabled = await send_again(opened, name, meant, datetime.now(UTC))
            if was_disabled:
                say(f"{name} is told again from now on")
            return count

    count = run(again)
    wait = "waits" if count == 1 else "wait"
    write(f"{counted(count, 'delivery', 'deliveries')} {wait} again\n")
    return 0


@commands.command(name="test")
def try_one(
    name: _Name,
    /,
    *,
    json: Annotated[bool, Flag, Parameter(help="Print one object on each line.")] = False,
    config: ConfigPath = None,
) -> int:
    """Send marked messages to one receiver, and say what came back.

    An incident of a made-up provider opens, is updated and ends; every text
    says that it is a test. Routes are not asked. Exit codes: 0 all were taken,
    1 not.

    For example:

        bellbuoy receivers test ops
    """
    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.drill import play
    from bellbuoy.delivery.drill import life
    from bellbuoy.model.facts import Provider
    from bellbuoy.routing.routes import Route

    chosen = choose(config, quiet=True)
    receiver = _receiver(chosen, name)
    only = replace(
        chosen, receivers=(receiver,), routes=(Route(name="test", to=(name,)),), needs=()
    )
    made_up = Provider(slug="bellbuoy-test", name="Bellbuoy test")
    return play(only, life("TEST", made_up, "https://status.example.com"), as_json=json)


class _Standing(Struct, frozen=True, kw_only=True):
    name: str
    kind: str
    waiting: int
    held: int
    dead: int
    wants_no_more: bool


async def _standing(store: "Store", receiver: "Receiver") -> _Standing:
    from bellbuoy.model.delivery import DeliveryStatus

    counts = await store.count_deliveries(receiver.name)
    return _Standing(
        name=receiver.name,
        kind=receiver.kind,
        waiting=counts.get(DeliveryStatus.WAITING, 0),
        held=counts.get(DeliveryStatus.HELD, 0),
        dead=counts.get(DeliveryStatus.DEAD, 0),
        wants_no_more=receiver.name in await store.disabled(),
    )


class _Dead(Struct, frozen=True, kw_only=True):
    id: str
    receiver: str
    kind: str
    subject: str
    at: datetime
    attempts: int
    reason: str


async def _dead(store: "Store", delivery: "Delivery") -> _Dead:
    found = await store.read_events(after=delivery.seq - 1, limit=1)
    last = delivery.last
    return _Dead(
        id=delivery.id,
        receiver=delivery.receiver,
        kind=found[0].kind.value if found else "",
        subject=found[0].subject if found else "",
        at=last.at if last else delivery.due_at,
        attempts=delivery.attempts,
        reason=last.outcome if last else "",
    )


def _receiver(config: "Config", name: str) -> "Receiver":
    from bellbuoy.config.values import nearest
    from bellbuoy.errors import ConfigError

    names = [each.name for each in config.receivers]
    for each in config.receivers:
        if each.name == name:
            return each
    known = ", ".join(names) or "none"
    raise ConfigError(f"{name!r} is not a receiver{nearest(name, names)}; known are {known}")
