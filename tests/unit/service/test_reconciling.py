"""What a device must be told so that it holds what it should; and that a sick device holds up nobody else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from memory_controller import TOPOLOGY, controller

from controller.compiler.planner import Planner
from controller.domain.errors import DeviceUnreachable
from controller.domain.foreign import ForeignRule
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.rules import (
    Bucket,
    FlowRule,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Op,
    Output,
    Owner,
    Table,
    cookie,
    key_of,
)
from controller.domain.topology import PerDirection
from controller.service import reconciler
from controller.service.comparing import compare
from controller.service.outcomes import Wanted
from controller.southbound.driver import Observed
from controller.store.records import Leftover

LINE = PrivateLine(
    tenant="acme",
    name="bj-gz",
    a=Attachment(site="dc-bj-1"),
    z=Attachment(site="dc-gz-1"),
    cir_bps=PerDirection.both(4_000_000),
)
"""pe-bj - p-zz - p-wh - pe-gz."""
ON_ITS_WAY = ("pe-bj", "p-zz", "p-wh", "pe-gz")
ELSEWHERE = "pe-cd"

FOREIGN_METER = MeterRule(meter_id=4_000, rate_kbps=1, burst_kbits=1)
FOREIGN_GROUP = GroupRule(group_id=4_000, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(Output(1),)),))
ORPHAN = FlowRule(cookie=cookie(Owner.LINE, 99), table=Table.DELIVER, priority=9, match=Match(mpls_label=5), actions=())


@pytest.fixture
def planner():
    made = Planner(TOPOLOGY)
    made.adopt(made.plan([LINE]))
    return made


def differences(planner, device, observed, leftovers):
    return list(compare(planner, device, observed, leftovers).changes)


def desired(planner, device="pe-bj"):
    return tuple(planner.desired[device].values())


def seen(*rules):
    return Observed(rules=rules, foreign=(ForeignRule(kind="flow", words="flow of somebody else"),))


def test_a_device_that_is_right_is_told_nothing(planner):
    assert differences(planner, "pe-bj", seen(*desired(planner)), ()) == []
    assert differences(planner, "pe-bj", seen(*reversed(desired(planner))), ()) == []


def test_an_empty_device_is_told_everything(planner):
    changes = differences(planner, "pe-bj", seen(), ())
    assert {change.after for change in changes} == set(desired(planner))
    assert {change.op for change in changes} == {Op.ADD}


def test_only_what_differs_is_told(planner):
    meter = next(rule for rule in desired(planner) if isinstance(rule, MeterRule))
    changed = replace(meter, rate_kbps=1)
    observed = seen(*(changed if rule is meter else rule for rule in desired(planner)))
    (change,) = differences(planner, "pe-bj", observed, ())
    assert (change.before, change.after) == (changed, meter)


def test_a_flow_with_our_mark_that_nothing_wants_goes(planner):
    (change,) = differences(planner, "pe-bj", seen(*desired(planner), ORPHAN), ())
    assert (change.before, change.after) == (ORPHAN, None)


def test_meters_and_groups_that_we_do_not_know_stay_and_their_numbers_are_not_given_out(planner):
    ours = {rule.meter_id for rule in desired(planner) if isinstance(rule, MeterRule)}
    following = MeterRule(meter_id=max(ours) + 1, rate_kbps=1, burst_kbits=1)
    assert differences(planner, "pe-bj", seen(*desired(planner), following, FOREIGN_METER, FOREIGN_GROUP), ()) == []
    more = replace(LINE, name="more", a=Attachment(site="dc-bj-2"), z=Attachment(site="dc-gz-2"))
    placed = planner.plan([more]).verdicts[0].placed
    assert placed.meter_id.a_to_z not in ours | {following.meter_id, FOREIGN_METER.meter_id}


def test_meters_and_groups_that_we_may_have_left_there_go_and_their_numbers_are_free(planner):
    ours = {rule.meter_id for rule in desired(planner) if isinstance(rule, MeterRule)}
    left = MeterRule(meter_id=max(ours) + 1, rate_kbps=1, burst_kbits=1)
    changes = differences(planner, "pe-bj", seen(*desired(planner), left, FOREIGN_GROUP), [left, FOREIGN_GROUP])
    assert {(change.before, change.after) for change in changes} == {(left, None), (FOREIGN_GROUP, None)}
    more = replace(LINE, name="more", a=Attachment(site="dc-bj-2"), z=Attachment(site="dc-gz-2"))
    assert planner.plan([more]).verdicts[0].placed.meter_id.a_to_z == left.meter_id


def test_a_leftover_that_is_wanted_again_stays(planner):
    assert differences(planner, "pe-bj", seen(*desired(planner)), desired(planner)) == []


@pytest.fixture
async def here(tmp_path):
    async with controller(tmp_path / "state.db") as made:
        yield made


def wanted(line=LINE):
    return [Wanted(intent=line)]


async def test_a_change_waits_for_devices_that_are_just_being_read(here, planner):
    here.connect(*ON_ITS_WAY)
    here.memory["p-wh"].hold()
    await here.memory["p-wh"].inside.wait()
    asked = asyncio.create_task(here.intents.apply(wanted()))
    await here.until(lambda: all(here.devices.in_step(name) for name in ON_ITS_WAY if name != "p-wh"))
    assert not asked.done()
    here.memory["p-wh"].let_go()
    await asked
    assert here.holds_what_it_should(planner, ON_ITS_WAY)


async def test_a_sick_device_holds_up_nobody_who_does_not_need_it(here, planner):
    sick = here.memory[ELSEWHERE]
    sick.hold()
    here.connect(*TOPOLOGY.node)
    await sick.inside.wait()
    await here.intents.apply(wanted())
    assert here.holds_what_it_should(planner, ON_ITS_WAY)
    assert not here.devices.in_step(ELSEWHERE)
    sick.let_go()
    await here.until(lambda: here.devices.in_step(ELSEWHERE))


async def test_a_device_that_comes_anew_while_a_plan_is_made_is_read_before_it_is_written(here):
    here.connect(*ON_ITS_WAY)
    await here.until(lambda: all(map(here.devices.in_step, ON_ITS_WAY)))
    plan, planned = here.planner.plan, 0

    async def plan_while_a_device_comes_anew(*arguments):
        nonlocal planned
        planned += 1
        found = await plan(*arguments)
        if planned == 1:
            here.memory["pe-bj"].rules = {key_of(rule): rule for rule in (foreign_meter,)}
            here.connect("pe-bj")
            await here.until(lambda: here.devices.in_step("pe-bj"))
        return found

    foreign_meter = MeterRule(meter_id=1, rate_kbps=1, burst_kbits=1)
    here.planner.plan = plan_while_a_device_comes_anew
    await here.intents.apply(wanted())
    assert planned == 2
    assert here.memory["pe-bj"].rules[key_of(foreign_meter)] == foreign_meter


async def test_a_device_that_fails_is_tried_again_and_sooner_when_it_connects_anew(here, planner):
    await here_with_line(here)
    device = here.memory["pe-bj"]
    device.rules, device.failing = {}, True
    here.connect("pe-bj")
    await here.until(lambda: device.reads >= 3)
    device.failing = False
    here.connect("pe-bj")
    await here.until(lambda: here.devices.in_step("pe-bj"))
    assert here.holds_what_it_should(planner, ON_ITS_WAY)


async def test_what_is_wrong_with_a_device_that_cannot_be_put_right_is_told(here):
    await here_with_line(here)
    device = here.memory["pe-bj"]
    device.rules, device.failing = {}, True
    here.connect("pe-bj")
    await here.until(lambda: device.reads >= 3)
    assert (await stands(here, "pe-bj")).why_out_of_step == "the device does not answer"
    with pytest.raises(DeviceUnreachable, match=r"could not be read and put right yet \(the device does not answer\)"):
        await here.devices.wait_in_step(["pe-bj"], 0)
    device.failing = False
    here.connect("pe-bj")
    await here.until(lambda: here.devices.in_step("pe-bj"))
    assert (await stands(here, "pe-bj")).why_out_of_step == ""


async def stands(here, name):
    status = await here.status.status()
    return next(device for device in status.devices if device.device == name)


async def test_a_device_that_cannot_be_put_right_is_tried_again_when_somebody_changes_it(here, planner, monkeypatch):
    monkeypatch.setattr(reconciler, "RETRY_S", (0.01, 3600.0))  # but for the notice, the next try is far away
    await here_with_line(here)
    device = here.memory["pe-bj"]
    device.rules, device.failing = {}, True
    here.connect("pe-bj")
    reads = device.reads
    await here.until(lambda: device.reads >= reads + 2)
    device.failing = False
    here.rereading.notice("pe-bj")
    await here.until(lambda: here.devices.in_step("pe-bj"))
    assert here.holds_what_it_should(planner, ON_ITS_WAY)


async def here_with_line(here):
    here.connect(*ON_ITS_WAY)
    await here.intents.apply(wanted())


async def test_a_device_lost_in_any_round_undoes_the_change_everywhere(here):
    here.connect(*ON_ITS_WAY)
    await here.until(lambda: all(map(here.devices.in_step, ON_ITS_WAY)))
    head_end = here.memory["pe-gz"]
    asked = asyncio.create_task(here.intents.apply(wanted()))
    await here.until(lambda: any(is_classifier(change.after) for change in head_end.written))
    here.connect("p-wh", connected=False)  # while a head end flips, a switch behind it that was prepared is lost
    with pytest.raises(DeviceUnreachable, match="p-wh"):
        await asked
    here.connect("p-wh")
    await here.until(lambda: all(map(here.devices.in_step, ON_ITS_WAY)))
    assert all(device.rules == {} for device in here.memory.values())
    assert (await here.store.load()).leftovers == ()


def is_classifier(rule):
    return isinstance(rule, FlowRule) and rule.table is Table.CLASSIFY and rule.match.mpls_label is None


async def test_what_was_left_on_a_device_is_taken_away_when_it_comes(tmp_path):
    left = Leftover(device="pe-bj", rule=FOREIGN_GROUP)
    async with controller(tmp_path / "state.db", leftovers=[left]) as here:
        here.memory["pe-bj"].rules = {key_of(rule): rule for rule in (FOREIGN_GROUP, FOREIGN_METER)}
        here.connect("pe-bj")
        await here.until(lambda: here.devices.in_step("pe-bj"))
        assert list(here.memory["pe-bj"].rules.values()) == [FOREIGN_METER]


async def test_what_is_left_on_a_device_is_kept_once_however_often_it_is_told(tmp_path):
    left = Leftover(device="pe-bj", rule=FOREIGN_GROUP)
    async with controller(tmp_path / "state.db") as here:
        for _ in range(3):
            here.reconciler.remember([left])
        assert here.reconciler.left_on("pe-bj") == (FOREIGN_GROUP,)


async def test_who_waits_for_a_device_that_is_not_connected_hurries_it(here):
    device = here.memory["pe-bj"]
    with pytest.raises(DeviceUnreachable, match="pe-bj"):
        await here.devices.wait_in_step(["pe-bj"], 0)
    assert device.hurried == 1
