"""What every notifier must do with each kind of event and each kind of answer."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from bellbuoy import notifiers
from bellbuoy.errors import (
    DelayedError,
    DeliveryError,
    DisabledError,
    FetchError,
    RefusedError,
    Unreadable,
)
from bellbuoy.events import Event
from bellbuoy.exchange import Request, Response
from bellbuoy.model.delivery import Delivery, Receipt
from bellbuoy.notifiers import DoorNotifier, HttpNotifier, Message, Notifier
from bellbuoy.testing.claims import must
from bellbuoy.testing.events import AT, MARK, sample_events

MOST_REQUESTS = 10

ANSWERS: Mapping[int, type[DeliveryError]] = {
    301: DeliveryError,
    400: RefusedError,
    401: RefusedError,
    403: RefusedError,
    404: RefusedError,
    408: DelayedError,
    409: DelayedError,
    410: DisabledError,
    413: RefusedError,
    422: RefusedError,
    425: DelayedError,
    429: DelayedError,
    500: DelayedError,
    502: DelayedError,
    503: DelayedError,
    504: DelayedError,
}
"""What an HTTP answer means, unless a receiver's own protocol says otherwise."""

_SECRET_WORDS = ("token", "secret", "password")


def check_notifier(
    notifier: Notifier,
    settings: Mapping[str, Any],
    *,
    accepted: Response | None = None,
    answers: Mapping[int, type[DeliveryError]] = ANSWERS,
) -> None:
    """Check a notifier with settings that are good, as the config would give them.

    `accepted` is the receiver's answer that it has an event (a plain 200 by default);
    `answers` says which error each other status must become. A notifier with a door of its
    own is opened for real with these settings, in an event loop of its own. Raises
    AssertionError.
    """
    _check_attributes(notifier)
    good = _check_settings(notifier.Settings, settings)
    if isinstance(notifier, HttpNotifier):
        answer = accepted or Response(url="https://receiver.example", status=200)
        for event in sample_events():
            _check_event(notifier, event, good, answer)
        _check_answers(notifier, good, answers)
    elif isinstance(notifier, DoorNotifier):
        asyncio.run(_check_door(notifier, good))


def _check_attributes(notifier: Any) -> None:
    version = getattr(notifier, "api_version", None)
    must(version == notifiers.API_VERSION, f"api_version is {notifiers.API_VERSION}")
    must(isinstance(getattr(notifier, "KIND", None), str) and notifier.KIND, "KIND is a text")
    model = getattr(notifier, "Settings", None)
    must(isinstance(model, type) and issubclass(model, BaseModel), "Settings is a pydantic model")
    ways = [name for name in ("notify", "open") if callable(getattr(notifier, name, None))]
    must(len(ways) == 1, "there is either a function `notify` or a function `open`")


def _check_settings(model: type[BaseModel], settings: Mapping[str, Any]) -> BaseModel:
    try:
        good = model.model_validate(dict(settings))
    except ValidationError as error:
        raise AssertionError(f"the settings given to this check are good: {error}") from error
    try:
        model.model_validate({**settings, "no_such_setting": 1})
    except ValidationError:
        pass
    else:
        raise AssertionError("Settings refuses unknown keys: ConfigDict(extra='forbid')")
    must("kind" not in model.model_fields, "Settings has no `kind`: that key is Bellbuoy's own")
    for name, field in model.model_fields.items():
        if any(word in name.lower() for word in _SECRET_WORDS):
            must("Secret" in str(field.annotation), f"the setting {name!r} is a SecretStr")
    for secret in _secrets(good):
        must(secret not in repr(good), "settings do not print their secrets")
    return good


def _secrets(settings: BaseModel) -> Iterator[str]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, SecretBytes):
            yield value.get_secret_value().decode("utf-8", "replace")


def _message(event: Event) -> Message:
    delivery = Delivery(
        id=f"{event.id}/tested",
        receiver="tested",
        seq=event.seq,
        event_id=event.id,
        lane=event.lane,
        rule="routes.0",
        created_at=AT,
        due_at=AT + timedelta(seconds=1),
    )
    return Message(event=event, delivery=delivery, sent_at=int(AT.timestamp()))


def _notify(
    notifier: HttpNotifier, event: Event, settings: BaseModel, answer: Response | FetchError
) -> tuple[list[Request], Receipt]:
    exchange = notifier.notify(_message(event), settings)
    asked: list[Request] = []
    try:
        asked.append(next(exchange))
        while len(asked) <= MOST_REQUESTS:
            following = (
                exchange.throw(answer) if isinstance(answer, FetchError) else exchange.send(answer)
            )
            asked.append(following)
    except StopIteration as stop:
        must(isinstance(stop.value, Receipt), "`notify` returns a Receipt")
        return asked, stop.value
    finally:
        exchange.close()
    raise AssertionError(f"one event takes at most {MOST_REQUESTS} requests")


def _check_event(
    notifier: HttpNotifier, event: Event, settings: BaseModel, answer: Response
) -> None:
    try:
        asked, receipt = _notify(notifier, event, settings, answer)
        again, _ = _notify(notifier, event, settings, answer)
    except DeliveryError as error:
        raise AssertionError(f"an accepted {event.kind} gives a Receipt, not {error!r}") from error
    must(asked or receipt.detail, "`notify` sends a request, or its receipt says why it does not")
    must(asked == again, "the same message is always sent in the same words")
    for request in asked:
        must(request.url.startswith(("http://", "https://")), "a request goes to http or https")
        head = [request.url, *request.headers, *request.headers.values()]
        must(all(text.isprintable() for text in head), "addresses and headers are printable")
        must(not any(MARK in text for text in head), "vendor text stays out of the headers")


def _check_answers(
    notifier: HttpNotifier, settings: BaseModel, answers: Mapping[int, type[DeliveryError]]
) -> None:
    event = next(sample_events())
    for status, wanted in answers.items():
        headers = {"retry-after": "7"} if status in {429, 503} else {}
        answer = Response(url="https://receiver.example", status=status, headers=headers)
        error = _error(notifier, event, settings, answer)
        must(isinstance(error, wanted), f"a {status} raises {wanted.__name__}, not {error!r}")
        if headers and isinstance(error, DelayedError):
            must(error.retry_after == 7, f"the Retry-After of a {status} is honoured")
    lost = FetchError("https://receiver.example", Unreadable.NETWORK, "reset", uncertain=True)
    error = _error(notifier, event, settings, lost)
    must(
        isinstance(error, (FetchError, DelayedError)),
        "a lost answer is passed on as the FetchError, or raises DelayedError",
    )


def _error(
    notifier: HttpNotifier, event: Event, settings: BaseModel, answer: Response | FetchError
) -> Exception | None:
    try:
        _notify(notifier, event, settings, answer)
    except (DeliveryError, FetchError) as error:
        for secret in _secrets(settings):
            must(secret not in str(error), "errors do not tell secrets")
        return error
    return None


async def _check_door(notifier: DoorNotifier, settings: BaseModel) -> None:
    async with notifier.open(settings) as door:
        for event in sample_events():
            receipt = await door.notify(_message(event))
            must(isinstance(receipt, Receipt), "`notify` returns a Receipt")
