"""The greatest rate with which a request has a route.

A rate that is the same both ways is relaxed as one (``spec.bandwidth``). One that differs is relaxed in one
direction alone (``spec.bandwidth.aToZ``, the other as asked); only when neither alone would do, in both: the
larger rate as great as can be, the smaller in the asked proportion to it, rounded down to whole bits per second.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from controller.domain.topology import Direction, PerDirection
from controller.domain.units import format_rate
from controller.paths.network import Network
from controller.paths.options import Option, greatest, lowered
from controller.paths.request import PathRequest

Solves = Callable[[PerDirection[int]], bool]
"""Whether there is a route with these rates in place of those asked; so there is with smaller ones."""


def rate_options(
    network: Network,
    request: PathRequest,
    solves: Solves,
    also: Collection[int] = (),
    among: Solves = lambda cir_bps: True,
) -> Iterator[Option]:
    """Exact to one bit per second; what ``solves`` raises ends it. Routes are lost where a rate goes beyond what is
    free on a link, or beyond one of ``also``. ``among``: the rates to look at, with two of them all between."""
    if request.cir_bps.a_to_z == request.cir_bps.z_to_a:
        yield from _same_both_ways(network, request, solves, also, among)
        return
    alone = [
        option for direction in Direction for option in _one_direction(network, request, solves, also, among, direction)
    ]
    yield from alone
    if not alone:
        yield from _in_proportion(network, request, solves, also, among)


def _same_both_ways(
    network: Network, request: PathRequest, solves: Solves, also: Collection[int], among: Solves
) -> Iterator[Option]:
    asked = request.cir_bps.a_to_z
    limits = {*also, *(min(pair) for pair in _free_cirs(network))}
    candidates = (cir for cir in limits if 0 < cir < asked and among(PerDirection.both(cir)))
    best = greatest(candidates, lambda cir: solves(PerDirection.both(cir)))
    if best is not None:
        yield lowered("spec.bandwidth", format_rate(best), asked=asked, best=best)


def _one_direction(
    network: Network,
    request: PathRequest,
    solves: Solves,
    also: Collection[int],
    among: Solves,
    direction: Direction,
) -> Iterator[Option]:
    asked = request.cir_bps[direction]

    def rates(cir_bps: int) -> PerDirection[int]:
        there, back = request.cir_bps
        return PerDirection(cir_bps, back) if direction is Direction.A_TO_Z else PerDirection(there, cir_bps)

    limits = {*also, *(pair[direction] for pair in _free_cirs(network))}
    candidates = (cir for cir in limits if 0 < cir < asked and among(rates(cir)))
    best = greatest(candidates, lambda cir: solves(rates(cir)))
    if best is not None:
        yield lowered(f"spec.bandwidth.{direction}", format_rate(best), asked=asked, best=best)


def _in_proportion(
    network: Network, request: PathRequest, solves: Solves, also: Collection[int], among: Solves
) -> Iterator[Option]:
    """Both rates as functions of the larger: larger -> (larger, larger * smaller_asked // larger_asked)."""
    larger, smaller = max(request.cir_bps), min(request.cir_bps)
    main = Direction.A_TO_Z if request.cir_bps.a_to_z == larger else Direction.Z_TO_A

    def rates(cir_bps: int) -> PerDirection[int]:
        pair = PerDirection(cir_bps, cir_bps * smaller // larger)
        return pair if main is Direction.A_TO_Z else pair.swapped

    def limit(free: PerDirection[int]) -> int:
        """The greatest main rate with which a link qualifies: n * smaller // larger <= free, solved for n."""
        return min(free[main], ((free[main.reverse] + 1) * larger - 1) // smaller)

    candidates = {*also, *(limit(free) for free in _free_cirs(network))} if smaller else set()
    best = greatest(
        (cir for cir in candidates if min(rates(cir)) > 0 and cir < larger and among(rates(cir))),
        lambda cir: solves(rates(cir)),
    )
    if best is not None:
        there, back = map(format_rate, rates(best))
        yield lowered("spec.bandwidth", f"{{aToZ: {there}, zToA: {back}}}", asked=larger, best=best)


def _free_cirs(network: Network) -> Iterator[PerDirection[int]]:
    """The greatest CIRs that each link could still take, for a route that crosses it either way.

    A CIR takes ceil(CIR x overhead) of a link, which is at most the residual, an integer, if CIR x overhead is.
    """
    overhead = network.topology.overhead_factor
    over, under = overhead.numerator, overhead.denominator
    for link in network.topology.links:
        free = PerDirection(*[network.residual_bps(link, which) * under // over for which in Direction])
        yield free
        yield free.swapped
