"""Copies of a store in use."""

import asyncio

import pytest

from bellbuoy.errors import CursorError, StoreError
from bellbuoy.stores.cursors import format_cursor, parse_cursor
from bellbuoy.stores.opening import open_store
from tests.stores.samples import event, incident, known, page, visit


async def test_a_backup_taken_while_writing_is_whole(sql, tmp_path):
    """It opens, is sound, and every visit is in it with all it brought or not at all."""
    target = tmp_path / "copy.db"

    async def write():
        for number in range(200):
            of = page(f"https://{number}.example")
            now = known(incident(), page_key=of.key)
            await sql.commit(visit(None, now, event(1, of=of), of=of))

    writing = asyncio.create_task(write())
    await sql.wait_for_events(20)
    await sql.backup(str(target))
    await writing
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]
    assert target.stat().st_mode & 0o777 == 0o600
    async with open_store(str(target), poller=True) as copy:
        assert await copy.check() == ()
        events = await copy.read_events()
        assert 20 <= len(events) <= 200
        keys = [each.page.key for each in events]
        assert set(await copy.load_states(keys)) == set(keys)
        assert (await copy.load_known(keys[-1])).incidents


async def test_a_backup_is_a_log_of_its_own(sql, tmp_path):
    """Put back, it gives numbers a second time, so cursors of the original do not fit."""
    await sql.append([event(1), event(2)])
    cursor = format_cursor(sql.log_id, 2)
    await sql.backup(str(tmp_path / "copy.db"))
    async with open_store(str(tmp_path / "copy.db")) as copy:
        assert await copy.last_seq() == 2
        assert [each.seq for each in await copy.search_events("trouble")] == [2, 1]
        with pytest.raises(CursorError, match="another log"):
            parse_cursor(cursor, copy.log_id)


async def test_a_backup_never_replaces_a_file(sql, tmp_path):
    """Neither another file nor the store itself."""
    other = tmp_path / "precious.txt"
    other.write_text("precious")
    for target in (str(other), sql.place):
        with pytest.raises(StoreError, match="there already"):
            await sql.backup(target)
    assert other.read_text() == "precious"
    with pytest.raises(StoreError):
        await sql.backup(str(tmp_path / "missing" / "copy.db"))


async def test_a_backup_that_fails_leaves_no_file(sql, tmp_path, monkeypatch):
    """Half a copy is worse than none."""
    from bellbuoy.stores import sqlite

    def refuse(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(sqlite.os, "fsync", refuse)
    with pytest.raises(StoreError, match=r"copy\.db"):
        await sql.backup(str(tmp_path / "copy.db"))
    assert not list(tmp_path.glob("copy*"))
