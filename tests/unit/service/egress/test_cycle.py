"""When the cycle moves traffic, and when it leaves everything as it is."""

from __future__ import annotations

import asyncio

import pytest
from steering_in_memory import GBPS, SOURCES, Here

from controller.compiler.egress_conditions import Taken
from controller.compiler.steering.resources import Exceeded
from controller.domain.egress import EgressPolicy, Sources, TrafficClass
from controller.domain.egress_demand import DemandRow
from controller.domain.errors import DeviceUnreachable
from controller.domain.topology import Direction
from controller.service.egress import cycle
from controller.service.egress.measuring import STALE_AFTER
from controller.service.egress.report import KEPT, Ending, Losses, Mode
from controller.service.egress.telling import MOST_REASONS
from controller.store.database import StoreError

BULK = TrafficClass.BULK


@pytest.fixture
def here():
    return Here()


async def test_nothing_lost_and_nothing_new_changes_nothing(here):
    report = await here.scheduled()
    assert (report.ending, report.urgent, report.moved_bps) == (Ending.UNCHANGED, False, 0)
    assert here.work.carried_out == 0


async def test_a_gateway_that_goes_down_is_left_at_once(here):
    await here.scheduled()
    here.lose(gateways=["igw-gz"])
    here.cycle.notice("gateway igw-gz is down")
    assert here.agenda.due_s == pytest.approx(here.clock_s + 0.02)
    report = await here.turn()
    assert (report.ending, report.urgent, report.causes) == (Ending.CHANGED, True, ("gateway igw-gz is down",))
    assert (report.moved_bps, report.rounds, report.rules) == (40 * GBPS, 1, 1)
    assert here.work.asked[-1].urgent
    assert here.work.pressed == [False, True]
    assert here.work.leads == ["igw-sh", "igw-sh"]


async def test_without_figures_a_cycle_has_done_what_it_has_done(here, monkeypatch, caplog):
    def fail(plan):
        raise ArithmeticError("no end of it")

    monkeypatch.setattr(cycle, "figures_of", fail)
    here.lose(gateways=["igw-gz"])
    here.cycle.notice("gateway igw-gz is down")
    report = await here.turn()
    assert (report.ending, report.figures, here.work.carried_out) == (Ending.CHANGED, None, 1)
    assert report.reasons == ("figures could not be worked out: ArithmeticError: no end of it",)
    assert here.agenda.due_s is None  # nothing to try again
    assert not (await here.scheduled()).urgent  # it is dealt with
    assert "could not be worked out" in caplog.text


async def test_what_has_been_dealt_with_is_urgent_no_more(here):
    here.lose(gateways=["igw-gz"], links=["pe-bj-gw"])
    assert (await here.scheduled()).urgent
    report = await here.scheduled()
    assert (report.urgent, report.ending) == (False, Ending.UNCHANGED)
    here.lose()
    here.cycle.notice("gateway igw-gz is up")
    assert not (await here.turn()).urgent
    here.lose(gateways=["igw-gz"])
    assert (await here.scheduled()).urgent


async def test_who_says_that_it_is_urgent_is_believed(here):
    here.cycle.notice("10,000 routes of igw-gz were withdrawn", urgent=True)
    assert (await here.turn()).urgent
    assert here.work.asked[-1].urgent


async def test_what_was_lost_before_the_start_is_urgent(here):
    here.lose(gateways=["igw-gz"])
    assert (await here.scheduled()).urgent


async def test_the_planner_is_told_what_is_away_and_what_is_sent(here):
    here.lose(gateways=["igw-gz"], links=["pe-xa-gw"], unreachable=["pe-bj"])
    await here.scheduled()
    (asked,) = here.work.asked
    assert (asked.gateways_away, asked.links_down, asked.nodes_away) == ({"igw-gz"}, {"pe-xa-gw"}, {"pe-bj"})
    assert asked.rows == tuple(
        DemandRow(source=source, to_region="japan", traffic_class=BULK, rate_bps=rate * GBPS)
        for source, rate in zip(SOURCES, (40, 10), strict=True)
    )
    assert {flow: sum(slices) for flow, slices in asked.measured.items()} == {
        ("pe-bj", 1, BULK): 40 * GBPS,
        ("pe-xa", 1, BULK): 10 * GBPS,
    }


async def test_moves_that_bring_too_much_somewhere_are_told_aloud(here, caplog):
    relieved = Exceeded(("igw-gz", None), 9 * GBPS, 10 * GBPS, 10 * GBPS)  # by what was there before
    crowded = Exceeded(("pe-bj-gw", Direction.A_TO_Z), 9 * GBPS, 8 * GBPS, 11 * GBPS)
    here.work.exceeded = (relieved, crowded)
    here.lose(gateways=["igw-gz"])
    here.cycle.notice("gateway igw-gz down")
    assert (await here.turn()).overloads == (crowded,)
    (told,) = [one for one in caplog.records if one.name.startswith("controller.service.egress")]
    assert told.levelname == "WARNING"
    words = "link pe-bj-gw (aToZ) gets up to 11Gbps by it, 8Gbps before, and has room for 9Gbps"
    assert words in told.message
    assert told.overloads == words


async def test_of_thousands_of_reasons_a_few_are_told(here):
    here.work.held = tuple(f"reason {number}" for number in range(1000))
    reasons = (await here.scheduled()).reasons
    assert reasons == (*(f"reason {number}" for number in range(MOST_REASONS)), "and 990 more like these")


async def test_it_says_which_regions_cannot_be_told_from_elsewhere(here):
    here.work.policies = [
        EgressPolicy(tenant="backbone", name=region, sources=Sources(nodes=("pe-bj",)), to_region=region, demand_bps=1)
        for region in ("japan", "europe")
    ]
    (reason,) = (await here.scheduled()).reasons
    assert reason.startswith("no prefix is known to be in europe (")


async def test_it_says_which_gateways_are_filled_by_what_nobody_plans_for(here):
    here.work.taken = Taken(gateways={"igw-gz": 5 * GBPS, "igw-sh": 6 * GBPS})
    report = await here.scheduled()
    (reason,) = report.reasons
    assert reason.startswith("6Gbps leave by igw-sh (6% of it) for addresses that no prefix is known for: ")
    assert report.elsewhere_bps == here.work.taken.gateways


class TestADeviceThatCannotBeReached:
    async def test_its_entries_wait_and_are_urgent_when_it_is_back(self, here):
        here.lose(gateways=["igw-gz"], unreachable=["pe-bj"])
        assert (await here.scheduled()).ending is Ending.UNCHANGED
        assert not (await here.scheduled()).urgent
        here.lose(gateways=["igw-gz"])
        here.cycle.notice("a device can be worked with again")
        report = await here.turn()
        assert (report.urgent, report.ending) == (True, Ending.CHANGED)
        assert here.work.leads == ["igw-sh", "igw-sh"]

    async def test_with_nothing_away_it_is_an_ordinary_cycle(self, here):
        here.lose(unreachable=["pe-bj"])
        await here.scheduled()
        here.lose()
        here.cycle.notice("device pe-bj can be worked with again")
        assert not (await here.turn()).urgent


class TestWhatIsNotCarriedOut:
    async def test_in_shadow_it_is_computed_and_reported(self):
        here = Here(mode=Mode.SHADOW)
        here.lose(gateways=["igw-gz"])
        report = await here.scheduled()
        assert (report.ending, report.moved_bps, report.rounds) == (Ending.SHADOW, 40 * GBPS, 1)
        assert (await here.scheduled()).ending is Ending.SHADOW  # traffic still leads there
        assert here.work.leads == ["igw-gz", "igw-sh"]
        here.lose()
        assert (await here.scheduled()).ending is Ending.UNCHANGED

    async def test_frozen_even_what_is_urgent_waits_and_is_done_when_thawed(self, here):
        await here.freeze.press("fibre works")
        here.lose(gateways=["igw-gz"])
        here.cycle.notice("gateway igw-gz is down")
        report = await here.turn()
        assert (report.ending, report.urgent, report.moved_bps) == (Ending.FROZEN, True, 40 * GBPS)
        assert here.work.leads == ["igw-gz", "igw-sh"]
        await here.freeze.release()
        report = await here.turn()
        assert (report.ending, report.urgent) == (Ending.CHANGED, True)
        assert here.work.leads == ["igw-sh", "igw-sh"]

    async def test_frozen_with_nothing_to_do_it_is_unchanged(self, here):
        await here.freeze.press("")
        assert (await here.scheduled()).ending is Ending.UNCHANGED

    async def test_off_nothing_is_looked_at(self):
        here = Here(mode=Mode.OFF)
        here.lose(gateways=["igw-gz"])
        here.cycle.notice("gateway igw-gz is down")
        assert here.agenda.due_s is None
        await here.cycle.run()
        assert (here.reads, here.told) == (0, [])


class TestInputsInDoubt:
    def silence(self, here, *sources, times=1):
        for _ in range(times):
            for source in sources:
                here.demand.silent(source, "its device does not answer")

    async def test_with_much_of_the_traffic_in_doubt_nothing_is_decided(self, here):
        self.silence(here, "pe-bj")
        report = await here.scheduled()
        assert report.ending is Ending.HELD
        assert report.reasons[0] == "80% of the traffic is not known for now: all stays as it is"
        assert report.reasons[1] == "pe-bj: its device does not answer; its last good rates count"
        assert here.work.asked == []

    async def test_with_little_of_it_in_doubt_the_last_good_rates_count(self, here):
        self.silence(here, "pe-xa", times=STALE_AFTER)
        report = await here.scheduled()
        assert report.ending is Ending.UNCHANGED
        assert report.reasons == ("pe-xa: its device does not answer; its last good rates count, which are stale",)
        assert {row.source: row.rate_bps for row in here.work.asked[-1].rows}["pe-xa"] == 10 * GBPS

    async def test_a_loss_is_dealt_with_all_the_same(self, here):
        self.silence(here, *SOURCES)
        here.lose(gateways=["igw-gz"])
        assert (await here.scheduled()).ending is Ending.CHANGED
        assert {row.source: row.rate_bps for row in here.work.asked[-1].rows} == {
            "pe-bj": 40 * GBPS,
            "pe-xa": 10 * GBPS,
        }
        assert (await here.scheduled()).ending is Ending.HELD

    async def test_so_is_what_comes_back_which_may_be_all_that_some_traffic_has(self, here):
        here.lose(gateways=["igw-gz"], links=["pe-xa-gw"])
        await here.scheduled()
        self.silence(here, "pe-bj")
        here.lose(links=["pe-xa-gw"])
        here.cycle.notice("gateway igw-gz not down any more")
        report = await here.turn()
        assert (report.ending, report.urgent) == (Ending.UNCHANGED, False)
        assert here.work.asked[-1].gateways_away == frozenset()
        assert (await here.scheduled()).ending is Ending.HELD

    async def test_so_is_what_somebody_has_ordered(self, here):
        await here.scheduled()
        self.silence(here, "pe-bj")
        ordered = EgressPolicy(
            tenant="backbone", name="x", sources=Sources(nodes=("pe-xa",)), to_region="japan", demand_bps=1
        )
        here.work.policies = [ordered]
        here.cycle.notice("lines or policies have changed")
        assert (await here.turn()).ending is Ending.UNCHANGED
        assert (await here.scheduled()).ending is Ending.HELD


class TestFailing:
    @pytest.mark.parametrize("error", [DeviceUnreachable("pe-bj", "does not answer"), StoreError("the disk is full")])
    async def test_it_is_tried_again_and_stays_urgent(self, here, error):
        here.work.failing = [error, error]
        here.lose(gateways=["igw-gz"])
        here.cycle.notice("gateway igw-gz is down")
        report = await here.turn()
        assert (report.ending, report.reasons) == (Ending.FAILED, (str(error),))
        assert here.agenda.due_s == pytest.approx(here.clock_s + 0.5)
        assert (await here.turn()).ending is Ending.FAILED
        assert here.agenda.due_s == pytest.approx(here.clock_s + 1.0)
        report = await here.turn()
        assert (report.ending, report.urgent, report.causes) == (Ending.CHANGED, True, ("gateway igw-gz is down",))
        assert here.agenda.due_s is None

    async def test_a_fault_of_the_program_is_reported_and_the_cycle_lives_on(self, here, caplog):
        here.work.failing = [ZeroDivisionError("oh")]
        here.lose(gateways=["igw-gz"])
        report = await here.scheduled()
        assert (report.ending, report.reasons) == (Ending.FAILED, ("ZeroDivisionError: oh",))
        assert "the egress cycle failed" in caplog.text
        assert (await here.turn()).ending is Ending.CHANGED


class TestMemory:
    async def test_only_the_schedule_counts_what_must_hold_several_times(self, here):
        await here.scheduled()
        here.cycle.notice("policy backbone/gd-to-na was changed")
        await here.turn()
        await here.scheduled()
        assert [asked.memory for asked in here.work.asked] == [None, 1, 1]
        assert [asked.scheduled for asked in here.work.asked] == [True, False, True]

    async def test_what_failed_leaves_no_memory(self, here):
        await here.scheduled()
        here.work.failing = [StoreError("the disk is full")]
        here.lose(gateways=["igw-gz"])
        await here.scheduled()
        await here.turn()
        assert [asked.memory for asked in here.work.asked] == [None, 1, 1]


async def test_reports_are_counted_and_the_last_ones_kept(here):
    for _ in range(KEPT + 5):
        await here.scheduled()
        here.clock_s += 30
    kept = here.cycle.reports.all
    assert (len(kept), kept[0].number, kept[-1].number) == (KEPT, 6, KEPT + 5)
    assert kept == tuple(here.told[5:])
    assert kept[-1].at - kept[-2].at == pytest.approx(31, abs=1.1)


async def watched(here, after, stop):
    """The numbers that a watcher sees until it has seen ``stop``, or there is no more."""
    numbers = []
    async for report in here.cycle.reports.watch(after):
        numbers.append(report.number)
        if report.number == stop:
            break
    return numbers


async def test_reports_can_be_followed_from_any_one_on(here):
    waiting = asyncio.create_task(watched(here, 0, 3))
    await here.scheduled()
    await asyncio.sleep(0)
    await here.scheduled()
    await here.scheduled()
    assert await waiting == [1, 2, 3]
    assert await watched(here, 1, 3) == [2, 3]
    assert await watched(here, 70, 3) == [1, 2, 3]  # the number is one of an earlier start


async def test_who_follows_is_told_of_the_end(here):
    await here.scheduled()
    waiting = asyncio.create_task(watched(here, 0, None))
    for _ in range(5):
        await asyncio.sleep(0)
    here.cycle.reports.end()
    assert await waiting == [1]
    assert await watched(here, 0, None) == []


async def test_a_cycle_waits_for_another_change_of_the_network_and_takes_what_came_meanwhile(here):
    async with here.work.deciding:
        here.agenda.tell(here.clock_s, "it is time", scheduled=True)
        turn = asyncio.create_task(here.cycle.turn())
        for _ in range(5):
            await asyncio.sleep(0)
        here.lose(gateways=["igw-gz"])
        here.cycle.notice("gateway igw-gz is down")
        assert here.work.asked == []
    report = await turn
    assert report.causes == ("it is time", "gateway igw-gz is down")
    assert (report.urgent, report.ending) == (True, Ending.CHANGED)
    assert here.agenda.due_s is None


def test_what_is_lost_beyond_what_is_known():
    known = Losses(links=frozenset(["a"]), gateways=frozenset(["x"]))
    assert Losses(links=frozenset(["a", "b"]), gateways=frozenset(["x"])).beyond(known) == {"b"}
    assert Losses().beyond(known) == frozenset()


def test_what_is_back_of_what_was_known_to_be_away():
    known = Losses(links=frozenset(["a", "b"]), gateways=frozenset(["x"]), unreachable=frozenset(["n"]))
    assert Losses(links=frozenset(["a", "c"])).back_since(known) == {"b", "x"}
    assert known.back_since(known) == frozenset()
