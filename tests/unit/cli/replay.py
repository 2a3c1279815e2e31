"""Judges the JSON of a plan by itself: every decision against what the decisions before it left.

Shares nothing with the product: networks and orders are values of its own (rates in bits per second, delays in
nanoseconds), and the best route is found by looking at every simple route there is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

WRAP_BYTES = 22
TAG_BYTES = 4


@dataclass
class Link:
    name: str
    ends: tuple[str, str]
    capacity_bps: tuple[int, int]
    delay_ns: tuple[int, int]
    cost: int = 1
    mtu: int = 1600
    srlgs: tuple[str, ...] = ()


@dataclass
class Net:
    nodes: dict[str, str]
    """Region by name."""
    links: list[Link]
    sites: dict[str, str]
    """Node by name."""
    hop_delay_ns: int
    overhead: Fraction


@dataclass
class Order:
    name: str
    tenant: str
    a: str
    z: str
    vlans: tuple[int, int] | None
    rate_bps: tuple[int, int]
    max_delay_ns: int | None = None
    mtu: int = 1500
    objective: str = "delay"
    priority: int = 4
    avoid: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A route with its delays; compared as routes are to be chosen."""

    rank: tuple[int, int, tuple[str, ...]]
    nodes: tuple[str, ...]
    delay_ns: tuple[int, int]

    @property
    def links(self):
        return self.rank[2]


class Replay:
    """What is left of each link, (a to z, z to a), as decisions are replayed."""

    def __init__(self, net):
        self.net = net
        self.free = {link.name: list(link.capacity_bps) for link in net.links}

    def takes(self, rate_bps):
        return tuple(ceil(rate * self.net.overhead) for rate in rate_bps)

    def best(self, order, **otherwise):
        """The route that must be chosen now; ``None``: there is none. ``otherwise`` replaces fields of the order."""
        asked = Order(**{**vars(order), **otherwise})
        routes = [found for found in self.routes(asked) if within(found.delay_ns, asked.max_delay_ns)]
        return min(routes, key=lambda found: found.rank, default=None)

    def routes(self, order):
        """Every simple route whose nodes and links qualify, whatever its delay."""
        start, end = self.net.sites[order.a], self.net.sites[order.z]
        if self.shunned(start, order):
            return
        yield from self.onward(order, end, (start,), (), (0, 0), 0)

    def onward(self, order, end, nodes, links, delay_ns, cost):
        if nodes[-1] == end:
            weight = sum(delay_ns) if order.objective == "delay" else cost
            yield Found((weight, len(links), links), nodes, delay_ns)
            return
        for link in self.net.links:
            if nodes[-1] not in link.ends:
                continue
            forward = link.ends[0] == nodes[-1]
            step = link.ends[1] if forward else link.ends[0]
            if step in nodes or self.shunned(step, order) or not self.qualifies(link, forward, order):
                continue
            there, back = link.delay_ns if forward else link.delay_ns[::-1]
            hop = self.net.hop_delay_ns
            yield from self.onward(
                order,
                end,
                (*nodes, step),
                (*links, link.name),
                (delay_ns[0] + there + hop, delay_ns[1] + back + hop),
                cost + link.cost,
            )

    def shunned(self, node, order):
        return node in order.avoid.get("nodes", ()) or self.net.nodes[node] in order.avoid.get("regions", ())

    def qualifies(self, link, forward, order):
        there, back = self.takes(order.rate_bps)
        free = self.free[link.name] if forward else self.free[link.name][::-1]
        wrap = WRAP_BYTES + (TAG_BYTES if order.vlans else 0)
        return (
            free[0] >= there
            and free[1] >= back
            and link.mtu >= order.mtu + wrap
            and link.name not in order.avoid.get("links", ())
            and not set(link.srlgs) & set(order.avoid.get("srlgs", ()))
        )

    def reserve(self, order, found):
        there, back = self.takes(order.rate_bps)
        by_name = {link.name: link for link in self.net.links}
        for node, name in zip(found.nodes, found.links, strict=False):
            forward = by_name[name].ends[0] == node
            free = self.free[name]
            free[0] -= there if forward else back
            free[1] -= back if forward else there
            assert min(free) >= 0


def within(delay_ns, bound_ns):
    return bound_ns is None or max(delay_ns) <= bound_ns


def planning_order(order):
    return (order.priority, -max(order.rate_bps), order.tenant, order.name)
