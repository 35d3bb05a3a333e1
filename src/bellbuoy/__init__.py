"""Bellbuoy watches public status pages and rings once for every real change.

The public Python interface is small: `App` runs a monitor, `load_config` reads
its configuration, and `Event` is what it yields. Everything is imported where it
is first used, so that `import bellbuoy` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bellbuoy.app import App
    from bellbuoy.config.load import load_config
    from bellbuoy.events import Event

__version__ = "0.1.0"
__all__ = ["App", "Event", "__version__", "load_config"]

_HOMES = {
    "App": "bellbuoy.app",
    "Event": "bellbuoy.events",
    "load_config": "bellbuoy.config.load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bellbuoy' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - lazy on purpose, see the docstring

    return getattr(import_module(_HOMES[name]), name)
