"""Instants as a person reads them."""

from datetime import UTC, datetime

import pytest

from bellbuoy.cli.wording import local

AT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "2026-07-01 22:30:00 UTC"),
        ("Europe/Berlin", "2026-07-02 00:30:00 CEST"),
        ("Asia/Kolkata", "2026-07-02 04:00:00 IST"),
    ],
)
def test_an_instant_is_told_in_the_zone_with_its_name(zone, said):
    """Nobody has to guess whose clock it is."""
    assert local(AT, zone) == said
