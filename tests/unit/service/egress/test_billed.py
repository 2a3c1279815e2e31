"""Gateways that bill by the 95th percentile: what was sent, slot by slot, whatever clocks and state files do.

Clocks are numbers.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from controller.domain.topology import CostModel, Gateway, GatewayCost, Node, Role, Topology
from controller.egress.billing import SLOT_S
from controller.service.egress.billed import BilledGateways
from controller.store.database import StoreError

GBPS = 10**9
NOVEMBER_S = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
FEBRUARY_S = datetime(2028, 2, 1, tzinfo=UTC).timestamp()


def topology(committed_bps=0):
    cost = GatewayCost(model=CostModel.PERCENTILE_95, per_mbps=Fraction(2), committed_bps=committed_bps)
    return Topology(
        name="two",
        nodes=(Node(name="p", role=Role.P),),
        links=(),
        gateways=(
            Gateway(name="igw-a", node="p", port=1, capacity_bps=100 * GBPS, cost=cost),
            Gateway(name="igw-b", node="p", port=2, capacity_bps=100 * GBPS),
        ),
    )


class Disk:
    def __init__(self):
        self.books = {}
        self.writes = 0
        self.full = False

    async def set_month_book(self, gateway, month, book):
        if self.full:
            raise StoreError("the disk is full")
        self.writes += 1
        self.books[gateway, month] = book


class Server:
    """``bps`` leaves by igw-a. ``now_s`` is the time of day."""

    def __init__(self, now_s=NOVEMBER_S, disk=None, committed_bps=0):
        self.now_s, self.clock_s = now_s, 5.0
        self.bps = 0
        self.disk = Disk() if disk is None else disk
        self.told = []
        self.billed = BilledGateways(
            topology(committed_bps),
            self.disk.books,
            self.disk,
            self.sent,
            lambda: self.now_s,
            lambda: self.clock_s,
            self.told.append,
        )

    async def sent(self):
        return {"igw-a": self.bps, "igw-b": 7}

    async def run(self, seconds, bps, step_s=30.0):
        """So long so much is sent, and it is noted every ``step_s``."""
        self.bps = bps
        left_s = seconds
        while left_s > 0:
            passed_s = min(step_s, left_s)
            left_s -= passed_s
            self.now_s += passed_s
            self.clock_s += passed_s
            await self.billed.note()

    def jump(self, seconds):
        """The time of day is set."""
        self.now_s += seconds

    @property
    def bill(self):
        (bill,) = self.billed.bills()
        return bill


async def started(*args, **options):
    server = Server(*args, **options)
    await server.billed.note()
    return server


async def test_a_whole_month_is_billed_as_if_it_were_sorted_at_its_end():
    server = await started(FEBRUARY_S)
    draw = random.Random(5)
    loads = [draw.choice([draw.randrange(100), 50]) * GBPS for _ in range(29 * 288)]
    for load in loads[:-1]:
        await server.run(SLOT_S, load, step_s=SLOT_S / 2)
    await server.run(SLOT_S - 1, loads[-1], step_s=SLOT_S / 2)
    bill = server.bill  # a second before its end; the last slot is not over
    assert (bill.month, bill.known_slots, bill.unknown_slots) == ("2028-02", 29 * 288 - 1, 0)
    assert (bill.free_slots, bill.billed_bps) == (417, sorted(loads[:-1], reverse=True)[417])
    assert bill.free_slots_left == 417 - sum(load > bill.billed_bps for load in loads[:-1])
    assert bill.slot_bps == loads[-1]
    await server.run(2, 0)
    assert (server.bill.month, server.bill.known_slots, server.bill.billed_bps) == ("2028-03", 0, 0)
    assert server.disk.books["igw-a", "2028-02"].known == ((0, 29 * 288),)


async def test_only_gateways_that_bill_by_the_95th_percentile_are_noted():
    server = await started()
    await server.run(600, GBPS)
    assert [one.gateway for one in server.billed.bills()] == ["igw-a"]
    assert set(server.billed.months()) == {"igw-a"}
    assert set(server.disk.books) == {("igw-a", "2026-11")}


async def test_a_slot_is_its_mean_and_what_runs_over_its_end_belongs_to_both():
    server = await started()
    await server.run(100, 3 * GBPS)
    await server.run(80, 0)
    await server.run(180, 6 * GBPS, step_s=180)
    book = server.disk.books["igw-a", "2026-11"]
    assert book.fullest_bps == ((300 + 720) * GBPS // 300,)
    assert (server.bill.slot_bps, server.bill.slot_s) == (6 * GBPS, pytest.approx(60))
    month = server.billed.months()["igw-a"]
    assert (month.sent_bps, month.left) == (pytest.approx(6 * GBPS / 5, abs=1), Fraction(4, 5))


async def test_it_is_written_when_a_slot_is_over_and_at_the_end():
    server = await started()
    await server.run(299, GBPS)
    assert server.disk.writes == 0
    await server.run(1, GBPS)
    assert server.disk.writes == 1
    await server.run(20, GBPS)
    assert server.disk.writes == 1
    server.now_s += 10
    server.clock_s += 10
    await server.billed.close()
    assert server.disk.writes == 2
    assert server.disk.books["igw-a", "2026-11"].running.known_s == pytest.approx(30)


async def test_a_restart_goes_on_with_the_slot_that_ran():
    first = await started()
    await first.run(120, 2 * GBPS)
    await first.billed.close()
    second = await started(first.now_s + 20, first.disk)
    await second.run(160, 4 * GBPS)
    assert first.disk.books["igw-a", "2026-11"].fullest_bps == (round((120 * 2 + 160 * 4) * GBPS / 280),)


async def test_who_is_killed_loses_the_slot_that_runs_and_what_is_not_measured_counts_neither_way():
    first = await started()
    await first.run(10 * SLOT_S + 200, 2 * GBPS)  # and no end of it
    second = await started(first.now_s + 6_000, first.disk)
    bill = second.bill
    assert (bill.known_slots, bill.unknown_slots) == (10, 20)
    assert bill.free_slots == (8_640 - 20) // 20
    assert bill.free_slots_left == bill.free_slots - 10
    await second.run(100 + SLOT_S, 3 * GBPS)  # of slot 30 not even half is known
    assert second.disk.books["igw-a", "2026-11"].known == ((0, 10), (31, 32))


async def test_a_server_that_begins_in_the_middle_of_a_month_has_the_free_slots_of_what_is_to_come():
    server = await started(NOVEMBER_S + 15 * 86_400, committed_bps=40 * GBPS)
    assert (server.bill.free_slots, server.bill.free_slots_left) == (216, 216)
    assert (server.bill.committed_bps, server.bill.billed_bps) == (40 * GBPS, 40 * GBPS)
    await server.run(2 * SLOT_S, 30 * GBPS)
    assert (server.bill.free_slots_left, server.bill.billed_bps) == (216, 40 * GBPS)
    await server.run(2 * SLOT_S, 50 * GBPS)
    assert (server.bill.free_slots_left, server.bill.billed_bps) == (214, 40 * GBPS)


@pytest.mark.parametrize("seconds", [-90, -250, -3_000, -40 * 86_400])
async def test_a_clock_that_goes_back_counts_no_slot_twice(seconds):
    server = await started(NOVEMBER_S + 3_600)
    await server.run(20 * SLOT_S, GBPS)
    before = server.disk.books["igw-a", "2026-11"]
    server.jump(seconds)
    await server.run(5 * SLOT_S, 9 * GBPS)
    server.jump(-seconds)
    await server.run(SLOT_S, GBPS)
    after = server.disk.books["igw-a", "2026-11"]
    # Slots 12 to 31 had a load of 1 and have; what came after they were known is new time.
    assert [load for load in after.fullest_bps if load == GBPS][:20] == list(before.fullest_bps)
    assert after.known_slots == len(after.fullest_bps)
    assert after.known_slots <= 26


async def test_a_clock_that_goes_ahead_leaves_a_gap_and_nothing_is_lost_when_it_is_put_right():
    server = await started()
    await server.run(10 * SLOT_S, GBPS)
    server.jump(45 * 86_400)
    await server.run(3 * SLOT_S, 5 * GBPS)
    assert server.bill.month == "2026-12"
    server.jump(-45 * 86_400)
    await server.run(2 * SLOT_S, 2 * GBPS)
    book = server.disk.books["igw-a", "2026-11"]
    assert (book.known, book.fullest_bps) == (((0, 10), (13, 15)), (GBPS,) * 10 + (2 * GBPS,) * 2)
    server.jump(3_000)
    await server.run(SLOT_S, 3 * GBPS)
    assert (server.bill.known_slots, server.bill.unknown_slots) == (13, 13)


async def test_what_a_full_disk_does_not_take_is_written_later():
    server = await started()
    server.disk.full = True
    await server.run(3 * SLOT_S, GBPS)
    assert (server.disk.books, server.bill.known_slots) == ({}, 3)
    server.disk.full = False
    await server.run(30, GBPS)
    assert server.disk.books["igw-a", "2026-11"].known == ((0, 3),)


async def test_where_nothing_is_measured_it_is_noted_again_and_again_whatever_goes_wrong():
    server = Server()
    noted = asyncio.Event()
    asked = 0

    async def sent():
        nonlocal asked
        asked += 1
        if asked == 1:
            raise RuntimeError("the planner is gone")
        return {"igw-a": GBPS}

    def now():
        """Every look at the clock finds it 10 s later."""
        server.clock_s += 10
        server.now_s += 10
        return server.now_s

    billed = BilledGateways(
        topology(), {}, server.disk, sent, now, lambda: server.clock_s, lambda _: asked > 40 and noted.set()
    )
    running = asyncio.create_task(billed.run(every_s=0))
    await noted.wait()
    running.cancel()
    assert server.disk.books["igw-a", "2026-11"].fullest_bps[0] == GBPS


async def test_every_bill_is_told():
    server = await started()
    await server.run(60, GBPS)
    assert [bills[0].slot_s for bills in server.told] == [pytest.approx(30), pytest.approx(60)]
