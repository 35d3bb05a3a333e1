"""What people may write in a config, as pydantic models.

The models describe the outside; `load` turns them into the finished `Config`. Run as a
program (`python -m bellbuoy.config.schema`) it prints the published JSON Schema.
"""

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)

from bellbuoy.config import values
from bellbuoy.config.fields import (
    Address,
    Every,
    Hosts,
    Impacts,
    JsonPath,
    Kinds,
    Names,
    Networks,
    OwnHosts,
    Scalar,
    Statuses,
    Tags,
    Targets,
    Types,
    Wait,
    Waits,
    Windows,
)
from bellbuoy.config.problems import OLDER
from bellbuoy.durations import Duration
from bellbuoy.notifiers import Notifiers


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a config is read among: pydantic's context of every validation.

    Relative paths begin at `base`. `formats` are the names that `format` may have.
    """

    base: Path = Path()
    formats: frozenset[str] = frozenset()


def _proxy(value: SecretStr) -> SecretStr:
    return SecretStr(values.proxy_address(value.get_secret_value()))


def _beat(value: SecretStr) -> SecretStr:
    return SecretStr(values.beat_address(value.get_secret_value()))


def _token(value: SecretStr) -> SecretStr:
    return SecretStr(values.token(value.get_secret_value()))


def _read(value: SecretStr) -> SecretStr:
    return value if value.get_secret_value() == "open" else _token(value)


def _store(value: SecretStr, info: ValidationInfo) -> SecretStr:
    return SecretStr(values.store_address(value.get_secret_value(), _around(info).base))


def _file(value: str, info: ValidationInfo) -> str:
    return str(values.existing_file(value, _around(info).base))


def _format(value: str, info: ValidationInfo) -> str:
    return values.format_name(value, _around(info).formats)


def _around(info: ValidationInfo) -> Surroundings:
    return info.context if isinstance(info.context, Surroundings) else Surroundings()


class Section(BaseModel):
    """A part of the config; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _older(instead: str) -> Any:
    return Field(
        default=None,
        description=f"As earlier tools spell it; here it is {instead}.",
        json_schema_extra=OLDER,
    )


class PageOptions(Section):
    """What may be said of a provider from the catalog."""

    every: Every | None = Field(default=None, description="The time between two looks.")
    components: Names | None = Field(
        default=None,
        description="Globs of the components that matter; their changes are announced.",
    )
    tags: Tags | None = Field(
        default=None, description="The boards (/boards/TAG) on which it is shown."
    )


class ExpectEntry(Section):
    """What the answer of a probed address must be like; all that is given must hold."""

    status: Statuses | None = Field(
        default=None, description="Statuses of HTTP, or classes such as '2xx'; else 2xx."
    )
    text: str | None = Field(default=None, min_length=1, description="A part of its text.")
    json_: dict[JsonPath, Scalar] | None = Field(
        default=None,
        alias="json",
        min_length=1,
        description="Paths in its JSON, each with the value that is there.",
    )


class PageEntry(PageOptions):
    """A page by its address, in our spelling or in that of an earlier tool."""

    name: str | None = Field(
        default=None, min_length=1, description="The provider's name; else the host."
    )
    url: Address | None = Field(default=None, description="The address of the page.")
    format: Annotated[str, AfterValidator(_format)] | None = Field(
        default=None, description="How it is read; else it is recognised at the first look."
    )
    expect: ExpectEntry | None = Field(
        default=None, description="With format: probe, what the answer must be like."
    )
    product: str | None = _older("a part of the name")
    feed_url: Address | None = _older("url, with format: feed")
    feed_type: str | None = _older("not needed: the feed says it itself")
    poll_interval_seconds: Every | None = _older("every")
    api_base: Annotated[str, AfterValidator(values.api_base_page)] | None = _older("url")


class ReceiverEntry(BaseModel):
    """A receiver: its kind, and the settings of that kind."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str = Field(description="Which notifier speaks to it.")


class MatcherEntry(Section):
    """What an event must be like; what is left out matches everything."""

    providers: Names | None = Field(default=None, description="Globs of slugs or names.")
    pages: Names | None = Field(default=None, description="Globs of page addresses.")
    components: Names | None = Field(
        default=None, description="Globs of a component's name, group or region, or group/name."
    )
    impacts: Impacts | None = Field(
        default=None, description="One, a list, or a comparison such as '>=major'."
    )
    kinds: Kinds | None = Field(
        default=None, description="Families (incident) or whole kinds (incident.resolved)."
    )
    types: Types | None = Field(default=None, description="Whole kinds (incident.resolved).")
    categories: Names | None = Field(
        default=None, description="Globs of the catalog's categories of providers."
    )
    text: Names | None = Field(
        default=None, description="Words or globs that stand in the title or the message."
    )
    services: Names | None = Field(
        default=None, description="Globs of your own services that need it."
    )
    owners: Names | None = Field(
        default=None, description="Globs of the owners of services that need it."
    )


class MaintenanceEntry(Section):
    """What a route does with planned work."""

    ahead: Waits = Field(description="How long before its start it is told again.")


class QuietEntry(Section):
    """When a route holds back what it tells."""

    during: Windows | None = Field(
        default=None, description="Quiet in these hours: 'mon-fri 22:00-07:00', 'sat,sun'."
    )
    outside: Windows | None = Field(
        default=None, description="Quiet in all hours but these: 'mon-fri 09:00-17:00'."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "QuietEntry":
        if (self.during is None) == (self.outside is None):
            raise ValueError("needs either during or outside; write one of them")
        return self


class RouteEntry(Section):
    """A rule from events to receivers. All rules that match run."""

    name: str | None = Field(default=None, min_length=1, description="How people find it.")
    to: Names = Field(description="The names of one or more receivers.")
    when: MatcherEntry = Field(default=MatcherEntry(), description="Which events.")
    unless: MatcherEntry | None = Field(default=None, description="Which of these not.")
    late: bool = Field(
        default=False, description="Also those that were over before they were seen."
    )
    hold: Wait | None = Field(
        default=None,
        description="Wait so long with what begins; what ends meanwhile is never told.",
    )
    remind: Wait | None = Field(
        default=None, description="Tell again of what is open after so long."
    )
    maintenance: MaintenanceEntry | None = Field(default=None, description="Of planned work.")
    quiet: Annotated[QuietEntry, BeforeValidator(values.during)] | None = Field(
        default=None, description="Hours in which it waits, to tell all in one digest after them."
    )
    digest: Annotated[str, AfterValidator(values.rhythm)] | None = Field(
        default=None, description="Tell everything together: 'daily 09:00', 'mon-fri 09:00'."
    )
    timezone: Annotated[str, AfterValidator(values.timezone)] | None = Field(
        default=None, description="An IANA name, for quiet and digest; else the display's."
    )


class ServiceEntry(Section):
    """A service of your own, and what it needs."""

    owner: str = Field(default="", description="Who owns it.")
    runbook: str = Field(default="", description="What to do then: an address or a text.")
    needs: Targets = Field(description="Providers, or PROVIDER:COMPONENT; both may be globs.")


class HeartbeatEntry(Section):
    """A sign of life, for somebody who notices when it stays away."""

    url: Annotated[SecretStr, AfterValidator(_beat)] = Field(
        description="The address that is asked (GET)."
    )
    every: Annotated[Duration, AfterValidator(partial(values.within, low=1.0, high=86400.0))] = (
        Field(default=60.0, description="The time between two signs.")
    )


class AuthEntry(Section):
    """Who may ask the dashboard and the API."""

    read: Annotated[SecretStr, AfterValidator(_read)] | None = Field(
        default=None, description="'open', or the token that reading needs."
    )
    write: Annotated[SecretStr, AfterValidator(_token)] | None = Field(
        default=None,
        description="The token that writing needs; without one nothing can be written.",
    )
    metrics: Annotated[SecretStr, AfterValidator(_token)] | None = Field(
        default=None, description="A token that reads /metrics and nothing else."
    )

    @model_validator(mode="after")
    def _each_its_own(self) -> "AuthEntry":
        said = [
            token.get_secret_value() for token in (self.read, self.write, self.metrics) if token
        ]
        if len(set(said)) < len(said):
            raise ValueError("has one token for two purposes; make one for each")
        return self


class WebEntry(Section):
    """How `bellbuoy serve` is reached, and by whom."""

    listen: Annotated[str, AfterValidator(values.listen_address)] = Field(
        default="127.0.0.1:8484", description="The address and the port."
    )
    hosts: OwnHosts | None = Field(
        default=None, description="The names by which people reach it, without a port."
    )
    auth: AuthEntry = Field(default=AuthEntry(), description="Who may read and write.")


class HttpEntry(Section):
    """How pages are asked."""

    seats: int = Field(default=100, ge=1, le=10_000, description="Visits at once.")
    timeout: Annotated[Duration, AfterValidator(partial(values.within, low=0.1, high=600.0))] = (
        Field(default=20.0, description="The deadline of a whole visit.")
    )
    per_host: int = Field(default=2, ge=1, le=100, description="Requests at once at one host.")
    contact: Annotated[str, AfterValidator(values.contact)] | None = Field(
        default=None, description="Whom a vendor can write to; goes into the User-Agent."
    )
    proxy: Annotated[SecretStr, AfterValidator(_proxy)] | None = Field(
        default=None, description="The address of an HTTP proxy."
    )
    no_proxy: Hosts | None = Field(default=None, description="Hosts asked without the proxy.")
    ca_file: Annotated[str, AfterValidator(_file)] | None = Field(
        default=None, description="Certificate authorities (PEM) instead of the system's."
    )
    allow_private: Networks | None = Field(
        default=None, description="Private networks (CIDR) that pages may lie in."
    )


class DisplayEntry(Section):
    """How things are shown to people."""

    timezone: Annotated[str, AfterValidator(values.timezone)] = Field(
        default="UTC", description="An IANA name, for times on the terminal."
    )


class PluginNames(Section):
    """Which installed plugins are loaded, by the names of their entry points."""

    formats: tuple[str, ...] = Field(default=(), description="In bellbuoy.formats.")
    notifiers: tuple[str, ...] = Field(default=(), description="In bellbuoy.notifiers.")


CatalogEntry = Annotated[
    dict[str, PageOptions | None], Field(min_length=1, max_length=1, title="CatalogEntry")
]


class ConfigFile(Section):
    """Bellbuoy's configuration."""

    schema_: str | None = Field(default=None, alias="$schema", description="For editors; not read.")
    providers: list[str | PageEntry | CatalogEntry] | None = Field(
        default=None,
        description="What is watched: names of the catalog, or pages by their address.",
    )
    receivers: dict[str, ReceiverEntry] = Field(
        default={}, description="Named destinations of events."
    )
    routes: list[RouteEntry] = Field(default=[], description="Which events go where.")
    services: dict[str, ServiceEntry] = Field(
        default={}, description="Your own services, and the providers that they need."
    )
    heartbeat: HeartbeatEntry | None = Field(
        default=None, description="A sign of life while polling goes on."
    )
    web: WebEntry = Field(
        default=WebEntry(), description="How the dashboard and the API are served."
    )
    http: HttpEntry = Field(default=HttpEntry(), description="How pages are asked.")
    store: Annotated[SecretStr, AfterValidator(_store)] | None = Field(
        default=None, description="A path, or the address of a database."
    )
    display: DisplayEntry = Field(default=DisplayEntry(), description="How things are shown.")
    retention: Annotated[Duration, AfterValidator(partial(values.within, low=3600.0))] = Field(
        default=90 * 86400.0, description="How long events are kept."
    )
    plugins: PluginNames | tuple[str, ...] = Field(
        default=PluginNames(), description="Which installed plugins are loaded."
    )


def config_schema() -> dict[str, Any]:
    """The published JSON Schema of the config, with the settings of every built-in kind."""
    schema = ConfigFile.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema["$defs"]
    kinds = [_kind_schema(kind, definitions) for kind in Notifiers()]
    definitions.pop("ReceiverEntry")
    other = {
        "title": "Plugin",
        "type": "object",
        "properties": {"kind": {"type": "string", "not": {"enum": sorted(Notifiers())}}},
        "required": ["kind"],
    }
    schema["properties"]["receivers"]["additionalProperties"] = {"anyOf": [*kinds, other]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:bellbuoy:schema:config:v1",
        **schema,
        "title": "Bellbuoy configuration",
    }


def _kind_schema(kind: str, definitions: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = Notifiers()[kind].Settings.model_json_schema(
        ref_template="#/$defs/{model}"
    )
    definitions.update(settings.pop("$defs", {}))
    properties: Mapping[str, Any] = settings.get("properties", {})
    return {
        **settings,
        "title": f"{kind} receiver",
        "properties": {"kind": {"const": kind}, **properties},
        "required": ["kind", *settings.get("required", [])],
        "additionalProperties": False,
    }


if __name__ == "__main__":
    json.dump(config_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
