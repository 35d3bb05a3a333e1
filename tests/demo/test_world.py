"""The pretend world: the same for the same seed, and slow enough to be read whole."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.demo.draft import Shape, Trouble
from bellbuoy.demo.world import LOOKS, World
from bellbuoy.model.facts import Incident, IncidentKind, IncidentStatus

SEEDS = st.integers(min_value=0, max_value=2**63)


def incidents(world: World) -> list[Incident]:
    """Every incident as it stands in the end."""
    return [i for vendor in world.vendors for i in vendor.steps[-1].facts.incidents]


@given(SEEDS)
def test_the_same_seed_tells_the_same_world(seed: int) -> None:
    """Two worlds of one seed are equal, whatever happened in between."""
    assert World(seed, 20.0).vendors == World(seed, 20.0).vendors


def test_another_seed_tells_another_world() -> None:
    """The seed decides ids and texts."""
    first, second = World(1, 20.0), World(2, 20.0)
    assert {i.id for i in incidents(first)}.isdisjoint(i.id for i in incidents(second))


@given(SEEDS, st.sampled_from([1.0, 20.0, 60.0, 3600.0]))
def test_every_life_ends_well_before_the_time_is_up(seed: int, seconds: float) -> None:
    """All incidents are over at 70 % of the time, and nothing changes after that."""
    world = World(seed, seconds)
    assert all(not incident.is_open for incident in incidents(world))
    assert all(vendor.steps[-1].at <= 0.7 * seconds for vendor in world.vendors)
    assert world.at(0.7 * seconds + 1e-9) == world.at(seconds)


@given(SEEDS, st.sampled_from([20.0, 60.0, 3600.0]))
def test_no_page_changes_twice_within_three_polls(seed: int, seconds: float) -> None:
    """A feed that holds only the latest text loses nothing to a reader on time."""
    world = World(seed, seconds)
    for vendor in world.vendors:
        for before, after in pairwise(vendor.steps):
            assert after.at - before.at >= LOOKS * world.every - 1e-6


@given(SEEDS)
def test_a_feed_that_holds_only_the_latest_text_never_replaces_one_unseen(seed: int) -> None:
    """In such shapes no incident gains two updates in one step."""
    for vendor in World(seed, 20.0).vendors:
        if vendor.shape not in {Shape.INCIDENTIO, Shape.ATOM, Shape.RSS}:
            continue
        for before, after in pairwise(vendor.steps):
            known = {i.id: len(i.updates) for i in before.facts.incidents}
            for incident in after.facts.incidents:
                assert len(incident.updates) - known.get(incident.id, 0) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_every_kind_of_story_is_told(seed: int) -> None:
    """Whole lives, planned work, a return, an edit, a burst, a bare move, and every trouble."""
    vendors = World(seed, 20.0).vendors
    assert {vendor.shape for vendor in vendors} == set(Shape)
    assert {step.trouble for vendor in vendors for step in vendor.steps} == {None, *Trouble}
    everything = [i for vendor in vendors for i in vendor.steps[-1].facts.incidents]
    lives = [[update.status for update in i.updates] for i in everything]
    assert any(
        [s for s in life if s is not IncidentStatus.SCHEDULED][:1] == [IncidentStatus.IN_PROGRESS]
        and life[-1] is IncidentStatus.COMPLETED
        for life in lives
    )
    assert any(
        IncidentStatus.RESOLVED in life[:-1] and life[-1] is IncidentStatus.RESOLVED
        for life in lives
    ), "reopened"
    assert any(u.updated_at != u.at for i in everything for u in i.updates), "edited"
    assert any(i.kind is IncidentKind.MAINTENANCE for i in everything)
    gains = [
        len(after.updates) - len(before.updates)
        for vendor in vendors
        for earlier, later in pairwise(vendor.steps)
        for before, after in zip(earlier.facts.incidents, later.facts.incidents, strict=False)
    ]
    assert max(gains) >= 3, "several updates at once"


@given(SEEDS)
def test_vendors_times_only_go_forward(seed: int) -> None:
    """Each step is newer than the one before, so no reader takes it for an old copy."""
    for vendor in World(seed, 20.0).vendors:
        stamps = [step.facts.stamp for step in vendor.steps]
        assert stamps == sorted(set(stamps))
