"""`recognise` and `add`, over a real server."""

import json

import pytest

from tests.cli.pages import served, statuspage

ALLOW = ("--allow-private", "127.0.0.0/8")


@pytest.fixture
def acme():
    """A page that speaks Statuspage."""
    with served(statuspage()) as url:
        yield url


def test_a_recognised_page_is_told_with_what_to_paste(acme, call):
    """The format, the name, and YAML that a config takes as it is."""
    done = call("recognise", acme, *ALLOW)
    assert (done.returncode, done.stderr) == (0, "")
    first, _, paste = done.stdout.partition("\n\n")
    assert first == "Acme speaks statuspage"
    assert (
        paste
        == f"providers:\n  - name: Acme\n    url: {json.dumps(acme)}\n    format: statuspage\n"
    )


def test_a_recognised_page_as_json(acme, call):
    """--json prints format, url and name, whatever address of the page was given."""
    done = call("recognise", f"{acme}/api/v2/summary.json", "--json", *ALLOW)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"format": "statuspage", "url": acme, "name": "Acme"}


def test_a_page_of_no_format_says_what_was_tried(call):
    """Exit code 1; with --json the format is null."""
    with served({"/": b"<html><title>Hello</title></html>"}) as url:
        plain = call("recognise", url, *ALLOW)
        told = call("recognise", url, "--json", *ALLOW)
    assert (plain.returncode, plain.stdout) == (1, "")
    assert plain.stderr.startswith(f"bellbuoy: {url}: no format recognised; asked: {url}")
    assert plain.stderr.endswith("can be probed (format: probe)\n")
    assert told.returncode == 1
    assert json.loads(told.stdout) == {"format": None, "url": url, "name": None}


def test_a_host_that_cannot_be_reached_is_not_recognised(call):
    """Nothing answers, or nothing may be asked: said in a line, with exit code 1."""
    with served({}) as url:
        pass
    done = call("recognise", url, "--json", *ALLOW)
    assert done.returncode == 1
    assert json.loads(done.stdout)["format"] is None
    assert "refused" in done.stderr or "connect" in done.stderr
    assert call("recognise", url).returncode == 1


def test_save_keeps_every_body(acme, call, tmp_path):
    """--save writes what came, beside where it came from."""
    folder = tmp_path / "deep" / "sample"
    assert call("recognise", acme, "--save", str(folder), *ALLOW).returncode == 0
    bodies = sorted(folder.glob("*.body"))
    assert bodies
    assert json.loads(bodies[-1].read_bytes())["page"]["name"] == "Acme"
    assert bodies[-1].with_suffix(".txt").read_text().startswith(acme)


def test_add_a_name_of_the_catalog_where_there_is_no_config(call, home):
    """A new config watches the default set and the new provider."""
    done = call("add", "netlify")
    file = home / "config" / "bellbuoy" / "bellbuoy.yaml"
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"added to {file}:\n- netlify\n"
    checked = call("config", "check")
    assert "pages: 6" in checked.stdout
    again = call("add", "netlify")
    assert (again.returncode, again.stderr) == (0, f"{file} watches it already\n")


def test_add_an_address_to_a_config_with_comments(acme, call, home):
    """The page is recognised, and the rest of the file stays as a person wrote it."""
    file = home / "bellbuoy.yaml"
    file.write_text("# ours\nproviders:\n    - github  # first\n\nhttp: {seats: 7}\n")
    done = call("add", acme, *ALLOW)
    assert done.returncode == 0, done.stderr
    text = file.read_text()
    assert text.startswith("# ours\nproviders:\n    - github  # first\n    - name: Acme\n")
    assert text.endswith("\nhttp: {seats: 7}\n")
    assert "pages: 2" in call("config", "check").stdout


def test_add_a_name_that_is_only_listed_says_so(call):
    """It is added, since it is asked for; whether it can be read is seen at the first look."""
    done = call("add", "uptime-com")
    assert done.returncode == 0
    first, _, rest = done.stderr.partition("\n")
    assert first == "Uptime.com is only listed: no format is known to read its page"
    assert rest.endswith("- uptime-com\n")


def test_add_what_nobody_knows_changes_nothing(call, home):
    """A misspelt name is exit code 2, an unknown page exit code 1."""
    done = call("add", "netlfy")
    assert done.returncode == 2
    assert "did you mean 'netlify'" in done.stderr
    with served({"/": b"<html></html>"}) as url:
        done = call("add", url, *ALLOW)
    assert done.returncode == 1
    assert not (home / "config").exists()


def test_add_does_not_touch_a_config_that_is_wrong(call, home):
    """The faults of the file are told first."""
    file = home / "bellbuoy.yaml"
    file.write_text("providers: [githubb]\n")
    done = call("add", "netlify")
    assert done.returncode == 2
    assert "bellbuoy.yaml:1" in done.stderr
    assert file.read_text() == "providers: [githubb]\n"
