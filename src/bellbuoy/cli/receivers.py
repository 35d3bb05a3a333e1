"""`bellbuoy receivers`: are they reached, and what did they not take?"""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from msgspec.structs import replace

from bellbuoy.cli.options import ConfigPath, Flag, StorePlace

if TYPE_CHECKING:
    from bellbuoy.config import Config
    from bellbuoy.notifiers import Receiver

commands = App(name="receivers", help="Try receivers, and look after what they did not take.")

_Name = Annotated[str, Parameter(help="The receiver's name in the config.")]


@commands.command(name="list")
def list_(*, config: ConfigPath = None, store: StorePlace = None) -> int:
    """Show every receiver: its kind, what waits for it, and what it never took.

    For example:

        bellbuoy receivers list
    """
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import write
    from bellbuoy.model.delivery import DeliveryStatus
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    chosen = choose(config, store=store, quiet=True)
    place = existing_store(chosen)

    async def look() -> None:
        async with open_store(place, poller=False) as opened:
            disabled = await opened.disabled()
            for each in chosen.receivers:
                counts = await opened.count_deliveries(each.name)
                waiting = counts.get(DeliveryStatus.WAITING, 0)
                said = f"{waiting} waiting, {counts.get(DeliveryStatus.HELD, 0)} held"
                dead = counts.get(DeliveryStatus.DEAD, 0)
                over = ", wants no more (410)" if each.name in disabled else ""
                write(f"{each.name} ({each.kind}): {said}, {dead} dead{over}\n")

    run(look)
    return 0


@commands.command
def dead(
    name: Annotated[str | None, Parameter(help="Only of this receiver.")] = None,
    /,
    *,
    config: ConfigPath = None,
    store: StorePlace = None,
) -> int:
    """Show deliveries that were refused or given up, newest first, with the reason.

    For example:

        bellbuoy receivers dead
    """
    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import say, write
    from bellbuoy.cli.wording import local
    from bellbuoy.model.delivery import DeliveryStatus
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    chosen = choose(config, store=store, quiet=True)
    place = existing_store(chosen)

    async def look() -> None:
        async with open_store(place, poller=False) as opened:
            found = await opened.deliveries(receiver=name, status=DeliveryStatus.DEAD, limit=1000)
            for each in found:
                at = local(each.last.at, chosen.timezone) if each.last else ""
                why = each.last.outcome if each.last else ""
                write(f"{each.id}  {at}  after {each.attempts} attempts: {why}\n")
            if not found:
                say("nothing is dead")

    run(look)
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

    One that answered that it wants no more (410) is told again from now on.

    For example:

        bellbuoy receivers revive ops
    """
    from datetime import UTC, datetime

    from bellbuoy.cli.choice import choose, existing_store
    from bellbuoy.cli.output import write
    from bellbuoy.errors import ConfigError
    from bellbuoy.model.delivery import DeliveryStatus
    from bellbuoy.platform import run
    from bellbuoy.stores.opening import open_store

    chosen = choose(config, store=store, quiet=True)
    _receiver(chosen, name)
    place = existing_store(chosen)

    async def again() -> int:
        async with open_store(place, poller=False) as opened:
            await opened.enable(name)
            found = await opened.deliveries(
                receiver=name, status=DeliveryStatus.DEAD, limit=1_000_000
            )
            meant = [each for each in found if delivery in {None, each.id}]
            if delivery is not None and not meant:
                raise ConfigError(
                    f"{delivery!r} is not dead at {name}; "
                    f"`bellbuoy receivers dead {name}` lists what is"
                )
            for each in meant:
                await opened.revive(each.id, datetime.now(UTC))
            return len(meant)

    write(f"{run(again)} deliveries wait again\n")
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


def _receiver(config: "Config", name: str) -> "Receiver":
    from bellbuoy.config.values import nearest
    from bellbuoy.errors import ConfigError

    names = [each.name for each in config.receivers]
    for each in config.receivers:
        if each.name == name:
            return each
    known = ", ".join(names) or "none"
    raise ConfigError(f"{name!r} is not a receiver{nearest(name, names)}; known are {known}")
