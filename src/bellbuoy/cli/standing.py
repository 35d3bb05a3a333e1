"""How every provider is after one look."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from bellbuoy.app import App
from bellbuoy.cli.output import say
from bellbuoy.cli.sweeps import FirstLooks
from bellbuoy.config import Config, Watched
from bellbuoy.errors import Unreadable
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind, IncidentStatus
from bellbuoy.model.known import KnownComponent, KnownIncident
from bellbuoy.model.leases import Role
from bellbuoy.platform import stop_signals
from bellbuoy.text import clean_line


class Trouble(Struct, frozen=True, kw_only=True):
    """An open incident, or planned work that is announced or goes on."""

    kind: IncidentKind
    title: str
    impact: Impact
    status: IncidentStatus
    url: str


class Ill(Struct, frozen=True, kw_only=True):
    """A component that is not operational."""

    name: str
    status: ComponentStatus


class Standing(Struct, frozen=True, kw_only=True):
    """How one provider is, over all its pages.

    `status` is that of its worst component: unknown if a page could not be read, None if its
    pages name no components. `unreadable` maps pages that could not be read to the reason.
    """

    provider: str
    name: str
    pages: tuple[str, ...]
    status: ComponentStatus | None
    components: tuple[Ill, ...]
    incidents: tuple[Trouble, ...]
    unreadable: Mapping[str, Unreadable] = {}

    @property
    def is_fine(self) -> bool:
        """Whether everything was read, and nothing speaks of trouble."""
        return not self.unreadable and not self.components and not self.problems

    @property
    def problems(self) -> tuple[Trouble, ...]:
        """What is not planned work."""
        return tuple(i for i in self.incidents if i.kind is IncidentKind.INCIDENT)


async def look(config: Config) -> list[Standing]:
    """Poll every page once, with a store that is forgotten, and tell how each provider is."""
    with FirstLooks(config.watched) as looks:
        app = App(config, once=True, roles=(Role.POLL,), observer=looks)
        with stop_signals(app.request_stop):
            async with app:
                await app.first_sweep()
                for line in looks.failures():
                    say(line)
                pages = [
                    (
                        watched,
                        await app.store.components(watched.page.key),
                        await app.store.open_incidents([watched.page.key]),
                    )
                    for watched in config.watched
                ]
    return _by_provider(pages, looks)


_Found = tuple[Watched, tuple[KnownComponent, ...], tuple[tuple[str, KnownIncident], ...]]


def _by_provider(pages: Iterable[_Found], looks: FirstLooks) -> list[Standing]:
    grouped: dict[str, list[_Found]] = {}
    for found in pages:
        grouped.setdefault(found[0].page.provider.slug, []).append(found)
    return [_standing(found, looks) for found in grouped.values()]


def _standing(found: list[_Found], looks: FirstLooks) -> Standing:
    provider = found[0][0].page.provider
    unreadable: dict[str, Unreadable] = {}
    statuses: list[ComponentStatus] = []
    ill: list[Ill] = []
    troubles: list[Trouble] = []
    for watched, components, incidents in found:
        failed = looks.failure(watched.page.key)
        if failed is not None and failed.failure is not None:
            unreadable[watched.page.url] = failed.failure
            statuses.append(ComponentStatus.UNKNOWN)
        parts = [component for component in components if not component.is_group]
        statuses += [part.status for part in parts]
        ill += [
            Ill(name=clean_line(part.name), status=part.status)
            for part in parts
            if part.status is not ComponentStatus.OPERATIONAL
        ]
        troubles += [_trouble(incident) for _, incident in incidents]
    return Standing(
        provider=provider.slug,
        name=provider.name,
        pages=tuple(watched.page.url for watched, _, _ in found),
        status=max(statuses, key=lambda status: status.rank, default=None),
        components=tuple(sorted(ill, key=lambda part: -part.status.rank)),
        incidents=tuple(sorted(troubles, key=lambda t: (t.kind, -t.impact.rank))),
        unreadable=unreadable,
    )


def _trouble(incident: KnownIncident) -> Trouble:
    return Trouble(
        kind=incident.kind,
        title=clean_line(incident.title),
        impact=incident.impact,
        status=incident.status,
        url=incident.url,
    )
