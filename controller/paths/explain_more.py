"""Why there is no pair of routes, or no route by way of given nodes: what binds, and what would do.

Where not even one route would do, it is as ``explain`` says. Else it is the first constraint in the order avoid, MTU,
bandwidth, delay that takes away the last pair (or way); and if there is none without any of them, what all routes use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.domain.errors import Binding, Reason, Refusal
from controller.domain.intents import Avoid, Disjointness
from controller.domain.topology import PerDirection
from controller.domain.units import format_delay
from controller.paths.budget import Budget, SearchLimit
from controller.paths.explain import Why, binding_links, refusal, why
from controller.paths.finding import feasible, find_path, least_bound_ns
from controller.paths.network import Network
from controller.paths.request import PathRequest, stops

MOST_NAMED = 4

COMMON = {
    Disjointness.LINK: "a link",
    Disjointness.NODE: "a node between the ends",
    Disjointness.SRLG: "a link or an SRLG",
}


def explain_more(network: Network, request: PathRequest, budget: Budget) -> Refusal:
    """The refusal of a request with ``via`` or ``disjoint`` of which it is proved that it cannot be met."""
    return refusal(network, request, _reason(network, request, budget), budget)


def _reason(network: Network, request: PathRequest, budget: Budget) -> Why:
    try:
        alone = replace(request, via=(), disjoint=None)
        if not feasible(network, alone, budget):
            return why(network, alone, budget)
        return _first_that_binds(network, request, budget)
    except SearchLimit:
        message = f"{_nothing(request)} keeps all that is asked; what binds was not found within the search limit"
        return Why(Reason.SEARCH_LIMIT, message)  # it is proved that there is none, not why: no other reason is honest


def _first_that_binds(network: Network, request: PathRequest, budget: Budget) -> Why:
    free = PerDirection.both(0)
    bare = replace(request, cir_bps=free, max_delay_ns=None, mtu_bytes=0, wrap_bytes=0, avoid=Avoid())
    nothing = _nothing(request)
    structural = Reason.NO_PATH if request.disjoint is None else Reason.NOT_DISJOINT
    if not feasible(network, bare, budget):
        return _blocked(network, bare, budget, structural, f"{nothing} exists")
    avoiding = replace(bare, avoid=request.avoid)
    if not feasible(network, avoiding, budget):
        return _blocked(network, avoiding, budget, structural, f"{nothing} is left by what is to be avoided")
    wide = replace(avoiding, mtu_bytes=request.mtu_bytes, wrap_bytes=request.wrap_bytes)
    if not feasible(network, wide, budget):
        asked = f"{nothing} has an MTU of {request.link_mtu_bytes} bytes"
        return _blocked(network, wide, budget, Reason.MTU_TOO_SMALL, asked)
    rated = replace(wide, cir_bps=request.cir_bps)
    if not feasible(network, rated, budget):
        return _blocked(network, rated, budget, Reason.NO_BANDWIDTH, f"{nothing} has the bandwidth free")
    assert request.max_delay_ns is not None, "a request without a bound cannot fail on delay"
    message = f"{nothing} keeps {format_delay(request.max_delay_ns)} one way"
    try:
        least = least_bound_ns(network, request, budget)
    except SearchLimit:
        return Why(Reason.DELAY_BOUND_UNREACHABLE, message)
    message = message if least is None else f"{message}: the least is {format_delay(least)}"
    return Why(Reason.DELAY_BOUND_UNREACHABLE, message, Binding(least_delay_ns=least))


def _nothing(request: PathRequest) -> str:
    by_way = f" by way of {', '.join(request.via)} in this order" if request.via else ""
    ends = f"from {request.a} to {request.z}{by_way}"
    if request.disjoint is None:
        return f"no route {ends}"
    return f"no two routes {ends} without {COMMON[request.disjoint]} in common"


def _blocked(network: Network, request: PathRequest, budget: Budget, reason: Reason, message: str) -> Why:
    """With what alone every single route has to use, so that two of them have it in common."""
    if request.disjoint is None:
        return Why(reason, message)
    if request.disjoint is Disjointness.NODE and stops(request) != ():
        return Why(reason, f"{message}; both would pass the nodes given in via", Binding(nodes=request.via))
    try:
        return _in_common(network, request, budget, reason, message)
    except SearchLimit:
        return Why(reason, f"{message}; what all routes have in common was not found within the search limit")


def _in_common(network: Network, request: PathRequest, budget: Budget, reason: Reason, message: str) -> Why:
    single = replace(request, disjoint=None)
    path = find_path(network, single, budget)
    if path is None:
        message += f"; not even one route{' passes the nodes of via in this order' if request.via else ''}"
        return Why(reason, message)
    words: list[str] = []
    common: list[Avoid] = []
    for what, avoid in _candidates(network, request, path.route.nodes[1:-1], path.route.links):
        merged = Avoid(
            nodes=request.avoid.nodes + avoid.nodes,
            links=request.avoid.links + avoid.links,
            srlgs=request.avoid.srlgs + avoid.srlgs,
            regions=request.avoid.regions,
        )
        if not feasible(network, replace(single, avoid=merged), budget):
            words.append(what)
            common.append(avoid)
    if not words:
        return Why(reason, f"{message}; no single one of these cuts all routes, but every two routes share one")
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    links = [network.topology.link[name] for one in common for name in one.links]
    binding = Binding(
        links=binding_links(network, links),
        nodes=tuple(name for one in common for name in one.nodes),
        srlgs=tuple(name for one in common for name in one.srlgs),
    )
    return Why(reason, f"{message}; every route uses {', '.join(words[:MOST_NAMED])}{more}", binding)


def _candidates(
    network: Network, request: PathRequest, inner: tuple[str, ...], links: tuple[str, ...]
) -> Iterator[tuple[str, Avoid]]:
    """What is on one route, as far as two routes must not have it in common."""
    if request.disjoint is Disjointness.NODE:
        for node in inner:
            yield f"node {node}", Avoid(nodes=(node,))
    if request.disjoint is Disjointness.SRLG:
        risks = (srlg for link in links for srlg in network.topology.link[link].srlgs)
        for srlg in dict.fromkeys(risks):
            yield f"SRLG {srlg}", Avoid(srlgs=(srlg,))
    if request.disjoint is not Disjointness.NODE or not inner:
        for link in links:
            yield f"link {link}", Avoid(links=(link,))
