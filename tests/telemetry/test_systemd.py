"""What systemd hears, through real sockets of its kind."""

import asyncio
import os
import socket
import sys
from contextlib import suppress

import pytest

from bellbuoy.telemetry.systemd import supervised

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd is not of this system")


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """The service manager's end of the socket."""
    with listening(str(tmp_path / "notify"), monkeypatch) as heard:
        yield heard


def listening(address, monkeypatch):
    """A datagram socket at this address, which NOTIFY_SOCKET names."""
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(address)
    heard.setblocking(False)
    monkeypatch.setenv("NOTIFY_SOCKET", address.replace("\0", "@", 1))
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    return heard


def all_of(heard):
    """Everything that was sent so far."""
    said = []
    while True:
        try:
            said.append(heard.recv(4096).decode())
        except BlockingIOError:
            return said


async def hears(heard, line):
    """Wait until a datagram holds this line."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        while line not in (await loop.sock_recv(heard, 4096)).decode().splitlines():
            pass


async def test_p9_systemd_hears_ready_signs_of_life_and_the_stop(manager, monkeypatch):
    """In that order; a sign comes in each half of the span that it asks for."""
    monkeypatch.setenv("WATCHDOG_USEC", "40000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    async with supervised(lambda: ()):
        await hears(manager, "READY=1")
        for _ in range(3):
            await hears(manager, "WATCHDOG=1")
    assert all_of(manager)[-1] == "STOPPING=1"


async def test_p9_a_monitor_that_is_stuck_gives_no_sign_of_life_but_says_why(manager, monkeypatch):
    """So systemd restarts it, and `systemctl status` shows the reason."""
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    reasons = []
    async with supervised(lambda: tuple(reasons)):
        await hears(manager, "WATCHDOG=1")
        reasons += ["a task died: flush (OSError)", "polling stalled"]
        await hears(manager, "STATUS=a task died: flush (OSError); polling stalled")
        all_of(manager)
        await hears(manager, "STATUS=a task died: flush (OSError); polling stalled")
        assert not any("WATCHDOG=1" in said for said in all_of(manager))


@pytest.mark.parametrize("span", [None, "", "0", "soon"])
async def test_without_a_watchdog_only_the_life_of_the_service_is_told(manager, monkeypatch, span):
    """Type=notify alone asks for no signs of life."""
    if span is not None:
        monkeypatch.setenv("WATCHDOG_USEC", span)
    async with supervised(lambda: ()):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert all_of(manager) == ["READY=1", "STOPPING=1"]


async def test_a_watchdog_of_another_process_is_not_ours(manager, monkeypatch):
    """A child inherits the variables, and WATCHDOG_PID says whom they mean."""
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    async with supervised(lambda: ()):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert all_of(manager) == ["READY=1", "STOPPING=1"]


@pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux's")
async def test_a_socket_in_the_abstract_namespace_is_found(monkeypatch):
    """An @ stands for the zero byte at the beginning of its name."""
    with listening(f"\0bellbuoy-test-{os.getpid()}", monkeypatch) as heard:
        async with supervised(lambda: ()):
            pass
        assert all_of(heard) == ["READY=1", "STOPPING=1"]


@pytest.mark.parametrize("address", [None, "", "/nowhere/at/all", "vsock:2:1234"])
async def test_without_a_service_manager_nothing_is_told(monkeypatch, address):
    """Nothing is said, and nothing fails."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    async with supervised(lambda: ()):
        pass


async def test_a_manager_that_does_not_read_holds_nothing_up(manager, monkeypatch):
    """Its socket is full: signs are dropped, and the monitor goes on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sender.sendto(b"x" * 1000, os.environ["NOTIFY_SOCKET"])
    async with asyncio.timeout(5):
        async with supervised(lambda: ()):
            pass
