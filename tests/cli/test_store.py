"""`store migrate`, `vacuum`, `export` and `import`, as a person calls them."""

import asyncio
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bellbuoy import platform
from bellbuoy.cli import choice, moving
from bellbuoy.stores import exported, migrations, sqlite
from bellbuoy.stores.opening import open_store
from tests.cli.test_terminal import terminal
from tests.stores.moving import exported_to, fill
from tests.stores.older import fixture

__all__ = ["terminal"]


@pytest.fixture
def store(tmp_path) -> str:
    """The path of a store with something in every table."""
    path = str(tmp_path / "from.db")
    fill(path)
    return path


@pytest.fixture
def log(store) -> str:
    """The identity of its log."""
    return asyncio.run(log_of(store))


async def log_of(place: str) -> str:
    """The identity of a store's log."""
    async with open_store(place) as opened:
        return opened.log_id


def rows(made: bytes) -> int:
    """How many rows an export has."""
    return sum(json.loads(made.partition(b"\n")[0])["rows"].values())


def test_p7_an_older_store_is_brought_up_to_date_by_command(tmp_path, call):
    """It says from which schema to which, and where the copy is; then that there is nothing."""
    path = tmp_path / "old.db"
    shutil.copy(fixture("0001"), path)
    done = call("store", "migrate", "--store", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    head = migrations.HEAD
    kept = f"{path}.schema-0001"
    assert (
        done.stdout
        == f"{path}: brought from schema 0001 to {head}; the copy from before is {kept}\n"
    )
    again = call("store", "migrate", "--store", str(path))
    assert (again.returncode, again.stdout) == (0, f"{path}: schema {head}, nothing to do\n")


def test_p5_what_needs_the_file_alone_exits_with_4_while_another_polls(store, call, tmp_path):
    """It says so, and leaves it as it is."""
    made = exported_to(store, tmp_path / "x.jsonl")
    with sqlite.poller_lock(Path(store)):
        for words in (("vacuum",), ("import", str(tmp_path / "x.jsonl"))):
            done = call("store", *words, "--store", store)
            assert (done.returncode, done.stdout) == (4, "")
            assert f"another Bellbuoy polls with {store}" in done.stderr
        assert call("store", "migrate", "--store", store).returncode == 0
    assert exported_to(store, tmp_path / "y.jsonl") == made


def test_room_is_given_back_and_told_in_bytes(store, call):
    """Before and after."""
    done = call("store", "vacuum", "--store", store)
    size = Path(store).stat().st_size
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{store}: ")
    assert done.stdout.endswith(f" bytes before, {size} after\n")


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_a_store_moves_by_a_file(store, log, call, tmp_path, name):
    """With progress in lines, for its owner alone, and as the same log."""
    file, target = tmp_path / name, str(tmp_path / "to.db")
    done = call("store", "export", str(file), "--store", store)
    made = exported_to(store, tmp_path / "plain")
    total = rows(made)
    assert done.stdout == f"{store}: {total} rows exported to {file}, log {log} up to 4\n"
    assert done.stderr.endswith(f"exported {total} of {total} rows\n")
    assert 3 < done.stderr.count("\n") <= 10
    assert (gzip.decompress if name.endswith("gz") else bytes)(file.read_bytes()) == made
    assert file.stat().st_mode & 0o777 == 0o600
    done = call("store", "import", str(file), "--store", target)
    assert done.returncode == 0
    assert done.stdout == f"{target}: whole, {total} rows imported from {file}\n"
    assert f"imported {total} of {total} rows\nit is the log {log} now" in done.stderr
    assert asyncio.run(log_of(target)) == log
    assert exported_to(target, tmp_path / "again") == made


def test_a_copy_gets_a_log_of_its_own_if_that_is_asked_for(store, log, call, tmp_path):
    """Then nothing is said of the other store, which goes on."""
    file, target = tmp_path / "x.jsonl", str(tmp_path / "to.db")
    call("store", "export", str(file), "--store", store)
    done = call("store", "import", str(file), "--store", target, "--new-log")
    assert done.returncode == 0
    assert "do not poll" not in done.stderr
    assert asyncio.run(log_of(target)) != log


def test_a_store_moves_through_a_pipe(store, log, environment, tmp_path, postgres_address):
    """To PostgreSQL and back, without a file between, and its output is nothing but the export."""
    command = f"{sys.executable} -m bellbuoy store"
    back = tmp_path / "back.db"
    for source, target in ((store, postgres_address), (postgres_address, str(back))):
        done = subprocess.run(
            f"set -o pipefail; {command} export - --store '{source}' "
            f"| {command} import - --store '{target}'",
            shell=True,
            executable="/bin/bash",
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("rows imported from standard input\n")
        assert f"exported to standard output, log {log} up to 4\n" in done.stderr
    assert exported_to(str(back), tmp_path / "2") == exported_to(store, tmp_path / "1")


def test_a_file_that_is_there_is_not_replaced(store, call, tmp_path):
    """It may be an older export."""
    file = tmp_path / "x.jsonl"
    file.write_text("precious")
    done = call("store", "export", str(file), "--store", store)
    assert (done.returncode, done.stdout) == (3, "")
    assert "is there already" in done.stderr
    assert file.read_text() == "precious"


def test_an_export_that_fails_leaves_no_file(store, call, tmp_path, monkeypatch):
    """Neither where the disk refuses, nor where a person stops it."""

    def full(*_):
        raise OSError(28, "No space left on device")

    def stop(*_):
        raise KeyboardInterrupt

    file = tmp_path / "x.jsonl"
    monkeypatch.setattr(moving.os, "fsync", full)
    done = call("store", "export", str(file), "--store", store)
    assert (done.returncode, done.stdout, file.exists()) == (3, "", False)
    assert f"{file}: OSError: [Errno 28]" in done.stderr
    monkeypatch.undo()
    monkeypatch.setattr(exported.Writing, "end", stop)
    done = call("store", "export", str(file), "--store", store)
    assert (done.returncode, done.stdout, file.exists()) == (1, "", False)
    assert done.stderr.endswith("stopped: nothing was exported\n")


def test_a_reader_that_goes_away_gets_no_whole_export(store, environment, tmp_path):
    """So it is no success: a script must not take it for one."""
    done = subprocess.run(
        f"{sys.executable} -m bellbuoy store export - --store '{store}' | exec 0<&-; "
        "exit ${PIPESTATUS[0]}",
        shell=True,
        executable="/bin/bash",
        env={**environment, "BELLBUOY_CONFIG": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith(
        "bellbuoy: standard output: BrokenPipeError: [Errno 32] Broken pipe\n"
    )


def test_nothing_is_written_from_a_file_that_is_cut(store, call, tmp_path):
    """It is read to its end first; the store stays as empty as it was."""
    file, target = tmp_path / "x.jsonl", tmp_path / "to.db"
    made = exported_to(store, file)
    file.write_bytes(made[: len(made) * 2 // 3])
    done = call("store", "import", str(file), "--store", str(target))
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{file} is cut after" in done.stderr
    assert not target.exists()


def test_half_a_store_is_refused_by_every_command_and_can_be_ended(
    store, call, run, environment, tmp_path
):
    """A pipe that broke in the middle, then the same export as a file."""
    file, target = tmp_path / "x.jsonl", str(tmp_path / "to.db")
    made = exported_to(store, file)
    with subprocess.Popen(
        [sys.executable, "-m", "bellbuoy", "store", "import", "-", "--store", target],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        out, err = process.communicate(made[: len(made) // 2], timeout=60)
    assert (process.returncode, out) == (3, b"")
    assert b"standard input is cut after" in err
    commands = (
        *(("watch", "--once"), ("serve", "--port", "0"), ("events",), ("store", "check")),
        *(("store", "backup", "b"), ("store", "export", "e"), ("store", "vacuum")),
        ("store", "migrate"),
    )
    for words in commands:
        done = call(*words, "--store", target)
        assert done.returncode == 3, words
        assert f"{target} is not whole" in done.stderr
    assert call("store", "import", str(file), "--store", target).returncode == 0
    assert call("store", "check", "--store", target).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("kind", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_an_import_that_waits_for_its_pipe(store, environment, tmp_path, kind, code):
    """At once; the same command goes on."""
    made, target = exported_to(store, tmp_path / "x.jsonl"), str(tmp_path / "to.db")
    command = [sys.executable, "-m", "bellbuoy", "store", "import", "-", "--store", target]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=False,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(made[: len(made) // 2])
        process.stdin.flush()
        assert b"imported" in process.stderr.readline()
        process.send_signal(kind)  # while it waits for a line that does not come
        assert process.wait(20) == code
        said = process.stderr.read()
    if kind == signal.SIGINT:
        assert said.endswith(b"stopped: the same command goes on from here\n")
    assert b"Traceback" not in said
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, input=made, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert exported_to(target, tmp_path / "again") == made


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("import", "none.jsonl", "--store", "to.db"), 3, "none.jsonl: FileNotFoundError"),
        (("import", "--new", "--store", "to.db"), 2, "Unknown option: --new"),
        (("import", ".", "--store", "to.db"), 3, "IsADirectoryError"),
        (("import", "--store", "to.db"), 2, "FILE"),
        (("import", "x", "--store", "memory:"), 3, "memory:"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_line(words, code, said, store, call, home):
    """With the exit code of its kind, and no store is made for it."""
    exported_to(store, home / "x")
    done = call("store", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (home / "to.db").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_at_a_terminal_progress_is_a_bar(store, terminal, tmp_path):
    """It is gone when the work is done; what is left is the line that says so."""
    target = str(tmp_path / "to.db")
    code, screen = terminal("store", "export", str(tmp_path / "x.jsonl"), "--store", store)
    assert code == 0
    assert "Rows exported" in screen
    code, screen = terminal("store", "import", str(tmp_path / "x.jsonl"), "--store", target)
    assert code == 0
    assert "Rows imported" in screen
    assert "imported 1" not in screen


def test_p6_a_file_on_a_file_system_over_a_network_is_told_of(call, home, monkeypatch):
    """In one line, by what would poll with it or fills it; what only reads says nothing."""
    monkeypatch.setattr(choice, "network_file_system", lambda _: "nfs4")
    (home / "bellbuoy.yaml").write_text("providers: [github]\nstore: bell.db\n")
    warning = f"warning: {home}/bell.db lies on nfs4, a file system over a network, where"
    assert call("config", "check").stderr.count(warning) == 1
    made = home / "x.jsonl"
    fill(str(home / "other.db"))
    exported_to(str(home / "other.db"), made)
    assert call("store", "import", str(made)).stderr.count(warning) == 1
    assert warning not in call("events").stderr
    for store in ("memory:", "postgresql://db.example/x"):
        (home / "bellbuoy.yaml").write_text(f"providers: [github]\nstore: {store}\n")
        assert "lies on" not in call("config", "check").stderr


def test_p6_where_this_machine_keeps_it_is_asked_of_the_system(call, home, tmp_path, monkeypatch):
    """The place of the file decides, as the kernel tells it."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"9 1 0:9 / {os.path.realpath(home)} rw - cifs //nas/state rw\n")
    monkeypatch.setattr(platform, "_MOUNTS", mounts)
    (home / "bellbuoy.yaml").write_text("providers: [github]\nstore: bell.db\n")
    assert "bell.db lies on cifs" in call("config", "check").stderr
