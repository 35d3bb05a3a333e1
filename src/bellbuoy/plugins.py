"""Formats and notifiers from outside packages.

A package offers them as entry points (https://packaging.python.org/specifications/entry-points/)
in the groups `bellbuoy.formats` and `bellbuoy.notifiers`. Loading one runs its code, so only
those that the config names are loaded: an installed package alone does nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from msgspec import Struct

from bellbuoy import formats, notifiers
from bellbuoy.errors import PluginError
from bellbuoy.formats import Format
from bellbuoy.notifiers import Notifier

FORMAT_GROUP = "bellbuoy.formats"
NOTIFIER_GROUP = "bellbuoy.notifiers"


class Plugins(Struct, frozen=True, kw_only=True):
    """What the named plugins brought, by name and by kind."""

    formats: Mapping[str, Format] = {}
    notifiers: Mapping[str, Notifier] = {}


def installed(group: str) -> tuple[str, ...]:
    """The names that installed packages offer in a group; loads nothing."""
    return tuple(sorted({point.name for point in entry_points(group=group)}))


def load_plugins(format_names: Iterable[str], notifier_names: Iterable[str]) -> Plugins:
    """Load the named plugins. Raises PluginError, which names every one that cannot be used."""
    problems: list[str] = []
    loaded = Plugins(
        formats=_load(FORMAT_GROUP, format_names, formats.builtin_names(), _format_fault, problems),
        notifiers=_load(
            NOTIFIER_GROUP, notifier_names, notifiers.builtin_kinds(), _notifier_fault, problems
        ),
    )
    if problems:
        raise PluginError(*problems)
    return loaded


def _load(
    group: str,
    names: Iterable[str],
    taken: frozenset[str],
    fault: Callable[[str, Any], str],
    problems: list[str],
) -> dict[str, Any]:
    plugins: dict[str, Any] = {}
    for name in dict.fromkeys(names):
        try:
            plugins[name] = _load_one(group, name, taken, fault)
        except PluginError as error:
            problems.extend(error.problems)
    return plugins


def _load_one(
    group: str, name: str, taken: frozenset[str], fault: Callable[[str, Any], str]
) -> Any:
    said = f"plugin {name!r} ({group})"
    if name in taken:
        raise PluginError(f"{said}: Bellbuoy has this name itself; leave it out of plugins")
    points = tuple(entry_points(group=group, name=name))
    if not points:
        offered = ", ".join(installed(group)) or "none"
        raise PluginError(
            f"{said}: no installed package offers it; install its package into this "
            f"environment (offered now: {offered})"
        )
    if len({point.value for point in points}) > 1:
        owners = " and ".join(sorted(_owner(point) for point in points))
        raise PluginError(f"{said}: {owners} both offer it; uninstall one of them")
    point = points[0]
    try:
        plugin = point.load()
        problem = fault(name, plugin)
    except (Exception, SystemExit) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise PluginError(
            f"{said}: {_owner(point)} cannot be loaded: {text}; report it to its author"
        ) from error
    if problem:
        raise PluginError(f"{said}: {_owner(point)} {problem}")
    return plugin


def _owner(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _format_fault(name: str, plugin: Any) -> str:
    return (
        _version_fault(plugin, formats.API_VERSION)
        or _lack(plugin, ("NAME", "PLATFORM", "PROBES", "claims", "read"))
        or _name_fault(name, "NAME", plugin.NAME)
    )


def _notifier_fault(name: str, plugin: Any) -> str:
    if fault := _version_fault(plugin, notifiers.API_VERSION):
        return fault
    if not hasattr(plugin, "notify") and not hasattr(plugin, "open"):
        return "has neither notify nor open; report it to its author"
    return _lack(plugin, ("KIND", "Settings")) or _name_fault(name, "KIND", plugin.KIND)


def _version_fault(plugin: Any, ours: int) -> str:
    theirs = getattr(plugin, "api_version", None)
    if theirs == ours:
        return ""
    if isinstance(theirs, int) and theirs > ours:
        return f"wants api_version {theirs}, and this Bellbuoy has {ours}; upgrade Bellbuoy"
    return f"has api_version {theirs}, and this Bellbuoy wants {ours}; upgrade the plugin"


def _lack(plugin: Any, attributes: Iterable[str]) -> str:
    lacking = [name for name in attributes if not hasattr(plugin, name)]
    return f"has no {', '.join(lacking)}; report it to its author" if lacking else ""


def _name_fault(name: str, attribute: str, value: object) -> str:
    if value == name:
        return ""
    return f"calls itself {attribute} = {value!r}, not {name!r}; report it to its author"
