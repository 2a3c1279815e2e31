"""Rows of ``intents`` and ``history``. Changes of state obey the life-cycle table and leave a line of history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.lifecycle import IntentState, move
from controller.store.records import LINE_JSON, HistoryEntry, IntentRecord

_COLUMNS = "spec, state, generation, created_revision, revision, created_at, updated_at, reason, message"
_KEY = "kind = ? AND tenant = ? AND name = ?"


def get(connection: sqlite3.Connection, key: IntentKey) -> IntentRecord | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM intents WHERE {_KEY}", _key(key)).fetchone()
    return None if row is None else _record(row)


def page(connection: sqlite3.Connection, tenant: str | None, after: IntentKey | None, size: int) -> list[IntentRecord]:
    """Intents after a key in key order; ``size`` -1: all of them."""
    start = ("", "", "") if after is None else _key(after)
    where, values = "(kind, tenant, name) > (?, ?, ?)", list[Any](start)
    if tenant is not None:
        where += " AND tenant = ?"
        values.append(tenant)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM intents WHERE {where} ORDER BY kind, tenant, name LIMIT ?", (*values, size)
    )
    return [_record(row) for row in rows]


def counts(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """How many intents there are, by kind and state."""
    rows = connection.execute("SELECT kind, state, count(*) FROM intents GROUP BY kind, state ORDER BY kind, state")
    return {(kind, state): count for kind, state, count in rows}


def start_applying(connection: sqlite3.Connection, line: PrivateLine, txn: str, now: float) -> None:
    """A new intent is there from now on; one that carries traffic keeps its specification until the change is done."""
    there = get(connection, line.key)
    state = move(None if there is None else there.state, IntentState.APPLYING)
    if there is None:
        there = IntentRecord(
            line=line,
            state=state,
            generation=1,
            created_revision=revision(connection) + 1,
            revision=0,
            created_at=now,
            updated_at=now,
        )
    elif there.state is not IntentState.ACTIVE:
        there = replace(there, line=line, generation=there.generation + (there.line != line))
    _write(connection, replace(there, state=state, updated_at=now, reason="", message=""), txn)


def activate(
    connection: sqlite3.Connection, line: PrivateLine, txn: str, now: float, reason: str, message: str
) -> None:
    """The network carries ``line``. With a ``reason``: it still does, because a change of it failed."""
    there = _existing(connection, line.key)
    changed = replace(
        there,
        line=line,
        state=move(there.state, IntentState.ACTIVE),
        generation=there.generation + (there.line != line),
        updated_at=now,
        reason=reason,
        message=message,
    )
    _write(connection, changed, txn)


def set_state(
    connection: sqlite3.Connection,
    key: IntentKey,
    state: IntentState,
    txn: str,
    now: float,
    reason: str = "",
    message: str = "",
) -> None:
    there = _existing(connection, key)
    changed = replace(there, state=move(there.state, state), updated_at=now, reason=reason, message=message)
    _write(connection, changed, txn)


def delete(connection: sqlite3.Connection, key: IntentKey, txn: str, now: float) -> None:
    """The intent is gone; its history stays."""
    there = _existing(connection, key)
    gone = replace(there, state=move(there.state, IntentState.DELETED), updated_at=now, reason="", message="")
    connection.execute(f"DELETE FROM intents WHERE {_KEY}", _key(key))
    _remember(connection, gone, txn)


def revision(connection: sqlite3.Connection) -> int:
    """The revision of the store now."""
    return int(connection.execute("SELECT value FROM revision").fetchone()[0])


def history(connection: sqlite3.Connection, key: IntentKey) -> list[HistoryEntry]:
    """With the request behind each change."""
    rows = connection.execute(f"SELECT * FROM history WHERE {_KEY} ORDER BY revision", _key(key)).fetchall()
    asked = "SELECT request_id FROM requests WHERE txn = ? AND txn != ''"
    found = []
    for entry in _entries(rows):
        request = connection.execute(asked, (entry.txn,)).fetchone()
        found.append(entry if request is None else replace(entry, request_id=request[0]))
    return found


def changed_since(connection: sqlite3.Connection, start: int) -> list[HistoryEntry]:
    """The last change of each intent that changed after revision ``start``, in order."""
    return _entries(
        connection.execute(
            """SELECT * FROM history WHERE revision IN
               (SELECT max(revision) FROM history WHERE revision > ? GROUP BY kind, tenant, name) ORDER BY revision""",
            (start,),
        )
    )


def _entries(rows: Iterable[tuple[Any, ...]]) -> list[HistoryEntry]:
    return [
        HistoryEntry(
            revision=number,
            key=IntentKey(kind=kind, tenant=tenant, name=name),
            state=IntentState(state),
            reason=reason,
            message=message,
            txn=txn,
            at=at,
            generation=generation,
        )
        for number, kind, tenant, name, state, reason, message, txn, at, generation in rows
    ]


def _existing(connection: sqlite3.Connection, key: IntentKey) -> IntentRecord:
    there = get(connection, key)
    if there is None:
        raise LookupError(f"{key} is not in the store")
    return there


def _write(connection: sqlite3.Connection, record: IntentRecord, txn: str) -> None:
    number = _remember(connection, record, txn)
    connection.execute(
        f"""INSERT OR REPLACE INTO intents (kind, tenant, name, {_COLUMNS})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *_key(record.key),
            LINE_JSON.dump_json(record.line).decode(),
            record.state,
            record.generation,
            record.created_revision,
            number,
            record.created_at,
            record.updated_at,
            record.reason,
            record.message,
        ),
    )


def _remember(connection: sqlite3.Connection, record: IntentRecord, txn: str) -> int:
    connection.execute("UPDATE revision SET value = value + 1")
    number = revision(connection)
    connection.execute(
        "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            *_key(record.key),
            record.state,
            record.reason,
            record.message,
            txn,
            record.updated_at,
            record.generation,
        ),
    )
    return number


def _record(row: tuple[Any, ...]) -> IntentRecord:
    spec, state, generation, created_revision, changed, created_at, updated_at, reason, message = row
    return IntentRecord(
        line=LINE_JSON.validate_json(spec),
        state=IntentState(state),
        generation=generation,
        created_revision=created_revision,
        revision=changed,
        created_at=created_at,
        updated_at=updated_at,
        reason=reason,
        message=message,
    )


def _key(key: IntentKey) -> tuple[str, str, str]:
    return (key.kind, key.tenant, key.name)
