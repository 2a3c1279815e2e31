"""A topology that has changed, and the lines that were placed before it did."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import batches, resolve, topologies

from controller.compiler.planner import Planner
from controller.compiler.stranded import leaving, stranded, unmarked_rules
from controller.domain.errors import Reason
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.rules import FlowRule, key_of
from controller.domain.topology import (
    Link,
    NetconfDevice,
    Node,
    OpenFlowDevice,
    PerDirection,
    Role,
    Site,
    SiteService,
    Topology,
)
from controller.paths.network import ReservationError

MBPS = 10**6


def link(name, a, z, ports, mbps=20):
    capacity, delay = PerDirection.both(mbps * MBPS), PerDirection.both(10**6)
    return Link(name=name, a=a, z=z, a_port=ports[0], z_port=ports[1], capacity_bps=capacity, delay_ns=delay)


TOPOLOGY = Topology(
    name="ring",
    nodes=tuple(
        Node(name=name, role=Role.PE, device=OpenFlowDevice(datapath_id=number))
        for number, name in enumerate(("west", "east", "south"), 1)
    ),
    links=(
        link("short", "west", "east", (1, 1)),
        link("ws", "west", "south", (2, 1)),
        link("se", "south", "east", (2, 2)),
    ),
    sites=tuple(Site(name=f"{node}-1", node=node, port=11) for node in ("west", "east", "south")),
)


def line(name, a, z, vlan, mbps=5, **more):
    ends = (Attachment(site=f"{end}-1", vlan=vlan) for end in (a, z))
    return PrivateLine(
        tenant="acme", name=name, **dict(zip("az", ends, strict=True)), cir_bps=PerDirection.both(mbps * MBPS), **more
    )


@pytest.fixture
def planner():
    """big, small and first ride ``short`` (12 + 5 + 2 of 20 Mbps); other rides ``ws``."""
    planner = Planner(TOPOLOGY)
    plan = planner.plan(
        [
            line("big", "west", "east", 1, mbps=12),
            line("small", "east", "west", 2),
            line("first", "west", "east", 3, mbps=2, priority=0),
            line("other", "west", "south", 4),
        ]
    )
    assert plan.feasible
    planner.adopt(plan)
    return planner


def changed(kind, name, **fields):
    """The topology with fields of one thing replaced; without fields: without the thing."""
    things = [
        replace(thing, **fields) if thing.name == name else thing
        for thing in getattr(TOPOLOGY, kind)
        if fields or thing.name != name
    ]
    return replace(TOPOLOGY, **{kind: tuple(things)})


def without_node(name):
    topology = changed("nodes", name)
    return replace(
        topology,
        links=tuple(link for link in TOPOLOGY.links if name not in (link.a, link.z)),
        sites=tuple(site for site in TOPOLOGY.sites if site.node != name),
    )


ON_SHORT = ["big", "first", "small"]
AT_EAST = ON_SHORT
NETCONF = NetconfDevice(host="h", port=830, username="u", key_file="k")


@pytest.mark.parametrize(
    ("topology", "names", "reason", "words"),
    [
        (changed("links", "short"), ON_SHORT, Reason.NO_PATH, "link short is gone"),
        (changed("links", "short", enabled=False), ON_SHORT, Reason.NO_PATH, "link short is disabled"),
        (changed("links", "short", z="south", z_port=3), ON_SHORT, Reason.NO_PATH, "link short joins west and south"),
        (changed("links", "short", mtu_bytes=1525), ON_SHORT, Reason.MTU_TOO_SMALL, "needs 1526"),
        (changed("nodes", "east", enabled=False), AT_EAST, Reason.NO_PATH, "node east is disabled"),
        (changed("nodes", "east", device=None), AT_EAST, Reason.NO_PATH, "node east is no OpenFlow switch"),
        (changed("nodes", "east", device=NETCONF), AT_EAST, Reason.NO_PATH, "node east is no OpenFlow switch"),
        (changed("sites", "east-1"), AT_EAST, Reason.REFERENCE_NOT_FOUND, "site east-1 is gone"),
        (changed("sites", "east-1", node="south", port=12), AT_EAST, Reason.NO_PATH, "site east-1 is at south now"),
        (changed("sites", "east-1", service=SiteService.INTERNET), AT_EAST, Reason.INVALID_VALUE, "service internet"),
        (without_node("south"), ["other"], Reason.REFERENCE_NOT_FOUND, "site south-1 is gone"),
        # Room for 14 of 19 Mbps: those stay that would be planned first, by priority and then by size.
        (
            changed("links", "short", capacity_bps=PerDirection.both(14 * MBPS)),
            ["small"],
            Reason.NO_BANDWIDTH,
            "link short has 0bps left",
        ),
        (
            changed("links", "short", capacity_bps=PerDirection(20 * MBPS, 8 * MBPS)),
            ["big"],
            Reason.NO_BANDWIDTH,
            "6Mbps left zToA now, the line holds 12Mbps",
        ),
    ],
)
def test_what_strands_whom_and_why(planner, topology, names, reason, words):
    found = stranded(topology, planner.lines.values())
    assert [one.placed.line.name for one in found] == names
    for one in found:
        assert reason in {refusal.reason for refusal in one.refusals}
        assert words in " | ".join(refusal.message for refusal in one.refusals)


@pytest.mark.parametrize(
    "topology",
    [
        TOPOLOGY,
        changed("links", "short", capacity_bps=PerDirection.both(19 * MBPS)),
        changed("links", "short", mtu_bytes=1526),
        changed("links", "short", delay_ns=PerDirection.both(10**9), cost=99, srlgs=("flood",)),
        changed("links", "short", a_port=7, z_port=8),  # rewired: rules follow
        changed("links", "short", a="east", z="west", a_port=1, z_port=1),  # the same link, read from its other end
        changed("sites", "east-1", port=44),
        changed("nodes", "east", device=OpenFlowDevice(datapath_id=99)),  # another switch in its place
        changed("nodes", "east", region="elsewhere"),
    ],
)
def test_what_strands_nobody(planner, topology):
    assert stranded(topology, planner.lines.values()) == ()
    Planner(topology, planner.lines.values(), planner.trunks.values(), planner.pairs.values())


def test_a_link_read_from_its_other_end_has_its_capacities_the_other_way_round(planner):
    turned = {"a": "east", "z": "west", "a_port": 1, "z_port": 1}
    narrow = changed("links", "short", capacity_bps=PerDirection(20 * MBPS, 8 * MBPS), **turned)
    assert [one.placed.line.name for one in stranded(narrow, planner.lines.values())] == ["big"]


def test_trunks_leave_with_their_last_line(planner):
    lines, trunks = planner.lines.values(), planner.trunks.values()
    movement = leaving(stranded(changed("links", "short"), lines), lines, trunks, ())
    assert [placed.line.name for placed in movement.lines_out] == ON_SHORT
    assert {trunk.route.links for trunk in movement.trunks_out} == {("short",)}
    one = stranded(changed("links", "short", capacity_bps=PerDirection.both(14 * MBPS)), lines)
    assert leaving(one, lines, trunks, ()).trunks_out == ()


@st.composite
def changes(draw, topology):
    """The topology after some accidents."""
    links = [link for link in topology.links if draw(st.integers(0, 5))]
    links = [
        replace(link, capacity_bps=PerDirection(*(bps // draw(st.sampled_from((1, 1, 2, 4))) for bps in both)))
        for link, both in ((link, link.capacity_bps) for link in links)
    ]
    links = [replace(link, mtu_bytes=draw(st.sampled_from((1600, 1600, 1600, 1523)))) for link in links]
    sites = [site for site in topology.sites if draw(st.integers(0, 7))]
    return replace(topology, links=tuple(links), sites=tuple(sites))


@given(topologies(), batches, st.data())
def test_what_is_not_stranded_has_its_place_and_what_is_has_none(topology, batch, data):
    topology = replace(
        topology,
        nodes=tuple(
            replace(node, device=OpenFlowDevice(datapath_id=number)) for number, node in enumerate(topology.nodes, 1)
        ),
    )
    planner = Planner(topology)
    planner.adopt(planner.plan(*resolve(batch, {}, topology)))
    lines, trunks, pairs = planner.lines, planner.trunks.values(), planner.pairs.values()
    after = data.draw(changes(topology))
    found = stranded(after, lines.values())
    movement = leaving(found, lines.values(), trunks, pairs)
    gone = {one.placed.line.key for one in found}
    staying = [placed for key, placed in lines.items() if key not in gone]
    kept = [trunk for trunk in trunks if trunk not in movement.trunks_out]
    pairs_kept = [pair for pair in pairs if pair not in movement.pairs_out]
    start = Planner(after, staying, kept, pairs_kept)  # raises when something does not fit
    for one in found:
        with pytest.raises((ReservationError, KeyError, AssertionError)):
            assert_carried(after, [*staying, one.placed], trunks, pairs)
    # Everything of theirs that a device could still hold is either a flow with its cookie or listed.
    held = {
        (device, key)
        for device, rules in planner.desired.items()
        for key, rule in rules.items()
        if key not in start.desired[device] and not isinstance(rule, FlowRule)
    }
    assert held == {(device, key_of(rule)) for device, rule in unmarked_rules(movement)}


def assert_carried(topology, lines, trunks, pairs):
    """Whether a controller could start with these lines, and each link lets them through."""
    Planner(topology, lines, trunks, pairs)
    for placed in lines:
        wrap = 22 if placed.line.is_epl else 26
        for route in placed.routes:
            for link, _ in route.hops(topology):
                assert link.mtu_bytes >= placed.line.mtu_bytes + wrap
