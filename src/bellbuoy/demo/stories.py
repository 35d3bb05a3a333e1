"""The ten vendors of the pretend internet and what befalls them.

Pure. That each kind of story is told does not depend on the seed; which words, components,
ids and times it is told with does. No vendor, product or address here is a real one.
"""

from collections.abc import Callable
from random import Random

from msgspec import Struct

from bellbuoy.demo.draft import Beat, Draft, Shape, Trouble
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Provider,
)

_SYMPTOMS = (
    "Elevated error rates",
    "Slow responses",
    "Intermittent timeouts",
    "Failed requests",
    "Delayed processing",
    "Connection resets",
)
_WORKS = (
    "Database upgrade",
    "Network maintenance",
    "Storage migration",
    "Certificate renewal",
    "Router replacement",
)
_SAYINGS = {
    IncidentStatus.INVESTIGATING: (
        "We are investigating reports of {what} on {where}.",
        "Some customers may see {what} when they use {where}. We are looking into it.",
        "Our alerts show {what} on {where} since a few minutes ago.",
    ),
    IncidentStatus.IDENTIFIED: (
        "The cause was found: a change in {where} that is being rolled back.",
        "We know what leads to {what} and are working on a fix.",
        "One cluster behind {where} ran out of connections. We are adding capacity.",
    ),
    IncidentStatus.MONITORING: (
        "A fix is in place, and {where} is recovering. We are watching the results.",
        "The number of requests with {what} is falling. We keep watching.",
        "{where} answers normally again; queued work is being caught up with.",
    ),
    IncidentStatus.RESOLVED: (
        "This incident is over. {where} has been stable for a while.",
        "All of {where} works normally again. We are sorry for the trouble.",
    ),
    IncidentStatus.SCHEDULED: (
        "We are going to work on {where}. Short interruptions are possible.",
        "Planned work on {where}: no action is needed on your side.",
    ),
    IncidentStatus.IN_PROGRESS: ("The planned work on {where} has begun.",),
    IncidentStatus.VERIFYING: ("The work on {where} is done; we are checking the results.",),
    IncidentStatus.COMPLETED: ("The planned work on {where} is complete.",),
}
_CAUSES = (
    "Afterword: an expired certificate stopped the nodes of {where} from talking to each other.",
    "Afterword: a retry loop in a client library multiplied the load on {where} by nine.",
    "Afterword: a full disk on one node of {where} was reported to nobody. It is now.",
)
_BAD = (ComponentStatus.DEGRADED, ComponentStatus.PARTIAL_OUTAGE, ComponentStatus.MAJOR_OUTAGE)
_IMPACTS = (Impact.MINOR, Impact.MAJOR, Impact.CRITICAL)


class Story(Struct, frozen=True, kw_only=True):
    """A vendor and its whole life, in beats that still want their times."""

    provider: Provider
    address: str
    shape: Shape
    beats: tuple[Beat, ...]


class _Plot:
    """One trouble, or one piece of planned work, of one vendor."""

    def __init__(self, draft: Draft, pool: list[tuple[str, str]], count: int = 1) -> None:
        self._draft = draft
        self._parts = [pool.pop() for _ in range(count)]
        self._where = " and ".join(name for _, name in self._parts)
        self._what = draft.rng.choice(_SYMPTOMS)
        self._ids = tuple(part for part, _ in self._parts)
        self._incident = ""
        self._impact = Impact.NONE
        self._said: set[str] = set()

    def strike(self, status: IncidentStatus = IncidentStatus.INVESTIGATING) -> None:
        """Begin as a problem."""
        severity = self._draft.rng.randrange(3)
        self._impact = _IMPACTS[severity]
        self._draft.move(self._ids, _BAD[severity])
        self._incident = self._draft.open(
            kind=IncidentKind.INCIDENT,
            title=f"{self._what} on {self._where}",
            names=self._ids,
            impact=self._impact,
            status=status,
            body=self._words(status),
        )

    def plan(self) -> None:
        """Begin as planned work."""
        self._incident = self._draft.open(
            kind=IncidentKind.MAINTENANCE,
            title=f"{self._draft.rng.choice(_WORKS)} of {self._where}",
            names=self._ids,
            impact=Impact.NONE,
            status=IncidentStatus.SCHEDULED,
            body=self._words(IncidentStatus.SCHEDULED),
        )

    def say(self, status: IncidentStatus) -> None:
        """Go on. The components follow: worse, under maintenance, or fine at the end."""
        if status.is_over:
            self._draft.move(self._ids, ComponentStatus.OPERATIONAL)
        elif status is IncidentStatus.IN_PROGRESS:
            self._draft.move(self._ids, ComponentStatus.MAINTENANCE)
        elif status is IncidentStatus.INVESTIGATING:
            self._draft.move(self._ids, ComponentStatus.PARTIAL_OUTAGE)
        self._draft.say(self._incident, status, self._words(status))

    def live(self, *statuses: IncidentStatus) -> None:
        """Go on, one beat for each."""
        for status in statuses:
            self.say(status)
            self._draft.beat()

    def correct(self) -> None:
        """Edit the newest update of a trouble that goes on."""
        self._draft.edit(self._incident, f"Corrected: only a part of {self._where} is hit.")

    def explain(self) -> None:
        """Put the cause into the closing update, where vendors put it."""
        self._draft.edit(self._incident, self._draft.rng.choice(_CAUSES).format(where=self._where))

    def rejudge(self) -> None:
        """Call it worse, or less bad, without a word."""
        is_worst = self._impact is Impact.CRITICAL
        self._impact = Impact.MAJOR if is_worst else Impact.CRITICAL
        self._draft.judge(self._incident, self._impact)

    def _words(self, status: IncidentStatus) -> str:
        """Words not used before in this trouble: the same words again would be no news."""
        fresh = [text for text in _SAYINGS[status] if text not in self._said]
        text = self._draft.rng.choice(fresh)
        self._said.add(text)
        return text.format(what=self._what.lower(), where=self._where)


_Pool = list[tuple[str, str]]
_Tale = Callable[[Draft, _Pool], None]

_LIFE = (IncidentStatus.IDENTIFIED, IncidentStatus.MONITORING, IncidentStatus.RESOLVED)
_WORK = (IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING, IncidentStatus.COMPLETED)


def _full_life(draft: Draft, pool: _Pool) -> None:
    draft.beat()
    plot = _Plot(draft, pool, 2)
    plot.strike()
    draft.beat()
    extra = draft.rng.sample(_LIFE[:2], draft.rng.randrange(3))
    for status in _LIFE:
        plot.live(*[status] * (2 if status in extra else 1))


def _open_from_the_start(draft: Draft, pool: _Pool) -> None:
    plot = _Plot(draft, pool)
    plot.strike()
    plot.say(IncidentStatus.IDENTIFIED)
    draft.beat()
    plot.live(*_LIFE[1:])


def _planned_work(draft: Draft, pool: _Pool) -> None:
    known, new = _Plot(draft, pool), _Plot(draft, pool)
    known.plan()
    draft.beat()
    known.live(_WORK[0])
    new.plan()
    draft.beat()
    known.live(*_WORK[1:])
    new.live(*_WORK)


def _burst_and_edit(draft: Draft, pool: _Pool) -> None:
    draft.beat()
    plot = _Plot(draft, pool)
    plot.strike()
    draft.beat()
    plot.correct()
    draft.beat()
    for status in (IncidentStatus.IDENTIFIED, *_LIFE[:2]):
        plot.say(status)
    draft.beat()
    plot.live(IncidentStatus.RESOLVED)


def _reopened(draft: Draft, pool: _Pool) -> None:
    draft.beat()
    draft.beat(Trouble.ERROR)
    plot = _Plot(draft, pool)
    plot.strike()
    draft.beat()
    plot.rejudge()
    draft.beat()
    plot.live(IncidentStatus.RESOLVED, IncidentStatus.INVESTIGATING, *_LIFE[1:])


def _two_at_once(draft: Draft, pool: _Pool) -> None:
    draft.beat()
    first, second = _Plot(draft, pool, 2), _Plot(draft, pool)
    first.strike()
    draft.beat()
    second.strike(IncidentStatus.IDENTIFIED)
    draft.beat()
    first.live(*_LIFE[1:])
    second.live(*_LIFE[1:])


def _afterword(draft: Draft, pool: _Pool) -> None:
    draft.beat()
    plot = _Plot(draft, pool)
    plot.strike()
    draft.beat()
    plot.live(*_LIFE)
    plot.explain()
    draft.beat()


def _behind_html(draft: Draft, pool: _Pool) -> None:
    draft.beat()
    weak, _ = pool.pop()
    plot = _Plot(draft, pool)
    plot.strike()
    draft.beat(Trouble.HTML)
    draft.beat()
    plot.live(*_LIFE)
    draft.move([weak], ComponentStatus.PARTIAL_OUTAGE)
    draft.beat()
    draft.move([weak], ComponentStatus.OPERATIONAL)
    draft.beat()


def _hung(draft: Draft, pool: _Pool) -> None:
    _ = pool
    draft.beat(Trouble.HANGS)
    draft.beat()


_Role = tuple[str, Shape, _Tale, str | None, tuple[str, ...]]

_CAST: tuple[_Role, ...] = (
    ("Harbor Cloud", Shape.STATUSPAGE, _full_life, "Regions",
     ("North Pier", "South Pier", "East Quay", "West Quay", "Lagoon")),
    ("Lantern Mail", Shape.STATUSPAGE, _planned_work, "Delivery",
     ("Inbound mail", "Outbound mail", "Webmail", "Spam filter")),
    ("Quayside DNS", Shape.STATUSPAGE, _burst_and_edit, None,
     ("Resolvers", "Zone editor", "Name server API")),
    ("Tidewater Pay", Shape.STATUSPAGE, _reopened, "Payments",
     ("Card payments", "Payouts", "Webhooks", "Merchant console")),
    ("Foghorn Chat", Shape.INCIDENTIO, _full_life, None,
     ("Messages", "Calls", "Search", "File sharing", "Sign-in")),
    ("Beaconlight AI", Shape.INCIDENTIO, _two_at_once, None,
     ("Completions", "Embeddings", "Fine-tuning", "Batch", "Sign-in", "Console",
      *(f"Region {number}" for number in range(1, 25)))),
    ("Driftwood Storage", Shape.HISTORY, _afterword, None, ("Buckets", "Uploads", "Archive")),
    ("Mooring Git", Shape.HISTORY, _open_from_the_start, None, ("Pushes", "Pipelines")),
    ("Pierhead SMS", Shape.RSS, _full_life, None, ("Text messages", "Short codes")),
    ("Skiff Maps", Shape.ATOM, _full_life, None, ("Tiles", "Routing", "Geocoding")),
    ("Breakwater CDN", Shape.STATUSPAGE, _behind_html, "Edge",
     ("Cache", "Purging", "Image resizing", "Log push")),
    ("Sandbar Sync", Shape.STATUSPAGE, _hung, None, ("Sync",)),
)  # fmt: skip


def tell(seed: int) -> tuple[Story, ...]:
    """Every vendor's life, in an order that does not depend on the seed."""
    return tuple(_story(seed, part) for part in _CAST)


def _story(seed: int, role: _Role) -> Story:
    name, shape, tale, group, parts = role
    slug = name.lower().replace(" ", "-")
    address = f"https://status.{slug}.example"
    draft = Draft(Random(f"{seed} {name}"), shape, name, address)
    pool = [(draft.add(part, group), part) for part in parts]
    draft.rng.shuffle(pool)
    _past(draft)
    tale(draft, pool)
    return Story(
        provider=Provider(slug=slug, name=name), address=address, shape=shape, beats=draft.beats
    )


def _past(draft: Draft) -> None:
    """A trouble that was over long before anyone looked."""
    incident = draft.open(
        kind=IncidentKind.INCIDENT,
        title=f"{draft.rng.choice(_SYMPTOMS)} in one region",
        names=(),
        impact=Impact.MINOR,
        status=IncidentStatus.INVESTIGATING,
        body="We are looking into it.",
    )
    draft.say(incident, IncidentStatus.RESOLVED, "This incident is over.")
