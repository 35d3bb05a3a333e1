"""The repository as a GitHub action: its file, and its step run for real."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.cli.pages import incident, served, statuspage

ROOT = Path(__file__).parents[1]
ACTION = YAML(typ="safe").load(ROOT / "action.yml")
(STEP,) = ACTION["runs"]["steps"]
BASH = shutil.which("bash")

STUB = """#!{bash}
echo "$@" >>"$CALLS"
if [ "$2" = pip ]; then exit "$PIP_CODE"; fi
if [ -n "$GATE_CODE" ] && [ "$2" = -m ]; then exit "$GATE_CODE"; fi
unset PYTHONPATH
exec {python} "$@"
"""
"""In place of Python: notes each call, installs nothing, and else is this test's own Python."""


@pytest.fixture
def step(tmp_path):
    """Runs the step's script as the runner does; what it wrote is in the result."""
    if BASH is None or sys.platform == "win32":
        pytest.skip("needs bash")
    for name in ("bin", "runner", "home"):
        (tmp_path / name).mkdir()
    stub = tmp_path / "bin" / "python3"
    stub.write_text(STUB.format(bash=BASH, python=sys.executable))
    stub.chmod(0o755)
    script = tmp_path / "step.sh"
    script.write_text(STEP["run"])

    def step(targets, *, url="https://status.acme.example", pip=0, gate="", **inputs):
        provider = {"name": "Acme", "url": url, "format": "statuspage"}
        config = {"providers": [provider], "http": {"allow_private": ["127.0.0.0/8"]}}
        (tmp_path / "bellbuoy.yaml").write_text(json.dumps(config))
        defaults = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
        given = {**defaults, "targets": targets, **inputs}
        environment = {
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path / "home"),
            "RUNNER_TEMP": str(tmp_path / "runner"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "CALLS": str(tmp_path / "calls"),
            "PIP_CODE": str(pip),
            "GATE_CODE": gate,
            "GATE_SOURCE": str(ROOT),
            **{f"GATE_{name.upper()}": value for name, value in given.items()},
        }
        done = subprocess.run(
            [BASH, "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        output, summary = tmp_path / "output", tmp_path / "summary"
        done.output = output.read_text() if output.exists() else ""
        done.summary = summary.read_text() if summary.exists() else ""
        done.calls = (tmp_path / "calls").read_text().splitlines()
        return done

    return step


def test_the_file_is_a_composite_action():
    """With the inputs that the documentation names, and the output of its only step."""
    assert ACTION["runs"]["using"] == "composite"
    assert set(ACTION["inputs"]) == {"targets", "soft", "hard", "strict"}
    assert ACTION["inputs"]["targets"]["required"] is True
    assert ACTION["outputs"]["verdict"]["value"] == "${{ steps.gate.outputs.verdict }}"
    assert (STEP["id"], STEP["shell"]) == ("gate", "bash")
    assert all("description" in one for one in (ACTION, *ACTION["inputs"].values()))


def test_no_input_is_written_into_the_script():
    """What a person, or an event, puts into an input must not be run: it comes as variables."""
    assert "${{" not in STEP["run"]
    for name in ACTION["inputs"]:
        assert STEP["env"][f"GATE_{name.upper()}"] == f"${{{{ inputs.{name} }}}}"
    assert STEP["env"]["GATE_SOURCE"] == "${{ github.action_path }}"


def test_a_go_is_quiet(step):
    """It installs itself from its own path, asks, and sets the output."""
    with served(statuspage()) as url:
        done = step("acme:API", url=url)
    assert (done.returncode, done.output) == (0, "verdict=go\n")
    assert done.stdout == "acme:API: go: nothing open\n"
    assert done.summary == "### Gate: go\n\n- ` acme:API `: **go**\n"
    install, _, gate = done.calls
    assert install.startswith("-m pip install ")
    assert install.endswith(f"/bellbuoy-gate {ROOT}")
    assert gate == "-P -m bellbuoy gate --soft minor --hard major -- acme:API"


@pytest.mark.parametrize(
    ("impact", "code", "verdict", "note"),
    [("minor", 0, "degraded", "::warning "), ("major", 20, "stop", "::error ")],
)
def test_degraded_warns_and_stop_fails(step, impact, code, verdict, note):
    """10 becomes a warning on the run, 20 the end of the job."""
    with served(statuspage(incident() | {"impact": impact})) as url:
        done = step("acme:API", url=url)
    assert (done.returncode, done.output) == (code, f"verdict={verdict}\n")
    first, second = done.stdout.splitlines()
    assert first.startswith(f"acme:API: {verdict}: ")
    assert second.startswith(f"{note}title=Bellbuoy gate::{verdict}: ")
    assert f"**{verdict}**" in done.summary


def test_targets_stand_in_lines_or_between_blanks(step, tmp_path):
    """Quoted where one holds a blank; nothing in them is expanded or run."""
    with served(statuspage()) as url:
        done = step('acme:API  acme\n"acme:Git Operations"\n"acme:$(touch x)*"\n', url=url)
    assert done.returncode == 0
    targets = [line.partition(": go: ")[0] for line in done.stdout.splitlines()]
    assert targets == ["acme:API", "acme", "acme:Git Operations", "acme:$(touch x)*"]
    assert not (tmp_path / "x").exists()
    assert step('acme:"API').returncode == 2


def test_what_cannot_be_asked_fails(step):
    """A misspelt provider is the author's fault, and not a page that cannot be known."""
    done = step("github:Actions --strict githb")
    assert done.returncode == 2
    assert "'githb' is not in the catalog" in done.stderr
    assert "'--strict' is not in the catalog" in done.stderr


def test_being_strict_is_an_input(step):
    """A page that is away lets pass, or stops."""
    with served({}) as url:
        pass
    assert step("acme", url=url).output == "verdict=go\n"
    done = step("acme", url=url, strict="true")
    assert (done.returncode, done.output) == (20, "verdict=go\nverdict=stop\n")


@pytest.mark.parametrize("failure", [{"pip": 1}, {"gate": "1"}, {"gate": "139"}], ids=str)
def test_a_gate_that_cannot_work_stands_in_nobodys_way(step, failure):
    """Neither an index that is down nor a crash stops a deployment, unless it is strict."""
    done = step("acme", **failure)
    assert (done.returncode, done.output) == (0, "verdict=go\n")
    assert done.stdout.startswith("::warning title=Bellbuoy gate::it ")
    strict = step("acme", strict="true", **failure)
    assert (strict.returncode, strict.output) == (20, "verdict=go\nverdict=stop\n")
    assert strict.stdout.startswith("::error title=Bellbuoy gate::it ")


def test_it_is_installed_once_for_a_job(step, tmp_path):
    """A second use finds what the first one left."""
    (tmp_path / "runner" / "bellbuoy-gate" / "bellbuoy").mkdir(parents=True)
    with served(statuspage()) as url:
        done = step("acme", url=url)
    assert done.returncode == 0
    assert not any("pip" in call for call in done.calls)


def test_the_documented_workflow_uses_inputs_that_are_there():
    """What a person copies out of the page about the gate is a workflow."""
    page = (ROOT / "docs" / "gate.md").read_text("utf-8")
    (block,) = (one for one in page.split("```text\n")[1:] if one.startswith("jobs:"))
    workflow = YAML(typ="safe").load(block.partition("```")[0])
    gate, *_ = workflow["jobs"]["deploy"]["steps"]
    assert gate["with"].keys() <= ACTION["inputs"].keys()
    assert gate["with"]["targets"].splitlines()[1] == '"github:Git Operations"'
