"""From what is known to what the API tells of it; pure."""

from collections.abc import Iterable

from msgspec.structs import asdict, replace

from bellbuoy.detection.record import incident_facts
from bellbuoy.model.delivery import Delivery, Matcher, Silence
from bellbuoy.model.facts import ComponentStatus, Impact, Provider
from bellbuoy.model.known import KnownComponent, KnownIncident, KnownUpdate
from bellbuoy.model.leases import Member, Roster
from bellbuoy.stores.retention import began_at
from bellbuoy.web.addresses import page_id
from bellbuoy.web.api.models import (
    AttemptAnswer,
    ComponentAnswer,
    DeliveryAnswer,
    IncidentAnswer,
    IncidentStory,
    MatcherAnswer,
    PageAnswer,
    ProviderAnswer,
    SilenceAnswer,
    UpdateAnswer,
    WorkerAnswer,
)
from bellbuoy.web.overview import PageView
from bellbuoy.web.weighing import worst


def provider_answer(provider: Provider, views: Iterable[PageView], category: str) -> ProviderAnswer:
    """A provider, from all of its pages."""
    views = tuple(views)
    return ProviderAnswer(
        slug=provider.slug,
        name=provider.name,
        category=category,
        status=worst(view.status for view in views),
        pages=tuple(view.id for view in views),
        open_incidents=sum(len(view.incidents) for view in views),
        open_maintenances=sum(len(view.maintenances) for view in views),
    )


def page_answer(view: PageView, category: str, poke: str | None) -> PageAnswer:
    """A page, as it stands."""
    page, state, health = view.watched.page, view.place.state, view.place.state.health
    return PageAnswer(
        id=view.id,
        key=page.key,
        url=state.url or page.url,
        provider=page.provider,
        category=category,
        tags=view.watched.tags,
        format=state.format or page.format,
        every=page.every,
        status=view.status,
        unreadable=health.unreadable,
        failures=health.failures,
        detail=health.detail,
        polled_at=health.polled_at,
        read_at=health.read_at,
        next_look_at=view.place.due_at,
        held_until=health.held_until,
        latency=health.latency,
        components=view.total,
        components_ill=len(view.ill),
        open_incidents=len(view.incidents),
        open_maintenances=len(view.maintenances),
        poke=poke,
    )


def incident_answer(page_key: str, incident: KnownIncident, provider: Provider) -> IncidentAnswer:
    """An incident, without its messages."""
    facts = asdict(incident_facts(incident))
    facts["scheduled_until"] = incident.scheduled_until
    return IncidentAnswer(
        **facts,
        page=page_id(page_key),
        provider=provider,
        open=incident.is_open,
        withdrawn=incident.withdrawn,
        began_at=began_at(incident),
        first_seen_at=incident.first_seen_at,
    )


def incident_story(page_key: str, incident: KnownIncident, provider: Provider) -> IncidentStory:
    """An incident with its messages."""
    plain = incident_answer(page_key, incident, provider)
    return IncidentStory(**asdict(plain), updates=tuple(map(_update, incident.updates)))


def component_answer(view: PageView, component: KnownComponent) -> ComponentAnswer:
    """A component of a page, as `component_now` has it."""
    return ComponentAnswer(
        id=component.id,
        page=view.id,
        provider=view.watched.page.provider,
        name=component.name,
        group=component.group,
        region=component.region,
        is_group=component.is_group,
        status=component.status,
        status_raw=component.status_raw,
    )


def component_now(view: PageView, component: KnownComponent) -> KnownComponent:
    """A component, unknown where what its page said last does not tell of now."""
    return component if view.is_known else replace(component, status=ComponentStatus.UNKNOWN)


def delivery_answer(delivery: Delivery) -> DeliveryAnswer:
    """A delivery, without what only the receiver needs to know."""
    last = delivery.last
    return DeliveryAnswer(
        id=delivery.id,
        receiver=delivery.receiver,
        event=delivery.event_id,
        seq=delivery.seq,
        rule=delivery.rule,
        status=delivery.status,
        occasion=delivery.occasion,
        reason=delivery.reason,
        created_at=delivery.created_at,
        due_at=delivery.due_at,
        attempts=delivery.attempts,
        last=last
        and AttemptAnswer(
            at=last.at, seconds=last.seconds, outcome=last.outcome, uncertain=last.uncertain
        ),
        digest=delivery.digest,
    )


def worker_answer(member: Member, roster: Roster) -> WorkerAnswer:
    """A worker, with what it holds."""
    worker = member.worker
    return WorkerAnswer(
        id=worker.id,
        name=worker.name,
        roles=worker.roles,
        version=worker.version,
        started_at=worker.started_at,
        heard_at=member.heard_at,
        shards=roster.shards_of(worker.id),
        offline=worker.is_offline,
    )


def silence_answer(silence: Silence) -> SilenceAnswer:
    """A silence."""
    return SilenceAnswer(
        id=silence.id,
        matcher=_matcher(silence.matcher),
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
        author=silence.author,
        comment=silence.comment,
        created_at=silence.created_at,
    )


def _update(update: KnownUpdate) -> UpdateAnswer:
    return UpdateAnswer(
        id=update.id,
        status=update.status,
        status_raw=update.status_raw,
        body=update.body,
        at=update.at,
        updated_at=update.updated_at,
        edits=max(len(update.hashes) - 1, 0),
    )


def _matcher(matcher: Matcher) -> MatcherAnswer:
    impacts = tuple(impact for impact in Impact if impact in matcher.impacts)
    return MatcherAnswer(**{**asdict(matcher), "impacts": impacts})
