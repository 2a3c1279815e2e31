"""Rows of ``month_books``: what was sent by gateways that bill by the 95th percentile, by month."""

from __future__ import annotations

import sqlite3
from typing import Final

from pydantic import TypeAdapter

from controller.egress.slots import MonthBook

KEPT: Final = 13
"""Months of a gateway: a year, and the one that runs."""
_BOOK_JSON: Final = TypeAdapter(MonthBook)


def save(connection: sqlite3.Connection, gateway: str, month: str, book: MonthBook) -> None:
    """``month`` as 2026-11. Of each gateway the latest months are kept."""
    connection.execute(
        "INSERT OR REPLACE INTO month_books VALUES (?, ?, ?)", (gateway, month, _BOOK_JSON.dump_json(book).decode())
    )
    connection.execute(
        "DELETE FROM month_books WHERE gateway = ?1 AND month NOT IN "
        "(SELECT month FROM month_books WHERE gateway = ?1 ORDER BY month DESC LIMIT ?2)",
        (gateway, KEPT),
    )


def load(connection: sqlite3.Connection) -> dict[tuple[str, str], MonthBook]:
    """By gateway and month."""
    rows = connection.execute("SELECT gateway, month, book FROM month_books ORDER BY gateway, month")
    return {(gateway, month): _BOOK_JSON.validate_json(book) for gateway, month, book in rows}
