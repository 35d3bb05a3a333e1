"""`silence`: what is muted, for how long, by whom, and beside a `watch` that runs."""

import json
import subprocess
import sys
from threading import Timer

import pytest

from tests.cli.pages import incident, served, statuspage
from tests.cli.pretend import event
from tests.cli.test_log import record


@pytest.fixture
def here(home):
    """A home with a config and a store."""
    (home / "bellbuoy.yaml").write_text(
        "providers: [openai, github]\nstore: bell.db\ndisplay: {timezone: Europe/Berlin}\n"
    )
    record(str(home / "bell.db"), event(1))
    return home


def silences(call, *more):
    """What `silence list --json` says."""
    done = call("silence", "list", "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("here")
def test_a_silence_is_added_listed_and_ended(call):
    """The id is all that stands on standard output, so that a script can keep it."""
    done = call("silence", "add", "github:Actions", "--for", "2h", "--comment", "we know")
    assert done.returncode == 0
    id = done.stdout.strip()
    assert done.stderr.startswith("silenced until ")
    assert done.stderr.endswith(": providers: github; components: Actions\n")
    (one,) = silences(call)
    assert (one["id"], one["comment"]) == (id, "we know")
    assert one["matcher"]["providers"] == ["github"]
    (line,) = call("silence", "list").stdout.splitlines()
    assert line.startswith(f"{id}  until ")
    assert "providers: github; components: Actions  by " in line
    assert line.endswith(": we know")
    assert call("silence", "expire", id[:3]).stdout == f"{id}\n"
    done = call("silence", "list")
    assert (done.stdout, done.stderr) == ("", "nothing is silenced\n")
    assert [each["id"] for each in silences(call, "--ended")] == [id]


@pytest.mark.usefixtures("here")
def test_every_narrowing_is_kept(call):
    """By kind, by impact and by word; the JSON has every key and one order."""
    done = call(
        *("silence", "add", "*", "--for", "30m", "--impacts", "<=minor", "--author", "ann"),
        *("--kinds", "incident,component.changed", "--text", "login"),
    )
    assert done.returncode == 0, done.stderr
    (one,) = silences(call)
    assert one.keys() == {
        "id",
        "matcher",
        "starts_at",
        "ends_at",
        "author",
        "comment",
        "created_at",
    }
    assert one["author"] == "ann"
    assert {name: words for name, words in one["matcher"].items() if words} == {
        "providers": ["*"],
        "impacts": ["none", "minor", "unknown"],
        "kinds": ["incident", "component.changed"],
        "text": ["login"],
    }


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["", "--for", "2h"], "TARGET: '' is neither a provider"),
        (["github:", "--for", "2h"], "TARGET: 'github:' is neither a provider"),
        (["github"], "--for"),
        (["github", "--for", "0"], "--for: '0' is not a length of time above zero"),
        (["github", "--for", "soon"], "--for: 'soon' is not a duration"),
        (["github", "--for", "99999999d"], "--for: 1e+08 d is not between 1 s and 3650 d"),
        (["github", "--for", "2h", "--impacts", "bad"], "--impacts: 'bad' is not an impact"),
        (["github", "--for", "2h", "--kinds", "x"], "--kinds: 'x' is not a kind of event"),
        (["github", "--for", "2h", "--text", " "], "--text: is empty"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place_and_nothing_is_muted(words, said, call):
    """One line, exit code 2."""
    done = call("silence", "add", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert silences(call) == []


@pytest.mark.usefixtures("here")
def test_a_misspelt_provider_is_warned_of(call):
    """It would mute nothing, and nobody would notice until the pager rings."""
    done = call("silence", "add", "githb", "--for", "2h")
    assert done.returncode == 0
    assert done.stderr.startswith(
        "warning: 'githb' is like no provider that is watched (did you mean 'github'"
    )
    assert "warning" not in call("silence", "add", "git*:API", "--for", "2h").stderr


def test_a_provider_goes_by_every_name_that_the_catalog_has_for_it(call, here):
    """What works under `providers` works here."""
    (here / "bellbuoy.yaml").write_text("providers: [aws]\nstore: bell.db\n")
    done = call("silence", "add", "aws:us-east-1/ec2", "--for", "2h")
    assert "warning" not in done.stderr
    assert silences(call)[0]["matcher"]["providers"] == ["amazon-web-services"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("id", ["", "zz"])
def test_ending_what_is_none_names_those_that_are(id, call):
    """An empty id is not all of them."""
    kept = call("silence", "add", "github", "--for", "2h").stdout.strip()
    done = call("silence", "expire", id)
    assert done.returncode == 2
    assert done.stderr == (f"bellbuoy: {id!r} is no silence that is in force; known are {kept}\n")
    assert len(silences(call)) == 1


def test_without_a_store_there_is_nothing_to_mute(call, home):
    """A store in memory is no store that another process could see."""
    for words in (["silence", "add", "github", "--for", "1h"], ["silence", "list"]):
        assert call(*words, "--store", "none.db").returncode == 3
        done = call(*words, "--store", "memory")
        assert done.returncode == 3
        assert done.stderr.startswith("bellbuoy: memory: ")
    assert list(home.iterdir()) == []


def test_p5_a_silence_counts_at_once_for_a_watch_that_runs(call, home, environment):
    """Added while it polls, it mutes what comes next, and the log has it all the same."""
    documents = statuspage()
    with served(documents) as url:
        (home / "bellbuoy.yaml").write_text(
            f"providers: [{{name: Acme, url: '{url}', format: statuspage, every: 200ms}}]\n"
            "http: {allow_private: [127.0.0.0/8]}\nstore: bell.db\n"
            "receivers: {screen: {kind: console}}\nroutes: [{to: screen}]\n"
        )
        command = [sys.executable, "-u", "-m", "bellbuoy", "watch", "--kinds", "monitor"]
        with subprocess.Popen(
            command,
            cwd=home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as watch:
            watchdog = Timer(60, watch.kill)
            watchdog.start()
            assert any("1 fine" in line for line in watch.stderr)
            added = call("silence", "add", "acme", "--for", "1h", "--text", "muted")
            documents |= statuspage(incident("i1", text="muted"), incident("i2", text="heard"))
            told = [next(line for line in watch.stdout if "Message:" in line)]
            watch.terminate()
            told += [line for line in watch.stdout if "Message:" in line]
            watch.wait(20)
            watchdog.cancel()
    assert added.returncode == 0, added.stderr
    assert told == ["  Message: heard\n"]
    recorded = call("events", "--json").stdout.splitlines()
    assert {json.loads(line)["subject"] for line in recorded} == {
        "acme/incidents/i1",
        "acme/incidents/i2",
    }
    asked = call("explain", "i1")
    assert "withheld by route routes.0: silenced" in asked.stdout
