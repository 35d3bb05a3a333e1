"""Every format reads its recorded bodies, beside the bare decoding of the same bytes."""

import gc
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import feedparser
from lxml import html
from tests.formats.recordings import FORMATS, Visit, visits

from bellbuoy.formats import _instants
from bellbuoy.model.facts import Snapshot
from bellbuoy.model.known import Seen
from benchmarks.figures import Figure, Scale, apart, ratio, spread

SLOWEST = 0.050
"""Seconds that no body of any format may take."""

_SHARES = {"JSON": 3.0, "data in a page": 3.0, "page": 3.0, "feed": 0.2}
"""How long reading a body may take, in times of its bare decoding."""

_CACHES = [known for known in vars(_instants).values() if hasattr(known, "cache_clear")]
_DECODER = json.JSONDecoder(strict=False)
_SCRIPTS = ('<script id="data" type="application/json">', '__NEXT_DATA__" type="application/json">')
_RECORDS = '[{"attributes":{"type":"Incident__c"'
_PIECE = "self.__next_f.push("
_VALUES = ('"activeIncidents":', '"notices":')


def run(scale: Scale) -> Iterator[Figure]:
    some = [apart("benchmarks.formats", "reading", size=scale.size) for _ in range(scale.repeats)]
    for rows in zip(*(one["rows"] for one in some), strict=True):
        yield _figure(rows)
    yield _slowest([one["all"] for one in some])


def _figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    one = rows[0]
    looks = {look: [row[look] for row in rows] for look in ("first", "same")}
    told = {look: _told(some) for look, some in looks.items()}
    documents = f"{one['documents']} documents, " if one["documents"] > 1 else ""
    return Figure(
        what=f"`{one['format']}`, {one['which']} ({documents}{_size(one['size'])}), first and "
        f"unchanged; against {one['against']}",
        ours=" and ".join(_millis(some, "ours") for some in looks.values()),
        baseline=" and ".join(dict.fromkeys(_millis(some, "plain") for some in looks.values())),
        target=" and ".join(dict.fromkeys(allowed for _, allowed, _ in told.values())),
        measured=" and ".join(words for words, _, _ in told.values()),
        holds=all(holds for _, _, holds in told.values()),
        counts={"decoded again": one["decoded"], "documents": one["documents"]},
    )


def _told(looks: Sequence[Mapping[str, float]]) -> tuple[str, str, bool]:
    """How often longer than the bare decoding, how often it may be, and whether that holds."""
    ours, plain = [one["ours"] for one in looks], [one["plain"] for one in looks]
    value, words = ratio(ours, plain)
    allowed = median(one["limit"] / one["plain"] for one in looks)
    return words, f"<= {allowed:.2g}x", value <= allowed


def _slowest(some: Sequence[Mapping[str, Any]]) -> Figure:
    bodies, over = some[0]["visits"], round(median(one["over"] for one in some))
    slowest = [one["slowest"] for one in some]
    return Figure(
        what=f"the slowest of {bodies} visits of all formats, first ({some[0]['name']})",
        ours=f"{median(slowest) * 1e3:.3g} ms",
        baseline=f"{over} of them slower than their format's limit",
        target="<= 50 ms",
        measured=spread([seconds * 1e3 for seconds in slowest], " ms"),
        holds=median(slowest) <= SLOWEST,
        counts={"visits": bodies},
    )


def reading(size: float) -> dict[str, Any]:
    """CPU seconds of the typical and the largest visit of each format, and the worst of all."""
    rows: list[dict[str, Any]] = []
    worst: tuple[float, str] = (0.0, "")
    count = over = 0
    corpus = os.environ.get("BELLBUOY_CORPUS")
    for format in FORMATS:
        some = visits(format, Path(corpus) if corpus else None)
        known = [(visit, visit.asked(Seen())) for visit in some]
        known.sort(key=lambda one: sum(map(len, one[1])))
        good = [one for one in known if one[0].read(Seen()) is not None]
        chosen = {"typical": good[(len(good) - 1) // 2][0], "largest": good[-1][0]}
        if len(good) == 1:
            chosen = {"the only one": good[0][0]}
        rows += [_measured(visit, which, size) for which, visit in chosen.items()]
        step = max(round(1 / size), 1)
        for visit, bodies in known[::step]:
            first = _least(lambda visit=visit: visit.read(Seen()))
            worst = max(worst, (first, visit.name))
            count += 1
            if (visit, bodies) in good:
                over += first > sum(_share(body) * _least(_plain_of(body)) for body in bodies)
    return {
        "rows": rows,
        "all": {"visits": count, "over": over, "slowest": worst[0], "name": worst[1]},
    }


def _measured(visit: Visit, which: str, size: float) -> dict[str, Any]:
    snapshot = visit.read(Seen())
    assert snapshot is not None
    seen = _after(snapshot)
    again = visit.read(seen)
    assert again is not None
    gc.collect()
    gc.freeze()
    bodies = visit.asked(Seen())
    first, same = _look(visit, Seen(), size), _look(visit, seen, size)
    kinds = dict.fromkeys(_kind(body) for body in bodies)
    return {
        "format": visit.format,
        "which": which,
        "size": sum(map(len, bodies)),
        "documents": len(bodies),
        "against": " and ".join(_BARE[kind] for kind in kinds),
        "decoded": len(again.incidents),
        "first": first,
        "same": same,
    }


def _look(visit: Visit, seen: Seen, size: float) -> dict[str, float]:
    """CPU seconds of a look, of decoding the bodies that it asks for, and what is allowed."""
    bodies = visit.asked(seen)
    times = min(max(round(0.3 * size / _least(lambda: visit.read(seen))), 1), 500)
    ours = [_cold(lambda: visit.read(seen)) for _ in range(times)]
    plain = [_decoding(body, times) for body in bodies]
    limits = [_share(body) * took for body, took in zip(bodies, plain, strict=True)]
    return {"ours": median(ours), "plain": sum(plain), "limit": sum(limits)}


def _after(snapshot: Snapshot) -> Seen:
    """What is known of a page after a snapshot."""
    return Seen(
        first_look=False,
        open_ids=frozenset(one.id for one in snapshot.incidents if one.is_open),
        entries=snapshot.entries,
        stamp=snapshot.stamp,
        history_due=False,
    )


def _decoding(body: bytes, times: int) -> float:
    decode = _plain_of(body)
    return median(_cold(decode) for _ in range(max(times // 4, 3)))


def _cold(act: Callable[[], object]) -> float:
    """CPU seconds of one call that finds no instant read before."""
    for cached in _CACHES:
        cached.cache_clear()
    began = time.process_time()
    act()
    return time.process_time() - began


def _least(act: Callable[[], object]) -> float:
    return min(_cold(act) for _ in range(3))


def _kind(body: bytes) -> str:
    head = body[:1024].lstrip().lower()
    if not head.startswith(b"<"):
        return "JSON"
    if not head.startswith((b"<!doctype html", b"<html")):
        return "feed"
    text = body.decode("utf-8", "replace")
    has_data = any(mark in text for mark in (*_SCRIPTS, _RECORDS, _PIECE))
    return "data in a page" if has_data else "page"


def _share(body: bytes) -> float:
    return _SHARES[_kind(body)]


def _plain_of(body: bytes) -> Callable[[], object]:
    """The plainest reading of a body that gives its data."""
    return {
        "JSON": lambda: json.loads(body),
        "feed": lambda: feedparser.parse(BytesIO(body)),
        "data in a page": lambda: _data(body.decode("utf-8", "replace")),
        "page": lambda: html.fromstring(body),
    }[_kind(body)]


_BARE = {
    "JSON": "json.loads",
    "feed": "feedparser",
    "data in a page": "finding the JSON in the page and json.loads",
    "page": "lxml",
}


def _data(text: str) -> object:
    """The JSON that a web page carries: found by its mark, and decoded."""
    begin = text.find(_RECORDS)
    if begin >= 0:
        return _DECODER.raw_decode(text, begin)
    for mark in _SCRIPTS:
        begin = text.find(mark) + len(mark)
        if begin >= len(mark):
            return json.loads(text[begin : text.find("</script", begin)], strict=False)
    pieces: list[str] = []
    place = text.find(_PIECE)
    while place >= 0:
        value, end = _DECODER.raw_decode(text, place + len(_PIECE))
        pieces += [part for part in value[1:] if isinstance(part, str)]
        place = text.find(_PIECE, end)
    data = "".join(pieces)
    begins = [data.find(key) + len(key) for key in _VALUES if key in data]
    return [_DECODER.raw_decode(data, begin) for begin in begins]


def _size(count: int) -> str:
    return f"{count / 1_000:.1f} KB" if count < 100_000 else f"{count / 1_000:.0f} KB"


def _millis(looks: Sequence[Mapping[str, float]], key: str) -> str:
    return f"{median(one[key] for one in looks) * 1e3:.3g} ms"
