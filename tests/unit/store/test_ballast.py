"""Room on the disk that is kept for what is pressing, and for nothing else."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from controller.store.ballast import Ballast, pressing
from controller.store.database import Database, StoreError

SIZE = 1 << 20


class Disk(Ballast):
    """A disk that is full as long as ``full``; room for a row is there without the ballast only."""

    full = False

    def take_in(self):
        if not self.full:
            super().take_in()

    def insert(self, number):
        def work(connection):
            if self.full and not self.released:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            connection.execute("INSERT INTO drained VALUES (?, '', 0)", (f"number {number}",))

        return work


def numbers(connection):
    return [key for (key,) in connection.execute("SELECT gateway FROM drained ORDER BY gateway")]


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path / "ballast", SIZE)


@pytest.fixture
def database(disk, tmp_path):
    opened = Database(tmp_path / "state.db", disk)
    yield opened
    opened.close()


def test_the_room_is_really_taken(tmp_path):
    ballast = Ballast(tmp_path / "ballast", SIZE)
    ballast.take_in()
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= SIZE
    assert ballast.throw_out()
    assert ballast.released
    assert not (tmp_path / "ballast").exists()
    assert not ballast.throw_out()
    ballast.take_in()
    assert not ballast.released


def test_where_there_is_no_room_nothing_is_kept_and_it_is_said(tmp_path, caplog):
    ballast = Ballast(tmp_path / "ballast", 1 << 60)
    ballast.take_in()
    assert not (tmp_path / "ballast").exists()
    assert not ballast.released
    assert "no room is kept" in caplog.text


async def test_what_is_pressing_has_the_room_and_all_else_waits_for_more(disk, database):
    disk.full = True
    with pytest.raises(StoreError, match="disk is full"):
        await database.run(disk.insert(1))
    assert not disk.released
    with pressing():
        await database.run(disk.insert(2))
    assert disk.released
    with pytest.raises(StoreError, match="kept for what is urgent"):
        await database.run(disk.insert(3))
    assert await database.run(numbers) == ["number 2"]  # reading goes on
    with pressing():
        await database.run(disk.insert(4))
    disk.full = False
    await database.run(disk.insert(5))
    assert not disk.released
    assert await database.run(numbers) == ["number 2", "number 4", "number 5"]


async def test_tasks_of_what_is_pressing_are_pressing_too_and_others_at_the_same_time_are_not(disk, database):
    disk.full = True

    async def change(number):
        await asyncio.gather(database.run(disk.insert(number)), database.run(disk.insert(number + 1)))

    with pressing():
        urgent = asyncio.create_task(change(1))
    outcomes = await asyncio.gather(urgent, change(10), change(20), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), StoreError, StoreError]
    assert await database.run(numbers) == ["number 1", "number 2"]


async def test_a_mistake_is_no_want_of_room(disk, database):
    with pressing(), pytest.raises(StoreError, match="no such table"):
        await database.run(lambda connection: connection.execute("SELECT 1 FROM elsewhere"))
    assert not disk.released


async def test_where_nothing_is_left_that_is_pressing_fails_as_well(disk, database):
    def never(connection):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    disk.full = True
    with pressing(), pytest.raises(StoreError, match="disk is full"):
        await database.run(never)
    assert disk.released
