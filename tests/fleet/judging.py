"""What must be true of a fleet afterwards, whatever happened to its workers. Pure.

Each function returns what is wrong; nothing is wrong if it is empty.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct

from tests.fleet import script
from tests.fleet.script import Plan
from tests.fleet.vendors import Poll


class Entry(Struct, frozen=True):
    """What the database wrote down: at that second `who` took or freed a lease, or wrote a row."""

    at: float
    who: str
    what: str
    key: str
    owner: str | None = None
    epoch: int | None = None


class Arrival(Struct, frozen=True):
    """An event that came to a receiver."""

    event_id: str
    at: float


class Tenures:
    """Who held which lease when, by the database's own record."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._since: dict[str, list[float]] = defaultdict(list)
        self._holders: dict[str, list[str | None]] = defaultdict(list)
        for entry in entries:
            if entry.what == "lease":
                self._since[entry.key].append(entry.at)
                self._holders[entry.key].append(entry.who if entry.owner else None)

    def holder(self, lease: str, at: float) -> str | None:
        """Who held it then."""
        place = bisect_right(self._since[lease], at)
        return self._holders[lease][place - 1] if place else None

    def changes(self, since: float, until: float) -> int:
        """How often leases changed hands between two instants."""
        return sum(since < at <= until for all_of in self._since.values() for at in all_of)


def written_without_a_lease(
    entries: Sequence[Entry], tenures: Tenures, lease_of: Callable[[Entry], str]
) -> list[Entry]:
    """Rows that somebody wrote who did not hold their lease at that instant."""
    return [
        entry
        for entry in entries
        if entry.what != "lease" and tenures.holder(lease_of(entry), entry.at) != entry.who
    ]


def polled_without_a_lease(
    polls: Iterable[Poll], tenures: Tenures, lease_of: Callable[[int], str]
) -> list[Poll]:
    """Looks at a page by somebody who did not hold its shard when the vendor was asked."""
    return [poll for poll in polls if tenures.holder(lease_of(poll.page), poll.began) != poll.who]


def polled_by_two_at_once(polls: Iterable[Poll]) -> list[tuple[Poll, Poll]]:
    """Looks of two workers at one page that were on their way at the same time."""
    of_page: dict[int, list[Poll]] = defaultdict(list)
    for poll in polls:
        of_page[poll.page].append(poll)
    found = []
    for mine in of_page.values():
        mine.sort(key=lambda poll: poll.began)
        found += [
            (one, other)
            for one, other in pairwise(mine)
            if one.who != other.who and other.began < one.ended
        ]
    return found


def longest_unpolled(polls: Iterable[Poll], plan: Plan, since: float) -> float:
    """How many seconds after an instant the last page was looked at again."""
    first: dict[int, float] = {}
    for poll in polls:
        if poll.began >= since:
            first[poll.page] = min(poll.began, first.get(poll.page, poll.began))
    assert len(first) == plan.pages, f"{plan.pages - len(first)} pages were not looked at again"
    return max(first.values()) - since


def wrong_in_the_log(logged: Sequence[Mapping[str, Any]], plan: Plan) -> list[str]:
    """What is lost, told twice, or told in another order than the vendor's."""
    seqs = [event["data"]["seq"] for event in logged]
    wrong = [] if seqs == list(range(1, len(seqs) + 1)) else ["the numbers have gaps"]
    told = [text for event in logged if (text := _text(event))]
    wrong += [f"{count} times: {text}" for text, count in Counter(told).items() if count > 1]
    expected = [tuple(script.messages(life)) for life in script.lives(plan)]
    wanted = {text for texts in expected for text in texts}
    wrong += [f"lost: {text}" for text in sorted(wanted - set(told))]
    wrong += [f"never said: {text}" for text in sorted(set(told) - wanted)]
    place = {text: number for number, text in enumerate(told)}
    wrong += [
        f"not in order: {texts[0]}"
        for texts in expected
        if (places := [place.get(text, -1) for text in texts]) != sorted(places)
    ]
    return wrong


def wrong_in_deliveries(
    logged: Sequence[Mapping[str, Any]], arrived: Mapping[str, Sequence[Arrival]]
) -> list[str]:
    """Events that never arrived, or arrived after a later one of their incident had."""
    lanes = {
        event["id"]: ((event["source"], event["data"]["incident"]["id"]), event["data"]["seq"])
        for event in logged
        if "incident" in event["data"]
    }
    wrong = []
    for receiver, arrivals in arrived.items():
        came = {arrival.event_id for arrival in arrivals}
        wrong += [f"{receiver}: never came: {id}" for id in lanes.keys() - came]
        newest: dict[Any, int] = {}
        for arrival in arrivals:
            if arrival.event_id not in lanes:
                continue
            lane, seq = lanes[arrival.event_id]
            if seq < newest.get(lane, 0):
                wrong.append(f"{receiver}: {lane}: {seq} came after {newest[lane]}")
            newest[lane] = max(seq, newest.get(lane, 0))
    return wrong


def repeats(arrived: Mapping[str, Sequence[Arrival]]) -> int:
    """How many arrivals were of an event that had come before."""
    return sum(len(some) - len({one.event_id for one in some}) for some in arrived.values())


def _text(event: Mapping[str, Any]) -> str | None:
    body = (event["data"].get("update") or {}).get("body", "")
    return body if body.startswith("page ") else None
