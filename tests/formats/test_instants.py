from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.formats._instants import parse_iso, parse_rfc822, written

AN_INSTANT = datetime(2026, 7, 23, 16, 29, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-23T16:29:09Z",
        "2026-07-23T16:29:09.000Z",
        "2026-07-23T16:29:09+00:00",
        "2026-07-23T09:29:09-07:00",
        " 2026-07-23 16:29:09Z ",
        "2026-07-23T16:29:09.000000000Z",
    ],
)
def test_an_iso_instant_with_a_zone_is_read_as_utc(text):
    """Any offset and any number of digits after the second lead to the same instant."""
    assert parse_iso(text) == AN_INSTANT


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-23T16:29:09",
        "2026-07-23",
        "",
        "soon",
        "2026-13-23T16:29:09Z",
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "２０２６-07-23T16:29:09Z",
        "2026-07-23T16:29:09Z" + " " * 5000 + "x",
    ],
)
def test_x5_an_iso_instant_without_a_zone_or_sense_is_not_known(text):
    """A zone is never assumed, "never" is no instant, and nonsense is None."""
    assert parse_iso(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 23 Jul 2026 16:29:09 Z",
        "Thu, 23 Jul 2026 16:29:09 GMT",
        "thu, 23 jul 2026 16:29:09 utc",
        "23 July 2026 16:29:09 +0000",
        "Thu, 23 Jul 2026 09:29:09 -0700",
        "Thu, 23 Jul 2026 18:29:09 +02:00",
    ],
)
def test_an_rfc822_instant_with_an_offset_or_a_name_of_utc_is_read(text):
    """RSS dates with a zone that means one thing only are read."""
    assert parse_rfc822(text) == AN_INSTANT


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 23 Jul 2026 09:29:09 PDT",
        "Thu, 23 Jul 2026 09:29:09 PST",
        "Thu, 23 Jul 2026 16:29:09",
        "Thu, 23 Foo 2026 16:29:09 Z",
        "Thu, 32 Jul 2026 16:29:09 Z",
        "Thu, 23 Jul 2026 16:29:09 +9900",
        "Thu, 23 Jul 26 16:29:09 Z",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "",
        "Thu, " * 2000,
    ],
)
def test_x5_an_rfc822_instant_with_an_ambiguous_zone_is_not_known(text):
    """PDT and PST are written all year round, so such a time is not known."""
    assert parse_rfc822(text) is None


@given(st.text())
def test_no_text_breaks_the_readers_of_instants(text):
    """Any text gives an aware instant or None."""
    for parse in (parse_iso, parse_rfc822):
        at = parse(text)
        assert at is None or at.tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_written_as_python_writes_it(at):
    """What was kept under such a text before is found again."""
    assert written(at) == at.isoformat()
