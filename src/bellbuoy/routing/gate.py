"""What a page says, against what somebody is about to do: go, degraded or stop. Pure.

    what each page told ──┐
    a target, and globs ──┼─> judge ─> verdict, causes (the worst first), doubts
    the bars            ──┘

A gate must not stand in the way because of itself: what cannot be known is a doubt, which lets
pass unless the gate is strict. What is told but not clear counts: a filter never hides an
outage, so an incident that names no component concerns every component.

Does not decide how old what a page told may be, nor how it is told to people (the command).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind, IncidentStatus
from bellbuoy.model.known import Known, KnownComponent, KnownIncident
from bellbuoy.routing.matchers import Named, is_like, spellings

UNCLEAR_FOR = timedelta(hours=24)
"""How long a notice that never says whether it is over is taken for one that may go on."""

MOST_NAMES = 30
"""Components that are named to somebody who asked for one that is not there."""

_UNDER_WAY = frozenset({IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING})
_IMPACTS = {
    ComponentStatus.DEGRADED: Impact.MINOR,
    ComponentStatus.PARTIAL_OUTAGE: Impact.MAJOR,
    ComponentStatus.MAJOR_OUTAGE: Impact.CRITICAL,
}


class Verdict(StrEnum):
    """What to do, in one word."""

    GO = "go"
    DEGRADED = "degraded"
    STOP = "stop"

    @property
    def rank(self) -> int:
        """0 to 2, the worst last."""
        return list(Verdict).index(self)

    @property
    def exit_code(self) -> int:
        """What a process ends with to say it."""
        return self.rank * 10


class Bars(Struct, frozen=True, kw_only=True):
    """From which impact on something is degraded (`soft`), and from which it stops (`hard`).

    With `maintenance`, planned work that is under way counts, as minor at least. With `strict`
    a doubt stops.
    """

    soft: Impact = Impact.MINOR
    hard: Impact = Impact.MAJOR
    maintenance: bool = False
    strict: bool = False


class Told(Struct, frozen=True, kw_only=True):
    """What a page told at its face, as far as a gate needs it.

    `incidents` go on, or may (those of unknown status); their updates are left out. `components`
    are without the groups; `is_whole` is true if they are all that there are. `seen_at` is when
    the page was asked.
    """

    url: str
    seen_at: datetime
    incidents: tuple[KnownIncident, ...] = ()
    components: tuple[KnownComponent, ...] = ()
    is_whole: bool = False


class Unread(Struct, frozen=True, kw_only=True):
    """A page that could not be read, and why."""

    url: str
    reason: str


class Look(Struct, frozen=True, kw_only=True):
    """A page that a target asks about, and the globs of the components that matter; none: all."""

    page: Told | Unread
    components: tuple[str, ...] = ()


class Cause(Struct, frozen=True, kw_only=True):
    """Something that concerns a target: an incident, planned work, or how a component is.

    `not_stated` is true if it concerns the target only because it names no component.
    """

    what: str
    impact: Impact
    url: str
    not_stated: bool = False


class Judgement(Struct, frozen=True, kw_only=True):
    """The verdict on one target; `causes` are the worst first, `doubts` are sentences."""

    target: str
    verdict: Verdict
    causes: tuple[Cause, ...] = ()
    doubts: tuple[str, ...] = ()


def told(url: str, known: Known, seen_at: datetime, *, is_whole: bool) -> Told:
    """What a gate needs of a page that was read once."""
    return Told(
        url=url,
        seen_at=seen_at,
        incidents=tuple(
            replace(incident, updates=())
            for incident in known.incidents.values()
            if _may_go_on(incident, seen_at)
        ),
        components=tuple(part for part in known.components.values() if not part.is_group),
        is_whole=is_whole,
    )


def judge(target: str, looks: Sequence[Look], bars: Bars) -> Judgement:
    """Whether what the pages of a target tell lets somebody go on."""
    found = [cause for look in looks for cause in _causes(look, bars)]
    causes = sorted(found, key=lambda cause: -cause.impact.rank)
    doubts = (*(doubt for look in looks for doubt in _doubts(look)), *_missing(looks))
    worst = causes[0].impact.rank if causes else -1
    if worst >= bars.hard.rank or (doubts and bars.strict):
        verdict = Verdict.STOP
    else:
        verdict = Verdict.DEGRADED if worst >= bars.soft.rank else Verdict.GO
    return Judgement(target=target, verdict=verdict, causes=tuple(causes), doubts=doubts)


def worst_of(judgements: Iterable[Judgement]) -> Verdict:
    """The verdict on all targets together."""
    verdicts = (one.verdict for one in judgements)
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.GO)


def _may_go_on(incident: KnownIncident, now: datetime) -> bool:
    if incident.kind is IncidentKind.MAINTENANCE:
        return incident.is_open and incident.status in _UNDER_WAY
    if incident.status is not IncidentStatus.UNKNOWN:
        return incident.is_open
    at = incident.updated_at or incident.started_at
    return not incident.withdrawn and at is not None and now - at < UNCLEAR_FOR


def _causes(look: Look, bars: Bars) -> Iterator[Cause]:
    if isinstance(look.page, Unread):
        return
    for incident in look.page.incidents:
        is_planned = incident.kind is IncidentKind.MAINTENANCE
        if incident.status is IncidentStatus.UNKNOWN or (is_planned and not bars.maintenance):
            continue
        not_stated = bool(look.components) and not incident.components
        if not_stated or _finds(look.components, incident.components):
            is_slight = is_planned and incident.impact.rank < Impact.MINOR.rank
            yield Cause(
                what=incident.title or f"an {incident.kind} without a title",
                impact=Impact.MINOR if is_slight else incident.impact,
                url=incident.url or look.page.url,
                not_stated=not_stated,
            )
    for part in look.page.components:
        impact = _IMPACTS.get(part.status)
        if part.status is ComponentStatus.MAINTENANCE and bars.maintenance:
            impact = Impact.MINOR
        if impact is not None and _finds(look.components, (part,)):
            words = part.status.replace("_", " ")
            yield Cause(what=f"{part.name}: {words}", impact=impact, url=look.page.url)


def _doubts(look: Look) -> Iterator[str]:
    """What this page leaves open."""
    if isinstance(look.page, Unread):
        yield f"{look.page.url}: {look.page.reason}"
        return
    url = look.page.url
    for incident in look.page.incidents:
        is_unclear = incident.status is IncidentStatus.UNKNOWN
        if is_unclear and (not incident.components or _finds(look.components, incident.components)):
            yield f"{url}: it does not say whether this is over: {incident.title}"
    for part in look.page.components:
        if part.status is ComponentStatus.UNKNOWN and _finds(look.components, (part,)):
            yield f"{url}: how {part.name} is, it does not say"


def _missing(looks: Sequence[Look]) -> Iterator[str]:
    """That no page has a component like the one that was asked for, if that is sure."""
    pages = [look.page for look in looks if isinstance(look.page, Told)]
    asked = [look for look in looks if look.components]
    is_sure = len(pages) == len(looks) and all(page.is_whole for page in pages)
    if not asked or not is_sure or any(map(_finds_any, looks)):
        return
    globs = dict.fromkeys(glob for look in asked for glob in look.components)
    names = list(dict.fromkeys(part.name for page in pages for part in page.components))
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    there = f"there are: {', '.join(names[:MOST_NAMES])}{more}" if names else "there is none"
    urls = ", ".join(page.url for page in pages)
    yield f"{urls}: no component is like {', '.join(globs)}; {there}"


def _finds_any(look: Look) -> bool:
    if isinstance(look.page, Unread):
        return False
    named = (part for incident in look.page.incidents for part in incident.components)
    return _finds(look.components, (*look.page.components, *named))


def _finds(globs: tuple[str, ...], components: Iterable[Named]) -> bool:
    """Whether one of the globs finds one of the components; no globs, all do."""
    if not globs:
        return True
    return any(
        is_like(glob, name) for part in components for name in spellings(part) for glob in globs
    )
