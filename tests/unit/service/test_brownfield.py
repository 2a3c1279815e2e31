"""Adoption takes what others have on the devices, and nothing that is ours, whatever state the controller is in."""

from __future__ import annotations

import asyncio

from memory_controller import TOPOLOGY, controller

from controller.domain.foreign import PortUse, foreign_flow
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.rules import FlowRule, MeterRule, Table, key_of
from controller.domain.topology import PerDirection
from controller.service.outcomes import Wanted
from controller.store.records import Frozen, Leftover

OURS = MeterRule(meter_id=1, rate_kbps=1000, burst_kbits=500)
THEIRS = MeterRule(meter_id=2, rate_kbps=2000, burst_kbits=1000)


def holding(here, *meters):
    """pe-bj with these meters."""
    here.memory["pe-bj"].rules = {key_of(meter): meter for meter in meters}


async def test_what_a_frozen_controller_has_still_to_take_away_is_not_taken_for_somebody_elses(tmp_path):
    left = Leftover(device="pe-bj", rule=OURS)
    async with controller(tmp_path / "state.db", leftovers=[left], frozen=Frozen(reason="", since=1.0)) as here:
        holding(here, OURS, THEIRS)
        here.connect("pe-bj")
        await here.until(lambda: here.readings.waiting() == ["pe-bj"])
        adopted = await here.brownfield.adopt(["pe-bj"])
        assert [(view.rule.number, view.adopted) for view in adopted.rules] == [(2, True)]
        await here.freeze.release()
        await here.until(lambda: here.devices.in_step("pe-bj"))
        assert list(here.memory["pe-bj"].rules.values()) == [THEIRS]


async def test_adoption_waits_for_a_change_that_is_taken_back(tmp_path):
    async with controller(tmp_path / "state.db", frozen=Frozen(reason="", since=1.0)) as here:
        device = here.memory["pe-bj"]
        holding(here, OURS, THEIRS)
        here.connect("pe-bj")
        await here.until(lambda: here.devices.in_step("pe-bj"))
        reads = device.reads
        async with here.deciding:  # as the recovery of a change that was cut off holds it
            adopting = asyncio.create_task(here.brownfield.adopt(["pe-bj"]))
            for _ in range(100):  # many more turns than it takes to read a device in memory
                await asyncio.sleep(0)
            assert device.reads == reads
            holding(here, THEIRS)
        assert [view.rule.number for view in (await adopting).rules] == [2]


async def test_an_adoption_whose_client_hangs_up_is_in_force_as_it_is_on_disk(tmp_path, monkeypatch):
    async with controller(tmp_path / "state.db") as here:
        holding(here, THEIRS)
        here.connect("pe-bj")
        await here.until(lambda: here.devices.in_step("pe-bj"))
        keep, written, tell = here.store.adopt, asyncio.Event(), asyncio.Event()

        async def adopt(*arguments):
            await keep(*arguments)
            written.set()
            await tell.wait()

        monkeypatch.setattr(here.store, "adopt", adopt)
        adopting = asyncio.create_task(here.brownfield.adopt(["pe-bj"]))
        await written.wait()
        adopting.cancel()
        tell.set()
        await asyncio.gather(adopting, return_exceptions=True)
        assert not here.deciding.locked()
        in_force = await here.planner.run(lambda planner: set(planner.aside.meter_ids["pe-bj"]))
        assert in_force == {rule.number for rule in (await here.store.load()).adopted["pe-bj"]} == {2}


async def test_what_an_adopted_flow_kept_from_being_repaired_is_repaired_once_that_is_released(tmp_path):
    line = PrivateLine(
        tenant="acme",
        name="bj-gz",
        a=Attachment(site="dc-bj-1"),
        z=Attachment(site="dc-gz-1"),
        cir_bps=PerDirection.both(4_000_000),
    )
    async with controller(tmp_path / "state.db") as here:
        device = here.memory["pe-bj"]
        here.connect(*TOPOLOGY.node)
        await here.until(lambda: all(map(here.devices.in_step, TOPOLOGY.node)))
        await here.intents.apply([Wanted(intent=line)])
        ours = next(
            rule for rule in device.rules.values() if isinstance(rule, FlowRule) and rule.table is Table.CLASSIFY
        )
        device.foreign = (foreign_flow("theirs", (), PortUse(port=1, vlan=None), (), ours),)
        await here.brownfield.adopt(["pe-bj"])
        del device.rules[key_of(ours)]
        here.connect("pe-bj")
        await here.until(lambda: here.devices.in_step("pe-bj"))
        assert key_of(ours) not in device.rules

        device.foreign = ()
        await here.brownfield.release(["pe-bj"])
        await here.until(lambda: device.rules.get(key_of(ours)) == ours)
