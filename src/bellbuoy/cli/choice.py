"""The configuration that a command line leads to, and what must be hidden of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote

from msgspec.structs import replace
from pydantic import BaseModel, SecretBytes, SecretStr

from bellbuoy.cli.output import say
from bellbuoy.config import Config
from bellbuoy.config.load import load_config
from bellbuoy.errors import StoreError
from bellbuoy.stores.opening import MEMORY, is_there, place_of


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
    return config


def existing_store(config: Config) -> str:
    """The address of the store, if it is there. Raises StoreError: reading makes no new one."""
    if config.store == MEMORY:
        raise StoreError("memory: what is in it is seen by its own process only; name a file")
    if not is_there(config.store):
        place = place_of(config.store)
        raise StoreError(f"{place}: there is no store yet; `bellbuoy watch` makes it")
    return config.store


def secrets_of(config: Config) -> tuple[str, ...]:
    """Every value of a config that no output may show."""
    return tuple(
        secret
        for secret in (
            *(s for receiver in config.receivers for s in _secrets(receiver.settings)),
            *config.web.secrets,
            *([config.heartbeat.url] if config.heartbeat else ()),
            *_password(config.http.proxy or ""),
            *_password(config.store),
        )
        if secret
    )


def _names(config: Config) -> str:
    names = list(dict.fromkeys(watched.page.provider.name for watched in config.watched))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode("utf-8", "replace")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secrets(item)


def _password(url: str) -> Iterator[str]:
    """What may be a password in an address, also one with signs that should read %XX."""
    _, _, rest = url.partition("://")
    login, _, _ = rest.rpartition("@")
    _, _, password = login.partition(":")
    _, _, query = rest.partition("?")
    for secret in (password, *parse_qs(query).get("password", ())):
        if secret:
            yield secret
            yield unquote(secret)
