"""docs/operating.md says what is true of the program, and of all that is shipped to run it."""

import re

import pytest

from bellbuoy import __version__
from bellbuoy.app import STOP_WITHIN
from bellbuoy.http.limits import PLATFORM_RATE
from bellbuoy.telemetry.logging import Level
from tests.docs.pages import ROOT, text

PAGE = "docs/operating.md"
SHIPPED = sorted(
    path.name for path in (ROOT / "deploy").iterdir() if path.name not in {"secrets", "README.md"}
)


@pytest.mark.parametrize("name", SHIPPED)
def test_whatever_is_shipped_is_named(name):
    """Each file and folder of deploy/ is linked to."""
    assert f"](../deploy/{name}" in text(PAGE)


@pytest.mark.parametrize("level", Level.__args__)
def test_every_level_of_the_log_has_its_lines_a_day(level):
    """With how much it writes."""
    (cells,) = re.findall(rf"^\| `{level}`(?: \(usual\))? \| (.+) \|$", text(PAGE), re.MULTILINE)
    assert all(cells.split(" | ")[:1])


def test_a_vendor_sees_the_name_that_we_give():
    """With the version that runs."""
    assert f"User-Agent: Bellbuoy/{__version__} (+ops@example.com)\n" in text(PAGE)
    assert f"{PLATFORM_RATE:.0f} a second at one platform" in text(PAGE)


def test_it_ends_as_soon_as_is_said():
    """Service managers are told to wait longer."""
    assert STOP_WITHIN < 5
    assert "ends it within five seconds" in text(PAGE)
