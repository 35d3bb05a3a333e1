"""The components of a page as a tree of groups and regions, what is ill first. Pure."""

from collections.abc import Iterable

from msgspec import Struct

from bellbuoy.model.facts import ComponentStatus
from bellbuoy.model.known import KnownComponent
from bellbuoy.web.weighing import worst

MOST_OPEN = 24
"""Up to so many components all branches stand open."""

_FINE = ComponentStatus.OPERATIONAL


class Branch(Struct, frozen=True, kw_only=True):
    """A heading with what is below it; `name` is empty for what stands under none.

    `status` is the worst of `total` components, of which `ill` are not operational.
    """

    name: str
    parts: tuple[KnownComponent, ...]
    branches: tuple["Branch", ...]
    status: ComponentStatus
    total: int
    ill: int
    is_open: bool


def tree(components: Iterable[KnownComponent]) -> Branch:
    """All components of a page: by group, within a group by region; what is ill first."""
    parts = [one for one in components if not one.is_group]
    return _branch("", parts, ("group", "region"), is_small=len(parts) <= MOST_OPEN)


def _branch(
    name: str, parts: list[KnownComponent], levels: tuple[str, ...], *, is_small: bool
) -> Branch:
    here: list[KnownComponent] = []
    below: dict[str, list[KnownComponent]] = {}
    level, rest = (levels[0], levels[1:]) if levels else ("", ())
    for one in parts:
        heading = getattr(one, level) if level else None
        if heading and heading != name:
            below.setdefault(heading, []).append(one)
        else:
            here.append(one)
    if rest and any(one.region for one in here):
        # Without a group, the region is the heading.
        deeper = _branch(name, here, rest, is_small=is_small)
        here, nested = list(deeper.parts), deeper.branches
    else:
        nested = ()
    ill = sum(one.status is not _FINE for one in parts)
    branches = [_branch(each, some, rest, is_small=is_small) for each, some in below.items()]
    return Branch(
        name=name,
        parts=tuple(sorted(here, key=lambda one: (-one.status.rank, one.name.casefold(), one.id))),
        branches=tuple(sorted([*nested, *branches], key=_place)),
        status=worst(one.status for one in parts),
        total=len(parts),
        ill=ill,
        is_open=is_small or ill > 0,
    )


def _place(branch: Branch) -> tuple[int, str]:
    return -branch.status.rank, branch.name.casefold()
