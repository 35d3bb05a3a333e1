"""Events to a program of the operator's: a page, a ticket, a lamp, whatever a script can do.

It is run once for each event, without a shell. Its standard input is the CloudEvent as one
line of JSON. A few facts stand in its environment as `BELLBUOY_...`; the vendor's words are
only in the JSON, so that no script can take them for options or commands. Its exit code
answers, by the names of sysexits (https://man.openbsd.org/sysexits.3, read on 2026-11-28):

| exit code | meaning |
|---|---|
| 0 | it has the event |
| 65 (EX_DATAERR) | it will never take this event: dead |
| 75 (EX_TEMPFAIL) | it did nothing, and may take it later |
| any other, a signal, no time left | the event may have got through: tried again, as a repeat |
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    WithJsonSchema,
    field_validator,
)

from bellbuoy.durations import Duration
from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.events import to_json
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message
from bellbuoy.notifiers._programs import run
from bellbuoy.platform import plain_environment
from bellbuoy.text import clean_line

api_version = 1
KIND = "command"

REFUSED = 65
LATER = 75
_OURS = "BELLBUOY_"


class Settings(BaseModel):
    """`run` is the program and its arguments; nothing in it is expanded or split.

    `timeout` is how long one run may take, in seconds. `env` is what it gets beside PATH,
    HOME, LANG and our own facts.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    run: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
        Field(min_length=1),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                ]
            }
        ),
    ]
    timeout: Annotated[Duration, Field(ge=0.1, le=600)] = 30.0
    env: dict[str, SecretStr] = {}

    @field_validator("run")
    @classmethod
    def _can_be_found(cls, run: tuple[str, ...]) -> tuple[str, ...]:
        is_name = bool(run[0].strip()) and not set(run[0]) & {"/", "\\"}
        if not is_name and not Path(run[0]).is_absolute():
            raise ValueError("must begin with an absolute path, or a program's name on the PATH")
        if any("\0" in argument for argument in run):
            raise ValueError("holds a zero byte, which no argument can; take it out")
        return run

    @field_validator("env")
    @classmethod
    def _can_be_given(cls, env: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in env.items():
            if not name or name.upper().startswith(_OURS) or set(name) & {"=", "\0"}:
                raise ValueError(f"cannot set {name!r}; choose a name that is not ours")
            if "\0" in value.get_secret_value():
                raise ValueError(f"gives {name} a zero byte; take it out")
        return env


class _Command:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._env = {name: value.get_secret_value() for name, value in settings.env.items()}

    async def notify(self, message: Message) -> Receipt:
        program, timeout = self._settings.run[0], self._settings.timeout
        given = to_json(message.event) + b"\n"
        env = {**plain_environment(), **self._env, **_facts(message)}
        try:
            ended = await run(self._settings.run, given, env=env, timeout=timeout)
        except TimeoutError as error:
            raise DelayedError(f"was ended after {timeout:g} s", uncertain=True) from error
        except OSError as error:
            problem = f"{program} cannot be run: {error.strerror or error}"
            raise DelayedError(f"{problem}; install it, or change `run`") from error
        said = f"exit code {ended.code}" if ended.code >= 0 else f"ended by signal {-ended.code}"
        if words := self._last_line(ended.output):
            said = f"{said}: {words}"
        if ended.code == REFUSED:
            raise RefusedError(said)
        if ended.code:
            raise DelayedError(said, uncertain=ended.code != LATER)
        return Receipt(detail=said)

    def _last_line(self, output: str) -> str:
        """The last line it printed, without what is secret in its environment."""
        for secret in sorted(self._env.values(), key=len, reverse=True):
            output = output.replace(secret, "***") if secret.strip() else output
        lines = filter(None, (clean_line(line, 200) for line in output.splitlines()))
        return next(reversed(list(lines)), "")


def _facts(message: Message) -> dict[str, str]:
    """What a script asks first, in words of ours only."""
    event, delivery = message.event, message.delivery
    facts: dict[str, Any] = {
        "EVENT_ID": event.id,
        "KEY": delivery.key,
        "TYPE": event.kind,
        "PHASE": event.phase,
        "OCCASION": delivery.occasion,
        "PROVIDER": event.provider.slug,
        "IMPACT": event.incident.impact if event.incident else "",
        "STATUS": event.incident.status if event.incident else "",
        "SERVICES": ",".join(clean_line(service.name) for service in message.services),
        "AFTER_GAP": str(delivery.after_gap).lower(),
        "LATE": str(event.late).lower(),
        "REPEAT": str(message.repeat).lower(),
    }
    return {_OURS + name: str(value) for name, value in facts.items()}


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Command]:
    """A way to the program; it is run for each event."""
    yield _Command(settings)
