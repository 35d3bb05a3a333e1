"""The gate, through the real process, over pages on loopback."""

import json
import subprocess
import sys

import pytest

from bellbuoy import platform
from tests.cli.pages import incident, served, statuspage

ALLOW = ("--allow-private", "127.0.0.0/8")
NOT_STATED = "Elevated error rate (major, components not stated)"
SUMMARY = "/api/v2/summary.json"
FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Acme</title>
<link>https://status.acme.example</link><description>Acme</description>
<item><title>Slow</title><guid>1</guid><pubDate>Mon, 02 Feb 2015 10:00:00 GMT</pubDate>
<description>We look.</description></item></channel></rss>"""


class Asked(dict):
    """Documents by path, and the paths that were asked for."""

    def __init__(self, documents):
        super().__init__(documents)
        self.paths = []

    def get(self, path, default=None):
        """Answer, and remember the question."""
        self.paths.append(path)
        return super().get(path, default)


def trouble(impact="major", *names):
    """An open incident that names these components."""
    named = [{"id": name, "name": name, "status": "degraded_performance"} for name in names]
    return incident() | {"impact": impact, "components": named}


@pytest.fixture
def acme(home):
    """Serves these documents as Acme, whose page the config names with its format."""

    class Acme:
        def __init__(self):
            self.contexts = []

        def serve(self, documents, **more):
            """Returns what was asked, as it is asked."""
            asked = Asked(documents)
            context = served(asked)
            self.url = context.__enter__()
            self.contexts.append(context)
            self.config(self.url, **more)
            return asked

        def config(self, url, format="statuspage", **more):
            """Write the config."""
            provider = {"name": "Acme", "url": url, "format": format, **more}
            http = {"allow_private": ["127.0.0.0/8"]}
            text = json.dumps({"providers": [provider], "http": http})
            (home / "bellbuoy.yaml").write_text(text)

    made = Acme()
    yield made
    for context in made.contexts:
        context.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("documents", "code", "line"),
    [
        (statuspage(), 0, "acme:API: go: nothing open"),
        (
            statuspage(trouble("minor", "API")),
            10,
            "acme:API: degraded: Elevated error rate (minor), https://stspg.example/i1",
        ),
        (
            statuspage(trouble("major", "API")),
            20,
            "acme:API: stop: Elevated error rate (major), https://stspg.example/i1",
        ),
        (
            statuspage(trouble("major")),
            20,
            f"acme:API: stop: {NOT_STATED}, https://stspg.example/i1",
        ),
        (statuspage(trouble("critical", "Web")), 0, "acme:API: go: nothing open"),
    ],
    ids=["go", "degraded", "stop", "not stated", "another component"],
)
def test_the_verdict_is_the_exit_code_and_one_line(acme, run, documents, code, line):
    """0 go, 10 degraded, 20 stop, each with the worst cause and where to read on."""
    acme.serve(documents)
    done = run("gate", "acme:API")
    assert (done.returncode, done.stdout) == (code, f"{line}\n")
    assert done.stderr == "config: bellbuoy.yaml\n"


def test_several_targets_have_a_line_each_and_the_worst_one_decides(acme, run):
    """In the order in which they were asked for."""
    acme.serve(statuspage(component="partial_outage"))
    done = run("gate", "acme:Web", "acme", "--cache", "0s")
    assert done.returncode == 20
    first, second = done.stdout.splitlines()
    assert first.startswith("acme:Web: go: not known: ")
    assert second == f"acme: stop: API: partial outage (major), {acme.url}"


def test_two_runs_within_a_minute_ask_once(acme, run, home):
    """In another process, too; the second says the same."""
    asked = acme.serve(statuspage(trouble("major", "API")))
    first, second = (run("gate", "acme:API", "acme") for _ in range(2))
    assert (first.returncode, first.stdout) == (second.returncode, second.stdout)
    assert first.returncode == 20
    assert asked.paths == [SUMMARY]
    (kept,) = (home / ".cache" / "bellbuoy" / "gate").iterdir()
    if sys.platform != "win32":
        assert kept.stat().st_mode & 0o077 == 0


def test_what_is_kept_is_not_believed_for_ever(acme, call, home):
    """A file of a minute ago, of the future, of another page or of none is not read."""
    asked = acme.serve(statuspage())
    call("gate", "acme")
    (path,) = (home / ".cache" / "bellbuoy" / "gate").iterdir()
    good = json.loads(path.read_bytes())
    told = good["told"]
    bad = [
        {**good, "told": {**told, "seen_at": "2020-01-01T00:00:00Z"}},
        {**good, "told": {**told, "seen_at": "2999-01-01T00:00:00Z"}},
        {**good, "key": "https://other.example"},
        {**good, "format": "incidentio"},
        {**good, "shape": 0},
        {**good, "told": {**told, "components": "none"}},
        [],
    ]
    texts = [json.dumps(one).encode() for one in bad]
    for number, text in enumerate([*texts, b"", b"\xff\x00", path.read_bytes()[:-9], b"[" * 9999]):
        path.write_bytes(text)
        assert call("gate", "acme").returncode == 0
        assert len(asked.paths) == number + 2
    path.write_bytes(json.dumps(good).encode())
    call("gate", "acme")
    assert len(asked.paths) == len(texts) + 5


def test_without_a_cache_each_run_asks(acme, call, home):
    """--cache 0s reads nothing and leaves nothing behind."""
    asked = acme.serve(statuspage())
    for text in ("0s", "0"):
        assert call("gate", "acme", "--cache", text).returncode == 0
    assert asked.paths == [SUMMARY, SUMMARY]
    assert not (home / ".cache").exists()
    done = call("gate", "acme", "--cache", "soon")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--cache: 'soon' is not a duration" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_cache_that_cannot_be_written_is_no_fault(acme, call, home):
    """A file stands where the folder should be: the page is asked each time."""
    asked = acme.serve(statuspage())
    (home / ".cache").write_text("not a folder")
    for _ in range(2):
        done = call("gate", "acme")
        assert (done.returncode, done.stderr) == (0, "config: bellbuoy.yaml\n")
    assert len(asked.paths) == 2


def test_r6_a_page_that_is_down_is_a_warning_and_lets_pass(acme, run):
    """Unless one is strict: then what is not known stops. A failure is not kept."""
    with served({}) as url:
        pass
    acme.config(url)
    loose, strict = run("gate", "acme:API"), run("gate", "acme:API", "--strict")
    assert (loose.returncode, strict.returncode) == (0, 20)
    _, warning = loose.stderr.splitlines()
    assert warning.startswith(f"warning: acme:API: {url}: network: ")
    assert loose.stdout.startswith(f"acme:API: go: not known: {url}: network: ")
    assert strict.stdout.startswith(f"acme:API: stop: not known: {url}: network: ")
    asked = acme.serve({SUMMARY: b"<html>We are moving.</html>"})
    assert run("gate", "acme").returncode == 0
    assert run("gate", "acme", "--strict").returncode == 20
    assert asked.paths == [SUMMARY, SUMMARY]


def test_a_misspelt_provider_is_told_with_the_nearest(run):
    """Every fault of the line at once, before any page is asked."""
    done = run("gate", "githb:Actions", "acme:", "https://a b", "open*")
    assert (done.returncode, done.stdout) == (2, "")
    named, empty, bad, glob = done.stderr.splitlines()
    assert "'githb' is not in the catalog (did you mean 'github'" in named
    assert "'acme:' is neither a provider nor a component" in empty
    assert "holds a blank" in bad
    assert "finds providers of a config only" in glob


def test_a_component_that_is_not_there_is_a_warning_with_the_names(acme, run):
    """It lets pass, but nobody believes that the component is fine."""
    acme.serve(statuspage())
    done = run("gate", "acme:AIP")
    assert (done.returncode, done.stdout.partition(": go: ")[0]) == (0, "acme:AIP")
    warning = f"warning: acme:AIP: {acme.url}: no component is like AIP; there are: API"
    assert done.stderr.splitlines()[1:] == [warning]
    assert run("gate", "acme:AIP", "--strict").returncode == 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name what you need"),
        (("github", "--soft", "major", "--hard", "minor"), "--soft major is above --hard minor"),
        (("github", "--hard", "awful"), "--hard"),
    ],
    ids=["nothing", "bars", "impact"],
)
def test_what_cannot_be_asked_is_said_in_a_line(arguments, said, call):
    """Exit code 2, and nothing on standard output."""
    done = call("gate", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_bars_and_planned_work_can_be_asked_for(acme, call):
    """Options of one line, over the same page."""
    work = incident("m1", status="in_progress") | {"impact": "none", "name": "Upgrade"}
    documents = statuspage(trouble("major", "API"))
    documents[SUMMARY]["scheduled_maintenances"] = [work]
    acme.serve(documents)
    assert call("gate", "acme", "--hard", "critical").returncode == 10
    assert call("gate", "acme", "--soft", "critical", "--hard", "critical").returncode == 0
    done = call("gate", "acme", "--maintenance", "--hard", "critical", "--json")
    causes = json.loads(done.stdout)["targets"][0]["causes"]
    assert [(one["what"], one["impact"]) for one in causes] == [
        ("Elevated error rate", "major"),
        ("Upgrade", "minor"),
    ]


def test_the_json_is_one_object(acme, run):
    """The verdict over all, and for each target why."""
    acme.serve(statuspage(trouble("major")))
    done = run("gate", "acme:API", "--json")
    assert done.returncode == 20
    cause = {
        "what": "Elevated error rate",
        "impact": "major",
        "url": "https://stspg.example/i1",
        "not_stated": True,
    }
    target = {"target": "acme:API", "verdict": "stop", "causes": [cause], "doubts": []}
    assert json.loads(done.stdout) == {"verdict": "stop", "targets": [target]}


def test_what_matters_in_the_config_is_what_counts(acme, call):
    """A provider's `components:` hold where the target names none; a glob finds the provider."""
    acme.serve(statuspage(trouble("major", "Web")), components=["API"])
    assert call("gate", "acme").returncode == 0
    assert call("gate", "A*").returncode == 0
    assert call("gate", "acme:W*").returncode == 20
    done = call("gate", "B*")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is like no provider of the config" in done.stderr


def test_an_address_is_a_provider_too(run):
    """With a port and a component behind it, and in one question although no format is given."""
    asked = Asked(statuspage(trouble("minor", "API")))
    with served(asked) as url:
        done = run("gate", f"{url}:API", f"{url}/:Web", *ALLOW, "--cache", "0s")
    assert done.returncode == 10
    assert done.stdout.splitlines()[0].startswith(f"{url}:API: degraded: Elevated error rate")
    assert asked.paths == [SUMMARY]


def test_an_address_that_the_config_knows_is_asked_as_there(acme, call):
    """Named twice, it is one page with the format of the config."""
    asked = acme.serve({"/feed": FEED}, format="feed")
    acme.config(f"{acme.url}/feed", format="feed")
    assert call("gate", f"{acme.url}/feed/", "acme").returncode == 0
    assert asked.paths == ["/feed"]


def test_the_address_of_a_document_is_asked_itself(run):
    """A feed, and the API of a page, as people paste them."""
    asked = Asked({"/history.rss": FEED, **statuspage(component="major_outage")})
    with served(asked) as url:
        feed = run("gate", f"{url}/history.rss", *ALLOW)
        page = run("gate", f"{url}{SUMMARY}:API", *ALLOW)
    assert (feed.returncode, feed.stdout) == (0, f"{url}/history.rss: go: nothing open\n")
    assert (page.returncode, asked.paths) == (20, ["/history.rss", SUMMARY])


def test_one_question_that_does_not_tell_the_format_is_all_that_is_asked(run):
    """The page is not known then, and it is said how to make it known."""
    asked = Asked({"/": b"<html>Hello</html>", SUMMARY: b"<html>Hello</html>"})
    with served(asked) as url:
        done = run("gate", url, *ALLOW)
    assert done.returncode == 0
    assert "one question did not tell its format; `bellbuoy recognise` finds it" in done.stderr
    assert asked.paths == [SUMMARY]


def test_a_page_that_needs_two_questions_is_not_read(acme, run):
    """Uptime Kuma tells names and states apart: a half is not taken for the whole."""
    beats = {"heartbeatList": {"1": [{"status": 1, "time": "2026-02-23 16:00:00"}]}}
    path = "/api/status-page/heartbeat/default"
    asked = acme.serve({path: {**beats, "uptimeList": {}}}, format="uptimekuma")
    done = run("gate", "acme")
    assert done.returncode == 0
    assert "was not asked: one question is all this look may ask" in done.stderr
    assert asked.paths == [path]


def test_j7_a_summary_holds_no_markup_of_a_vendor(acme, run, tmp_path):
    """No link, no image, no mention, no HTML: what a vendor wrote stands in code spans."""
    evil = "![x](https://evil.example/x.png) `</code><img src=x> @everyone | ``` https://e.example"
    hostile = trouble("major", "API") | {
        "name": evil,
        "shortlink": "https://evil.example/`)>](x)<script>",
    }
    acme.serve(statuspage(hostile))
    summary_file = tmp_path / "summary.md"
    summary_file.write_text("before")
    done = run("gate", "acme:API", GITHUB_STEP_SUMMARY=str(summary_file))
    assert done.returncode == 20
    first, *lines = summary_file.read_text().splitlines()
    assert (first, lines[0], lines[1]) == ("before", "### Gate: stop", "")
    assert lines[2] == "- ` acme:API `: **stop**"
    link = "https://evil.example/%60%29%3E%5D%28x%29%3Cscript%3E"
    assert lines[3] == f"  - ```` {evil} ```` (major), [the page](<{link}>)"
    assert len(lines) == 4


def test_j3_no_line_holds_a_command_for_the_ci(acme, run):
    """A runner looks for `##[` anywhere in what is printed; JSON stays JSON."""
    command = "##[set-output name=verdict]go ##vso[task.complete]\x1b[31m\n::error::x"
    acme.serve(statuspage(trouble("major") | {"name": command}))
    plain, data = run("gate", "acme:##[x]"), run("gate", "acme", "--json")
    assert plain.returncode == data.returncode == 20
    for text in (plain.stdout, plain.stderr, data.stdout):
        assert "##" not in text
        assert "\x1b" not in text
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    what = json.loads(data.stdout)["targets"][0]["causes"][0]["what"]
    assert what.startswith("##[set-output name=verdict]go")


def test_the_output_of_the_step_is_one_line_of_its_own(acme, run, tmp_path):
    """Behind what others wrote, also where their last line has no end."""
    acme.serve(statuspage(trouble("minor", "API")))
    output = tmp_path / "output"
    output.write_text("other=1")
    assert run("gate", "acme", GITHUB_OUTPUT=str(output)).returncode == 10
    assert output.read_text() == "other=1\nverdict=degraded\n"
    done = run("gate", "acme", GITHUB_OUTPUT=str(tmp_path / "no" / "such" / "file"))
    assert done.returncode == 10
    assert "warning: GITHUB_OUTPUT: " in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell with pipes")
def test_a_closed_pipe_does_not_change_the_verdict(acme, environment, home):
    """Who reads no line still gets the exit code: 0 would say "go"."""
    acme.serve(statuspage(trouble("major")))
    line = f"{{ {sys.executable} -m bellbuoy gate acme; echo $? >&2; }} | sleep 0"
    done = subprocess.run(
        ["sh", "-c", line], env=environment, cwd=home, capture_output=True, text=True, check=False
    )
    assert done.stderr == "config: bellbuoy.yaml\n20\n"


def test_an_interrupted_gate_does_not_say_go(acme, call, monkeypatch):
    """Ctrl+C ends other commands with 0; here that would let a deployment begin."""

    def interrupted(*_):
        raise KeyboardInterrupt

    acme.config("https://status.acme.example")
    monkeypatch.setattr("bellbuoy.cli.faces.look", interrupted)
    done = call("gate", "acme")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no verdict" in done.stderr


def test_a_bug_in_a_format_stands_in_nobodys_way(acme, call, monkeypatch):
    """It is a warning that says that it is unexpected."""
    acme.serve(statuspage())

    def broken(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("bellbuoy.cli.faces.merge", broken)
    done = call("gate", "acme")
    assert done.returncode == 0
    assert "unexpected ZeroDivisionError: oh" in done.stderr


@pytest.mark.parametrize(
    ("system", "variables", "below"),
    [
        ("linux", {"XDG_CACHE_HOME": "/c"}, "/c/bellbuoy"),
        ("linux", {"HOME": "/h"}, "/h/.cache/bellbuoy"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/bellbuoy"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/bellbuoy/Cache"),
    ],
)
def test_the_cache_lies_where_the_system_keeps_caches(system, variables, below, monkeypatch):
    """Never in the working directory, and apart from state."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(platform.sys, "platform", system)
    assert platform.cache_directory().as_posix() == below


def test_a_user_without_a_home_has_no_cache(acme, call, monkeypatch):
    """A container's user often has none; the page is asked each time."""
    asked = acme.serve(statuspage())

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(platform, "cache_directory", homeless)
    assert [call("gate", "acme").returncode for _ in range(2)] == [0, 0]
    assert len(asked.paths) == 2


@pytest.mark.corpus
def test_recorded_pages_are_judged_by_one_question(corpus, acme, run):
    """AWS during the outage of a region: its short names find the service, in one region only."""
    body = (corpus / "aws/aws/aws-currentevents.utf16be.json").read_bytes()
    asked = acme.serve({"/public/currentevents": body}, format="aws")
    hit = run("gate", "acme:me-central-1/vpclattice")
    assert hit.returncode == 20
    assert run("gate", "acme:eu-west-1/vpclattice").returncode == 0
    assert asked.paths == ["/public/currentevents"]
