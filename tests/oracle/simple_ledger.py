"""Admission, failures and what-if the simple way: one search of ``simple_search`` after the other.

Works on a ``Network`` of its own, of which it reads the graph and never the mirror.
"""

from __future__ import annotations

from dataclasses import replace

from oracle.simple_search import Budget, find

from controller.domain.placement import Reservation
from controller.domain.topology import Direction, PerDirection

PLENTY = 10**7


def reservations(network, path):
    for link, way in path.route.hops(network.topology):
        yield Reservation(link=link.name, direction=way, bps=path.reserved_bps.a_to_z)
        yield Reservation(link=link.name, direction=way.reverse, bps=path.reserved_bps.z_to_a)


class SimpleLedger:
    """Lines by owner: (order, request, path), in a network."""

    def __init__(self, network):
        self.network = network
        self.lines = {}
        self.arrivals = 0

    def admit(self, owner, request, order):
        path = find(self.network, request, Budget(PLENTY))
        if path is not None:
            self.network.reserve(owner, reservations(self.network, path))
            self.lines[owner] = ((*order, self.arrivals), request, path)
            self.arrivals += 1
        return path

    def release(self, owner):
        self.network.release(owner)
        del self.lines[owner]

    def on(self, links):
        hit = [owner for owner, (_, _, path) in self.lines.items() if not set(links).isdisjoint(path.route.links)]
        return sorted(hit, key=lambda owner: self.lines[owner][0])

    def place_again(self, hit):
        """{owner: path or None}, each placed after the other when all are released."""
        for owner in hit:
            self.network.release(owner)
        new = {}
        for owner in hit:
            order, request, _ = self.lines.pop(owner)
            path = new[owner] = find(self.network, request, Budget(PLENTY))
            if path is not None:
                self.network.reserve(owner, reservations(self.network, path))
                self.lines[owner] = (order, request, path)
        return new

    def fates(self, links, node=None):
        """After a failure of links, and of a node: ({owner: (fate, delay)}, {(link, way): excess})."""
        before = dict(self.lines)
        with self.network.trial():
            for name in links:
                self.network.set_link_up(self.network.topology.link[name], False)
            if node is not None:
                self.network.set_node_up(node, False)
            hit = self.on(links)
            here = [owner for owner, (_, _, path) in self.lines.items() if path.route.nodes == (node,)]
            new = self.place_again(hit)
            fates = {}
            extra = {}
            for owner in hit:
                _, request, _ = before[owner]
                if new[owner] is not None:
                    fates[owner] = ("REPLACED", new[owner].delay_ns)
                    continue
                free = replace(request, cir_bps=PerDirection(0, 0))
                roomy = find(self.network, free, Budget(PLENTY))
                slow = find(self.network, replace(free, max_delay_ns=None), Budget(PLENTY))
                if roomy is not None:
                    fates[owner] = ("NO_BANDWIDTH", roomy.delay_ns)
                    needed = request.reserved_bps(self.network.topology)
                    for link, way in roomy.route.hops(self.network.topology):
                        extra[link.name, way] = extra.get((link.name, way), 0) + needed.a_to_z
                        extra[link.name, way.reverse] = extra.get((link.name, way.reverse), 0) + needed.z_to_a
                elif slow is not None:
                    fates[owner] = ("TOO_SLOW", slow.delay_ns)
                else:
                    fates[owner] = ("CUT_OFF", None)
            fates |= dict.fromkeys(here, ("CUT_OFF", None))
            free_bps = {
                (link.name, way): self.network.residual_bps(link, way)
                for link in self.network.topology.links
                for way in Direction
            }
            overloads = {place: bps - free_bps[place] for place, bps in extra.items() if bps > free_bps[place]}
        self.lines = before
        return fates, overloads
