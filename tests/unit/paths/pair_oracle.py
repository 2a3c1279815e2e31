"""Answers about pairs of routes, and about routes by way of nodes, by brute force."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

from path_oracle import Case, Walked, feasible_routes, random_case, random_request

from controller.domain.intents import Disjointness, Objective
from controller.domain.topology import PerDirection
from controller.paths.request import PathRequest


def passes(walked: Walked, via: tuple[str, ...]) -> bool:
    """Whether the nodes are met in this order; the ends count."""
    rest = iter(walked.nodes)
    return all(node in rest for node in via) if len(set(via)) == len(via) else False


def routes_by_way(case: Case, request: PathRequest) -> list[Walked]:
    """All that satisfy the request and its ``via``, the best first."""
    return [walked for walked in feasible_routes(case, request) if passes(walked, request.via)]


def apart(one: Walked, other: Walked, kind: Disjointness) -> bool:
    if not set(one.links).isdisjoint(other.links):
        return False
    if kind is Disjointness.NODE:
        return set(one.nodes[1:-1]).isdisjoint(other.nodes[1:-1])
    if kind is Disjointness.SRLG:
        risks, other_risks = ({srlg for link, _ in walked.crossed for srlg in link.srlgs} for walked in (one, other))
        return risks.isdisjoint(other_risks)
    return True


def value(walked: Walked, objective: Objective) -> int:
    return walked.cost if objective is Objective.COST else sum(walked.delay_ns)


def feasible_pairs(case: Case, request: PathRequest) -> list[tuple[Walked, Walked]]:
    """All (working, protect) that satisfy the request, the best first."""

    def shorter(walked: Walked) -> tuple[int, int, tuple[str, ...]]:
        return value(walked, request.objective), len(walked.links), walked.links

    def rank(pair: tuple[Walked, Walked]) -> tuple[int, int, tuple[str, ...], tuple[str, ...]]:
        one, other = pair
        total = value(one, request.objective) + value(other, request.objective)
        return total, len(one.links) + len(other.links), one.links, other.links

    routes = sorted(routes_by_way(case, request), key=shorter)
    return sorted((pair for pair in combinations(routes, 2) if apart(*pair, request.disjoint)), key=rank)


def pair_question(seed: int) -> tuple[Case, PathRequest]:
    """A small network in which pairs are not rare, and a request with a bound that some route just keeps or misses."""
    rng = random.Random(seed)
    case = random_case(rng, rng.choice((2, 3, 4, 5, 5, 6, 7)), rng.randint(7, 14), symmetric=rng.random() < 0.5)
    if rng.random() < 0.85:
        case = roomier(rng, case)
    request = replace(random_request(rng, case), disjoint=rng.choice(tuple(Disjointness)))
    while request.a == request.z:
        request = replace(request, z=rng.choice(case.topology.nodes).name)
    return case, tightened(rng, case, request)


def via_question(seed: int) -> tuple[Case, PathRequest]:
    """As ``pair_question``, one or more nodes to pass, one route or two."""
    rng = random.Random(seed)
    case = roomier(rng, random_case(rng, rng.choice((3, 4, 5, 6, 6, 7)), rng.randint(7, 15), symmetric=False))
    request = random_request(rng, case)
    names = sorted(case.topology.node)
    count = rng.choice((1, 1, 1, 2, 2, 3))
    if rng.random() < 0.15:
        request = replace(request, via=tuple(rng.choices(names, k=count)))  # ends, or the same again
    else:
        others = sorted({*names} - {request.a, request.z})
        request = replace(request, via=tuple(rng.sample(others, min(count, len(others)))))
    return case, tightened(rng, case, request)


def roomier(rng: random.Random, case: Case) -> Case:
    """The same network with more room, more SRLGs, and delays and costs of few or of many values."""
    spread = rng.choice((1, 3, 30))
    links = tuple(
        replace(
            link,
            enabled=True,
            mtu_bytes=1600,
            capacity_bps=PerDirection(rng.choice((9, 9, 9, 9, 2)), rng.choice((9, 9, 9, 9, 2))),
            srlgs=tuple(sorted({rng.choice("abcdef") for _ in range(rng.choice((0, 1, 1, 2)))})),
            delay_ns=PerDirection(rng.randint(0, spread), rng.randint(0, spread)),
            cost=rng.randint(0, spread),
        )
        for link in case.topology.links
    )
    return replace(case, topology=replace(case.topology, links=links), reserved_bps={})


def tightened(rng: random.Random, case: Case, request: PathRequest) -> PathRequest:
    """More often than not with a bound at which it is decided whether one of the routes is in or out."""
    routes = routes_by_way(case, replace(request, max_delay_ns=None))
    if not routes or rng.random() < 0.4:
        return request
    bound_ns = max(rng.choice(routes).delay_ns) + rng.choice((-1, 0, 0, 1))
    return replace(request, max_delay_ns=max(1, bound_ns))
