"""1:1: a pair of routes, both reserved and installed; the head end changes over by itself."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from installation import Installation, delivered, probes, promised
from strategies import histories, resolve, topologies

from controller.compiler.planner import Planner
from controller.domain.errors import Reason, Relaxation
from controller.domain.intents import Attachment, Disjointness, PrivateLine, Protection
from controller.domain.rules import Bucket, GroupKind, GroupRule, Output, SetTrunk
from controller.domain.topology import Link, Node, PerDirection, Role, Site, Topology

MBPS = 10**6


def link(name, a, z, ports, delay_us, srlgs=()):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=ports[0],
        z_port=ports[1],
        capacity_bps=PerDirection.both(10 * MBPS),
        delay_ns=PerDirection.both(delay_us * 1_000),
        srlgs=srlgs,
    )


# Three ways from west to east: direct, by north (in the duct of the direct one), by south; and two cables to north.
TOPOLOGY = Topology(
    name="three-ways",
    nodes=tuple(Node(name=name, role=Role.PE) for name in ("west", "east", "north", "south")),
    links=(
        link("direct", "west", "east", (1, 1), 1_000, ("duct",)),
        link("north-1", "west", "north", (2, 1), 1_000, ("duct",)),
        link("north-2", "north", "east", (2, 2), 1_000),
        link("south-1", "west", "south", (3, 1), 5_000),
        link("south-2", "south", "east", (2, 3), 5_000),
    ),
    sites=tuple(Site(name=f"{node}-{port}", node=node, port=port) for node in ("west", "east") for port in (11, 12)),
)


def line(name="gold", vlan=100, *, disjoint=None, mbps=4, **more):
    if disjoint is not None:
        more |= {"protection": Protection.ONE_TO_ONE, "disjoint": disjoint}
    return PrivateLine(
        tenant="acme",
        name=name,
        a=Attachment(site="west-11", vlan=vlan),
        z=Attachment(site="east-11", vlan=vlan),
        cir_bps=PerDirection.both(mbps * MBPS),
        **more,
    )


def changed(planner, wanted, unwanted=()):
    plan = planner.plan(wanted, unwanted)
    assert plan.feasible
    planner.adopt(plan)
    return plan


def groups(planner, node):
    return [rule for rule in planner.desired[node].values() if isinstance(rule, GroupRule)]


@pytest.mark.parametrize(
    ("disjoint", "protect"),
    [
        (Disjointness.LINK, ("north-1", "north-2")),
        (Disjointness.NODE, ("north-1", "north-2")),
        (Disjointness.SRLG, ("south-1", "south-2")),
    ],
)
def test_a_protected_line_has_two_routes_and_both_are_reserved(disjoint, protect):
    planner = Planner(TOPOLOGY)
    plan = changed(planner, [line(disjoint=disjoint)])
    working, other = plan.verdicts[0].placed.paths
    assert (working.role, working.route.links) == ("working", ("direct",))
    assert (other.role, other.route.links) == ("protect", protect)
    held = {use.link for use in plan.links if use.reserved_bps == 4 * MBPS}
    assert held == {"direct", *protect}


def test_the_head_ends_have_one_group_a_pair_that_watches_both_first_links():
    planner = Planner(TOPOLOGY)
    changed(planner, [line("one", 1, disjoint=Disjointness.LINK, mbps=1)])
    changed(planner, [line("two", 2, disjoint=Disjointness.NODE, mbps=2)])
    one, two = planner.lines.values()
    assert (one.trunk_label, one.protect_label) == (two.trunk_label, two.protect_label)
    assert len(planner.pairs) == 2
    for node, working, protect, ports in (
        ("west", one.trunk_label.a_to_z, one.protect_label.a_to_z, (1, 2)),
        ("east", one.trunk_label.z_to_a, one.protect_label.z_to_a, (1, 2)),
    ):
        (failover,) = (group for group in groups(planner, node) if group.kind is GroupKind.FAST_FAILOVER)
        assert failover.buckets == tuple(
            Bucket(actions=(SetTrunk(label), Output(port)), watch_port=port)
            for label, port in zip((working, protect), ports, strict=True)
        )


def test_a_line_that_shares_the_working_trunk_without_protection_has_the_trunks_own_group():
    planner = Planner(TOPOLOGY)
    changed(planner, [line("gold", 1, disjoint=Disjointness.LINK), line("plain", 2)])
    gold, plain = planner.lines.values()
    assert gold.trunk_label == plain.trunk_label
    changed(planner, [], [gold.line.key])
    assert not planner.pairs
    assert {group.kind for node in TOPOLOGY.node for group in groups(planner, node)} == {GroupKind.INDIRECT}
    assert len(planner.trunks) == 2


def test_protection_comes_and_goes_with_a_new_service_label_on_the_same_working_route():
    planner = Planner(TOPOLOGY)
    seen = []
    for disjoint in (None, Disjointness.LINK, Disjointness.SRLG, None):
        changed(planner, [line(disjoint=disjoint)])
        (placed,) = planner.lines.values()
        assert placed.working.route.links == ("direct",)
        seen.append(placed.service_label)
    assert len(set(seen)) == 4
    changed(planner, [], list(planner.lines))
    assert not any(planner.desired.values())


def test_both_routes_need_room():
    planner = Planner(TOPOLOGY)
    changed(planner, [line("direct", 1, mbps=8)])
    asked = line(disjoint=Disjointness.LINK)
    (verdict,) = planner.plan([asked]).verdicts
    assert [path.route.nodes[1] for path in verdict.placed.paths] == ["north", "south"]
    changed(planner, [line("south", 2, mbps=8, via=("south",))])
    (verdict,) = planner.plan([asked]).verdicts
    assert verdict.refusals[0].reason is Reason.NO_BANDWIDTH
    assert Relaxation(field="spec.protection", value="none") in verdict.refusals[0].relaxations
    changed(planner, [line()])


def test_within_one_pe_there_is_nothing_to_protect():
    planner = Planner(TOPOLOGY)
    local = PrivateLine(
        tenant="acme",
        name="local",
        a=Attachment(site="west-11"),
        z=Attachment(site="west-12"),
        cir_bps=PerDirection.both(MBPS),
        protection=Protection.ONE_TO_ONE,
    )
    changed(planner, [local])
    assert not planner.trunks
    assert not planner.pairs
    changed(planner, [], [local.key])
    assert not any(planner.desired.values())


@given(topologies(), histories, st.data())
def test_frames_take_the_protect_route_when_the_first_link_of_the_working_one_has_no_signal(topology, orders, data):
    planner, installed = Planner(topology), Installation(topology)
    for batch in orders:
        wanted, unwanted = resolve(batch, {key: placed.line for key, placed in planner.lines.items()}, topology)
        plan = planner.plan(wanted, unwanted)
        planner.adopt(plan)
        for part in plan.rounds:
            for device, changes in part.changes:
                for change in changes:
                    installed.apply(device, change)
    lines = list(planner.lines.values())
    names = [link.name for link in topology.links]
    # One link that protected lines ride first, so that something is to be seen, and others.
    first = sorted({placed.working.route.links[end] for placed in lines if placed.pairs_ridden for end in (0, -1)})
    installed.cut.update(data.draw(st.lists(st.sampled_from(names), max_size=2)))
    if first:
        installed.cut.add(data.draw(st.sampled_from(first)))
        event("a protected line is hit")
    for site, frames in probes(topology, lines, planner.trunks):
        for sent in frames:
            assert delivered(installed, site, sent) == promised(topology, lines, site, sent, installed.cut)
