"""Instances of egress: real topologies, demand made from a seed. What is made is said here.

Demand between a source and a destination group is gravity (weight of the source x weight of the group, both Pareto)
times a lognormal factor (sigma 1.5), shared among the classes 10 : 20 : 70 and cut at 5 Gbit/s: heavy-tailed. All is
scaled to the stated share of what the gateways may carry.

A destination group (the networks behind one autonomous system, say) lies in a region; beyond a gateway it is as far as
the region, plus an exponential way of its own (mean 8 ms), plus what differs by gateway (normal, 3 ms). One in ten
pairs of a gateway and a group that it could serve has no route.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import networkx as nx
import numpy as np
import numpy.typing as npt

from controller.bench.cases import case_named
from controller.domain.topology import Direction, SiteService, Topology
from controller.egress.choices import delays_ns
from controller.egress.instance import (
    ALL_GATEWAYS,
    ANY_DELAY,
    NOWHERE,
    UNREACHABLE,
    Demand,
    Exits,
    Inside,
    Instance,
    Weights,
    shares_of,
)

MS: Final = 1_000_000
REGIONS: Final = {
    "north-america": 30, "europe": 18, "japan": 10, "korea": 6, "hong-kong": 12, "south-east-asia": 12, "oceania": 3,
    "south-asia": 3, "middle-east": 2, "russia": 3, "central-asia": 1,
}  # fmt: skip
"""Weights of destinations: a guess."""
CLASS_SHARES: Final = (0.1, 0.2, 0.7)
WEIGHTS: Final = Weights(churn_ns=10 * MS, utilisation_ns=10_000)
"""A move costs as much as coming and going back at 5 ms each: room that changing rates leave in one cycle is often gone
in the next."""
BACKBONE: Final = "china-backbone"
CAPPED: Final = "links-capped"
FULL: Final = "china-backbone-full"
LIMITED: Final = "china-backbone-limited"
OVERLOADED: Final = "china-backbone-overload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How an instance is made. ``network``: a topology with gateways, or a name of topohub's, where ``gateways`` are
    placed on the nodes with most links. ``fullness``: demand over what gateways may carry. ``limited``: the share of
    aggregates that policy keeps to two gateways. ``bounded``: of those with a delay bound near the best they can have.
    ``link_room``: if not 0, links have this many times the room that the demand would need on least-delay routes to
    gateways that carry equal shares, so that some bind."""

    network: str
    aggregates: int
    gateways: int = 0
    fullness: float = 0.93
    limited: float = 0.05
    bounded: float = 0.05
    link_room: float = 0.0


RECIPES: Final = {
    BACKBONE: Recipe(network="topologies/china-backbone.yaml", aggregates=74_000),
    FULL: Recipe(network="topologies/china-backbone.yaml", aggregates=74_000, fullness=0.995),
    LIMITED: Recipe(
        network="topologies/china-backbone.yaml", aggregates=74_000, fullness=0.95, limited=0.5, bounded=0.3
    ),
    OVERLOADED: Recipe(network="topologies/china-backbone.yaml", aggregates=74_000, fullness=1.2),
    CAPPED: Recipe(network="caida/AS4837", aggregates=200_000, gateways=12, fullness=0.9, link_room=1.2),
}


def made(recipe: Recipe, seed: int) -> Instance:
    """The same for the same recipe and seed, everywhere."""
    random = np.random.default_rng(seed)
    topology = case_named(recipe.network, seed).topology
    places, sources, capacity, regional = _exits(topology, recipe, random)
    inside = _inside(topology, sources, places)
    groups = -(-recipe.aggregates // (len(sources) * len(CLASS_SHARES)))
    region = random.choice(len(regional[0]), groups, p=_normal(np.array(list(REGIONS.values()), float)))
    beyond = _beyond(regional, region, random)
    usable = shares_of(capacity)
    demand = _demand(random, recipe, len(sources), groups, int(usable.sum()), len(places))
    instance = Instance(
        demand=demand,
        exits=Exits(
            capacity_bps=capacity,
            usable_bps=usable,
            beyond_ns=beyond,
            fee_ns=np.zeros(len(places), np.int64),
            free_bps=np.zeros(len(places), np.int64),
        ),
        inside=inside,
        weights=WEIGHTS,
    )
    instance = _bounded(instance, recipe.bounded, random)
    return _capped(instance, recipe.link_room) if recipe.link_room else instance


def gateway_names(recipe: Recipe, seed: int) -> tuple[str, ...]:
    """Of an instance's gateways, in their order: as the topology has them, else the nodes where they were placed."""
    topology = case_named(recipe.network, seed).topology
    if topology.gateways:
        return tuple(gateway.name for gateway in topology.gateways)
    return tuple(_busiest(topology, recipe.gateways))


def without_gateway(instance: Instance, gateway: int) -> Instance:
    """The same after the gateway has failed."""
    usable = instance.exits.usable_bps.copy()
    usable[gateway] = 0
    return replace(instance, exits=replace(instance.exits, usable_bps=usable))


def _exits(
    topology: Topology, recipe: Recipe, random: np.random.Generator
) -> tuple[Sequence[str], Sequence[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Nodes of gateways, of sources, capacities [G] and delays [G, regions]."""
    if topology.gateways:
        places = [gateway.node for gateway in topology.gateways]
        sources = [site.node for site in topology.sites if site.service is SiteService.INTERNET]
        capacity = np.array([gateway.capacity_bps for gateway in topology.gateways], np.int64)
        delays = [dict(gateway.delays_ns) for gateway in topology.gateways]
        regional = np.array([[one.get(region, UNREACHABLE) for region in REGIONS] for one in delays], np.int64)
        return places, sources, capacity, regional
    places = _busiest(topology, recipe.gateways)
    capacity = random.choice([80, 100, 200, 400, 800], recipe.gateways).astype(np.int64) * 10**9
    regional = random.integers(5 * MS, 110 * MS, (recipe.gateways, len(REGIONS)))
    regional[random.random(regional.shape) < 0.4] = UNREACHABLE
    regional[0] = np.where(regional[0] == UNREACHABLE, 120 * MS, regional[0])  # one reaches all the world
    return places, [node.name for node in topology.nodes], capacity, regional


def _busiest(topology: Topology, count: int) -> list[str]:
    """The nodes with most links."""
    degree: dict[str, int] = {node.name: 0 for node in topology.nodes}
    for link in topology.links:
        degree[link.a] += 1
        degree[link.z] += 1
    return sorted(degree, key=lambda name: (-degree[name], name))[:count]


def _inside(topology: Topology, sources: Sequence[str], places: Sequence[str]) -> Inside:
    """Least-delay routes; every link in both directions, 2 l and 2 l + 1."""
    graph: Any = nx.DiGraph()
    for number, link in enumerate(topology.links):
        for way, direction in enumerate(Direction):
            begin, end = link.ends(direction)
            delay = link.delay_ns[direction]
            if not graph.has_edge(begin, end) or delay < graph.edges[begin, end]["delay"]:
                graph.add_edge(begin, end, delay=delay, link=2 * number + way)
    usable = shares_of(np.array([bps for link in topology.links for bps in link.capacity_bps], np.int64))
    delays = np.full((len(sources), len(places)), UNREACHABLE, np.int64)
    routes: list[list[int]] = [[] for _ in range(delays.size)]
    for at, place in enumerate(places):
        found: Any = nx.single_source_dijkstra(graph.reverse(copy=False), place, weight="delay")
        far, ways = found
        for number, source in enumerate(sources):
            if source in far:
                delays[number, at] = far[source]
                hops = ways[source][::-1]
                routes[number * len(places) + at] = [graph.edges[begin, end]["link"] for begin, end in pairwise(hops)]
    return Inside(
        delay_ns=delays,
        starts=np.cumsum([0, *map(len, routes)]).astype(np.int32),
        links=np.array([link for route in routes for link in route], np.int32),
        usable_bps=usable,
    )


def _beyond(
    regional: npt.NDArray[np.int64], region: npt.NDArray[np.int64], random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """[G, D]"""
    far = regional[:, region]
    own = random.exponential(8 * MS, len(region))
    differs = random.normal(0, 3 * MS, far.shape)
    missing = (far == UNREACHABLE) | (random.random(far.shape) < 0.1)
    return np.where(missing, UNREACHABLE, np.maximum(far + own + differs, MS).astype(np.int64))


def _demand(
    random: np.random.Generator, recipe: Recipe, sources: int, groups: int, usable: int, gateways: int
) -> Demand:
    count = recipe.aggregates
    kinds = len(CLASS_SHARES)
    number = np.sort(random.permutation(sources * groups * kinds)[:count])
    source, group, kind = number // (groups * kinds), number // kinds % groups, number % kinds
    weight = random.pareto(1.2, sources) + 0.2
    size = random.pareto(1.1, groups) + 0.05
    share = (
        weight[source] * np.minimum(size, 200)[group] * np.array(CLASS_SHARES)[kind] * random.lognormal(0, 1.5, count)
    )
    rate = np.maximum((_normal(share) * usable * recipe.fullness).astype(np.int64), 1)
    rate = np.minimum(rate, 5 * 10**9)  # more than that is several aggregates
    rate = np.maximum((rate * (usable * recipe.fullness / rate.sum())).astype(np.int64), 1)
    pairs = (np.uint64(1) << random.integers(0, gateways, count).astype(np.uint64)) | (
        np.uint64(1) << random.integers(0, gateways, count).astype(np.uint64)
    )
    limited = random.random(count) < recipe.limited
    return Demand(
        source=source.astype(np.int32),
        group=group.astype(np.int32),
        service_class=kind.astype(np.int8),
        rate_bps=rate,
        max_delay_ns=np.full(count, ANY_DELAY),
        allowed=np.where(limited, pairs | np.uint64(1), ALL_GATEWAYS),
        preferred=np.full(count, ALL_GATEWAYS),
        previous=np.full(count, NOWHERE, np.int32),
        whole=np.zeros(count, np.bool_),
        most_gateways=np.zeros(count, np.int8),
    )


def _bounded(instance: Instance, share: float, random: np.random.Generator) -> Instance:
    """Some aggregates get a delay bound of 1.1 to 1.5 times the best that they can have."""
    demand = instance.demand
    delays = delays_ns(instance)
    best = np.where(delays == UNREACHABLE, ANY_DELAY, delays).min(axis=1)
    chosen = (random.random(len(demand)) < share) & (best != ANY_DELAY)
    factor = random.uniform(1.1, 1.5, len(demand))
    bound = np.where(chosen, np.where(chosen, best, 0) * factor, 0).astype(np.int64)
    return replace(instance, demand=replace(demand, max_delay_ns=np.where(chosen, bound, ANY_DELAY)))


def _capped(instance: Instance, room: float) -> Instance:
    """Links have room for ``room`` times what they would carry if gateways carried shares like their capacities."""
    inside, demand = instance.inside, instance.demand
    weight = _normal(instance.exits.usable_bps.astype(float))
    by_source = np.bincount(demand.source, demand.rate_bps, len(inside.delay_ns))
    load = (by_source[:, None] * weight).ravel()
    asked = np.bincount(inside.links, np.repeat(load, np.diff(inside.starts)), len(inside.usable_bps))
    usable = np.maximum((asked * room).astype(np.int64), 10**9)
    return replace(instance, inside=replace(inside, usable_bps=usable))


def _normal(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scaled so that they sum up to 1."""
    return np.asarray(values / values.sum())
