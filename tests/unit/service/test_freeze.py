"""The stop button: nothing is changed that nobody asked for, what is asked for is done, and afterwards all goes on."""

from __future__ import annotations

import asyncio

import pytest
from memory_controller import TOPOLOGY, controller

from controller.domain.errors import DeviceUnreachable
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.topology import PerDirection
from controller.service import changes
from controller.service.freeze import Freeze
from controller.service.outcomes import Wanted
from controller.store.records import Frozen
from controller.store.store import Store

LINE = PrivateLine(
    tenant="acme",
    name="bj-gz",
    a=Attachment(site="dc-bj-1"),
    z=Attachment(site="dc-gz-1"),
    cir_bps=PerDirection.both(4_000_000),
)
ON_ITS_WAY = ("pe-bj", "p-zz", "p-wh", "pe-gz")
ELSEWHERE = "pe-cd"


@pytest.fixture
async def here(tmp_path):
    async with controller(tmp_path / "state.db") as made:
        made.connect(*TOPOLOGY.node)
        await made.until(lambda: all(map(made.devices.in_step, TOPOLOGY.node)))
        await made.intents.apply([Wanted(intent=LINE)])
        yield made


async def lose_rules(here, name):
    """The device comes back empty, and is found so."""
    device = here.memory[name]
    wanted, device.rules = device.rules, {}
    reads = device.reads
    here.connect(name)
    await here.until(lambda: device.reads > reads and here.readings.get(name).ours == 0)
    return wanted


async def test_while_frozen_no_device_is_repaired_and_status_says_what_waits(here):
    await here.freeze.press("maintenance window")
    wanted = await lose_rules(here, "p-zz")
    written = list(here.memory["p-zz"].written)
    await here.until(lambda: here.counted("trunkline_reconcile_runs_total", outcome="frozen") == 1)
    stands = {one.device: one for one in (await here.status.status()).devices}
    assert (stands["p-zz"].in_step, stands["p-zz"].waiting_changes) == (False, len(wanted))
    assert all(stands[name].in_step for name in TOPOLOGY.node if name != "p-zz")
    assert (await here.status.status()).frozen == Frozen(reason="maintenance window", since=100.0)
    assert here.memory["p-zz"].written == written

    await here.freeze.release()
    await here.until(lambda: here.devices.in_step("p-zz"))
    assert here.memory["p-zz"].rules == wanted
    assert (await here.status.status()).frozen is None


async def test_who_presses_again_without_a_reason_keeps_that_of_the_first(here):
    await here.freeze.press("fibre works")
    assert (await here.freeze.press("")).reason == "fibre works"
    assert (await here.freeze.press("and storms")) == Frozen(reason="and storms", since=100.0)


async def test_what_is_asked_for_is_carried_out_while_frozen(here):
    await here.freeze.press("")
    here.connect("p-zz")  # it comes anew as it should be: reading it changes nothing
    await here.intents.delete([LINE.key])
    assert all(device.rules == {} for device in here.memory.values())


async def test_a_change_that_needs_a_device_in_disrepair_says_that_it_is_frozen(here, monkeypatch):
    monkeypatch.setattr(changes, "DEVICE_WAIT_S", 0.0)
    await here.freeze.press("")
    await lose_rules(here, "p-zz")
    await here.until(lambda: here.counted("trunkline_reconcile_runs_total", outcome="frozen") == 1)
    with pytest.raises(DeviceUnreachable, match=r"p-zz: is not as it should be, .*freeze --off"):
        await here.intents.delete([LINE.key])


async def test_a_device_that_comes_anew_in_order_is_used_though_it_was_held(here):
    await here.freeze.press("")
    wanted = await lose_rules(here, "p-zz")
    await here.until(lambda: here.counted("trunkline_reconcile_runs_total", outcome="frozen") == 1)
    here.memory["p-zz"].rules = dict(wanted)  # somebody has put it right by hand
    here.connect("p-zz")
    await here.until(lambda: here.devices.in_step("p-zz"))


async def test_a_repair_under_way_ends_between_rounds(here):
    device = here.memory["p-zz"]
    wanted, device.rules, written = device.rules, {}, len(device.written)
    device.hold()
    here.connect("p-zz")
    await device.inside.wait()  # it is being read
    pressing = asyncio.create_task(here.freeze.press(""))
    await pressing
    device.let_go()
    await here.until(lambda: here.counted("trunkline_reconcile_runs_total", outcome="frozen") == 1)
    assert (device.rules, len(device.written)) == ({}, written)
    await here.freeze.release()
    await here.until(lambda: device.rules == wanted)


async def test_it_lasts_over_a_restart(tmp_path):
    store = Store(tmp_path / "state.db")
    freeze = Freeze(store, None, lambda: 100.0)
    await freeze.press("why")
    await freeze.press("why again")
    store.close()
    store = Store(tmp_path / "state.db")
    assert (await store.load()).frozen == Frozen(reason="why again", since=100.0)
    await store.set_frozen(None)
    assert (await store.load()).frozen is None
    store.close()


@pytest.mark.parametrize("last", ["press", "release"])
async def test_who_comes_last_decides_in_memory_as_on_disk(tmp_path, last):
    store = Store(tmp_path / "state.db")
    freeze = Freeze(store, Frozen(reason="before", since=1.0), lambda: 100.0)
    asked = [freeze.release(), freeze.press("again")]
    await asyncio.gather(*(asked if last == "press" else reversed(asked)))
    assert (freeze.on, freeze.state) == (last == "press", (await store.load()).frozen)
    store.close()


class Slow:
    """A store that has written, and has not told yet."""

    def __init__(self, store):
        self._store = store
        self.written = asyncio.Event()
        self.tell = asyncio.Event()

    async def set_frozen(self, frozen):
        await self._store.set_frozen(frozen)
        self.written.set()
        await self.tell.wait()


async def test_a_release_whose_client_hangs_up_is_released_in_memory_as_on_disk(tmp_path):
    store = Store(tmp_path / "state.db")
    slow = Slow(store)
    freeze = Freeze(slow, Frozen(reason="before", since=1.0), lambda: 100.0)
    releasing = asyncio.create_task(freeze.release())
    await slow.written.wait()
    releasing.cancel()
    slow.tell.set()
    await asyncio.gather(releasing, return_exceptions=True)
    assert ((await store.load()).frozen, freeze.state) == (None, None)
    store.close()


async def test_a_controller_that_starts_frozen_repairs_nothing(tmp_path):
    async with controller(tmp_path / "state.db", frozen=Frozen(reason="", since=1.0)) as here:
        plan = await here.planner.plan([LINE])
        await here.planner.adopt(plan)
        here.connect("pe-bj")
        await here.until(lambda: here.counted("trunkline_reconcile_runs_total", outcome="frozen") == 1)
        assert here.memory["pe-bj"].written == []
