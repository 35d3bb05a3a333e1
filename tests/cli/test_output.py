"""Standard output and standard error, and readers that go away or do not read."""

import asyncio
import contextlib
import io
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.cli.output import Printer, say, write


@contextlib.contextmanager
def piped(encoding="utf-8"):
    """Standard output is a pipe; the end that reads. A fixture cannot: pytest takes it back."""
    reading, writing = os.pipe()
    stream, stdout = os.fdopen(writing, "w", encoding=encoding), sys.stdout
    sys.stdout = stream
    try:
        yield reading
    finally:
        sys.stdout = stdout
        stream.close()
        with contextlib.suppress(OSError):
            os.close(reading)


async def test_lines_come_out_in_order_and_at_once():
    """Each write is there to be read when it returns."""
    with piped() as pipe, Printer() as printer:
        await printer.write("one\n")
        assert os.read(pipe, 100) == b"one\n"
        await printer.write("zwei – 二\n")
        assert os.read(pipe, 100) == "zwei – 二\n".encode()


async def test_what_the_terminal_cannot_show_is_spelled_out():
    """A letter that the encoding lacks does not end the program."""
    with piped("ascii") as pipe:
        with Printer() as printer:
            await printer.write("Störung\n")
        assert os.read(pipe, 100) == b"St\\xf6rung\n"
        with Printer("utf-8") as printer:
            await printer.write("Störung\n")
        assert os.read(pipe, 100) == "Störung\n".encode()


async def test_a_reader_that_went_away_is_a_broken_pipe():
    """Writing to a closed pipe raises BrokenPipeError, and closing the printer nothing."""
    with piped() as pipe, Printer() as printer:
        os.close(pipe)
        with pytest.raises(BrokenPipeError):
            await printer.write("hello\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
async def test_a_reader_that_goes_away_is_noticed_without_a_write():
    """`bellbuoy watch | head -1` does not have to wait for the next event to end."""
    with piped() as pipe, Printer() as printer:
        gone = asyncio.create_task(printer.until_gone())
        done, _ = await asyncio.wait({gone}, timeout=0.05)
        assert not done
        os.close(pipe)
        await asyncio.wait_for(gone, 2)


async def test_a_full_pipe_holds_up_neither_the_loop_nor_the_end():
    """A reader that does not read stops its own lines only."""
    began = time.monotonic()
    with piped() as pipe:
        with Printer() as printer:
            stuck = asyncio.create_task(printer.write("x" * 1_000_000))
            done, _ = await asyncio.wait({stuck}, timeout=0.05)
            assert not done
            stuck.cancel()
        assert time.monotonic() - began < 2
        read = 0
        while read < 1_000_000:
            read += len(os.read(pipe, 1 << 20))
        printer._thread.join(5)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
async def test_a_disk_that_is_full_is_no_closed_pipe(monkeypatch):
    """Other errors keep their name."""
    with io.TextIOWrapper(io.FileIO("/dev/full", "w")) as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        with Printer() as printer, pytest.raises(OSError, match="No space left"):
            await printer.write("hello\n")


async def test_without_a_descriptor_it_writes_to_what_stands_there(monkeypatch):
    """In a shell that replaced standard output, lines go there."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with Printer() as printer:
        await printer.write("hello\n")
    assert stream.getvalue() == "hello\n"


@given(st.text(st.characters(codec=None)))
def test_j3_what_is_said_steers_no_terminal(text):
    """Bytes 0 to 31 (but line ends) and 127 to 159 never reach standard error."""
    stream = io.StringIO()
    stderr, sys.stderr = sys.stderr, stream
    try:
        say(text)
    finally:
        sys.stderr = stderr
    said = stream.getvalue().replace("\n", "").replace("\t", "")
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in said)


def test_nobody_at_standard_error_ends_nothing(monkeypatch):
    """A closed standard error is not our business."""
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    say("hello")


def test_a_result_is_written_in_the_terminal_s_letters(capsys, monkeypatch):
    """`write` spells out what the encoding lacks."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    write("Störung\n")
    assert stream.buffer.getvalue() == b"St\\xf6rung\n"
