"""What a person copies out of the documentation works."""

import json
import re
import shlex
import tomllib

import pytest
from cyclopts import App
from ruamel.yaml import YAML

from bellbuoy import events
from bellbuoy.catalog import Catalog
from bellbuoy.cli.program import program
from bellbuoy.config.load import load_config
from tests.docs.pages import PAGES, ROOT, blocks, command_lines, text, without_blocks
from tests.event_schema import valid_wire

ENV = {
    "WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "SLACK_TOKEN": "xoxb-1",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x",
    "DISCORD_WEBHOOK_URL": "https://discord.com/api/webhooks/1/x",
    "PAGERDUTY_ROUTING_KEY": "e93facc04764012d7bfb002500d5d1a6",
    "ALERTMANAGER_TOKEN": "t",
    "NEW_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "PAGER_TOKEN": "t",
    "APPRISE_URL": "json://h/x",
    "SMTP_PASSWORD": "secret",
    "TEAMS_URL": "https://flows.example/workflows/1?sig=x",
    "REDIS_URL": "redis://:secret@redis.example:6379",
    "NATS_URL": "nats://bell:secret@nats.example:4222",
    "RABBITMQ_URL": "amqp://bell:secret@rabbitmq.example:5672/",
    "KAFKA_PASSWORD": "secret",
    "READ_TOKEN": "read-token-of-the-docs",
    "WRITE_TOKEN": "write-token-of-the-docs",
    "METRICS_TOKEN": "metrics-token-of-the-docs",
}
PLUGGED = "plugins:"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
OPTION = re.compile(r"--[a-z][a-z-]*")


def plain(block):
    """Whether a block is a config without a plugin: others are read where the plugin is built."""
    return PLUGGED not in block.text and block not in workflows()


def workflows():
    """The blocks that are workflows of GitHub's, by the name of their file."""
    return [one for one in blocks("yaml") if (one.file or "").startswith(".github/workflows/")]


@pytest.mark.parametrize("block", [one for one in blocks("yaml") if plain(one)], ids=str)
def test_a_yaml_block_is_a_good_config(block, tmp_path):
    """Read as a config, it has no fault and brings no warning."""
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(block.text, "utf-8")
    assert load_config(str(path), env=ENV).warnings == ()


@pytest.mark.parametrize("block", workflows(), ids=str)
def test_a_workflow_is_one(block):
    """It has what https://docs.github.com/actions/reference/workflow-syntax requires."""
    workflow = YAML(typ="safe", pure=True).load(block.text)
    assert workflow.keys() >= {"on", "jobs"}
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        assert all(step.keys() & {"run", "uses"} for step in job["steps"])


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_a_json_block_is_json_and_an_event_keeps_its_schema(block):
    """A CloudEvent is one that Bellbuoy could have written, with nothing beside it."""
    found = json.loads(block.text)
    if "specversion" not in found:
        return
    valid_wire(found)
    properties = events.json_schema()["$defs"]["_Data"]["properties"]
    assert found["data"].keys() <= properties.keys()
    kinds = {f"dev.bellbuoy.{kind}.v1" for kind in events.EventKind}
    assert found["type"] in kinds


def test_there_is_an_event_in_the_documentation():
    """The test above has something to look at."""
    assert any("specversion" in block.text for block in blocks("json", page="docs/events.md"))


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_a_toml_block_is_toml_and_a_stanza_is_in_the_catalog(block):
    """A stanza without a file name is one of the shipped ones, word for word."""
    found = tomllib.loads(block.text)
    if block.file:
        return
    files = (ROOT / "src/bellbuoy/catalog/providers").glob("*.toml")
    assert any(f"{block.text.strip()}\n" in path.read_text("utf-8") for path in files)
    assert all(Catalog().find(slug) for slug in found)


def bellbuoys(line):
    """The arguments of each call of `bellbuoy` in a shell line."""
    tokens = shlex.shlex(line, posix=True, punctuation_chars=True)
    tokens.whitespace_split = True
    call = None
    for token in [*tokens, ";"]:
        if set(token) <= set("|&;<>()"):
            if call is not None:
                yield call
            call = None
        elif call is not None:
            call.append(token)
        elif token == "bellbuoy":
            call = []


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_a_command_line_parses(page, line):
    """The command, its options and their values exist as they are written."""
    calls = list(bellbuoys(line))
    assert calls, line
    for call in calls:
        program().parse_args(call, print_error=False, exit_on_error=False)


def test_a_command_line_that_does_not_exist_is_found():
    """The test above can fail."""
    (call,) = bellbuoys("bellbuoy watch --no-such-option | jq .")
    with pytest.raises(Exception, match="no-such-option"):
        program().parse_args(call, print_error=False, exit_on_error=False)


def inline_commands():
    """Every call of `bellbuoy` in the prose, where parts may stand for others: `watch NAME...`."""
    for path in PAGES:
        prose = without_blocks(path.read_text("utf-8"))
        for found in re.findall(r"`(bellbuoy [^`]+)`", prose):
            yield path.name, found


@pytest.mark.parametrize(("page", "line"), sorted(set(inline_commands())))
def test_a_command_in_the_prose_exists(page, line):
    """Its command is there, and its help names each option."""
    commands, app = [], program()
    for word in line.split()[1:]:
        if word not in app or word.startswith("-"):
            break
        commands.append(word)
        app = app[word]
    assert isinstance(app, App)
    assert commands or "--" in line, line
    known = {name for argument in app.assemble_argument_collection() for name in argument.names}
    if commands in (["config"], ["store"]):
        known = set()
    assert set(OPTION.findall(line)) <= known | {"--help", "--version"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path):
    """To a file of the repository, and to a heading where it names one."""
    for target in LINK.findall(without_blocks(path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{path.name} links to {target}"
        if anchor:
            assert anchor in anchors(there.read_text("utf-8")), f"{path.name} links to {target}"


def anchors(page):
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


def test_the_readme_speaks_of_what_is_there():
    """The first command works on a fresh machine, the second needs no network."""
    readme = text("README.md")
    first, second, third = (block.text.strip() for block in blocks("sh", page="README.md"))
    assert first.endswith("python3 -m uv run bellbuoy watch")
    assert second == "python3 -m uv run bellbuoy demo"
    assert third == "python3 -m uv run pytest"
    assert "PIP_BREAK_SYSTEM_PACKAGES=1" in readme
