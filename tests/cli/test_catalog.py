"""`bellbuoy catalog`: searching, showing, and checking over real servers."""

import json
import subprocess
from pathlib import Path

import pytest

from bellbuoy.catalog import Catalog, stanza_text
from bellbuoy.cli.catalog import in_columns
from tests.cli.pages import PAGE, served, statuspage, summary

ALLOW = ("--allow-private", "127.0.0.0/8")

ULID = {"id": "01JMDK9XYNY6RXSED6SDWW50WY", "name": "Acme", "url": PAGE["url"]}


def test_a_search_prints_a_line_for_each_and_counts_the_readable_apart(call):
    """The columns stand below each other; what is only listed is not counted as readable."""
    done = call("catalog", "search", "source-control")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert any(line.startswith("github ") and "readable" in line for line in lines)
    assert len({line.index("https://") for line in lines}) == 1
    listed = sum(" listed " in line for line in lines)
    assert done.stderr == f"{len(lines) - listed} readable, {listed} only listed\n"


def test_a_search_as_json_is_an_array_of_all(call):
    """An empty word lists the catalog; every row states readable or listed."""
    found = json.loads(call("catalog", "search", "", "--json").stdout)
    assert len(found) == len(Catalog())
    assert {one["state"] for one in found} == {"readable", "listed"}
    (github,) = (one for one in found if one["slug"] == "github")
    assert github["pages"][0]["format"] == "statuspage"
    assert (
        call("catalog", "search", "--json").stdout
        == json.dumps(found, separators=(",", ":"), ensure_ascii=False) + "\n"
    )


def test_a_search_that_finds_nothing_is_exit_code_1(call):
    """An empty array is still an array."""
    done = call("catalog", "search", "no such provider at all", "--json")
    assert (done.returncode, done.stdout) == (1, "[]\n")
    assert call("catalog", "search", "no such provider at all").stdout == ""


def test_a_misspelt_word_finds_what_is_near(call):
    """So that nobody has to know how a vendor writes itself."""
    assert call("catalog", "search", "clodflare").stdout.startswith("cloudflare ")


def test_show_prints_what_to_paste(call):
    """By any of its names; components are proposed, not set."""
    done = call("catalog", "show", "gh")
    assert done.returncode == 0
    assert done.stdout.startswith("GitHub (source-control): readable\n  also known as gh\n")
    assert "https://www.githubstatus.com: format statuspage, confidence high\n" in done.stdout
    assert "\nproviders:\n  - github\n" in done.stdout
    assert '\nproviders:\n  - github: {"components": ["Git Operations"' in done.stdout
    assert json.loads(call("catalog", "show", "gh", "--json").stdout)["slug"] == "github"


def test_show_of_an_unknown_name_offers_the_near_ones(call):
    """Exit code 2."""
    done = call("catalog", "show", "githb")
    assert done.returncode == 2
    assert "(did you mean 'github' or 'gitlab'?)" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("github", "--all")])
def test_check_wants_names_or_all(call, arguments):
    """Nobody visits thousands of pages by forgetting a word."""
    done = call("catalog", "check", *arguments)
    assert done.returncode == 2
    assert "--all" in done.stderr


@pytest.fixture
def shipped(monkeypatch):
    """Puts a catalog of these stanzas in place of the shipped one."""

    def put(*stanzas: str) -> Catalog:
        catalog = Catalog({"ai": "# Head.\n\n" + "\n\n".join(stanzas) + "\n"})
        monkeypatch.setattr("bellbuoy.catalog.Catalog", lambda: catalog)
        return catalog

    return put


def stanza(slug: str, url: str, state: str = "readable", **page: str) -> str:
    """A stanza with one page."""
    said = {"url": url, **page, "confidence": "medium"}
    table = ", ".join(f'{key} = "{value}"' for key, value in said.items())
    return f'[{slug}]\nname = "{slug.title()}"\nstate = "{state}"\npages = [{{ {table} }}]'


def test_a_page_that_is_as_the_catalog_says_needs_no_patch(call, shipped, home):
    """Nothing is printed but the summary, and one question was asked."""
    documents = statuspage()
    with served({"/api/v2/summary.json": documents["/api/v2/summary.json"]}) as url:
        shipped(stanza("acme", url, format="statuspage"))
        done = call("catalog", "check", "acme", *ALLOW)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "1 page: 1 fine\n"
    assert not (home / "catalog.patch").exists()


def test_check_tells_dead_moved_and_changed_and_writes_a_patch_that_applies(call, shipped, home):
    """Each with its page; the patch brings the file to what was found, and leaves the dead."""
    with served({}) as gone:
        pass
    html = {"/": b"<html><title>Hello</title></html>"}
    incidentio = {"/api/v2/summary.json": summary() | {"page": ULID}}
    with (
        served(statuspage()) as acme,
        served(incidentio) as other,
        served(html) as plain,
        served(html) as unknown,
        served({}) as empty,
    ):
        catalog = shipped(
            stanza("alike", acme, engine="statuspage-compatible"),
            stanza("dead", gone, format="statuspage"),
            stanza("empty", empty, format="statuspage"),
            stanza("found", f"{acme}/", "listed", engine="unknown"),
            stanza("other", other, format="statuspage"),
            stanza("plain", plain, format="statuspage"),
            stanza("unknown", unknown, "listed", engine="own"),
        )
        done = call("catalog", "check", "--all", "--patch", "my.patch", *ALLOW)
    told = {line.split()[1]: line.split() for line in done.stdout.splitlines()}
    assert done.returncode == 1
    assert {slug: words[0] for slug, words in told.items()} == {
        "alike": "decided",
        "dead": "dead",
        "empty": "dead",
        "found": "changed",
        "other": "changed",
        "plain": "changed",
    }
    assert done.stderr == (
        "7 pages: 1 fine, 1 decided, 3 changed, 2 dead; corrections in my.patch\n"
    )
    now = applied(home, catalog, "my.patch")
    assert states(now) == {
        "alike": ("readable", "statuspage", ""),
        "dead": ("readable", "statuspage", ""),
        "empty": ("readable", "statuspage", ""),
        "found": ("readable", "statuspage", ""),
        "other": ("readable", "incidentio", ""),
        "plain": ("listed", "", "unknown"),
        "unknown": ("listed", "", "own"),
    }


def applied(home: Path, catalog: Catalog, patch: str) -> Catalog:
    """The catalog after its patch, as `git apply` brings it about."""
    file = home / "src/bellbuoy/catalog/providers/ai.toml"
    file.parent.mkdir(parents=True)
    file.write_text(catalog.texts["ai"], "utf-8")
    subprocess.run(["git", "apply", patch], cwd=home, check=True)
    return Catalog({"ai": file.read_text("utf-8")})


def states(catalog: Catalog) -> dict[str, tuple[str, str, str]]:
    """State, format and engine of each provider's first page."""
    return {e.slug: (e.state, e.pages[0].format, e.pages[0].engine) for e in catalog}


def test_a_page_that_redirects_for_good_is_moved(call, shipped, home, moved):
    """The patch names the new address."""
    with served(statuspage()) as acme, moved(acme) as old:
        catalog = shipped(stanza("acme", old, format="statuspage"))
        done = call("catalog", "check", "acme", *ALLOW)
    assert done.returncode == 1
    assert done.stdout.split()[:5] == ["moved", "acme", old, "moved", "to"]
    now = applied(home, catalog, "catalog.patch")
    assert next(iter(now)).pages[0].url == acme


@pytest.fixture
def moved():
    """A server that sends everybody on, for good."""
    from contextlib import contextmanager
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    @contextmanager
    def at(there: str):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                """Redirect."""
                self.send_response(301)
                self.send_header("Location", there + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Keep quiet."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    return at


def test_no_page_that_answers_is_likely_our_own_fault(call, shipped):
    """It is said, and nothing is corrected."""
    with served({}) as one, served({}) as two:
        pass
    shipped(stanza("a", one, format="statuspage"), stanza("b", two, format="statuspage"))
    done = call("catalog", "check", "--all", *ALLOW)
    assert done.returncode == 1
    assert done.stderr.startswith("no page answered at all: is this machine on the network?\n")
    assert "corrections" not in done.stderr


def test_where_nothing_answers_the_rest_is_not_asked(call, shipped):
    """Fifty dead pages and none alive: the fault is ours, and thousands more would not tell."""
    with served({}) as nowhere:
        pass
    stanzas = (stanza(f"p{n:03}", f"{nowhere}/{n}", format="statuspage") for n in range(100))
    shipped(*stanzas)
    done = call("catalog", "check", "--all", *ALLOW)
    dead = len(done.stdout.splitlines())
    assert 50 <= dead < 70
    assert done.stderr.endswith(f"\n100 pages: 0 fine, {dead} dead, {100 - dead} not asked\n")


def test_the_shipped_files_are_as_the_patch_would_write_them():
    """Otherwise a correction would not find its stanza."""
    catalog = Catalog()
    for entry in catalog:
        assert f"\n{stanza_text(entry)}\n" in catalog.texts[entry.category]


def test_columns_of_nothing_are_nothing():
    """No row, no line."""
    assert in_columns([]) == []
