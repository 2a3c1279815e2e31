"""Lines of every kind, admitted, failing and tried the slow way: every simple route is looked at, line after line.

Works on a ``Network`` of its own, of which it reads what is reserved and what is in service, never the mirror.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

from pair_oracle import apart, passes, value
from path_oracle import Case, all_routes, checks, random_case, random_request

from controller.domain.intents import Disjointness
from controller.domain.placement import Reservation
from controller.domain.topology import PerDirection


def mixed_batch(seed, *, count):
    """A network in some state, requests of every kind of which more fit than do not, and their orders."""
    rng = random.Random(seed)
    case = random_case(rng, rng.choice((4, 5, 5, 6)), rng.randint(7, 12), symmetric=rng.random() < 0.5)
    links = tuple(
        replace(
            one,
            capacity_bps=PerDirection(*(bps * rng.choice((1, 3, 9)) for bps in one.capacity_bps)),
            mtu_bytes=1600,
            srlgs=tuple(sorted({rng.choice("abcdef") for _ in range(rng.choice((0, 1, 1, 2)))})),
        )
        for one in case.topology.links
    )
    case = replace(case, topology=replace(case.topology, links=links))
    requests = []
    for _ in range(count):
        request = replace(random_request(rng, case), mtu_bytes=64)
        if rng.random() < 0.6:
            request = replace(request, max_delay_ns=None)
        kind = rng.choice(("plain", "plain", "via", "pair", "pair", "via pair"))
        if kind.startswith("via"):
            others = sorted({*case.topology.node} - {request.a, request.z})
            request = replace(request, via=tuple(rng.sample(others, rng.choice((1, 1, 2)))))
        if kind.endswith("pair") and request.a != request.z:
            request = replace(request, disjoint=rng.choice(tuple(Disjointness)))
        requests.append(request)
    orders = [(rng.randint(0, 2), -max(request.cir_bps)) for request in requests]
    return rng, case, requests, orders


class MixedLedger:
    """Lines by owner: (order, request, routes), in a network; a route is a ``Walked``, the working one first."""

    def __init__(self, case):
        self.case = case
        self.network = case.network()
        self.lines = {}
        self.arrivals = 0
        self._routes = {}

    def find(self, request):
        """The best route or the best pair for a request; nothing if there is none."""
        ends = request.a, request.z
        if ends not in self._routes:
            self._routes[ends] = list(all_routes(self.case, *ends))
        wanted = checks(self._now(), request)
        routes = [
            walked
            for walked in self._routes[ends]
            if passes(walked, request.via) and all(check(walked) for check in wanted)
        ]
        routes.sort(key=lambda walked: (value(walked, request.objective), len(walked.links), walked.links))
        if request.disjoint is None:
            return tuple(routes[:1])
        pairs = [pair for pair in combinations(routes, 2) if apart(*pair, request.disjoint)]
        return min(
            pairs,
            default=(),
            key=lambda pair: (
                sum(value(walked, request.objective) for walked in pair),
                sum(len(walked.links) for walked in pair),
                *(walked.links for walked in pair),
            ),
        )

    def admit(self, owner, request, order):
        routes = self.find(request)
        if routes:
            self.lines[owner] = ((*order, self.arrivals), request, routes)
            self.arrivals += 1
            self._reserve(owner)
        return routes

    def release(self, owner):
        self.network.release(owner)
        del self.lines[owner]

    def on(self, links):
        hit = [
            owner
            for owner, (_, _, routes) in self.lines.items()
            if any(not set(links).isdisjoint(walked.links) for walked in routes)
        ]
        return sorted(hit, key=lambda owner: self.lines[owner][0])

    def place_again(self, links):
        """{owner: (fate, routes)} of the lines on these links, out of service already; in their order."""
        hit = self.on(links)
        left = {owner: self._left(owner, links) for owner in hit}
        for owner in hit:
            if not left[owner]:
                self.network.release(owner)
        fates = {}
        for owner in hit:
            order, request, _ = self.lines[owner]
            if left[owner]:
                fates[owner] = ("SWITCHED", left[owner])
                continue
            routes, fate = self.find(request), "REPLACED"
            if not routes and request.disjoint is not None:
                routes, fate = self.find(replace(request, disjoint=None)), "UNPROTECTED"
            fates[owner] = (fate, routes)
            if routes:
                self.lines[owner] = (order, request, routes)
                self._reserve(owner)
            else:
                del self.lines[owner]
        return fates

    def fates(self, links, node=None):
        """After a failure of links, and of a node: ({owner: (fate, delay)}, {(link, way): excess})."""
        before = dict(self.lines)
        with self.network.trial():
            for name in links:
                self.network.set_link_up(self.network.topology.link[name], False)
            if node is not None:
                self.network.set_node_up(node, False)
            here = [owner for owner, (_, _, routes) in self.lines.items() if routes[0].nodes == (node,)]
            fates, extra = {}, {}
            placed = self.place_again(links)
            for owner, (fate, routes) in placed.items():
                request = before[owner][1]
                free = replace(request, cir_bps=PerDirection(0, 0), disjoint=None)
                if routes:
                    fates[owner] = (fate, routes[0].delay_ns)
                elif roomy := self.find(free):
                    fates[owner] = ("NO_BANDWIDTH", roomy[0].delay_ns)
                    for link, way, bps in self._takes(request, roomy[0]):
                        extra[link, way] = extra.get((link, way), 0) + bps
                elif slow := self.find(replace(free, max_delay_ns=None)):
                    fates[owner] = ("TOO_SLOW", slow[0].delay_ns)
                else:
                    fates[owner] = ("CUT_OFF", None)
            fates |= dict.fromkeys(here, ("CUT_OFF", None))
            topology = self.network.topology
            free_bps = {place: self.network.residual_bps(topology.link[place[0]], place[1]) for place in extra}
            overloads = {place: bps - free_bps[place] for place, bps in extra.items() if bps > free_bps[place]}
        self.lines = before
        return fates, overloads

    def reservations(self, owner):
        _, request, routes = self.lines[owner]
        return tuple(
            Reservation(link=link, direction=way, bps=bps)
            for walked in routes
            for link, way, bps in self._takes(request, walked)
        )

    def _left(self, owner, links):
        """The routes of a pair that a failure leaves; nothing for a line of one route."""
        routes = self.lines[owner][2]
        graph = self.network.graph
        standing = tuple(
            walked
            for walked in routes
            if set(links).isdisjoint(walked.links)
            and all(self.network.in_service(link) for link, _ in walked.crossed)
            and all(graph.nodes[name]["up"] for name in walked.nodes)
        )
        return standing if len(routes) == 2 else ()

    def _takes(self, request, walked):
        needed = request.reserved_bps(self.network.topology)
        for link, way in walked.crossed:
            yield link.name, way, needed.a_to_z
            yield link.name, way.reverse, needed.z_to_a

    def _reserve(self, owner):
        self.network.reserve(owner, self.reservations(owner))

    def _now(self):
        network, topology = self.network, self.network.topology
        up = {key: data["up"] for _, _, key, data in network.graph.edges(keys=True, data=True)}
        down = {name for name, is_up in up.items() if not is_up}
        down |= {name for name in topology.node if not network.graph.nodes[name]["up"]}
        reserved = {(link.name, way): bps for link, way, bps in network.reserved()}
        return Case(topology=topology, reserved_bps=reserved, measured_ns=self.case.measured_ns, down=frozenset(down))


def routes_of(paths):
    """What a ``Walked`` and a ``PlacedPath`` have in common."""
    return tuple((path.route.nodes, path.route.links, path.delay_ns) for path in paths)


def walks_of(routes):
    return tuple((walked.nodes, walked.links, walked.delay_ns) for walked in routes)


def everything_reserved(network):
    return {(link.name, way): bps for link, way, bps in network.reserved()}


def broken_by(case, failure):
    """The links that a failure takes."""
    name = failure.name
    return [
        link.name
        for link in case.topology.links
        if name in {"link": (link.name,), "node": (link.a, link.z), "srlg": link.srlgs}[failure.element.value]
    ]
