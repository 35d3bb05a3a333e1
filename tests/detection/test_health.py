"""How reading a page goes, and when that is news."""

from bellbuoy.detection import health
from bellbuoy.errors import FetchError, ReadError, Unreadable
from bellbuoy.model.known import Health
from tests.detection.saying import PAGE, at

DOWN = FetchError(PAGE.url, Unreadable.NETWORK, "connection refused")


def test_a_page_is_unreadable_after_three_failures_and_five_minutes() -> None:
    """Neither three quick failures nor one long one are enough."""
    standing = Health()
    said: list[str] = []
    for minute in (0, 1, 2, 3, 4, 5, 6):
        standing, event = health.failed(PAGE, standing, DOWN, at(minute), is_offline=False)
        said += [f"{minute}:{event.reason}"] if event else []
    assert said == ["5:network"]
    rarely = Health()
    for minute in (0, 30):
        rarely, event = health.failed(PAGE, rarely, DOWN, at(minute), is_offline=False)
        assert event is None


def test_a_page_that_is_back_says_so_once() -> None:
    """One readable for one unreadable, each with an id of its own."""
    standing = Health()
    ids: list[str] = []
    for episode in range(2):
        for minute in (0, 3, 6):
            at_minute = at(episode * 60 + minute)
            standing, event = health.failed(PAGE, standing, DOWN, at_minute, is_offline=False)
            ids += [event.id] if event else []
        for minute in (7, 8):
            standing, event = health.read(PAGE, standing, at(episode * 60 + minute), latency=0.1)
            ids += [event.id] if event else []
    assert len(ids) == len(set(ids)) == 4


def test_a_page_that_was_forgotten_meanwhile_is_told_of_again() -> None:
    """Taken out of the config and put back: the ids are none of those in the log."""
    ids: list[str] = []
    for start in (0, 60):
        standing = Health()
        for minute in (0, 3, 6):
            standing, event = health.failed(
                PAGE, standing, DOWN, at(start + minute), is_offline=False
            )
            ids += [event.id] if event else []
        _, event = health.read(PAGE, standing, at(start + 7), latency=0.1)
        ids += [event.id] if event else []
    assert len(ids) == len(set(ids)) == 4


def test_h15_what_we_cannot_reach_while_offline_is_not_to_blame() -> None:
    """Network failures are held; a readable refusal is still the page's own."""
    standing = Health()
    for minute in range(10):
        standing, event = health.failed(PAGE, standing, DOWN, at(minute), is_offline=True)
        assert event is None
    odd = ReadError(PAGE.url, "statuspage", "$", "HTML")
    _, event = health.failed(PAGE, standing, odd, at(10), is_offline=True)
    assert event is not None


def test_a_page_that_moved_says_so_once_with_the_stanza_to_paste() -> None:
    """The config can be fixed by copying."""
    standing, event = health.moved(PAGE, Health(), "https://new.example", at(0))
    assert event is not None
    assert "url: https://new.example" in (event.reason or "")
    assert health.moved(PAGE, standing, "https://new.example", at(1))[1] is None
    assert health.moved(PAGE, standing, "https://third.example", at(2))[1] is not None
