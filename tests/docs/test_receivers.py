"""What the pages of the receivers show is what leaves the house."""

import pytest

from tests.docs.pages import ROOT, blocks

GOLDEN = ROOT / "tests" / "notifiers" / "golden"


@pytest.mark.parametrize("kind", ["apprise", "command", "webhook"])
def test_a_message_on_a_page_is_a_golden_one(kind):
    """Each block of plain text is one of the files that the kind is held to, word for word."""
    shown = [block.text for block in blocks("text", page=f"docs/receivers/{kind}.md")]
    kept = {path.read_text("utf-8") for path in (GOLDEN / kind).glob("*.txt")}
    assert shown
    assert kept.issuperset(shown)
