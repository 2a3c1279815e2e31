"""No change waits for ever: a verb that does not end is given up, and states that nobody is at work on are ended."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace

import pytest
from memory_controller import controller

from controller.domain.errors import DeviceUnreachable
from controller.domain.intents import Attachment, Avoid, PrivateLine
from controller.domain.lifecycle import IntentState
from controller.domain.rules import MeterRule, key_of
from controller.domain.topology import PerDirection
from controller.service import rounds
from controller.service.outcomes import Wanted
from controller.store.records import Leftover, Moment, Request, TransactionKind, Verb

LINE = PrivateLine(
    tenant="acme",
    name="one",
    a=Attachment(site="dc-bj-1", vlan=1),
    z=Attachment(site="dc-gz-1", vlan=1),
    cir_bps=PerDirection.both(1_000_000),
)
METER = MeterRule(meter_id=7, rate_kbps=1_000, burst_kbits=500)
OTHER_METER = replace(METER, meter_id=8)


@pytest.fixture
async def here(tmp_path):
    async with controller(tmp_path / "state.db") as made:
        made.connect(*made.memory)
        await made.until(lambda: all(map(made.devices.in_step, made.memory)))
        yield made


async def test_a_verb_that_never_ends_is_given_up_and_the_change_undone(here, monkeypatch):
    monkeypatch.setattr(rounds, "VERB_LIMIT_S", 0.0)
    monkeypatch.setattr(rounds, "VERB_LIMIT_PER_RULE_S", 0.0)
    here.memory["pe-bj"].hold()
    with pytest.raises(DeviceUnreachable, match="pe-bj: no end of it within"):
        await here.intents.apply([Wanted(intent=LINE)])
    assert (await here.intents.get(LINE.key)).record.state is IntentState.FAILED
    here.memory["pe-bj"].let_go()
    await here.until(lambda: all(map(here.devices.in_step, here.memory)))
    assert not any(device.rules for device in here.memory.values())


async def test_a_forced_delete_ends_although_a_verb_never_does(here, monkeypatch):
    await here.intents.apply([Wanted(intent=LINE)])
    monkeypatch.setattr(rounds, "VERB_LIMIT_S", 0.0)
    monkeypatch.setattr(rounds, "VERB_LIMIT_PER_RULE_S", 0.0)
    here.memory["pe-bj"].hold()
    await here.intents.delete([LINE.key], force=True)
    saved = await here.store.load()
    assert (saved.intents, saved.placed, saved.unfinished) == ((), (), ())
    assert {left.device for left in saved.leftovers} == {"pe-bj"}
    here.memory["pe-bj"].let_go()
    await here.until(lambda: all(map(here.devices.in_step, here.memory)))
    assert not any(device.rules for device in here.memory.values())


async def test_a_forced_delete_writes_to_no_device_that_it_has_not_claimed(here):
    """One device comes into step while another is waited for: then somebody else may be writing to it."""
    await here.intents.apply([Wanted(intent=LINE)])
    slow = here.memory["p-wh"]
    slow.hold()
    here.connect("p-wh")
    await slow.inside.wait()
    written = len(slow.written)
    async with here.devices.claimed(("pe-bj",)):
        deleting = asyncio.create_task(here.intents.delete([LINE.key], force=True))
        await here.until(lambda: len(here.devices._claims["pe-bj"]._waiters or ()) == 1)
        slow.let_go()
        await here.until(lambda: here.devices.in_step("p-wh"))
        other = here.devices.claimed(("p-wh",))
        await other.__aenter__()
    try:
        await deleting
        assert len(slow.written) == written
        assert {left.device for left in (await here.store.load()).leftovers} == {"p-wh"}
    finally:
        await other.__aexit__(None, None, None)
    await here.until(lambda: all(map(here.devices.in_step, here.memory)))
    assert not any(device.rules for device in here.memory.values())
    assert (await here.store.load()).leftovers == ()


async def test_a_line_that_is_moved_by_force_leaves_a_device_in_disrepair_alone(here):
    await here.intents.apply([Wanted(intent=LINE)])
    await here.freeze.press("")
    away = here.memory["p-zz"]
    away.rules.popitem()
    here.connect("p-zz")
    await here.until(lambda: here.devices.known("p-zz"))
    assert not here.devices.in_step("p-zz")
    written = len(away.written)
    await here.intents.apply([Wanted(intent=replace(LINE, avoid=Avoid(nodes=("p-zz",))))], force=True)
    assert len(away.written) == written
    assert {left.device for left in (await here.store.load()).leftovers} == {"p-zz"}
    await here.freeze.release()
    await here.until(lambda: all(map(here.devices.in_step, here.memory)))
    assert away.rules == {}
    assert (await here.store.load()).leftovers == ()


async def test_what_is_left_while_a_device_is_put_right_is_not_forgotten(here):
    device = here.memory["p-zz"]
    here.reconciler.remember([Leftover(device="p-zz", rule=METER)])
    device.rules[key_of(METER)] = METER
    device.hold()
    here.connect("p-zz")
    await device.inside.wait()
    device.let_go()
    device.hold()  # as soon as it has been read
    await here.until(lambda: not device.inside.is_set())
    await device.inside.wait()
    device.rules[key_of(OTHER_METER)] = OTHER_METER
    here.reconciler.remember([Leftover(device="p-zz", rule=OTHER_METER)])
    here.devices.suspect("p-zz")
    device.let_go()
    await here.until(lambda: here.devices.in_step("p-zz"))
    assert device.rules == {}
    assert here.reconciler.left_on("p-zz") == ()


@pytest.mark.parametrize("kind", [TransactionKind.APPLY, TransactionKind.DELETE])
async def test_a_state_that_nobody_is_at_work_on_is_ended_by_the_next_start(tmp_path, kind):
    path = tmp_path / "state.db"
    async with controller(path) as here:
        here.connect(*here.memory)
        await here.until(lambda: all(map(here.devices.in_step, here.memory)))
        if kind is TransactionKind.DELETE:
            await here.intents.apply([Wanted(intent=LINE)])
        plan = await here.planner.plan([LINE])
        nobody = Request(request_id="", fingerprint=b"")
        movement = plan.movement
        if kind is TransactionKind.DELETE:
            movement = (await here.planner.plan((), [LINE.key])).movement
        await here.store.begin("lost", kind, [LINE.key], movement, (), nobody, (), 0.0)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM transactions WHERE txn = 'lost'")
    connection.close()
    async with controller(path) as here:
        await here.intents.recover()
        record = (await here.store.page(None, None, -1))[0][0]
        carried = kind is TransactionKind.DELETE
        assert record.state is (IntentState.ACTIVE if carried else IntentState.FAILED)
        assert record.reason == "INTERRUPTED"


@pytest.mark.parametrize("drift", ["repair", "report"])
async def test_a_forced_delete_that_was_cut_off_is_finished_whatever_is_done_about_drift(tmp_path, drift):
    path = tmp_path / "state.db"
    async with controller(path) as here:
        here.connect(*here.memory)
        await here.until(lambda: all(map(here.devices.in_step, here.memory)))
        await here.intents.apply([Wanted(intent=LINE)])
        plan = await here.planner.plan((), [LINE.key])
        journal = rounds.Journal(store=here.store, txn="cut-off")
        staged = [
            (journal.entry(part, Verb.STAGE, Moment.BEFORE), part)
            for parts in rounds.device_rounds(plan)
            for part in parts
        ]
        nobody = Request(request_id="", fingerprint=b"")
        await here.store.begin("cut-off", TransactionKind.DELETE, [LINE.key], plan.movement, staged, nobody, (), 0.0)
        await here.store.commit_point("cut-off", plan.movement)
        held = {name: dict(device.rules) for name, device in here.memory.items()}
    async with controller(path, drift=drift) as here:
        for name, device in here.memory.items():
            device.rules = held[name]
        here.connect(*here.memory)
        await here.intents.recover()
        await here.until(lambda: not any(device.rules for device in here.memory.values()))
        await here.until(lambda: all(map(here.devices.in_step, here.memory)))
        assert (await here.store.load()).unfinished == ()
