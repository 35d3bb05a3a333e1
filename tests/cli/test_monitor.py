"""What `watch` prints, when it ends, and where it goes on."""

import asyncio
import json
import os
import signal
import sys

import pytest

from bellbuoy import platform
from bellbuoy.app import Sweep
from bellbuoy.cli import monitor as room
from bellbuoy.cli.monitor import READER, Wishes, monitor
from bellbuoy.cli.output import Printer
from bellbuoy.errors import StoreCorruptError, StoreUnavailableError, Unreadable
from bellbuoy.events import EventKind
from bellbuoy.stores.memory import MemoryStore
from tests.cli.pretend import OFFLINE, Story, config, event


@pytest.fixture
def watch(monkeypatch, capfd):
    """Run the monitor over a story; the exit code, standard output and standard error."""

    async def watch(story, pages=1, *, printer=None, **wishes):
        monkeypatch.setattr(room, "App", story.app)
        with Printer() as own:
            code = await monitor(config(pages), Wishes(**wishes), printer or own)
        out, err = capfd.readouterr()
        return code, out, err

    return watch


class Lines:
    """A printer that keeps what is written, and can be told to fail or to wait."""

    def __init__(self, error=None):
        self.lines = []
        self.error = error
        self.wait_at = None
        self.waiting = asyncio.Event()
        self.go = asyncio.Event()
        self.written = asyncio.Event()

    async def write(self, text):
        """Write like a Printer."""
        if self.wait_at == len(self.lines):
            self.waiting.set()
            await self.go.wait()
        if self.error is not None:
            raise self.error
        self.lines.append(text)
        self.written.set()

    async def until_gone(self):
        """Wait for a reader who never goes away."""
        await asyncio.Event().wait()

    def ids(self):
        """The events that were written."""
        return [json.loads(line)["id"] for line in self.lines]


async def test_each_event_is_one_line_of_json_in_the_order_of_the_log(watch):
    """--json prints every kind, also what no console announces."""
    kinds = (EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CHANGED, EventKind.INCIDENT_EDITED)
    story = Story(*(event(n, kind) for n, kind in enumerate(kinds)))
    code, out, _ = await watch(story, once=True, as_json=True)
    told = [json.loads(line) for line in out.splitlines()]
    assert [one["id"] for one in told] == ["event-0", "event-1", "event-2"]
    assert [one["data"]["seq"] for one in told] == [1, 2, 3]
    assert code == 0


async def test_the_summary_after_the_first_sweep(watch):
    """One line on standard error says what was found, and when and where it goes on."""
    sweep = Sweep(pages=5, fine=4, trouble=1, unreadable=0)
    _, out, err = await watch(Story(sweep=sweep), pages=5, seconds=0.1)
    assert out == ""
    assert (
        err == "5 pages: 4 fine, 1 with trouble, 0 unreadable; next look in 60 s; state in memory\n"
    )


async def test_once_tells_of_unreadable_pages_and_exits_with_1(watch):
    """A page that was not read is named with its reason."""
    story = Story(failed={2: (Unreadable.BLOCKED, "a captcha")})
    code, _, err = await watch(story, pages=2, once=True)
    assert code == 1
    assert err.splitlines() == [
        "https://status2.openai.example: a captcha",
        "2 pages: 1 fine, 0 with trouble, 1 unreadable; state in memory",
    ]


async def test_without_a_network_it_is_one_line_and_not_one_per_page(watch):
    """When no page at all could be reached, that is said once."""
    story = Story(failed=dict.fromkeys(range(1, 6), OFFLINE))
    code, _, err = await watch(story, pages=5, once=True)
    assert code == 1
    assert len(err.splitlines()) == 2
    assert err.startswith("no page could be reached; the first: https://status1.openai.example")


async def test_an_unreadable_page_does_not_fail_a_run_that_goes_on(watch):
    """Without --once the exit code is about the run, not about the pages."""
    story = Story(failed={1: (Unreadable.BLOCKED, "a captcha")})
    code, _, _ = await watch(story, seconds=0.1)
    assert code == 0


async def test_a_sweep_that_the_time_cut_short_is_not_fine(watch):
    """--once --for 1s that could not look at every page exits with 1 and says so."""
    code, _, err = await watch(Story(never_swept=True), pages=3, once=True, seconds=0.05)
    assert code == 1
    assert err == "bellbuoy: the time was over before 3 of 3 pages were polled\n"


async def test_started_again_it_goes_on_where_it_was(watch):
    """What was printed is not printed again, and what came in between is not missed."""
    store = MemoryStore()
    _, out, _ = await watch(Story(event(1), event(2), store=store), once=True, as_json=True)
    assert len(out.splitlines()) == 2
    await store.append([event(3)])
    _, out, _ = await watch(Story(event(4), store=store), once=True, as_json=True)
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["event-3", "event-4"]
    assert await store.read_cursor(READER) == 4


async def test_what_is_not_shown_moves_the_place_too(watch):
    """Events that the console does not announce are not looked at again."""
    store = MemoryStore()
    story = Story(event(1, EventKind.INCIDENT_EDITED), store=store)
    _, out, _ = await watch(story, once=True)
    assert out == ""
    assert await store.read_cursor(READER) == 1


async def test_a_line_that_was_begun_at_the_stop_is_finished_and_counted(watch):
    """A stop in the middle of a line neither cuts it nor prints it twice."""
    story, lines = Story(event(1), event(2)), Lines()
    lines.wait_at = 1
    running = asyncio.create_task(watch(story, printer=lines, as_json=True))
    await lines.waiting.wait()
    story.apps[0].request_stop()
    await asyncio.sleep(0.01)
    lines.go.set()
    assert (await running)[0] == 0
    assert lines.ids() == ["event-1", "event-2"]
    assert await story.store.read_cursor(READER) == 2


async def test_a_reader_that_does_not_read_does_not_hold_up_the_stop(watch):
    """The stop does not wait for a paused pager, and the place stays before its line."""
    story, lines = Story(event(1), event(2)), Lines()
    lines.wait_at = 1
    running = asyncio.create_task(watch(story, printer=lines, as_json=True))
    await lines.waiting.wait()
    story.apps[0].request_stop()
    async with asyncio.timeout(2):
        assert (await running)[0] == 0
    assert story.apps[0].closed
    assert await story.store.read_cursor(READER) == 1


async def test_a_closed_pipe_ends_the_run(watch):
    """When nobody reads any more, the run ends with what main makes a quiet 0."""
    story = Story(event(1))
    with pytest.raises(BrokenPipeError):
        await watch(story, printer=Lines(BrokenPipeError()), as_json=True)
    assert story.apps[0].closed
    assert await story.store.read_cursor(READER) is None


async def test_what_a_task_of_the_app_died_of_leaves_the_run(watch):
    """A dead store ends the run with its error, after what was recorded is printed."""
    story, lines = Story(event(1), death=StoreCorruptError("damaged")), Lines()
    with pytest.raises(StoreCorruptError):
        await watch(story, printer=lines, as_json=True)
    assert story.apps[0].closed


async def test_a_place_that_cannot_be_kept_now_is_kept_later(watch, monkeypatch):
    """A full disk for a moment costs nothing: the place is written at the end at the latest."""
    story = Story(event(1))
    write, failures = story.store.write_cursor, [StoreUnavailableError("disk full")]

    async def flaky(reader, seq):
        if failures:
            raise failures.pop()
        await write(reader, seq)

    monkeypatch.setattr(story.store, "write_cursor", flaky)
    code, out, _ = await watch(story, seconds=0.1, as_json=True)
    assert (code, len(out.splitlines())) == (0, 1)
    assert await story.store.read_cursor(READER) == 1


async def test_a_thousand_events_cost_few_writes_of_the_place(watch, monkeypatch):
    """The place is not a transaction for each line."""
    story = Story(*(event(n) for n in range(1, 501)))
    write, written = story.store.write_cursor, []

    async def slow(reader, seq):
        written.append(seq)
        await asyncio.sleep(0.01)
        await write(reader, seq)

    monkeypatch.setattr(story.store, "write_cursor", slow)
    lines = Lines()
    await watch(story, printer=lines, once=True, as_json=True)
    assert len(lines.lines) == 500
    assert written[-1] == 500
    assert len(written) < 100


async def test_stats_are_the_last_line_of_standard_output(watch):
    """--stats ends with one JSON object, after every event."""
    story = Story(event(1), failed={2: OFFLINE})
    _, out, _ = await watch(story, pages=2, once=True, as_json=True, stats=True)
    *events, figures = [json.loads(line) for line in out.splitlines()]
    assert [one["id"] for one in events] == ["event-1"]
    assert figures["polls"] == 2
    assert (figures["changed"], figures["failed"]) == (1, 1)


async def test_stats_come_after_a_run_that_was_interrupted(watch):
    """Also where Ctrl+C cancels the run (Windows), the figures are printed and the end is clean."""
    story, lines = Story(event(1)), Lines()
    running = asyncio.create_task(watch(story, printer=lines, as_json=True, stats=True))
    await lines.written.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(lines.lines) == 2
    assert "polls" in json.loads(lines.lines[1])
    assert story.apps[0].closed
    assert await story.store.read_cursor(READER) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to catch in the loop")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("once", [False, True])
async def test_a_signal_is_a_quiet_stop(number, once, watch):
    """SIGINT and SIGTERM end the run with 0, whatever is unfinished."""
    story = Story(never_swept=True)
    running = asyncio.create_task(watch(story, once=once))
    await story.begun.wait()
    os.kill(os.getpid(), number)
    code, out, err = await running
    assert (code, out, err) == (0, "", "")
    assert story.apps[0].closed


def test_a_keyboard_interrupt_stops_where_the_loop_cannot_watch_signals(monkeypatch):
    """Without signals in the loop, Ctrl+C cancels the run, and everything is closed."""
    story, lines = Story(event(1)), Lines()
    monkeypatch.setattr(room, "App", story.app)

    async def interrupted():
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, signal.raise_signal, signal.SIGINT)
        return await monitor(config(), Wishes(as_json=True), lines)

    def refuse(*_):
        raise NotImplementedError

    monkeypatch.setattr(asyncio.unix_events._UnixSelectorEventLoop, "add_signal_handler", refuse)
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(KeyboardInterrupt):
        platform.run(interrupted)
    assert lines.ids() == ["event-1"]
    assert story.apps[0].closed
