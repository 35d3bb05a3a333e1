"""`config check` and `config schema`, and what no output may show."""

import json
import re

import jsonschema
import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from bellbuoy.config import Config
from bellbuoy.config.secrets import secrets_of
from bellbuoy.http import HttpSettings
from bellbuoy.notifiers import Receiver

CANARY = "canary-7c1f9"


def test_without_a_config_the_default_set_is_in_force(call, home):
    """A person who has written nothing sees what is watched and where state is kept."""
    done = call("config", "check")
    assert done.returncode == 0
    assert done.stderr == (
        "config: none found, watching OpenAI, Anthropic, GitHub, Cloudflare, Stripe\n"
    )
    lines = done.stdout.splitlines()
    assert lines[0] == f"store: sqlite:///{home}/state/bellbuoy/bellbuoy.db"
    assert lines[1] == "pages: 5"
    assert "  GitHub (github): https://www.githubstatus.com, statuspage, every 1 m" in lines
    assert list(home.iterdir()) == []


def test_what_a_config_says_is_told_line_by_line(call, home):
    """Pages, receivers and routes are named as the config names them."""
    (home / "bellbuoy.yaml").write_text(
        """
        providers:
          - openai: {components: [API, "ChatGPT*"]}
          - {name: Acme, url: "https://status.acme.example", every: 30s}
        receivers:
          log: {kind: file, path: events.jsonl}
        routes:
          - {to: log, when: {impacts: ">=major", kinds: [incident]}, late: true}
        """
    )
    done = call("config", "check")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "config: bellbuoy.yaml\n"
    text = done.stdout
    assert "every 1 m, components API, ChatGPT*" in text
    assert (
        "  Acme (acme): https://status.acme.example, format recognised at the first look, "
        "every 30 s\n"
    ) in text
    assert re.search(r"^  log: file, path .*events\.jsonl", text, re.MULTILINE)
    assert (
        "  routes.0: to log, when impacts: major, critical; kinds: incident; "
        "also what was over before it was seen\n"
    ) in text


def test_every_problem_is_told_at_once(call, home):
    """Exit code 2, one line per fault, nothing on standard output."""
    (home / "bad.yaml").write_text("providers: [githubb]\nroutes: [{to: nobody}]\nhtpp: {}\n")
    done = call("config", "check", "--config", "bad.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("bellbuoy: bad.yaml:") for line in lines)


def test_w8_no_secret_is_shown_of_a_config(call, home):
    """Whatever is secret in a config is not in the output of any command that speaks of it."""
    (home / "bellbuoy.yaml").write_text(
        """
        providers: [github]
        receivers:
          hook: {kind: webhook, url: "https://hooks.example/${HOOK}", secret: "whsec_${KEY}"}
        routes: [{to: hook}]
        http: {proxy: "http://user:${HOOK}@proxy.example:3128"}
        """
    )
    key = "Y2FuYXJ5LTdjMWY5LWNhbmFyeS03YzFmOQ=="
    done = call("config", "check", HOOK=CANARY, KEY=key)
    assert done.returncode == 0, done.stderr
    assert "hook: webhook" in done.stdout
    assert CANARY not in done.stdout + done.stderr
    assert key not in done.stdout + done.stderr
    wrong = call("config", "check", HOOK=f"{CANARY} \n", KEY="!")
    assert CANARY not in wrong.stdout + wrong.stderr


def test_w8_every_secret_of_a_config_is_known_to_the_log():
    """Secrets of receivers at any depth, and passwords in the proxy's and the store's address."""

    class Inner(BaseModel):
        token: SecretStr

    class Settings(BaseModel):
        inner: Inner
        keys: list[SecretBytes]
        more: dict[str, SecretStr]
        url: str

    settings = Settings.model_validate(
        {"inner": {"token": "aaaa"}, "keys": ["bbbb"], "more": {"x": "cccc"}, "url": "plain"}
    )
    config = Config(
        watched=(),
        receivers=(Receiver(name="r", kind="k", settings=settings),),
        http=HttpSettings(proxy="http://u:d%40d@proxy.example"),
        store="postgresql://u:eeee@db.example/x",
    )
    assert set(secrets_of(config)) == {"aaaa", "bbbb", "cccc", "d%40d", "d@d", "eeee"}


@pytest.mark.parametrize("example", [{"providers": ["github"]}, {"http": {"seats": 3}}])
def test_the_schema_is_a_json_schema_that_a_config_fulfils(call, example):
    """`config schema` prints what editors need."""
    done = call("config", "schema")
    assert done.returncode == 0
    jsonschema.Draft202012Validator(json.loads(done.stdout)).validate(example)
