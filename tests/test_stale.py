"""Which pages are read again, and when."""

import asyncio

import pytest

from bellbuoy.observer import VisitDone
from bellbuoy.stale import StalePages

A, B = "https://a.example", "https://b.example"


def visited(key, outcome="changed"):
    """The end of a poll."""
    return VisitDone(page_key=key, provider="acme", outcome=outcome, seconds=0.1)


async def taken(pages, *among):
    """What is read of these pages."""
    async with pages.taken(among) as keys:
        return keys


async def test_a_page_is_read_once_and_again_when_a_visit_changed_it():
    """What was not modified, or could not be read, is as it was."""
    pages = StalePages([A, B])
    assert await taken(pages, A) == {A}
    assert await taken(pages, A, B) == {B}
    pages.visit_done(visited(A, "not modified"))
    pages.visit_done(visited(A, "failed"))
    assert await taken(pages, A, B) == frozenset()
    pages.visit_done(visited(A))
    assert await taken(pages, A, B) == {A}


async def test_a_page_is_read_again_when_another_process_changed_it():
    """It is told without a visit."""
    pages = StalePages()
    pages.changed(A)
    assert await taken(pages, A, B) == {A}


async def test_what_changes_while_it_is_read_is_read_again():
    """What was read may be from before the change."""
    pages = StalePages([A])
    async with pages.taken([A]):
        pages.visit_done(visited(A))
    assert await taken(pages, A) == {A}


async def test_what_could_not_be_read_is_read_by_the_next_who_asks():
    """Whatever the reason is."""
    pages = StalePages([A])
    for reason in (OSError(), asyncio.CancelledError()):
        with pytest.raises(type(reason)):
            async with pages.taken([A]):
                raise reason
    assert await taken(pages, A) == {A}


async def test_who_asks_while_a_page_is_read_waits_for_it():
    """Else it would be told what is old."""
    pages = StalePages([A])
    async with pages.taken([A]):
        other = asyncio.create_task(taken(pages, A))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not other.done()
    assert await other == frozenset()
