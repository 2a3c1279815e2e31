"""Devices in step that somebody else changes: found, repaired or left, patiently, and without holding up changes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from memory_controller import controller

from controller.compiler.riders import Riders
from controller.domain.assurance import Assurance
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.rules import (
    Change,
    ClientEnd,
    CrossConnect,
    FlowRule,
    GroupRule,
    LineEnd,
    Match,
    MeterRule,
    Owner,
    Table,
    cookie,
    key_of,
)
from controller.domain.topology import PerDirection
from controller.service.comparing import compare
from controller.service.drift import CALM_S, PAUSES_S, Patience, Standing
from controller.service.outcomes import Wanted
from controller.service.rereading import MOST_AT_ONCE, Pace
from controller.southbound.driver import Observed

LINE = PrivateLine(
    tenant="acme",
    name="bj-gz",
    a=Attachment(site="dc-bj-1"),
    z=Attachment(site="dc-gz-1"),
    cir_bps=PerDirection.both(4_000_000),
)
BESIDE = replace(LINE, name="beside", a=Attachment(site="dc-bj-2"), z=Attachment(site="dc-gz-2"))
ON_ITS_WAY = ("pe-bj", "p-zz", "p-wh", "pe-gz")
ORPHAN = FlowRule(cookie=cookie(Owner.LINE, 99), table=Table.DELIVER, priority=9, match=Match(mpls_label=5), actions=())


@pytest.fixture
async def repairing(tmp_path):
    async with controller(tmp_path / "state.db") as here:
        yield await with_line(here)


@pytest.fixture
async def reporting(tmp_path):
    async with controller(tmp_path / "state.db", drift="report") as here:
        yield await with_line(here)


async def with_line(here):
    here.connect(*ON_ITS_WAY)
    await here.intents.apply([Wanted(intent=LINE)])
    return here


def lose_one(here, name):
    """Take a rule away from a device; returns it."""
    rules = here.memory[name].rules
    return rules.pop(next(iter(rules)))


async def fares(here, line=LINE):
    return (await here.intents.get(line.key)).assurance


def runs(here, outcome):
    return here.counted("trunkline_reconcile_runs_total", outcome=outcome)


async def test_what_is_found_missing_is_put_right_and_the_device_stays_in_step(repairing):
    here = repairing
    lost = lose_one(here, "p-zz")
    here.rereading.notice("p-zz")
    await here.until(lambda: key_of(lost) in here.memory["p-zz"].rules)
    await here.until(lambda: runs(here, "repaired"))
    assert here.devices.in_step("p-zz")
    assert await fares(here) is Assurance.UP


async def test_a_look_at_a_device_that_is_right_writes_nothing_and_claims_nothing(repairing):
    here = repairing
    written = len(here.memory["p-zz"].written)
    turn = here.devices.turn("p-zz")
    here.rereading.look_soon("p-zz")
    await here.until(lambda: here.counted("trunkline_device_reads_total", outcome="same"))
    assert (len(here.memory["p-zz"].written), here.devices.turn("p-zz")) == (written, turn)


async def test_a_change_does_not_wait_for_a_look_and_the_look_is_repeated(repairing):
    here = repairing
    device = here.memory["p-zz"]
    device.hold()
    looking = asyncio.create_task(here.reconciler.look("p-zz"))
    await device.inside.wait()
    async with here.devices.claimed(("p-zz",)):  # at once: nobody is in the way
        device.let_go()
        await here.until(lambda: here.counted("trunkline_device_reads_total", outcome="interrupted"))
        assert not looking.done()
    assert await looking is False
    assert here.counted("trunkline_device_reads_total", outcome="interrupted") == 1


async def test_what_is_changed_while_a_device_is_put_right_is_found_afterwards(repairing):
    here = repairing
    device = here.memory["p-zz"]
    lose_one(here, "p-zz")
    device.hold()
    here.connect("p-zz")
    await device.inside.wait()
    device.let_go()
    device.hold()  # as soon as it has been read
    await here.until(lambda: not device.inside.is_set())
    await device.inside.wait()
    device.rules[key_of(ORPHAN)] = ORPHAN
    here.rereading.notice("p-zz")
    for _ in range(50):  # it is heard of at once, and cannot be looked after yet
        await asyncio.sleep(0)
    device.let_go()
    await here.until(lambda: key_of(ORPHAN) not in device.rules)


async def test_repairs_in_a_row_wait_longer_and_longer_and_a_person_need_not_wait(repairing):
    here = repairing
    for _ in range(2):
        lose_one(here, "p-zz")
        before = runs(here, "repaired")
        here.rereading.notice("p-zz")
        await here.until(lambda before=before: runs(here, "repaired") == before + 1)
    lose_one(here, "p-zz")
    here.rereading.notice("p-zz")
    await here.until(lambda: here.drifts.lines)
    assert here.drifts.get("p-zz").standing is Standing.BACKING_OFF
    assert await fares(here) is Assurance.DRIFTED
    assert here.devices.in_step("p-zz")
    assert here.reconciler.due_in_s("p-zz") == PAUSES_S[2]
    await here.reconciler.repair("p-zz")
    assert await fares(here) is Assurance.UP
    lose_one(here, "p-zz")
    here.clock_s += PAUSES_S[2]
    await here.reconciler.settle("p-zz")
    assert here.drifts.get("p-zz") is None


async def test_reported_drift_is_left_and_a_change_of_what_drifted_ends_it(reporting):
    here = reporting
    lost = lose_one(here, "pe-bj")
    here.memory["pe-bj"].rules[key_of(ORPHAN)] = ORPHAN
    written = len(here.memory["pe-bj"].written)
    here.rereading.notice("pe-bj")
    await here.until(lambda: runs(here, "left"))
    assert len(here.memory["pe-bj"].written) == written
    assert len(here.drifts.get("pe-bj").changes) == 2
    assert await fares(here) is Assurance.DRIFTED
    (stands,) = [one for one in (await here.status.status()).devices if one.device == "pe-bj"]
    assert (stands.in_step, stands.drifted_rules, stands.drift) == (True, 2, "reported")

    await here.intents.delete([LINE.key])  # it takes away what is not there, and adds nothing that is not asked for
    await here.until(lambda: len(here.drifts.get("pe-bj").changes) == 1)
    assert here.memory["pe-bj"].rules == {key_of(ORPHAN): ORPHAN}
    assert lost is not None


async def test_a_line_that_joins_a_drifted_trunk_is_told_to_be_so(reporting):
    here = reporting
    lose_one(here, "p-zz")
    here.rereading.notice("p-zz")
    await here.until(lambda: here.drifts.lines)
    (applied,) = (await here.intents.apply([Wanted(intent=BESIDE)])).intents
    assert applied.assurance is Assurance.DRIFTED
    assert here.drifts.lines == {LINE.key, BESIDE.key}


async def test_under_report_what_our_own_change_left_is_finished_all_the_same(reporting):
    here = reporting
    device = here.memory["p-wh"]
    right = dict(device.rules)
    asked = asyncio.create_task(here.intents.delete([LINE.key]))
    # Its rules are taken away behind the commit point; there the device fails, and what is left is no drift.
    await here.until(lambda: here.memory["pe-bj"].written[-1].after is None)
    device.failing = True
    await asked
    device.failing = False
    assert right
    here.connect("p-wh")
    await here.until(lambda: here.devices.in_step("p-wh"))
    assert device.rules == {}
    assert here.drifts.get("p-wh") is None


async def test_under_report_a_device_that_comes_back_empty_is_left_empty(reporting):
    here = reporting
    here.memory["p-zz"].rules = {}
    here.connect("p-zz", connected=False)
    assert await fares(here) is Assurance.UNKNOWN
    assert here.drifts.get("p-zz") is None
    here.connect("p-zz")
    await here.until(lambda: here.devices.in_step("p-zz"))
    assert await fares(here) is Assurance.DRIFTED
    assert here.memory["p-zz"].rules == {}
    here.connect("p-zz", connected=False)
    assert await fares(here) is Assurance.UNKNOWN


async def test_drift_found_while_frozen_waits_and_is_put_right_afterwards(repairing):
    here = repairing
    await here.freeze.press("")
    lost = lose_one(here, "p-zz")
    here.rereading.notice("p-zz")
    await here.until(lambda: here.drifts.get("p-zz") is not None)
    assert here.drifts.get("p-zz").standing is Standing.FROZEN
    assert await fares(here) is Assurance.DRIFTED
    await here.freeze.release()
    await here.until(lambda: here.devices.in_step("p-zz"))
    assert key_of(lost) in here.memory["p-zz"].rules
    assert await fares(here) is Assurance.UP


async def test_a_device_that_does_not_answer_a_look_is_unknown(repairing):
    here = repairing
    here.memory["p-zz"].failing = True
    here.rereading.look_soon("p-zz")
    await here.until(lambda: here.counted("trunkline_device_reads_total", outcome="failed"))
    assert await fares(here) is Assurance.UNKNOWN
    (asked,) = await here.differing.diff(["p-zz"], repair=False)
    assert (asked.read_at, asked.differences) == (None, ())
    here.memory["p-zz"].failing = False
    here.connect("p-zz")
    await here.until(lambda: here.devices.in_step("p-zz"))


async def test_a_number_that_somebody_takes_into_use_is_not_given_out(repairing):
    here = repairing
    theirs = MeterRule(meter_id=2, rate_kbps=1, burst_kbits=1)
    here.memory["pe-bj"].rules[key_of(theirs)] = theirs
    incidents = here.devices.incidents("pe-bj")
    here.rereading.look_soon("pe-bj")
    await here.until(lambda: here.devices.incidents("pe-bj") > incidents)  # plans made before are made anew
    await here.intents.apply([Wanted(intent=BESIDE)])
    assert here.memory["pe-bj"].rules[key_of(theirs)] == theirs


async def test_all_devices_are_read_again_and_again(tmp_path):
    pace = Pace(every_s=0.001, settle_s=0.0, gap_s=0.0, rest=0.0)
    async with controller(tmp_path / "state.db", pace=pace) as here:
        here.connect(*ON_ITS_WAY)
        await here.until(lambda: all(here.memory[name].reads >= 5 for name in ON_ITS_WAY))
        lost = FlowRule(cookie=ORPHAN.cookie, table=Table.CLASSIFY, priority=1, match=Match(in_port=1), actions=())
        here.memory["p-zz"].rules[key_of(lost)] = lost
        await here.until(lambda: here.memory["p-zz"].rules == {})


async def test_of_many_devices_a_few_are_read_at_a_time(repairing):
    here = repairing
    names = list(here.memory)
    here.connect(*names)
    await here.until(lambda: all(map(here.devices.in_step, names)))
    reads = sum(device.reads for device in here.memory.values())
    for device in here.memory.values():
        device.hold()
        here.rereading.look_soon(device.device)
    await here.until(lambda: sum(device.reads for device in here.memory.values()) - reads >= MOST_AT_ONCE)
    for _ in range(100):
        await asyncio.sleep(0)  # turns of the loop, in which more could begin
    assert sum(device.inside.is_set() for device in here.memory.values()) == MOST_AT_ONCE < len(names)
    for device in here.memory.values():
        device.let_go()
    await here.until(lambda: here.counted("trunkline_device_reads_total", outcome="same") == len(names))


def test_patience():
    patience = Patience()
    assert patience.due_in_s(0.0) == 0
    now = 0.0
    for pause in (*PAUSES_S[1:], PAUSES_S[-1]):
        patience.repaired(now)
        assert patience.due_in_s(now) == pause
        now += pause
        assert patience.due_in_s(now) == 0
    assert patience.due_in_s(now + CALM_S) == 0
    patience.repaired(now + CALM_S)
    assert patience.due_in_s(now + CALM_S) == PAUSES_S[1]


async def test_each_kind_of_rule_leads_to_the_lines_that_depend_on_it(repairing):
    here = repairing
    await here.intents.apply([Wanted(intent=BESIDE)])
    desired = await here.planner.run(lambda planner: {name: [*planner.desired[name].values()] for name in ON_ITS_WAY})

    async def of(device, rule):
        lost = (Change(before=None, after=rule),)
        return await here.planner.run(lambda planner: Riders(planner, device).of(lost))

    both = {LINE.key, BESIDE.key}
    assert {await of("p-zz", rule) for rule in desired["p-zz"]} == {frozenset(both)}
    groups = [rule for rule in desired["pe-bj"] if isinstance(rule, GroupRule)]
    assert {await of("pe-bj", rule) for rule in groups} == {frozenset(both)}
    meters = [rule for rule in desired["pe-bj"] if isinstance(rule, MeterRule)]
    assert {await of("pe-bj", rule) for rule in meters} == {frozenset({key}) for key in both}
    assert await of("p-zz", meters[0]) == frozenset()
    assert await of("pe-bj", ORPHAN) == frozenset()


async def test_a_cross_connect_says_itself_whether_it_is_ours(repairing):
    ours = CrossConnect(
        cookie=cookie(Owner.LINE, 99),
        number=1,
        odu="ODU2",
        a=ClientEnd(port=1),
        z=LineEnd(port=2, tributary_port=1, slots=(1,)),
    )

    def compared(planner):
        return compare(planner, "pe-cd", Observed(rules=(ours,), foreign=()), ())

    comparison = await repairing.planner.run(compared)
    assert comparison.drift == (Change(before=ours, after=None),)
    assert (comparison.ours, comparison.foreign, comparison.number_taken) == (1, 0, False)
