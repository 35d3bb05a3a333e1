"""The documentation names everything there is, and nothing else."""

import re
import runpy

import pytest

from bellbuoy import formats, notifiers
from bellbuoy.cli.program import COMMANDS
from bellbuoy.detection.reasons import Reason as Unrecorded
from bellbuoy.errors import Unreadable
from bellbuoy.events import LOG_ONLY, EventKind, json_schema
from bellbuoy.routing.matchers import Reason as Untold
from bellbuoy.routing.routes import ANNOUNCED_FAMILIES
from tests.docs.pages import ROOT, rows, text

EVENTS = rows("docs/events.md")
SHALLOW = {"console", "file"}
"""Kinds of receivers that need no page of their own."""
HELP = runpy.run_path(str(ROOT / "docs" / "paste_help.py"))


def first_cells(name):
    """The first cell of every row of a page's tables, as it is written."""
    return set(re.findall(r"^\| (.+?) \|", text(name), re.MULTILINE))


@pytest.mark.parametrize("kind", EventKind)
def test_every_event_kind_is_described(kind):
    """With when it is recorded, and whether it is announced unless somebody asks."""
    when, announced = EVENTS[kind]
    assert when
    is_announced = kind.family in ANNOUNCED_FAMILIES and kind not in LOG_ONLY
    wanted = "yes" if is_announced else "only" if kind is EventKind.INCIDENT_EDITED else "no"
    assert announced.startswith(wanted)


def test_no_kind_is_described_that_is_not_there():
    """The table of kinds holds nothing else."""
    families = {kind.family for kind in EventKind}
    described = {name for name in EVENTS if name.partition(".")[0] in families and "." in name}
    assert described == set(EventKind)


@pytest.mark.parametrize("reason", Unreadable)
def test_every_reason_of_an_unreadable_page_is_described(reason):
    """So that a person can act on it."""
    assert EVENTS[reason][0]


def test_every_field_of_an_event_is_described():
    """Those of the CloudEvent, and those of its data."""
    schema = json_schema()
    ours = set(schema["properties"]) - {"specversion", "datacontenttype", "data"}
    data = schema["$defs"]["_Data"]["properties"]
    assert ours | {f"data.{name}" for name in data} <= EVENTS.keys()


@pytest.mark.parametrize("name", sorted(formats.builtin_names()))
def test_every_format_is_described(name):
    """What it reads, identity, window, and what it cannot say."""
    cells = rows("docs/formats.md")[name]
    assert len(cells) == 4
    assert all(cells)


@pytest.mark.parametrize("kind", sorted(notifiers.builtin_kinds()))
def test_every_notifier_is_named_to_those_who_want_to_consume(kind):
    """Before anybody writes one that is there already."""
    assert f"`{kind}`" in text("docs/adding-a-consumer.md")


@pytest.mark.parametrize("kind", sorted(notifiers.builtin_kinds()))
def test_every_kind_of_receiver_has_a_row_and_the_deep_ones_a_page(kind):
    """What it does with updates, ends and digests; how to set it up where that takes steps."""
    cells = rows("docs/receivers/README.md")[kind]
    assert len(cells) == 5
    assert all(cells)
    assert kind in SHALLOW or (ROOT / f"docs/receivers/{kind}.md").is_file()


def test_every_attribute_of_a_format_is_described():
    """What the protocol holds stands in the table, and nothing else."""
    names = {name for name in vars(formats.Format) if not name.startswith("_")}
    names |= set(formats.Format.__annotations__)
    assert names == {name.partition("(")[0] for name in rows("docs/adding-a-provider.md")}


@pytest.mark.parametrize("reason", [*Unrecorded, *Untold], ids=str)
def test_every_no_is_explained(reason):
    """Whoever reads a reason in the log finds it there, word for word."""
    assert str(reason) in first_cells("docs/promises.md")


def test_every_promise_names_tests_that_are_there():
    """The links are checked elsewhere; here that no promise goes without."""
    sections = re.split(r"^## ", text("docs/promises.md"), flags=re.MULTILINE)
    promises = [section for section in sections if re.match(r"R\d: ", section)]
    assert [section[:2] for section in promises] == [f"R{number}" for number in range(1, 8)]
    for section in promises:
        assert re.search(r"^Tests: .*\.\./tests/", section, re.MULTILINE), section[:40]


def test_files_of_the_source_that_are_named_are_there():
    """A path in backquotes in the promises and the security page is one of the package."""
    for page in ("docs/promises.md", "SECURITY.md", "docs/architecture.md"):
        for name in re.findall(r"`((?:\w+/)*\w+\.py)`", text(page)):
            assert (ROOT / "src/bellbuoy" / name).is_file(), f"{page}: {name}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_described(command):
    """With its help, as it is printed."""
    assert f"## bellbuoy {command}" in text("docs/commands.md")


def test_the_pasted_help_is_what_the_commands_say():
    """If not: python docs/paste_help.py."""
    assert text("docs/commands.md") == HELP["rendered"]()
    assert len(HELP["commands"]()) > len(COMMANDS)
