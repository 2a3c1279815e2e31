"""What others use is not given out: labels, numbers, customer ports, links; and is again once it is released."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running.controllers import RING
from running.lines import line

from controller.compiler.planner import Planner
from controller.compiler.pools import Pool, PoolExhausted
from controller.compiler.undo import UndoLog
from controller.documents import load_topology
from controller.domain.errors import InvalidInput, Reason
from controller.domain.foreign import ForeignRule, PortUse, foreign_flow, foreign_number
from controller.domain.rules import (
    Bucket,
    FlowRule,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Opaque,
    Output,
    Police,
    SetTrunk,
    SetVlan,
    Table,
    Wrap,
)

TOPOLOGY = load_topology(RING)
NORTH = line("north", "a1.100", "z1.200")


@pytest.fixture
def planner():
    return Planner(TOPOLOGY)


def flow(match, *actions, priority=500, entered=None, labels=()):
    rule = FlowRule(cookie=0xBEEF, table=Table.CLASSIFY, priority=priority, match=match, actions=actions)
    return foreign_flow(f"{match} {actions}", actions, entered, labels, rule)


VLAN_100 = flow(Match(in_port=11, vlan=100), Output(1), entered=PortUse(port=11, vlan=100))
WHOLE_PORT = flow(Match(in_port=11), Output(1), entered=PortUse(port=11, vlan=None), priority=5)
TO_THE_PORT = flow(Match(mpls_label=7), Opaque("pop_mpls"), Output(11), labels=(7,))
UNTAGGED = flow(Match(mpls_label=7), SetVlan(9), Output(1), entered=PortUse(port=11, vlan=0))


@pytest.mark.parametrize("rule", [VLAN_100, WHOLE_PORT, TO_THE_PORT])
def test_a_port_or_vlan_in_use_is_refused_and_the_message_says_by_whom(planner, rule):
    planner.set_aside({"pe-a": [rule]})
    with pytest.raises(InvalidInput) as refused:
        planner.plan([line("other", "a2.1", "z2.1"), NORTH])
    (fault,) = refused.value.faults
    assert (fault.reason, fault.field, fault.document) == (Reason.VLAN_IN_USE, "spec.a.vlan", 1)
    assert f"pe-a: {rule.words}" in fault.message
    planner.set_aside({})
    assert planner.plan([NORTH]).feasible


@pytest.mark.parametrize("rule", [VLAN_100, UNTAGGED])
def test_other_vlans_of_the_port_are_free_but_the_whole_port_is_not(planner, rule):
    planner.set_aside({"pe-a": [rule]})
    assert planner.plan([line("beside", "a1.101", "z1.101")]).feasible
    with pytest.raises(InvalidInput, match="the port of site a1 is in use by a rule that is not ours"):
        planner.plan([line("whole", "a1", "z1")])


def test_the_same_port_of_another_device_is_free(planner):
    planner.set_aside({"p-n": [WHOLE_PORT]})
    assert planner.plan([NORTH]).feasible


def test_a_line_that_is_there_stays_and_may_change_but_not_over_somebody_elses_rule(planner):
    planner.adopt(planner.plan([NORTH]))
    faster = replace(NORTH, cir_bps=type(NORTH.cir_bps).both(5_000_000))
    planner.set_aside({"pe-a": [TO_THE_PORT]})
    assert planner.plan([faster]).feasible
    planner.set_aside({"pe-a": [VLAN_100]})
    assert planner.plan([NORTH]).rounds == ()
    with pytest.raises(InvalidInput, match="VLAN 100 of site a1 is in use"):
        planner.plan([faster])
    planner.adopt(planner.plan([], [NORTH.key]))
    assert not planner.lines


def test_labels_are_kept_in_the_whole_network_and_numbers_on_their_device(planner):
    first = planner.plan([NORTH]).movement
    trunks = [trunk.label for trunk in first.trunks_in]
    (placed,) = first.lines_in
    odd = placed.service_label.a_to_z + 1  # a shim label: its service label is kept, too
    foreign = [
        flow(Match(mpls_label=trunks[0]), Output(3), labels=(trunks[0],)),
        flow(Match(in_port=3, vlan=3), Wrap(odd), SetTrunk(trunks[1]), Output(3), entered=PortUse(port=3, vlan=3)),
        foreign_number(MeterRule(meter_id=placed.meter_id.a_to_z, rate_kbps=1, burst_kbits=1)),
        foreign_number(
            GroupRule(
                group_id=first.trunks_in[0].group_id,
                kind=GroupKind.SELECT,
                buckets=(Bucket(actions=(SetTrunk(9_999), Output(7))),),
            )
        ),
    ]
    planner.set_aside({"pe-a": foreign, "p-s": [flow(Match(), Output(3), labels=(placed.service_label.z_to_a,))]})
    again = planner.plan([NORTH]).movement
    (moved,) = again.lines_in
    assert not {trunk.label for trunk in again.trunks_in} & {*trunks, 9_999}
    assert not set(moved.service_label) & set(placed.service_label)
    assert moved.meter_id.a_to_z != placed.meter_id.a_to_z
    assert moved.meter_id.z_to_a == placed.meter_id.z_to_a  # pe-z's numbers are its own
    at_a = {trunk.group_id for trunk in again.trunks_in if trunk.route.nodes[0] == "pe-a"}
    assert first.trunks_in[0].group_id not in at_a
    planner.set_aside({})
    assert planner.plan([NORTH]).movement == first


@pytest.mark.parametrize(
    ("match", "priority", "taken"),
    [
        (Match(in_port=1), 300, True),
        (Match(in_port=1, ethertype=0x8847), 301, True),
        (Match(), 65535, True),
        (Match(in_port=1), 299, False),  # below ours: our frames meet our rules first
        (Match(in_port=1, ethertype=0x0800), 500, False),
        (Match(in_port=1, mpls_label=5), 500, False),
        (Match(in_port=2), 500, True),  # the link beyond
        (Match(in_port=3), 500, False),  # no link
    ],
)
def test_a_link_whose_frames_somebody_else_takes_is_out_of_use(planner, match, priority, taken):
    """p-n's ports 1 and 2 lead to pe-a and pe-z; the northern way is the shorter one."""
    planner.adopt(planner.plan([line("there", "a1.1", "z1.1")]))
    planner.set_aside({"p-n": [flow(match, priority=priority)]})
    plan = planner.plan([line("there", "a1.1", "z1.1"), NORTH])
    there, new = plan.verdicts
    assert there.placed.working.route.nodes[1] == "p-n"
    assert ("p-n" in new.placed.working.route.nodes) is not taken
    planner.set_aside({})
    assert planner.plan([NORTH]).verdicts[0].placed.working.route.nodes[1] == "p-n"


def test_what_a_flow_sends_to_a_port_is_known_as_far_as_it_can_be():
    def sent(*actions, entered=None):
        return set(foreign_flow("", actions, entered, (), None).ports)

    tagged = PortUse(port=11, vlan=5)
    assert sent(Police(1), Output(2), entered=tagged) == {tagged, PortUse(port=2, vlan=5)}
    assert sent(SetVlan(6), Output(2), entered=tagged) == {tagged, PortUse(port=2, vlan=6)}
    assert sent(Opaque("push_vlan"), SetVlan(7), Output(2)) == {PortUse(port=2, vlan=7)}
    assert sent(Opaque("pop_vlan"), Output(2), entered=tagged) == {tagged, PortUse(port=2, vlan=None)}
    assert sent(Opaque("output:NORMAL"), entered=None) == set()


@given(
    used=st.sets(st.integers(0, 19)),
    aside=st.sets(st.integers(-5, 40)),
    step=st.sampled_from([1, 2]),
)
def test_a_pool_gives_everything_but_what_is_used_or_set_aside(used, aside, step):
    pool = Pool(0, 19, UndoLog(), step=step)
    shares = {number - number % step for number in used}
    pool.hold(shares)
    pool.set_aside(aside)
    taken = set()
    while True:
        try:
            taken.add(pool.take())
        except PoolExhausted:
            break
    free = {share for share in range(0, 20, step) if not {*range(share, share + step)} & aside}
    assert taken == free - shares
    pool.set_aside(())
    assert set(range(0, 20, step)) - shares - taken == {
        pool.take() for _ in range(20 // step - len(shares) - len(taken))
    }


def test_a_rule_without_place_or_use_holds_nothing(planner):
    planner.set_aside({"pe-a": [ForeignRule(kind="flow", words="flow table=9: any frame -> drop")]})
    assert planner.plan([NORTH]).feasible
