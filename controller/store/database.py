"""One SQLite file, one thread that touches it, group commit.

Every piece of work is a function of the connection. All work that waits when the thread comes round goes into one
commit (WAL, ``synchronous=FULL``), each piece inside a savepoint of its own: callers that come together share one
fsync, and one that fails takes nobody with it. An awaited piece is durable when it returns.

Where the disk is full, what is pressing has the room that is kept for it (``ballast``). From then on nothing else is
written until that room can be kept again: else it would be gone when it is needed a second time.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from controller.store.ballast import Ballast, is_pressing
from controller.store.schema import SCHEMA, SCHEMA_VERSION, UPGRADES

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

LOCK_WAIT_S = 2.0
_MOST_IN_ONE_COMMIT = 256


@dataclass(slots=True, eq=False)
class Piece:
    """Work that somebody waits for. ``pressing``: it may use the room that is kept."""

    work: Work[Any]
    done: Future[Any]
    pressing: bool = False


class StoreError(Exception):
    """The state could not be read or written: the disk is full, the file is damaged or locked by another process."""

    reason = "STATE_UNAVAILABLE"


class Database:
    """Raises ``StoreError`` from the constructor when the file cannot be used."""

    def __init__(self, path: Path | str, ballast: Ballast | None = None) -> None:
        self._ballast = ballast
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
        piece = Piece(work, Future(), is_pressing())
        self._queue.put(piece)
        return piece.done

    def _serve(self, path: str, opened: Future[None]) -> None:
        try:
            connection = _open(path)
        except (sqlite3.Error, StoreError) as error:
            busy = isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            opened.set_exception(StoreError(f"{path}: {'another server uses it' if busy else error}"))
            return
        if self._ballast is not None:
            self._ballast.take_in()
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
                running = [piece for piece in batch if piece.done.set_running_or_notify_cancel()]
                try:
                    self._carry_out(connection, running)
                except Exception as error:  # of the commit itself: nobody may wait for an answer for ever
                    for piece in running:
                        if not piece.done.done():
                            piece.done.set_exception(_named(error))
                if closing:
                    break
        finally:
            connection.close()

    def _carry_out(self, connection: sqlite3.Connection, batch: list[Piece]) -> None:
        ballast = self._ballast
        if ballast is None:
            _commit_all(connection, batch)
            return
        if ballast.released:
            ballast.take_in()
        # What is not pressing goes first: it must find no room that was made for others.
        others = [piece for piece in batch if not piece.pressing]
        if ballast.released:
            _read_only(connection, others)
            _commit_all(connection, [piece for piece in batch if piece.pressing])
        else:
            _commit_all(connection, [*others, *(piece for piece in batch if piece.pressing)], ballast)


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


def _commit_all(connection: sqlite3.Connection, batch: list[Piece], ballast: Ballast | None = None) -> None:
    """In one commit; when SQLite cannot do that, each by itself: a full disk must not fail those who only read. What is
    pressing has another try then, without the ballast."""
    failure = _commit(connection, batch) if batch else None
    if failure is not None and len(batch) > 1:
        for piece in batch:
            _commit_all(connection, [piece], ballast)
    elif failure is not None:
        (piece,) = batch
        if piece.pressing and ballast is not None and _for_want_of_room(failure) and ballast.throw_out():
            failure = _commit(connection, batch)
        if failure is not None:
            piece.done.set_exception(_named(failure))


def _commit(connection: sqlite3.Connection, batch: list[Piece], begin: str = "BEGIN IMMEDIATE") -> Exception | None:
    """Carry out every piece and answer it once all are durable. When that fails none has happened, none is answered,
    and the reason is returned."""
    try:
        connection.execute(begin)
        outcomes = [_outcome(connection, piece.work) for piece in batch]
        connection.execute("COMMIT")
    except Exception as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return error
    for piece, (result, failure) in zip(batch, outcomes, strict=True):
        if failure is None:
            piece.done.set_result(result)
        else:
            piece.done.set_exception(failure)
    return None


def _read_only(connection: sqlite3.Connection, batch: list[Piece]) -> None:
    """What writes fails."""
    if not batch:
        return
    connection.execute("PRAGMA query_only = ON")
    try:
        failure = _commit(connection, batch, "BEGIN")
    finally:
        connection.execute("PRAGMA query_only = OFF")
    if failure is not None:
        for piece in batch:
            piece.done.set_exception(_named(failure))


def _for_want_of_room(error: Exception) -> bool:
    """SQLite has names of its own for a full disk, by what it was about to do."""
    if not isinstance(error, sqlite3.OperationalError):
        return False
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def _outcome(connection: sqlite3.Connection, work: Work[Any]) -> tuple[Any, Exception | None]:
    """What one piece returned, or why it failed; then the database is as if it had not been there. Raises
    when SQLite itself has given the whole commit up, as it does when the disk is full."""
    connection.execute("SAVEPOINT piece")
    outcome: tuple[Any, Exception | None]
    try:
        outcome = work(connection), None
    except Exception as error:
        if not connection.in_transaction or _for_want_of_room(error):
            raise
        connection.execute("ROLLBACK TO piece")
        outcome = None, _named(error)
    connection.execute("RELEASE piece")
    return outcome


def _named(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_READONLY:
        return StoreError("the disk of the state file is full; what room was left is kept for what is urgent")
    return StoreError(f"the state file cannot be used: {error}")
