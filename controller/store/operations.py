"""Rows of ``freeze``, ``adopted`` and ``drained``: what those who run the controller have told it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from controller.domain.foreign import ForeignRule
from controller.store.records import FOREIGN_JSON, Drained, Frozen


def set_frozen(connection: sqlite3.Connection, frozen: Frozen | None) -> None:
    connection.execute("DELETE FROM freeze")
    if frozen is not None:
        connection.execute("INSERT INTO freeze VALUES (1, ?, ?)", (frozen.reason, frozen.since))


def frozen(connection: sqlite3.Connection) -> Frozen | None:
    row = connection.execute("SELECT reason, since FROM freeze").fetchone()
    return None if row is None else Frozen(reason=row[0], since=row[1])


def adopt(connection: sqlite3.Connection, device: str, rules: Iterable[ForeignRule], now: float) -> None:
    """Add to what is kept for this device; what is kept already stays as it was."""
    connection.executemany(
        "INSERT OR IGNORE INTO adopted VALUES (?, ?, ?, ?)",
        [(device, rule.words, FOREIGN_JSON.dump_json(rule).decode(), now) for rule in rules],
    )


def release(connection: sqlite3.Connection, devices: Iterable[str]) -> None:
    connection.executemany("DELETE FROM adopted WHERE device = ?", [(device,) for device in devices])


def adopted(connection: sqlite3.Connection) -> dict[str, tuple[ForeignRule, ...]]:
    """By device, in the order of their words."""
    found: dict[str, list[ForeignRule]] = {}
    for device, rule in connection.execute("SELECT device, rule FROM adopted ORDER BY device, words"):
        found.setdefault(device, []).append(FOREIGN_JSON.validate_json(rule))
    return {device: tuple(rules) for device, rules in found.items()}


def set_drained(connection: sqlite3.Connection, gateway: str, drained: Drained | None) -> None:
    connection.execute("DELETE FROM drained WHERE gateway = ?", (gateway,))
    if drained is not None:
        connection.execute("INSERT INTO drained VALUES (?, ?, ?)", (gateway, drained.reason, drained.since))


def drained(connection: sqlite3.Connection) -> dict[str, Drained]:
    """By gateway."""
    rows = connection.execute("SELECT gateway, reason, since FROM drained ORDER BY gateway")
    return {gateway: Drained(reason=reason, since=since) for gateway, reason, since in rows}
