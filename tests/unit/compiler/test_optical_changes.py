"""Lines over the optical layer when the network changes: links that fail, and a topology file that says otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.compiler.planner import Planner
from controller.compiler.stranded import stranded
from controller.compiler.whatif import ENDED, Laid
from controller.domain.errors import Reason
from controller.domain.intents import Attachment, LayerChoice, PrivateLine, Protection
from controller.domain.otn import OduType
from controller.domain.topology import Link, NetconfDevice, Node, OpenFlowDevice, PerDirection, Role, Site, Topology
from controller.paths.whatif import Element, Failure, Fate
from controller.store.records import MOVEMENT_JSON, PLACED_JSON

GBPS, MS = 10**9, 10**6


def link(name, a, z, a_port, z_port, **more):
    more = {"delay_ns": PerDirection.both(MS), **more}
    return Link(name=name, a=a, z=z, a_port=a_port, z_port=z_port, capacity_bps=PerDirection.both(100 * GBPS), **more)


TOPOLOGY = Topology(
    name="two layers",
    nodes=(
        *(Node(name=f"pe{n}", role=Role.PE, device=OpenFlowDevice(datapath_id=n)) for n in (1, 2)),
        *(
            Node(name=f"otn{n}", role=Role.OTN, device=NetconfDevice(host="h", port=n, username="u", key_file="k"))
            for n in (1, 2, 3)
        ),
    ),
    links=(
        link("c1", "pe1", "otn1", 1, 1),
        link("d1", "pe1", "otn1", 2, 2),
        link("c2", "otn2", "pe2", 1, 1),
        link("d2", "otn2", "pe2", 2, 2),
        link("direct", "otn1", "otn2", 3, 3, odu=OduType.ODU3, srlgs=("duct",)),
        link("in", "otn1", "otn3", 4, 1, odu=OduType.ODU3),
        link("out", "otn3", "otn2", 2, 4, odu=OduType.ODU3),
    ),
    sites=tuple(Site(name=f"s{n}", node=f"pe{n}", port=11) for n in (1, 2)),
    otn_node_delay_ns=10_000,
)


def line(name="gold", vlan=1, **more):
    ends = {"a": Attachment(site="s1", vlan=vlan), "z": Attachment(site="s2", vlan=vlan)}
    more = {"layer": LayerChoice.OTN, "cir_bps": PerDirection.both(2 * GBPS), **more}
    return PrivateLine(tenant="acme", name=name, **ends, **more)


def planner_with(*lines, topology=TOPOLOGY):
    planner = Planner(topology)
    plan = planner.plan(lines)
    assert plan.feasible, plan.verdicts
    planner.adopt(plan)
    return planner


def changed(kind, name, **fields):
    things = getattr(TOPOLOGY, kind)
    kept = (
        replace(thing, **fields) if thing.name == name else thing for thing in things if fields or thing.name != name
    )
    return replace(TOPOLOGY, **{kind: tuple(kept)})


def test_a_line_crosses_both_otn_nodes_once():
    (placed,) = planner_with(line()).lines.values()
    assert placed.working.route.links == ("c1", "direct", "c2")
    assert tuple(placed.working.delay_ns) == (3 * MS + 20_000,) * 2
    assert placed.circuits[0].slots[0].slots == (1, 2)


@pytest.mark.parametrize(
    ("topology", "reason", "words"),
    [
        (changed("links", "direct"), Reason.NO_PATH, "link direct is gone"),
        (
            changed("links", "direct", odu=OduType.ODU1),
            Reason.NO_BANDWIDTH,
            "link direct does not have the slots any more",
        ),
        (changed("links", "direct", odu=OduType.ODU4), None, ""),
        (changed("links", "c2"), Reason.NO_PATH, "link c2 is gone"),
        (changed("links", "direct", enabled=False), Reason.NO_PATH, "link direct is disabled"),
        (changed("nodes", "otn2", role=Role.PE), Reason.NO_PATH, "node otn2 is no OTN node any more"),
        (changed("nodes", "otn2", device=None), Reason.NO_PATH, "node otn2 is no NETCONF device"),
        (changed("nodes", "pe1", role=Role.OTN), Reason.NO_PATH, "node pe1 is an OTN node now"),
        (replace(TOPOLOGY, otn_node_delay_ns=0), None, ""),
    ],
)
def test_what_strands_a_line_over_the_optical_layer(topology, reason, words):
    planner = planner_with(line())
    found = stranded(topology, planner.lines.values())
    if reason is None:
        assert found == ()
        Planner(topology, planner.lines.values(), planner.trunks.values(), planner.pairs.values())
        return
    assert (reason, True) in {(refusal.reason, words in refusal.message) for refusal in found[0].refusals}


@pytest.mark.parametrize(
    ("element", "name", "protection", "fate"),
    [
        (Element.LINK, "direct", Protection.NONE, Fate.CUT_OFF),
        (Element.SRLG, "duct", Protection.NONE, Fate.CUT_OFF),
        (Element.NODE, "otn1", Protection.NONE, Fate.CUT_OFF),
        (Element.NODE, "pe1", Protection.NONE, ENDED),
        (Element.LINK, "in", Protection.NONE, None),
        (Element.LINK, "direct", Protection.ONE_TO_ONE, Fate.SWITCHED),
        (Element.SRLG, "duct", Protection.ONE_TO_ONE, Fate.SWITCHED),
        (Element.NODE, "otn1", Protection.ONE_TO_ONE, Fate.CUT_OFF),
    ],
)
def test_what_a_failure_does_to_a_line_over_the_optical_layer(element, name, protection, fate):
    planner = planner_with(line(protection=protection))
    (impact,) = Laid(planner.snapshot(), planner.lines).impacts([(Failure(element=element, name=name),)])
    assert [one.fate for one in impact.lines] == ([] if fate is None else [str(fate)])
    if fate is Fate.SWITCHED:
        assert tuple(impact.lines[0].after_ns) == (4 * MS + 30_000,) * 2


def test_a_line_moves_to_new_circuits_beside_the_old():
    planner = planner_with(line())
    (before,) = planner.lines.values()
    same = planner.plan([line(cir_bps=PerDirection.both(GBPS * 24 // 10))]).verdicts[0].placed
    assert same.circuits == before.circuits
    larger = planner.plan([line(cir_bps=PerDirection.both(5 * GBPS))]).verdicts[0].placed
    assert larger.working.route.links == ("d1", "direct", "d2")
    assert larger.circuits[0].slots[0].slots == tuple(range(3, 11))
    small = planner.plan([line(cir_bps=PerDirection.both(GBPS))]).verdicts[0].placed
    assert {use.slots for circuit in small.circuits for use in circuit.slots} == {(3,)}


def test_circuits_are_stored_as_they_are():
    planner = Planner(TOPOLOGY)
    plan = planner.plan([line(protection=Protection.ONE_TO_ONE)])
    movement = MOVEMENT_JSON.validate_json(MOVEMENT_JSON.dump_json(plan.movement))
    assert movement == plan.movement
    (placed,) = movement.lines_in
    assert len(placed.circuits) == 2
    assert PLACED_JSON.validate_json(PLACED_JSON.dump_json(placed)) == placed
