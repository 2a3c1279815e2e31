"""Rows of ``steering`` and ``prefix_table``, one each."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from typing import Final

from pydantic import TypeAdapter

from controller.domain.prefixes import Prefix
from controller.domain.steering import PrefixTable, Steering

_STEERING_JSON: Final = TypeAdapter(Steering)
_ROUTE: Final = struct.Struct("!BB16sI")
"""Version, length, address, destination group: 100,000 prefixes are 2.2 MB, packed some 400 kB."""


def save(connection: sqlite3.Connection, steering: Steering | None, prefixes: PrefixTable | None) -> None:
    """``None``: it stays as it is."""
    if steering is not None:
        connection.execute(
            "INSERT OR REPLACE INTO steering VALUES (1, ?)", (_STEERING_JSON.dump_json(steering).decode(),)
        )
    if prefixes is not None:
        connection.execute("INSERT OR REPLACE INTO prefix_table VALUES (1, ?)", (pack(prefixes),))


def load(connection: sqlite3.Connection) -> tuple[Steering, PrefixTable]:
    """Nothing is steered if nothing was saved."""
    steering = connection.execute("SELECT steering FROM steering").fetchone()
    packed = connection.execute("SELECT packed FROM prefix_table").fetchone()
    return (
        Steering() if steering is None else _STEERING_JSON.validate_json(steering[0]),
        PrefixTable() if packed is None else unpack(packed[0]),
    )


def pack(prefixes: PrefixTable) -> bytes:
    """Small enough for a journal, too."""
    rows = (_ROUTE.pack(p.version, p.length, p.bits.to_bytes(16, "big"), group) for p, group in prefixes.routes)
    return zlib.compress(b"".join(rows), level=1)


def unpack(packed: bytes) -> PrefixTable:
    return PrefixTable(
        routes=tuple(
            (Prefix(version, int.from_bytes(address, "big"), length), group)
            for version, length, address, group in _ROUTE.iter_unpack(zlib.decompress(packed))
        )
    )
