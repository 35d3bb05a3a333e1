"""The board: everything that is watched, worst first. Pure; a template prints what this says.

pages as they stand + who was told -> cards (open incidents), works (planned), groups (all)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from bellbuoy.events import Event
from bellbuoy.model.delivery import Service
from bellbuoy.model.facts import Impact
from bellbuoy.model.known import KnownIncident
from bellbuoy.web.dashboard.cards import Card, Work, card, is_near, is_on, work
from bellbuoy.web.dashboard.tiles import STATES, Tile, tile
from bellbuoy.web.dashboard.told import Told, opening
from bellbuoy.web.overview import PageView, by_provider
from bellbuoy.web.spoken import counted

MOST_WORKS = 9
"""How much planned work the board lists; the rest is counted."""

LABELS = {
    "ai": "AI",
    "cdn-dns": "CDN and DNS",
    "crm-support": "CRM and support",
    "devtools-ci": "Developer tools and CI",
    "network-isp": "Networks",
    "source-control": "Source control",
}
"""The catalog's categories that are not simply a word with a capital."""

_NUMBERS = (
    "No",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
)


class Filter(Struct, frozen=True, kw_only=True):
    """What of it is wanted; empty is everything.

    `text` is looked for in the names of providers and components and in titles and last
    messages. `impact` is the least one.
    """

    text: str = ""
    category: str = ""
    tag: str = ""
    impact: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether everything is wanted."""
        return not (self.text or self.category or self.tag or self.impact)


class Group(Struct, frozen=True, kw_only=True):
    """The providers of one category, the ill ones first."""

    id: str
    label: str
    tiles: tuple[Tile, ...]


class Counts(Struct, frozen=True, kw_only=True):
    """How many providers have trouble, are fine, cannot be read, were not read yet."""

    trouble: int = 0
    fine: int = 0
    unread: int = 0
    waiting: int = 0


class Board(Struct, frozen=True, kw_only=True):
    """What the board shows. `worst` is the state of all of it, empty if there is nothing.

    `oldest_at` is the look that is longest ago, `fine_since` the end of the last trouble, where
    there is none now.
    """

    heading: str
    aside: str
    title: str
    worst: str
    counts: Counts
    cards: tuple[Card, ...]
    works: tuple[Work, ...]
    works_more: int
    groups: tuple[Group, ...]
    pages: int
    oldest_at: datetime | None
    fine_since: datetime | None


def board(
    views: Sequence[PageView],
    chosen: Filter,
    *,
    categories: Mapping[str, str],
    told: Callable[[Event], Told],
    services: Callable[[Event], Sequence[Service]],
    now: datetime,
) -> Board:
    """The board of these pages; `told` and `services` say what an incident leads to."""
    wanted = [view for view in views if _is_of(view, chosen, categories)]
    incidents = [
        (view, one) for view in wanted for one in view.incidents if _is_wanted(view, one, chosen)
    ]
    works = () if chosen.impact else _works(wanted, chosen, now)
    tiles = _tiles(wanted, chosen)
    cards = tuple(_cards(incidents, told, services))
    counts = _count(tiles)
    looks = [each.place.state.health.polled_at for each in wanted]
    return Board(
        heading=_heading(counts),
        aside=_aside(counts),
        title=_title(cards, counts),
        worst=max((each.state for each in tiles), key=STATES.index, default=""),
        counts=counts,
        cards=cards,
        works=works[:MOST_WORKS],
        works_more=max(len(works) - MOST_WORKS, 0),
        groups=_groups(tiles, categories),
        pages=len(wanted),
        oldest_at=min((at for at in looks if at), default=None),
        fine_since=_fine_since(wanted, counts),
    )


def label(category: str) -> str:
    """A category as people read it."""
    return LABELS.get(category, category.replace("-", " ").capitalize())


def _is_of(view: PageView, chosen: Filter, categories: Mapping[str, str]) -> bool:
    """Whether a page is of the category and the board that are wanted."""
    if chosen.category and categories.get(view.watched.page.provider.slug) != chosen.category:
        return False
    return not chosen.tag or chosen.tag in view.watched.tags


def _is_wanted(view: PageView, one: KnownIncident, chosen: Filter) -> bool:
    """Whether an incident is as bad as wanted, and speaks of what is wanted."""
    if chosen.impact and one.impact.rank < Impact(chosen.impact).rank:
        return False
    return not chosen.text or _says(chosen.text, (*_names(view), *_texts(one)))


def _says(text: str, texts: Iterable[str]) -> bool:
    folded = text.casefold()
    return not folded or any(folded in each.casefold() for each in texts)


def _names(view: PageView) -> tuple[str, ...]:
    provider = view.watched.page.provider
    return provider.name, provider.slug, *(part.name for part in view.ill)


def _texts(one: KnownIncident) -> Iterable[str]:
    yield one.title
    yield from (part.name for part in one.components)
    if one.updates:
        yield one.updates[-1].body


def _cards(
    incidents: Iterable[tuple[PageView, KnownIncident]],
    told: Callable[[Event], Told],
    services: Callable[[Event], Sequence[Service]],
) -> Iterable[Card]:
    found: list[tuple[int, Card]] = []
    for view, one in incidents:
        event = opening(view.watched.page, one)
        found.append((one.impact.rank, card(view, one, services(event), told(event))))
    found.sort(key=lambda each: (-each[0], -each[1].began_at.timestamp(), each[1].id))
    return (each for _, each in found)


def _works(views: Iterable[PageView], chosen: Filter, now: datetime) -> tuple[Work, ...]:
    found = [
        (view, one)
        for view in views
        for one in view.maintenances
        if is_near(one, now) and _says(chosen.text, (*_names(view), *_texts(one)))
    ]
    found.sort(key=lambda each: (not is_on(each[1]), each[1].started_at or now, each[1].key))
    return tuple(work(view, one) for view, one in found)


def _tiles(views: Iterable[PageView], chosen: Filter) -> tuple[Tile, ...]:
    return tuple(tile(each) for each in by_provider(views) if _is_shown(each, chosen))


def _is_shown(views: Iterable[PageView], chosen: Filter) -> bool:
    """Whether a provider has what is wanted: its name, or an incident that is."""
    for view in views:
        if any(_is_wanted(view, one, chosen) for one in view.incidents):
            return True
        if not chosen.impact and (not chosen.text or _says(chosen.text, _names(view))):
            return True
    return False


def _groups(tiles: Iterable[Tile], categories: Mapping[str, str]) -> tuple[Group, ...]:
    by_category: dict[str, list[Tile]] = {}
    for one in tiles:
        by_category.setdefault(categories.get(one.slug, "other"), []).append(one)
    groups = [
        Group(id=f"g-{name}", label=label(name), tiles=tuple(sorted(each, key=_worst_first)))
        for name, each in by_category.items()
    ]
    return tuple(sorted(groups, key=lambda group: (group.id == "g-other", group.label.casefold())))


def _worst_first(one: Tile) -> tuple[int, str]:
    # What is fine stays in its place when its neighbour becomes unreadable.
    return -one.rank if one.is_trouble else 0, one.name.casefold()


def _count(tiles: Sequence[Tile]) -> Counts:
    waiting = sum(one.state == "unknown" and one.words == "not read yet" for one in tiles)
    return Counts(
        trouble=sum(one.is_trouble for one in tiles),
        fine=sum(one.state in {"operational", "maintenance"} for one in tiles),
        unread=sum(one.state == "unknown" for one in tiles) - waiting,
        waiting=waiting,
    )


def _heading(counts: Counts) -> str:
    if counts.trouble:
        return f"{_vendors(counts.trouble)} {'has' if counts.trouble == 1 else 'have'} trouble"
    if counts.unread:
        return f"{_vendors(counts.unread)} cannot be read"
    if counts.waiting:
        return "Looking for the first time"
    return "All fine" if counts.fine else ""


def _vendors(count: int) -> str:
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"{number} {'vendor' if count == 1 else 'vendors'}"


def _aside(counts: Counts) -> str:
    if not (counts.trouble or counts.unread or counts.waiting):
        return ""
    said: list[str] = []
    if counts.fine:
        said.append("one is fine" if counts.fine == 1 else f"{counts.fine} are fine")
    if counts.unread and counts.trouble:
        said.append(f"{_small(counts.unread)} cannot be read")
    if counts.waiting:
        said.append(f"{_small(counts.waiting)} not read yet")
    return ", ".join(said)


def _small(count: int) -> str:
    return _NUMBERS[count].lower() if count < len(_NUMBERS) else str(count)


def _title(cards: Iterable[Card], counts: Counts) -> str:
    found = [one.state for one in cards]
    said = [
        f"{found.count(impact)} {impact}"
        for impact in ("critical", "major", "minor", "unknown")
        if impact in found
    ]
    if counts.trouble and not said:
        said.append(counted(counts.trouble, "vendor with trouble", "vendors with trouble"))
    if counts.unread:
        said.append(f"{counts.unread} unread")
    return ", ".join(said) or ("All fine" if counts.fine and not counts.waiting else "")


def _fine_since(views: Iterable[PageView], counts: Counts) -> datetime | None:
    if counts.trouble or counts.unread or counts.waiting:
        return None
    return max((view.fine_since for view in views if view.fine_since), default=None)
