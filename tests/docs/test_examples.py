"""The plugins and the programs of the documentation, built and run as they stand there."""

import importlib
import json
import os
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from socket import create_connection, socket
from threading import Timer

import pytest

from bellbuoy.cli.program import main
from bellbuoy.config.load import load_config
from bellbuoy.formats import Formats
from bellbuoy.notifiers import Notifiers
from bellbuoy.testing.formats import play
from tests.cli.pages import incident, served, statuspage
from tests.docs.pages import blocks

PROVIDER = "docs/adding-a-provider.md"
CONSUMER = "docs/adding-a-consumer.md"
TUTORIAL = "docs/getting-started.md"
COMMAND = "docs/receivers/command.md"  # tests/notifiers/test_command.py runs it
BROKERS = {  # tests/docs/test_consumers.py runs them
    f"docs/receivers/{kind}.md" for kind in ("kafka", "nats", "rabbitmq", "redis")
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write the files of a page, install what its pyproject says, and put it on the path."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def write(page: str) -> Path:
        for block in blocks("python", "toml", "yaml", page=page):
            if block.file:
                path = tmp_path / block.file
                path.parent.mkdir(exist_ok=True)
                path.write_text(block.text, "utf-8")
        project = tomllib.loads((tmp_path / "pyproject.toml").read_text("utf-8"))["project"]
        info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(head)
        points = "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in names.items())
            for group, names in project["entry-points"].items()
        )
        (info / "entry_points.txt").write_text(points)
        return tmp_path

    yield write
    for module in set(sys.modules) - before:
        del sys.modules[module]


def run_tests(folder: Path, name: str) -> None:
    """Run a test file of a page as its author would."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    ran = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_format_of_the_documentation_keeps_the_contract(package):
    """Its own test, as it stands on the page, passes."""
    run_tests(package(PROVIDER), "tests/test_github_bell.py")


def test_the_format_of_the_documentation_is_watched_and_replayed(package, capsys):
    """Named in the config it is a format like ours, and it can be played from the command line."""
    folder = package(PROVIDER)
    config = load_config("bellbuoy.yaml", env={})
    assert config.watched[0].page.format == "github-incidents"
    assert "github-incidents" in Formats(config.formats)

    bodies = [folder / "1.json", folder / "2.json"]
    for body, entry in zip(bodies, [incident(), ended()], strict=True):
        page = {"id": config.formats["github-incidents"].GITHUB}
        body.write_text(json.dumps({"page": page, "incidents": [entry]}))
    capsys.readouterr()
    arguments = ["--format", "github-incidents", "--path", "api/v2/incidents.json", "--json"]
    assert main(["replay", "--config", "bellbuoy.yaml", *arguments, *map(str, bodies)]) == 0
    kinds = [json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()]
    assert kinds == ["dev.bellbuoy.incident.opened.v1", "dev.bellbuoy.incident.resolved.v1"]


@pytest.mark.corpus
def test_the_format_of_the_documentation_reads_what_github_really_sends(package, corpus):
    """The example is no toy: every recorded incident is read, with a status that is known."""
    package(PROVIDER)
    format = importlib.import_module("github_bell.format")
    recorded = corpus / "statuspage/github/incidents-2026-08-18.json"
    answers = {"api/v2/incidents.json": recorded.read_bytes()}
    snapshot = play(format, "https://www.githubstatus.com", answers)
    assert len(snapshot.incidents) == len(json.loads(recorded.read_bytes())["incidents"])
    assert all(one.status.value != "unknown" for one in snapshot.incidents)


def test_the_notifier_of_the_documentation_keeps_the_contract(package):
    """Its own test, as it stands on the page, passes."""
    run_tests(package(CONSUMER), "tests/test_deckbell.py")


def test_the_notifier_of_the_documentation_is_a_kind_of_receiver(package):
    """Named in the config it takes settings like ours, and hides its token."""
    package(CONSUMER)
    config = load_config("bellbuoy.yaml", env={"SLACK_TOKEN": "xoxb-canary"})
    (receiver,) = config.receivers
    assert (receiver.kind, receiver.settings.channel) == ("team-chat", "#ops")
    assert "team-chat" in Notifiers(config.notifiers)
    assert "canary" not in repr(receiver)


def programs():
    """The blocks of Python that are whole programs."""
    return [block for block in blocks("python") if block.file is None]


def test_the_receiver_of_the_tutorial_gets_what_is_open(tmp_path):
    """`receiver.py` as it stands there checks the signature and is told by the tutorial's route."""
    (receiver,) = [one for one in blocks("python") if one.file == "receiver.py"]
    (config,) = [one for one in blocks("yaml", page=TUTORIAL) if "receivers:" in one.text]
    with socket() as free, served(statuspage(incident())) as page:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        watched, _, rest = config.text.partition("receivers:")
        assert "github" in watched
        (tmp_path / "bellbuoy.yaml").write_text(
            f"store: bell.db\nhttp: {{allow_private: [127.0.0.0/8]}}\n"
            f"providers: [{{name: Acme, url: '{page}', format: statuspage}}]\n"
            f"receivers:{rest.replace('8000', port)}"
        )
        env = {**os.environ, "WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
        command = [sys.executable, "-u", "-c", receiver.text.replace("8000", port)]
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                until_it_listens(int(port))
                watch = [sys.executable, "-m", "bellbuoy", "watch", "--once"]
                ran = subprocess.run(
                    watch,
                    cwd=tmp_path,
                    env=env,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
            finally:
                process.terminate()
            assert ran.returncode == 0, ran.stderr
            (line,) = process.stdout.read().splitlines()
    id, *told = json.loads(line)
    assert told == ["dev.bellbuoy.incident.opened.v1", "acme/incidents/i1"]
    assert len(id) == 36


def test_no_python_and_no_plugin_of_the_documentation_is_left_unrun():
    """What the tests of this file do not pick up has to be written otherwise."""
    files = [block for block in blocks("python") if block.file]
    assert {block.page for block in files} == {PROVIDER, CONSUMER, TUTORIAL, COMMAND} | BROKERS
    assert [block.file for block in files if block.page == TUTORIAL] == ["receiver.py"]
    plugged = [block for block in blocks("yaml") if "plugins:" in block.text]
    assert all(block.file and block.page in {PROVIDER, CONSUMER} for block in plugged)


def until_it_listens(port):
    """Return once a connection is taken; the loop ends with the test's own time."""
    while True:
        with suppress(OSError), create_connection(("127.0.0.1", port), timeout=1):
            return


@pytest.mark.parametrize("block", programs(), ids=str)
def test_a_program_of_the_documentation_runs(block, tmp_path):
    """Beside a config, over a page whose incident ends, until it has seen that."""
    documents = statuspage(incident())
    with served(documents) as url:
        (tmp_path / "bellbuoy.yaml").write_text(
            f"providers: [{{name: Acme, url: '{url}', format: statuspage, every: 200ms}}]\n"
            "http: {allow_private: [127.0.0.0/8]}\nstore: bell.db\n"
        )
        command = [sys.executable, "-u", "-c", block.text]
        env = {**os.environ, "PYTHONWARNINGS": "error"}
        with subprocess.Popen(
            command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
        ) as process:
            watchdog = Timer(30, process.kill)
            watchdog.start()
            opened = process.stdout.readline()
            documents |= statuspage(ended())
            rest = process.stdout.read()
            watchdog.cancel()
    assert opened == "1 incident.opened acme/incidents/i1\n"
    assert rest == "2 incident.resolved acme/incidents/i1\n"
    assert process.returncode == 0


def ended():
    """The incident of the served page, one message later."""
    at = "2026-02-23T16:20:00Z"
    first = incident()["incident_updates"][0]
    last = first | {"id": "i1-u2", "status": "resolved", "display_at": at}
    over = {"status": "resolved", "resolved_at": at, "updated_at": at}
    return incident() | over | {"incident_updates": [last, first]}
