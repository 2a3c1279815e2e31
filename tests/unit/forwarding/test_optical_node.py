"""Frames through OTN nodes: a chain of them between two switches, with other lines' ODUs beside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.otn import OduType, slots_taken
from controller.domain.rules import (
    Change,
    ClientEnd,
    CrossConnect,
    FlowRule,
    LineEnd,
    Match,
    Opaque,
    Output,
    Owner,
    Table,
    cookie,
    key_of,
)
from controller.domain.topology import Link, Node, PerDirection, Role, Topology
from controller.forwarding.fabric import Fabric, ForwardingLoop
from controller.forwarding.optical import ClaimedTwice, ConnectionPoint, OpticalNode, Tributary
from controller.forwarding.switch import Switch

FRAME = bytes.fromhex("020000000b01" + "020000000a01" + "0800").ljust(60, b"x")
CUSTOMER, CLIENT, WEST, EAST = 9, 50, 1, 2  # ports


def link(name, a, z, a_port, z_port, delay_ns, odu=None):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=a_port,
        z_port=z_port,
        capacity_bps=PerDirection.both(10**9),
        delay_ns=PerDirection.both(delay_ns),
        odu=odu,
    )


def chain(servers):
    """pe-a = o0 - o1 - ... = pe-z, with links between the OTN nodes of these server ODUs, and two client links at
    either end (ports 50 and 51)."""
    last = len(servers)
    optical = [f"o{number}" for number in range(last + 1)]
    return Topology(
        name="chain",
        nodes=(
            Node(name="pe-a", role=Role.PE),
            *(Node(name=name, role=Role.OTN) for name in optical),
            Node(name="pe-z", role=Role.PE),
        ),
        links=(
            link("a-1", "pe-a", "o0", 1, CLIENT, 11),
            link("a-2", "pe-a", "o0", 2, CLIENT + 1, 13),
            *(
                link(f"line-{i}", optical[i], optical[i + 1], EAST, WEST, 1_000 * (i + 1), odu)
                for i, odu in enumerate(servers)
            ),
            link("z-1", f"o{last}", "pe-z", CLIENT, 1, 17),
            link("z-2", f"o{last}", "pe-z", CLIENT + 1, 2, 19),
        ),
        hop_delay_ns=7,
        otn_node_delay_ns=600,
    )


def joined(number, odu, a, z):
    return CrossConnect(cookie=cookie(Owner.LINE, number), number=number, odu=odu, a=a, z=z)


def circuit(number, odu, client, on_links):
    """The cross-connects of an ODU along the chain, by node; ``on_links``: (tributary port, slots) of each link."""
    rules = {}
    for i in range(len(on_links) + 1):
        west = (
            ClientEnd(port=client)
            if i == 0
            else LineEnd(port=WEST, tributary_port=on_links[i - 1][0], slots=on_links[i - 1][1])
        )
        east = (
            ClientEnd(port=client)
            if i == len(on_links)
            else LineEnd(port=EAST, tributary_port=on_links[i][0], slots=on_links[i][1])
        )
        rules[f"o{i}"] = joined(number, odu, west, east)
    return rules


def edge(towards):
    """A switch that joins its customer's port to one of its client links."""
    return Switch(
        FlowRule(cookie=1, table=Table.CLASSIFY, priority=1, match=Match(in_port=here), actions=(Output(there),))
        for here, there in ((CUSTOMER, towards), (towards, CUSTOMER))
    )


def fabric(topology, *circuits, towards=1, **more):
    nodes = {"pe-a": edge(towards), "pe-z": edge(towards)}
    for node in topology.nodes:
        if node.role is Role.OTN:
            nodes[node.name] = OpticalNode(rules[node.name] for rules in circuits)
    return Fabric(topology, nodes, **more)


def crossed(topology, towards):
    """Delay of the whole chain by the words of the model: links, hops, and each OTN node once."""
    links = [found for found in topology.links if found.odu or found.name.endswith(f"-{towards}")]
    optical = sum(node.role is Role.OTN for node in topology.nodes)
    return sum(found.delay_ns.a_to_z + 7 for found in links) + 600 * optical


TWO = chain([OduType.ODU4])
FIRST = circuit(1, OduType.ODU2, CLIENT, [(3, tuple(range(1, 9)))])
SECOND = circuit(2, OduType.ODU0, CLIENT + 1, [(4, (9,))])


def test_a_frame_rides_its_odu_both_ways_and_takes_the_delay_of_each_node_once():
    through = fabric(TWO, FIRST, SECOND)
    (there,) = through.send("pe-a", CUSTOMER, FRAME)
    assert (there.node, there.port, there.frame) == ("pe-z", CUSTOMER, FRAME)
    assert there.nodes == ("pe-a", "o0", "o1", "pe-z")
    assert there.delay_ns == (11 + 1_000 + 17) + 3 * 7 + 2 * 600
    (back,) = through.send("pe-z", CUSTOMER, FRAME)
    assert (back.node, back.delay_ns) == ("pe-a", there.delay_ns)
    (beside,) = fabric(TWO, FIRST, SECOND, towards=2).send("pe-a", CUSTOMER, FRAME)
    assert (beside.node, beside.delay_ns) == ("pe-z", there.delay_ns + 2 + 2)


def test_one_node_can_join_two_client_ports():
    topology = chain([])
    hairpin = {"o0": joined(1, OduType.ODU1, ClientEnd(port=CLIENT), ClientEnd(port=CLIENT + 1))}
    (arrival,) = fabric(
        replace(topology, links=(topology.links[0], replace(topology.links[3], a_port=CLIENT + 1, z_port=1))), hairpin
    ).send("pe-a", CUSTOMER, FRAME)
    assert (arrival.node, arrival.delay_ns) == ("pe-z", 11 + 19 + 2 * 7 + 600)


def test_what_leaves_at_a_client_port_without_link_arrives_there():
    (arrival,) = fabric(replace(TWO, links=TWO.links[:3]), FIRST).send("pe-a", CUSTOMER, FRAME)
    assert (arrival.node, arrival.port, arrival.frame) == ("o1", CLIENT, FRAME)


def lost(*circuits, topology=TWO):
    through = fabric(topology, *circuits)
    return not through.send("pe-a", CUSTOMER, FRAME) and not through.send("pe-z", CUSTOMER, FRAME)


LINE = FIRST["o1"].a


@pytest.mark.parametrize(
    "far",
    [
        replace(FIRST["o1"], a=replace(LINE, tributary_port=4)),
        replace(FIRST["o1"], a=replace(LINE, slots=tuple(range(2, 10)))),
        replace(FIRST["o1"], a=replace(LINE, slots=tuple(range(1, 8)))),
        replace(FIRST["o1"], a=replace(LINE, port=EAST)),
        replace(FIRST["o1"], odu=OduType.ODU2E),
        replace(FIRST["o1"], odu=Opaque("otn:ODU9")),
        replace(FIRST["o1"], z=Opaque("a port unheard of")),
        replace(FIRST["o1"], z=ClientEnd(port=CLIENT + 1)),
    ],
)
def test_a_far_end_that_looks_for_something_else_gets_nothing(far):
    """One thing differs from what the near end sends."""
    assert not lost(FIRST)
    assert lost({**FIRST, "o1": far})


@pytest.mark.parametrize("slots", [tuple(range(1, 8)), tuple(range(74, 82)), tuple(range(8))])
def test_slots_that_the_link_has_not_or_that_do_not_hold_the_odu_carry_nothing(slots):
    """As it would be with both ends in agreement."""
    assert lost(circuit(1, OduType.ODU2, CLIENT, [(3, slots)]))


def test_ethernet_does_not_cross_a_link_of_odus_nor_an_odu_a_clients():
    in_the_clear = {
        "o0": joined(1, OduType.ODU2, ClientEnd(port=CLIENT), ClientEnd(port=EAST)),
        "o1": joined(1, OduType.ODU2, ClientEnd(port=WEST), ClientEnd(port=CLIENT)),
    }
    assert lost(in_the_clear)
    wrapped = {**FIRST, "o1": replace(FIRST["o1"], z=replace(LINE, port=CLIENT))}
    assert fabric(TWO, wrapped).send("pe-a", CUSTOMER, FRAME) == []


def test_a_link_that_is_down_carries_no_odu():
    assert fabric(TWO, FIRST, link_up=lambda link: link.odu is None).send("pe-a", CUSTOMER, FRAME) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (joined(2, OduType.ODU0, ClientEnd(port=CLIENT), ClientEnd(port=CLIENT + 1)), "port 50$"),
        (replace(SECOND["o0"], z=LineEnd(port=EAST, tributary_port=9, slots=(8,))), "slot 8 of port 2"),
        (replace(SECOND["o0"], z=LineEnd(port=EAST, tributary_port=3, slots=(9,))), "tributary port 3 of port 2"),
        (replace(FIRST["o0"], number=2), "port 50"),
        (replace(SECOND["o0"], a=Opaque("?"), z=LineEnd(port=EAST, tributary_port=9, slots=(1,))), "slot 1 of port 2"),
    ],
)
def test_two_cross_connects_that_want_the_same_are_a_fault(other, words):
    through = fabric(TWO, FIRST, {"o0": other, "o1": SECOND["o1"]})
    with pytest.raises(ClaimedTwice, match=f"cross-connect 1 .*{words}"):
        through.send("pe-a", CUSTOMER, FRAME)
    with pytest.raises(ClaimedTwice):
        through.send("pe-z", CUSTOMER, FRAME)


def test_a_cross_connect_that_wants_its_own_end_twice_is_a_fault():
    node = OpticalNode([joined(1, OduType.ODU0, ClientEnd(port=5), ClientEnd(port=5))])
    with pytest.raises(ClaimedTwice):
        node.receive(5, None)


def test_the_same_slots_of_another_port_are_others():
    east, west = LineEnd(port=EAST, tributary_port=1, slots=(1,)), LineEnd(port=WEST, tributary_port=1, slots=(1,))
    node = OpticalNode([joined(1, OduType.ODU0, west, east)])
    inside = Tributary(odu=OduType.ODU0, tributary_port=1, slots=(1,))
    assert node.receive(WEST, inside) == ConnectionPoint(EAST, inside)
    assert node.receive(EAST, inside) == ConnectionPoint(WEST, inside)


def test_a_circle_through_the_optical_layer_is_found():
    """Cross-connects join their ends in pairs and cannot make one, but a switch can send what comes by one circuit
    back into another."""
    through = fabric(TWO, FIRST, SECOND)
    for name in ("pe-a", "pe-z"):
        for here, there in ((1, 2), (2, 1)):
            flow = FlowRule(
                cookie=2, table=Table.CLASSIFY, priority=1, match=Match(in_port=here), actions=(Output(there),)
            )
            through._nodes[name].set(flow)
    with pytest.raises(ForwardingLoop, match="o0-o1"):
        through.send("pe-a", CUSTOMER, FRAME)


def test_changes_add_replace_and_remove():
    node, rule = OpticalNode(), FIRST["o0"]
    node.apply(Change(before=None, after=rule))
    moved = replace(rule, z=replace(rule.z, slots=tuple(range(11, 19))))
    node.apply(Change(before=rule, after=moved))
    assert list(node.rules.values()) == [moved]
    inside = Tributary(odu=rule.odu, tributary_port=3, slots=tuple(range(11, 19)))
    assert node.receive(CLIENT, None) == ConnectionPoint(EAST, inside)
    assert node.receive(EAST, Tributary(odu=rule.odu, tributary_port=3, slots=rule.z.slots)) is None
    node.apply(Change(before=moved, after=None))
    node.remove(key_of(moved))
    assert not node.rules
    assert node.receive(CLIENT, None) is None


def test_a_rule_of_a_switch_is_none_of_an_otn_node():
    with pytest.raises(TypeError, match="cross-connects only"):
        OpticalNode([FlowRule(cookie=1, table=Table.CLASSIFY, priority=1, match=Match(in_port=1), actions=())])


@st.composite
def laid_out(draw):
    """(topology, two circuits along it that share nothing)."""
    servers = draw(st.lists(st.sampled_from([OduType.ODU2, OduType.ODU3, OduType.ODU4]), min_size=1, max_size=4))
    fitting = [
        odu
        for odu in OduType
        if all((slots_taken(odu, server) or 99) * 2 <= server.tributary_slots for server in servers)
    ]
    odus = [draw(st.sampled_from(fitting)) for _ in range(2)]
    on_links = ([], [])
    for server in servers:
        free = draw(st.permutations(range(1, server.tributary_slots + 1)))
        numbers = draw(st.permutations(range(1, server.tributary_slots + 1)))
        for which, odu in enumerate(odus):
            taken = slots_taken(odu, server)
            on_links[which].append((numbers[which], tuple(sorted(free[:taken]))))
            free = free[taken:]
    topology = chain(servers)
    return topology, circuit(1, odus[0], CLIENT, on_links[0]), circuit(2, odus[1], CLIENT + 1, on_links[1])


@given(laid_out(), st.sampled_from([1, 2]), st.sampled_from(["pe-a", "pe-z"]))
def test_circuits_that_share_nothing_carry_each_its_own_frames(layout, towards, start):
    topology, first, second = layout
    (arrival,) = fabric(topology, first, second, towards=towards).send(start, CUSTOMER, FRAME)
    ends = ("pe-a", "pe-z")
    assert arrival.node == ends[start == "pe-a"]
    assert (arrival.port, arrival.frame) == (CUSTOMER, FRAME)
    names = tuple(node.name for node in topology.nodes)
    assert arrival.nodes == (names if start == "pe-a" else names[::-1])
    assert arrival.delay_ns == crossed(topology, towards)


@given(laid_out(), st.data())
def test_a_circuit_without_one_of_its_cross_connects_carries_nothing(layout, data):
    topology, first, second = layout
    gone = data.draw(st.sampled_from(sorted(first)))
    through = fabric(topology, first, second)
    through._nodes[gone].remove(key_of(first[gone]))
    for start in ("pe-a", "pe-z"):
        assert through.send(start, CUSTOMER, FRAME) == []
        assert len(fabric(topology, first, second, towards=2).send(start, CUSTOMER, FRAME)) == 1
