"""One look at everything: the table, the JSON, the exit code."""

import json
import sys

import pytest

from bellbuoy.cli import program, standing
from bellbuoy.config import Watched
from bellbuoy.errors import Unreadable
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Provider,
)
from bellbuoy.model.known import Known, KnownComponent, KnownIncident, PageState
from bellbuoy.model.leases import Role
from bellbuoy.stores import Visit
from bellbuoy.stores.memory import MemoryStore
from tests.cli.pretend import NOW, Story, page


def component(name, status, group=None):
    """A component that we hold."""
    return KnownComponent(id=name, name=name, status=status, group=group)


def incident(title, impact=Impact.MAJOR, kind=IncidentKind.INCIDENT):
    """An open incident that we hold."""
    return KnownIncident(
        id=title,
        key=title,
        kind=kind,
        title=title,
        status=IncidentStatus.IDENTIFIED,
        impact=impact,
        url="https://a.example/i",
        first_seen_at=NOW,
    )


@pytest.fixture
def look(monkeypatch, capsys):
    """Run `status` over pages that say this; (provider, components, incidents) for each."""

    def look(*pages, failed=(), terminal=False, arguments=(), colour=True):
        watched, store = [], MemoryStore()
        story = Story(store=store, failed=failed)
        for number, (name, components, incidents) in enumerate(pages, 1):
            provider = Provider(slug=name.lower(), name=name)
            of = page(number, provider)
            watched.append(Watched(page=of))
            known = Known(
                page_key=of.key,
                baseline_at=NOW,
                components={c.id: c for c in components},
                incidents={i.key: i for i in incidents},
            )
            empty = Known(page_key=of.key)
            state = PageState(page_key=of.key)
            visit = Visit(page=of, state=state, before=empty, known=known)
            story.visits.append(visit)
        monkeypatch.setattr(standing, "App", story.app)
        monkeypatch.setattr("bellbuoy.cli.choice.load_config", lambda *_, **__: of_config(watched))
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        if not colour:
            monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
        code = program.main(["status", *arguments])
        out, err = capsys.readouterr()
        assert story.apps[0].roles == (Role.POLL,)
        return code, out, err

    return look


def of_config(watched):
    """A config that watches these."""
    from bellbuoy.config import Config

    return Config(watched=tuple(watched), store="memory:", source="bellbuoy.yaml")


FINE = ("GitHub", [component("Actions", ComponentStatus.OPERATIONAL)], [])
ILL = (
    "OpenAI",
    [
        component("API", ComponentStatus.OPERATIONAL),
        component("Login", ComponentStatus.DEGRADED),
        component("Conversations", ComponentStatus.PARTIAL_OUTAGE),
    ],
    [
        incident("Slow logins", Impact.MINOR),
        incident("Elevated error rate for ChatGPT conversations"),
        incident("Database upgrade", kind=IncidentKind.MAINTENANCE),
    ],
)
SILENT = ("Feedonly", [], [])
GONE = ("Acme", [], [])
PLANNED = (
    "Cloudflare",
    [component("BER (Berlin)", ComponentStatus.MAINTENANCE)],
    [incident(f"M{n}", kind=IncidentKind.MAINTENANCE) for n in range(3)],
)
EVIL = ("Evil", [], [incident("[red]\x1b[31mowned[/red]", Impact.CRITICAL)])
ALL = (FINE, ILL, SILENT, GONE, PLANNED, EVIL)
FAILED = {4: (Unreadable.BLOCKED, "a captcha")}


def test_the_table_in_a_pipe(look, snapshot):
    """Plain columns without borders or colours, one line for each incident."""
    code, out, err = look(*ALL, failed=FAILED)
    assert code == 1
    assert err == "config: bellbuoy.yaml\nhttps://status4.openai.example: a captcha\n"
    assert out == snapshot
    assert "\x1b" not in out


def test_the_table_on_a_terminal(look, snapshot):
    """Colours by how bad it is; unknown is grey, and never green."""
    _, out, _ = look(*ALL, failed=FAILED, terminal=True)
    assert out == snapshot
    acme = next(line for line in out.splitlines() if "unknown" in line)
    assert "\x1b[90munknown: blocked" in acme
    assert "\x1b[32m" not in acme


def test_no_color_is_respected(look):
    """NO_COLOR on a terminal: the table without any colour."""
    _, out, _ = look(*ALL, failed=FAILED, terminal=True, colour=False)
    assert "\x1b[3" not in out
    assert "\x1b[9" not in out


def test_everything_fine_exits_with_0(look):
    """With every page read the exit code is 0, trouble or not: it is a look, not a gate."""
    assert look(FINE)[0] == 0
    assert look(FINE, ILL)[0] == 0


def test_two_pages_of_one_provider_are_one_line(look):
    """The worst component of all its pages counts, and one that was not read makes it unknown."""
    other = ("OpenAI", [component("Fine", ComponentStatus.OPERATIONAL)], [])
    _, out, _ = look(other, ILL)
    assert len([line for line in out.splitlines() if line.startswith("OpenAI")]) == 1
    assert "partial outage: Conversations and 1 more" in out
    _, out, _ = look(other, ILL, failed={1: (Unreadable.CUT, "cut")})
    assert "unknown: cut" in out


def test_the_json(look):
    """--json is one array with everything that the table says, and more."""
    _, out, _ = look(ILL, GONE, failed={2: (Unreadable.GONE, "404")}, arguments=["--json"])
    openai, acme = json.loads(out)
    assert openai["provider"] == "openai"
    assert openai["status"] == "partial_outage"
    assert openai["components"] == [
        {"name": "Conversations", "status": "partial_outage"},
        {"name": "Login", "status": "degraded"},
    ]
    assert [found["kind"] for found in openai["incidents"]].count("maintenance") == 1
    assert openai["incidents"][0] == {
        "kind": "incident",
        "title": "Elevated error rate for ChatGPT conversations",
        "impact": "major",
        "status": "identified",
        "url": "https://a.example/i",
    }
    assert acme["status"] == "unknown"
    assert acme["unreadable"] == {"https://status2.openai.example": "gone"}


def test_a_page_that_names_no_components_is_not_called_operational(look):
    """A feed tells of incidents only: without one there is none open, and that is all we know."""
    _, out, _ = look(SILENT, arguments=["--json"])
    assert json.loads(out)[0]["status"] is None
    _, out, _ = look(SILENT)
    assert "operational" not in out
    assert "no incident open" in out
