"""A skip says what is wanting to a user, and fails the run where everything must be there (CI)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WANTING = """
import pytest

@pytest.fixture
def server():
    pytest.skip("no server answers")

def test_one(server):
    pass

def test_two():
    pass
"""
ABSENT = 'import pytest\n\ndef test_one():\n    pytest.skip("BELLBUOY_CORPUS is not set")\n'


def run(folder, tests, *options, ci):
    """What pytest ends with under the conftest of this suite, and what it says."""
    (folder / "test_it.py").write_text(tests, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", *options, str(folder)]
    done = subprocess.run(
        command,
        env={**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("options", [("-n", "0"), ("-n", "1")], ids=["alone", "apart"])
def test_a_part_that_is_wanting_fails_a_run_in_ci(tmp_path, options):
    """Also where a fixture finds out, in another process."""
    code, said = run(tmp_path, WANTING, *options, ci="true")
    assert code == pytest.ExitCode.TESTS_FAILED, said
    assert "skipped in CI: test_it.py::test_one" in said
    assert "no server answers" in said


@pytest.mark.parametrize(
    ("tests", "ci"), [(WANTING, ""), (ABSENT, "true")], ids=["a user's machine", "the corpus"]
)
def test_elsewhere_it_is_skipped_and_so_are_recordings_everywhere(tmp_path, tests, ci):
    """Nobody must install a broker, and nobody can install the recordings."""
    code, said = run(tmp_path, tests, "-n", "0", ci=ci)
    assert code == pytest.ExitCode.OK, said
    assert "1 skipped" in said
