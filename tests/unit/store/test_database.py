"""One file, one writer: durable when awaited, shared commits, failures that take nobody along."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading

import pytest

from controller.store.database import Database, StoreError
from controller.store.schema import SCHEMA_VERSION


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "state.db")
    yield opened
    opened.close()


def insert(text):
    return lambda connection: connection.execute("INSERT INTO requests VALUES (?, x'', '', '[]', NULL, '', 0)", (text,))


def texts(connection):
    return [row[0] for row in connection.execute("SELECT request_id FROM requests ORDER BY request_id")]


class Held:
    """Keeps the writer's thread busy inside a piece of work, so that whatever comes meanwhile shares one commit."""

    def __init__(self, database):
        self._inside, self._go = threading.Event(), threading.Event()
        self._task = asyncio.ensure_future(database.run(self._wait))

    def _wait(self, connection):
        self._inside.set()
        assert self._go.wait(30)

    async def __aenter__(self):
        await asyncio.to_thread(self._inside.wait, 30)

    async def __aexit__(self, *_):
        self._go.set()
        await self._task


async def test_what_was_awaited_is_there_after_reopening(tmp_path):
    first = Database(tmp_path / "state.db")
    await first.run(insert("kept"))
    first.close()
    second = Database(tmp_path / "state.db")
    assert await second.run(texts) == ["kept"]
    second.close()


async def test_what_was_awaited_survives_the_death_of_the_process(tmp_path):
    program = """if True:
        import asyncio, os, signal, sys
        from controller.store.database import Database
        async def main():
            database = Database(sys.argv[1])
            await database.run(lambda c: c.execute("INSERT INTO requests VALUES ('kept', x'', '', '[]', NULL, '', 0)"))
            os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """
    path = str(tmp_path / "state.db")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, path)
    assert await process.wait() == -9
    database = Database(path)
    assert await database.run(texts) == ["kept"]
    database.close()


async def test_those_who_come_together_share_a_commit(database):
    commits = []
    await database.run(lambda connection: connection.set_trace_callback(commits.append))
    async with Held(database):
        together = [asyncio.ensure_future(database.run(insert(f"r{number}"))) for number in range(20)]
        await asyncio.sleep(0)  # all are queued now
    await asyncio.gather(*together)
    await database.run(lambda connection: connection.set_trace_callback(None))
    assert len([statement for statement in commits if statement == "COMMIT"]) <= 3
    assert len(await database.run(texts)) == 20


@pytest.mark.parametrize("failure", [sqlite3.IntegrityError, LookupError])
async def test_one_that_fails_takes_nobody_along_and_leaves_nothing_behind(database, failure):
    def fail(connection):
        insert("half")(connection)
        if failure is LookupError:
            raise LookupError("no such thing")
        insert("half")(connection)

    async with Held(database):
        tasks = [asyncio.ensure_future(database.run(work)) for work in (insert("a"), fail, insert("b"))]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[1], LookupError if failure is LookupError else StoreError)
    assert not any(isinstance(outcome, BaseException) for outcome in (outcomes[0], outcomes[2]))
    assert await database.run(texts) == ["a", "b"]


async def test_a_full_disk_fails_those_who_write_and_nobody_else(database):
    await database.run(insert("before"))
    await database.run(lambda connection: connection.execute("PRAGMA max_page_count = 1"))  # as small as it is now
    big = "x" * 100_000
    async with Held(database):
        tasks = [asyncio.ensure_future(database.run(work)) for work in (texts, insert(big), insert(f"{big}2"), texts)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert outcomes[0] == outcomes[3] == ["before"]
    for outcome in outcomes[1:3]:
        assert isinstance(outcome, StoreError)
        assert "full" in str(outcome)
    await database.run(lambda connection: connection.execute("PRAGMA max_page_count = 100000"))
    await database.run(insert("after"))
    assert await database.run(texts) == ["after", "before"]


async def test_who_stops_waiting_before_the_turn_comes_gets_nothing_done(database):
    async with Held(database):
        task = asyncio.ensure_future(database.run(insert("unwanted")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await database.run(insert("wanted"))
    assert await database.run(texts) == ["wanted"]


async def test_closing_finishes_what_is_queued(tmp_path):
    database = Database(tmp_path / "state.db")
    tasks = [asyncio.ensure_future(database.run(insert(f"r{number}"))) for number in range(5)]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    await asyncio.gather(*tasks)
    with pytest.raises(StoreError, match="closed"):
        await database.run(texts)
    again = Database(tmp_path / "state.db")
    assert len(await again.run(texts)) == 5
    again.close()


def test_a_second_process_is_refused(database, tmp_path):
    program = "import sys; from controller.store.database import Database; Database(sys.argv[1])"
    command = [sys.executable, "-c", program, str(tmp_path / "state.db")]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "StoreError" in second.stderr
    assert "another server uses it" in second.stderr


def test_a_file_of_another_version_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "state.db"
    Database(path).close()
    set_version(path, SCHEMA_VERSION + 1)
    with pytest.raises(StoreError, match=f"another version of Trunkline .schema {SCHEMA_VERSION + 1}"):
        Database(path)
    set_version(path, SCHEMA_VERSION)
    Database(path).close()


def set_version(path, version):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


@pytest.mark.parametrize("content", [b"this is no database, but it is long enough to be looked at" * 20, None])
def test_what_cannot_be_a_state_file_is_refused(tmp_path, content):
    path = tmp_path / "state.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=r"state\.db"):
        Database(path)
