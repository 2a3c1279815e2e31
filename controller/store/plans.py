"""Rows of ``plans``: plans that are kept to be carried out later."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from pydantic import TypeAdapter

from controller.store.records import SavedPlan

PLAN_JSON = TypeAdapter(SavedPlan)


def insert(connection: sqlite3.Connection, plan: SavedPlan) -> None:
    connection.execute(
        "INSERT INTO plans VALUES (?, ?, ?, ?, ?, ?)",
        (
            plan.plan_id,
            PLAN_JSON.dump_json(plan).decode(),
            plan.created_at,
            plan.expires_at,
            plan.held_until,
            plan.applied_at,
        ),
    )


def delete(connection: sqlite3.Connection, plan_id: str) -> None:
    connection.execute("DELETE FROM plans WHERE plan_id = ?", (plan_id,))


def end_hold(connection: sqlite3.Connection, plan_id: str) -> None:
    connection.execute("UPDATE plans SET held_until = NULL WHERE plan_id = ?", (plan_id,))


def set_applied(connection: sqlite3.Connection, plan_id: str, now: float) -> None:
    """It is carried out; it holds nothing any more."""
    connection.execute("UPDATE plans SET held_until = NULL, applied_at = ? WHERE plan_id = ?", (now, plan_id))


def load(connection: sqlite3.Connection) -> tuple[SavedPlan, ...]:
    """All, in the order in which they were made."""
    rows = connection.execute("SELECT plan, held_until, applied_at FROM plans ORDER BY created_at, plan_id")
    return tuple(
        replace(PLAN_JSON.validate_json(plan), held_until=held_until, applied_at=applied_at)
        for plan, held_until, applied_at in rows
    )
