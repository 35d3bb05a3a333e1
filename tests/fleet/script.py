"""What the pages of a pretend internet say, and when: known to everybody from one seed.

Each life is an incident of one page that is told in three messages. So it is known what must be in
the log in the end, whoever looked at the page and however often.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from msgspec import Struct

from bellbuoy.demo.draft import Facts, Shape
from bellbuoy.demo.render import render
from bellbuoy.model.facts import Impact, Incident, IncidentKind, IncidentStatus, IncidentUpdate

STATUSES = (IncidentStatus.INVESTIGATING, IncidentStatus.IDENTIFIED, IncidentStatus.RESOLVED)
FACE = "history.atom"
_PAUSE = (1.0, 8.0)
"""Seconds between two messages."""

_HISTORY = 3
"""Incidents that were over before anybody looked."""


class Plan(Struct, frozen=True, kw_only=True):
    """How large the internet is: `lives` begin within `seconds` of the script's beginning."""

    hosts: int
    pages: int
    lives: int
    seconds: float
    seed: int = 1


class Life(Struct, frozen=True):
    """The incident of that number on that page. `at` is when each message appears, in seconds."""

    page: int
    number: int
    at: tuple[float, ...]

    def said(self, time: float) -> int:
        """How many messages are there by then."""
        return sum(at <= time for at in self.at)


def lives(plan: Plan) -> list[Life]:
    """All that ever happens."""
    chance = Random(plan.seed)
    numbers = [0] * plan.pages
    made = []
    for _ in range(plan.lives):
        page = chance.randrange(plan.pages)
        at = [chance.uniform(0, plan.seconds)]
        while len(at) < len(STATUSES):
            at.append(at[-1] + chance.uniform(*_PAUSE))
        made.append(Life(page, numbers[page], tuple(at)))
        numbers[page] += 1
    return made


def messages(life: Life) -> Iterator[str]:
    """The texts of a life, which nobody else says."""
    return (f"page {life.page}, trouble {life.number}, message {n}." for n in range(len(STATUSES)))


def path(page: int) -> str:
    """Where a page is at its host."""
    return f"/p{page}/{FACE}"


def document(shown: Sequence[tuple[Life, int]], start: datetime) -> bytes:
    """A page that has told so many messages of each of these lives since the vendors' `start`."""
    past = [_over(number, start - timedelta(days=9 - number)) for number in range(_HISTORY)]
    told = [_incident(life, said, start) for life, said in shown if said]
    facts = Facts(
        name="Acme", address="https://status.example", incidents=(*past, *told), stamp=start
    )
    return render(Shape.HISTORY, facts)[f"/{FACE}"].body


def began() -> datetime:
    """The vendors' own time at the beginning: whole hours, so that no message is in the future."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=20)


def _incident(life: Life, said: int, start: datetime) -> Incident:
    stamps = [start + timedelta(minutes=10 * life.number + n) for n in range(said)]
    updates = tuple(
        IncidentUpdate(id=f"u{n}", status=status, body=text, at=stamp, updated_at=stamp)
        for n, (status, text, stamp) in enumerate(zip(STATUSES, messages(life), stamps))  # noqa: B905 - as many as were said
    )
    return Incident(
        id=f"i{life.page:06}x{life.number:04}",
        kind=IncidentKind.INCIDENT,
        title=f"Trouble {life.number}",
        status=updates[-1].status,
        impact=Impact.MAJOR,
        started_at=stamps[0],
        updated_at=stamps[-1],
        resolved_at=stamps[-1] if said == len(STATUSES) else None,
        updates=updates,
    )


def _over(number: int, at: datetime) -> Incident:
    update = IncidentUpdate(
        id="u0", status=IncidentStatus.RESOLVED, body="It is over.", at=at, updated_at=at
    )
    return Incident(
        id=f"h{number:011}",
        kind=IncidentKind.INCIDENT,
        title=f"Before {number}",
        status=IncidentStatus.RESOLVED,
        impact=Impact.MINOR,
        started_at=at,
        updated_at=at,
        resolved_at=at,
        updates=(update,),
    )
