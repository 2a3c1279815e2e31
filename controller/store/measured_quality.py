"""The row of ``measured_quality``: what was measured last on ways abroad."""

from __future__ import annotations

import sqlite3
from typing import Final

from pydantic import TypeAdapter

from controller.domain.gateway_quality import Series

_SERIES_JSON: Final = TypeAdapter(tuple[Series, ...])


def save(connection: sqlite3.Connection, series: tuple[Series, ...]) -> None:
    """In place of what was there."""
    connection.execute(
        "INSERT OR REPLACE INTO measured_quality VALUES (1, ?)", (_SERIES_JSON.dump_json(series).decode(),)
    )


def load(connection: sqlite3.Connection) -> tuple[Series, ...]:
    row = connection.execute("SELECT series FROM measured_quality").fetchone()
    return () if row is None else _SERIES_JSON.validate_json(row[0])
