"""A client of NATS, and what JetStream's answers mean."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from faststream.nats import NatsBroker
from faststream.nats.security import NatsCredentials, NatsSecurity
from nats.aio.client import Client
from nats.errors import AuthorizationError, Error, MaxPayloadError, NoServersError
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from bellbuoy.errors import DeliveryError, RefusedError
from bellbuoy.notifiers import _brokers
from bellbuoy.notifiers._link import Lose, unreachable

if TYPE_CHECKING:
    from bellbuoy.notifiers.nats import Settings

KEPT_FOR = 90 * 86400.0
"""How long a stream that is made here keeps its messages, in seconds: as long as our own log."""

DUPLICATES_WITHIN = 3600.0
"""For how long such a stream knows a repeat, in seconds: longer than the waits between attempts."""

# JSStreamNotMatchErr and JSStreamSubjectOverlapErrF in
# https://github.com/nats-io/nats-server/blob/main/server/errors.json
_ANOTHER_STREAM = frozenset({10060, 10065})


@asynccontextmanager
async def client(settings: "Settings", lose: Lose) -> AsyncGenerator[NatsBroker]:
    """A client that has been let in, and whose stream is there."""
    problem: Exception | None = None

    async def failed(error: Exception) -> None:
        nonlocal problem
        problem = error
        # What a user may not publish is only said here; the message itself gets no answer.
        if "permissions violation" in str(error).lower():
            lose(f"{error}; let this user publish there")

    async def disconnected() -> None:
        lose("the connection was lost")

    broker = NatsBroker(
        settings.url.get_secret_value().split(","),
        logger=None,
        security=_security(settings),
        # It would reconnect, but is closed first. Without that, one that is not let in stays open.
        max_reconnect_attempts=1,
        reconnect_time_wait=0,
        error_cb=failed,
        disconnected_cb=disconnected,
    )
    try:
        made = await broker.connect()
    except (Error, OSError) as error:
        await _close_half_open(error)
        raise (problem if problem and isinstance(error, NoServersError) else error) from None
    try:
        await _make_stream(made, settings)
        yield broker
    finally:
        await made.close()


def meaning(error: Exception, settings: "Settings") -> DeliveryError | None:
    """What it says of the message or the settings; None if it is the connection that fails."""
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, MaxPayloadError):
        return RefusedError("the event is larger than its `max_payload`; raise that")
    if isinstance(error, AuthorizationError) or "authorization violation" in str(error).lower():
        return unreachable("user and password, or token, are refused; say them in `url`")
    if isinstance(error, NoStreamResponseError):
        return unreachable(
            f"no stream takes {settings.subject}.>; add that to the subjects of {settings.stream}"
        )
    if isinstance(error, APIError) and error.err_code in _ANOTHER_STREAM:
        return unreachable(
            f"another stream than {settings.stream} takes {settings.subject}.>; "
            "name it as `stream`, or choose another `subject`"
        )
    if isinstance(error, APIError):
        return unreachable(f"JetStream refuses it: {error.description}")
    return None


async def _close_half_open(error: Exception) -> None:
    """Close a client that was not let in: FastStream drops it as it is, with an open socket."""
    for frame, _ in walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, Client) and not value.is_closed:
                await value.close()


async def _make_stream(made: Client, settings: "Settings") -> None:
    """Make the stream if there is none of its name; one that is there is left as it is."""
    jetstream = made.jetstream()
    with suppress(NotFoundError):
        await jetstream.stream_info(settings.stream)
        return
    await jetstream.add_stream(
        StreamConfig(
            name=settings.stream,
            subjects=[f"{settings.subject}.>"],
            description="Changes on public status pages, by Bellbuoy",
            max_age=KEPT_FOR,
            duplicate_window=DUPLICATES_WITHIN,
        )
    )


def _security(settings: "Settings") -> NatsSecurity | None:
    """What the server is shown of us, and who vouches for it."""
    tls: Any = {}
    if "tls://" in settings.url.get_secret_value() or settings.ca_file is not None:
        tls = {"ssl_context": _brokers.authorities(settings.ca_file), "use_ssl": True}
    if settings.credentials is not None:
        return NatsCredentials(str(settings.credentials), **tls)
    return NatsSecurity(**tls) if tls else None
