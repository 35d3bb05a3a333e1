"""What may be asked of a list: the parameters in an address, with the words of the config."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from bellbuoy.config import values
from bellbuoy.events import FAMILIES, EventKind
from bellbuoy.model.delivery import DeliveryStatus, Matcher
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind

MOST = 200
"""The most items in one answer."""

_COMPARED = [f"{sign}{word.value}" for word in Impact for sign in ("", ">=", "<=")]


def _impacts(words: Any) -> frozenset[Impact]:
    """Those of each word, or of each comparison."""
    return frozenset().union(*(values.impacts(word) for word in values.listed(words)))


def _choice(words: list[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": {"type": "string", "enum": words}})


Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Words = Annotated[tuple[Word, ...], Field(max_length=20)]
Impacts = Annotated[frozenset[Impact], BeforeValidator(_impacts), _choice(_COMPARED)]
Kinds = Annotated[
    tuple[Annotated[str, AfterValidator(values.event_kind)], ...],
    _choice([*FAMILIES, *(kind.value for kind in EventKind)]),
]
Types = Annotated[
    tuple[Annotated[str, AfterValidator(values.whole_kind)], ...],
    _choice([kind.value for kind in EventKind]),
]
Tags = Annotated[
    tuple[
        Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"), AfterValidator(values.tag)], ...
    ],
    Field(max_length=20),
]
LogPlace = Annotated[str, Field(max_length=60, examples=["3f2a9c01d4e5b6a7:1204"])]

_TEXT = "A word or a glob in {}; case does not count. May be repeated: any of them."


class Asked(BaseModel):
    """How much of a list is asked for; a parameter that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=50, ge=1, le=MOST, description="At most so many items.")


class Paged(Asked):
    """A list that is read in parts."""

    cursor: str | None = Field(
        default=None, max_length=2000, description="The `next` of the answer before."
    )


class Where(BaseModel):
    """Which pages are meant."""

    provider: Words = Field(
        default=(),
        description="Slug or name of a provider, or a glob. May be repeated: any of them.",
        examples=[["github"]],
    )
    page: Words = Field(
        default=(), description="Id of a page, or a glob of its address. May be repeated."
    )
    category: Words = Field(
        default=(),
        description="The catalog's category of a provider, or a glob. May be repeated.",
        examples=[["ai"]],
    )
    tag: Tags = Field(
        default=(),
        description="The tag of a page in the config. May be repeated.",
        examples=[["team-payments"]],
    )


class ProviderQuery(Where, Paged):
    """Which providers."""

    text: Words = Field(default=(), description=_TEXT.format("the provider's name or slug"))


class PageQuery(Where, Paged):
    """Which pages."""

    text: Words = Field(default=(), description=_TEXT.format("the provider's name or the address"))


class IncidentQuery(Where, Paged):
    """Which incidents, and planned work."""

    kind: IncidentKind | None = Field(
        default=None, description="Only problems, or only planned work."
    )
    open: bool | None = Field(default=None, description="true: only what is not over.")
    impact: Impacts = Field(
        default=frozenset(),
        description="An impact, or a comparison such as `>=major`. May be repeated.",
        examples=[[">=major"]],
    )
    component: Words = Field(
        default=(),
        description="A glob of a component's name, its group, or group/name. An incident that "
        "names no component passes. May be repeated.",
    )
    text: Words = Field(default=(), description=_TEXT.format("the title"))


class ComponentQuery(Where, Paged):
    """Which components."""

    component: Words = Field(
        default=(),
        description="A glob of a component's name, its group or region, or group/name.",
        examples=[["Actions"]],
    )
    status: Annotated[
        tuple[ComponentStatus, ...], _choice([status.value for status in ComponentStatus])
    ] = Field(default=(), description="How it is. May be repeated.")
    text: Words = Field(default=(), description=_TEXT.format("its name or its group"))


class EventFilter(Where):
    """Which events: as `when` of a route, but for kinds, of which all are meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kinds = Field(
        default=(),
        description="A family (`incident`) or a whole kind (`incident.resolved`). May be repeated.",
        examples=[["incident"]],
    )
    type: Types = Field(default=(), description="A whole kind. May be repeated.")
    impact: Impacts = Field(
        default=frozenset(),
        description="An impact, or a comparison such as `>=major`. What has no impact passes.",
        examples=[[">=major"]],
    )
    component: Words = Field(
        default=(),
        description="A glob of a component's name, its group or region, or group/name. "
        "What names no component passes.",
    )
    text: Words = Field(default=(), description=_TEXT.format("the title or the message"))

    def matcher(self, pages: tuple[str, ...]) -> Matcher:
        """What an event must be like; `pages` are globs of page addresses."""
        return Matcher(
            providers=self.provider,
            pages=pages,
            components=self.component,
            impacts=self.impact,
            kinds=self.kind,
            types=self.type,
            categories=self.category,
            text=self.text,
        )


class EventQuery(EventFilter, Asked):
    """Which events, and in which order."""

    after: LogPlace | None = Field(
        default=None, description="Oldest first, from after this place in the log."
    )
    before: LogPlace | None = Field(
        default=None, description="Newest first, from before this place in the log."
    )
    search: Word | None = Field(
        default=None,
        description="Words that all stand in an event; the last may be the beginning of one. "
        "Newest first.",
    )

    @model_validator(mode="after")
    def _one_order(self) -> "EventQuery":
        if self.after is not None and (self.before is not None or self.search is not None):
            raise ValueError(
                "'after' reads oldest first, 'before' and 'search' newest first; write one of them"
            )
        return self


class StreamQuery(EventFilter):
    """Which events, and from where on."""

    after: LogPlace | None = Field(
        default=None,
        description="Begin after this place in the log; `Last-Event-ID` goes before it.",
    )


class DeliveryQuery(Paged):
    """Which deliveries."""

    receiver: Word | None = Field(default=None, description="The name of a receiver.")
    status: DeliveryStatus | None = Field(default=None, description="Where they have got to.")
    event: Word | None = Field(default=None, description="The id of an event.")


class SilenceQuery(Paged):
    """Which silences."""

    ended: bool = Field(default=False, description="Those that are over, too.")
