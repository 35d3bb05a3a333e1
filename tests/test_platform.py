"""The event loop that `platform.run` makes, and what is known of disks and processes."""

import asyncio
import ctypes
import logging
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest

from bellbuoy import platform
from bellbuoy.platform import (
    allow_many_files,
    is_gone,
    network_file_system,
    process_mark,
    run,
)


class SSLProtocol:
    """What uvloop calls its TLS layer."""


AFTER_CLOSE = RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed")


def told(caplog: pytest.LogCaptureFixture, context: dict) -> int:
    """How many records a loop writes about something that nobody waits for."""

    async def main() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "it broke", **context})

    with caplog.at_level(logging.ERROR, "asyncio"):
        run(main)
    return len(caplog.records)


def test_a_connection_that_uvloop_closed_itself_is_no_news(caplog):
    """Connections that are cut in the middle of their TLS handshake print nothing at stop."""
    assert told(caplog, {"exception": AFTER_CLOSE, "protocol": SSLProtocol()}) == 0


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"exception": AFTER_CLOSE},
        {"exception": AFTER_CLOSE, "protocol": object()},
        {"exception": RuntimeError("a bug"), "protocol": SSLProtocol()},
        {"exception": ValueError("; the handler is closed"), "protocol": SSLProtocol()},
    ],
)
def test_everything_else_that_goes_wrong_in_the_loop_is_told(caplog, context):
    """Only that one message is dropped."""
    assert told(caplog, context) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such limit")
def test_a_process_that_serves_may_have_as_many_sockets_as_it_is_let():
    """Up to the hard limit; more is left as it is."""
    import resource

    before = _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
        allow_many_files()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))
        allow_many_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


MOUNTS = """\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:20 / /proc rw,nosuid - proc proc rw
30 21 0:30 / /srv rw shared:9 master:2 - nfs4 nas:/srv rw,vers=4.2
31 30 254:1 / /srv/local rw - xfs /dev/vdb rw
32 21 0:31 / /mnt/with\\040space\\134 rw - fuse.sshfs me@there: rw
33 21 0:32 / /twice rw - nfs nas:/a rw
34 33 254:2 / /twice rw - ext4 /dev/vdc rw
35 21 0:33 / /share rw - 9p host rw,trans=virtio
36 21 0:34 / /layers rw - overlay overlay rw
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mount table")
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/bellbuoy.db", None),
        ("/srv/bellbuoy/new/bellbuoy.db", "nfs4"),
        ("/srv/local/bellbuoy.db", None),
        ("/srv-not/bellbuoy.db", None),
        ("/mnt/with space\\/bellbuoy.db", "fuse.sshfs"),
        ("/mnt/other/bellbuoy.db", None),
        ("/twice/bellbuoy.db", None),
        ("/share/bellbuoy.db", "9p"),
        ("/layers/bellbuoy.db", None),
    ],
)
def test_p6_a_file_system_over_a_network_is_known_by_its_mount(path, kind, tmp_path, monkeypatch):
    """The deepest mount above the path counts, of two on one point the later one."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr(platform, "_MOUNTS", mounts)
    assert network_file_system(Path(path)) == kind


def test_p6_where_the_system_tells_nothing_nothing_is_known(tmp_path, monkeypatch):
    """As on macOS; and this machine's own temporary directory can be asked for."""
    monkeypatch.setattr(platform, "_MOUNTS", tmp_path / "none")
    assert network_file_system(tmp_path) is None
    monkeypatch.undo()
    network_file_system(tmp_path)


def test_p6_windows_tells_shares_and_their_letters(monkeypatch):
    """By the path itself, or by the kind of its drive (tried here with a pretend Windows)."""
    asked = []

    def kind_of(root: str) -> int:
        asked.append(root)
        return {"Z:\\": 4}.get(root, 3)

    pretend = SimpleNamespace(kernel32=SimpleNamespace(GetDriveTypeW=kind_of))
    monkeypatch.setattr(ctypes, "windll", pretend, raising=False)
    assert platform._is_share(PureWindowsPath(r"\\nas\state\bell.db"))
    assert platform._is_share(PureWindowsPath(r"Z:\bell.db"))
    assert not platform._is_share(PureWindowsPath(r"C:\bell.db"))
    assert asked == ["Z:\\", "C:\\"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_process_that_ended_is_gone_and_one_that_runs_is_not():
    """Also while it is a zombie, and not taken for another one that has its number."""
    code = "from bellbuoy.platform import process_mark; print(process_mark(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        mark = child.stdout.readline().strip()
        assert not is_gone(mark)
        assert not is_gone(process_mark())
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(mark)
    assert is_gone(mark)
    seen, number, began = process_mark().rsplit(" ", 2)
    assert is_gone(f"{seen} {number} {int(began) - 1}")


@pytest.mark.parametrize("mark", ["", "another machine 4026531836 1 7", "nonsense"])
def test_of_a_process_elsewhere_nothing_is_known(mark):
    """So it is not gone: only its sign of life tells."""
    assert not is_gone(mark)
