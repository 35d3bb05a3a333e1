"""Planned work: a month's sheet and the list below it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.model.facts import Impact, IncidentKind, IncidentStatus
from bellbuoy.web.dashboard import month
from tests.web.reading import read
from tests.web.sites import NOW, Seen, incident, known, read_state, update, watched

FIRST = date(2026, 11, 1)
BERLIN = ZoneInfo("Europe/Berlin")
PAGE = watched("acme", "Acme")


def work(key, status, began, ended=None, title="", until=None):
    """Planned work."""
    more = {"resolved_at": ended, "updated_at": ended} if ended else {"scheduled_until": until}
    return incident(
        key,
        title or f"Work {key}",
        update(1, status, "As said.", NOW - timedelta(days=20)),
        kind=IncidentKind.MAINTENANCE,
        impact=Impact.NONE,
        started_at=began,
        **more,
    )


def entry(*args, **more):
    """The same as it is shown."""
    return month.entry(PAGE.page.key, PAGE.page.provider, work(*args, **more))


def shown(weeks):
    """The titles on each day that has any."""
    days = [day for week in weeks for day in week]
    return {str(day.day): [one.title for one in day.entries] for day in days if day.entries}


@pytest.fixture
def seen():
    """A month with work that is over, goes on and is ahead."""
    works = (
        work("over", IncidentStatus.COMPLETED, NOW - timedelta(days=9), NOW - timedelta(days=8)),
        work(
            "on",
            IncidentStatus.IN_PROGRESS,
            NOW - timedelta(hours=2),
            until=NOW + timedelta(hours=1),
        ),
        work("ahead", IncidentStatus.SCHEDULED, NOW + timedelta(days=3)),
        work("far", IncidentStatus.SCHEDULED, NOW + timedelta(days=40)),
        *(
            work(
                f"many{number}", IncidentStatus.SCHEDULED, NOW + timedelta(days=5, hours=number / 9)
            )
            for number in range(8)
        ),
    )
    key = PAGE.page.key
    return Seen(pages=(PAGE,), states={key: read_state(key)}, known={key: known(key, *works)})


async def test_the_calendar_shows_each_day_with_what_is_planned_and_counts_the_rest(client):
    """A real table: seven headings, whole weeks, today marked."""
    page = await read(client, "/maintenance")
    assert page.all("count(//table//th[@scope='col'])") == 7
    assert len(page.all("//table/tbody/tr")) == 6
    assert page.texts("//td[@aria-current='date']/a[contains(@class,'entry')]") == ["Acme Work on"]
    crowded = page.all("//a[@class='more']")
    assert [one.text for one in crowded] == ["and 5 more"]
    assert "Work far" not in page.texts("//table")[0]


async def test_the_list_tells_what_goes_on_and_what_is_ahead_by_day(client):
    """Also what lies beyond the month; not what is over."""
    page = await read(client, "/maintenance")
    assert page.texts("//div[@id='list']/h2") == [
        "Goes on now",
        "Monday, 23 November 2026",
        "Wednesday, 25 November 2026",
        "Wednesday, 30 December 2026",
    ]
    assert "Work over" not in " ".join(page.texts("//div[@id='list']"))
    first, second, *_ = page.texts("//span[@class='work-time']")
    assert first == "2026-11-20 14:30:00 UTC to 2026-11-20 17:30:00 UTC"
    assert "to" not in second, "what is not known is not made up"


async def test_the_board_says_until_when(client):
    """What comes after is what people wait for."""
    whens = (await read(client, "/")).texts("//section[@id='works']//span[@class='when']")
    assert whens[0] == "now, since 14:30, until 17:30"


async def test_a_day_of_the_calendar_leads_to_all_of_that_day(client):
    """The link of the square opens the list of it."""
    page = await read(client, "/maintenance")
    (link,) = page.all("//a[@class='more']/@href")
    day = await read(client, link.partition("#")[0])
    assert day.texts("//div[@id='list']/h2") == ["Wednesday, 25 November 2026"]
    assert len(day.all("//li[@class='work']")) == 8


async def test_the_months_before_and_after_have_addresses(client):
    """They can be sent to somebody, and walked through."""
    page = await read(client, "/maintenance?month=2026-12")
    assert page.all("//a[@rel='prev']/@href") == ["/maintenance?month=2026-11"]
    assert page.all("//a[@rel='next']/@href") == ["/maintenance?month=2027-01"]
    assert "Work far" in page.texts("//table")[0]
    assert page.all("//a[@href='/maintenance.ics']")


@pytest.mark.parametrize(
    "query",
    ["month=x", "month=2026-13", "month=0001-01", "month=9999-12", "day=2026-02-30", "day=1"],
)
async def test_an_address_that_names_no_month_says_how_to_write_one(client, query):
    """It is the address's fault, not ours."""
    page = await read(client, f"/maintenance?{query}")
    assert page.status == 422
    assert "write it as 2026-11" in page.text


@pytest.mark.parametrize("seen", [Seen(pages=(PAGE,))])
async def test_nothing_planned_says_how_to_be_told(client):
    """An empty page is a beginning."""
    page = await read(client, "/maintenance")
    assert "No maintenance is announced" in page.text
    assert "kinds: [maintenance]" in page.text


def test_work_stands_on_every_day_that_it_touches_in_the_zone_of_the_config():
    """23:30 in UTC is the next day in Berlin."""
    late = datetime(2026, 11, 10, 23, 30, tzinfo=UTC)
    one = entry("a", IncidentStatus.COMPLETED, late, late + timedelta(days=2))
    assert list(shown(month.weeks(FIRST, [one], NOW, BERLIN))) == [
        "2026-11-11",
        "2026-11-12",
        "2026-11-13",
    ]


def test_planned_work_stands_on_every_day_until_its_planned_end():
    """Also while it goes on; once it is over, until it ended."""
    begins, until = NOW - timedelta(days=1), NOW + timedelta(days=1)
    for status in (IncidentStatus.SCHEDULED, IncidentStatus.IN_PROGRESS):
        one = entry("a", status, begins, until=until)
        assert list(shown(month.weeks(FIRST, [one], NOW, ZoneInfo("UTC")))) == [
            "2026-11-19",
            "2026-11-20",
            "2026-11-21",
        ]
    backwards = entry("a", IncidentStatus.SCHEDULED, begins, until=begins - timedelta(days=9))
    assert list(shown(month.weeks(FIRST, [backwards], NOW, ZoneInfo("UTC")))) == ["2026-11-19"]


def test_work_that_goes_on_stands_on_every_day_until_today():
    """What is only announced stands on its first day."""
    begins = NOW - timedelta(days=2)
    on = entry("on", IncidentStatus.IN_PROGRESS, begins)
    forgotten = entry("late", IncidentStatus.SCHEDULED, begins)
    assert shown(month.weeks(FIRST, [on, forgotten], NOW, ZoneInfo("UTC"))) == {
        "2026-11-18": ["Work late", "Work on"],
        "2026-11-19": ["Work on"],
        "2026-11-20": ["Work on"],
    }


@given(st.dates(date(1971, 1, 2), date(8999, 12, 1)))
def test_any_month_is_whole_weeks_and_its_neighbours_lead_back(day):
    """Whatever its length."""
    first = day.replace(day=1)
    sheet = month.days_of(first)
    assert len(sheet) % 7 == 0
    assert sheet[0].weekday() == 0
    after = date.fromisoformat(f"{month.neighbour(first, 1)}-01")
    assert date.fromisoformat(f"{month.neighbour(after, -1)}-01") == first
