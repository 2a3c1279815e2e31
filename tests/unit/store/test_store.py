"""The doors of the store: what a transaction leaves on disk at each of its moments, history, etags, answers."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from controller.compiler.planner import Planner
from controller.documents import load_topology
from controller.domain.errors import Reason
from controller.domain.intents import Attachment, IntentKey, PrivateLine, Protection
from controller.domain.lifecycle import IllegalTransition, IntentState
from controller.domain.topology import PerDirection
from controller.store import intents as intent_rows
from controller.store.database import StoreError
from controller.store.records import DeviceRound, Leftover, Moment, Phase, Request, Step, TransactionKind, Verb
from controller.store.store import Store

TOPOLOGY = load_topology(Path(__file__).parents[3] / "topologies" / "lab-small.yaml")
NOBODY = Request(request_id="", fingerprint=b"")


def line(name, bps=1_000_000):
    return PrivateLine(
        tenant="acme",
        name=name,
        a=Attachment(site="dc-bj-1", vlan=100 + len(name)),
        z=Attachment(site="dc-gz-1", vlan=100 + len(name)),
        cir_bps=PerDirection.both(bps),
    )


class Change:
    """A plan on its way through a store, as a transaction would take it there."""

    def __init__(self, store, planner, wanted=(), unwanted=(), txn="t1", request=NOBODY):
        self.store, self.txn, self.request = store, txn, request
        self.planner = planner
        self.plan = planner.plan(wanted, unwanted)
        self.kind = TransactionKind.DELETE if unwanted else TransactionKind.APPLY
        self.keys = list(unwanted) if unwanted else [one.key for one in wanted]
        self.movement = self.plan.movement
        self.parts = [
            DeviceRound(number=number, kind=part.kind, device=device, changes=changes, step=number)
            for number, part in enumerate(self.plan.rounds)
            for device, changes in part.changes
        ]

    def step(self, seq, part, verb=Verb.STAGE, moment=Moment.BEFORE):
        return Step(seq=seq, device=part.device, number=part.number, kind=part.kind, verb=verb, moment=moment)

    async def begin(self):
        staged = [(self.step(seq, part), part) for seq, part in enumerate(self.parts)]
        await self.store.begin(self.txn, self.kind, self.keys, self.movement, staged, self.request, self.keys, 10.0)

    async def commit(self):
        await self.store.commit_point(self.txn, self.movement)
        self.planner.adopt(self.plan)

    async def end(self, leftovers=(), **why):
        await self.store.end(self.txn, self.keys, self.movement, leftovers, 20.0, **why)

    async def run(self):
        await self.begin()
        await self.commit()
        await self.end()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def store(path):
    opened = Store(path)
    yield opened
    opened.close()


@pytest.fixture
def planner():
    return Planner(TOPOLOGY)


async def reopened(store, path):
    store.close()
    again = Store(path)
    try:
        return await again.load()
    finally:
        again.close()


async def test_an_empty_file_holds_nothing(store):
    saved = await store.load()
    assert (saved.intents, saved.placed, saved.trunks, saved.pairs) == ((), (), (), ())
    assert (saved.unfinished, saved.leftovers) == ((), ())
    assert saved.revision == 0


async def test_all_that_was_carried_out_is_there_after_reopening(store, planner, path):
    await Change(store, planner, [line("x"), line("yy")]).run()
    saved = await reopened(store, path)
    assert [record.intent for record in saved.intents] == [line("x"), line("yy")]
    assert {record.state for record in saved.intents} == {IntentState.ACTIVE}
    assert {placed.line.key: placed for placed in saved.placed} == dict(planner.lines)
    assert {trunk.label: trunk for trunk in saved.trunks} == dict(planner.trunks)
    assert Planner(TOPOLOGY, saved.placed, saved.trunks, saved.pairs).desired == planner.desired
    assert saved.unfinished == ()


async def test_a_transaction_that_was_begun_is_found_with_its_changes_and_steps(store, planner, path):
    change = Change(store, planner, [line("x")])
    await change.begin()
    part = change.parts[0]
    more = [change.step(100 + number, part, Verb.COMMIT, moment) for number, moment in enumerate(Moment)]
    for step in more:
        await store.step(change.txn, [step])
    saved = await reopened(store, path)
    (unfinished,) = saved.unfinished
    assert (unfinished.txn, unfinished.kind, unfinished.phase) == (change.txn, TransactionKind.APPLY, Phase.RUNNING)
    assert list(unfinished.rounds) == change.parts
    assert list(unfinished.steps[-2:]) == more
    assert unfinished.movement == change.movement
    assert unfinished.keys == (line("x").key,)
    assert saved.placed == ()
    assert saved.intents[0].state is IntentState.APPLYING


async def test_past_the_commit_point_the_placements_are_the_new_ones(store, planner, path):
    change = Change(store, planner, [line("x")])
    await change.begin()
    await change.commit()
    saved = await reopened(store, path)
    assert saved.unfinished[0].phase is Phase.COMMITTED
    assert saved.placed == change.movement.lines_in
    assert saved.trunks == change.movement.trunks_in


async def test_a_new_line_that_failed_stays_as_failed_and_can_be_asked_for_again(store, planner):
    change = Change(store, planner, [line("x")])
    await change.begin()
    await change.end(reason=Reason.TABLE_FULL, message="pe-bj: full")
    record = await store.get(line("x").key)
    assert (record.state, record.reason, record.message) == (IntentState.FAILED, "TABLE_FULL", "pe-bj: full")
    assert (await store.load()).placed == ()
    assert await store.unfinished() == ()
    await Change(store, planner, [line("x", bps=2_000_000)], txn="t2").run()
    record = await store.get(line("x").key)
    assert (record.state, record.reason, record.message) == (IntentState.ACTIVE, "", "")
    assert record.intent == line("x", bps=2_000_000)


async def test_a_line_whose_change_failed_is_what_it_was(store, planner):
    await Change(store, planner, [line("x")]).run()
    before = await store.get(line("x").key)
    placed = (await store.load()).placed
    change = Change(store, planner, [line("x", bps=2_000_000)], txn="t2")
    await change.begin()
    during = await store.get(line("x").key)
    assert (during.state, during.intent, during.etag) == (IntentState.APPLYING, before.intent, before.etag)
    await change.end(reason=Reason.DEVICE_REFUSED, message="no")
    after = await store.get(line("x").key)
    assert (after.state, after.intent, after.etag) == (IntentState.ACTIVE, before.intent, before.etag)
    assert (after.reason, after.message) == ("DEVICE_REFUSED", "no")
    assert (await store.load()).placed == placed


async def test_a_delete_that_failed_leaves_the_line(store, planner):
    await Change(store, planner, [line("x")]).run()
    change = Change(store, planner, unwanted=[line("x").key], txn="t2")
    await change.begin()
    assert (await store.get(line("x").key)).state is IntentState.DELETING
    await change.end(reason=Reason.DEVICE_UNREACHABLE, message="away")
    assert (await store.get(line("x").key)).state is IntentState.ACTIVE


async def test_the_etag_changes_with_the_specification_and_with_each_life_of_a_name(store, planner):
    etags = []
    for number, wanted in enumerate([line("x"), line("x", bps=2_000_000), line("x")]):
        await Change(store, planner, [wanted], txn=f"t{number}").run()
        etags.append((await store.get(wanted.key)).etag)
    await Change(store, planner, unwanted=[line("x").key], txn="gone").run()
    assert await store.get(line("x").key) is None
    await Change(store, planner, [line("x")], txn="again").run()
    etags.append((await store.get(line("x").key)).etag)
    assert len(set(etags)) == 4


async def test_history_tells_every_state_and_outlives_the_intent(store, planner):
    await Change(store, planner, [line("x")]).run()
    await Change(store, planner, unwanted=[line("x").key], txn="t2").run()
    history = await store.history(line("x").key)
    assert [entry.state for entry in history] == ["APPLYING", "ACTIVE", "DELETING", "DELETED"]
    assert [entry.txn for entry in history] == ["t1", "t1", "t2", "t2"]
    assert [entry.revision for entry in history] == [1, 2, 3, 4]
    assert {(entry.generation, entry.request_id) for entry in history} == {(1, "")}


async def test_history_tells_the_request_and_the_generation(store, planner):
    asked = Request(request_id="r-1", fingerprint=b"1")
    await Change(store, planner, [line("x")], request=asked).run()
    await Change(store, planner, [line("x", 2_000_000)], txn="t2").run()
    history = await store.history(line("x").key)
    told = [(entry.generation, entry.request_id) for entry in history]
    assert told == [(1, "r-1"), (1, "r-1"), (1, ""), (2, "")]


async def test_changed_since_tells_each_intent_once_as_it_is_now(store, planner):
    await Change(store, planner, [line("x"), line("yy")]).run()
    changed, revision = await store.changed_since(0)
    assert revision == 4
    assert [(entry.key.name, entry.revision) for entry, _ in changed] == [("x", 3), ("yy", 4)]
    assert all(record.revision == entry.revision for entry, record in changed)
    await Change(store, planner, unwanted=[line("x").key], txn="t2").run()
    changed, later = await store.changed_since(revision)
    assert [(entry.key.name, entry.state, record) for entry, record in changed] == [("x", IntentState.DELETED, None)]
    assert await store.changed_since(later) == ([], later)


async def test_an_illegal_move_changes_nothing(store, planner):
    change = Change(store, planner, [line("x")])
    await change.begin()
    before = await store.load()
    with pytest.raises(IllegalTransition):
        await Change(store, planner, [line("x")], txn="t2").begin()
    assert await store.load() == before


async def test_a_full_disk_leaves_nothing_half_done(store, planner):
    await Change(store, planner, [line("x")]).run()
    before = await store.load()
    await store._database.run(lambda connection: connection.execute("PRAGMA max_page_count = 1"))
    many = [
        replace(
            line(f"l{number}"),
            a=Attachment(site="dc-bj-2", vlan=number + 1),
            z=Attachment(site="dc-gz-2", vlan=number + 1),
        )
        for number in range(100)
    ]
    with pytest.raises(StoreError, match="full"):
        await Change(store, planner, [replace(one, cir_bps=PerDirection.both(1000)) for one in many], txn="t2").begin()
    assert await store.load() == before


async def test_answers_are_found_by_request_id(store, planner):
    request = Request(request_id="r", fingerprint=b"asked")
    change = Change(store, planner, [line("x")], request=request)
    assert await store.answer("r") is None
    await change.begin()
    under_way = await store.answer("r")
    assert (under_way.reason, under_way.fingerprint, under_way.keys) == (None, b"asked", (line("x").key,))
    await change.commit()
    await change.end()
    assert (await store.answer("r")).reason == ""
    failing = Change(store, planner, [line("yy")], txn="t2", request=Request(request_id="s", fingerprint=b"other"))
    await failing.begin()
    await failing.end(reason=Reason.TABLE_FULL, message="full")
    assert ((await store.answer("s")).reason, (await store.answer("s")).message) == ("TABLE_FULL", "full")
    await store.record_request(Request(request_id="n", fingerprint=b"nothing"), [line("x").key], 30.0)
    assert (await store.answer("n")).reason == ""
    with pytest.raises(StoreError):
        await store.record_request(Request(request_id="n", fingerprint=b"twice"), [], 30.0)
    assert (await store.answer("n")).fingerprint == b"nothing"


async def test_leftovers_stay_until_their_device_is_clean(store, planner, path):
    change = Change(store, planner, [line("x")])
    await change.begin()
    leftovers = [Leftover(device=part.device, rule=one.after) for part in change.parts for one in part.changes]
    await change.end(leftovers, reason=Reason.DEVICE_UNREACHABLE, message="away")
    assert set((await store.load()).leftovers) == set(leftovers)
    await store.clear_leftovers(change.parts[0].device)
    saved = await reopened(store, path)
    assert set(saved.leftovers) == {left for left in leftovers if left.device != change.parts[0].device}


async def test_pages_hold_every_intent_once_in_the_order_of_keys(store, planner):
    lines = [replace(line("x" * (number + 1)), tenant=f"t{number % 3}") for number in range(10)]
    await Change(store, planner, lines).run()
    expected = sorted(one.key for one in lines)
    found, after = [], None
    while page := (await store.page(None, after, 3))[0]:
        found += [record.key for record in page]
        after = found[-1]
    assert found == expected
    of_tenant, _ = await store.page("t1", None, -1)
    assert [record.key for record in of_tenant] == [key for key in expected if key.tenant == "t1"]
    behind = IntentKey(kind="PrivateLine", tenant="t2", name="zzz")
    assert (await store.page(None, behind, 3))[0] == []


async def test_a_file_of_the_first_version_is_taken_over(planner, path):
    """Written by the version before protected lines: a line that is placed, and a change of another under way."""
    connection = sqlite3.connect(path)
    connection.executescript((Path(__file__).parent / "state-version-1.sql").read_text())
    connection.close()
    store = Store(path)
    saved = await store.load()
    (placed,) = saved.placed
    assert (placed.line, placed.protect_label, saved.pairs) == (line("x"), PerDirection(0, 0), ())
    assert {entry.generation for entry in await store.history(line("x").key)} == {0}  # it was not written then
    (unfinished,) = saved.unfinished
    assert unfinished.movement.pairs_in == ()
    assert unfinished.rounds
    await store.commit_point(unfinished.txn, unfinished.movement)
    saved = await reopened(store, path)
    assert {placed.line for placed in saved.placed} == {line("x"), line("yy")}
    assert await reopened(Store(path), path) == saved


async def test_pairs_of_trunks_are_there_after_reopening_and_go_with_their_last_line(store, planner, path):
    gold = replace(line("gold"), protection=Protection.ONE_TO_ONE)
    await Change(store, planner, [gold]).run()
    saved = await store.load()
    assert {pair.key: pair for pair in saved.pairs} == dict(planner.pairs)
    assert len(saved.pairs) == 2
    assert Planner(TOPOLOGY, saved.placed, saved.trunks, saved.pairs).desired == planner.desired
    await Change(store, planner, [line("gold")], txn="t2").run()
    assert (await reopened(store, path)).pairs == ()


async def test_histories_are_bounded_and_the_last_word_stays(store, planner, monkeypatch):
    monkeypatch.setattr(intent_rows, "MOST_HISTORY", 5)
    monkeypatch.setattr(intent_rows, "MOST_SPECS", 3)
    for number in range(1, 8):
        await Change(store, planner, [line("x", number * 1_000_000)], txn=f"t{number}").run()
    key = line("x").key
    history = await store.history(key)
    assert [entry.generation for entry in history] == [5, 5, 6, 6, 7]
    assert await store.generations(key) == [5, 6, 7]
    assert await store.spec_of(key, 6) == line("x", 6_000_000)
    assert await store.spec_of(key, 4) is None
    await Change(store, planner, unwanted=[key], txn="gone").run()
    changed, _ = await store.changed_since(0)
    assert [(entry.state, record) for entry, record in changed] == [("DELETED", None)]
    await Change(store, planner, [line("x")], txn="again").run()
    assert (await store.get(key)).generation == 8


async def test_a_history_tells_who_asked_also_of_what_ended_after_a_restart(store, planner):
    change = Change(store, planner, [line("x")])
    staged = [(change.step(seq, part), part) for seq, part in enumerate(change.parts)]
    await store.begin("t1", change.kind, change.keys, change.movement, staged, NOBODY, (), 1.0, "ipv4:10.0.0.1:5")
    await change.commit()
    await change.end()
    assert [entry.caller for entry in await store.history(line("x").key)] == ["ipv4:10.0.0.1:5"] * 2
