"""The data within an Instatus web page: what is open with its texts, and how the rest ended.

    2023         <script id="__NEXT_DATA__" type="application/json">{...}</script>
    since then   <script>self.__next_f.push([1,"... the same data in pieces ..."])</script>

The framework that writes it (https://nextjs.org) documents neither. Only two values in it are
read, wherever they stand: `activeIncidents`, a list with updates, and `notices`, every incident
of the last 90 days by its id.
"""

import json
from collections.abc import Mapping

import msgspec
from msgspec import Raw

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats._answers import text_of, why_not
from bellbuoy.formats._instatus_wire import Notice
from bellbuoy.formats._json import decode_entry

_WHOLE = 'id="__NEXT_DATA__"'
_PIECE = "self.__next_f.push("
_OPEN = '"activeIncidents":'
_NOTICES = '"notices":'

_SITE = "https://lang.instatus.com"
"""Where every page has its translations from."""

_MOST = 2_000

_DECODER = json.JSONDecoder(strict=False)
_REFUSED = (ValueError, RecursionError)


def is_mine(text: str) -> bool:
    """Whether a web page is Instatus's: it holds such data, and names the vendor within."""
    return (_WHOLE in text or _PIECE in text) and _SITE in text


def read_notices(response: Response, format: str) -> tuple[Mapping[str, Notice], ...]:
    """The open incidents, and all recent ones, each by its id.

    Raises ReadError if the page holds no such data.
    """
    text = text_of(response)
    data = _data(text) if is_mine(text) else ""
    active = _value(data, _OPEN, "[")
    recent = _value(data, _NOTICES, "{")
    if active is None:
        reason, problem = why_not(response, text)
        problem = f"no data on incidents: {problem}"
        raise ReadError(response.url, format, "the web page", problem, reason=reason)
    try:
        rows = msgspec.json.decode(active, type=list[Raw])
        rest = msgspec.json.decode(recent or b"{}", type=dict[str, Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ReadError(response.url, format, "the web page", str(error)) from error
    return tuple(
        {notice.id: notice for raw in raws if (notice := decode_entry(raw, Notice)) and notice.id}
        for raws in (rows[:_MOST], list(rest.values())[:_MOST])
    )


def _data(text: str) -> str:
    """The data of the page in one piece."""
    begin = text.find(_WHOLE)
    if begin >= 0:
        return text[begin : text.find("</script", begin)]
    pieces: list[str] = []
    place = text.find(_PIECE)
    while place >= 0:
        try:
            value, end = _DECODER.raw_decode(text, place + len(_PIECE))
        except _REFUSED:
            break
        if isinstance(value, list) and value and isinstance(value[-1], str):
            pieces.append(value[-1])
        place = text.find(_PIECE, end)
    return "".join(pieces)


def _value(data: str, key: str, opening: str) -> bytes | None:
    """The list or object behind the first `key`; a quoted key in a text has a backslash."""
    begin = data.find(key + opening)
    if begin < 0:
        return None
    begin += len(key)
    try:
        _, end = _DECODER.raw_decode(data, begin)
    except _REFUSED:
        return None
    return data[begin:end].encode("utf-8", "replace")
