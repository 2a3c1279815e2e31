"""Networks and demand matrices of SNDlib, and private lines made from them.

Fact: nodes, positions, links, their lengths and the demand of each pair of nodes are SNDlib's (Orlowski, Pioro,
Tomaszewski, Wessaely: SNDlib 1.0, Networks 55(3), 2010), as the package topohub publishes them; a demand is one
number for a pair.

Modelled, all drawn from one seed: a unit of demand is 1 Gbps and every link has the capacity stated in
the table, so that 20 to 50 % of the lines are refused; delays are those of fibre along the link, on every third
link longer one way than the other; costs of 1 to 9, few enough for ties; ducts (SRLGs) that two links at a node
share; and what the lines ask for beside their rate.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

import networkx as nx

from controller.documents.importing.assembling import Defaults
from controller.documents.importing.reading import import_topology
from controller.documents.importing.topohub import topohub_json
from controller.domain.intents import Attachment, Disjointness, Objective, PrivateLine, Protection
from controller.domain.topology import Link, PerDirection, Topology

GBPS = 10**9
UNIT_BPS = GBPS
HOP_DELAY_NS = 10_000
OVERHEAD = Fraction(21, 20)


@dataclass(frozen=True)
class Matrix:
    """A published demand matrix: its name in topohub, and the capacity that every link is given each way."""

    name: str
    capacity_bps: int


GERMANY50 = Matrix("sndlib/germany50", 120 * GBPS)
NOBEL_EU = Matrix("sndlib/nobel-eu", 250 * GBPS)


def demands(matrix: Matrix) -> list[tuple[int, int, int]]:
    """(node, node, demand) of every pair that has one; nodes as positions in the list of nodes."""
    found = json.loads(topohub_json(matrix.name))
    place = {str(node["id"]): position for position, node in enumerate(found["nodes"])}
    return [
        (place[a], place[str(z)], round(demand))
        for a, row in found["graph"]["demands"].items()
        for z, demand in row.items()
    ]


def network(matrix: Matrix, seed: int) -> Topology:
    """The network of the matrix, one site at each node."""
    draw = random.Random(f"{seed} network")
    made = import_topology(matrix.name, Defaults(capacity_bps=matrix.capacity_bps)).topology
    ducts = _ducts(draw, made)
    return replace(
        made,
        links=tuple(replace(_drawn(draw, link), srlgs=tuple(sorted(ducts[link.name]))) for link in made.links),
        hop_delay_ns=HOP_DELAY_NS,
        overhead_factor=OVERHEAD,
    )


def _drawn(draw: random.Random, link: Link) -> Link:
    there_ns = link.delay_ns.a_to_z
    back_ns = there_ns if draw.random() < 2 / 3 else there_ns * draw.randint(101, 130) // 100 // 1000 * 1000
    delay_ns = PerDirection(there_ns, back_ns)
    return replace(link, delay_ns=draw.choice((delay_ns, delay_ns.swapped)), cost=draw.randint(1, 9))


def _ducts(draw: random.Random, topology: Topology) -> dict[str, set[str]]:
    """At every third node with three links or more, two of them leave in one duct."""
    ducts: dict[str, set[str]] = {link.name: set() for link in topology.links}
    for node in topology.nodes:
        here = [link.name for link in topology.links if node.name in (link.a, link.z)]
        if len(here) >= 3 and draw.random() < 1 / 3:
            for name in draw.sample(here, 2):
                ducts[name].add(f"duct-{node.name}")
    return ducts


def lines(matrix: Matrix, topology: Topology, seed: int) -> list[PrivateLine]:
    """A line for every demand, in no order."""
    draw = random.Random(f"{seed} lines")
    graph = nx.Graph()
    for link in topology.links:
        graph.add_edge(link.a, link.z, weight=max(link.delay_ns) + topology.hop_delay_ns)
    least_ns = dict(nx.all_pairs_dijkstra_path_length(graph))
    vlans: Counter[str] = Counter()
    made = []
    for number, (a, z, demand) in enumerate(demands(matrix)):
        ends = topology.nodes[a].name, topology.nodes[z].name
        made.append(_line(draw, topology, number, ends, demand * UNIT_BPS, least_ns[ends[0]][ends[1]], vlans))
    draw.shuffle(made)
    return made


def _line(
    draw: random.Random,
    topology: Topology,
    number: int,
    ends: tuple[str, str],
    rate_bps: int,
    least_ns: int,
    vlans: Counter[str],
) -> PrivateLine:
    """``least_ns``: about the least delay between the ends in the empty network."""
    protected = draw.random() < 0.35
    stretches = (1.5, 2, 2.5, 3) if protected else (0.95, 1, 1.1, 1.2, 1.3, 1.5, 2)
    bound_ns = round(least_ns * draw.choice(stretches)) if draw.random() < 0.6 else None
    cir_bps = PerDirection(rate_bps, rate_bps if draw.random() < 0.6 else rate_bps // draw.choice((2, 4, 10)))
    others = sorted({*topology.node} - {*ends})
    attachments = []
    for end in ends:
        vlans[end] += 1
        site = next(site.name for site in topology.sites if site.node == end)
        attachments.append(Attachment(site=site, vlan=vlans[end]))
    return PrivateLine(
        tenant=draw.choice(("acme", "globex")),
        name=f"d{number:04}",
        a=attachments[0],
        z=attachments[1],
        cir_bps=draw.choice((cir_bps, cir_bps.swapped)),
        max_delay_ns=bound_ns,
        protection=Protection.ONE_TO_ONE if protected else Protection.NONE,
        disjoint=draw.choice(tuple(Disjointness)) if protected else Disjointness.LINK,
        via=tuple(draw.sample(others, draw.choice((1, 1, 1, 2)))) if draw.random() < 0.1 else (),
        objective=draw.choice((Objective.DELAY, Objective.DELAY, Objective.COST)),
        priority=draw.choice((0, 2, 4, 4, 4, 4, 7)),
    )
