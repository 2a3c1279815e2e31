"""One SQLite file, one thread that touches it, group commit.

Every piece of work is a function of the connection. All work that waits when the thread comes round goes into one
commit (WAL, ``synchronous=FULL``), each piece inside a savepoint of its own: callers that come together share one
fsync, and one that fails takes nobody with it. An awaited piece is durable when it returns.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from controller.store.schema import SCHEMA, SCHEMA_VERSION, UPGRADES

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]
Piece = tuple[Work[Any], Future[Any]]

LOCK_WAIT_S = 2.0
_MOST_IN_ONE_COMMIT = 256


class StoreError(Exception):
    """The state could not be read or written: the disk is full, the file is damaged or locked by another process."""

    reason = "STATE_UNAVAILABLE"


class Database:
    """Raises ``StoreError`` from the constructor when the file cannot be used."""

    def __init__(self, path: Path | str) -> None:
        self._queue: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._serve, args=(str(path), opened), name="store-writer", daemon=True)
        self._thread.start()
        self._closed = False
        opened.result()

    async def run(self, work: Work[Result]) -> Result:
        """Do ``work`` in the writer's thread and return what it returns, once it is durable."""
        return await asyncio.wrap_future(self._submit(work))

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _submit(self, work: Work[Result]) -> Future[Result]:
        if self._closed:
            raise StoreError("the state file is closed")
        done: Future[Result] = Future()
        self._queue.put((work, done))
        return done

    def _serve(self, path: str, opened: Future[None]) -> None:
        try:
            connection = _open(path)
        except (sqlite3.Error, StoreError) as error:
            busy = isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            opened.set_exception(StoreError(f"{path}: {'another server uses it' if busy else error}"))
            return
        opened.set_result(None)
        try:
            while (first := self._queue.get()) is not None:
                batch, closing = [first], False
                while len(batch) < _MOST_IN_ONE_COMMIT and not self._queue.empty():
                    more = self._queue.get()
                    if more is None:
                        closing = True
                        break
                    batch.append(more)
                # Whoever has stopped waiting by now gets nothing done; from here on it is too late to withdraw.
                running = [piece for piece in batch if piece[1].set_running_or_notify_cancel()]
                try:
                    _commit_all(connection, running)
                except Exception as error:  # of the commit itself: nobody may wait for an answer for ever
                    for _, done in running:
                        if not done.done():
                            done.set_exception(_named(error))
                if closing:
                    break
        finally:
            connection.close()


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=LOCK_WAIT_S)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    # One controller owns the file: a second one that is started on it must fail at once, not corrupt reservations.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    _check_ours(connection)  # before anything is written: not even the journal mode of somebody else's file changes
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN EXCLUSIVE")
    version = _check_ours(connection)
    for statement in SCHEMA if version == 0 else _upgrade_from(version):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _upgrade_from(version: int) -> Iterator[str]:
    """What makes of a file of an earlier version one of this."""
    for earlier in range(version, SCHEMA_VERSION):
        yield from UPGRADES[earlier]


def _check_ours(connection: sqlite3.Connection) -> int:
    """Raise ``StoreError`` when there is something in the file that is neither of this version nor of an earlier one;
    return the version, which is 0 in a new file."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not 0 <= version <= SCHEMA_VERSION:
        raise StoreError(
            f"was written by another version of Trunkline (schema {version}, this one has {SCHEMA_VERSION})"
        )
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise StoreError("is a database of another program")
    return version


def _commit_all(connection: sqlite3.Connection, batch: list[Piece]) -> None:
    """In one commit; when SQLite cannot do that, each by itself: a full disk must not fail those who only read."""
    failure = _commit(connection, batch) if batch else None
    if failure is not None and len(batch) > 1:
        for piece in batch:
            _commit_all(connection, [piece])
    elif failure is not None:
        batch[0][1].set_exception(failure)


def _commit(connection: sqlite3.Connection, batch: list[Piece]) -> Exception | None:
    """Carry out every piece and answer it once all are durable. When that fails none has happened, none is answered,
    and the reason is returned."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_carry_out(connection, work) for work, _ in batch]
        connection.execute("COMMIT")
    except Exception as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return _named(error)
    for (_, done), (result, failure) in zip(batch, outcomes, strict=True):
        if failure is None:
            done.set_result(result)
        else:
            done.set_exception(failure)
    return None


def _carry_out(connection: sqlite3.Connection, work: Work[Any]) -> tuple[Any, Exception | None]:
    """What one piece returned, or why it failed; then the database is as if it had not been there. Raises
    when SQLite itself has given the whole commit up, as it does when the disk is full."""
    connection.execute("SAVEPOINT piece")
    outcome: tuple[Any, Exception | None]
    try:
        outcome = work(connection), None
    except Exception as error:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO piece")
        outcome = None, _named(error)
    connection.execute("RELEASE piece")
    return outcome


def _named(error: Exception) -> Exception:
    return StoreError(f"the state file cannot be used: {error}") if isinstance(error, sqlite3.Error) else error
