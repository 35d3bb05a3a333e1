"""Places in the log, as they are told outside."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.errors import CursorError
from bellbuoy.stores.cursors import format_cursor, parse_cursor

LOG = "0f1e2d3c4b5a6978"


@given(seq=st.integers(min_value=0, max_value=2**63 - 1))
def test_a_cursor_is_read_as_it_was_written(seq):
    """Every number of the log comes back."""
    assert parse_cursor(format_cursor(LOG, seq), LOG) == seq


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "7", ":7", f"{LOG}:", f"{LOG}:-1", f"{LOG}:+1", f"{LOG}: 1", f"{LOG}:1.0"),
        *(f"{LOG}:٣", f"{LOG}:1_0", f"{LOG}:1\n", f"{LOG}:{10**19}", f"{LOG}:{2**63}"),
    ],
)
def test_a_malformed_cursor_is_refused(text):
    """Nothing is guessed, and the message shows a right one."""
    with pytest.raises(CursorError, match=f"{LOG}:42"):
        parse_cursor(text, LOG)


def test_a_cursor_of_another_log_is_refused():
    """A restored backup repeats numbers, so its cursors must not be mixed up."""
    with pytest.raises(CursorError, match="another log"):
        parse_cursor("ffffffffffffffff:7", LOG)


@given(text=st.text())
def test_any_text_is_a_cursor_or_refused(text):
    """A reader can send whatever it likes."""
    with suppress(CursorError):
        assert parse_cursor(text, LOG) >= 0
