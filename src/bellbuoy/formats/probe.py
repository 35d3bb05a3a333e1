"""Probe: an address that is no status page, and what a person expects of its answer.

    the address ──> its status, its text, values in its JSON ──> one component

What a status means: RFC 9110, https://www.rfc-editor.org/rfc/rfc9110#section-15.

Recognised never: every address answers something, so only a person can say that this answer
means "it works" (`format: probe` and `expect` in the config).

Components: one, the whole of what is behind the address, named as its provider. Where
everything that is expected holds it is operational, else a major outage; there is nothing
between, because two degrees of wrong that take turns would never be seen twice. The word kept
is what was seen. Nobody answering is an outage, too.

Cannot say: why, since when, and whether it is known to anybody. A challenge for browsers where
the answer should be is no answer: the page is unreadable, unless all of the text and values
that are expected are there.
"""

from collections.abc import Sequence

import msgspec

from bellbuoy.errors import FetchError, ReadError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._answers import is_challenge, text_of
from bellbuoy.formats._json import decode
from bellbuoy.model.facts import (
    Component,
    ComponentStatus,
    Expectation,
    ExpectedValue,
    Page,
    Part,
    Snapshot,
)
from bellbuoy.model.known import Seen

api_version = 1
NAME = "probe"
PLATFORM: str | None = None
PROBES: tuple[str, ...] = ()

_NO_ANSWER = frozenset({Unreadable.NETWORK, Unreadable.CUT})
_ABSENT = object()


def claims(response: Response) -> Claim | None:  # noqa: ARG001 - whatever it is
    """Nothing is a probe by itself."""
    return None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:  # noqa: ARG001 - nothing is asked twice
    """Look at the address. Raises ReadError where a challenge stands, FetchError if it is held."""
    expected = page.expect or Expectation()
    try:
        response = yield Request.get(page.url, accepts_failure=True)
    except FetchError as failure:
        if failure.reason not in _NO_ANSWER:
            raise
        return _found(page, ComponentStatus.MAJOR_OUTAGE, f"no answer: {failure.detail}")
    word = f"HTTP {response.status}"
    is_expected = response.status in expected.statuses
    if is_expected and (missed := _missed(expected, response)):
        is_expected, word = False, f"{word}, {missed}"
    is_proven = is_expected and (expected.text or expected.values)
    if not is_proven and is_challenge(response, text_of(response)):
        problem = "a challenge stands where the answer was"
        raise ReadError(response.url, NAME, "$", problem, reason=Unreadable.BLOCKED)
    status = ComponentStatus.OPERATIONAL if is_expected else ComponentStatus.MAJOR_OUTAGE
    return _found(page, status, word)


def _found(page: Page, status: ComponentStatus, word: str) -> Snapshot:
    whole = Component(id=NAME, name=page.provider.name, status=status, status_raw=word)
    return Snapshot(components=(whole,), complete=frozenset({Part.COMPONENTS}))


def _missed(expected: Expectation, response: Response) -> str:
    """What of the text and the values is not as expected, in words of ours; empty if all is."""
    if expected.text and expected.text not in text_of(response):
        return "text not found"
    if not expected.values:
        return ""
    try:
        document = decode(response, object, format=NAME)
    except ReadError:
        return "not JSON"
    return next(filter(None, (_differs(document, one) for one in expected.values)), "")


def _differs(document: object, expected: ExpectedValue) -> str:
    found = _at(document, expected.steps)
    if found is _ABSENT:
        return f"{expected.path} not found"
    if _is_same(found, expected.value):
        return ""
    return f"{expected.path} is not {msgspec.json.encode(expected.value).decode()}"


def _at(value: object, steps: Sequence[str]) -> object:
    """The value to which the steps lead, or `_ABSENT`."""
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, _ABSENT)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON of any shape
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):  # pyright: ignore[reportUnknownArgumentType] - as above
            value = value[int(step)]  # pyright: ignore[reportUnknownVariableType] - as above
        else:
            return _ABSENT
    return value  # pyright: ignore[reportUnknownVariableType] - as above


def _is_same(found: object, expected: object) -> bool:
    """JSON has one kind of number, and true is not 1."""
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    return found == expected
