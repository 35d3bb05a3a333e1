"""The board as values: order, counts, words, and what a filter leaves."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
)
from bellbuoy.model.known import KnownComponent, KnownIncident
from bellbuoy.polling.scheduler import Place
from bellbuoy.web.dashboard.board import Board, Filter, board, label
from bellbuoy.web.dashboard.cards import shortened, step
from bellbuoy.web.dashboard.told import Told
from bellbuoy.web.overview import PageView
from tests.web.sites import (
    NOW,
    component,
    incident,
    minutes_ago,
    read_state,
    unreadable_state,
    update,
    watched,
)


def _view(
    slug: str,
    *incidents: KnownIncident,
    ill: tuple[KnownComponent, ...] = (),
    unread: bool = False,
    never: bool = False,
    tags: tuple[str, ...] = (),
    fine: float | None = None,
) -> PageView:
    one = watched(slug, tags=tags)
    key = one.page.key
    state = unreadable_state(key) if unread else read_state(key)
    if never:
        state = read_state(key, read_at=None, polled_at=None)
    planned = tuple(each for each in incidents if each.kind is IncidentKind.MAINTENANCE)
    return PageView(
        id=slug,
        watched=one,
        place=Place(page=one.page, state=state, due_at=None),
        total=9,
        ill=ill,
        incidents=tuple(each for each in incidents if each not in planned),
        maintenances=planned,
        fine_since=None if fine is None else minutes_ago(fine),
    )


def _trouble(
    key: str = "i", impact: Impact = Impact.MAJOR, ago: float = 30, **more
) -> KnownIncident:
    said = update(1, IncidentStatus.INVESTIGATING, "We look into it.", minutes_ago(ago))
    return incident(key, f"Trouble {key}", said, impact=impact, **more)


def _work(key: str, status: IncidentStatus, begins_in: float) -> KnownIncident:
    return incident(
        key,
        f"Work {key}",
        update(1, status, "Planned.", minutes_ago(60)),
        kind=IncidentKind.MAINTENANCE,
        started_at=NOW + timedelta(hours=begins_in),
    )


def _board(*views: PageView, categories: dict[str, str] | None = None, **chosen: str) -> Board:
    return board(
        views,
        Filter(**chosen),
        categories=categories or {},
        told=lambda _: Told(why="nobody"),
        services=lambda _: (),
        now=NOW,
    )


def test_incidents_stand_worst_first_and_of_the_same_impact_the_newest():
    """What hurts most is on top."""
    shown = _board(
        _view("a", _trouble("old", ago=60), _trouble("minor", Impact.MINOR, 1)),
        _view("b", _trouble("new", ago=5), _trouble("worst", Impact.CRITICAL, 90)),
    )
    assert [card.title for card in shown.cards] == [
        "Trouble worst",
        "Trouble new",
        "Trouble old",
        "Trouble minor",
    ]


def test_a_page_that_cannot_be_read_is_grey_whatever_is_known_of_it():
    """Never green, and its incident says that it may be over."""
    shown = _board(_view("a", _trouble(), unread=True), _view("b", unread=True))
    tiles = shown.groups[0].tiles
    assert [(tile.state, tile.words) for tile in tiles] == [("unknown", "unread")] * 2
    assert tiles[0].at == minutes_ago(15)
    assert shown.cards[0].last_read_at == minutes_ago(15)
    assert shown.heading == "Two vendors cannot be read"
    assert shown.worst == "unknown"
    assert shown.fine_since is None


def test_a_page_that_was_never_read_is_grey():
    """Looking for the first time is not fine."""
    shown = _board(_view("a", never=True), _view("b"))
    assert {tile.name: tile.state for tile in shown.groups[0].tiles} == {
        "A": "unknown",
        "B": "operational",
    }
    assert (shown.heading, shown.aside) == (
        "Looking for the first time",
        "one is fine, one not read yet",
    )


def test_all_fine_says_since_when():
    """Since the last trouble of any of them ended."""
    shown = _board(_view("a", fine=600), _view("b", fine=90), _view("c"))
    assert (shown.heading, shown.title, shown.aside) == ("All fine", "All fine", "")
    assert shown.fine_since == minutes_ago(90)
    assert [tile.at for tile in shown.groups[0].tiles] == [minutes_ago(600), minutes_ago(90), None]


def test_the_words_count_what_is_ill():
    """Components by number; without any, incidents; planned work with its beginning."""
    ill = (component("API", ComponentStatus.DEGRADED), component("Web", ComponentStatus.DEGRADED))
    shown = _board(
        _view("a", ill=ill),
        _view("b", _trouble("x"), _trouble("y")),
        _view("c", _work("w", IncidentStatus.IN_PROGRESS, -1)),
    )
    tiles = {tile.name: tile for tile in shown.groups[0].tiles}
    assert (tiles["A"].state, tiles["A"].words) == ("minor", "2 of 9")
    assert (tiles["B"].state, tiles["B"].words) == ("major", "2 incidents")
    assert (tiles["C"].state, tiles["C"].words) == ("maintenance", "work")
    assert tiles["C"].at == NOW - timedelta(hours=1)


def test_the_heading_the_title_and_the_sign_say_the_worst():
    """In words, for a tab, and for a favicon."""
    shown = _board(
        _view("a", _trouble("x", Impact.CRITICAL)),
        _view("b", _trouble("y")),
        _view("c"),
        _view("d", unread=True),
    )
    assert shown.heading == "Two vendors have trouble"
    assert shown.aside == "one is fine, one cannot be read"
    assert shown.title == "1 critical, 1 major, 1 unread"
    assert shown.worst == "critical"


def test_a_notice_without_impact_is_shown_and_makes_nobody_ill():
    """A vendor's mere notice is no trouble."""
    shown = _board(_view("a", _trouble("n", Impact.NONE)))
    assert [card.state for card in shown.cards] == ["none"]
    assert shown.heading == "All fine"


def test_planned_work_is_listed_when_it_goes_on_or_is_near():
    """What goes on first; what is a week away can wait."""
    shown = _board(
        _view(
            "a",
            _work("far", IncidentStatus.SCHEDULED, 100),
            _work("near", IncidentStatus.SCHEDULED, 5),
            _work("on", IncidentStatus.IN_PROGRESS, -2),
        )
    )
    assert [(work.title, work.is_on) for work in shown.works] == [
        ("Work on", True),
        ("Work near", False),
    ]


def test_much_planned_work_is_counted():
    """A large CDN posts a hundred a day."""
    works = [_work(f"{n}", IncidentStatus.SCHEDULED, 5) for n in range(30)]
    shown = _board(_view("a", *works))
    assert (len(shown.works), shown.works_more) == (9, 21)


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({}, {"A", "B", "C"}),
        ({"text": "TROUBLE"}, {"A"}),
        ({"text": "look into"}, {"A"}),
        ({"text": "gateway"}, {"A"}),
        ({"text": "b"}, {"A", "B"}),
        ({"category": "ai"}, {"B"}),
        ({"tag": "shop"}, {"C"}),
        ({"impact": "minor"}, {"A"}),
        ({"impact": "critical"}, set()),
    ],
)
def test_a_filter_leaves_what_was_asked_for(chosen, names):
    """By the names of providers and components, titles, words, category, tag and least impact."""
    named = (AffectedComponent(name="Gateway B"),)
    shown = _board(
        _view("a", _trouble(components=named)),
        _view("b"),
        _view("c", tags=("shop",)),
        categories={"b": "ai"},
        **chosen,
    )
    assert {tile.name for group in shown.groups for tile in group.tiles} == names
    assert bool(shown.cards) == ("A" in names)


def test_pages_of_one_provider_share_a_tile():
    """Its worst page speaks for it."""
    first, second = _view("a"), _view("a", _trouble())
    shown = _board(first, second)
    assert [(tile.name, tile.state) for tile in shown.groups[0].tiles] == [("A", "major")]
    assert shown.pages == 2


def test_a_group_is_named_for_people_and_the_unnamed_one_is_last():
    """Other is no category of its own."""
    shown = _board(_view("a"), _view("b"), _view("c"), categories={"a": "cdn-dns", "b": "ai"})
    assert [group.label for group in shown.groups] == ["AI", "CDN and DNS", "Other"]
    assert label("source-control") == "Source control"


def test_a_card_that_says_something_else_has_another_revision():
    """Times that run do not count: the card would never be at rest."""
    one, same = (_board(_view("a", _trouble(ago=ago))).cards[0] for ago in (30, 31))
    other = _board(_view("a", _trouble(impact=Impact.MINOR))).cards[0]
    assert one.revision == same.revision != other.revision


def test_the_parts_of_a_card_stand_worst_first_with_their_place():
    """How each is now comes from the page, where it is known there."""
    named = (
        AffectedComponent(id="api", name="API"),
        AffectedComponent(id="web", name="Web", group="Front", status=ComponentStatus.DEGRADED),
    )
    ill = (component("API", ComponentStatus.MAJOR_OUTAGE, region="eu-1"),)
    (card,) = _board(_view("a", _trouble(components=named), ill=ill)).cards
    assert [(part.name, part.place, part.state) for part in card.parts] == [
        ("API", "eu-1", "major_outage"),
        ("Web", "Front", "degraded"),
    ]


def test_a_life_has_four_steps_and_an_unknown_status_is_none_of_them():
    """Of incidents and of planned work."""
    assert [step(one) for one in (IncidentStatus.INVESTIGATING, IncidentStatus.MONITORING)] == [
        1,
        3,
    ]
    assert [step(one) for one in (IncidentStatus.IN_PROGRESS, IncidentStatus.CANCELLED)] == [2, 4]
    assert step(IncidentStatus.UNKNOWN) == 0


@given(st.text(), st.integers(2, 50))
def test_a_shortened_text_is_short_and_in_one_line(text, most):
    """Whatever a vendor wrote."""
    assert len(shortened(text, most)) <= most + 1
    assert "\n" not in shortened(text, most)


@given(st.lists(st.sampled_from(list(ComponentStatus)), max_size=4), st.booleans())
def test_a_tile_is_never_green_without_evidence(statuses, unread):
    """Only components that are all operational, or under planned work, of a page that is read."""
    ill = tuple(
        component(f"c{n}", status)
        for n, status in enumerate(statuses)
        if status is not ComponentStatus.OPERATIONAL
    )
    worst_first = tuple(sorted(ill, key=lambda one: -one.status.rank))
    (tile,) = _board(_view("a", ill=worst_first, unread=unread)).groups[0].tiles
    if unread or ill:
        assert tile.state != "operational"
