"""Small values for the stores' tests, and strategies for arbitrary ones."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from bellbuoy.events import Event, EventKind, IncidentFacts, event_id, page_ref
from bellbuoy.model.delivery import Attempt, Delivery
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Page,
    Provider,
)
from bellbuoy.model.known import (
    Health,
    Known,
    KnownComponent,
    KnownIncident,
    KnownUpdate,
    PageState,
    Validators,
)
from bellbuoy.model.leases import Role, Worker
from bellbuoy.stores import Visit

NOW = datetime(2026, 2, 23, 16, 9, 30, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
ACME = Provider(slug="acme", name="Acme")


def page(key: str = "https://status.acme.example") -> Page:
    """A page to poll."""
    return Page(key=key, url=key, provider=ACME, format="statuspage")


def update(number: int = 1, body: str = "We look into it.", **more) -> KnownUpdate:
    """An update we hold."""
    return KnownUpdate(
        id=f"u{number}",
        hashes=(f"{number:032x}",),
        status=IncidentStatus.INVESTIGATING,
        body=body,
        at=NOW,
        **more,
    )


def incident(key: str = "i1", **more) -> KnownIncident:
    """An open incident we hold, with two updates."""
    return KnownIncident(
        **{
            "id": key,
            "key": key,
            "kind": IncidentKind.INCIDENT,
            "title": f"Trouble {key}",
            "status": IncidentStatus.INVESTIGATING,
            "first_seen_at": NOW,
            "updates": (update(1), update(2, "Found it.")),
            **more,
        }
    )


def component(key: str = "c1", **more) -> KnownComponent:
    """A component we hold."""
    return KnownComponent(
        **{"id": key, "name": f"Part {key}", "status": ComponentStatus.OPERATIONAL, **more}
    )


def known(*incidents: KnownIncident, page_key: str = page().key, **more) -> Known:
    """All that is known of a page."""
    return Known(
        **{
            "page_key": page_key,
            "baseline_at": NOW,
            "incidents": {each.key: each for each in incidents},
            "components": {"c1": component()},
            "entries": {each.id: "ab" for each in incidents},
            "validators": {page_key: Validators(etag='"1"', body_hash=b"\0\xff")},
            **more,
        }
    )


def state(key: str = page().key, **health) -> PageState:
    """The state of a page."""
    return PageState(page_key=key, health=Health(polled_at=NOW, **health), has_open=True)


def visit(
    before: Known | None = None,
    now: Known | None = None,
    *events: Event,
    of: Page | None = None,
) -> Visit:
    """One visit's outcome."""
    of = of or page()
    return Visit(page=of, state=state(of.key), before=before, known=now, events=events)


def event(
    number: int = 1,
    *,
    of: Page | None = None,
    about: str | None = "i1",
    title: str = "Trouble",
    observed_at: datetime = NOW,
    **more,
) -> Event:
    """An event; the same number about the same thing has the same id."""
    of = of or page()
    facts = about and IncidentFacts(
        id=about,
        kind=IncidentKind.INCIDENT,
        title=title,
        url="",
        impact=Impact.MAJOR,
        impact_raw="major",
        status=IncidentStatus.INVESTIGATING,
        status_raw="Investigating",
        started_at=NOW,
        updated_at=None,
        resolved_at=None,
        components=(),
    )
    return Event(
        id=event_id(of.key, about or "", EventKind.INCIDENT_UPDATED, str(number), ""),
        kind=EventKind.INCIDENT_UPDATED,
        provider=of.provider,
        page=page_ref(of),
        observed_at=observed_at,
        incident=facts or None,
        **more,
    )


def untold(page_key: str, incident: KnownIncident) -> tuple[Event, ...]:
    """What is told of an incident whose page is forgotten: nothing."""
    return ()


def worker(id: str, **rest) -> Worker:
    """A worker with every role, unless something else is said of it."""
    said = {"name": f"{id}.example:1", "roles": tuple(Role), "version": "1", "started_at": NOW}
    return Worker(id=id, **(said | rest))


def delivery(of: Event, receiver: str = "ops", **more) -> Delivery:
    """A delivery of a recorded event, waiting and due."""
    return Delivery(
        **{
            "id": f"{of.id}/{receiver}",
            "receiver": receiver,
            "seq": of.seq,
            "event_id": of.id,
            "lane": of.lane,
            "rule": "routes.0",
            "created_at": NOW,
            "due_at": NOW,
            **more,
        }
    )


ATTEMPT = Attempt(at=NOW, seconds=0.25, outcome="503 Service Unavailable", uncertain=True)

# No text that reaches a store holds a NUL (`bellbuoy.text`), and PostgreSQL could not keep it.
_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(_characters, max_size=20)
keys = st.text(_characters, min_size=1, max_size=8)
instants = st.none() | st.datetimes(
    min_value=datetime(1900, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.just(UTC),
)
numbers = st.integers(min_value=0, max_value=2**40)
_statuses = st.sampled_from(IncidentStatus)

_updates = st.builds(
    KnownUpdate,
    id=keys,
    hashes=st.lists(texts, max_size=3).map(tuple),
    status=_statuses,
    status_raw=texts,
    body=texts,
    at=instants,
    updated_at=instants,
)


def _incidents(key: str) -> st.SearchStrategy[KnownIncident]:
    return st.builds(
        KnownIncident,
        id=texts,
        key=st.just(key),
        kind=st.sampled_from(IncidentKind),
        title=texts,
        status=_statuses,
        status_raw=texts,
        impact=st.sampled_from(Impact),
        impact_raw=texts,
        url=texts,
        started_at=instants,
        updated_at=instants,
        resolved_at=instants,
        components=st.lists(
            st.builds(
                AffectedComponent,
                id=texts,
                name=texts,
                group=st.none() | texts,
                status=st.sampled_from(ComponentStatus),
            ),
            max_size=2,
        ).map(tuple),
        updates=st.lists(_updates, max_size=3).map(tuple),
        revision=numbers,
        pending=st.dictionaries(texts, texts, max_size=2),
        missing_polls=numbers,
        missing_since=instants,
        withdrawn=st.booleans(),
        adopted=st.booleans(),
        first_seen_at=instants,
    )


def _components(key: str) -> st.SearchStrategy[KnownComponent]:
    return st.builds(
        KnownComponent,
        id=st.just(key),
        name=texts,
        status=st.sampled_from(ComponentStatus),
        status_raw=texts,
        group=st.none() | texts,
        region=st.none() | texts,
        is_group=st.booleans(),
        revision=numbers,
        pending=st.none() | texts,
        first_seen_at=instants,
    )


def _by_key(values):
    return (
        st.lists(keys, max_size=4, unique=True)
        .flatmap(lambda names: st.tuples(*map(values, names)))
        .map(lambda found: {getattr(each, "key", each.id): each for each in found})
    )


def knowns(page_key: str) -> st.SearchStrategy[Known]:
    """Arbitrary knowledge of one page."""
    return st.builds(
        Known,
        page_key=st.just(page_key),
        baseline_at=instants,
        floor=instants,
        stamp=instants,
        history_at=instants,
        incidents=_by_key(_incidents),
        components=_by_key(_components),
        entries=st.dictionaries(texts, texts, max_size=4),
        validators=st.dictionaries(
            texts,
            st.builds(
                Validators,
                etag=st.none() | texts,
                last_modified=st.none() | texts,
                body_hash=st.none() | st.binary(max_size=16),
            ),
            max_size=2,
        ),
        gaps=numbers,
        noisy=st.frozensets(texts, max_size=2),
    )


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


def events_of(about: str) -> st.SearchStrategy[Event]:
    """Arbitrary events about one incident, each with an id of its own."""
    return st.builds(
        lambda base, **fields: event(**base, about=about, **fields),
        base=st.fixed_dictionaries({"number": st.integers(0, 10**9)}),
        at=instants,
        observed_at=instants.filter(bool),
        late=st.booleans(),
        closing=st.booleans(),
        changes=st.dictionaries(texts, st.tuples(plain, plain), max_size=2),
        reason=st.none() | texts,
    )
