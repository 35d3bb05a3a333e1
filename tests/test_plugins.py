"""Plugins: a wheel of an outside package, installed beside Bellbuoy and named in the config."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from textwrap import dedent

import pytest

from bellbuoy.config.load import load_config
from bellbuoy.errors import ConfigError, PluginError
from bellbuoy.formats import Formats
from bellbuoy.notifiers import Notifiers
from bellbuoy.plugins import FORMAT_GROUP, NOTIFIER_GROUP, installed, load_plugins
from bellbuoy.testing import check_format, check_notifier

FORMAT = '''
"""A made-up vendor's JSON: {"vendor": "acme", "problems": [{"id", "title", "open"}]}."""

import json

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Request
from bellbuoy.formats import Claim
from bellbuoy.model.facts import Incident, IncidentKind, IncidentStatus, Part, Snapshot

api_version = 1
NAME = "acme-status"
PLATFORM = None
PROBES = ("now.json",)


def claims(response):
    try:
        document = json.loads(response.body)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("vendor") != "acme":
        return None
    return Claim(format=NAME, url=response.url.removesuffix("/now.json"), name="Acme")


def read(page, seen):
    response = yield Request.get(page.at("now.json"))
    if claims(response) is None:
        raise ReadError(response.url, NAME, "$.vendor", "it is not Acme's")
    incidents = tuple(
        Incident(
            id=problem["id"],
            kind=IncidentKind.INCIDENT,
            title=problem["title"],
            status=IncidentStatus.INVESTIGATING if problem["open"] else IncidentStatus.RESOLVED,
        )
        for problem in json.loads(response.body)["problems"]
    )
    return Snapshot(incidents=incidents, complete=frozenset({Part.OPEN_INCIDENTS}))
'''

NOTIFIER = '''
"""A made-up chat."""

import json

from pydantic import BaseModel, ConfigDict, SecretStr

from bellbuoy.errors import DelayedError, DisabledError, RefusedError
from bellbuoy.exchange import Request
from bellbuoy.model.delivery import Receipt

api_version = 1
KIND = "acme-chat"


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: SecretStr
    room: str = "ops"


def notify(message, settings):
    body = {"room": settings.room, "key": message.event.id, "text": str(message.event.kind)}
    response = yield Request.post(
        "https://chat.acme.example/send",
        json.dumps(body).encode(),
        content_type="application/json",
        headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
    )
    if response.status == 410:
        raise DisabledError("the room is gone")
    if response.status in {408, 409, 425, 429} or response.status >= 500:
        after = response.retry_after
        raise DelayedError(str(response.status), retry_after=after if after else None)
    if not 200 <= response.status < 300:
        raise RefusedError(str(response.status))
    return Receipt()
'''

CARELESS = """
    def model_post_init(self, context):
        if self.room == "boom":
            raise KeyError(self.room)
"""

BODY = json.dumps(
    {"vendor": "acme", "problems": [{"id": "p1", "title": "Slow", "open": True}]}
).encode()


def build_wheel(folder: Path, name: str, files: dict[str, str], points: str) -> Path:
    """A wheel as a build backend makes it: a zip with the files and their metadata.

    https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    info = f"{name}-1.0.dist-info"
    members = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": dedent(points),
    }
    record = "".join(f"{path},,\n" for path in [*members, f"{info}/RECORD"])
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**members, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return wheel


def install(wheel: Path, target: Path) -> None:
    """Install a wheel with an installer of this machine, without network."""
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--offline", "--no-deps", "--quiet"]
        command += ["--python", sys.executable, "--target", str(target), str(wheel)]
    else:
        command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
        command += ["--target", str(target), str(wheel)]
    subprocess.run(command, check=True, timeout=60)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Build a package from its files and entry points, install it and put it on the path."""
    target = tmp_path / "site"
    modules = set(sys.modules)
    monkeypatch.syspath_prepend(str(target))

    def make(files: dict[str, str], points: str, name: str = "acme_bell") -> None:
        install(build_wheel(tmp_path, name, files, points), target)

    yield make
    for module in set(sys.modules) - modules:
        del sys.modules[module]


POINTS = """
    [bellbuoy.formats]
    acme-status = acme_bell.status

    [bellbuoy.notifiers]
    acme-chat = acme_bell.chat
"""
FILES = {
    "acme_bell/__init__.py": "",
    "acme_bell/status.py": FORMAT,
    "acme_bell/chat.py": NOTIFIER,
}


def test_an_outside_format_and_notifier_are_used_like_our_own(package, tmp_path):
    """Installed from a wheel, named in the config, and as conforming as the built-in ones."""
    package(FILES, POINTS)
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(
        "plugins: {formats: [acme-status], notifiers: [acme-chat]}\n"
        "providers: [{name: Acme, url: 'https://status.acme.example', format: acme-status}]\n"
        "receivers: {room: {kind: acme-chat, token: canary-token}}\n"
        "routes: [{to: room}]\n"
    )
    config = load_config(str(path), env={})
    assert config.watched[0].page.format == "acme-status"
    assert config.receivers[0].settings.room == "ops"
    assert "canary" not in repr(config.receivers)

    format = Formats(config.formats)["acme-status"]
    answers = {"now.json": BODY}
    snapshot = check_format(format, url="https://status.acme.example", answers=answers)
    assert [incident.title for incident in snapshot.incidents] == ["Slow"]
    check_notifier(Notifiers(config.notifiers)["acme-chat"], {"token": "canary-token"})


def test_a_plain_list_of_plugins_names_both_groups(package, tmp_path):
    """`plugins: [a, b]`: each is looked up where it is offered."""
    package(FILES, POINTS)
    path = tmp_path / "bellbuoy.yaml"
    path.write_text("plugins: [acme-status, acme-chat]\n")
    config = load_config(str(path), env={})
    assert list(config.formats) == ["acme-status"]
    assert list(config.notifiers) == ["acme-chat"]


def test_w5_what_the_config_does_not_name_is_not_loaded(package, tmp_path):
    """An installed package runs no code by being installed."""
    trap = "raise SystemExit('I was imported')\n"
    package({"acme_bell/__init__.py": trap}, POINTS)
    assert "acme-status" in installed(FORMAT_GROUP)
    assert "acme-chat" in installed(NOTIFIER_GROUP)
    path = tmp_path / "bellbuoy.yaml"
    path.write_text("providers: [github]\n")
    assert load_config(str(path), env={}).formats == {}
    assert "acme_bell" not in sys.modules


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("raise RuntimeError('no\\nlicence')\n", "cannot be loaded: RuntimeError: no licence;"),
        ("import no_such_module\n", "cannot be loaded: ModuleNotFoundError: "),
        ("raise SystemExit(3)\n", "cannot be loaded: SystemExit: 3;"),
        ("def (:\n", "cannot be loaded: SyntaxError: "),
        ("NAME = 'acme-status'\n", "has api_version None, and this Bellbuoy wants 1;"),
        ("api_version = 2\n", "wants api_version 2, and this Bellbuoy has 1; upgrade Bellbuoy"),
        ("api_version = 1\nNAME = 'x'\n", "has no PLATFORM, PROBES, claims, read;"),
        (FORMAT.replace("acme-status", "acme"), "calls itself NAME = 'acme', not 'acme-status';"),
    ],
)
def test_a_broken_plugin_is_named(package, tmp_path, broken, told):
    """Its name, its package and its version are in the one line that a person reads."""
    package({**FILES, "acme_bell/status.py": broken}, POINTS)
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(
        "plugins:\n  formats:\n    - acme-status\n"
        "providers: [{name: Acme, url: 'https://a.example', format: acme-status}]\n"
    )
    with pytest.raises(PluginError) as caught:
        load_config(str(path), env={})
    (problem,) = caught.value.problems
    assert problem.startswith(
        f"{path}:3: plugins.formats.0: plugin 'acme-status' (bellbuoy.formats): acme_bell 1.0 "
    )
    assert told in problem


def test_a_broken_notifier_is_named_and_its_receivers_are_not_blamed(package, tmp_path):
    """One fault is one line, and other faults of the file are told beside it."""
    package({**FILES, "acme_bell/chat.py": "api_version = 1\nKIND = 'acme-chat'\n"}, POINTS)
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(
        "plugins: {notifiers: [acme-chat]}\n"
        "receivers: {room: {kind: acme-chat, token: x}}\nroutes: [{to: rom}]\n"
    )
    with pytest.raises(PluginError) as caught:
        load_config(str(path), env={})
    plugin, route = caught.value.problems
    assert "acme_bell 1.0 has neither notify nor open" in plugin
    assert "routes.0.to: 'rom' is not a receiver" in route


def test_a_plugin_with_careless_settings_is_used_with_care(package, tmp_path):
    """Keys it would ignore are unknown keys, and a validator that breaks is one problem."""
    careless = NOTIFIER.replace('    model_config = ConfigDict(extra="forbid")\n', CARELESS)
    package({**FILES, "acme_bell/chat.py": careless}, POINTS)
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(
        "plugins: [acme-chat]\nreceivers:\n"
        "  a: {kind: acme-chat, token: x, rom: y}\n  b: {kind: acme-chat, token: x, room: boom}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(str(path), env={})
    unknown, broken = caught.value.problems
    assert "receivers.a.rom: is not a known key (did you mean 'room'?)" in unknown
    assert "receivers.b: its settings cannot be checked: KeyError: 'boom'" in broken


def test_a_plugin_cannot_take_the_name_of_a_built_in_one(package):
    """`feed` stays ours, whatever is installed."""
    package(FILES, "[bellbuoy.formats]\nfeed = acme_bell.status\n")
    with pytest.raises(PluginError, match="Bellbuoy has this name itself"):
        load_plugins(["feed"], [])


def test_two_packages_of_one_name_are_both_named(package):
    """Which of them would win must not depend on chance."""
    package(FILES, POINTS)
    package(
        {"other_bell/__init__.py": FORMAT},
        "[bellbuoy.formats]\nacme-status = other_bell\n",
        name="other_bell",
    )
    with pytest.raises(PluginError, match=r"acme_bell 1\.0 and other_bell 1\.0 both offer it"):
        load_plugins(["acme-status"], [])


def test_every_unusable_plugin_is_told_at_once():
    """A missing plugin is a config that cannot be used: the same exit code."""
    with pytest.raises(ConfigError) as caught:
        load_plugins(["one"], ["two"])
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "plugin 'one' (bellbuoy.formats)",
        "plugin 'two' (bellbuoy.notifiers)",
    ]
