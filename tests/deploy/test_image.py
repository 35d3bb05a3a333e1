"""The image: its recipe, its config, and the process in it, without what a container may not."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from bellbuoy.cli.program import program as commands
from bellbuoy.config.load import load_config
from bellbuoy.config.web import Web
from bellbuoy.errors import ConfigError
from bellbuoy.web import access
from tests.cli.test_serve import address_of
from tests.deploy.image import CONFIG, FILE, health, said, stages, variables
from tests.deploy.programs import child_of, program, run
from tests.deploy.shipped import ROOT

TOKENS = {
    "BELLBUOY_READ_TOKEN": "a-token-that-reads-0001",
    "BELLBUOY_WRITE_TOKEN": "a-token-that-writes-0002",
}
NOBODY = "providers: [{name: Nobody, url: 'http://127.0.0.1:9/', format: statuspage}]\n"

CONFINED = """
set -e
mount --make-rprivate /
mount --bind "$STATE" "$STATE"
mount -o remount,bind,ro /
exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""
"""Run a program with nothing writable but its state, and with no capability."""


def test_the_linter_of_dockerfiles_has_nothing_to_say():
    """hadolint, with all its rules."""
    assert run("hadolint", FILE) == ""


def test_what_is_run_is_not_what_built_it():
    """Two stages of one base; no tool of the first reaches the second."""
    first, last = stages()
    assert first[0][1].removesuffix(" AS build") == last[0][1]
    copied = [rest for name, rest in last if name == "COPY"]
    assert copied == [
        "--from=build /opt/bellbuoy /opt/bellbuoy",
        f"deploy/bellbuoy.yaml {variables()['BELLBUOY_CONFIG']}",
    ]


def test_the_process_is_the_first_and_nobody_special():
    """No shell stands between a signal and it, and its user is the one that owns the state."""
    assert json.loads(said("ENTRYPOINT")) == ["bellbuoy"]
    assert said("STOPSIGNAL") == "SIGTERM"
    user, _, group = said("USER").partition(":")
    assert user == group
    assert int(user) >= 10_000
    assert f"useradd --uid {user} " in said("RUN")
    assert said("VOLUME") == said("WORKDIR") == variables()["HOME"]
    assert f"--mode=0700 {said('VOLUME')}" in said("RUN")


def test_its_command_parses():
    """The one that runs when nothing else is said."""
    commands().parse_args(json.loads(said("CMD")), print_error=False, exit_on_error=False)


def test_the_build_is_given_what_it_copies_and_little_else():
    """Each source is let in by .dockerignore, which lets in nothing that is not named."""
    first, *admitted = [
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert first == "*"
    sources = {
        source
        for stage in stages()
        for name, rest in stage
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert {f"!{source}" for source in sources} | {"**/__pycache__"} == set(admitted)
    assert all((ROOT / source).exists() for source in sources)


def test_its_config_listens_where_the_image_says():
    """At the exposed port, of every address, with a token for reading and one for writing."""
    config = load_config(str(CONFIG), env=TOKENS)
    assert config.warnings == ()
    assert config.web == Web(
        host="0.0.0.0",
        port=int(said("EXPOSE")),
        hosts=("localhost",),
        read=TOKENS["BELLBUOY_READ_TOKEN"],
        write=TOKENS["BELLBUOY_WRITE_TOKEN"],
    )
    assert config.store.endswith(f"{said('VOLUME')}/bellbuoy.db")


@pytest.mark.parametrize("name", TOKENS)
def test_without_a_token_it_does_not_start_and_says_which(name):
    """In one line."""
    others = {other: token for other, token in TOKENS.items() if other != name}
    with pytest.raises(ConfigError) as refused:
        load_config(str(CONFIG), env=others)
    (problem,) = refused.value.problems
    assert f"the environment variable {name} is not set" in problem


def test_its_health_is_asked_of_what_answers_everybody():
    """At its own port, and without a token."""
    asked = f"http://127.0.0.1:{said('EXPOSE')}/healthz"
    assert asked in health()[-1]
    assert access.needed("GET", "/healthz") is access.Scope.NOTHING


@contextmanager
def confined(folder):
    """The command of the image as process 1, confined as a container is.

    The process that waits for it, its own id as we see it, and its address.
    """
    state = folder / "state"
    state.mkdir()
    config = folder / "bellbuoy.yaml"
    config.write_text(NOBODY + CONFIG.read_text("utf-8"), "utf-8")
    serve = ["--config", config, "--store", state / "x.db", "--host", "127.0.0.1", "--port", "0"]
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", CONFINED, "sh"]
    ours = [sys.executable, "-m", "bellbuoy", *json.loads(said("CMD")), *map(str, serve)]
    process = subprocess.Popen(
        [program(apart[0]), *apart[1:], *ours],
        env={"PATH": os.environ["PATH"], "STATE": str(state), **variables_here(), **TOKENS},
        cwd=state,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = address_of(process)
        yield process, child_of(process), address
    finally:
        # What waits for it takes it along (--kill-child).
        process.kill()
        process.wait()
        process.stderr.close()


def variables_here():
    """What the image sets, but for its places."""
    places = {"PATH", "HOME", "BELLBUOY_CONFIG"}
    return {name: value for name, value in variables().items() if name not in places}


def is_well(address):
    """Whether the image's own question finds it well."""
    port = address.rpartition(":")[2]
    question = health()[-1].replace(f":{said('EXPOSE')}/", f":{port}/")
    return subprocess.run([sys.executable, *health()[1:-1], question], stderr=subprocess.DEVNULL,
                          timeout=30, check=False).returncode == 0  # fmt: skip


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root of Linux makes namespaces"
)
def test_it_does_its_work_as_process_1_with_nothing_writable_but_its_state(tmp_path):
    """It serves, is found well, shows nothing without a token, and SIGTERM ends it with 0."""
    program("setpriv")
    with confined(tmp_path) as (process, pid, address):
        status = Path(f"/proc/{pid}/status").read_text()
        mounts = Path(f"/proc/{pid}/mounts").read_text()
        assert is_well(address)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{address}/api/v1/pages", timeout=10)
        shown = {"Authorization": f"Bearer {TOKENS['BELLBUOY_READ_TOKEN']}"}
        asked = urllib.request.Request(f"{address}/api/v1/pages", headers=shown)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert len(json.load(answer)["items"]) == 1
        os.kill(pid, signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert not is_well(address)
    assert f"NSpid:\t{pid}\t1\n" in status
    assert "CapEff:\t0000000000000000\n" in status
    assert any(line.split()[1] == "/" and " ro," in line for line in mounts.splitlines())
    assert (tmp_path / "state" / "x.db").is_file()
