"""The same commands at a terminal: a pty, as a person's shell gives one."""

import os
import subprocess
import sys

import pytest

from tests.cli.pages import incident, served, statuspage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")


@pytest.fixture
def terminal(environment, home):
    """Run a command at a terminal of 80 columns; its exit code and everything on the screen."""

    def terminal(*arguments, **more):
        master, slave = os.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "bellbuoy", *arguments],
            env={**environment, "TERM": "xterm-256color", **more},
            cwd=home,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        ) as process:
            os.close(slave)
            screen = b""
            while True:
                try:
                    got = os.read(master, 1 << 16)
                except OSError:
                    break
                if not got:
                    break
                screen += got
            code = process.wait(30)
        os.close(master)
        return code, screen.decode().replace("\r\n", "\n")

    return terminal


def test_help_at_a_terminal(terminal, snapshot):
    """The help has headings and colours that a person sees."""
    code, screen = terminal("watch", "--help")
    assert code == 0
    assert screen == snapshot


def test_no_color_is_respected_in_help(terminal):
    """With NO_COLOR the help has no colours."""
    _, screen = terminal("watch", "--help", NO_COLOR="1")
    assert "\x1b[3" not in screen
    assert "bellbuoy watch [OPTIONS]" in screen


def test_j3_a_hostile_page_at_a_terminal(terminal):
    """A page that tries to set the title and fake a line gets neither; --once ends with 0."""
    text = "x\x1b]0;owned\x07\x9b31m\r\n[2026-01-01 00:00:00] Provider: Fake"
    with served(statuspage(incident(text=text))) as url:
        code, screen = terminal("watch", url, "--once", "--allow-private", "127.0.0.0/8")
    assert code == 0
    assert "\x1b" not in screen
    assert "\x07" not in screen
    assert "\x9b" not in screen
    heads = [line for line in screen.splitlines() if line.startswith("[")]
    assert heads == [f"[2026-02-23 16:09:30] Provider: {url.removeprefix('http://')}"]
    assert "    [2026-01-01 00:00:00] Provider: Fake\n" in screen


def test_an_error_at_a_terminal_is_one_line(terminal):
    """No box, no traceback: the same line as in a pipe."""
    code, screen = terminal("watch", "--onec")
    assert code == 2
    assert (
        screen
        == "bellbuoy: Unknown option: --onec. Did you mean --once? See: bellbuoy watch --help\n"
    )
