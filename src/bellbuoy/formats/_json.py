"""Vendors' JSON (RFC 8259, https://www.rfc-editor.org/rfc/rfc8259) read as far as it goes.

A document must be whole and of the right shape, or it is a `ReadError`. Inside it, one
entry, or one field of an entry, that is not as expected never costs the others.
"""

import json
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct, structs

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats._answers import text_of, why_not

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

_MOST_MENDED = 4 * 1024 * 1024
"""Bytes of a document that is mended: the standard library reads in one call, which holds up the
event loop even from a thread. The largest recorded document has 1.5 MB."""

_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(response: Response, shape: type[T], *, format: str) -> T:
    """The document in an answer, in the given shape.

    Raises ReadError, with the reason CUT where the body ends too early.
    """
    try:
        return _decode(response.body, shape, format=format, url=response.url)
    except _REFUSED as error:
        text = text_of(response)
        mended = _mend(text, response.body)
        if mended is not None:
            return _decode(mended, shape, format=format, url=response.url)
        if "truncated" in str(error):
            problem = "the document ends too early" if text.strip() else "the body is empty"
            place = f"byte {len(response.body)}"
            raise ReadError(response.url, format, place, problem, reason=Unreadable.CUT) from error
        reason, problem = _why_not(response, text, error)
        raise ReadError(response.url, format, "$", problem, reason=reason) from error


def decode_entry(raw: Raw | bytes, shape: type[S]) -> S | None:
    """One entry of a list, without those of its fields that are wrong; None if it is no object."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError:
        pass
    except _REFUSED:
        body = bytes(raw)
        mended = _mend(body.decode("utf-8", "replace"), body)
        return None if mended is None else decode_entry(mended, shape)
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Raw])
    except _REFUSED:
        return None
    values: dict[str, object] = {}
    for field in structs.fields(shape):
        if field.encode_name in fields:
            try:
                values[field.name] = msgspec.json.decode(fields[field.encode_name], type=field.type)
            except _REFUSED:
                continue
    return shape(**values)


def _decode(body: bytes, shape: type[T], *, format: str, url: str) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        raise ReadError(url, format, place.strip("`") or "$", problem) from error


def _mend(text: str, body: bytes) -> bytes | None:
    """The same JSON without what a strict reader refuses, or None if that was not why.

    Vendors' tools write byte order marks, half surrogate pairs and bare control characters.
    A document that is too large to be mended is None, too.
    """
    if len(body) > _MOST_MENDED:
        return None
    try:
        value = json.loads(text, strict=False, parse_constant=_refuse)
        mended = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return None
    return None if mended == body else mended


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _why_not(response: Response, text: str, error: Exception) -> tuple[Unreadable, str]:
    reason, problem = why_not(response, text)
    is_markup = text.lstrip()[:1] == "<" or reason is Unreadable.BLOCKED
    return reason, problem if is_markup else f"not JSON: {error}"
