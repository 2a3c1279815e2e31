"""What is asked: pairs of sites and rates, and how full the network is. All from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from controller.bench.cases import Case, with_free
from controller.domain.topology import PerDirection

RATES_BPS = (1_000_000_000, 2_000_000_000, 5_000_000_000)
MOST_SITES = 1_000
CONGESTED = 0.03
"""The share of arcs that have less free than any of the rates."""


class Query(NamedTuple):
    """A route from node ``a`` to node ``z`` (by number) whose arcs have both rates free, ``back_bps`` against them."""

    a: int
    z: int
    there_bps: int
    back_bps: int


Rates = tuple[int, int]

LINE_RATES_BPS = (50_000_000, 100_000_000, 200_000_000, 500_000_000)


def lines(case: Case, seed: int, count: int) -> list[Query]:
    """Demands for lines between random sites, the same both ways, at one of four rates."""
    random = Random(f"{seed} lines")
    ends = sites(case, seed)
    return [Query(*random.sample(ends, 2), *[random.choice(LINE_RATES_BPS)] * 2) for _ in range(count)]


def congested(case: Case, seed: int) -> Case:
    """The network with 3 % of its arcs, direction by direction, too full for any query; the others keep at least what
    the largest rate needs, so that only the search can tell."""
    random = Random(f"{seed} free")
    least, most = RATES_BPS[0], RATES_BPS[-1]

    def free(capacity_bps: int) -> int:
        if random.random() < CONGESTED:
            return random.randrange(least)
        return random.randrange(most, max(capacity_bps, most) + 1)

    return with_free(case, [PerDirection(*(free(bps) for bps in link.capacity_bps)) for link in case.topology.links])


def sites(case: Case, seed: int) -> list[int]:
    """Where lines end: every node, or in large networks a thousand of them, for customers attach at few."""
    nodes = range(len(case.topology.nodes))
    return sorted(Random(f"{seed} sites").sample(nodes, min(len(nodes), MOST_SITES)))


def batches(
    case: Case, seed: int, *, count: int, size: int, corouted: bool, purpose: str = "measured"
) -> list[list[Query]]:
    """``count`` batches of ``size`` queries each between random sites, at one of three rates, which a query needs in
    one direction or (``corouted``) in both. Another ``purpose`` gives other queries between the same sites."""
    random = Random(f"{seed} queries {purpose}")
    ends = sites(case, seed)

    def query() -> Query:
        a, z = random.sample(ends, 2)
        rate = random.choice(RATES_BPS)
        return Query(a, z, rate, rate if corouted else 0)

    return [[query() for _ in range(size)] for _ in range(count)]


def by_rates(queries: Sequence[Query]) -> dict[Rates, list[int]]:
    """The positions of the queries that ask for the same rates."""
    groups: dict[Rates, list[int]] = {}
    for position, query in enumerate(queries):
        groups.setdefault((query.there_bps, query.back_bps), []).append(position)
    return groups
