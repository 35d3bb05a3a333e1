"""The long running commands under a service manager: a real process, and a real socket."""

import signal
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd is not of this system")

QUIET = "providers: [{name: Nobody, url: http://127.0.0.1:9/, format: statuspage, every: 60s}]\n"
COMMANDS = {"watch": (), "serve": ("--port", "0")}


@pytest.mark.parametrize("command", COMMANDS)
def test_p9_a_process_tells_its_service_manager_that_it_is_ready_lives_and_stops(
    command, environment, home, tmp_path
):
    """READY=1 first, then signs of life in time, and STOPPING=1 last of all."""
    (home / "bellbuoy.yaml").write_text(QUIET)
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(30)
        asked = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "500000"}
        with subprocess.Popen(
            [sys.executable, "-m", "bellbuoy", command, *COMMANDS[command]],
            env={**environment, **asked},
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                said = [manager.recv(4096).decode() for _ in range(4)]
                process.send_signal(signal.SIGTERM)
                while "STOPPING=1" not in said:
                    said.append(manager.recv(4096).decode())
                assert process.wait(10) == 0
            finally:
                process.kill()
    assert said[0] == "READY=1"
    assert said[-1] == "STOPPING=1"
    assert set(said[1:-1]) == {"WATCHDOG=1\nSTATUS=watching"}
