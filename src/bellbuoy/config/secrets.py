"""What no output may show of a config, wherever in it the value stands."""

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

from bellbuoy.config import Config


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
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
