"""A program is run without a shell, is answered for by its exit code, and leaves nothing behind."""

import asyncio
import json
import os
import shlex
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.events import to_json
from bellbuoy.model.delivery import Service
from bellbuoy.notifiers import DoorNotifier, Notifiers, _programs, command, takes_digests
from bellbuoy.testing.events import MARK, sample_events
from tests.docs.pages import blocks
from tests.event_samples import incident_event, message
from tests.notifiers import goldens

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")

EVENT = incident_event()
BIG = incident_event(body="€" * 16_000, components=tuple(f"c{n}" * 30 for n in range(2000)))


def script(folder: Path, text: str) -> Path:
    """A program that does this."""
    path = folder / "program.sh"
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


async def tell(program, told=None, **settings):
    """Send one event to a program."""
    run = [str(program)] if isinstance(program, Path) else program
    good = command.Settings.model_validate({"run": run, "timeout": "20s", **settings})
    async with command.open(good) as door:
        return await door.notify(told or message(EVENT))


def test_it_is_a_notifier_with_a_door_and_without_digests():
    """Each event is a run of its own, also after a backlog."""
    assert isinstance(Notifiers()["command"], DoorNotifier)
    assert not takes_digests(command)


async def test_the_program_reads_the_event_as_one_line(tmp_path):
    """What comes on standard input is the CloudEvent, and nothing after it."""
    await tell(script(tmp_path, f"cat > {tmp_path}/given"))
    assert (tmp_path / "given").read_bytes() == to_json(EVENT) + b"\n"


async def test_arguments_reach_the_program_as_they_are_written(tmp_path):
    """No shell splits, expands or runs them."""
    odd = ["two words", "$(touch canary)", "`id`", "*", "; rm -rf x", "", "${HOME}", "'\"\\"]
    program = script(tmp_path, f'for word in "$@"; do printf "%s\\0" "$word"; done > {tmp_path}/a')
    await tell([str(program), *odd])
    assert (tmp_path / "a").read_bytes().decode().split("\0")[:-1] == odd


async def environment(folder, told=None, **settings):
    """What a program finds in its environment."""
    code = (
        f"import json, os; open({str(folder / 'env')!r}, 'w').write(json.dumps(dict(os.environ)))"
    )
    await tell([sys.executable, "-c", code], told, **settings)
    found = json.loads((folder / "env").read_text())
    return {name: value for name, value in found.items() if name != "LC_CTYPE"}


async def test_w8_the_environment_is_clean(tmp_path, monkeypatch):
    """Bellbuoy's own secrets are not handed on: PATH, HOME, LANG, `env` and our facts are all."""
    monkeypatch.setenv("SLACK_TOKEN", "canary")
    env = await environment(tmp_path, env={"PAGER_KEY": "k1"})
    ours = {name for name in env if name.startswith("BELLBUOY_")}
    assert env.keys() - ours <= {"PATH", "HOME", "LANG", "PAGER_KEY"}
    assert env["PAGER_KEY"] == "k1"
    assert env["PATH"] == os.environ["PATH"]
    assert (env["BELLBUOY_EVENT_ID"], env["BELLBUOY_TYPE"]) == (EVENT.id, "incident.opened")
    assert (env["BELLBUOY_PHASE"], env["BELLBUOY_OCCASION"]) == ("begins", "event")


async def test_a_reminder_and_a_repeat_are_told_apart(tmp_path):
    """A reminder has a key of its own; a repeat has the key of the first try, and says so."""
    reminded = await environment(tmp_path, goldens.reminder())
    assert reminded["BELLBUOY_KEY"] == goldens.reminder().delivery.id != EVENT.id
    assert (reminded["BELLBUOY_OCCASION"], reminded["BELLBUOY_REPEAT"]) == ("reminder", "false")
    again = await environment(tmp_path, message(EVENT, repeat=True, after_gap=True))
    assert (again["BELLBUOY_KEY"], again["BELLBUOY_REPEAT"]) == (EVENT.id, "true")
    assert again["BELLBUOY_AFTER_GAP"] == "true"


@given(text=st.text(min_size=1, max_size=60).map(lambda text: f"{MARK}{text}"))
def test_j5_no_word_of_a_vendor_is_in_the_environment(text):
    """Neither of its title, its body, its ids, its components, nor its addresses."""
    event = incident_event(incident=text, update=text, title=text, body=text, components=(text,))
    facts = command._facts(message(event))
    assert not any(MARK in value for value in facts.values())
    assert all("\0" not in value for value in facts.values())


@pytest.mark.parametrize("event", list(sample_events()), ids=lambda event: event.kind)
async def test_a_program_is_told_of_every_kind_of_event(event, tmp_path):
    """Of pages and of ourselves, too, which have no incident."""
    await tell(script(tmp_path, f"cat > {tmp_path}/given"), message(event))
    assert (tmp_path / "given").read_bytes() == to_json(event) + b"\n"


async def test_the_program_of_the_documentation_says_what_begins(tmp_path):
    """As it stands on the page of this kind."""
    (program,) = blocks("python", page="docs/receivers/command.md")
    (tmp_path / "page.py").write_text(program.text, "utf-8")
    run = [sys.executable, str(tmp_path / "page.py"), "--urgent"]
    assert (await tell(run, goldens.opened())).detail == "exit code 0: Elevated error rates"
    assert (await tell(run, goldens.resolved())).detail == "exit code 0"


async def test_exit_code_0_is_a_receipt(tmp_path):
    """Its last line is kept for whoever looks."""
    receipt = await tell(script(tmp_path, "echo one; echo 'paged 2 people'; echo"))
    assert receipt.detail == "exit code 0: paged 2 people"


@pytest.mark.parametrize(
    ("ending", "said", "uncertain"),
    [
        ("exit 75", "exit code 75", False),
        ("exit 1", "exit code 1", True),
        ("exit 64", "exit code 64", True),
        ("echo no route to pager >&2; exit 111", "exit code 111: no route to pager", True),
        ("kill -9 $$", "ended by signal 9", True),
        ("kill -15 $$", "ended by signal 15", True),
    ],
)
async def test_n1_any_other_ending_is_tried_again(ending, said, uncertain, tmp_path):
    """Only 75 says that nothing was done; everything else may have got through."""
    with pytest.raises(DelayedError) as caught:
        await tell(script(tmp_path, ending))
    assert (caught.value.detail, caught.value.uncertain) == (said, uncertain)


async def test_n3_exit_code_65_is_dead(tmp_path):
    """The program says that it will never take this event."""
    with pytest.raises(RefusedError, match="exit code 65: no such team"):
        await tell(script(tmp_path, "echo no such team; exit 65"))


@pytest.mark.parametrize("name", ["/no/such/program", "no-such-program-on-the-path"])
async def test_a_missing_program_is_tried_again_and_the_cure_is_said(name):
    """Whoever installs it has 72 hours, and nothing went anywhere."""
    with pytest.raises(DelayedError, match=r"No such file .*; install it, or change") as caught:
        await tell([name])
    assert not caught.value.uncertain


async def test_a_program_that_may_not_be_run_is_tried_again(tmp_path):
    """A missing x is as good as a missing program."""
    path = script(tmp_path, "exit 0")
    path.chmod(0o644)
    with pytest.raises(DelayedError, match="Permission denied"):
        await tell(path)
    with pytest.raises(DelayedError, match=r"Permission denied"):
        await tell(tmp_path)


async def test_j3_output_is_bounded_and_clean(tmp_path):
    """A program that prints without end, or paints the terminal, does no harm to the log."""
    noisy = "yes canary | head -c 3000000; printf '\\033[31mred\\007\\r\\nERROR fake\\t line\\n'"
    receipt = await tell(script(tmp_path, noisy))
    assert receipt.detail == "exit code 0: ERROR fake line"
    wide = await tell(script(tmp_path, "printf '%0300000d' 7"))
    assert len(wide.detail) < 250


async def test_w8_a_secret_that_the_program_prints_is_not_told(tmp_path):
    """`set -x` in a script must not carry its key into our log."""
    settings = {"env": {"PAGER_KEY": "s3cr3t-canary", "EMPTY": ""}}
    with pytest.raises(DelayedError) as caught:
        await tell(script(tmp_path, 'echo "key $PAGER_KEY refused"; exit 3'), **settings)
    assert caught.value.detail == "exit code 3: key *** refused"
    good = command.Settings.model_validate({"run": "true", **settings})
    assert "canary" not in f"{good!r} {good.model_dump_json()}"


@pytest.mark.parametrize("ending", ["exit 0", "exec <&-; exit 0", "head -c 10 >/dev/null; exit 0"])
async def test_a_program_need_not_read_what_it_is_given(ending, tmp_path):
    """Not even if it is more than a pipe holds."""
    assert len(to_json(BIG)) > 200_000
    await tell(script(tmp_path, ending), message(BIG))


async def test_a_program_reads_an_event_that_a_pipe_does_not_hold(tmp_path):
    """All of it, although both sides write at the same time."""
    receipt = await tell(script(tmp_path, "tee /dev/stderr | wc -c"), message(BIG))
    assert receipt.detail.endswith(str(len(to_json(BIG)) + 1))


class Lives:
    """A pipe that a program and its children hold open: at its end all of them have ended."""

    def __init__(self, folder: Path) -> None:
        path = folder / "lives"
        os.mkfifo(path)
        self._reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._writing = os.open(path, os.O_WRONLY)
        os.set_blocking(self._reading, True)
        self.line = f"exec 9> {path}"

    async def over(self) -> bytes:
        """What was written into it; returns at its end."""
        os.close(self._writing)
        with os.fdopen(self._reading, "rb") as pipe:
            return await asyncio.wait_for(asyncio.to_thread(pipe.read), 20)


async def reaped() -> None:
    """Return once whoever waits for the programs knows that they ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("asyncio-waitpid"):
            await asyncio.to_thread(thread.join)
    await asyncio.sleep(0)


STUBBORN = "trap '' TERM"


@pytest.mark.parametrize("manners", ["", STUBBORN], ids=["ends when asked", "does not"])
async def test_n6_a_program_without_end_is_ended_with_its_children(manners, tmp_path, monkeypatch):
    """After its time; whoever does not end when asked is killed."""
    monkeypatch.setattr(_programs, "GRACE", 0.2)
    lives = Lives(tmp_path)
    program = script(
        tmp_path, f"{lives.line}\n{manners}\n(sleep 1000) &\necho begun >&9\nsleep 1000"
    )
    with pytest.raises(DelayedError, match=r"was ended after 0\.5 s") as caught:
        await tell(program, timeout="500ms")
    assert caught.value.uncertain
    assert await lives.over() == b"begun\n"


@pytest.mark.parametrize("manners", ["", STUBBORN], ids=["ends when asked", "does not"])
async def test_p8_at_a_stop_no_child_is_left(manners, tmp_path, monkeypatch):
    """A cancelled send ends the program and its children, even if it is cancelled twice."""
    monkeypatch.setattr(_programs, "GRACE", 60)
    lives = Lives(tmp_path)
    os.mkfifo(tmp_path / "ready")
    text = f"{lives.line}\n{manners}\n(sleep 1000) &\necho > {tmp_path}/ready\nsleep 1000"
    sending = asyncio.ensure_future(tell(script(tmp_path, text)))
    await asyncio.to_thread((tmp_path / "ready").read_bytes)
    sending.cancel()
    await asyncio.sleep(0)
    if manners:
        sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await lives.over() == b""
    await reaped()


@pytest.mark.parametrize("turns", range(1, 9))
async def test_p8_at_a_stop_a_program_that_just_starts_is_ended_too(turns, tmp_path):
    """Whichever turn of the loop the stop comes in."""
    lives = Lives(tmp_path)
    program = script(tmp_path, f"{lives.line}\n(sleep 1000) &\nsleep 1000")
    sending = asyncio.ensure_future(tell(program))
    for _ in range(turns):
        await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await lives.over() == b""
    await reaped()


async def test_what_a_program_leaves_in_the_background_holds_nothing_up(tmp_path, monkeypatch):
    """It has ended, so it has answered, although its output is still held open."""
    monkeypatch.setattr(_programs, "_LAST_WORDS", 0.1)
    lives = Lives(tmp_path)
    text = f"{lives.line}\nsleep 1000 &\necho $! > {tmp_path}/pid; echo sent; exit 0"
    receipt = await tell(script(tmp_path, text))
    assert receipt.detail == "exit code 0: sent"
    os.kill(int((tmp_path / "pid").read_text()), 9)
    await lives.over()


async def test_the_loop_goes_on_while_a_program_works(tmp_path):
    """The program waits for a word that only the loop can give it."""
    os.mkfifo(tmp_path / "word")
    program = script(tmp_path, f"read word < {tmp_path}/word; echo heard $word")
    sending = asyncio.ensure_future(tell(program))
    await asyncio.to_thread((tmp_path / "word").write_text, "go\n")
    assert (await sending).detail == "exit code 0: heard go"


async def test_no_zombie_is_left(tmp_path):
    """Every program that ended was waited for."""
    program = script(tmp_path, "exit 0")
    await asyncio.gather(*(tell(program) for _ in range(10)))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # noqa: ASYNC222 - it does not wait


def test_it_works_on_the_loop_that_bellbuoy_runs_on(tmp_path):
    """It has processes of its own making: quick ends, an answer, an early end, an end by us."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not there on this system")

    async def all_of_it():
        await asyncio.gather(*(tell(script(tmp_path, "exit 0")) for _ in range(20)))
        receipt = await tell(script(tmp_path, "wc -c; exit 0"), message(BIG))
        assert receipt.detail == f"exit code 0: {len(to_json(BIG)) + 1}"
        with pytest.raises(DelayedError, match="exit code 3: why"):
            await tell(script(tmp_path, "echo why; exit 3"), message(BIG))
        lives = Lives(tmp_path)
        program = script(tmp_path, f"{lives.line}\nsleep 1000 &\necho begun >&9\nsleep 1000")
        with pytest.raises(DelayedError, match="was ended"):
            await tell(program, timeout="500ms")
        await lives.over()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_of_it())


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"run": []}, "at least 1 item"),
        ({"run": ""}, "an absolute path, or a program's name"),
        ({"run": ["bin/page.sh"]}, "an absolute path, or a program's name"),
        ({"run": ["./page.sh"]}, "an absolute path, or a program's name"),
        ({"run": ["/bin/echo", "a\0b"]}, "zero byte"),
        ({"run": ["/bin/echo", 3]}, "valid string"),
        ({"run": "true", "timeout": "soon"}, "not a duration; write"),
        ({"run": "true", "timeout": True}, "not a duration; write"),
        ({"run": "true", "timeout": 0}, "above zero"),
        ({"run": "true", "timeout": "1h"}, "less than or equal"),
        ({"run": "true", "env": {"BELLBUOY_KEY": "x"}}, "not ours"),
        ({"run": "true", "env": {"A=B": "x"}}, "not ours"),
        ({"run": "true", "env": {"": "x"}}, "not ours"),
        ({"run": "true", "env": {"A": "canary\0"}}, "gives A a zero byte"),
        ({}, "Field required"),
    ],
)
def test_a_bad_setting_is_found_in_the_config(settings, fault):
    """Not at three in the morning, when the program is first run."""
    with pytest.raises(ValidationError, match=fault) as caught:
        command.Settings.model_validate(settings)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "seconds"), [("500ms", 0.5), ("30s", 30), ("2 m", 120), (5, 5), (2.5, 2.5)]
)
def test_a_timeout_is_written_like_every_duration(written, seconds):
    """With a unit, or as a number of seconds."""
    assert command.Settings.model_validate({"run": "true", "timeout": written}).timeout == seconds


def told(sent) -> str:
    """What a program is given, as a person reads it: its environment and its input."""
    facts = command._facts(sent).items()
    lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in facts)
    body = json.dumps(json.loads(to_json(sent.event)), indent=2, ensure_ascii=False)
    return f"{lines}\n{body}\n"


@pytest.mark.parametrize("name", ["opened", "updated", "resolved", "maintenance", "reminder"])
def test_a_run_reads_as_agreed(name):
    """The golden files hold the facts and the input of a run."""
    goldens.kept(f"command/{name}.txt", told(getattr(goldens, name)()))


def test_services_are_named_on_one_line():
    """They are the operator's own words, yet a line end would look like another variable."""
    services = (Service(name="Checkout\nX=1"), Service(name="Search"))
    facts = command._facts(replace(message(EVENT), services=services))
    assert facts["BELLBUOY_SERVICES"] == "Checkout X=1,Search"
