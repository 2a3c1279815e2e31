"""Searches in networks too large to look at every route, from either end: ties, chains, and what is in the way.

The oracle is Dijkstra backward with whole sequences of link names as the second part of a label.
"""

from __future__ import annotations

import random
from dataclasses import replace
from heapq import heappop, heappush

from hypothesis import event, given, settings
from path_oracle import link, node, seeds, thorough, topology_of

from controller.domain.intents import Avoid
from controller.domain.topology import Direction, PerDirection
from controller.paths.budget import Budget
from controller.paths.kernels.layout import SETTLED, SKEWED
from controller.paths.network import Network
from controller.paths.request import PathRequest
from controller.paths.single import find


def first_of_the_best(network, request):
    """(links, delay there, delay back) of the least-delay route by fewest links, then by names; ``None``: none."""
    needed = request.reserved_bps(network.topology)
    best = {}
    heap = [(0, 0, (), request.z)]
    while heap:
        length, hops, names, at = heappop(heap)
        if at in best or not network.node_in_service(at):
            continue
        best[at] = names
        if at == request.a:
            break
        for one, way in network.links_at(at):
            towards = way.reverse
            if (
                network.in_service(one)
                and one.name not in request.avoid.links
                and network.residual_bps(one, towards) >= needed.a_to_z
                and network.residual_bps(one, way) >= needed.z_to_a
            ):
                both = network.crossing_delay_ns(one, way) + network.crossing_delay_ns(one, towards)
                heappush(heap, (length + both, hops + 1, (one.name, *names), one.z if one.a == at else one.a))
    return best.get(request.a)


def chained(rng, ends):
    """Some links become chains of links, so that there are nodes with one way on."""
    count = 0
    for a, z in ends:
        for _ in range(rng.choice((0, 0, 0, 1, 1, 3))):
            middle = f"m{count}"
            count += 1
            yield a, middle
            a = middle
        yield a, z


def grid(rng):
    """A ladder or a lattice: among equal delays almost everything ties."""
    wide, long = rng.choice(((2, 12), (3, 9), (5, 6), (7, 7)))
    cells = [(x, y) for x in range(wide) for y in range(long)]
    ends = [(f"n{x}-{y}", f"n{u}-{v}") for x, y in cells for u, v in ((x + 1, y), (x, y + 1)) if (u, v) in set(cells)]
    return [pair for pair in ends if rng.random() < 0.95]


def scattered(rng):
    count = rng.randint(8, 60)
    names = [f"n{number}" for number in range(count)]
    near = [(names[number], names[number + rng.randint(1, min(6, count - number - 1))]) for number in range(count - 1)]
    return near + [tuple(rng.sample(names, 2)) for _ in range(rng.randint(0, count))]


def crowded_network(seed):
    """A network in which delays have moved up, links are full in one direction or out of service, or parallel."""
    rng = random.Random(seed)
    ends = list(chained(rng, rng.choice((grid, scattered))(rng)))
    ends += rng.sample(ends, min(len(ends), rng.choice((0, 0, 5))))
    rng.shuffle(ends)
    spread = rng.choice((1, 2, 5, 1000))
    full = rng.choice((0.03, 0.1, 0.3))
    symmetric = rng.random() < 0.5
    links = []
    for number, (a, z) in enumerate(ends):
        delay = rng.randint(1, spread)
        free = PerDirection(*(0 if rng.random() < full else rng.randint(1, 3) for _ in Direction))
        links.append(
            link(
                f"l{number:03}",
                *rng.sample((a, z), 2),
                delay_ns=PerDirection(delay, delay if symmetric else rng.randint(1, spread)),
                capacity_bps=free,
            )
        )
    names = sorted({name for pair in ends for name in pair})
    network = Network(topology_of(*links, nodes=tuple(node(name) for name in names)))
    for one in rng.sample(links, rng.choice((0, 0, 1, 4)) % (len(links) + 1)):
        network.set_measured_delay(one, rng.choice(tuple(Direction)), one.delay_ns.a_to_z + rng.randint(0, 2 * spread))
    for one in rng.sample(links, rng.choice((0, 0, 2)) % (len(links) + 1)):
        network.set_link_up(one, False)
    return rng, network, names


@settings(thorough, max_examples=200)
@given(seeds)
def test_of_all_least_routes_the_first_by_name_is_found(seed):
    rng, network, names = crowded_network(seed)
    link_names = sorted(network.topology.link)
    for _ in range(12):
        a, z = rng.sample(names, 2)
        avoid = Avoid(links=tuple(rng.sample(link_names, rng.choice((0, 0, 1, 3)) % (len(link_names) + 1))))
        rates = PerDirection(rng.choice((0, 1, 2)), rng.choice((0, 1, 2)))
        request = PathRequest(a=a, z=z, cir_bps=rates, mtu_bytes=0, wrap_bytes=0, avoid=avoid)
        before = int(network.mirror.work.counters[SETTLED])
        expected = first_of_the_best(network, request)
        found = find(network, request, Budget())
        searched = int(network.mirror.work.counters[SETTLED]) > before
        event(f"{'none' if expected is None else 'found'}, {'searched' if searched else 'walked'}")
        assert (None if found is None else found.route.links) == expected
        if found is not None and network.mirror.scale[SKEWED] == 0:
            bound = replace(request, max_delay_ns=found.delay_ns.a_to_z)
            assert find(network, bound, Budget()) == found
            assert find(network, replace(bound, max_delay_ns=found.delay_ns.a_to_z - 1), Budget()) is None
