"""Small random networks, and answers about them by brute force: every simple route is looked at.

Shares nothing with the engine but the domain's values: it reads the topology, never the working network.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from math import ceil

from hypothesis import settings
from hypothesis import strategies as st

from controller.domain.intents import Avoid, Objective
from controller.domain.placement import Reservation
from controller.domain.topology import Direction, Link, Node, PerDirection, Role, Topology
from controller.paths.network import Network
from controller.paths.request import PathRequest

REGIONS = ("north", "south")
SRLGS = ("cable-1", "cable-2")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network in some state, as plain values. ``reserved_bps`` and ``measured_ns`` are by link and direction."""

    topology: Topology
    reserved_bps: dict[tuple[str, Direction], int] = field(default_factory=dict)
    measured_ns: dict[tuple[str, Direction], int] = field(default_factory=dict)
    down: frozenset[str] = frozenset()
    """Names of links and nodes that are down."""

    def network(self) -> Network:
        held = [Reservation(link=link, direction=way, bps=bps) for (link, way), bps in self.reserved_bps.items()]
        network = Network(self.topology, {"others": held})
        for (name, direction), delay_ns in self.measured_ns.items():
            network.set_measured_delay(self.topology.link[name], direction, delay_ns)
        for name in self.down:
            if name in self.topology.link:
                network.set_link_up(self.topology.link[name], False)
            else:
                network.set_node_up(name, False)
        return network


@dataclass(frozen=True, kw_only=True)
class Walked:
    """A simple route with all that decides about it."""

    nodes: tuple[str, ...]
    links: tuple[str, ...]
    crossed: tuple[tuple[Link, Direction], ...]
    delay_ns: PerDirection[int]
    cost: int


def all_routes(case: Case, start: str, end: str) -> Iterator[Walked]:
    """Every simple route of the declared topology, whatever its state."""
    hop_ns = case.topology.hop_delay_ns

    def delay(link: Link, direction: Direction) -> int:
        return case.measured_ns.get((link.name, direction), link.delay_ns[direction]) + hop_ns

    def go_on(nodes: tuple[str, ...], crossed: tuple[tuple[Link, Direction], ...]) -> Iterator[Walked]:
        if nodes[-1] == end:
            yield Walked(
                nodes=nodes,
                links=tuple(link.name for link, _ in crossed),
                crossed=crossed,
                delay_ns=PerDirection(
                    sum(delay(link, way) for link, way in crossed),
                    sum(delay(link, way.reverse) for link, way in crossed),
                ),
                cost=sum(link.cost for link, _ in crossed),
            )
            return
        for link in case.topology.links:
            for head, tail, way in ((link.z, link.a, Direction.A_TO_Z), (link.a, link.z, Direction.Z_TO_A)):
                if tail == nodes[-1] and head not in nodes:
                    yield from go_on((*nodes, head), (*crossed, (link, way)))

    yield from go_on((start,), ())


def in_service(case: Case, walked: Walked) -> bool:
    nodes_ok = all(case.topology.node[name].enabled and name not in case.down for name in walked.nodes)
    return nodes_ok and all(link.enabled and link.name not in case.down for link, _ in walked.crossed)


def avoids(case: Case, walked: Walked, avoid: Avoid) -> bool:
    regions = {case.topology.node[name].region for name in walked.nodes} - {None}
    srlgs = {srlg for link, _ in walked.crossed for srlg in link.srlgs}
    return (
        set(avoid.nodes).isdisjoint(walked.nodes)
        and set(avoid.links).isdisjoint(walked.links)
        and srlgs.isdisjoint(avoid.srlgs)
        and regions.isdisjoint(avoid.regions)
    )


def wide_enough(case: Case, walked: Walked, request: PathRequest) -> bool:
    return all(link.mtu_bytes >= request.mtu_bytes + request.wrap_bytes for link, _ in walked.crossed)


def has_rate(case: Case, walked: Walked, cir_bps: PerDirection[int]) -> bool:
    there, back = (ceil(cir * case.topology.overhead_factor) for cir in cir_bps)

    def free(link: Link, way: Direction) -> int:
        return link.capacity_bps[way] - case.reserved_bps.get((link.name, way), 0)

    return all(free(link, way) >= there and free(link, way.reverse) >= back for link, way in walked.crossed)


def fast_enough(case: Case, walked: Walked, request: PathRequest) -> bool:
    return request.max_delay_ns is None or max(walked.delay_ns) <= request.max_delay_ns


Check = Callable[[Walked], bool]


def checks(case: Case, request: PathRequest) -> tuple[Check, ...]:
    """The constraints in the order in which a refusal names them."""
    return (
        lambda walked: in_service(case, walked),
        lambda walked: avoids(case, walked, request.avoid),
        lambda walked: wide_enough(case, walked, request),
        lambda walked: has_rate(case, walked, request.cir_bps),
        lambda walked: fast_enough(case, walked, request),
    )


def feasible_routes(case: Case, request: PathRequest) -> list[Walked]:
    """All that satisfy the request, the best first."""
    wanted = checks(case, request)
    routes = [walked for walked in all_routes(case, request.a, request.z) if all(check(walked) for check in wanted)]
    cheapest = request.objective is Objective.COST

    def key(walked: Walked) -> tuple[int, int, tuple[str, ...]]:
        return walked.cost if cheapest else sum(walked.delay_ns), len(walked.links), walked.links

    return sorted(routes, key=key)


def node(name: str, **more: object) -> Node:
    return Node(name=name, role=Role.P, **more)


def link(name: str, a: str, z: str, **more: object) -> Link:
    """A link of 10 bps and 1 ns each way unless said otherwise; an integer means both directions."""
    values = {"capacity_bps": 10, "delay_ns": 1, **more}
    for per_direction in ("capacity_bps", "delay_ns"):
        value = values[per_direction]
        values[per_direction] = PerDirection.both(value) if isinstance(value, int) else PerDirection(*value)
    return Link(name=name, a=a, z=z, a_port=1, z_port=1, **values)


def topology_of(*links: Link, nodes: tuple[Node, ...] = (), **more: object) -> Topology:
    """A topology with the nodes that its links name, and those given."""
    named = {given.name: given for given in nodes}
    for one in links:
        for end in (one.a, one.z):
            named.setdefault(end, node(end))
    return Topology(name="test", nodes=tuple(named.values()), links=links, **more)


# Drawn from one seed instead of value by value: Hypothesis likes small and equal values, and most of its networks
# would have no route of more than one link. There is little to shrink in six nodes, and a failure names its seed.
# Few different small numbers, so that ties, zero delays, parallel links and saturated links are the rule.

thorough = settings(max_examples=300, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def random_question(seed: int, *, symmetric: bool = False) -> tuple[Case, PathRequest]:
    rng = random.Random(seed)
    case = random_case(rng, rng.choice((2, 4, 5, 6, 6)), rng.randint(4, 12), symmetric=symmetric)
    return case, random_request(rng, case)


def two_resource_question(seed: int) -> tuple[Case, PathRequest]:
    """A chain of parallel links with skewed delays, some shortcuts, and a bound that one of its routes just keeps."""
    rng = random.Random(seed)
    names = [f"n{number}" for number in range(rng.randint(3, 5))]
    pairs = [*pairwise(names)] * 3 + [tuple(rng.sample(names, 2)) for _ in range(rng.randint(0, 2))]
    links = [
        link(f"l{number}", *pair, delay_ns=(rng.randint(0, 9), rng.randint(0, 9)), cost=rng.randint(0, 9))
        for number, pair in enumerate(rng.sample(pairs, len(pairs)))
    ]
    case = Case(topology=topology_of(*links, nodes=tuple(map(node, names))))
    request = PathRequest(a=names[0], z=names[-1], cir_bps=PerDirection.both(1), objective=rng.choice(tuple(Objective)))
    delays = sorted(max(walked.delay_ns) for walked in feasible_routes(case, request))
    return case, replace(request, max_delay_ns=rng.choice(delays[: len(delays) // 4 + 1]) - (rng.random() < 0.1))


def random_case(rng: random.Random, node_count: int, link_count: int, *, symmetric: bool) -> Case:
    def per_direction(least: int, most: int, *, equal: bool = False) -> PerDirection[int]:
        there = rng.randint(least, most)
        return PerDirection(there, there if equal or rng.random() < 0.3 else rng.randint(least, most))

    names = [f"n{number}" for number in range(node_count)]
    nodes = [node(name, region=rng.choice((None, None, *REGIONS)), enabled=rng.random() > 0.03) for name in names]
    links = [
        Link(
            name=f"l{number}",
            # The first links make a chain, so that nodes are joined more often than not.
            **dict(
                zip("az", names[number : number + 2] if number + 1 < node_count else rng.sample(names, 2), strict=True)
            ),
            a_port=number + 1,
            z_port=number + 1,
            capacity_bps=per_direction(3, 9),
            delay_ns=per_direction(0, 4, equal=symmetric),
            cost=rng.randint(0, 2),
            mtu_bytes=rng.choice((89, 1423, 1522, *[1600] * 9)),
            srlgs=rng.choice(((), (), SRLGS[:1], SRLGS)),
            enabled=rng.random() > 0.03,
        )
        for number in range(link_count)
    ]
    arcs = [(one, way) for one in links for way in Direction]
    rng.shuffle(nodes)
    rng.shuffle(links)
    return Case(
        topology=Topology(
            name="random",
            nodes=tuple(nodes),
            links=tuple(links),
            hop_delay_ns=rng.randint(0, 1),
            overhead_factor=rng.choice((Fraction(1), Fraction(21, 20), Fraction(3, 2))),
        ),
        reserved_bps={
            (one.name, way): rng.randint(0, one.capacity_bps[way]) for one, way in arcs if rng.random() < 0.15
        },
        measured_ns={}
        if symmetric
        else {(one.name, way): rng.randint(0, 4) for one, way in arcs if rng.random() < 0.15},
        down=frozenset(name for name in (*names, *(one.name for one in links)) if rng.random() < 0.03),
    )


def random_request(rng: random.Random, case: Case) -> PathRequest:
    def some_of(names: list[str], chance: float) -> tuple[str, ...]:
        return tuple(rng.choices(names, k=rng.randint(1, 2))) if names and rng.random() < chance else ()

    names = sorted(case.topology.node)
    a, z = rng.sample(names, 2) if rng.random() < 0.95 else rng.choices(names, k=2)
    there, back = rng.randint(1, 6), rng.randint(1, 6)
    return PathRequest(
        a=a,
        z=z,
        cir_bps=PerDirection(there, back) if rng.random() < 0.5 else PerDirection.both(there),
        max_delay_ns=None if rng.random() < 0.3 else rng.randint(1, 12),
        mtu_bytes=rng.choice((64, 67, 1400, 1500)),
        wrap_bytes=rng.choice((22, 26)),
        objective=rng.choice(tuple(Objective)),
        avoid=Avoid(
            nodes=some_of(names, 0.1),
            links=some_of(sorted(case.topology.link), 0.15),
            srlgs=some_of(list(SRLGS), 0.05),
            regions=some_of(list(REGIONS), 0.05),
        ),
    )
