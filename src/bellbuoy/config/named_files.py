"""Settings that name files: `file:/run/secrets/token` in place of a secret, and plain paths."""

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr

from bellbuoy.config.document import Document, Place
from bellbuoy.config.problems import Problems, model_in

MAX_BYTES = 64 * 1024


def with_files(
    model: type[BaseModel], data: Any, place: Place, document: Document, problems: Problems
) -> Any:
    """The data with what the files hold, and with paths that do not depend on where we are.

    `file:` in a secret-typed key is replaced by what the file holds, without the end of its
    last line. A relative path begins at the folder of the config.
    """
    if not isinstance(data, dict):
        return data
    replaced: dict[Any, Any] = dict(data)
    for name, field in model.model_fields.items():
        key = field.alias or name
        value = replaced.get(key)
        if isinstance(value, str) and _holds(field.annotation, Path):
            replaced[key] = str(_beside(document, value))
        elif isinstance(value, str) and _holds(field.annotation, SecretStr, SecretBytes):
            document.keep_secret(value, "(secret)")
            if value.startswith("file:"):
                replaced[key] = _secret(value, (*place, key), document, problems)
        elif isinstance(value, dict) and (inner := model_in(field.annotation)):
            replaced[key] = with_files(inner, value, (*place, key), document, problems)
    return replaced


def _secret(value: str, place: Place, document: Document, problems: Problems) -> str:
    path = _beside(document, value.removeprefix("file:"))
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


def _beside(document: Document, path: str) -> Path:
    return (Path(document.name).parent / Path(path).expanduser()).absolute()


def _holds(annotation: Any, *wanted: type) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, wanted):
        return True
    return any(_holds(argument, *wanted) for argument in get_args(annotation))
