"""Secrets that lie in files of their own: `file:/run/secrets/token` in place of the secret."""

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr

from bellbuoy.config.document import Document, Place
from bellbuoy.config.problems import Problems, model_in

MAX_BYTES = 64 * 1024


def with_secrets(
    model: type[BaseModel], data: Any, place: Place, document: Document, problems: Problems
) -> Any:
    """The data with each `file:` of a secret-typed key replaced by what the file holds.

    The end of the file's last line is not a part of the secret. A relative path begins at
    the folder of the config.
    """
    if not isinstance(data, dict):
        return data
    replaced: dict[Any, Any] = dict(data)
    for name, field in model.model_fields.items():
        key = field.alias or name
        value = replaced.get(key)
        if isinstance(value, str) and _is_secret(field.annotation):
            document.keep_secret(value, "(secret)")
            if value.startswith("file:"):
                replaced[key] = _secret(value, (*place, key), document, problems)
        elif isinstance(value, dict) and (inner := model_in(field.annotation)):
            replaced[key] = with_secrets(inner, value, (*place, key), document, problems)
    return replaced


def _secret(value: str, place: Place, document: Document, problems: Problems) -> str:
    path = Path(document.name).parent / Path(value.removeprefix("file:")).expanduser()
    try:
        with path.open("rb") as file:
            secret = file.read(MAX_BYTES).decode("utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problems.add(place, f"the secret file {path} cannot be read: {reason}; check the path")
        return value
    if not secret:
        problems.add(place, f"the secret file {path} is empty; write the secret into it")
    document.keep_secret(secret, value)
    return secret


def _is_secret(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, (SecretStr, SecretBytes)):
        return True
    return any(map(_is_secret, get_args(annotation)))
