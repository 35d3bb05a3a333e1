"""Find the config, read it, and say everything that is wrong with it at once.

    file -> document (values, lines, ${NAME}) -> schema (shape) -> plugins
         -> providers | receivers -> routes, services -> Config

Does not open the store, ask a page or start a receiver.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace
from pydantic import BaseModel

from bellbuoy.catalog import Catalog
from bellbuoy.config import Config
from bellbuoy.config.document import Document, Place, read_document
from bellbuoy.config.named_files import with_files
from bellbuoy.config.problems import Problems, unknown_key
from bellbuoy.config.providers import default_set, read_providers, select
from bellbuoy.config.routes import categories, read_needs, read_routes
from bellbuoy.config.schema import (
    ConfigFile,
    HeartbeatEntry,
    HttpEntry,
    PluginNames,
    ReceiverEntry,
    Surroundings,
    WebEntry,
)
from bellbuoy.config.values import listen_parts, nearest, network, store_address, timezone
from bellbuoy.config.web import Web, too_open
from bellbuoy.errors import ConfigError, PluginError
from bellbuoy.formats import Format, Formats
from bellbuoy.http import HttpSettings
from bellbuoy.model.delivery import Beat
from bellbuoy.notifiers import Notifier, Notifiers, Receiver
from bellbuoy.platform import config_directory, state_directory
from bellbuoy.plugins import FORMAT_GROUP, NOTIFIER_GROUP, installed, load_plugins

P = TypeVar("P", dict[str, Any], list[Any])

FILE_NAME = "bellbuoy.yaml"
VARIABLE = "BELLBUOY_CONFIG"

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


def load_config(
    path: str | None = None,
    *,
    env: Mapping[str, str] = os.environ,
    providers: Sequence[str] = (),
    store: str | None = None,
    allow_private: Sequence[str] = (),
    formats: Mapping[str, Format] | None = None,
    notifiers: Mapping[str, Notifier] | None = None,
) -> Config:
    """The configuration that holds, with what the command line says on top of it.

    `path` is a file (`--config`); without one it is looked for (`find_config`), and where
    there is none, the default set is watched. `providers` narrow what is watched to those of
    the config by name, or name others of the catalog, or addresses. `store` replaces the
    config's, `allow_private` is added to it. `formats` and `notifiers` are known beside the
    built-in ones and the plugins. Raises ConfigError with every problem, PluginError if a
    plugin is among them.
    """
    file = find_config(path, env)
    document = read_document(file, env) if file else Document(name="default set")
    problems = Problems(document)
    loader = _Loader(document, problems, dict(formats or {}), dict(notifiers or {}))
    config = loader.config(str(file) if file else None)
    problems.stop(PluginError if loader.broken else ConfigError)
    return _overridden(config, providers, store, allow_private)


def find_config(path: str | None, env: Mapping[str, str]) -> Path | None:
    """The file to read: the given one, `$BELLBUOY_CONFIG`, `./bellbuoy.yaml`, the system's place.

    The first two need not exist, so that reading them says so; None if there is no file.
    """
    named = path or env.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    places = (Path(FILE_NAME), config_directory() / FILE_NAME)
    return next((place for place in places if place.exists()), None)


def default_store() -> str:
    """Where state is kept unless the config says otherwise."""
    return store_address(str(state_directory() / "bellbuoy.db"), Path("/"))


class _Loader:
    """Turns one document into a Config; each part is read although another one is wrong.

    `broken` are the names of plugins that cannot be used: what they would have brought is
    not reported as unknown on top of that.
    """

    def __init__(
        self,
        document: Document,
        problems: Problems,
        formats: dict[str, Format],
        notifiers: dict[str, Notifier],
    ) -> None:
        self.broken: set[str] = set()
        self._document = document
        self._problems = problems
        self._formats = formats
        self._notifiers = notifiers

    def config(self, source: str | None) -> Config:
        """The config; of use only if there is no problem."""
        data = self._top()
        self._load_plugins(data.pop("plugins", None))
        entries = data.pop("providers", None)
        receivers = self._part(data, "receivers", dict, "a mapping of names to receivers")
        routes = self._part(data, "routes", list, "a list; begin each route with '- '")
        self._problems.around = Surroundings(
            base=Path(self._document.name).parent.absolute(),
            formats=frozenset({*Formats(self._formats), *self.broken}),
        )
        rest = self._rest(data)
        catalog = Catalog()
        watched = (
            default_set(catalog)
            if entries is None
            else read_providers(entries, catalog, self._problems)
        )
        zone = rest.display.timezone
        read = tuple(read_routes(routes, receivers, watched, catalog, zone, self._problems))
        return Config(
            watched=watched,
            receivers=tuple(self._receivers(receivers, zone)),
            routes=read,
            needs=read_needs(rest.services, watched, catalog, self._problems),
            categories=categories(read, watched, catalog),
            heartbeat=_heartbeat(rest.heartbeat),
            web=self._web(rest.web),
            http=_http(rest.http),
            store=rest.store.get_secret_value() if rest.store else default_store(),
            timezone=zone,
            retention=rest.retention,
            formats=self._formats,
            notifiers=self._notifiers,
            source=source,
            warnings=self._problems.warnings,
        )

    def _top(self) -> dict[str, Any]:
        data = self._document.data
        if isinstance(data, dict):
            # A heading with nothing below it, or all of it commented out, says nothing.
            return {key: value for key, value in data.items() if value is not None}
        if data is not None:
            self._problems.add((), "must be a mapping of keys to values, such as 'providers:'")
        return {}

    def _part(self, data: dict[str, Any], key: str, wanted: type[P], words: str) -> P:
        value = data.pop(key, None)
        if value is not None and not isinstance(value, wanted):
            self._problems.add((key,), f"must be {words}")
        return value if isinstance(value, wanted) else wanted()

    def _rest(self, data: dict[str, Any]) -> ConfigFile:
        data = with_files(ConfigFile, data, (), self._document, self._problems)
        return self._problems.read(ConfigFile, data, ()) or ConfigFile()

    def _load_plugins(self, data: Any) -> None:
        for group, name, place in self._plugin_names(data):
            try:
                if group == FORMAT_GROUP:
                    self._formats.update(load_plugins([name], []).formats)
                else:
                    self._notifiers.update(load_plugins([], [name]).notifiers)
            except PluginError as error:
                self.broken.add(name)
                self._problems.add(place, str(error))

    def _plugin_names(self, data: Any) -> Iterable[tuple[str, str, Place]]:
        if not isinstance(data, list):
            names = self._problems.read(PluginNames, data or {}, ("plugins",)) or PluginNames()
            for index, name in enumerate(names.formats):
                yield FORMAT_GROUP, name, ("plugins", "formats", index)
            for index, name in enumerate(names.notifiers):
                yield NOTIFIER_GROUP, name, ("plugins", "notifiers", index)
            return
        for index, name in enumerate(data):
            place: Place = ("plugins", index)
            groups = [g for g in (FORMAT_GROUP, NOTIFIER_GROUP) if name in installed(g)]
            if not groups:
                self.broken.add(str(name))
                self._problems.add(
                    place,
                    f"no installed package offers a plugin {name!r}; install its package "
                    "into this environment",
                )
            for group in groups:
                yield group, name, place

    def _receivers(self, entries: dict[str, Any], zone: str) -> Iterable[Receiver]:
        kinds = Notifiers(self._notifiers)
        for name, data in entries.items():
            place: Place = ("receivers", name)
            if not 0 < len(name) <= 64 or not _NAME_CHARACTERS.issuperset(name):
                self._problems.add(
                    place, "is not a receiver's name; use up to 64 letters, digits, '-', '_', '.'"
                )
            entry = self._problems.read(ReceiverEntry, data, place)
            if entry is None or entry.kind in self.broken:
                continue
            if entry.kind not in kinds:
                self._problems.add(
                    (*place, "kind"),
                    f"{entry.kind!r} is not a kind of receiver{nearest(entry.kind, kinds)}; "
                    f"known are {', '.join(kinds)}",
                )
                continue
            model = kinds[entry.kind].Settings
            shows_times = "timezone" in model.model_fields
            said = {"timezone": zone, **data} if shows_times else data
            if shows_times:
                self._check_zone(said["timezone"], (*place, "timezone"))
            settings = self._settings(model, said, place)
            yield Receiver(name=name, kind=entry.kind, settings=settings)

    def _web(self, entry: WebEntry) -> Web:
        web = _web(entry)
        if problem := too_open(web):
            self._problems.add(("web", "listen"), problem)
        return web

    def _check_zone(self, zone: Any, place: Place) -> None:
        try:
            timezone(str(zone))
        except ValueError as error:
            self._problems.add(place, str(error))

    def _settings(self, model: type[BaseModel], data: dict[str, Any], place: Place) -> Any:
        data = {key: value for key, value in data.items() if key != "kind"}
        data = with_files(model, data, place, self._document, self._problems)
        if model.model_config.get("extra", "ignore") == "ignore":
            known = {field.alias or name for name, field in model.model_fields.items()}
            for key in data.keys() - known:
                self._problems.add((*place, key), unknown_key(key, model))
        try:
            return self._problems.read(model, data, place)
        except Exception as error:  # noqa: BLE001 - a plugin's validator may raise anything
            said = f"{type(error).__name__}: {error}"
            self._problems.add(place, f"its settings cannot be checked: {said}; tell its author")
            return None


def _heartbeat(entry: HeartbeatEntry | None) -> Beat | None:
    return None if entry is None else Beat(url=entry.url.get_secret_value(), every=entry.every)


def _web(entry: WebEntry) -> Web:
    host, port = listen_parts(entry.listen)
    read, write, metrics = (
        token.get_secret_value() if token else None
        for token in (entry.auth.read, entry.auth.write, entry.auth.metrics)
    )
    return Web(
        host=host,
        port=port,
        hosts=entry.hosts or (),
        read="" if read == "open" else read,
        write=write or "",
        metrics=metrics or "",
    )


def _http(entry: HttpEntry) -> HttpSettings:
    return HttpSettings(
        seats=entry.seats,
        timeout=entry.timeout,
        per_host=entry.per_host,
        contact=entry.contact,
        proxy=entry.proxy.get_secret_value() if entry.proxy else None,
        no_proxy=entry.no_proxy or (),
        ca_file=entry.ca_file,
        allow_private=entry.allow_private or (),
    )


def _overridden(
    config: Config, providers: Sequence[str], store: str | None, allow_private: Sequence[str]
) -> Config:
    problems = Problems(Document(name="command line"))
    if providers:
        watched = select(config.watched, providers, Catalog(), problems)
        warnings = (*config.warnings, *problems.warnings)
        config = replace(config, watched=watched, warnings=warnings)
    try:
        if store is not None:
            config = replace(config, store=store_address(store, Path.cwd()))
    except ValueError as error:
        problems.add(("--store",), str(error))
    try:
        allowed = (*config.http.allow_private, *map(network, allow_private))
        config = replace(config, http=replace(config.http, allow_private=allowed))
    except ValueError as error:
        problems.add(("--allow-private",), str(error))
    problems.stop(ConfigError)
    return config
