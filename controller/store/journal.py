"""Rows of ``transactions``, ``journal`` and ``requests``."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from controller.compiler.plan import Movement, RoundKind
from controller.domain.errors import Reason
from controller.domain.intents import IntentKey
from controller.store.records import (
    MOVEMENT_JSON,
    Answer,
    DeviceRound,
    Moment,
    Phase,
    Request,
    SavedTransaction,
    Step,
    TransactionKind,
    Verb,
)
from controller.store.rule_json import dump_changes, load_changes


def insert(
    connection: sqlite3.Connection,
    txn: str,
    kind: TransactionKind,
    keys: Sequence[IntentKey],
    movement: Movement,
    staged: Iterable[tuple[Step, DeviceRound]],
    now: float,
) -> None:
    """The transaction, with the changes of every round on every device."""
    connection.execute(
        "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, NULL)",
        (txn, kind, Phase.RUNNING, _dump_keys(keys), MOVEMENT_JSON.dump_json(movement).decode(), now),
    )
    connection.executemany(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(*_row(txn, step), dump_changes(part.changes)) for step, part in staged],
    )


def append(connection: sqlite3.Connection, txn: str, steps: Iterable[Step]) -> None:
    connection.executemany(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", [_row(txn, step) for step in steps]
    )


def set_phase(connection: sqlite3.Connection, txn: str, phase: Phase) -> None:
    connection.execute("UPDATE transactions SET phase = ? WHERE txn = ?", (phase, txn))


def finish(connection: sqlite3.Connection, txn: str, phase: Phase, reason: str, message: str, now: float) -> None:
    """The journal and the movement of a transaction that is over have served; what it did is in the history.

    A request that failed because a device was out of reach is forgotten: sent again, it is tried again. Of a change of
    the steering nothing is left: nobody asked for it, no history names it, and there may be thousands a day.
    """
    connection.execute(
        "UPDATE transactions SET phase = ?, ended_at = ?, keys = '[]', movement = '' WHERE txn = ?", (phase, now, txn)
    )
    connection.execute("DELETE FROM journal WHERE txn = ?", (txn,))
    connection.execute("DELETE FROM transactions WHERE txn = ? AND kind = ?", (txn, TransactionKind.STEER))
    if reason == Reason.DEVICE_UNREACHABLE:
        connection.execute("DELETE FROM requests WHERE txn = ?", (txn,))
    else:
        connection.execute("UPDATE requests SET reason = ?, message = ? WHERE txn = ?", (reason, message, txn))


def unfinished(connection: sqlite3.Connection) -> list[SavedTransaction]:
    """Transactions that were under way when the controller stopped, oldest first."""
    rows = connection.execute(
        "SELECT txn, kind, phase, keys, movement FROM transactions WHERE phase IN (?, ?) ORDER BY started_at, txn",
        (Phase.RUNNING, Phase.COMMITTED),
    )
    return [_saved(connection, *row) for row in rows.fetchall()]


def insert_request(
    connection: sqlite3.Connection, request: Request, txn: str, keys: Sequence[IntentKey], now: float
) -> None:
    connection.execute(
        "INSERT INTO requests VALUES (?, ?, ?, ?, NULL, '', ?)",
        (request.request_id, request.fingerprint, txn, _dump_keys(keys), now),
    )


def answer_request(connection: sqlite3.Connection, request_id: str) -> None:
    connection.execute("UPDATE requests SET reason = '' WHERE request_id = ?", (request_id,))


def answer(connection: sqlite3.Connection, request_id: str) -> Answer | None:
    row = connection.execute(
        "SELECT fingerprint, txn, keys, reason, message FROM requests WHERE request_id = ?", (request_id,)
    ).fetchone()
    if row is None:
        return None
    fingerprint, txn, keys, reason, message = row
    return Answer(fingerprint=fingerprint, txn=txn, keys=_load_keys(keys), reason=reason, message=message)


def _saved(
    connection: sqlite3.Connection, txn: str, kind: str, phase: str, keys: str, movement: str
) -> SavedTransaction:
    steps: list[Step] = []
    rounds: list[DeviceRound] = []
    for seq, device, number, round_kind, verb, moment, changes in connection.execute(
        "SELECT seq, device, round, round_kind, verb, moment, changes FROM journal WHERE txn = ? ORDER BY seq", (txn,)
    ):
        step = Step(
            seq=seq,
            device=device,
            number=number,
            kind=RoundKind(round_kind),
            verb=Verb(verb),
            moment=Moment(moment),
        )
        steps.append(step)
        if changes is not None:
            loaded = load_changes(changes)
            rounds.append(DeviceRound(number=number, kind=step.kind, device=device, changes=loaded, step=number))
    return SavedTransaction(
        txn=txn,
        kind=TransactionKind(kind),
        phase=Phase(phase),
        movement=MOVEMENT_JSON.validate_json(movement),
        rounds=tuple(rounds),
        steps=tuple(steps),
        keys=_load_keys(keys),
    )


def _row(txn: str, step: Step) -> tuple[Any, ...]:
    return (txn, step.seq, step.device, step.number, step.kind, step.verb, step.moment)


def _dump_keys(keys: Iterable[IntentKey]) -> str:
    return json.dumps([[key.kind, key.tenant, key.name] for key in keys])


def _load_keys(text: str) -> tuple[IntentKey, ...]:
    return tuple(IntentKey(kind=kind, tenant=tenant, name=name) for kind, tenant, name in json.loads(text))
