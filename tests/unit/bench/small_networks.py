"""Small random networks with all that peers may stumble over, and every simple route of them, looked at one by one."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np

from controller.bench.arcs import Arcs
from controller.bench.cases import Case
from controller.domain.topology import Link, Node, PerDirection, Role, Topology

RATES = (1, 2, 5)


def small_case(seed: int, *, parallel: bool = True, same_both_ways: bool = False) -> Case:
    """Up to seven nodes, some cut off; delays end in different powers of two, so no two routes are equally long."""
    draw = random.Random(seed)
    nodes = tuple(Node(name=f"n{number}", role=Role.P) for number in range(draw.randint(4, 7)))
    pairs = [pair for pair in combinations(range(len(nodes)), 2) if draw.random() < 0.55]
    if parallel:
        pairs += [pair for pair in pairs if draw.random() < 0.2]
    draw.shuffle(pairs)

    def free() -> PerDirection[int]:
        there = draw.choice((0, 1, 2, 5, 9))
        return PerDirection(there, there if same_both_ways else draw.choice((0, 1, 2, 5, 9)))

    links = tuple(
        Link(
            name=f"l{number:02}",
            a=f"n{a}",
            z=f"n{z}",
            a_port=number,
            z_port=number,
            capacity_bps=free(),
            delay_ns=PerDirection.both((draw.randrange(40) << 24) + (1 << number)),
            cost=draw.randint(1, 9),
        )
        for number, (a, z) in enumerate(pairs)
    )
    # Nowhere far from each other: no link is faster than its straight line.
    positions = np.array([[draw.random(), draw.random(), draw.random()] for _ in nodes])
    return Case(name="small", topology=Topology(name="small", nodes=nodes, links=links), positions_km=positions)


def link_routes(arcs: Arcs, a: int, z: int, there: int, back: int) -> list[tuple[int, ...]]:
    """All simple routes, as links, whose arcs have the rates; the shortest first."""
    leaving: dict[int, list[int]] = {}
    for arc in range(len(arcs.tails)):
        if arcs.free_bps[arc] >= there and arcs.free_bps[arc ^ 1] >= back:
            leaving.setdefault(int(arcs.tails[arc]), []).append(arc)
    found = []

    def go(node: int, seen: set[int], route: list[int]) -> None:
        if node == z:
            found.append(tuple(arc >> 1 for arc in route))
            return
        for arc in leaving.get(node, ()):
            head = int(arcs.heads[arc])
            if head not in seen:
                go(head, seen | {head}, [*route, arc])

    go(a, {a}, [])
    return sorted(found, key=lambda route: length_ns(arcs, route))


def length_ns(arcs: Arcs, route: tuple[int, ...]) -> int:
    """Both directions together."""
    return sum(int(arcs.delays_ns[2 * link]) for link in route)
