"""`drill`: a made-up incident through the real routes to the real receivers."""

import json

import pytest

CONFIG = """
providers: [{name: Acme, url: "https://status.acme.example"}, github]
receivers:
  log: {kind: file, path: log.jsonl}
  pager: {kind: file, path: pager.jsonl}
routes:
  - {name: all, to: log, hold: 10m}
  - {name: api, to: pager, when: {providers: acme, impacts: critical, components: API}}
"""


@pytest.fixture
def here(home):
    """A home with a config, and without a store."""
    (home / "bellbuoy.yaml").write_text(CONFIG)
    return home


def told(home, name):
    """What a receiver's file holds."""
    path = home / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_whoever_is_told_is_shown_with_the_route_and_the_wait(call, here):
    """Of the first provider; nothing is recorded."""
    done = call("drill")
    assert done.returncode == 0, done.stderr
    first, second, *rest = done.stdout.splitlines()
    assert first.startswith("log  incident.opened: taken in 0.")
    assert " by route all, after 10 m of waiting: " in first
    assert second == "pager  incident.opened: not told: an impact that was not asked for"
    assert len(rest) == 4
    assert {one["subject"].partition("/")[0] for one in told(here, "log")} == {"acme"}
    assert told(here, "pager") == []
    assert sorted(path.name for path in here.iterdir()) == ["bellbuoy.yaml", "log.jsonl"]


def test_the_incident_can_be_made_to_fit_a_route(call, here):
    """By provider, component and impact; every text says that it is a drill."""
    done = call("drill", "acme", "--component", "API", "--impact", "critical", "--json")
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["receiver"], line["outcome"]) for line in lines[:2]] == [
        ("log", "taken"),
        ("pager", "taken"),
    ]
    assert lines[0].keys() == {
        *("receiver", "kind", "outcome", "route", "detail", "reference", "seconds", "waited")
    }
    for one in told(here, "pager"):
        assert one["data"]["incident"]["title"].startswith("DRILL: ")
        assert one["data"]["incident"]["impact"] == "critical"
        assert one["data"]["incident"]["components"][0]["name"] == "API"
    assert call("drill", "github", "--component", "API", "--impact", "critical").returncode == 0
    assert len(told(here, "pager")) == 3


def test_one_receiver_that_does_not_take_it_fails_the_drill(call, here):
    """Exit code 1, although another one took it."""
    (here / "blocked").write_text("")
    (here / "bellbuoy.yaml").write_text(CONFIG.replace("pager.jsonl", "blocked/pager.jsonl"))
    done = call("drill", "--component", "API", "--impact", "critical")
    assert done.returncode == 1
    assert done.stdout.count("pager  incident.") == 3
    assert done.stdout.count("not taken") == 3


def test_nobody_told_fails_the_drill(call, home):
    """Whether no route asks for it, or no route leads anywhere."""
    (home / "bellbuoy.yaml").write_text(CONFIG.replace("  - {name: all, to: log, hold: 10m}\n", ""))
    assert call("drill").returncode == 1
    (home / "bellbuoy.yaml").write_text("receivers: {}\n")
    done = call("drill")
    assert done.returncode == 2
    assert done.stderr == (
        "bellbuoy: there are no receivers in the config; add some under receivers\n"
    )


def test_a_console_does_not_stand_between_the_objects(call, home):
    """What it prints goes to standard error while standard output is for a program."""
    (home / "bellbuoy.yaml").write_text("receivers: {screen: {kind: console}}\n")
    done = call("drill", "--json")
    assert [json.loads(line)["outcome"] for line in done.stdout.splitlines()] == ["taken"] * 3
    assert done.stderr.count("Status: DRILL: a made-up incident") == 3
    assert "Status: DRILL: a made-up incident" in call("drill").stdout


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["githb"], "'githb' is not in the catalog (did you mean 'github'"),
        (["--impact", "bad"], "--impact"),
    ],
)
def test_what_makes_no_sense_is_refused(words, said, call):
    """One line, exit code 2, and nobody is rung."""
    done = call("drill", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
