"""Rows of ``intents``, ``history`` and ``specs``. Changes of state obey the life-cycle table and leave a line of
history; of each name no more than the last so many are kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from controller.domain.errors import Reason
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent
from controller.domain.lifecycle import IntentState, move
from controller.store.records import INTENT_JSON, HistoryEntry, IntentRecord, dump_intent

_COLUMNS = "spec, state, generation, created_revision, revision, created_at, updated_at, reason, message"
_KEY = "kind = ? AND tenant = ? AND name = ?"

MOST_HISTORY = 200
"""Entries kept of each name, the last ones: a change leaves two. The very last one stays for ever, for watchers."""
MOST_SPECS = 50
"""Specifications kept of each name, the last ones."""


def get(connection: sqlite3.Connection, key: IntentKey) -> IntentRecord | None:
    row = connection.execute(f"SELECT kind, {_COLUMNS} FROM intents WHERE {_KEY}", _key(key)).fetchone()
    return None if row is None else _record(row)


def page(connection: sqlite3.Connection, tenant: str | None, after: IntentKey | None, size: int) -> list[IntentRecord]:
    """Intents after a key in key order; ``size`` -1: all of them."""
    start = ("", "", "") if after is None else _key(after)
    where, values = "(kind, tenant, name) > (?, ?, ?)", list[Any](start)
    if tenant is not None:
        where += " AND tenant = ?"
        values.append(tenant)
    rows = connection.execute(
        f"SELECT kind, {_COLUMNS} FROM intents WHERE {where} ORDER BY kind, tenant, name LIMIT ?", (*values, size)
    )
    return [_record(row) for row in rows]


def counts(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """How many intents there are, by kind and state."""
    rows = connection.execute("SELECT kind, state, count(*) FROM intents GROUP BY kind, state ORDER BY kind, state")
    return {(kind, state): count for kind, state, count in rows}


def start_applying(connection: sqlite3.Connection, intent: Intent, txn: str, now: float, caller: str = "") -> None:
    """A new intent is there from now on; one that carries traffic keeps its specification until the change is done.
    A name that is used again goes on counting generations where its last life ended."""
    there = get(connection, intent.key)
    state = move(None if there is None else there.state, IntentState.APPLYING)
    if there is None:
        there = IntentRecord(
            intent=intent,
            state=state,
            generation=_last_generation(connection, intent.key) + 1,
            created_revision=revision(connection) + 1,
            revision=0,
            created_at=now,
            updated_at=now,
        )
    elif there.state is not IntentState.ACTIVE:
        there = replace(there, intent=intent, generation=there.generation + (there.intent != intent))
    _write(connection, replace(there, state=state, updated_at=now, reason="", message=""), txn, caller)


def activate(connection: sqlite3.Connection, intent: Intent, txn: str, now: float, reason: str, message: str) -> None:
    """The network carries ``intent``. With a ``reason``: it still does, because a change of it failed."""
    there = _existing(connection, intent.key)
    changed = replace(
        there,
        intent=intent,
        state=move(there.state, IntentState.ACTIVE),
        generation=there.generation + (there.intent != intent),
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
    caller: str = "",
) -> None:
    there = _existing(connection, key)
    changed = replace(there, state=move(there.state, state), updated_at=now, reason=reason, message=message)
    _write(connection, changed, txn, caller)


def end_stray_states(connection: sqlite3.Connection, now: float) -> list[IntentKey]:
    """Those that are on their way somewhere, and no transaction takes them there."""
    if connection.execute("SELECT 1 FROM transactions WHERE phase IN ('RUNNING', 'COMMITTED')").fetchone():
        return []
    rows = connection.execute(
        f"SELECT kind, {_COLUMNS} FROM intents WHERE state IN (?, ?) ORDER BY kind, tenant, name",
        (IntentState.APPLYING, IntentState.DELETING),
    ).fetchall()
    stray = [_record(row).key for row in rows]
    for key in stray:
        carried = connection.execute(f"SELECT 1 FROM placements WHERE {_KEY}", _key(key)).fetchone() is not None
        state = IntentState.ACTIVE if carried else IntentState.FAILED
        set_state(connection, key, state, "", now, Reason.INTERRUPTED, "its change was lost; what there is was kept")
    return stray


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
    """With the request behind each change, who asked for it, and what was asked for in its generation."""
    rows = connection.execute(f"SELECT * FROM history WHERE {_KEY} ORDER BY revision", _key(key)).fetchall()
    asked = "SELECT request_id FROM requests WHERE txn = ? AND txn != ''"
    entries = _entries(rows)
    # Who asked is written down when a change begins; how it ends, perhaps after a restart, belongs to it.
    callers = {entry.txn: entry.caller for entry in entries if entry.txn and entry.caller}
    found = []
    for entry in entries:
        request = connection.execute(asked, (entry.txn,)).fetchone()
        found.append(
            replace(
                entry,
                request_id="" if request is None else request[0],
                caller=callers.get(entry.txn, entry.caller),
                spec=spec_of(connection, key, entry.generation),
            )
        )
    return found


def generations(connection: sqlite3.Connection, key: IntentKey) -> list[int]:
    """Those whose specifications are known, in order."""
    rows = connection.execute(f"SELECT generation FROM specs WHERE {_KEY} ORDER BY generation", _key(key))
    return [generation for (generation,) in rows]


def spec_of(connection: sqlite3.Connection, key: IntentKey, generation: int) -> Intent | None:
    row = connection.execute(
        f"SELECT spec FROM specs WHERE {_KEY} AND generation = ?", (*_key(key), generation)
    ).fetchone()
    return None if row is None else INTENT_JSON[key.kind].validate_json(row[0])


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
            caller=caller,
        )
        for number, kind, tenant, name, state, reason, message, txn, at, generation, caller in rows
    ]


def _existing(connection: sqlite3.Connection, key: IntentKey) -> IntentRecord:
    there = get(connection, key)
    if there is None:
        raise LookupError(f"{key} is not in the store")
    return there


def _last_generation(connection: sqlite3.Connection, key: IntentKey) -> int:
    """Of all lives of the name; 0 when it is new."""
    row = connection.execute(f"SELECT max(generation) FROM history WHERE {_KEY}", _key(key)).fetchone()
    return 0 if row[0] is None else int(row[0])


def _write(connection: sqlite3.Connection, record: IntentRecord, txn: str, caller: str = "") -> None:
    number = _remember(connection, record, txn, caller)
    spec = dump_intent(record.intent)
    added = connection.execute(
        "INSERT OR IGNORE INTO specs VALUES (?, ?, ?, ?, ?)", (*_key(record.key), record.generation, spec)
    )
    if added.rowcount and record.generation > MOST_SPECS:
        oldest = record.generation - MOST_SPECS
        connection.execute(f"DELETE FROM specs WHERE {_KEY} AND generation <= ?", (*_key(record.key), oldest))
    connection.execute(
        f"""INSERT OR REPLACE INTO intents (kind, tenant, name, {_COLUMNS})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *_key(record.key),
            spec,
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


def _remember(connection: sqlite3.Connection, record: IntentRecord, txn: str, caller: str = "") -> int:
    connection.execute("UPDATE revision SET value = value + 1")
    number = revision(connection)
    connection.execute(
        "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            *_key(record.key),
            record.state,
            record.reason,
            record.message,
            txn,
            record.updated_at,
            record.generation,
            caller,
        ),
    )
    connection.execute(
        f"""DELETE FROM history WHERE {_KEY} AND revision <=
            (SELECT revision FROM history WHERE {_KEY} ORDER BY revision DESC LIMIT 1 OFFSET ?)""",
        (*_key(record.key), *_key(record.key), MOST_HISTORY),
    )
    return number


def _record(row: tuple[Any, ...]) -> IntentRecord:
    kind, spec, state, generation, created_revision, changed, created_at, updated_at, reason, message = row
    return IntentRecord(
        intent=INTENT_JSON[kind].validate_json(spec),
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
