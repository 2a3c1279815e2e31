"""What failures would do to planned lines: fates, delays, overloads and lines at risk, on a network where all of it can
be told by hand; and names of failures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import topologies

from controller.compiler.failures import failures_to_try, named_failure
from controller.compiler.planner import Planner
from controller.compiler.whatif import ENDED, Laid, Toll
from controller.domain.errors import InvalidInput
from controller.domain.intents import Attachment, PrivateLine, Protection
from controller.domain.placement import Reservation
from controller.domain.topology import Direction, Link, Node, PerDirection, Role, Site, Topology
from controller.paths.network import Network
from controller.paths.snapshot import bring, snapshot
from controller.paths.whatif import Element, Failure, Overload

MS = 10**6
MBPS = 10**6


def link(name, a, z, ms, mbps=100, srlgs=()):
    number = sum(map(ord, name))
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=number,
        z_port=number,
        capacity_bps=PerDirection.both(mbps * MBPS),
        delay_ns=PerDirection.both(ms * MS),
        srlgs=srlgs,
    )


def net(*links, hop_delay_ns=0):
    """Two PEs with three sites each, ``w`` and ``e``, and P nodes."""
    nodes = sorted({end for one in links for end in (one.a, one.z)})
    return Topology(
        name="net",
        nodes=tuple(Node(name=name, role=Role.PE if name in "we" else Role.P) for name in nodes),
        links=links,
        sites=tuple(Site(name=f"{node}{port}", node=node, port=port) for node in "we" for port in (1, 2, 3)),
        hop_delay_ns=hop_delay_ns,
    )


def order(name, number, mbps, ms=None, priority=4, ends="we"):
    a, z = ends
    return PrivateLine(
        tenant="t",
        name=name,
        a=Attachment(site=f"{a}{number}"),
        z=Attachment(site=f"{z}{number if a != z else number + 1}"),
        cir_bps=PerDirection.both(mbps * MBPS),
        max_delay_ns=None if ms is None else ms * MS,
        priority=priority,
    )


def tried(topology, lines, *fail):
    """The impacts, by name."""
    planner = Planner(topology)
    plan = planner.plan(lines)
    assert plan.feasible
    planner.adopt(plan)
    laid = Laid(planner.snapshot(), planner.lines)
    return {impact.name: impact for impact in laid.impacts(failures_to_try(fail, topology))}


# A short way in the north, one of 60 Mbps in the south.
SQUARE = net(
    link("w-n", "w", "n", 1, srlgs=("duct",)),
    link("n-e", "n", "e", 1),
    link("w-s", "w", "s", 3, mbps=60, srlgs=("duct",)),
    link("s-e", "s", "e", 3, mbps=60),
)
FIRST, FAST, WIDE = order("first", 1, 40, priority=0), order("fast", 2, 10, ms=5), order("wide", 3, 50)


def fates(impact):
    return {line.key.name: line.fate for line in impact.lines}


def test_every_fate_is_told_in_the_order_of_the_lines():
    impacts = tried(SQUARE, [WIDE, FAST, FIRST])
    north = impacts["link/w-n"]
    assert fates(north) == {"first": "REPLACED", "wide": "NO_BANDWIDTH", "fast": "DELAY_BOUND_UNREACHABLE"}
    assert [line.key.name for line in north.lines] == ["first", "wide", "fast"]
    first, wide, fast = north.lines
    assert [one.before_ns.a_to_z for one in north.lines] == [2 * MS] * 3
    assert [one.after_ns.a_to_z for one in (first, wide, fast)] == [6 * MS] * 3
    assert (north.worst_delay_ns, north.worst_extra_delay_ns) == (6 * MS, 4 * MS)
    assert north.fates["REPLACED"] == north.fates["NO_BANDWIDTH"] == north.fates["DELAY_BOUND_UNREACHABLE"] == 1
    assert sum(north.fates.values()) == 3
    # 40 are placed there and 50 would go there, of 60.
    assert set(north.overloads) == {
        Overload(link=name, direction=direction, excess_bps=30 * MBPS)
        for name in ("w-s", "s-e")
        for direction in Direction
    }
    assert impacts["link/w-s"].lines == ()
    assert set(fates(impacts["srlg/duct"]).values()) == {"NO_PATH"}
    assert impacts["srlg/duct"].worst_delay_ns is None
    assert [line.after_ns for line in impacts["srlg/duct"].lines] == [None] * 3
    assert set(fates(impacts["node/w"]).values()) == {ENDED}


def test_lines_at_risk_are_those_that_some_failure_takes_down_between_standing_ends():
    toll = Toll()
    for impact in tried(SQUARE, [WIDE, FAST, FIRST]).values():
        toll.add(impact)
    told = [(line.key.name, line.hit_by, line.lost_by, line.lost_to) for line in toll.at_risk()]
    all_of_north = ["link/n-e", "link/w-n", "node/n", "srlg/duct"]
    assert told == [("fast", 6, 4, all_of_north), ("wide", 6, 4, all_of_north), ("first", 6, 1, ["srlg/duct"])]


def test_a_joint_failure_hits_a_line_once():
    impacts = tried(SQUARE, [FIRST], "w-n", "n", "node/s")
    (impact,) = impacts.values()
    assert impact.failure == (
        Failure(element=Element.LINK, name="w-n"),
        Failure(element=Element.NODE, name="n"),
        Failure(element=Element.NODE, name="s"),
    )
    assert fates(impact) == {"first": "NO_PATH"}


def test_a_line_within_one_node_ends_with_it():
    impacts = tried(SQUARE, [order("local", 1, 10, ends="ww")])
    assert {name: fates(impact) for name, impact in impacts.items() if impact.lines} == {"node/w": {"local": ENDED}}


def test_a_line_by_way_of_a_node_is_placed_again_by_way_of_it():
    ring = net(*SQUARE.links, link("n-s", "n", "s", 1))
    line = PrivateLine(
        tenant="t",
        name="via",
        a=Attachment(site="w1"),
        z=Attachment(site="e1"),
        cir_bps=PerDirection.both(MBPS),
        via=("s",),
    )
    impacts = tried(ring, [line])
    assert fates(impacts["link/s-e"]) == {"via": "REPLACED"}
    assert impacts["link/s-e"].lines[0].after_ns.a_to_z == (3 + 1 + 1) * MS
    assert fates(impacts["node/s"]) == {"via": "NO_PATH"}


def test_what_others_hold_and_what_is_out_of_service_stays_so():
    planner = Planner(SQUARE)
    planner.adopt(planner.plan([FIRST]))
    network = Network(SQUARE)
    bring(network, planner.snapshot())
    network.set_link_up(SQUARE.link["s-e"], False)
    laid = Laid(snapshot(network), planner.lines)
    (impact,) = laid.impacts(failures_to_try(["w-n"], SQUARE))
    assert fates(impact) == {"first": "NO_PATH"}


@given(topologies(), st.data())
def test_a_copy_is_what_the_network_is_whatever_either_went_through(topology, data):
    network, copy = Network(topology), Network(topology)
    for _ in range(3):
        for one in topology.links:
            network.set_link_up(one, data.draw(st.booleans()))
            network.set_link_enabled(one, data.draw(st.booleans()))
            for direction in Direction:
                network.set_measured_delay(one, direction, data.draw(st.none() | st.integers(0, 10**9)))
                owner = (data.draw(st.integers(0, 1)), one.name, direction)
                if network.holds(owner):
                    network.release(owner)
                bps = data.draw(st.integers(0, network.residual_bps(one, direction)))
                network.reserve(owner, [Reservation(link=one.name, direction=direction, bps=bps)])
        for node in topology.nodes:
            network.set_node_up(node.name, data.draw(st.booleans()))
        bring(copy, snapshot(network))
        assert snapshot(copy) == snapshot(network)
        assert (copy.mirror.arcs == network.mirror.arcs).all()


# Names


LIKE = net(
    link("w-n", "w", "n", 1, srlgs=("n", "duct")), link("n", "n", "e", 1, srlgs=("duct",)), link("n/e", "n", "e", 1)
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["w"], [("node", "w")]),
        (["w-n", "duct"], [("link", "w-n"), ("srlg", "duct")]),
        (["w-n", "link/w-n"], [("link", "w-n")]),
        (["link/n", "node/n", "srlg/n"], [("link", "n"), ("node", "n"), ("srlg", "n")]),
        (["n/e"], [("link", "n/e")]),
    ],
)
def test_names_of_what_fails(names, expected):
    assert [(str(one.element), one.name) for one in named_failure(names, LIKE)] == expected


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("n", "INVALID_VALUE", "'n' names several things: write link/n or node/n or srlg/n"),
        ("w-m", "REFERENCE_NOT_FOUND", "there is no link, node or SRLG 'w-m' in the topology; did you mean 'w-n'?"),
        ("node/duct", "REFERENCE_NOT_FOUND", "there is no node 'duct' in the topology"),
        ("srlg/dukt", "REFERENCE_NOT_FOUND", "there is no SRLG 'dukt' in the topology; did you mean 'duct'?"),
        ("", "REFERENCE_NOT_FOUND", "there is no link, node or SRLG '' in the topology"),
    ],
)
def test_names_that_do_not_say_what_fails(name, reason, message):
    with pytest.raises(InvalidInput) as caught:
        named_failure(["w", name], LIKE)
    (fault,) = caught.value.faults
    assert (fault.field, fault.reason, fault.message) == ("fail[1]", reason, message)


def test_without_a_name_everything_is_tried_alone():
    names = [[(str(part.element), part.name) for part in one] for one in failures_to_try([], LIKE)]
    assert names == [
        *([("link", name)] for name in ("n", "n/e", "w-n")),
        *([("node", name)] for name in ("e", "n", "w")),
        *([("srlg", name)] for name in ("duct", "n")),
    ]


def test_a_protected_line_switches_to_the_route_that_is_left():
    planned = PrivateLine(
        tenant="t",
        name="pair",
        a=Attachment(site="w1"),
        z=Attachment(site="e1"),
        cir_bps=PerDirection.both(10 * MBPS),
        protection=Protection.ONE_TO_ONE,
    )
    local = replace(planned, name="local", a=Attachment(site="w2"), z=Attachment(site="w3"))
    impacts = tried(SQUARE, [planned, local])
    working = impacts["link/w-n"]
    assert fates(working) == {"pair": "SWITCHED"}
    assert [line.after_ns.a_to_z for line in working.lines if line.survives] == [6 * MS]
    assert fates(impacts["link/s-e"]) == {"pair": "SWITCHED"}
    assert impacts["link/s-e"].worst_extra_delay_ns == 0
    assert fates(impacts["srlg/duct"]) == {"pair": "NO_PATH"}
    assert fates(impacts["node/w"]) == {"pair": ENDED, "local": ENDED}
