"""Routes and pairs of routes as an integer program, for networks too large to look at every route.

Shares nothing with the engine but the domain's values. What a line asks for is written down as it reads: one unit
of flow from a to z for each route, through one layer for each leg between the nodes of ``via``, no node entered
twice, no more delay each way than the bound, and no link (inner node, SRLG) on both routes. scipy's milp (HiGHS)
finds the least total of the objective and, of equal ones, of links: *length* is ``objective * HOPS + links``, and
both are whole numbers (delays in the greatest unit that divides all of them), so that gaps of the solver are far
below 1. A cycle apart from the routes only adds length, hence is in no least answer.
"""

from __future__ import annotations

from itertools import pairwise
from math import gcd

import networkx as nx
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from controller.domain.intents import Disjointness, Objective, Protection
from controller.domain.topology import Direction

WRAP_BYTES = 22
TAG_BYTES = 4
HOPS = 256
"""More than the links of two simple routes in these networks."""


class Routes:
    """Asks about lines in a topology; ``free`` is what each (link, direction) has left, in bps, and the caller's."""

    def __init__(self, topology):
        self.topology = topology
        self.free = {(link.name, way): link.capacity_bps[way] for link in topology.links for way in Direction}
        hop_ns = topology.hop_delay_ns
        self.unit_ns = gcd(hop_ns, *(delay_ns for link in topology.links for delay_ns in link.delay_ns))
        self._possible = {}

    def takes(self, line):
        """What the line takes of a link it crosses, (along the line, against it)."""
        return tuple(self.topology.reservation_bps(cir) for cir in line.cir_bps)

    def qualifying(self, line):
        """The links that the line may use, each with the way it crosses them: (link, way, tail, head)."""
        there, back = self.takes(line)
        mtu = line.mtu_bytes + WRAP_BYTES + (0 if line.is_epl else TAG_BYTES)
        node = self.topology.node
        shunned = {name for name in node if name in line.avoid.nodes or node[name].region in line.avoid.regions}
        return [
            (link, way, *link.ends(way))
            for link in self.topology.links
            if link.enabled and link.mtu_bytes >= mtu and link.name not in line.avoid.links
            if not set(link.srlgs) & set(line.avoid.srlgs)
            if all(node[end].enabled and end not in shunned for end in (link.a, link.z))
            for way in Direction
            if self.free[link.name, way] >= there and self.free[link.name, way.reverse] >= back
        ]

    def ends(self, line):
        return tuple(self.topology.site[end.site].node for end in (line.a, line.z))

    def take(self, link, way, bps):
        """Reserve ``bps`` of one direction of a link."""
        self.free[link, way] -= bps
        assert self.free[link, way] >= 0
        self._possible.clear()

    def possible(self, line):
        """Whether there is what the line asks for."""
        if line not in self._possible:
            self._possible[line] = self.least(line) is not None
        return self._possible[line]

    def least(self, line, **more):
        """The least length of what the line asks for; ``None``: there is none. ``more`` as ``Program.least``."""
        start, end = self.ends(line)
        arcs = [arc for arc in self.qualifying(line) if arc[3] != start and arc[2] != end]
        stops = (start, *line.via, end)
        arcs = self.in_reach(line, arcs, stops)
        if not arcs:
            return None
        return Program(self, line, arcs, stops).least(**more)

    def in_reach(self, line, arcs, stops):
        """Those arcs that some walk along the stops within the bound crosses; none, if there is no such walk."""
        legs = list(pairwise(stops))
        kept = set(range(len(arcs)))
        for along in (True,) if line.max_delay_ns is None else (True, False):
            ways = nx.MultiDiGraph()
            ways.add_nodes_from(stops)
            for link, way, tail, head in arcs:
                delay_ns = link.delay_ns[way if along else way.reverse] + self.topology.hop_delay_ns
                ways.add_edge(tail, head, weight=delay_ns)
            against = ways.reverse(copy=False)
            after = [nx.single_source_dijkstra_path_length(ways, leg[0]) for leg in legs]
            ahead = [nx.single_source_dijkstra_path_length(against, leg[1]) for leg in legs]
            if any(leg[1] not in known for leg, known in zip(legs, after, strict=True)):
                return []
            walk_ns = sum(known[leg[1]] for leg, known in zip(legs, after, strict=True))
            for place, (link, way, tail, head) in enumerate(arcs):
                delay_ns = link.delay_ns[way if along else way.reverse] + self.topology.hop_delay_ns
                least_ns = min(
                    (
                        walk_ns - known[leg[1]] + known[tail] + delay_ns + rest[head]
                        for leg, known, rest in zip(legs, after, ahead, strict=True)
                        if tail in known and head in rest
                    ),
                    default=None,
                )
                if least_ns is None or (line.max_delay_ns is not None and least_ns > line.max_delay_ns):
                    kept.discard(place)
        return [arcs[place] for place in sorted(kept)]

    def length(self, line, links):
        """The length of a route given by its links."""
        hop_ns = self.topology.hop_delay_ns
        crossed = [self.topology.link[name] for name in links]
        return sum(self.weight(line, link, hop_ns) for link in crossed)

    def weight(self, line, link, hop_ns):
        by_cost = line.objective is Objective.COST
        return (link.cost if by_cost else (sum(link.delay_ns) + 2 * hop_ns) // self.unit_ns) * HOPS + 1


class Program:
    """One question. Columns: flow by flow, in it layer by layer, in it arc by arc: whether that flow crosses that
    arc on that leg."""

    def __init__(self, routes, line, arcs, stops):
        self.line, self.arcs = line, arcs
        self.flows = 2 if line.protection is Protection.ONE_TO_ONE else 1
        self.layers, self.start = len(stops) - 1, stops[0]
        self.size = self.flows * self.layers * len(arcs)
        topology = routes.topology
        hop_ns = topology.hop_delay_ns
        self.weights = np.array([routes.weight(line, link, hop_ns) for link, *_ in arcs], float)
        self.delays = [
            np.array([(link.delay_ns[w if along else w.reverse] + hop_ns) / routes.unit_ns for link, w, *_ in arcs])
            for along in (True, False)
        ]
        nodes = {name: row for row, name in enumerate(topology.node)}
        enters = np.zeros((len(nodes), len(arcs)))
        leaves = np.zeros((len(nodes), len(arcs)))
        for column, (_, _, tail, head) in enumerate(arcs):
            enters[nodes[head], column] = leaves[nodes[tail], column] = 1
        names = sorted({link.name for link, *_ in arcs})
        self.on_link = np.array([[link.name == name for link, *_ in arcs] for name in names], float)
        self.rows, self.lower, self.upper = [], [], []
        for flow in range(self.flows):
            for layer in range(self.layers):
                wanted = np.zeros(len(nodes))
                wanted[nodes[stops[layer]]] += 1
                wanted[nodes[stops[layer + 1]]] -= 1
                self.keep(self.of(leaves - enters, flow, layer), wanted, wanted)
            self.keep(self.of(enters, flow), 0, 1)
            if line.max_delay_ns is not None:
                most = line.max_delay_ns // routes.unit_ns
                for delays in self.delays:  # whole numbers: half a unit more admits nothing more
                    self.keep(self.of(delays[None], flow), -np.inf, most + 0.5)
        if self.flows == 2:
            inner = [row for name, row in nodes.items() if name not in (stops[0], stops[-1])]
            self.apart(enters[inner], topology)

    def apart(self, enters, topology):
        """What the two routes must not have in common."""
        self.keep(self.of(self.on_link, 0) + self.of(self.on_link, 1), 0, 1)
        if self.line.disjoint is Disjointness.NODE:
            self.keep(self.of(enters, 0) + self.of(enters, 1), 0, 1)
        if self.line.disjoint is Disjointness.SRLG:
            for srlg in sorted({srlg for link in topology.links for srlg in link.srlgs}):
                inside = [column for column, (link, *_) in enumerate(self.arcs) if srlg in link.srlgs]
                for one in inside:
                    for other in inside:
                        pick, beside = np.zeros((2, 1, len(self.arcs)))
                        pick[0, one] = beside[0, other] = 1
                        self.keep(self.of(pick, 0) + self.of(beside, 1), 0, 1)

    def of(self, rows, flow, layer=None):
        """Rows over arcs as rows over all columns: for one flow, in one layer of it or in all."""
        wide = np.zeros((len(rows), self.size))
        for one in range(self.layers) if layer is None else (layer,):
            begin = (flow * self.layers + one) * len(self.arcs)
            wide[:, begin : begin + len(self.arcs)] = rows
        return wide

    def keep(self, rows, lower, upper):
        self.rows.append(rows)
        self.lower.append(np.broadcast_to(lower, len(rows)))
        self.upper.append(np.broadcast_to(upper, len(rows)))

    def least(self, *, other_than=None, before=None):
        """The least length; of any answer, of any but the routes ``other_than``, or of one ``before`` others.

        ``before``: (flow, routes, place): all routes of lower number than ``flow`` are as in ``routes``, this one as
        far as its link ``place``, where it takes one with a smaller name.
        """
        if other_than is not None:
            picks = [self.of(self.along(links), flow).sum(0)[None] for flow, links in enumerate(other_than)]
            self.keep(sum(picks), 0, sum(map(len, other_than)) - 1)
        if before is not None:
            flow, routes, place = before
            for one, links in enumerate(routes[: flow + 1]):
                same = links[:place] if one == flow else links
                self.keep(self.of(self.along(same), one), 1, 1)
            smaller = self.smaller(routes[flow], place)
            if not smaller.any():
                return None
            self.keep(self.of(smaller[None], flow), 1, 1)
        if self.flows == 2 and (other_than is not None or before is not None):
            # The working route is the shorter one.
            self.keep(self.of(self.weights[None], 1) - self.of(self.weights[None], 0), 0, np.inf)
        weights = np.tile(self.weights, self.flows * self.layers)
        found = milp(
            weights,
            integrality=np.ones(self.size),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(np.vstack(self.rows), np.concatenate(self.lower), np.concatenate(self.upper)),
            options={"mip_rel_gap": 0},
        )
        if found.status == 2:
            return None
        assert found.status == 0, found.message
        return round(weights @ np.round(found.x))

    def along(self, links):
        """A row for each of the links, which counts it."""
        return np.array([[link.name == name for link, *_ in self.arcs] for name in links], float).reshape(
            len(links), len(self.arcs)
        )

    def smaller(self, links, place):
        """Counts the arcs that leave the node before the link at ``place`` and have a smaller name."""
        node = self.walked(links[:place])
        return np.array([tail == node and link.name < links[place] for link, _, tail, _ in self.arcs], float)

    def walked(self, links):
        """Where one is after these links from the start."""
        heads = {(link.name, tail): head for link, _, tail, head in self.arcs}
        node = self.start
        for name in links:
            node = heads[name, node]
        return node
