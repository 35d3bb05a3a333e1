"""How the program begins and how it ends."""

import os
import subprocess
import sys

import pytest
from cyclopts import App

from bellbuoy.cli import program
from bellbuoy.errors import (
    AlreadyRunningError,
    BellbuoyError,
    ConfigError,
    CursorError,
    FetchError,
    LeaseLostError,
    PluginError,
    StoreCorruptError,
    Unreadable,
)

COMMANDS = (
    ("watch",),
    ("serve",),
    ("status",),
    ("gate",),
    ("recognise",),
    ("add",),
    ("events",),
    ("explain",),
    ("routes", "test"),
    ("routes", "replay"),
    ("receivers", "list"),
    ("receivers", "test"),
    ("receivers", "dead"),
    ("receivers", "revive"),
    ("silence", "add"),
    ("silence", "list"),
    ("silence", "expire"),
    ("drill",),
    ("replay",),
    ("demo",),
    ("catalog", "check"),
    ("catalog", "search"),
    ("catalog", "show"),
    ("config", "check"),
    ("config", "schema"),
    ("store", "migrate"),
    ("store", "check"),
    ("store", "vacuum"),
    ("store", "backup"),
    ("store", "export"),
    ("store", "import"),
    ("workers",),
)


def leaves(app: App, path=()):
    """Every command that does something, by its words."""
    names = [name for name in app if not name.startswith("-")]
    for name in names:
        yield from leaves(app[name], (*path, name))
    if not names:
        yield path


def ends_with(error: BaseException, monkeypatch, capsys) -> tuple[int, str]:
    """The exit code and the words of a command that raises this."""

    def fail(_arguments):
        raise error

    monkeypatch.setattr(program, "_run", fail)
    code = program.main([])
    out, err = capsys.readouterr()
    assert out == ""
    return code, err


def test_the_table_of_commands_is_complete():
    """Every command that the program knows is tested here, and no other."""
    assert set(leaves(program.program())) == set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(words, capsys):
    """--help of each command shows at least one whole command line of it."""
    assert program.main([*words, "--help"]) == 0
    out, _ = capsys.readouterr()
    _, _, examples = out.partition("For example:")
    assert f"    bellbuoy {' '.join(words)}" in examples


@pytest.mark.parametrize("words", [(), *COMMANDS], ids=" ".join)
def test_help_in_a_pipe(words, call, snapshot):
    """The help, as a script or a document takes it."""
    done = call(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == snapshot


def test_the_version_costs_less_than_150_ms_of_cpu(environment):
    """`--version` prints one line, before anything heavy is imported."""

    def cost() -> float:
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-m", "bellbuoy", "--version"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        after = os.times()
        assert done.stdout == "bellbuoy 0.1.0\n"
        return (after[2] + after[3]) - (before[2] + before[3])

    assert min(cost() for _ in range(3)) <= 0.150


def test_help_imports_nothing_heavy():
    """No database, no HTTP client, no pydantic only to explain a command."""
    heavy = "{'aiohttp','sqlalchemy','pydantic','lxml','structlog','ruamel.yaml','asyncio'}"
    code = (
        "import sys; from bellbuoy.cli.program import main; main(['watch','--help']);"
        f"print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() in {"[]", "['asyncio']"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wathc"], 'Unknown command "wathc". Did you mean "watch"?'),
        (["watch", "--onec"], "Unknown option: --onec. Did you mean --once?"),
        (["watch", "--for"], "--for requires an argument"),
        (["watch", "--for", "soon"], "--for: 'soon' is not a duration"),
        (["watch", "--kinds", "outage"], "--kinds: 'outage' is not a kind of event"),
        (["watch", "--log-level", "loud"], 'Invalid value "loud" for --log-level'),
        (["watch", "nobody"], "'nobody' is not in the catalog"),
        (["watch", "--config", "none.yaml"], "none.yaml: there is no such file"),
        (["watch", "--allow-private", "home"], "--allow-private: 'home' is not a network"),
        (["status", "--config", "none.yaml"], "none.yaml: there is no such file"),
        (["recognise"], "URL requires an argument"),
        (["recognise", "no address"], "URL: "),
        (["replay", "--path", "x", "f"], "--format requires an argument"),
        (["replay", "--path", "x", "--format", "nope", "f"], "--format nope: no such format"),
        (["demo", "--for", "x"], "--for: 'x' is not a duration"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line_and_exit_code_2(arguments, said, call):
    """Usage is explained in one line on standard error, without a traceback."""
    done = call(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("bellbuoy: ")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--version"], 0), (["watch", "--onec"], 2), (["events"], 3)]
)
def test_the_process_ends_with_that_code(arguments, code, run):
    """The real process hands the code to the shell."""
    assert run(*arguments).returncode == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("bellbuoy.yaml:7: no"), 2),
        (PluginError("no such plugin"), 2),
        (CursorError("another log"), 2),
        (StoreCorruptError("damaged"), 3),
        (LeaseLostError("another worker has taken over: shard 001"), 3),
        (AlreadyRunningError("somebody polls"), 4),
        (FetchError("https://a.example", Unreadable.NETWORK, "refused"), 1),
        (BellbuoyError("no"), 1),
        (FileNotFoundError(2, "No such file", "x"), 1),
        (ExceptionGroup("tasks", [ValueError("x"), StoreCorruptError("damaged")]), 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_its_exit_code_and_one_line(error, code, monkeypatch, capsys):
    """What is raised on purpose is told in one line, however deep it was wrapped."""
    ended, said = ends_with(error, monkeypatch, capsys)
    assert ended == code
    assert len(said.splitlines()) == 1
    assert said.startswith("bellbuoy: ")


def test_every_problem_of_a_config_has_a_line(monkeypatch, capsys):
    """A config with two faults is told in two lines, in their order."""
    _, said = ends_with(ConfigError("a.yaml:1: one", "a.yaml:2: two"), monkeypatch, capsys)
    assert said == "bellbuoy: a.yaml:1: one\nbellbuoy: a.yaml:2: two\n"


def test_a_bug_does_not_look_like_an_outage(monkeypatch, capsys):
    """What nobody raised on purpose is marked as unexpected, with its traceback, exit code 1."""
    code, said = ends_with(ZeroDivisionError("oh"), monkeypatch, capsys)
    assert code == 1
    assert said.startswith("Traceback")
    assert said.endswith("bellbuoy: unexpected, please report it: ZeroDivisionError: oh\n")


def test_j3_an_error_that_quotes_a_vendor_steers_no_terminal(monkeypatch, capsys):
    """Control characters in an error's text do not reach the terminal."""
    error = FetchError("https://a.example", Unreadable.CUT, "\x1b]0;owned\x07\x9b31m\u202e")
    _, said = ends_with(error, monkeypatch, capsys)
    assert said.replace("\n", "").isprintable()


def test_ctrl_c_where_the_loop_cannot_watch_signals(monkeypatch, capsys):
    """A KeyboardInterrupt is a stop like any other: quiet, exit code 0."""
    assert ends_with(KeyboardInterrupt(), monkeypatch, capsys) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell with pipes")
@pytest.mark.parametrize("words", ["--version", "config schema", "watch --help"])
def test_a_closed_pipe_ends_quietly(words, environment):
    """When the reader is gone before we write, there is no error and the exit code is 0."""
    line = f"{{ {sys.executable} -m bellbuoy {words}; echo $? >&2; }} | sleep 0"
    done = subprocess.run(
        ["sh", "-c", line], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == "0\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes")
@pytest.mark.parametrize(
    ("words", "code"), [("--version >&-", 0), ("config check >&- 2>&-", 0), ("nope 2>&-", 2)]
)
def test_closed_outputs_are_no_error(words, code, environment):
    """Without standard output or standard error at all, a command does what it does."""
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m bellbuoy {words}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
