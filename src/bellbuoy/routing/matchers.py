"""Predicates on events. Pure."""

from msgspec import Struct

from bellbuoy.model.facts import Impact


class Matcher(Struct, frozen=True, kw_only=True):
    """What an event must be like; what is empty matches everything.

    `providers` are globs of provider slugs or names, `components` of component names,
    `kinds` are families (`incident`) or whole kinds (`incident.resolved`), `impacts` the
    set of impacts.
    """

    providers: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    impacts: frozenset[Impact] = frozenset()
    kinds: tuple[str, ...] = ()
