"""The tables. Values of the domain are JSON text, written and read by ``records``; keys and states are columns."""

from __future__ import annotations

SCHEMA_VERSION = 7

_TRUNK_PAIRS = """CREATE TABLE trunk_pairs (
    working INTEGER NOT NULL, protect INTEGER NOT NULL, pair TEXT NOT NULL, PRIMARY KEY (working, protect)
) WITHOUT ROWID"""
_REQUESTS_BY_TRANSACTION = "CREATE INDEX request_of_transaction ON requests (txn)"

# What those who run the controller have told it.
_OPERATIONS = (
    "CREATE TABLE freeze (only INTEGER PRIMARY KEY CHECK (only = 1), reason TEXT NOT NULL, since REAL NOT NULL)",
    """CREATE TABLE adopted (
        device TEXT NOT NULL, words TEXT NOT NULL, rule TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (device, words)) WITHOUT ROWID""",
)

# Gateways that are to carry nothing.
_DRAINED = ("CREATE TABLE drained (gateway TEXT PRIMARY KEY, reason TEXT NOT NULL, since REAL NOT NULL) WITHOUT ROWID",)

# Delay and loss that were measured last from gateways to regions.
_MEASURED_QUALITY = "CREATE TABLE measured_quality (only INTEGER PRIMARY KEY CHECK (only = 1), series TEXT NOT NULL)"

# What was sent in each month by a gateway that bills by the 95th percentile; months as 2026-11.
_MONTH_BOOKS = """CREATE TABLE month_books (
    gateway TEXT NOT NULL, month TEXT NOT NULL, book TEXT NOT NULL, PRIMARY KEY (gateway, month)) WITHOUT ROWID"""

# Plans that somebody may yet carry out; ``held_until`` is null without a hold, ``applied_at`` until it is carried out.
_PLANS = """CREATE TABLE plans (
    plan_id TEXT PRIMARY KEY, plan TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    held_until REAL, applied_at REAL) WITHOUT ROWID"""

# What was asked for in each generation of an intent.
_SPECS = """CREATE TABLE specs (
    kind TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL, spec TEXT NOT NULL,
    PRIMARY KEY (kind, tenant, name, generation)) WITHOUT ROWID"""

# Which way internet traffic takes: one value for the whole network, and the packed table of prefixes that it goes by.
_STEERING = (
    "CREATE TABLE steering (only INTEGER PRIMARY KEY CHECK (only = 1), steering TEXT NOT NULL)",
    "CREATE TABLE prefix_table (only INTEGER PRIMARY KEY CHECK (only = 1), packed BLOB NOT NULL)",
)

SCHEMA = (
    # A revision counts changes of the whole store; watchers resume from one.
    "CREATE TABLE revision (only INTEGER PRIMARY KEY CHECK (only = 1), value INTEGER NOT NULL)",
    "INSERT INTO revision VALUES (1, 0)",
    """CREATE TABLE intents (
        kind TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL,
        spec TEXT NOT NULL, state TEXT NOT NULL, generation INTEGER NOT NULL,
        created_revision INTEGER NOT NULL, revision INTEGER NOT NULL,
        reason TEXT NOT NULL, message TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL,
        PRIMARY KEY (kind, tenant, name)) WITHOUT ROWID""",
    # What the network carries: lines with their places, policies as they are in force (``number`` 0). Reservations
    # follow from it, so they have no table of their own.
    """CREATE TABLE placements (
        kind TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, placed TEXT NOT NULL,
        PRIMARY KEY (kind, tenant, name)) WITHOUT ROWID""",
    "CREATE TABLE trunks (label INTEGER PRIMARY KEY, trunk TEXT NOT NULL)",
    _TRUNK_PAIRS,
    """CREATE TABLE transactions (
        txn TEXT PRIMARY KEY, kind TEXT NOT NULL, phase TEXT NOT NULL,
        keys TEXT NOT NULL, movement TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL) WITHOUT ROWID""",
    # Append-only while its transaction runs. ``changes`` stands with the staging of a round and holds its inverse.
    """CREATE TABLE journal (
        txn TEXT NOT NULL, seq INTEGER NOT NULL, device TEXT NOT NULL, round INTEGER NOT NULL,
        round_kind TEXT NOT NULL, verb TEXT NOT NULL, moment TEXT NOT NULL CHECK (moment IN ('before', 'after')),
        changes TEXT,
        PRIMARY KEY (txn, seq)) WITHOUT ROWID""",
    # Answers by the client's request id, so that a repeated request finds what the first one did.
    """CREATE TABLE requests (
        request_id TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, txn TEXT NOT NULL, keys TEXT NOT NULL,
        reason TEXT, message TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID""",
    # A transaction that ends looks for its request, and a history tells of them.
    _REQUESTS_BY_TRANSACTION,
    # Rules of ours that a device may still hold because it could not be reached when they were to go.
    """CREATE TABLE leftovers (
        device TEXT NOT NULL, rule TEXT NOT NULL, PRIMARY KEY (device, rule)) WITHOUT ROWID""",
    """CREATE TABLE history (
        revision INTEGER PRIMARY KEY, kind TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL,
        state TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, txn TEXT NOT NULL, at REAL NOT NULL,
        generation INTEGER NOT NULL, caller TEXT NOT NULL)""",
    "CREATE INDEX history_of_intent ON history (kind, tenant, name)",
    *_OPERATIONS,
    _PLANS,
    _SPECS,
    *_STEERING,
    *_DRAINED,
    _MONTH_BOOKS,
    _MEASURED_QUALITY,
)

UPGRADES: dict[int, tuple[str, ...]] = {
    1: (_TRUNK_PAIRS,),
    2: _OPERATIONS,
    # Of what was written before, the generation is not known: 0.
    3: ("ALTER TABLE history ADD COLUMN generation INTEGER NOT NULL DEFAULT 0", _REQUESTS_BY_TRANSACTION),
    # Of earlier generations the specifications are not known, and of earlier changes not who asked for them.
    4: (
        _PLANS,
        _SPECS,
        "ALTER TABLE history ADD COLUMN caller TEXT NOT NULL DEFAULT ''",
        "INSERT INTO specs SELECT kind, tenant, name, generation, spec FROM intents",
    ),
    5: (*_STEERING, *_DRAINED),
    6: (_MONTH_BOOKS, _MEASURED_QUALITY),
}
"""What makes of a file of a version one of the next."""
