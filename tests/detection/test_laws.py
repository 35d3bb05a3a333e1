"""The laws of merge, over whatever a page may say."""

from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.model.facts import Incident, IncidentUpdate, Snapshot
from tests.detection.saying import Watch, component, incident, page_says, update

STATUSES = ("investigating", "identified", "monitoring", "resolved")
BODIES = ("we look", "found it", "fixed it", "all good", "")


@st.composite
def updates(draw: st.DrawFn) -> tuple[IncidentUpdate, ...]:
    """Up to five messages with distinct ids, at times that may be equal or absent."""
    count = draw(st.integers(0, 5))
    return tuple(
        update(
            str(number),
            draw(st.sampled_from(STATUSES)),
            draw(st.sampled_from(BODIES)),
            minute=draw(st.one_of(st.none(), st.integers(0, 5))),
        )
        for number in range(count)
    )


@st.composite
def incidents(draw: st.DrawFn) -> Incident:
    """One of four incidents, of which the last is planned work, in any state."""
    id = draw(st.sampled_from("abcd"))
    return incident(
        id,
        *draw(updates()),
        status=draw(st.one_of(st.none(), st.sampled_from(STATUSES))),
        title=draw(st.sampled_from(("Trouble", "Renamed"))),
        impact=draw(st.sampled_from(("minor", "major"))),
        components=draw(st.sampled_from(((), ("API",), ("API", "Web")))),
        kind="maintenance" if id == "d" else "incident",
        started=draw(st.one_of(st.none(), st.integers(0, 10))),
        until=draw(st.one_of(st.none(), st.integers(0, 10))) if id == "d" else None,
        updated=draw(st.one_of(st.none(), st.integers(0, 10))),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """A page with up to four incidents and a component that comes and goes, stamped or not."""
    listed = draw(st.lists(incidents(), max_size=4, unique_by=lambda one: one.id))
    status = draw(st.sampled_from(("operational", "degraded", "major_outage")))
    return page_says(
        *listed,
        components=(*draw(st.sampled_from(((), (component("API", status),)))), component("Web")),
        stamp=draw(st.one_of(st.none(), st.integers(0, 5))),
    )


@given(st.lists(snapshots(), min_size=1, max_size=6))
def test_the_same_snapshot_again_gives_nothing(series: list[Snapshot]) -> None:
    """Once a snapshot has been seen twice, seeing it again teaches nothing, however often."""
    watch = Watch(*series)
    watch.look(series[-1])
    for _ in range(3):
        assert watch.look(series[-1]).events == ()


@given(st.lists(snapshots(), min_size=1, max_size=6))
def test_no_event_has_the_id_of_another(series: list[Snapshot]) -> None:
    """R1: each recorded change has an id of its own, whatever a page does."""
    watch = Watch()
    ids = [event.id for snapshot in series * 2 for event in watch.look(snapshot).events]
    assert len(ids) == len(set(ids))


@given(st.lists(snapshots(), min_size=1, max_size=6))
def test_nothing_is_ever_lost(series: list[Snapshot]) -> None:
    """Every incident and every update that a page ever said is known, with every text."""
    watch = Watch(*series)
    known = {one.id: one for one in watch.known.incidents.values()}
    for snapshot in series:
        for said in snapshot.incidents:
            held = {one.id for one in known[said.id].updates}
            assert {one.id for one in said.updates} <= held


@given(st.lists(snapshots(), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_copies_does_not_matter_to_the_set_of_updates(
    series: list[Snapshot], shuffle: object
) -> None:
    """Whatever order a cache serves its copies in, the same updates are known in the end."""
    other = list(series)
    shuffle.shuffle(other)  # type: ignore[attr-defined]
    held = [
        {
            (one.id, message.id, frozenset(message.hashes))
            for one in Watch(*order).known.incidents.values()
            for message in one.updates
        }
        for order in (series, other)
    ]
    assert held[0] == held[1]


@given(snapshots(), snapshots(), st.integers(2, 6))
def test_c4_alternating_copies_announce_each_update_once(
    one: Snapshot, other: Snapshot, rounds: int
) -> None:
    """However two copies alternate, no update and no text of it is announced twice."""
    watch = Watch(page_says())
    seen: set[tuple[object, ...]] = set()
    for _ in range(rounds):
        for snapshot in (one, other):
            for event in watch.look(snapshot).events:
                if event.update is None or event.incident is None:
                    continue
                words = (event.incident.id, event.update.id, event.update.body, event.update.status)
                assert words not in seen
                seen.add(words)
