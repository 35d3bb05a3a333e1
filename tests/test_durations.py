"""Lengths of time as people write them."""

import pytest

from bellbuoy.durations import duration, spoken


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("500ms", 0.5), ("30s", 30), ("5m", 300), ("2h", 7200), ("90d", 7776000), (" 5 M ", 300),
        ("1.5h", 5400), (30, 30), (0.25, 0.25), ("45", 45),
    ],
)  # fmt: skip
def test_durations(said, seconds):
    """Numbers are seconds."""
    assert duration(said) == seconds


@pytest.mark.parametrize(
    "said",
    ["", "5 minutes", "1h30m", "-5s", "1e3", "٣s", 0, -1, True, None, [], float("nan"), 10**400],
)
def test_what_is_not_a_duration(said):
    """Words, signs, truth values, and what is not above zero."""
    with pytest.raises(ValueError, match="write 500ms"):
        duration(said)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.5, "500 ms"), (5, "5 s"), (90, "90 s"), (3600, "1 h"), (86400, "1 d")]
)
def test_durations_are_told_as_people_write_them(seconds, words):
    """The largest whole unit."""
    assert spoken(seconds) == words
