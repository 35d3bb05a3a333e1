"""`bellbuoy config`: what is in force, or what is wrong with it."""

from typing import TYPE_CHECKING

from cyclopts import App

from bellbuoy.cli.options import ConfigPath

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bellbuoy.config import Config, Watched
    from bellbuoy.notifiers import Receiver
    from bellbuoy.routing.routes import Route

commands = App(name="config", help="Check the config, or print its schema.")


@commands.command
def check(*, config: ConfigPath = None) -> int:
    """Read the config and print what is in force, or everything that is wrong with it.

    Asks no page and tells no receiver. Secrets are not shown.

    Exit codes: 0 it can be used, 2 it cannot.

    For example:

        bellbuoy config check
        bellbuoy config check --config bellbuoy.yaml
    """
    from bellbuoy.cli.choice import choose
    from bellbuoy.cli.output import write
    from bellbuoy.config.secrets import secrets_of
    from bellbuoy.telemetry.logging import Redactor, escape

    chosen = choose(config)
    redact = Redactor(secrets_of(chosen))
    write("".join(f"{escape(redact(line))}\n" for line in in_force(chosen)))
    return 0


@commands.command
def schema() -> int:
    """Print the JSON Schema of the config, for editors.

    For example:

        bellbuoy config schema > bellbuoy.schema.json
    """
    import json

    from bellbuoy.cli.output import write
    from bellbuoy.config.schema import config_schema

    write(json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n")
    return 0


def in_force(config: "Config") -> "Iterator[str]":
    """What a config says, one thing on each line. May hold secrets: redact it."""
    yield f"store: {config.store}"
    yield f"pages: {len(config.watched)}"
    for watched in config.watched:
        yield f"  {_page(watched)}"
    yield f"receivers: {len(config.receivers)}"
    for receiver in config.receivers:
        yield f"  {_receiver(receiver)}"
    yield f"routes: {len(config.routes)}"
    for route in config.routes:
        yield f"  {_route(route)}"


def _page(watched: "Watched") -> str:
    from bellbuoy.config.spoken import spoken_expectation
    from bellbuoy.durations import spoken

    page = watched.page
    parts = [
        f"{page.provider.name} ({page.provider.slug})",
        page.url,
        page.format or "format recognised at the first look",
        f"every {spoken(page.every)}",
    ]
    if page.expect is not None:
        parts.append(f"expects {spoken_expectation(page.expect)}")
    if watched.components:
        parts.append(f"components {', '.join(watched.components)}")
    return ": ".join(parts[:2]) + ", " + ", ".join(parts[2:])


def _receiver(receiver: "Receiver") -> str:
    settings = receiver.settings.model_dump(mode="json", exclude_defaults=True)
    told = ", ".join(f"{key} {value}" for key, value in settings.items())
    return f"{receiver.name}: {receiver.kind}{', ' if told else ''}{told}"


def _route(route: "Route") -> str:
    from bellbuoy.config.spoken import spoken_route

    return f"{route.name}: to {', '.join(route.to)}, {'; '.join(spoken_route(route))}"
