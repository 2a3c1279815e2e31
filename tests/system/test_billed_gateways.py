"""A gateway that bills by the 95th percentile, on a real server: its slots are measured, kept, and planned by."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
from running.command import trunkline
from running.processes import until
from running.simulated import simulated
from running.steered import GBPS, told

from controller.egress.slots import MonthBook
from controller.service.egress.calendar import month_of
from controller.simulation.client import Stream
from controller.store.store import Store

GATEWAYS = Path(__file__).parents[1] / "running" / "gateways.yaml"
# To Japan, igw-s is 2 ms slower than igw-n.
BILLED = GATEWAYS.read_text().replace(
    "delays: {japan: 15ms, europe: 90ms}",
    "delays: {japan: 15ms, europe: 90ms}\n      cost: {model: percentile95, perMbps: 50, committed: 500Mbps}",
)
POLICY = """
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: a-to-japan}
spec:
  from: {nodes: [pe-a]}
  to: {region: japan, prefixes: [198.51.100.0/24]}
  demand: 2Gbps
"""
A_TO_JAPAN = Stream(site="prov-a", source="10.44.0.16", destination="198.51.100.7", rate_bps=2 * GBPS, source_bits=4)


@pytest.fixture
def net(processes, tmp_path):
    file = tmp_path / "billed.yaml"
    file.write_text(BILLED)
    with simulated(processes, topology=file) as made:
        yield made


def stored(net, change=None):
    """The months in the state file, with ``change`` made to the store; no server must run."""

    async def work():
        store = Store(net.state)
        try:
            if change is not None:
                await change(store)
            return (await store.load()).month_books
        finally:
            store.close()

    return asyncio.run(work())


def apply(net):
    file = net.directory / "policy.yaml"
    file.write_text(POLICY)
    told(net, "apply", "-f", file)


def bill(net):
    (found,) = told(net, "egress", "show")["bills"]
    return found


def steered(net):
    return {gateway: bps for gateway, bps in told(net, "egress", "show")["steeredBps"].items() if bps}


def test_what_is_counted_makes_the_slot_and_an_end_keeps_it(net):
    net.start("--egress-every", "200ms")
    apply(net)
    assert steered(net) == {"igw-n": 2 * GBPS}  # free slots are there
    net.switches.declare_traffic([A_TO_JAPAN])
    until(lambda: bill(net)["slotBps"] > GBPS // 4, lambda: f"traffic in the bill: {bill(net)}")
    found = bill(net)
    assert (found["gateway"], found["committedBps"], found["billedBps"]) == ("igw-n", GBPS // 2, GBPS // 2)
    assert found["freeSlotsLeft"] == found["freeSlots"] <= 446
    words = trunkline("egress", "show", "--server", net.server).out
    assert "gateway igw-n bills 500Mbps (500Mbps committed) for " in words
    assert net.end(signal.SIGTERM) == 0
    (book,) = [one for one in stored(net).values() if one.running is not None]
    assert 0 < book.running.mean_bps <= 2 * GBPS * 1.1


def test_a_month_that_has_no_free_slot_left_is_planned_by_and_outlives_a_kill(net):
    """Every slot of these months is known, so that nothing is counted meanwhile, whatever time it is."""
    months = {one.name: one for one in (month_of(time.time()), month_of(time.time() + 3_600))}
    books = {
        month.name: MonthBook(
            slots=month.slots,
            known=((0, month.slots),),
            fullest_bps=(GBPS, *((9 * GBPS,) * (month.slots // 20))),
        )
        for month in months.values()
    }

    async def fill(store):
        for name, book in books.items():
            await store.set_month_book("igw-n", name, book)

    stored(net, fill)
    net.start()
    apply(net)
    # What is above the level of 1 Gbps costs 50 ms a bit: it leaves elsewhere.
    until(lambda: steered(net) == {"igw-n": GBPS, "igw-s": GBPS}, lambda: f"half and half, it is {steered(net)}")
    assert (bill(net)["billedBps"], bill(net)["freeSlotsLeft"]) == (GBPS, 0)
    assert bill(net)["freeSlots"] == books[bill(net)["month"]].slots // 20
    net.restart()
    assert (bill(net)["billedBps"], bill(net)["freeSlotsLeft"]) == (GBPS, 0)
    assert steered(net) == {"igw-n": GBPS, "igw-s": GBPS}
    net.end()
    assert {month: book for (_, month), book in stored(net).items()} == books
