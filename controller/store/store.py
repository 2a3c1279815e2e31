"""The doors of the store. Every method is one durable commit, or one consistent read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from controller.compiler.plan import Movement
from controller.domain.errors import Refusal
from controller.domain.foreign import ForeignRule
from controller.domain.gateway_quality import Series
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent
from controller.domain.lifecycle import IntentState
from controller.egress.slots import MonthBook
from controller.store import intents as intent_rows
from controller.store import journal as journal_rows
from controller.store import measured_quality as measured_quality_rows
from controller.store import month_books as month_book_rows
from controller.store import operations as operations_rows
from controller.store import plans as plan_rows
from controller.store import steering as steering_rows
from controller.store.ballast import Ballast
from controller.store.database import Database
from controller.store.records import (
    PAIR_JSON,
    PLACED_JSON,
    POLICY_JSON,
    TRUNK_JSON,
    Answer,
    DeviceRound,
    Drained,
    Frozen,
    HistoryEntry,
    IntentRecord,
    Leftover,
    Phase,
    Request,
    Saved,
    SavedPlan,
    SavedTransaction,
    Step,
    TransactionKind,
    dump_intent,
)
from controller.store.rule_json import dump_rule, load_rule


class Store:
    """Opens the file, or creates it. A method that raises ``StoreError`` has done nothing of what it was to do."""

    def __init__(self, path: Path | str, ballast: int = 0) -> None:
        """``ballast``: so many bytes of the disk are kept for what is pressing (``store.ballast``)."""
        kept = Ballast(Path(f"{path}-ballast"), ballast) if ballast else None
        self._database = Database(path, kept)

    def close(self) -> None:
        self._database.close()

    async def load(self) -> Saved:
        """All that a restarted controller must know."""
        return await self._database.run(_load)

    async def unfinished(self) -> tuple[SavedTransaction, ...]:
        """Transactions that were begun and not ended, oldest first."""
        return await self._database.run(lambda connection: tuple(journal_rows.unfinished(connection)))

    async def begin(
        self,
        txn: str,
        kind: TransactionKind,
        keys: Sequence[IntentKey],
        movement: Movement,
        staged: Iterable[tuple[Step, DeviceRound]],
        request: Request,
        shown: Sequence[IntentKey],
        now: float,
        caller: str = "",
    ) -> None:
        """Intents become APPLYING or DELETING, and the plan with every round's changes is on disk, in one commit.
        ``caller``: who asked for it."""

        def work(connection: sqlite3.Connection) -> None:
            wanted = {intent.key: intent for intent in movement.intents_in}
            for key in keys:
                if key in wanted:
                    intent_rows.start_applying(connection, wanted[key], txn, now, caller)
                else:
                    intent_rows.set_state(connection, key, IntentState.DELETING, txn, now, caller=caller)
            journal_rows.insert(connection, txn, kind, keys, movement, staged, now)
            if request.request_id:
                journal_rows.insert_request(connection, request, txn, shown, now)

        await self._database.run(work)

    async def step(self, txn: str, steps: Sequence[Step]) -> None:
        """Append to the journal."""
        await self._database.run(lambda connection: journal_rows.append(connection, txn, steps))

    async def commit_point(self, txn: str, movement: Movement, fulfils: str = "", now: float = 0.0) -> None:
        """The head ends have flipped: from now on the network carries the new placements, and there is no way back.
        ``fulfils``: the kept plan that is carried out by that."""

        def work(connection: sqlite3.Connection) -> None:
            journal_rows.set_phase(connection, txn, Phase.COMMITTED)
            _carry_out(connection, movement)
            if fulfils:
                plan_rows.set_applied(connection, fulfils, now)

        await self._database.run(work)

    async def end(
        self,
        txn: str,
        keys: Sequence[IntentKey],
        movement: Movement,
        leftovers: Iterable[Leftover],
        now: float,
        *,
        reason: str = "",
        message: str = "",
    ) -> None:
        """The transaction is over, done (no ``reason``) or undone, and its intents have their final states."""

        def work(connection: sqlite3.Connection) -> None:
            carried = {intent.key: intent for intent in (movement.intents_out if reason else movement.intents_in)}
            for key in keys:
                intent = carried.get(key)
                if intent is not None:
                    intent_rows.activate(connection, intent, txn, now, reason, message)
                elif reason:
                    intent_rows.set_state(connection, key, IntentState.FAILED, txn, now, reason, message)
                else:
                    intent_rows.delete(connection, key, txn, now)
            _add_leftovers(connection, leftovers)
            journal_rows.finish(connection, txn, Phase.UNDONE if reason else Phase.DONE, reason, message, now)

        await self._database.run(work)

    async def strand(
        self,
        refused: Iterable[tuple[IntentKey, Refusal]],
        movement: Movement,
        leftovers: Iterable[Leftover],
        now: float,
    ) -> None:
        """Intents lose their place without a transaction, because the topology does not carry them any more: they
        become FAILED, what ``movement`` takes out is forgotten, and devices may still hold ``leftovers``."""

        def work(connection: sqlite3.Connection) -> None:
            for key, refusal in refused:
                intent_rows.set_state(connection, key, IntentState.FAILED, "", now, refusal.reason, refusal.message)
            _carry_out(connection, movement)
            _add_leftovers(connection, leftovers)

        await self._database.run(work)

    async def end_stray_states(self, now: float) -> list[IntentKey]:
        """Intents that are APPLYING or DELETING although no transaction is at work on them become what the network
        carries of them: ACTIVE, or FAILED. There should be none; who has one must not be stuck with it."""
        return await self._database.run(lambda connection: intent_rows.end_stray_states(connection, now))

    async def record_request(self, request: Request, keys: Sequence[IntentKey], now: float) -> None:
        """A request that changed nothing (everything was as asked) has its answer, too."""

        def work(connection: sqlite3.Connection) -> None:
            journal_rows.insert_request(connection, request, "", keys, now)
            journal_rows.answer_request(connection, request.request_id)

        await self._database.run(work)

    async def answer(self, request_id: str) -> Answer | None:
        """What became of an earlier request, if there was one of this id."""
        return await self._database.run(lambda connection: journal_rows.answer(connection, request_id))

    async def get(self, key: IntentKey) -> IntentRecord | None:
        return await self._database.run(lambda connection: intent_rows.get(connection, key))

    async def get_many(self, keys: Sequence[IntentKey]) -> dict[IntentKey, IntentRecord]:
        """Those of ``keys`` that exist."""

        def work(connection: sqlite3.Connection) -> dict[IntentKey, IntentRecord]:
            found = (intent_rows.get(connection, key) for key in keys)
            return {record.key: record for record in found if record is not None}

        return await self._database.run(work)

    async def page(self, tenant: str | None, after: IntentKey | None, size: int) -> tuple[list[IntentRecord], int]:
        """Up to ``size`` intents in the order of their keys, and the store's revision."""

        def work(connection: sqlite3.Connection) -> tuple[list[IntentRecord], int]:
            return intent_rows.page(connection, tenant, after, size), intent_rows.revision(connection)

        return await self._database.run(work)

    async def spec_of(self, key: IntentKey, generation: int) -> Intent | None:
        """What was asked for in a generation of an intent; ``None``: not known, or not any more."""
        return await self._database.run(lambda connection: intent_rows.spec_of(connection, key, generation))

    async def generations(self, key: IntentKey) -> list[int]:
        """The generations of an intent whose specifications are known, in order; also of one that is gone."""
        return await self._database.run(lambda connection: intent_rows.generations(connection, key))

    async def save_plan(self, plan: SavedPlan) -> None:
        await self._database.run(lambda connection: plan_rows.insert(connection, plan))

    async def drop_plan(self, plan_id: str) -> None:
        await self._database.run(lambda connection: plan_rows.delete(connection, plan_id))

    async def end_hold(self, plan_id: str) -> None:
        """The plan reserves nothing any more."""
        await self._database.run(lambda connection: plan_rows.end_hold(connection, plan_id))

    async def plan_applied(self, plan_id: str, now: float) -> None:
        """All was as the plan wants it."""
        await self._database.run(lambda connection: plan_rows.set_applied(connection, plan_id, now))

    async def history(self, key: IntentKey) -> list[HistoryEntry]:
        """What became of an intent of this name, oldest first, as far back as it is kept."""
        return await self._database.run(lambda connection: intent_rows.history(connection, key))

    async def changed_since(self, revision: int) -> tuple[list[tuple[HistoryEntry, IntentRecord | None]], int]:
        """Of every intent that changed after ``revision``, in the order of their last changes: that change, and the
        intent as it is now (``None``: gone). And the revision now. All of one moment."""

        def work(connection: sqlite3.Connection) -> tuple[list[tuple[HistoryEntry, IntentRecord | None]], int]:
            entries = intent_rows.changed_since(connection, revision)
            changed = [(entry, intent_rows.get(connection, entry.key)) for entry in entries]
            return changed, intent_rows.revision(connection)

        return await self._database.run(work)

    async def add_leftovers(self, leftovers: Sequence[Leftover]) -> None:
        """Rules of ours that devices may come to hold, or to lack, otherwise than they should."""
        await self._database.run(lambda connection: _add_leftovers(connection, leftovers))

    async def clear_leftovers(self, device: str) -> None:
        """The device has been read and holds nothing unwanted."""
        await self._database.run(
            lambda connection: connection.execute("DELETE FROM leftovers WHERE device = ?", (device,))
        )

    async def counts(self) -> tuple[dict[tuple[str, str], int], int]:
        """How many intents there are by (kind, state), and the revision."""

        def work(connection: sqlite3.Connection) -> tuple[dict[tuple[str, str], int], int]:
            return intent_rows.counts(connection), intent_rows.revision(connection)

        return await self._database.run(work)

    async def set_frozen(self, frozen: Frozen | None) -> None:
        """Automatic changes are stopped, or (``None``) are not."""
        await self._database.run(lambda connection: operations_rows.set_frozen(connection, frozen))

    async def set_drained(self, gateway: str, drained: Drained | None) -> None:
        """A gateway is to carry nothing, or (``None``) may carry traffic again."""
        await self._database.run(lambda connection: operations_rows.set_drained(connection, gateway, drained))

    async def set_measured_quality(self, series: tuple[Series, ...]) -> None:
        """What was measured last on ways abroad, in place of what was known."""
        await self._database.run(lambda connection: measured_quality_rows.save(connection, series))

    async def set_month_book(self, gateway: str, month: str, book: MonthBook) -> None:
        """What was sent by a gateway in a month, as far as it is known; ``month`` as 2026-11."""
        await self._database.run(lambda connection: month_book_rows.save(connection, gateway, month, book))

    async def adopt(self, found: Mapping[str, Sequence[ForeignRule]], now: float) -> None:
        """Keep also what these rules use out of use, by device."""

        def work(connection: sqlite3.Connection) -> None:
            for device, rules in found.items():
                operations_rows.adopt(connection, device, rules, now)

        await self._database.run(work)

    async def release(self, devices: Sequence[str]) -> None:
        """Forget what was adopted on these devices."""
        await self._database.run(lambda connection: operations_rows.release(connection, devices))


def _load(connection: sqlite3.Connection) -> Saved:
    steering, prefixes = steering_rows.load(connection)
    return Saved(
        intents=tuple(intent_rows.page(connection, None, None, -1)),
        placed=tuple(
            PLACED_JSON.validate_json(row[0])
            for row in connection.execute("SELECT placed FROM placements WHERE kind = 'PrivateLine' ORDER BY number")
        ),
        policies=tuple(
            POLICY_JSON.validate_json(row[0])
            for row in connection.execute(
                "SELECT placed FROM placements WHERE kind = 'EgressPolicy' ORDER BY tenant, name"
            )
        ),
        trunks=tuple(
            TRUNK_JSON.validate_json(row[0]) for row in connection.execute("SELECT trunk FROM trunks ORDER BY label")
        ),
        pairs=tuple(
            PAIR_JSON.validate_json(row[0])
            for row in connection.execute("SELECT pair FROM trunk_pairs ORDER BY working, protect")
        ),
        unfinished=tuple(journal_rows.unfinished(connection)),
        leftovers=tuple(
            Leftover(device=device, rule=load_rule(rule))
            for device, rule in connection.execute("SELECT device, rule FROM leftovers")
        ),
        revision=intent_rows.revision(connection),
        frozen=operations_rows.frozen(connection),
        adopted=operations_rows.adopted(connection),
        plans=plan_rows.load(connection),
        steering=steering,
        prefixes=prefixes,
        drained=operations_rows.drained(connection),
        measured_quality=measured_quality_rows.load(connection),
        month_books=month_book_rows.load(connection),
    )


def _carry_out(connection: sqlite3.Connection, movement: Movement) -> None:
    connection.executemany(
        "DELETE FROM placements WHERE kind = ? AND tenant = ? AND name = ?",
        [_columns(intent) for intent in movement.intents_out],
    )
    connection.executemany("DELETE FROM trunks WHERE label = ?", [(trunk.label,) for trunk in movement.trunks_out])
    connection.executemany(
        "INSERT INTO trunks VALUES (?, ?)",
        [(trunk.label, TRUNK_JSON.dump_json(trunk).decode()) for trunk in movement.trunks_in],
    )
    connection.executemany(
        "DELETE FROM trunk_pairs WHERE working = ? AND protect = ?", [pair.key for pair in movement.pairs_out]
    )
    connection.executemany(
        "INSERT INTO trunk_pairs VALUES (?, ?, ?)",
        [(*pair.key, PAIR_JSON.dump_json(pair).decode()) for pair in movement.pairs_in],
    )
    connection.executemany(
        "INSERT INTO placements VALUES (?, ?, ?, ?, ?)",
        [
            (*_columns(placed.line), placed.number, PLACED_JSON.dump_json(placed).decode())
            for placed in movement.lines_in
        ],
    )
    # A policy is in force as it was asked for: it has no place, and no number of its own on devices.
    connection.executemany(
        "INSERT INTO placements VALUES (?, ?, ?, 0, ?)",
        [(*_columns(policy), dump_intent(policy)) for policy in movement.policies_in],
    )
    steering_rows.save(connection, movement.steering_in, movement.prefixes_in)


def _columns(intent: Intent) -> tuple[str, str, str]:
    return (intent.key.kind, intent.tenant, intent.name)


def _add_leftovers(connection: sqlite3.Connection, leftovers: Iterable[Leftover]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO leftovers VALUES (?, ?)", [(left.device, dump_rule(left.rule)) for left in leftovers]
    )
