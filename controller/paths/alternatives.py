"""Why this route and no other: the routes beside the chosen one, in the order of the objective, and what each lacks.

Better routes than the chosen one cannot be used: each is named with every constraint that it breaks, link by link.
Those behind it may be possible and are just worse. Routes over links that are out of service count, too: a person who
asks why the short way is not taken has to hear that it is down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from controller.domain.errors import Reason
from controller.domain.intents import Avoid, Disjointness, Objective
from controller.domain.placement import PlacedPath
from controller.domain.topology import Direction, Link, PerDirection, Role, Topology
from controller.domain.units import format_delay, format_rate
from controller.paths.budget import Budget, SearchLimit
from controller.paths.finding import find_path
from controller.paths.kshortest import shortest
from controller.paths.network import Network
from controller.paths.qualify import avoided
from controller.paths.request import PathRequest

MOST_BETTER = 4
"""Routes named before the chosen one, the best first: a person wants to know of the obvious ones."""
MOST_NEXT = 3
"""Routes named behind the chosen one, of which one is possible if any is."""
MOST_LOOKED_AT = 24


class Standing(StrEnum):
    CHOSEN = "CHOSEN"
    POSSIBLE = "POSSIBLE"
    NOT_POSSIBLE = "NOT_POSSIBLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """One thing that a route does not have; ``link`` is empty when it is the route as a whole."""

    reason: Reason
    message: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A route, its delay now, its cost, and why it is not the chosen one."""

    path: PlacedPath
    cost: int
    standing: Standing
    message: str
    lacks: tuple[Lack, ...] = ()


def alternatives(
    network: Network, request: PathRequest, chosen: PlacedPath | None, budget: Budget
) -> tuple[Candidate, ...]:
    """The routes around ``chosen`` in the order of the objective; without it, the best that the graph has.

    What the line itself holds is not reserved in ``network``. With ``disjoint``, the routes are those that the working
    path could take, and one is possible if another is left apart from it. Raises nothing: where the search for a
    possible route ends at its limit, it is left out.
    """
    judge = _Judge(network, request, budget)
    with _all_in_service(network):
        bare = _bare(request)
        known = {path.route.links: path for path in shortest(network, bare, MOST_LOOKED_AT, Budget())}
    for path in judge.possible():
        known.setdefault(path.route.links, path)
    place = None
    if chosen is not None:
        known[chosen.route.links] = replace(chosen, delay_ns=judge.delay_ns(chosen))
        place = judge.rank(known[chosen.route.links])
    ordered = sorted(known.values(), key=judge.rank)
    if place is None:
        return tuple(judge.judged(path, None) for path in ordered[:MOST_BETTER])
    better = [path for path in ordered if judge.rank(path) < place]
    worse = [path for path in ordered if judge.rank(path) > place]
    middle = known[place[2]]
    shown = [judge.judged(path, middle) for path in worse[:MOST_NEXT]]
    if worse and not any(one.standing is Standing.POSSIBLE for one in shown):
        others = (judge.judged(path, middle) for path in worse[MOST_NEXT:])
        shown += [one for one in others if one.standing is Standing.POSSIBLE][:1]
    return (*(judge.judged(path, middle) for path in better[:MOST_BETTER]), judge.judged(middle, middle), *shown)


def _bare(request: PathRequest) -> PathRequest:
    """The same ends and objective, and nothing else asked."""
    free = PerDirection.both(0)
    return PathRequest(a=request.a, z=request.z, cir_bps=free, mtu_bytes=0, wrap_bytes=0, objective=request.objective)


@contextmanager
def _all_in_service(network: Network) -> Iterator[None]:
    """Inside, every link and node is in service; OTN nodes only if they were before, for whom looks for light."""
    with network.trial():
        for node in network.topology.nodes:
            if not network.node_in_service(node.name) and node.role is not Role.OTN:
                network.set_node_enabled(node.name, True)
                network.set_node_up(node.name, True)
        for link in network.topology.links:
            if not network.in_service(link):
                network.set_link_enabled(link, True)
                network.set_link_up(link, True)
        yield


def lacks(network: Network, request: PathRequest, path: PlacedPath) -> tuple[Lack, ...]:
    """What of all that is asked of a route by itself this one does not have now; ``delay_ns`` is that of now. What the
    line itself holds is not reserved in ``network``."""
    return tuple(_Judge(network, request, Budget())._lacks(path))


def apart(topology: Topology, disjoint: Disjointness, working: PlacedPath, protect: PlacedPath) -> bool:
    """Whether two routes with the same ends have nothing in common that they must not have."""
    routes = working.route, protect.route
    links = [set(route.links) for route in routes]
    nodes = [set(route.nodes[1:-1]) for route in routes]
    risks = [{srlg for name in route.links for srlg in topology.link[name].srlgs} for route in routes]
    return (
        links[0].isdisjoint(links[1])
        and (disjoint is not Disjointness.NODE or nodes[0].isdisjoint(nodes[1]))
        and (disjoint is not Disjointness.SRLG or risks[0].isdisjoint(risks[1]))
    )


Rank = tuple[int, int, tuple[str, ...]]


class _Judge:
    """Knows what is asked, and tells of a route where it stands."""

    def __init__(self, network: Network, request: PathRequest, budget: Budget) -> None:
        self._network = network
        self._request = request
        self._budget = budget
        self._needed = request.reserved_bps(network.topology)

    def rank(self, path: PlacedPath) -> Rank:
        """Sorts routes as the search prefers them."""
        return (self._value(path), len(path.route.links), path.route.links)

    def delay_ns(self, path: PlacedPath) -> PerDirection[int]:
        """As it is now; that of a placed path is as it was then."""
        hops = list(path.route.hops(self._network.topology))
        there = sum(self._network.crossing_delay_ns(link, direction) for link, direction in hops)
        back = sum(self._network.crossing_delay_ns(link, direction.reverse) for link, direction in hops)
        return PerDirection(there, back)

    def possible(self) -> tuple[PlacedPath, ...]:
        """The first routes that have all that is asked of one route by itself."""
        try:
            plain = replace(self._request, via=(), disjoint=None)
            return shortest(self._network, plain, MOST_LOOKED_AT, self._budget)
        except SearchLimit:
            return ()

    def judged(self, path: PlacedPath, chosen: PlacedPath | None) -> Candidate:
        lacks = tuple(self._lacks(path))
        if chosen is not None and path.route == chosen.route:
            standing, message = Standing.CHOSEN, f"the best by {self._request.objective} of those that are possible"
            if lacks:
                message = f"as placed; now {'; '.join(lack.message for lack in lacks)}"
        elif lacks:
            standing, message = Standing.NOT_POSSIBLE, "; ".join(lack.message for lack in lacks)
        else:
            standing, message = Standing.POSSIBLE, "possible" if chosen is None else self._compared(path, chosen)
        return Candidate(path=path, cost=self._cost(path), standing=standing, message=message, lacks=lacks)

    def _compared(self, path: PlacedPath, chosen: PlacedPath) -> str:
        """How a possible route differs from the chosen one."""
        more = self._value(path) - self._value(chosen)
        if self.rank(path) < self.rank(chosen):
            return "possible and better now; a line that is placed stays where it is"
        if more == 0:
            links = len(path.route.links) - len(chosen.route.links)
            return f"possible, equal by {self._request.objective}, but {_by_ties(links)}"
        if self._request.objective is Objective.COST:
            return f"possible, but its cost is {more} more"
        return f"possible, but {format_delay(more)} longer there and back"

    def _value(self, path: PlacedPath) -> int:
        return self._cost(path) if self._request.objective is Objective.COST else sum(path.delay_ns)

    def _cost(self, path: PlacedPath) -> int:
        return sum(self._network.topology.link[name].cost for name in path.route.links)

    def _lacks(self, path: PlacedPath) -> Iterator[Lack]:
        request = self._request
        for name in path.route.nodes:
            if not self._network.node_in_service(name):
                yield Lack(reason=Reason.NO_PATH, message=f"{name} is out of service")
            if avoided(self._network.topology.node[name], request.avoid):
                yield Lack(reason=Reason.NO_PATH, message=f"{name} is to be avoided")
        for link, direction in path.route.hops(self._network.topology):
            yield from self._lacks_of(link, direction)
        bound = request.max_delay_ns
        if bound is not None and max(path.delay_ns) > bound:
            message = f"{format_delay(max(path.delay_ns))} one way is over {format_delay(bound)}"
            yield Lack(reason=Reason.DELAY_BOUND_UNREACHABLE, message=message)
        if not _passes(path.route.nodes, request.via):
            message = f"does not pass {', '.join(request.via)} in this order"
            yield Lack(reason=Reason.NO_PATH, message=message)
        if request.disjoint is not None and not self._leaves_another(path, request.disjoint):
            message = f"leaves no second route without {request.disjoint} in common"
            yield Lack(reason=Reason.NOT_DISJOINT, message=message)

    def _lacks_of(self, link: Link, direction: Direction) -> Iterator[Lack]:
        request, network = self._request, self._network
        if not network.in_service(link) and all(map(network.node_in_service, (link.a, link.z))):
            yield Lack(reason=Reason.NO_PATH, link=link.name, message=f"{link.name} is out of service")
        shared = sorted(set(request.avoid.srlgs).intersection(link.srlgs))
        if link.name in request.avoid.links:
            yield Lack(reason=Reason.NO_PATH, link=link.name, message=f"{link.name} is to be avoided")
        if shared:
            message = f"{link.name} is in {', '.join(shared)}, which is to be avoided"
            yield Lack(reason=Reason.NO_PATH, link=link.name, message=message)
        if link.mtu_bytes < request.link_mtu_bytes:
            message = f"{link.name} carries {link.mtu_bytes} bytes, {request.link_mtu_bytes} are needed"
            yield Lack(reason=Reason.MTU_TOO_SMALL, link=link.name, message=message)
        asked = ((self._needed.a_to_z, direction), (self._needed.z_to_a, direction.reverse))
        short = [(network.residual_bps(link, way), needed, way) for needed, way in asked]
        short = [(free, needed, way) for free, needed, way in short if free < needed]
        if len(short) == 2 and short[0][:2] == short[1][:2]:
            free, needed, _ = short[0]
            message = f"{link.name} has {format_rate(free)} free, {format_rate(needed)} needed"
        else:
            parts = (f"{format_rate(free)} free {way}, {format_rate(needed)} needed" for free, needed, way in short)
            message = f"{link.name} has {' and '.join(parts)}"
        if short:
            yield Lack(reason=Reason.NO_BANDWIDTH, link=link.name, message=message)

    def _leaves_another(self, path: PlacedPath, disjoint: Disjointness) -> bool:
        """Whether a second route is left; when that search ends at its limit, we do not say that there is none."""
        topology = self._network.topology
        asked = self._request.avoid
        nodes = path.route.nodes[1:-1] if disjoint is Disjointness.NODE else ()
        risks = [topology.link[name].srlgs for name in path.route.links] if disjoint is Disjointness.SRLG else []
        avoid = Avoid(
            nodes=asked.nodes + nodes,
            links=asked.links + path.route.links,
            srlgs=asked.srlgs + tuple(srlg for srlgs in risks for srlg in srlgs),
            regions=asked.regions,
        )
        try:
            return (
                find_path(self._network, replace(self._request, disjoint=None, avoid=avoid), self._budget) is not None
            )
        except SearchLimit:
            return True


def _passes(nodes: Sequence[str], via: Sequence[str]) -> bool:
    """Whether the nodes of ``via`` are among ``nodes`` in their order."""
    rest = iter(nodes)
    return all(wanted in rest for wanted in via)


def _by_ties(more_links: int) -> str:
    if more_links > 0:
        return f"it has {more_links} more {'link' if more_links == 1 else 'links'}"
    return "the other's links come first by name"
