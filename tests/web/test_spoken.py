"""Counts, as a page or a command says them."""

from bellbuoy.web.spoken import counted


def test_one_is_not_several():
    """A count reads as a person would write it."""
    assert [counted(n, "event") for n in (0, 1, 2)] == ["0 events", "1 event", "2 events"]
    assert counted(2, "delivery", "deliveries") == "2 deliveries"
