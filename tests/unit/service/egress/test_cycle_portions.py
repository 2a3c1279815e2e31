"""A long table of prefixes, written by one cycle after the other; what is lost meanwhile goes before the rest."""

from __future__ import annotations

import asyncio

import pytest
from steering_in_memory import Here

from controller.domain.errors import DeviceRefused
from controller.service.egress.portions import AIM_S, FIRST, GROWTH, MOST, PortionSize
from controller.service.egress.report import Ending, Losses, Mode


@pytest.fixture
def here():
    """Two and a half portions are to be written."""
    made = Here()
    made.work.prefixes_left = FIRST * 5 // 2
    return made


async def test_one_cycle_follows_the_other_at_once_until_all_is_written(here):
    first = await here.scheduled()
    assert (first.ending, first.rules) == (Ending.CHANGED, FIRST)
    assert first.reasons == (f"{FIRST * 3 // 2} prefixes are still to be led elsewhere, portion by portion",)
    assert here.agenda.due_s == here.clock_s
    second = await here.turn()
    assert (second.rules, second.causes) == (FIRST, ("prefixes are still to be led elsewhere",))
    third = await here.turn()
    assert (third.rules, third.reasons) == (FIRST // 2, ())
    assert here.agenda.due_s is None


async def test_what_is_lost_meanwhile_is_left_by_the_next_cycle_which_writes_no_prefixes(here):
    await here.scheduled()
    here.lose(gateways=["igw-gz"])
    here.cycle.notice("gateway igw-gz is down")
    report = await here.turn()
    assert (report.urgent, report.ending, report.rules) == (True, Ending.CHANGED, 1)
    assert here.work.leads == ["igw-sh", "igw-sh"]
    assert here.agenda.due_s == here.clock_s
    assert (await here.turn()).rules == FIRST


async def test_prefixes_wait_for_devices_that_are_about_to_be_put_right(here):
    """Each portion would have them read anew: as long as there are portions, they would never be in step."""
    settling = frozenset({"pe-bj", "pe-xa"})
    here.losses = Losses(unreachable=settling, settling=settling)
    report = await here.scheduled()
    assert (report.ending, report.rules) == (Ending.UNCHANGED, 0)
    assert report.reasons == (
        f"{FIRST * 5 // 2} prefixes are still to be led elsewhere, after pe-bj, pe-xa hold what they should",
    )
    assert here.agenda.due_s is None
    here.losses = Losses(unreachable=settling)  # one that is gone, or cannot be put right, is not waited for
    assert (await here.scheduled()).rules == FIRST


async def test_routes_that_were_lost_do_not_wait_for_devices(here):
    settling = frozenset({"pe-bj"})
    here.losses = Losses(unreachable=settling, settling=settling)
    here.cycle.notice("gateways have lost routes", urgent=True)
    assert (await here.turn()).rules == FIRST


async def test_a_loss_that_moves_nothing_does_not_end_it(here):
    await here.scheduled()
    here.lose(links=["pe-xa-gw"])
    here.cycle.notice("link pe-xa-gw is down")
    assert (await here.turn()).ending is Ending.UNCHANGED
    assert (await here.turn()).rules == FIRST


async def test_routes_that_are_lost_all_the_time_do_not_keep_prefixes_waiting(here):
    await here.scheduled()
    here.cycle.notice("gateways have lost routes", urgent=True)
    report = await here.turn()
    assert (report.urgent, report.rules) == (True, FIRST)


async def test_who_waits_for_his_policy_waits_for_all_of_it(here):
    here.cycle.notice("lines or policies have changed")
    waiting = asyncio.create_task(here.cycle.caught_up(60.0))
    for _ in range(2):
        await here.turn()
        await asyncio.sleep(0)
        assert not waiting.done()
    await here.turn()
    await waiting


async def test_a_portion_that_fails_is_tried_again_later(here):
    await here.scheduled()
    here.work.failing = [DeviceRefused("pe-xa", "table full")]
    report = await here.turn()
    assert report.ending is Ending.FAILED
    assert here.agenda.due_s > here.clock_s


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.ON])
async def test_what_is_not_carried_out_is_not_gone_on_with(mode):
    here = Here(mode=mode)
    here.work.prefixes_left = 3 * FIRST
    if mode is Mode.ON:
        await here.freeze.press("")
    report = await here.scheduled()
    assert report.ending is (Ending.SHADOW if mode is Mode.SHADOW else Ending.FROZEN)
    assert here.agenda.due_s is None


async def test_what_is_not_carried_out_is_not_gone_on_with_where_nothing_else_changes():
    here = Here(mode=Mode.SHADOW)
    here.work.prefixes_left = 3 * FIRST
    here.lose(links=["pe-xa-gw"])
    here.cycle.notice("link pe-xa-gw is down")
    assert (await here.turn()).ending is Ending.UNCHANGED
    assert here.agenda.due_s is None


class TestHowManyRulesAtATime:
    def test_more_where_devices_are_fast(self):
        size = PortionSize()
        size.took(FIRST, AIM_S / 2)
        assert size.rules == 2 * FIRST
        size.took(size.rules, 0.001)
        assert size.rules == 2 * GROWTH * FIRST
        for _ in range(9):
            size.took(size.rules, 0.001)
        assert size.rules == MOST

    def test_fewer_where_they_are_slow(self):
        size = PortionSize()
        size.took(FIRST, AIM_S / GROWTH)
        size.took(size.rules, AIM_S * 4 / 3)
        assert size.rules == GROWTH * FIRST * 3 // 4
        size.took(size.rules, 1000.0)
        assert size.rules == GROWTH * FIRST * 3 // 8
        for _ in range(3):
            size.took(size.rules, 1000.0)
        assert size.rules == FIRST

    @pytest.mark.parametrize(("fixed_s", "each_s"), [(0.0, 1e-4), (0.5, 1e-4), (1.4, 1e-4), (4.0, 2e-4), (3.0, 1e-3)])
    def test_what_a_change_takes_whatever_its_size_is_never_the_greater_part(self, fixed_s, each_s):
        size = PortionSize()
        took = []
        for _ in range(12):
            took.append((size.rules, fixed_s + size.rules * each_s))
            size.took(*took[-1])
        for rules, seconds in took[-3:]:
            assert fixed_s <= 0.6 * seconds or rules == MOST
            assert seconds <= max(AIM_S, 2 * fixed_s) * 1.25

    def test_of_small_changes_nothing_is_learned(self):
        size = PortionSize()
        size.took(FIRST, AIM_S / GROWTH)
        size.took(size.rules // 2 - 1, 1000.0)
        assert size.rules == GROWTH * FIRST
