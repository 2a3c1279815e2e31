"""Real rules of others in Open vSwitch, written by ovs-ofctl: read for what they are, adopted, kept clear of."""

from __future__ import annotations

import json

import pytest
from private_ovs import PrivateOvs
from running.command import trunkline
from running.controllers import Controlled
from running.lines import line
from running.on_ovs import OvsRing
from running.processes import Processes, until

from controller.wire.errors import RemoteError

NORTH = line("north", "a1.100", "z1.200")
OTHERS = {
    "r0pe-a": (
        ("add-flow", "cookie=0x77,table=0,priority=200,in_port=11,dl_vlan=100,actions=output:2"),
        ("add-flow", "cookie=0x77,table=0,priority=90,in_port=12,vlan_tci=0x0000/0x1000,actions=output:2"),
        ("add-flow", "cookie=0x77,table=0,priority=50,mpls,mpls_label=1024,actions=output:2"),
        ("add-flow", "cookie=0x77,table=0,priority=40,ip,nw_dst=10.0.0.0/8,actions=push_vlan:0x8100,"
         "set_field:4196->vlan_vid,output:12"),
        ("add-flow", "cookie=0x77,table=0,priority=0,actions=drop"),
        ("add-meter", "meter=1,kbps,burst,band=type=drop,rate=777,burst_size=77"),
        ("add-group", "group_id=1,type=indirect,bucket=actions=output:2"),
    ),
}  # fmt: skip


@pytest.mark.lab
def test_rules_of_others_in_open_vswitch_are_adopted_and_survive():
    ovs = PrivateOvs()
    with Processes() as processes:
        ring = OvsRing(processes, ovs, 0)
        try:
            for bridge, rules in OTHERS.items():
                for command, rule in rules:
                    ovs.ofctl(command, bridge, rule)
            before = dump(ovs)
            ring.start()
            until(lambda: len(shown(ring)) == 7, "the rules to be found")
            uses = {(rule["kind"], rule.get("number")): rule for rule in shown(ring) if rule["kind"] != "flow"}
            assert set(uses) == {("meter", 1), ("group", 1)}
            flows = [rule for rule in shown(ring) if rule["kind"] == "flow"]
            used = sorted((port["site"], port.get("vlan")) for rule in flows for port in rule["customerPorts"])
            assert used == [("a1", 100), ("a2", 0), ("a2", 100)]
            assert [label for rule in flows for label in rule["labels"]] == [1024]

            assert trunkline("adopt", "--all", "--server", ring.server).code == 0
            for refused in (NORTH, line("epl", "a2", "z2"), line("vlan", "a2.100", "z2.100")):
                with pytest.raises(RemoteError, match="is in use by a rule that is not ours"):
                    ring.apply(refused)
            lines = line("a", "a1.101", "z1.101"), line("b", "a2.101", "z2.101")
            ring.until_all_take_part()
            ring.apply(*lines)
            assert 1024 not in {trunk.label for trunk in ring.saved().trunks}
            ring.check_frames(lines)
            ring.restart()
            ring.check_frames(lines)
            ring.delete(*lines)
            until(lambda: dump(ovs) == before, "our rules to be gone and theirs as they were")
        finally:
            ring.close()


def shown(ring: Controlled):
    answer = trunkline("adopt", "--server", ring.server, "-o", "json")
    assert answer.code == 0, answer
    return json.loads(answer.out)["rules"]


def dump(ovs):
    """What the bridge of pe-a holds, without counters."""
    return [
        sorted(ovs.ofctl(command, "r0pe-a", *more).splitlines()[1:])
        for command, *more in (("dump-flows", "--no-stats"), ("dump-groups",), ("dump-meters",))
    ]
