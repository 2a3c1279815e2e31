"""Rules of others on the switches: listed, kept clear of once adopted, over restarts, and never touched."""

from __future__ import annotations

import asyncio
import json

import pytest
from running.command import trunkline
from running.lines import line
from running.processes import until
from running.simulated import simulated, write

from controller.domain.errors import Reason
from controller.domain.rules import (
    Bucket,
    Change,
    FlowRule,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Output,
    SetTrunk,
    Table,
)
from controller.wire.errors import RemoteError

NORTH = line("north", "a1.100", "z1.200")
BESIDE = line("beside", "a1.101", "z1.201")

# Exactly where the rule of NORTH for its frames would stand at pe-a; labels and numbers that we would take first.
AT_OUR_PLACE = FlowRule(
    cookie=0xBEEF, table=Table.CLASSIFY, priority=200, match=Match(in_port=11, vlan=100), actions=(Output(2),)
)
OUR_FIRST_LABEL = FlowRule(
    cookie=0xBEEF, table=Table.CLASSIFY, priority=300, match=Match(in_port=1, mpls_label=1024), actions=(Output(2),)
)
METER = MeterRule(meter_id=1, rate_kbps=777, burst_kbits=77)
GROUP = GroupRule(group_id=1, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(SetTrunk(1025), Output(1))),))


@pytest.fixture
def net(processes):
    """The ring whose switches hold rules of others, under a controller."""
    with simulated(processes) as made:
        asyncio.run(put(made, {"pe-a": (AT_OUR_PLACE, METER, GROUP), "p-n": (OUR_FIRST_LABEL,)}))
        made.start()
        until_in_step(made)
        yield made


def until_in_step(net):
    until(lambda: all(one["inStep"] for one in shown(net, "status")["devices"]), "every device to be in step")


async def put(net, rules):
    async with net.meddling() as drivers:
        for node, of_node in rules.items():
            await write(drivers[node], *(Change(before=None, after=rule) for rule in of_node))


def shown(net, *arguments):
    answer = trunkline(*arguments, "--server", net.server, "-o", "json")
    assert answer.code == 0, answer
    return json.loads(answer.out)


def found(net):
    """(device, kind, found, adopted) of each rule of others."""
    rules = shown(net, "adopt")["rules"]
    return [(rule["device"], rule["kind"], rule["found"], rule["adopted"]) for rule in rules]


def foreign_tables(net):
    """What the switches hold beside what a controller without lines would have put there: the rules of others."""
    return net.in_words({"pe-a": (AT_OUR_PLACE, METER, GROUP), "p-n": (OUR_FIRST_LABEL,), "p-s": (), "pe-z": ()})


def test_what_is_found_is_listed_with_what_it_uses(net):
    rules = shown(net, "adopt")["rules"]
    assert [(rule["device"], rule["kind"]) for rule in rules] == [
        ("p-n", "flow"),
        ("pe-a", "flow"),
        ("pe-a", "group"),
        ("pe-a", "meter"),
    ]
    label, flow, group, meter = rules
    assert label["labels"] == [1024]
    assert flow["customerPorts"] == [{"site": "a1", "vlan": 100}]
    assert "cookie=0xbeef" in flow["what"]
    assert (group["number"], group["labels"]) == (1, [1025])
    assert meter["number"] == 1
    assert not any(rule["adopted"] for rule in rules)
    said = trunkline("adopt", "--server", net.server).out
    assert "site a1 VLAN 100" in said
    assert "4 not adopted: what they use may be given out" in said
    assert shown(net, "status")["devices"][2]["foreignRules"] == 3


def test_adopted_rules_are_kept_clear_of_and_never_touched(net):
    adopted = shown(net, "adopt", "--all")["rules"]
    assert all(rule["adopted"] and rule["found"] for rule in adopted)
    with pytest.raises(RemoteError) as refused:
        net.apply(NORTH)
    assert refused.value.reason == Reason.VLAN_IN_USE
    assert "cookie=0xbeef" in refused.value.message
    net.apply(BESIDE)
    (placed,) = net.saved().placed
    assert {trunk.label for trunk in net.saved().trunks}.isdisjoint({1024, 1025})
    assert placed.meter_id.a_to_z != 1
    net.check_frames([BESIDE])
    for node, rules in foreign_tables(net).items():
        assert set(rules) <= set(net.tables()[node]), node

    net.restart()  # it is on disk
    until_in_step(net)
    assert [rule[-1] for rule in found(net)] == [True] * 4
    with pytest.raises(RemoteError, match="is in use by a rule that is not ours"):
        net.apply(NORTH)
    net.delete(BESIDE)
    net.until_switches_hold(foreign_tables(net))

    assert shown(net, "adopt", "--release", "--all") == {"released": 4}
    assert [rule[-1] for rule in found(net)] == [False] * 4
    assert net.plan(NORTH).feasible
    net.restart()
    until_in_step(net)
    assert [rule[-1] for rule in found(net)] == [False] * 4


def test_one_device_is_adopted_and_another_is_not(net):
    assert {rule["device"] for rule in shown(net, "adopt", "p-n")["rules"]} == {"p-n"}
    assert [(device, adopted) for device, _, _, adopted in found(net)] == [
        ("p-n", True),
        ("pe-a", False),
        ("pe-a", False),
        ("pe-a", False),
    ]
    assert net.plan(NORTH).feasible
    assert shown(net, "adopt", "--release", "p-n") == {"released": 1}


def test_what_is_gone_from_a_switch_is_kept_until_it_is_released(net):
    shown(net, "adopt", "--all")
    net.switches.set_switch("p-n", restart=True)
    until(lambda: ("p-n", "flow", False, True) in found(net), "the rule to be gone")
    assert "adopted, gone" in trunkline("adopt", "--server", net.server).out
    net.switches.set_switch("p-n", connected=False)
    until(lambda: "p-n" not in net.connected(), "the switch to leave")
    answer = trunkline("adopt", "--server", net.server)
    assert answer.err == "not read, because not connected or not answering: p-n\n"
    assert "adopted, gone" in answer.out
    failed = trunkline("adopt", "p-n", "--server", net.server)
    assert (failed.code, failed.out) == (1, "")
    assert "DEVICE_UNREACHABLE" in failed.err


def test_a_rule_where_one_of_ours_should_stand_is_left_there_once_it_is_adopted(processes):
    """Somebody replaces a rule of ours while no controller runs; frozen, the next one leaves it, and it is adopted."""
    with simulated(processes) as net:
        net.start()
        net.apply(NORTH)
        assert trunkline("freeze", "--server", net.server).code == 0
        net.end()
        asyncio.run(put(net, {"pe-a": (AT_OUR_PLACE,)}))
        net.start()
        until(lambda: ("pe-a", "flow", True, False) in found(net), "the rule to be found")
        shown(net, "adopt", "pe-a")
        assert trunkline("freeze", "--off", "--server", net.server).code == 0
        until_in_step(net)
        (theirs,) = net.in_words({"pe-a": (AT_OUR_PLACE,)})["pe-a"]
        assert theirs in net.tables()["pe-a"]
        net.delete(NORTH)
        net.until_switches_hold({node: [theirs] if node == "pe-a" else [] for node in net.topology.node})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nobody",), "there is no device 'nobody'"),
        (("--release", "nobody"), "there is no device 'nobody'"),
        (("--release",), "name the devices to release"),
        (("--all", "pe-a"), "not both"),
    ],
)
def test_wrong_uses(net, arguments, says):
    answer = trunkline("adopt", *arguments, "--server", net.server)
    assert answer.code == 1
    assert says in answer.err
