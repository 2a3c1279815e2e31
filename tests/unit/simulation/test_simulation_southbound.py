"""Simulated switches at the real southbound: what an apply does, and all that may go wrong on its way."""

import pytest
from simulated_lab import EPL, EVPL, bench, planned, ring, rules

from controller.domain.errors import DeviceRefused, DeviceUnreachable, Reason
from controller.domain.rules import FlowRule
from controller.simulation.faults import Fault, FaultKind
from controller.simulation.refusal import NamedError
from controller.simulation.tables import Limits as TableLimits
from controller.southbound.openflow.connection import Limits


@pytest.fixture
def address(tmp_path):
    return str(tmp_path / "openflow.sock")


async def observed(bench, device):
    return set((await bench.southbound.driver(device).read()).rules)


async def test_what_is_installed_is_read_back(address):
    topology = ring()
    planner, rounds = planned(topology, EPL, EVPL)
    async with bench(topology, address) as lab:
        await lab.install(rounds)
        for device, wanted in planner.desired.items():
            assert await observed(lab, device) == set(wanted.values())
            assert lab.simulator.network.datapaths[device].tables.switch.rules == wanted


async def test_rules_that_are_taken_away_are_gone(address):
    topology = ring()
    planner, rounds = planned(topology, EPL, EVPL)
    taken = planner.plan((), (EPL.key, EVPL.key))
    async with bench(topology, address) as lab:
        await lab.install(rounds)
        await lab.install([dict(part.changes) for part in taken.rounds], txn="away")
        for device in planner.desired:
            assert await observed(lab, device) == set()


async def test_a_full_table_is_named_and_undo_cleans_up(address):
    topology = ring()
    _, [prepare, *_] = planned(topology, EPL, EVPL)
    async with bench(topology, address) as lab:
        datapath, driver = lab.simulator.network.datapaths["pe-2"], lab.southbound.driver("pe-2")
        datapath.tables.limits = TableLimits(flows=1)
        await driver.stage("t", 0, prepare["pe-2"])
        with pytest.raises(DeviceRefused, match="TABLE_FULL") as refusal:
            await driver.commit("t", 0)
        assert refusal.value.reason is Reason.TABLE_FULL
        assert refusal.value.what.startswith("add line ")
        assert datapath.tables.switch.rules != {}
        await driver.undo("t")
        assert datapath.tables.switch.rules == {}


@pytest.mark.parametrize("error", list(NamedError))
async def test_a_refusal_names_the_change_that_was_refused(address, error):
    topology = ring()
    _, [prepare, *_] = planned(topology, EPL)
    flows = tuple(change for change in prepare["p-n"] if isinstance(change.rule, FlowRule))
    async with bench(topology, address) as lab:
        driver = lab.southbound.driver("p-n")
        fault = Fault(kind=FaultKind.REFUSE, after=len(flows) - 1, error=error)
        lab.simulator.network.datapaths["p-n"].faults.order(fault)
        await driver.stage("t", 0, flows)
        with pytest.raises(DeviceRefused) as refusal:
            await driver.commit("t", 0)
        assert f"trunk label {flows[-1].rule.match.mpls_label} " in refusal.value.what
        assert await observed(lab, "p-n") == rules(flows[:-1])


async def test_a_switch_that_lies_is_found_out_by_verify(address):
    topology = ring()
    _, [prepare, *_] = planned(topology, EPL)
    async with bench(topology, address) as lab:
        driver = lab.southbound.driver("pe-1")
        lab.simulator.network.datapaths["pe-1"].faults.order(Fault(kind=FaultKind.IGNORE, after=1))
        await driver.stage("t", 0, prepare["pe-1"])
        await driver.commit("t", 0)
        with pytest.raises(DeviceRefused, match="read back: nothing there"):
            await driver.verify("t")


async def test_a_connection_lost_in_mid_install_is_undone_after_reconnecting(address):
    topology = ring()
    _, [prepare, *_] = planned(topology, EPL, EVPL)
    async with bench(topology, address) as lab:
        datapath, driver = lab.simulator.network.datapaths["pe-1"], lab.southbound.driver("pe-1")
        datapath.faults.order(Fault(kind=FaultKind.HANG_UP, after=2))
        await driver.stage("t", 0, prepare["pe-1"])
        with pytest.raises(DeviceUnreachable):
            await driver.commit("t", 0)
        await lab.until(lambda: lab.events[-2:] == [("pe-1", False), ("pe-1", True)])
        # Two changes were made, and stand as long as nobody undoes them: a switch does not forget with its controller.
        assert len(await observed(lab, "pe-1")) == 2
        await driver.undo("t")
        assert await observed(lab, "pe-1") == set()


async def test_a_switch_that_leaves_is_unreachable_until_it_comes_back(address):
    topology = ring()
    _, [prepare, *_] = planned(topology, EPL)
    async with bench(topology, address) as lab:
        driver = lab.southbound.driver("pe-1")
        lab.simulator.network.datapaths["pe-1"].faults.order(Fault(kind=FaultKind.LEAVE))
        await driver.stage("t", 0, prepare["pe-1"])
        with pytest.raises(DeviceUnreachable):
            await driver.commit("t", 0)
        await lab.until(lambda: "pe-1" not in lab.connected)
        with pytest.raises(DeviceUnreachable, match="not connected"):
            await driver.commit("t", 0)
        lab.simulator.diallers["pe-1"].come_back()
        await lab.until(lambda: "pe-1" in lab.connected)
        await driver.commit("t", 0)
        await driver.verify("t")


async def test_a_frozen_switch_is_given_up_and_returns_when_thawed(address):
    topology = ring()
    limits = Limits(answer_s=0.2, echo_every_s=0.05, silence_s=0.2)
    async with bench(topology, address, limits) as lab:
        lab.simulator.diallers["p-s"].freeze(True)
        await lab.until(lambda: "p-s" not in lab.connected)
        with pytest.raises(DeviceUnreachable):
            await lab.southbound.driver("p-s").read()
        lab.simulator.diallers["p-s"].freeze(False)
        await lab.until(lambda: "p-s" in lab.connected)
        assert await observed(lab, "p-s") == set()


async def test_a_restart_loses_the_rules_and_a_lost_connection_does_not(address):
    topology = ring()
    planner, rounds = planned(topology, EPL)
    async with bench(topology, address) as lab:
        await lab.install(rounds)
        lab.simulator.diallers["pe-2"].hang_up()
        lab.simulator.restart("pe-1")
        await lab.until(lambda: lab.events.count(("pe-1", True)) == lab.events.count(("pe-2", True)) == 2)
        assert await observed(lab, "pe-1") == set()
        assert await observed(lab, "pe-2") == set(planner.desired["pe-2"].values())


async def test_a_cut_link_shows_at_the_ports_of_both_ends(address):
    async with bench(ring(), address) as lab:
        lab.simulator.set_link("n-2", up=False, delay_ns=None, loss=None)
        lab.simulator.set_link("n-2", up=False, delay_ns=None, loss=None)
        lab.simulator.set_link("n-2", up=True, delay_ns=None, loss=None)
        await lab.until(lambda: len(lab.ports) >= 4)
        assert sorted(lab.ports) == sorted([("p-n", 2, False), ("pe-2", 1, False), ("p-n", 2, True), ("pe-2", 1, True)])


async def test_a_switch_that_is_turned_away_keeps_trying(address):
    topology = ring()
    async with bench(topology, address) as lab:
        stranger = lab.simulator.diallers["p-s"]
        lab.simulator.network.datapaths["p-s"].datapath_id = 99
        stranger.hang_up()
        await lab.until(lambda: "p-s" not in lab.connected)
        assert not stranger.connected
        lab.simulator.network.datapaths["p-s"].datapath_id = 4
        await lab.until(lambda: "p-s" in lab.connected)
