"""Why there is no route: the first constraint in the order avoid, MTU, bandwidth, delay that takes the last one away.

For requests of which ``search.find`` has proved that they have none. The message names the links that stand
in the way as far as these are few; the relaxations say what single change would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from controller.domain.errors import Binding, BindingLink, Reason, Refusal
from controller.domain.placement import PlacedPath
from controller.domain.topology import Direction, Link, PerDirection
from controller.domain.units import format_delay, format_rate
from controller.paths.budget import Budget, SearchLimit
from controller.paths.cut import blocking_links
from controller.paths.network import Network
from controller.paths.options import Option
from controller.paths.qualify import avoided, qualifying
from controller.paths.relax import options
from controller.paths.request import PathRequest
from controller.paths.single import fastest, joined

MOST_LINKS_NAMED = 4
"""A person acts on a few names; of a longer list only the length is told."""


SOME_MAY_BE_MISSING = "; not everything that would do was found within the search limit"


class Why(NamedTuple):
    """What binds: the reason, words for it, and names."""

    reason: Reason
    message: str
    binding: Binding = Binding()


def explain(network: Network, request: PathRequest, budget: Budget) -> Refusal:
    """The refusal of a request that has no route, its relaxations ordered by relative change.

    ``budget`` is for all searches of the explanation together; when it does not suffice, the message says so.
    """
    return refusal(network, request, why(network, request, budget), budget)


def refusal(network: Network, request: PathRequest, found_why: Why, budget: Budget) -> Refusal:
    """The refusal with all single changes that would do, as far as the budget reaches."""
    reason, message, binding = found_why
    found: list[Option] = []
    try:
        found.extend(options(network, request, budget))
    except SearchLimit:
        message += SOME_MAY_BE_MISSING
    found.sort(key=lambda option: option.change)
    dropped = [f"{option.dropped} ({option.relaxation.field})" for option in found if option.dropped]
    if dropped:
        message += f"; it would do not to avoid {' or '.join(dropped)}"
    relaxations = tuple(option.relaxation for option in found)
    return Refusal(reason=reason, message=message, relaxations=relaxations, binding=binding)


def why(network: Network, request: PathRequest, budget: Budget) -> Why:
    """What binds, and the words for it: put one constraint after the other on a request that has none, until no route
    is left."""
    bare = PathRequest(a=request.a, z=request.z, cir_bps=PerDirection.both(0), mtu_bytes=0, wrap_bytes=0)
    if not joined(network, bare):
        return _out_of_service(network, bare)
    avoiding = replace(bare, avoid=request.avoid)
    if not joined(network, avoiding):
        return _all_avoided(network, bare, avoiding)
    wide = replace(avoiding, mtu_bytes=request.mtu_bytes, wrap_bytes=request.wrap_bytes)
    if not joined(network, wide):
        return _too_narrow(network, avoiding, wide)
    rated = replace(wide, cir_bps=request.cir_bps)
    if not joined(network, rated):
        return _full(network, wide, rated)
    return _too_slow(network, request, budget)


def _out_of_service(network: Network, bare: PathRequest) -> Why:
    down = [end for end in (bare.a, bare.z) if not network.node_in_service(end)]
    if down:
        message = f"{' and '.join(down)} {'is' if len(down) == 1 else 'are'} out of service (disabled or down)"
        return Why(Reason.NO_PATH, message, Binding(nodes=tuple(down)))
    blocking = blocking_links(
        network, bare.a, bare.z, wanted=lambda link, direction: True, admits=qualifying(network, bare)
    )
    if not blocking:
        return Why(Reason.NO_PATH, f"no route joins {bare.a} and {bare.z} in this topology")
    message = f"no route joins {bare.a} and {bare.z} in service{_every_route(blocking, _name)}"
    return Why(Reason.NO_PATH, message, Binding(links=binding_links(network, blocking)))


def _all_avoided(network: Network, bare: PathRequest, avoiding: PathRequest) -> Why:
    named = [end for end in (bare.a, bare.z) if avoided(network.topology.node[end], avoiding.avoid)]
    if named:
        message = f"{' and '.join(named)} {'is' if len(named) == 1 else 'are'} to be avoided, but the line ends there"
        return Why(Reason.NO_PATH, message, Binding(nodes=tuple(named)))
    blocking = _blocking(network, bare, avoiding)
    message = f"every route from {bare.a} to {bare.z} uses what is to be avoided{_every_route(blocking, _name)}"
    ends = dict.fromkeys(end for link in blocking for end in (link.a, link.z))
    shared = dict.fromkeys(srlg for link in blocking for srlg in link.srlgs)
    binding = Binding(
        links=binding_links(network, blocking),
        nodes=tuple(end for end in ends if avoided(network.topology.node[end], avoiding.avoid)),
        srlgs=tuple(srlg for srlg in shared if srlg in avoiding.avoid.srlgs),
    )
    return Why(Reason.NO_PATH, message, binding)


def _too_narrow(network: Network, avoiding: PathRequest, wide: PathRequest) -> Why:
    blocking = _blocking(network, avoiding, wide)
    cut = _every_route(blocking, lambda link: f"{link.name} ({link.mtu_bytes} bytes)")
    needed = f"{wide.mtu_bytes} and {wide.wrap_bytes} for the encapsulation"
    message = f"no route from {wide.a} to {wide.z} has an MTU of {wide.link_mtu_bytes} bytes ({needed}){cut}"
    return Why(Reason.MTU_TOO_SMALL, message, Binding(links=binding_links(network, blocking)))


def _full(network: Network, wide: PathRequest, rated: PathRequest) -> Why:
    blocking = _blocking(network, wide, rated)
    cut = _every_route(blocking, lambda link: f"{link.name} ({_free(network, link)})")
    message = f"no route from {rated.a} to {rated.z} has {_rate(network, rated)} free{cut}"
    return Why(Reason.NO_BANDWIDTH, message, Binding(links=binding_links(network, blocking)))


def _too_slow(network: Network, request: PathRequest, budget: Budget) -> Why:
    """The least delay at the asked rate, and whether it is bandwidth that keeps the line from a faster route."""
    assert request.max_delay_ns is not None, "a request without a bound cannot fail on delay"
    bound = format_delay(request.max_delay_ns)
    message = f"no route from {request.a} to {request.z} with {_rate(network, request)} free is within {bound} one way"
    try:
        best = fastest(network, request, budget)
        empty = fastest(network, replace(request, cir_bps=PerDirection.both(0)), budget)
    except SearchLimit:
        return Why(Reason.DELAY_BOUND_UNREACHABLE, message)
    full: list[Link] = []
    if best is not None:
        message += f": the least is {format_delay(max(best.delay_ns))}, by {_via(best)}"
    if empty is not None and max(empty.delay_ns) <= request.max_delay_ns:
        qualifies = qualifying(network, request)
        full = [link for link, direction in empty.route.hops(network.topology) if not qualifies(link, direction)]
        what = ", ".join(f"{link.name} ({_free(network, link)})" for link in full)
        message += f"; a route of {format_delay(max(empty.delay_ns))} exists, but on it is full: {what}"
    binding = Binding(links=binding_links(network, full), least_delay_ns=None if best is None else max(best.delay_ns))
    return Why(Reason.DELAY_BOUND_UNREACHABLE, message, binding)


def binding_links(network: Network, links: Iterable[Link]) -> tuple[BindingLink, ...]:
    """The links with what is free on them."""
    return tuple(
        BindingLink(
            link=link.name,
            free_bps=PerDirection(*(network.residual_bps(link, direction) for direction in Direction)),
        )
        for link in links
    )


def _blocking(network: Network, without: PathRequest, constrained: PathRequest) -> tuple[Link, ...]:
    """The fewest links that the added constraint takes from all routes that there are without it."""
    return blocking_links(
        network, without.a, without.z, wanted=qualifying(network, without), admits=qualifying(network, constrained)
    )


def _every_route(links: tuple[Link, ...], describe: Callable[[Link], str]) -> str:
    if len(links) > MOST_LINKS_NAMED:
        return f"; at least {len(links)} links stand in the way"
    if len(links) == 1:
        return f"; every route would have to cross {describe(links[0])}"
    return f"; every route would have to cross one of {', '.join(map(describe, links))}"


def _name(link: Link) -> str:
    return link.name


def _via(path: PlacedPath) -> str:
    return ", ".join(path.route.links)


def _rate(network: Network, request: PathRequest) -> str:
    """What each link must have: the rate with the overhead of a reservation."""
    there, back = map(format_rate, request.reserved_bps(network.topology))
    return there if there == back else f"{there} aToZ and {back} zToA"


def _free(network: Network, link: Link) -> str:
    free = (f"{format_rate(network.residual_bps(link, which))} {which}" for which in Direction)
    return f"free: {', '.join(free)}"
