"""Which leases a worker takes and which it lets go, from who is there. Pure.

Everybody decides for itself, from the same roster: the workers alive, in the order of their
ids, get the same number of leases, the first of them one more where it does not come out even.
Whoever has too many lets the rest go; whoever has too few takes what is free.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bellbuoy.model.leases import Holding, Role, Roster


class Moves(Struct, frozen=True, kw_only=True):
    """What a worker is to do: leases to claim, as they stand, and names to let go.

    `is_short` says that it has less than its share, even with what it claims.
    """

    claim: Mapping[str, Holding | None] = {}
    release: tuple[str, ...] = ()
    is_short: bool = False


def moves(roster: Roster, worker_id: str, role: Role, names: Sequence[str]) -> Moves:
    """The moves of a worker for the leases of one role."""
    workers = roster.live(role)
    ids = [worker.id for worker in workers]
    if worker_id not in ids:
        return Moves()
    rank = ids.index(worker_id)
    share = len(names) // len(ids) + (rank < len(names) % len(ids))
    if workers[rank].is_alone:
        share = len(names)
    mine = [name for name in names if _owner(roster, name) == worker_id]
    if len(mine) > share:
        return Moves(release=tuple(mine[share:]))
    live = {member.worker.id for member in roster.members if member.is_live}
    free = [name for name in names if _owner(roster, name) not in live]
    # Those who come at the same time begin at different places, and so seldom want the same.
    start = rank * len(free) // len(ids)
    wanted = (free[start:] + free[:start])[: share - len(mine)]
    return Moves(
        claim={name: roster.holdings.get(name) for name in wanted},
        is_short=len(mine) + len(wanted) < share,
    )


def _owner(roster: Roster, name: str) -> str | None:
    holding = roster.holdings.get(name)
    return None if holding is None else holding.owner
