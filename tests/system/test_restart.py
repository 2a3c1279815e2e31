"""A controller that stops and starts again; switches that come and go; rules that somebody meddled with."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace

import pytest
from running.lines import line
from running.processes import until
from running.simulated import simulated, write

from controller.domain.rules import (
    Bucket,
    Change,
    FlowRule,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Output,
    Owner,
    Table,
    cookie,
)

NORTH = line("north", "a1.100", "z1.200")
SOUTH = line("south", "a1.101", "z1.201", avoid=["p-n"])
EPL = line("epl", "a2", "z2")

# What somebody else has put on the switch, with numbers that we would take first.
FOREIGN_FLOW = FlowRule(
    cookie=0xBEEF, table=Table.CLASSIFY, priority=7, match=Match(in_port=12, vlan=9), actions=(Output(2),)
)
FOREIGN = (
    MeterRule(meter_id=1, rate_kbps=777, burst_kbits=77),
    GroupRule(group_id=1, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(Output(1),)),)),
    FOREIGN_FLOW,
)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_restart_rewrites_nothing_that_is_right(net, how):
    net.apply(NORTH, SOUTH)
    saved, tables, written = net.until_right(), net.tables(), net.changes_written()
    status = net.end(how)
    assert status == (-9 if how is signal.SIGKILL else 0)
    net.check_frames([NORTH, SOUTH])
    net.start()
    # Lines on both ways: they begin only when every switch has been read and found right.
    net.apply(line("n", "a2", "z2"), line("s", "a1.7", "z1.7", avoid=["p-n"]))
    changes = {
        node: len(set(rules) - set(tables[node])) + len(set(tables[node]) - set(rules))
        for node, rules in net.tables().items()
    }
    assert net.changes_written() == {node: written[node] + changes[node] for node in changes}
    assert {placed for placed in net.saved().placed if placed.line in (NORTH, SOUTH)} == set(saved.placed)


def test_what_was_meddled_with_while_the_controller_was_away_is_repaired(net):
    net.apply(NORTH, SOUTH, EPL)
    saved, tables = net.until_right(), net.tables()
    net.end()
    asyncio.run(meddle(net))
    assert net.tables()["pe-a"] != tables["pe-a"]
    net.start()
    wanted = {node: rules.values() for node, rules in net.planner(saved).desired.items()}
    net.until_switches_hold(net.in_words({**wanted, "pe-a": [*wanted["pe-a"], FOREIGN_FLOW]}))
    net.check_frames([NORTH, SOUTH, EPL])


async def meddle(net):
    async with net.meddling() as drivers:
        rules = (await drivers["pe-a"].read()).rules
        flow = next(rule for rule in rules if isinstance(rule, FlowRule))
        meter = next(rule for rule in rules if isinstance(rule, MeterRule))
        group = next(rule for rule in rules if isinstance(rule, GroupRule))
        wrong = Bucket(actions=(*group.buckets[0].actions[:-1], Output(9)))
        orphan = FlowRule(
            cookie=cookie(Owner.LINE, 4711),
            table=Table.CLASSIFY,
            priority=200,
            match=Match(in_port=11, vlan=5),
            actions=(),
        )
        await write(
            drivers["pe-a"],
            Change(before=flow, after=None),
            Change(before=meter, after=replace(meter, rate_kbps=meter.rate_kbps + 1)),
            Change(before=group, after=replace(group, buckets=(wrong,))),
            Change(before=None, after=orphan),
            Change(before=None, after=FOREIGN_FLOW),
        )


def test_what_is_not_ours_is_never_touched(processes):
    with simulated(processes) as net:
        asyncio.run(put_foreign(net))
        foreign = net.tables()
        assert all(len(rules) == len(FOREIGN) for rules in foreign.values())
        net.start()
        net.apply(NORTH, EPL)
        net.apply(SOUTH)
        for node, rules in net.tables().items():
            assert set(foreign[node]) < set(rules)
        net.check_frames([NORTH, SOUTH, EPL])
        net.restart()
        net.delete(NORTH, SOUTH, EPL)
        net.until_switches_hold(foreign)


async def put_foreign(net):
    async with net.meddling() as drivers:
        for driver in drivers.values():
            await write(driver, *(Change(before=None, after=rule) for rule in FOREIGN))


@pytest.mark.parametrize("node", ["pe-a", "p-n"])
def test_a_switch_that_comes_back_empty_gets_its_rules(net, node):
    net.apply(NORTH, SOUTH, EPL)
    tables = net.tables()
    net.switches.set_switch(node, restart=True)
    net.until_switches_hold(tables)
    net.check_frames([NORTH, SOUTH, EPL])


def test_every_switch_loses_its_rules_while_the_controller_is_away(net):
    net.apply(NORTH, SOUTH, EPL)
    tables = net.tables()
    net.end()
    for node in net.topology.node:
        net.switches.set_switch(node, restart=True)
    assert net.tables() == {node: [] for node in tables}
    net.start()
    net.until_switches_hold(tables)


def test_what_is_changed_while_a_switch_is_away_is_there_when_it_comes_back(net):
    net.apply(NORTH, SOUTH)
    net.switches.set_switch("p-n", connected=False)
    until(lambda: "p-n" not in net.connected(), "the switch to leave")
    away_from_it = replace(EPL, avoid=SOUTH.avoid)
    net.apply(away_from_it)
    net.switches.set_switch("p-n", connected=True)
    net.delete(NORTH)
    net.until_right()
    net.check_frames([SOUTH, away_from_it])


def test_a_second_controller_on_the_same_state_is_refused(net):
    net.apply(NORTH)
    first = net.controller
    net.launch()
    assert net.ended() == 1
    assert "another server uses it" in net.log.read_text()
    net.controller = first
    assert net.states() == {"north": ("ACTIVE", NORTH)}
