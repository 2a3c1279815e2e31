"""Compiles every kernel, so that nobody waits for it later: ``python -m controller.paths.warm``, once installed.

What is compiled is kept on disk (``kernels.compiling``). When all is there already, this takes about a second.
"""

from __future__ import annotations

from dataclasses import replace

from controller.domain.intents import Avoid, Disjointness, Objective
from controller.domain.topology import Link, Node, PerDirection, Role, Topology
from controller.paths import batch, failure
from controller.paths.admission import least, least_pair
from controller.paths.budget import Budget
from controller.paths.kernels.trees import grow
from controller.paths.kshortest import shortest
from controller.paths.network import Network
from controller.paths.questions import pack
from controller.paths.request import PathRequest
from controller.paths.single import route
from controller.paths.whatif import all_single, what_if


def triangle() -> Topology:
    """Three nodes, delays that differ by direction."""
    return Topology(
        name="warm",
        nodes=tuple(Node(name=name, role=Role.P) for name in "abc"),
        links=tuple(
            Link(
                name=f"{a}-{z}",
                a=a,
                z=z,
                a_port=1,
                z_port=2,
                capacity_bps=PerDirection.both(10),
                delay_ns=PerDirection(there, 5),
            )
            for a, z, there in (("a", "b", 1), ("b", "c", 2), ("a", "c", 9))
        ),
    )


def warm() -> None:
    """Call everything that calls a kernel from Python."""
    network = Network(triangle())
    request = PathRequest(a="a", z="c", cir_bps=PerDirection.both(1))
    refused = replace(request, max_delay_ns=1, objective=Objective.COST, avoid=Avoid(links=("b-c",)))
    for one in (request, refused):
        least(network, one)
    for kind in Disjointness:
        least_pair(network, replace(request, disjoint=kind, max_delay_ns=13))
    least_pair(network, replace(request, disjoint=Disjointness.LINK, via=("b",)))
    least(network, replace(request, via=("b",)))
    for objective in Objective:
        shortest(network, replace(request, objective=objective, max_delay_ns=9), 2, Budget())
    route(network, "a", "c", 1)
    mirror = network.mirror
    spare = mirror.potentials
    grow(mirror.graph, mirror.work.heap, 0, spare.slots[0].copy(), spare.reach[0].copy())
    batch.answer(network, pack(network, (request, refused)))
    batch.admit(network, ("one", "two"), (request, request))
    batch.admit(network, ("three", "four"), (request, request), workers=2)
    path = network.lines.path("one")
    network.release("one")
    network.lines.place("one", request, path)
    apart = replace(request, disjoint=Disjointness.LINK)
    batch.admit(network, ("around", "pair", "apart"), (replace(request, via=("b",)), apart, apart))
    network.set_link_up(network.topology.link["a-c"], False)
    for workers in (1, 2):
        list(what_if(network, all_single(network), workers=workers))
    failure.fail(network, links=("a-b",))
    network.lines.sweep(always=True)


if __name__ == "__main__":
    warm()
