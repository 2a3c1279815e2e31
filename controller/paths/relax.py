"""What would do: for each single constraint that alone stands in the way, the nearest value with which a route exists.

Every value is proved by solving the request again with it, and is exact. As an MTU or a rate (``relax_rate``) is
lowered, links come back one by one, so the greatest value that works is what some link still has to give:
bisection finds it. The least delay bound that works is the least, over all routes, of the slower direction's delay.

Each value is what its field has to be set to, in the document's own notation; for ``spec.avoid`` that is the list
which remains when one entry is taken out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from controller.domain.errors import Relaxation
from controller.domain.intents import Disjointness, Protection
from controller.domain.placement import PlacedPath
from controller.domain.units import MAX_DELAY_NS, format_delay
from controller.domain.validation import LINE_MTUS
from controller.paths.budget import Budget
from controller.paths.finding import find_paths, least_bound_found_ns, least_bound_ns
from controller.paths.network import Network
from controller.paths.options import Option, greatest, lowered
from controller.paths.relax_rate import rate_options
from controller.paths.request import PathRequest

WEAKER: dict[Disjointness, tuple[Disjointness, ...]] = {
    Disjointness.LINK: (),
    Disjointness.NODE: (Disjointness.LINK,),
    Disjointness.SRLG: (Disjointness.NODE, Disjointness.LINK),
}
"""What keeps two routes apart in fewer respects, or others."""
AVOID_KINDS = ("nodes", "links", "srlgs", "regions")


Find = Callable[[PathRequest], tuple[PlacedPath, ...] | None]
"""The best paths as ``finding.find_paths``, or ``None``; may raise ``SearchLimit``."""


def options(network: Network, request: PathRequest, budget: Budget) -> Iterator[Option]:
    """Every single change that alone makes an infeasible ``request`` feasible. ``SearchLimit`` ends it early."""
    find = finder(network, budget)
    yield from _without_rates(network, request, find)
    yield from rate_options(network, request, lambda cir_bps: find(replace(request, cir_bps=cir_bps)) is not None)
    yield from _max_delay(network, request, budget)


def other_options(network: Network, request: PathRequest, find: Find) -> Iterator[Option]:
    """As ``options``, without those of the bandwidth; ``find`` says what there is."""
    yield from _without_rates(network, request, find)
    if request.max_delay_ns is not None:
        yield from _bound(request, least_bound_found_ns(request, find))


def finder(network: Network, budget: Budget) -> Find:
    """What there is in a network, on one budget for all searches."""
    return lambda request: find_paths(network, request, budget)


def _without_rates(network: Network, request: PathRequest, find: Find) -> Iterator[Option]:
    yield from _avoid(request, find)
    yield from _via(request, find)
    yield from _disjoint(request, find)
    yield from _mtu(network, request, find)


def _avoid(request: PathRequest, find: Find) -> Iterator[Option]:
    for kind in AVOID_KINDS:
        entries: tuple[str, ...] = getattr(request.avoid, kind)
        for entry in dict.fromkeys(entries):
            rest = tuple(other for other in entries if other != entry)
            shorter = replace(request.avoid, **{kind: rest})
            if find(replace(request, avoid=shorter)) is not None:
                # A list of strings is written alike in JSON and YAML, whatever the names look like.
                change = Relaxation(field=f"spec.avoid.{kind}", value=json.dumps(rest, ensure_ascii=False))
                yield Option(relaxation=change, change=Fraction(1), dropped=entry)


def _via(request: PathRequest, find: Find) -> Iterator[Option]:
    for place in range(len(request.via)):
        rest = request.via[:place] + request.via[place + 1 :]
        if find(replace(request, via=rest)) is not None:
            change = Relaxation(field="spec.via.nodes", value=json.dumps(rest, ensure_ascii=False))
            yield Option(relaxation=change, change=Fraction(1))


def _disjoint(request: PathRequest, find: Find) -> Iterator[Option]:
    """Routes that have less not in common, and one route instead of two."""
    if request.disjoint is None:
        return
    for kind in WEAKER[request.disjoint]:
        if find(replace(request, disjoint=kind)) is not None:
            yield Option(relaxation=Relaxation(field="spec.disjoint", value=kind), change=Fraction(1))
    if find(replace(request, disjoint=None)) is not None:
        change = Relaxation(field="spec.protection", value=Protection.NONE)
        yield Option(relaxation=change, change=Fraction(1))


def _mtu(network: Network, request: PathRequest, find: Find) -> Iterator[Option]:
    asked = request.mtu_bytes
    offered = {link.mtu_bytes - request.wrap_bytes for link in network.topology.links}
    best = greatest(
        (mtu for mtu in offered if mtu in LINE_MTUS and mtu < asked),
        lambda mtu: find(replace(request, mtu_bytes=mtu)) is not None,
    )
    if best is not None:
        yield lowered("spec.mtu", str(best), asked=asked, best=best)


def _max_delay(network: Network, request: PathRequest, budget: Budget) -> Iterator[Option]:
    if request.max_delay_ns is not None:
        yield from _bound(request, least_bound_ns(network, request, budget))


def _bound(request: PathRequest, bound_ns: int | None) -> Iterator[Option]:
    if request.max_delay_ns is not None and bound_ns is not None and bound_ns <= MAX_DELAY_NS:
        change = Relaxation(field="spec.maxDelay", value=format_delay(bound_ns))
        yield Option(relaxation=change, change=Fraction(bound_ns - request.max_delay_ns, max(request.max_delay_ns, 1)))
