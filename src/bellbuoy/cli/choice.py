"""The configuration that a command line leads to, and its store."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from bellbuoy.cli.output import say
from bellbuoy.config import Config
from bellbuoy.config.load import load_config
from bellbuoy.errors import StoreError
from bellbuoy.platform import network_file_system
from bellbuoy.stores.opening import MEMORY, POSTGRESQL, is_there, place_of, sqlite_path


def choose(
    path: Path | None,
    *,
    providers: Sequence[str] = (),
    store: str | None = None,
    allow_private: Sequence[str] = (),
    quiet: bool = False,
) -> Config:
    """Load the config and, unless `quiet`, say which one it is and what to mind in it.

    Raises ConfigError.
    """
    config = load_config(
        None if path is None else str(path),
        providers=providers,
        store=store,
        allow_private=allow_private,
    )
    if providers:
        # What is not asked for this time is not forgotten.
        config = replace(config, partial=True)
    if not quiet:
        say(f"config: {config.source or f'none found, watching {_names(config)}'}")
        for warning in config.warnings:
            say(f"warning: {warning}")
        warn_of_place(config.store)
    return config


def warn_of_place(store: str) -> None:
    """Say it if a file of SQLite lies where its locks and its log cannot be relied on.

    https://www.sqlite.org/wal.html: all processes must be on one machine.
    """
    if store == MEMORY or store.startswith(POSTGRESQL):
        return
    path = sqlite_path(store)
    kind = network_file_system(path)
    if kind is not None:
        say(
            f"warning: {path} lies on {kind}, a file system over a network, where SQLite can lose "
            "or damage it: use a local disk, or a store in PostgreSQL"
        )


def existing_store(config: Config) -> str:
    """The address of the store, if it is there. Raises StoreError: reading makes no new one."""
    if config.store == MEMORY:
        raise StoreError("memory: what is in it is seen by its own process only; name a file")
    if not is_there(config.store):
        place = place_of(config.store)
        raise StoreError(f"{place}: there is no store yet; `bellbuoy watch` makes it")
    return config.store


def _names(config: Config) -> str:
    names = list(dict.fromkeys(watched.page.provider.name for watched in config.watched))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
