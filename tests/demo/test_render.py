"""The renderers are the inverse of the formats: reading a rendering gives what was rendered."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.demo.draft import Facts, Shape
from bellbuoy.demo.render import MOST_COMPONENTS, WRITTEN, Document, render
from bellbuoy.demo.world import World
from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Request, Response
from bellbuoy.formats import Formats
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
    Page,
    Provider,
    Snapshot,
)
from bellbuoy.model.known import Seen

ADDRESS = "https://status.acme.example"

PROBLEM_WORDS = ("investigating", "identified", "monitoring", "resolved", "postmortem")
WORK_WORDS = ("scheduled", "in_progress", "verifying", "completed")
IMPACT_WORDS = ("none", "minor", "major", "critical")
COMPONENT_WORDS = {
    "operational": ComponentStatus.OPERATIONAL,
    "degraded_performance": ComponentStatus.DEGRADED,
    "partial_outage": ComponentStatus.PARTIAL_OUTAGE,
    "major_outage": ComponentStatus.MAJOR_OUTAGE,
    "under_maintenance": ComponentStatus.MAINTENANCE,
    "on_fire": ComponentStatus.UNKNOWN,
}

# What JSON and XML can carry both: no half characters, no control characters.
LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn", "Co"))
WORDS = st.text(LETTERS, min_size=1, max_size=12).map("".join)
MARKUP = st.sampled_from(["<b>", "</p>", "&amp;", "&", "<", "]]>", '"', "'", "\\", "&#8232;"])
BODIES = st.lists(st.sampled_from([" ", "\n", "\r\n"]) | MARKUP | WORDS, max_size=6).map("".join)
CODES = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=12)
INSTANTS = st.datetimes(
    min_value=datetime(2015, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC)
)


def tidy(text: str) -> str:
    """One line with single blanks, as every feed reader makes of it; never empty."""
    return " ".join(text.split()) or "-"


def read(shape: Shape, documents: Mapping[str, Document], address: str = ADDRESS) -> Snapshot:
    """What the format of a shape reads at a first look."""
    written = WRITTEN[shape]
    page = Page(
        key=address,
        url=address + written.address_path,
        provider=Provider(slug="acme", name="Acme"),
        format=written.format,
    )
    exchange = Formats()[written.format].read(page, Seen())
    try:
        request: Request = next(exchange)
        while True:
            document = documents.get(request.url.removeprefix(address))
            if document is None:
                error = FetchError(request.url, Unreadable.GONE, "not there", status=404)
                request = exchange.throw(error)
            else:
                headers = {"content-type": document.content_type}
                answer = Response(url=request.url, status=200, headers=headers, body=document.body)
                request = exchange.send(answer)
    except StopIteration as end:
        return end.value


def without_words(incident: Incident) -> Incident:
    """An incident without the vendor's own words, which the world does not choose."""
    return replace(
        incident,
        status_raw="",
        impact_raw="",
        updates=tuple(replace(update, status_raw="") for update in incident.updates),
    )


def by_id(incidents: tuple[Incident, ...]) -> dict[str, Incident]:
    """Incidents by their ids; their order on a page means nothing."""
    assert len({incident.id for incident in incidents}) == len(incidents)
    return {incident.id: incident for incident in incidents}


def parts(components: tuple[Component, ...]) -> dict[str, Component]:
    """Components by their ids, without the headings that a page adds."""
    return {component.id: component for component in components if not component.is_group}


# Statuspage


@st.composite
def statuspage_components(draw: st.DrawFn) -> tuple[Component, ...]:
    """Components, some of them in groups."""
    groups = st.none() | st.sampled_from(["Regions", "Réseau & <Co>", "日本"])
    return tuple(
        Component(
            id=code, name=draw(WORDS), status=COMPONENT_WORDS[word], status_raw=word, group=group
        )
        for code in draw(st.lists(CODES, unique=True, max_size=5))
        for word in [draw(st.sampled_from(sorted(COMPONENT_WORDS)))]
        for group in [draw(groups)]
    )


@st.composite
def statuspage_incidents(
    draw: st.DrawFn, components: tuple[Component, ...]
) -> tuple[Incident, ...]:
    """Incidents with one update or more, in any statuses, at any times."""
    codes = draw(st.lists(CODES, unique=True, max_size=4))
    return tuple(draw(statuspage_incident(code, components)) for code in codes)


@st.composite
def statuspage_incident(draw: st.DrawFn, code: str, components: tuple[Component, ...]) -> Incident:
    """One problem, or one planned work, with millisecond times."""
    kind = draw(st.sampled_from(IncidentKind))
    is_problem = kind is IncidentKind.INCIDENT
    words = st.sampled_from([*(PROBLEM_WORDS if is_problem else WORK_WORDS), "spinning"])
    instants = INSTANTS.map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
    updates = tuple(
        IncidentUpdate(
            id=id,
            status=status_of(word),
            status_raw=word,
            body=draw(BODIES),
            at=draw(instants),
            updated_at=draw(instants),
        )
        for id in draw(st.lists(CODES, unique=True, min_size=1, max_size=4))
        for word in [draw(words)]
    )
    impact = draw(st.sampled_from([*IMPACT_WORDS, "dire"])) if is_problem else "maintenance"
    chosen = draw(st.lists(st.sampled_from(components), unique=True)) if components else []
    return Incident(
        id=code,
        kind=kind,
        title=draw(WORDS),
        status=updates[-1].status,
        status_raw=updates[-1].status_raw,
        impact=impact_of(impact),
        impact_raw=impact,
        url=f"{ADDRESS}/incidents/{code}",
        started_at=draw(instants),
        scheduled_until=None if is_problem else draw(st.none() | instants),
        updated_at=draw(instants),
        resolved_at=draw(st.none() | instants),
        components=tuple(
            AffectedComponent(id=c.id, name=c.name, group=c.group, status=c.status)
            for c in chosen
            if c.status is not ComponentStatus.UNKNOWN
        ),
        updates=updates,
    )


def status_of(word: str) -> IncidentStatus:
    """What a word means."""
    return IncidentStatus(word) if word in set(IncidentStatus) else IncidentStatus.UNKNOWN


def impact_of(word: str) -> Impact:
    """What a word means; "maintenance" is no impact."""
    if word == "maintenance":
        return Impact.NONE
    return Impact(word) if word in set(Impact) else Impact.UNKNOWN


@st.composite
def statuspage_facts(draw: st.DrawFn) -> Facts:
    """What a Statuspage can say."""
    components = draw(statuspage_components())
    return Facts(
        name=draw(WORDS),
        address=ADDRESS,
        components=components,
        incidents=draw(statuspage_incidents(components)),
        stamp=draw(INSTANTS).replace(microsecond=0),
    )


@given(statuspage_facts())
def test_statuspage_reads_back_what_was_rendered(facts: Facts) -> None:
    """Components with groups, problems and planned work, with every field."""
    snapshot = read(Shape.STATUSPAGE, render(Shape.STATUSPAGE, facts))
    assert by_id(snapshot.incidents) == by_id(facts.incidents)
    assert parts(snapshot.components) == parts(facts.components)
    assert snapshot.stamp == facts.stamp


# Feeds

SIGNS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cf", "Cn", "Co", "Z"))
TOKENS = st.lists(MARKUP | st.text(SIGNS, max_size=4), max_size=3).map(
    lambda parts: "".join(["A", *parts])
)
LINES = st.lists(TOKENS, min_size=1, max_size=4).map(" ".join)
TEXTS = st.lists(LINES, min_size=1, max_size=3).map("\n".join)
HEADINGS = {
    "Investigating": IncidentStatus.INVESTIGATING,
    "Identified": IncidentStatus.IDENTIFIED,
    "Monitoring": IncidentStatus.MONITORING,
    "Resolved": IncidentStatus.RESOLVED,
    "Postmortem": IncidentStatus.POSTMORTEM,
}
WORK_HEADINGS = {
    "Scheduled": IncidentStatus.SCHEDULED,
    "In progress": IncidentStatus.IN_PROGRESS,
    "Verifying": IncidentStatus.VERIFYING,
    "Completed": IncidentStatus.COMPLETED,
}
MINUTES = INSTANTS.map(lambda at: at.replace(second=0, microsecond=0))
SECONDS = INSTANTS.map(lambda at: at.replace(microsecond=0))


def without_ids(incident: Incident) -> Incident:
    """An incident whose updates have no ids, which a feed makes of what it holds."""
    ids = [update.id for update in incident.updates]
    assert len(set(ids)) == len(ids), "one id for two updates"
    updates = tuple(replace(update, id="") for update in incident.updates)
    return replace(incident, updates=updates)


def feed_facts(incidents: tuple[Incident, ...]) -> Facts:
    """A feed's own times and name mean nothing."""
    return Facts(
        name="Acme", address=ADDRESS, incidents=incidents, stamp=datetime(2026, 1, 1, tzinfo=UTC)
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[Incident, ...]:
    """What `history.atom` can say: no components, no impact, times to the minute."""
    codes = draw(st.lists(CODES, unique=True, max_size=4))
    return tuple(draw(history(code)) for code in codes)


@st.composite
def history(draw: st.DrawFn, code: str) -> Incident:
    """One incident with its updates, less than a year apart, since no year is written."""
    kind = draw(st.sampled_from(IncidentKind))
    words = HEADINGS if kind is IncidentKind.INCIDENT else WORK_HEADINGS
    at = draw(MINUTES)
    status, ended = IncidentStatus.UNKNOWN, None
    updates: list[IncidentUpdate] = []
    for number in range(draw(st.integers(min_value=1, max_value=5))):
        word = draw(st.sampled_from([*words, *(["Update"] if number else [])]))
        was_over, status = status.is_over, words.get(word, status)
        ended = (ended if was_over else at) if status.is_over else None
        updates.append(
            IncidentUpdate(id=f"{number}", status=status, status_raw=word, body=draw(TEXTS), at=at)
        )
        at += timedelta(minutes=draw(st.integers(min_value=0, max_value=300 * 24 * 60)))
    is_planned = kind is IncidentKind.MAINTENANCE
    newest = updates[-1].at
    assert newest is not None
    start = newest + timedelta(minutes=draw(st.integers(min_value=0, max_value=20 * 24 * 60)))
    end = start + timedelta(minutes=draw(st.integers(min_value=1, max_value=300 * 24 * 60)))
    return Incident(
        id=code,
        kind=kind,
        title=draw(LINES),
        status=status,
        status_raw=updates[-1].status_raw,
        url=f"{ADDRESS}/incidents/{code}",
        started_at=start if is_planned else updates[0].at,
        scheduled_until=end if is_planned else None,
        updated_at=newest + timedelta(minutes=draw(st.integers(min_value=0, max_value=60))),
        resolved_at=ended,
        updates=tuple(updates),
    )


@given(histories())
def test_a_history_feed_reads_back_what_was_rendered(incidents: tuple[Incident, ...]) -> None:
    """Every update of every incident, with years that stand nowhere."""
    snapshot = read(Shape.HISTORY, render(Shape.HISTORY, feed_facts(incidents)))
    read_back = tuple(map(without_ids, snapshot.incidents))
    assert by_id(read_back) == by_id(tuple(map(without_ids, incidents)))


@st.composite
def latest_words(draw: st.DrawFn, shape: Shape) -> tuple[Incident, ...]:
    """What a vendor's plain feed can say: of each incident the latest words."""
    codes = draw(st.lists(CODES, unique=True, max_size=4))
    return tuple(draw(latest_word(code, shape)) for code in codes)


@st.composite
def latest_word(draw: st.DrawFn, code: str, shape: Shape) -> Incident:
    """One incident with its latest update."""
    word, status = draw(st.sampled_from([*HEADINGS.items(), *WORK_HEADINGS.items()]))
    at = draw(SECONDS)
    return Incident(
        id=code,
        kind=kind_of(status),
        title=draw(LINES),
        status=status,
        status_raw=word,
        url=f"{ADDRESS}/incidents/{code}",
        started_at=draw(SECONDS) if shape is Shape.ATOM else None,
        updated_at=at,
        resolved_at=at if status.is_over else None,
        updates=(IncidentUpdate(id="", status=status, status_raw=word, body=draw(TEXTS), at=at),),
    )


def kind_of(status: IncidentStatus) -> IncidentKind:
    """Planned work speaks other words than a problem."""
    is_planned = status in WORK_HEADINGS.values()
    return IncidentKind.MAINTENANCE if is_planned else IncidentKind.INCIDENT


@given(latest_words(Shape.ATOM))
def test_a_plain_atom_feed_reads_back_what_was_rendered(incidents: tuple[Incident, ...]) -> None:
    """The latest words of each incident, its state and its start."""
    snapshot = read(Shape.ATOM, render(Shape.ATOM, feed_facts(incidents)))
    assert by_id(tuple(map(without_ids, snapshot.incidents))) == by_id(incidents)


@given(latest_words(Shape.RSS))
def test_a_plain_rss_feed_reads_back_what_was_rendered(incidents: tuple[Incident, ...]) -> None:
    """The latest words of each incident, and its state."""
    snapshot = read(Shape.RSS, render(Shape.RSS, feed_facts(incidents)))
    assert by_id(tuple(map(without_ids, snapshot.incidents))) == by_id(incidents)


# incident.io

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@st.composite
def incidentio_incidents(draw: st.DrawFn) -> tuple[Incident, ...]:
    """What the imitation and the feed can say together: of what is over, the latest words."""
    chances = draw(st.lists(st.text(CROCKFORD, min_size=16, max_size=16), unique=True, max_size=4))
    return tuple(draw(incidentio_incident(chance)) for chance in chances)


@st.composite
def incidentio_incident(draw: st.DrawFn, chance: str) -> Incident:
    """One incident, begun at the time in its id."""
    began = draw(SECONDS)
    id = ulid_time(began) + chance
    words = PROBLEM_WORDS if draw(st.booleans()) else WORK_WORDS
    updates = tuple(
        IncidentUpdate(
            id=f"{number}",
            status=status_of(word),
            status_raw=word,
            body=draw(TEXTS),
            at=began + timedelta(minutes=number),
            updated_at=began + timedelta(minutes=number),
        )
        for number in range(draw(st.integers(min_value=1, max_value=3)))
        for word in [draw(st.sampled_from(words))]
    )
    impact = draw(st.sampled_from(IMPACT_WORDS))
    return Incident(
        id=id,
        kind=kind_of(updates[-1].status),
        title=draw(LINES),
        status=updates[-1].status,
        status_raw=updates[-1].status_raw,
        impact=Impact(impact),
        impact_raw=impact,
        url=f"{ADDRESS}/incidents/{id}",
        started_at=began,
        updated_at=updates[-1].at,
        resolved_at=updates[-1].at if updates[-1].status.is_over else None,
        components=tuple(
            AffectedComponent(name=name, status=draw(st.sampled_from(sorted(KNOWN_STATUSES))))
            for name in draw(st.lists(TOKENS, unique=True, max_size=3))
        ),
        updates=updates,
    )


KNOWN_STATUSES = frozenset(ComponentStatus) - {ComponentStatus.UNKNOWN}


def ulid_time(at: datetime) -> str:
    """The first ten letters of a ULID."""
    value = round(at.timestamp() * 1000)
    return "".join(CROCKFORD[value >> 5 * place & 31] for place in reversed(range(10)))


def said_by_incidentio(incident: Incident) -> Incident:
    """What is left of an incident: its imitation tells no end, and its feed little else."""
    if incident.is_open:
        return incident
    latest = replace(incident.updates[-1], id="", status_raw="", updated_at=None)
    is_planned = incident.kind is IncidentKind.MAINTENANCE
    return replace(
        incident,
        status_raw="",
        impact=Impact.UNKNOWN,
        impact_raw="",
        started_at=None if is_planned else incident.started_at,
        updates=(latest,),
    )


def without_made_up(incident: Incident) -> Incident:
    """An ended incident as it was read, without ids and spellings that only the feed has."""
    return incident if incident.is_open else without_words(without_ids(incident))


@given(incidentio_incidents(), st.integers(min_value=1, max_value=40))
def test_incidentio_reads_back_what_was_rendered(
    incidents: tuple[Incident, ...], count: int
) -> None:
    """JSON and feed joined; of many components some are listed, each as it is."""
    components = tuple(
        Component(
            id=ulid_time(datetime(2026, 1, 1, tzinfo=UTC)) + f"{number:016}",
            name=f"Part {number % 7}",
            status=ComponentStatus.PARTIAL_OUTAGE,
            status_raw="partial_outage",
        )
        for number in range(count)
    )
    facts = replace(feed_facts(incidents), components=components)
    snapshot = read(Shape.INCIDENTIO, render(Shape.INCIDENTIO, facts))
    read_back = tuple(map(without_made_up, snapshot.incidents))
    assert by_id(read_back) == by_id(tuple(map(said_by_incidentio, incidents)))
    listed = parts(snapshot.components)
    assert len(listed) == min(count, MOST_COMPONENTS)
    assert listed.items() <= parts(components).items()


# The world itself


def forgotten(shape: Shape, incident: Incident) -> Incident:
    """An incident of the world as its page's shape can tell it."""
    match shape:
        case Shape.STATUSPAGE:
            return incident
        case Shape.INCIDENTIO:
            components = tuple(replace(one, id="") for one in incident.components)
            return said_by_incidentio(replace(incident, components=components))
        case Shape.HISTORY:
            updates = tuple(replace(one, id="", updated_at=None) for one in incident.updates)
            started_at = updates[0].at
        case Shape.ATOM | Shape.RSS:
            updates = (replace(incident.updates[-1], id="", updated_at=None),)
            started_at = incident.started_at if shape is Shape.ATOM else None
    return replace(
        incident, components=(), impact=Impact.UNKNOWN, started_at=started_at, updates=updates
    )


@given(st.integers(min_value=0, max_value=2**63), st.floats(min_value=0.0, max_value=1.0))
def test_the_world_reads_back_at_every_moment(seed: int, moment: float) -> None:
    """Whatever a vendor says at any time, its format understands all of it."""
    for vendor in World(seed, 20.0).vendors:
        facts = vendor.at(moment * 20.0).facts
        snapshot = read(vendor.shape, render(vendor.shape, facts), vendor.address)
        told = by_id(tuple(map(without_words, snapshot.incidents)))
        wanted = by_id(tuple(forgotten(vendor.shape, one) for one in facts.incidents))
        nameless = {id for id, incident in wanted.items() if not incident.updates[0].id}
        assert {
            id: without_ids(incident) if id in nameless else incident
            for id, incident in told.items()
        } == wanted
