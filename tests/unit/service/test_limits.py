"""No change waits for ever: a verb that does not end is given up, and states that nobody is at work on are ended."""

from __future__ import annotations

import sqlite3

import pytest
from memory_controller import controller

from controller.domain.errors import DeviceUnreachable
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.lifecycle import IntentState
from controller.domain.topology import PerDirection
from controller.service import rounds
from controller.service.outcomes import Wanted
from controller.store.records import Request, TransactionKind

LINE = PrivateLine(
    tenant="acme",
    name="one",
    a=Attachment(site="dc-bj-1", vlan=1),
    z=Attachment(site="dc-gz-1", vlan=1),
    cir_bps=PerDirection.both(1_000_000),
)


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
        await here.intents.apply([Wanted(line=LINE)])
    assert (await here.intents.get(LINE.key)).record.state is IntentState.FAILED
    here.memory["pe-bj"].let_go()
    await here.until(lambda: all(map(here.devices.in_step, here.memory)))
    assert not any(device.rules for device in here.memory.values())


async def test_a_forced_delete_ends_although_a_verb_never_does(here, monkeypatch):
    await here.intents.apply([Wanted(line=LINE)])
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


@pytest.mark.parametrize("kind", [TransactionKind.APPLY, TransactionKind.DELETE])
async def test_a_state_that_nobody_is_at_work_on_is_ended_by_the_next_start(tmp_path, kind):
    path = tmp_path / "state.db"
    async with controller(path) as here:
        here.connect(*here.memory)
        await here.until(lambda: all(map(here.devices.in_step, here.memory)))
        if kind is TransactionKind.DELETE:
            await here.intents.apply([Wanted(line=LINE)])
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
