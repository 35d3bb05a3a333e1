"""Rules from events to receivers. Pure.

    event -> what each route says of it by itself
          -> for each receiver: was it told that this began? -> silenced?
          -> the promptest of its routes -> now, later or no

Whoever was told that something began is told how it goes on, whatever the filters say by then;
whoever was not is not told of its end. Does not decide when a delivery is tried (delivery), nor
what it looks like (notifiers).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from bellbuoy.events import ANNOUNCED_FAMILIES, Event, Phase
from bellbuoy.model.delivery import Delivery, Matcher, Occasion, Silence, Standing
from bellbuoy.routing.matchers import (
    MATCHED,
    NOWHERE,
    Landscape,
    Reason,
    Verdict,
    concerns,
    matches,
    surely_matches,
)
from bellbuoy.routing.schedules import Quiet, Rhythm, next_digest, quiet_until
from bellbuoy.routing.silences import silenced_by

_FAMILIES_WITH_COMPONENTS = frozenset({"incident", "maintenance", "component"})
_ALL_FAMILIES = ANNOUNCED_FAMILIES | _FAMILIES_WITH_COMPONENTS

_UNKNOWN = Standing(told=True)
"""How a receiver stands to a lane where nobody keeps account: as if it had heard all of it."""


class Route(Struct, frozen=True, kw_only=True):
    """Who hears of what. All routes that match run; of those to one receiver, the promptest.

    `name` is how people find the rule (`routes.0` if the config gives none), `to` are names
    of receivers. `late` also passes lives that were over before they were seen. `hold` and
    `remind` are in seconds: how long a beginning is held back, so that what ends meanwhile is
    never told; and after how long an open incident is told again. `ahead` are seconds before
    planned work at which it is told again. 0 and empty mean none of it.
    """

    name: str
    to: tuple[str, ...]
    when: Matcher = Matcher()
    unless: Matcher | None = None
    late: bool = False
    hold: float = 0.0
    remind: float = 0.0
    ahead: tuple[float, ...] = ()
    quiet: Quiet | None = None
    digest: Rhythm | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """Whether one route tells one receiver of an event, and why.

    `due_at` is when, if it is told later; then `reason` is HOLD, QUIET or DIGEST. `by` is the
    id of the silence, if one is the reason.
    """

    receiver: str
    route: str
    told: bool
    reason: Reason
    due_at: datetime | None = None
    by: str = ""


def decide(
    event: Event,
    routes: Iterable[Route],
    landscape: Landscape = NOWHERE,
    *,
    standings: Mapping[str, Standing] | None = None,
    silences: Sequence[Silence] = (),
) -> tuple[Decision, ...]:
    """One decision for each receiver of each route; at most one of them tells a receiver.

    `standings` say how each receiver stands to the event's lane, absent is never told; without
    them every receiver counts as told before. `silences` count that are in force when the event
    was observed.
    """
    verdicts = [(route, judge(event, route, landscape)) for route in routes]
    decisions: list[Decision] = []
    for receiver in dict.fromkeys(name for route, _ in verdicts for name in route.to):
        mine = [each for each in verdicts if receiver in each[0].to]
        standing = _UNKNOWN if standings is None else standings.get(receiver, Standing())
        decisions += _for_one(event, receiver, mine, standing, silences, landscape)
    return tuple(decisions)


def nearest(decisions: Iterable[Decision]) -> Mapping[str, Decision]:
    """Of each receiver the decision that tells it, or the one that was nearest to a yes."""
    best: dict[str, Decision] = {}
    for one in decisions:
        before = best.get(one.receiver)
        if before is None or _rank(one) > _rank(before):
            best[one.receiver] = one
    return best


def judge(event: Event, route: Route, landscape: Landscape = NOWHERE) -> Verdict:
    """What a route says of an event by itself, whatever was told before."""
    verdict = _verdict(event, route.when, landscape, late=route.late)
    if verdict.told and route.unless and surely_matches(route.unless, event, landscape):
        return Verdict(told=False, reason=Reason.UNLESS)
    return verdict


def announces(event: Event, kinds: Sequence[str], landscape: Landscape) -> Verdict:
    """Whether a console that asked for these kinds (none: the usual ones) shows an event.

    A console shows late lives too; they are marked.
    """
    return _verdict(event, Matcher(kinds=tuple(kinds)), landscape, late=True)


def waits(route: Route, event: Event, standing: Standing, at: datetime) -> tuple[datetime, Reason]:
    """From when on a route tells an event to a receiver, and what it waits for until then.

    `at` is the instant from which it is judged. Held back is only what begins, and what follows
    a beginning that is still held back.
    """
    due, reason = at, Reason.MATCHED
    is_a_life = event.phase is not Phase.ALONE and not event.late
    if route.hold and is_a_life and not standing.told:
        until = event.observed_at + timedelta(seconds=route.hold)
        # What follows a beginning waits no longer than the beginning does.
        until = min((each.due_at for each in _held(standing, Reason.HOLD)), default=until)
        if until > due:
            due, reason = until, Reason.HOLD
    if route.digest:
        due, reason = next_digest(route.digest, due), Reason.DIGEST
    if route.quiet and (end := quiet_until(route.quiet, due)):
        due, reason = end, Reason.QUIET
    return due, reason


def _for_one(
    event: Event,
    receiver: str,
    verdicts: Sequence[tuple[Route, Verdict]],
    standing: Standing,
    silences: Sequence[Silence],
    landscape: Landscape,
) -> Iterable[Decision]:
    """What each of a receiver's routes decides, in their order."""
    saying_yes = [route for route, verdict in verdicts if verdict.told]
    reasons = {route.name: verdict.reason for route, verdict in verdicts}
    if not saying_yes and _follows(event, standing):
        kept = [route for route, _ in verdicts if route.name == standing.rule]
        saying_yes = kept or [verdicts[0][0]]
        reasons |= dict.fromkeys((route.name for route in saying_yes), Reason.FOLLOWS)
    told: Decision | None = None
    if saying_yes:
        told = _tell(event, receiver, saying_yes, reasons, standing, silences, landscape)
    for route, _ in verdicts:
        if told is not None and route.name == told.route:
            yield told
        elif told is not None and route in saying_yes:
            reason = Reason.ALREADY_TOLD if told.told else told.reason
            yield Decision(receiver=receiver, route=route.name, told=False, reason=reason)
        else:
            yield Decision(
                receiver=receiver, route=route.name, told=False, reason=reasons[route.name]
            )


def _tell(
    event: Event,
    receiver: str,
    routes: Sequence[Route],
    reasons: Mapping[str, Reason],
    standing: Standing,
    silences: Sequence[Silence],
    landscape: Landscape,
) -> Decision:
    """The decision for a receiver whose routes, at least one, would tell it."""
    now = event.observed_at
    # A stable choice: of equally prompt routes the first that is written.
    timed = [(waits(route, event, standing, now), route) for route in routes]
    (due_at, waiting), route = min(timed, key=lambda each: each[0][0])
    if no := _ends_in_silence(event, standing):
        return Decision(receiver=receiver, route=route.name, told=False, reason=no)
    is_owed = event.phase is Phase.ENDS and (standing.told or bool(_held(standing)))
    if not is_owed and (mute := silenced_by(event, silences, now, landscape)):
        return Decision(
            receiver=receiver,
            route=route.name,
            told=False,
            reason=Reason.SILENCED,
            by=mute.id,
        )
    later = due_at > now
    return Decision(
        receiver=receiver,
        route=route.name,
        told=True,
        reason=waiting if later else reasons[route.name],
        due_at=due_at if later else None,
    )


def _ends_in_silence(event: Event, standing: Standing) -> Reason | None:
    """Why an end is not told: nothing was told before it, and what was to be is held back."""
    if event.phase is not Phase.ENDS or standing.told or event.late:
        return None
    if not (held := _held(standing)):
        return Reason.NEVER_TOLD
    is_flap = all(e.reason == Reason.HOLD and event.observed_at < e.due_at for e in held)
    return Reason.FLAP if is_flap else None


def _follows(event: Event, standing: Standing) -> bool:
    """Whether a receiver is owed an event that no route of its own would tell."""
    if event.is_log_only or event.phase is Phase.ALONE or standing is _UNKNOWN:
        return False
    return standing.told or bool(_held(standing))


def _held(standing: Standing, reason: Reason | None = None) -> tuple[Delivery, ...]:
    """What happened and waits to be told, for this reason or for any."""
    return tuple(
        each
        for each in standing.held
        if each.occasion is Occasion.EVENT and reason in {None, each.reason}
    )


def _rank(decision: Decision) -> tuple[bool, int]:
    return decision.told, decision.reason.nearness


def _verdict(event: Event, matcher: Matcher, landscape: Landscape, *, late: bool) -> Verdict:
    if event.is_log_only:
        return Verdict(told=False, reason=Reason.LOG_ONLY)
    if event.late and not late:
        return Verdict(told=False, reason=Reason.LATE)
    interests = landscape.interests
    globs = interests.get(event.page.key) or interests.get(event.provider.slug, ())
    # Naming the components that matter asks for everything that happens to them.
    usual = _ALL_FAMILIES if globs else ANNOUNCED_FAMILIES
    verdict = matches(matcher, event, landscape, usual)
    if not verdict.told or event.kind.family not in _FAMILIES_WITH_COMPONENTS:
        return verdict
    interest = concerns(globs, event)
    if not interest.told:
        return Verdict(told=False, reason=Reason.INTEREST)
    return verdict if interest == MATCHED else interest
