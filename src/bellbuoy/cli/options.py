"""Options that several commands share, and what they must be like."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from cyclopts import Parameter

from bellbuoy.errors import ConfigError

if TYPE_CHECKING:
    from bellbuoy.config import Config
    from bellbuoy.model.leases import Role

T = TypeVar("T")

Providers = Annotated[
    str, Parameter(name="PROVIDER", help="Only these, by name or by address; default: all.")
]
ConfigPath = Annotated[
    Path | None,
    Parameter(
        name="--config",
        help="The config file; default: $BELLBUOY_CONFIG, ./bellbuoy.yaml, or the user's own.",
    ),
]
StorePlace = Annotated[
    str | None,
    Parameter(name="--store", help="The store, as a path or an address; default: the config's."),
]
AllowPrivate = Annotated[
    tuple[str, ...],
    Parameter(
        name="--allow-private",
        help="A private network (CIDR) that pages may lie in; can be repeated.",
        negative="",
        show_default=False,
    ),
]
KindNames = Annotated[
    str | None,
    Parameter(
        name="--kinds",
        help="Only these: incident, maintenance, component, page, monitor; with commas between.",
    ),
]
RoleNames = Annotated[
    str | None,
    Parameter(
        name="--roles",
        help="What this process is there for: poll, deliver, web; with commas between.",
    ),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    Parameter(name="--log-level", help="How much is logged, to standard error."),
]
Flag = Parameter(negative="", show_default=False)


def checked(option: str, text: str, meaning: Callable[[str], T]) -> T:
    """What an option's text means. Raises ConfigError where `meaning` raises ValueError."""
    try:
        return meaning(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from None


def duration(option: str, text: str | None) -> float | None:
    """An option's duration in seconds; None if it was not given."""
    from bellbuoy import durations

    return None if text is None else checked(option, text, durations.duration)


def period(option: str, text: str) -> timedelta:
    """An option's duration, from a second to ten years."""
    from bellbuoy import durations
    from bellbuoy.config import values

    def meaning(said: str) -> timedelta:
        return timedelta(seconds=values.within(durations.duration(said), 1.0))

    return checked(option, text, meaning)


def kinds_of_events(text: str | None) -> tuple[str, ...] | None:
    """The kinds that `--kinds` names; None if it was not given."""
    if text is None:
        return None
    from bellbuoy.config import values

    words = [word.strip() for word in text.split(",") if word.strip()]
    return tuple(checked("--kinds", word, values.event_kind) for word in words)


def roles_of(text: str | None, usual: Sequence["Role"], config: "Config") -> tuple["Role", ...]:
    """The roles that `--roles` names, of those that a command has; all of them if it was not given.

    Raises ConfigError, also where the store of the config is for one process and polling and
    delivering would be two.
    """
    from bellbuoy.model.leases import Role
    from bellbuoy.stores.opening import is_shared

    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    known = ", ".join(usual)
    if text is not None and not words:
        raise ConfigError(f"--roles: names nothing; there are: {known}")
    if unknown := [word for word in words if word not in {role.value for role in usual}]:
        raise ConfigError(f"--roles: {unknown[0]!r} is no role of this command; there are: {known}")
    roles = tuple(role for role in usual if text is None or role.value in words)
    if (Role.POLL in roles) != (Role.DELIVER in roles) and not is_shared(config.store):
        raise ConfigError(
            "--roles: with a store in a file, one process polls and delivers: name both, or use a "
            "store on PostgreSQL, which many processes share"
        )
    return roles


def address(option: str, text: str) -> str:
    """The address of a page, `https://` being what is meant where no scheme is given."""
    from bellbuoy.config import values

    return checked(option, text if "://" in text else f"https://{text}", values.page_address)
