"""The first sweep, as a person sees it."""

import io
import sys

import pytest

from bellbuoy.app import Sweep
from bellbuoy.cli.sweeps import FirstLooks, in_one_line
from bellbuoy.errors import Unreadable
from tests.cli.pretend import OFFLINE, config, visit


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Yes."""
        return True


@pytest.mark.parametrize(
    ("sweep", "every", "line"),
    [
        (
            Sweep(pages=5, fine=4, trouble=1, unreadable=0),
            60.0,
            "5 pages: 4 fine, 1 with trouble, 0 unreadable; next look in 60 s; state in PATH",
        ),
        (
            Sweep(pages=1, fine=0, trouble=0, unreadable=1),
            None,
            "1 page: 0 fine, 0 with trouble, 1 unreadable; state in PATH",
        ),
        (
            Sweep(pages=2, fine=2, trouble=0, unreadable=0),
            0.5,
            "2 pages: 2 fine, 0 with trouble, 0 unreadable; next look in 0.5 s; state in PATH",
        ),
    ],
)
def test_the_summary(sweep, every, line):
    """The one line after the first sweep, word by word."""
    assert in_one_line(sweep, every=every, place="PATH") == line


def looks_over(pages, failed=()):
    """The first looks after a sweep with these failures."""
    looks = FirstLooks(config(pages).watched)
    with looks:
        for number in range(1, pages + 1):
            looks.visit_done(visit(number, *dict(failed).get(number, ())))
    return looks


def test_each_failure_has_its_line_up_to_ten():
    """Fifteen failed pages are ten lines, and one that counts the others."""
    failed = dict.fromkeys(range(1, 16), (Unreadable.CUT, "cut at 7"))
    lines = list(looks_over(20, failed).failures())
    assert len(lines) == 11
    assert lines[0] == "https://status1.openai.example: cut at 7"
    assert lines[-1] == "... and 5 more that could not be read"


def test_one_page_out_of_reach_is_told_as_that_page():
    """With a single page nobody knows whether it is them or us."""
    assert list(looks_over(1, {1: OFFLINE}).failures()) == [
        "https://status1.openai.example: cannot connect: name not known"
    ]


def test_only_the_first_visit_counts():
    """A page that fails later, or that was read later, changes nothing of the first sweep."""
    looks = FirstLooks(config(2).watched)
    with looks:
        looks.visit_done(visit(1))
        looks.visit_done(visit(1, *OFFLINE))
        looks.visit_done(visit(2, *OFFLINE))
        looks.visit_done(visit(2))
    looks.visit_done(visit(3, *OFFLINE))
    assert looks.failure(visit(1).page_key) is None
    assert looks.failure(visit(2).page_key) is not None
    assert looks.failure(visit(3).page_key) is None


@pytest.mark.parametrize(("pages", "stream", "shown"), [
    (51, Terminal, True), (50, Terminal, False), (5000, io.StringIO, False)
])  # fmt: skip
def test_progress_is_shown_for_many_pages_on_a_terminal_only(pages, stream, shown, monkeypatch):
    """51 pages at a terminal show how far it is; 50 pages, or a pipe, show nothing."""
    monkeypatch.setattr(sys, "stderr", stream())
    monkeypatch.setenv("TERM", "xterm")
    with FirstLooks(config(pages).watched) as looks:
        looks.visit_done(visit(1))
        looks.over()
    written = sys.stderr.getvalue()
    assert ("First look" in written) == shown
    assert bool(written) == shown


def test_progress_steps_aside_for_a_line_and_obeys_no_color(monkeypatch):
    """A line on the terminal is not written into the progress display; NO_COLOR has no colours."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    with FirstLooks(config(60).watched) as looks:
        with looks.aside():
            assert not looks._progress.live.is_started
        assert looks._progress.live.is_started
    assert looks._progress is None
    assert "\x1b[38" not in sys.stderr.getvalue()
    assert "\x1b[3" not in sys.stderr.getvalue().replace("\x1b[3F", "")
