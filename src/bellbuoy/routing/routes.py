"""Rules from events to receivers. Pure."""

from msgspec import Struct

from bellbuoy.routing.matchers import Matcher


class Route(Struct, frozen=True, kw_only=True):
    """Who hears of what. All routes that match run.

    `name` is how people find the rule (`routes.0` if the config gives none), `to` are names
    of receivers. `late` also passes lives that were over before they were seen.
    """

    name: str
    to: tuple[str, ...]
    when: Matcher = Matcher()
    late: bool = False
