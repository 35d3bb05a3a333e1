"""`/api/v1/silences`: mutes, made and ended by who may write."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.responses import Response

from bellbuoy.config import values
from bellbuoy.config.routes import read_matcher
from bellbuoy.config.schema import MatcherEntry
from bellbuoy.delivery.silencing import new_silence
from bellbuoy.durations import Duration
from bellbuoy.model.delivery import Silence
from bellbuoy.web.api.answers import as_json, as_list, cut
from bellbuoy.web.api.facts import silence_answer
from bellbuoy.web.api.models import SilenceAnswer
from bellbuoy.web.api.openapi import listing, one_of
from bellbuoy.web.api.queries import SilenceQuery
from bellbuoy.web.marks import Instant, mark, read_mark
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

MOST_SILENCES = 1000
"""So many are in force at once, at most."""

SilenceId = Annotated[str, Path(examples=["4f3a9c01d2e5"], max_length=40)]


class NewSilence(BaseModel):
    """A mute from now on, until an instant or for a length of time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [{"required": ["until"]}, {"required": ["for"]}],
            "examples": [
                {
                    "matcher": {"providers": "github", "components": "Actions"},
                    "for": "2h",
                    "author": "ana",
                    "comment": "the migration of tonight",
                }
            ],
        },
    )

    matcher: MatcherEntry = Field(description="What is muted; `providers: '*'` is everything.")
    until: AwareDatetime | None = Field(
        default=None,
        description="When it ends: RFC 3339, with an offset.",
        examples=["2026-11-20T18:00:00Z"],
    )
    length: Duration | None = Field(default=None, alias="for", description="How long it lasts.")
    author: str = Field(min_length=1, max_length=200, description="Who says so.")
    comment: str = Field(default="", max_length=1000, description="Why, for those who wonder.")

    @field_validator("matcher")
    @classmethod
    def _asks_for_something(cls, matcher: MatcherEntry) -> MatcherEntry:
        if not matcher.model_fields_set:
            raise ValueError("asks for nothing; write providers: '*' to mute everything")
        return matcher

    @model_validator(mode="after")
    def _one_end(self) -> "NewSilence":
        if (self.until is None) is (self.length is None):
            raise ValueError("needs an end: write either 'until' or 'for'")
        return self

    def ends_at(self, now: datetime) -> datetime:
        """When it ends. Raises Problem unless that is in a second to ten years from now."""
        try:
            if self.until is None:
                return now + timedelta(seconds=values.within(self.length or 0.0, 1.0))
            values.within((self.until - now).total_seconds(), 1.0)
            return self.until.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise Problem(422, str(error), name="until" if self.until else "for") from None


def router(site: Site) -> APIRouter:
    """Mutes."""
    routes = APIRouter(tags=["silences"])
    _add_reading(routes, site)
    _add_writing(routes, site)
    return routes


def _add_reading(routes: APIRouter, site: Site) -> None:
    @routes.get("/silences", responses=listing(SilenceAnswer))
    async def list_silences(request: Request, asked: Annotated[SilenceQuery, Query()]) -> Response:
        """List silences, by their beginning; those that are over only if they are asked for."""
        since = None if asked.ended else site.app.now()
        after = read_mark(asked.cursor, tuple[Instant, str]) if asked.cursor else None
        found = [
            each
            for each in await site.store.silences(since)
            if after is None or (each.starts_at, each.id) > after
        ]
        some, going_on = cut(found, asked.limit, lambda each: mark(each.starts_at, each.id))
        return as_list(request, [silence_answer(each) for each in some], going_on)

    @routes.get("/silences/{id}", responses=one_of(SilenceAnswer))
    async def get_silence(request: Request, id: SilenceId) -> Response:
        """Show one silence."""
        return as_json(request, silence_answer(await _silence(site, id)))


def _add_writing(routes: APIRouter, site: Site) -> None:
    @routes.post("/silences", status_code=201, responses=one_of(SilenceAnswer, status=201))
    async def create_silence(request: Request, asked: NewSilence) -> Response:
        """Mute something from now on, for every receiver.

        What is muted stays in the log. Who was told that an incident began is told of its end
        all the same.
        """
        now = site.app.now()
        if len(await site.store.silences(now)) >= MOST_SILENCES:
            raise Problem(409, f"{MOST_SILENCES} silences are in force; end some first")
        silence = new_silence(
            read_matcher(asked.matcher, site.config.watched, site.catalog),
            now,
            asked.ends_at(now),
            author=asked.author,
            comment=asked.comment,
        )
        await site.store.add_silence(silence)
        response = as_json(request, silence_answer(silence), status=201)
        response.headers["location"] = f"/api/v1/silences/{silence.id}"
        return response

    @routes.delete("/silences/{id}", responses=one_of(SilenceAnswer))
    async def expire_silence(request: Request, id: SilenceId) -> Response:
        """End a silence now; one that is over stays as it is."""
        silence, now = await _silence(site, id), site.app.now()
        if silence.ends_at > now:
            silence = silence.ended(now)
            await site.store.add_silence(silence)
        return as_json(request, silence_answer(silence))


async def _silence(site: Site, id: str) -> Silence:
    for silence in await site.store.silences():
        if silence.id == id:
            return silence
    raise Problem(404, "there is no silence of this id")
