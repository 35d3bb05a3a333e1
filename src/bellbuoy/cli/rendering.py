"""From an event to what is printed of it, or to nothing."""

from collections.abc import Callable, Sequence

from bellbuoy.config import Config
from bellbuoy.events import Event, to_json
from bellbuoy.routing.routes import announces

Render = Callable[[Event], str | None]
"""The text of an event with its line ends, or None if it is not shown."""


def usual_kinds(config: Config, kinds: Sequence[str] | None = None, *, as_json: bool) -> Render:
    """What a console shows: the usual kinds, or those asked for; as JSON every kind."""
    if as_json:
        return every_kind(config.timezone, kinds, as_json=True)
    landscape = config.landscape
    text = _text(config.timezone)

    def render(event: Event) -> str | None:
        return text(event) if announces(event, kinds or (), landscape).told else None

    return render


def every_kind(timezone: str, kinds: Sequence[str] | None = None, *, as_json: bool) -> Render:
    """Everything in the log, or only the kinds asked for."""
    text = _line if as_json else _text(timezone)

    def render(event: Event) -> str | None:
        wanted = kinds is None or event.kind in kinds or event.kind.family in kinds
        return text(event) if wanted else None

    return render


def _line(event: Event) -> str:
    return to_json(event).decode() + "\n"


def _text(timezone: str) -> Callable[[Event], str]:
    from bellbuoy.notifiers.console import block

    def text(event: Event) -> str:
        # A tab steers a terminal, too, if only a little.
        return block(event, timezone).expandtabs(4) + "\n\n"

    return text
