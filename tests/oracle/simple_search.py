"""The simple search: what the engine has to agree with. It reads the networkx graph, never the mirror.

The best route under a bound on the delay of each direction, exactly.

Label-setting with dominance (Hansen 1980; Martins 1984): a label is a route from the start to some node. Labels are
expanded in the order of (rank, number of links, names of the links), so the first that reaches the end is the answer,
ties included. With a bound, the delays of the two directions are resources: a label is dropped if one that was
expanded before it at the same node is no slower in either direction, for whatever continues the dropped one then
continues the other one at least as well. With equal delays both ways, or without a bound, one label a
node remains and the search is Dijkstra's; with unequal ones the labels of a node can become many, hence the budget.

Routes come out simple without a check: a label that returns to a node is no faster, has more links, and is dominated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from controller.domain.intents import Objective
from controller.domain.placement import PlacedPath, Route
from controller.domain.topology import PerDirection
from controller.paths import budget
from controller.paths.budget import SearchLimit
from controller.paths.network import Network
from controller.paths.qualify import LinkFilter, end_qualifies, qualifying
from controller.paths.request import PathRequest

Rank = Callable[[int, int, int], int]
"""(delay from a to z, delay from z to a, cost) -> what is to be least. It must not fall as a route grows."""


def total_delay(there_ns: int, back_ns: int, cost: int) -> int:
    return there_ns + back_ns


def slower_delay(there_ns: int, back_ns: int, cost: int) -> int:
    return max(there_ns, back_ns)


def total_cost(there_ns: int, back_ns: int, cost: int) -> int:
    return cost


RANKS: dict[Objective, Rank] = {Objective.DELAY: total_delay, Objective.COST: total_cost}


class Budget(budget.Budget):
    def spend(self) -> None:
        if self.labels <= 0:
            raise SearchLimit
        self.labels -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The links of a route in order, and its delay from a to z and from z to a."""

    links: tuple[str, ...]
    delay_ns: PerDirection[int]


def find(network: Network, request: PathRequest, budget: Budget, rank: Rank | None = None) -> PlacedPath | None:
    """The best route for ``request`` by its objective, or by ``rank``; ``None``: proved that there is none.

    Ties: fewest links, then the smallest sequence of link names. Raises ``SearchLimit``.
    """
    if not all(end_qualifies(network, end, request.avoid) for end in (request.a, request.z)):
        return None
    by = RANKS[request.objective] if rank is None else rank
    found = best_route(
        network,
        request.a,
        request.z,
        qualifying(network, request),
        rank=by,
        bound_ns=request.max_delay_ns,
        budget=budget,
    )
    if found is None:
        return None
    return PlacedPath(
        role="working",
        route=_route(network, request.a, found.links),
        delay_ns=found.delay_ns,
        reserved_bps=request.reserved_bps(network.topology),
    )


def fastest(network: Network, request: PathRequest, budget: Budget) -> PlacedPath | None:
    """The route whose slower direction is least, whatever bound the request has: no lower bound has a route."""
    quick = find(network, replace(request, max_delay_ns=None), budget, rank=total_delay)
    if quick is None:
        return None
    # The route of the least total need not be the answer, but its slower direction is a bound that the answer keeps.
    return find(network, replace(request, max_delay_ns=max(quick.delay_ns)), budget, rank=slower_delay)


def best_route(
    network: Network, start: str, end: str, admits: LinkFilter, *, rank: Rank, bound_ns: int | None, budget: Budget
) -> Found | None:
    """The route from ``start`` to ``end`` over admitted links that ranks least; ``bound_ns`` holds for each direction.

    Without a bound only ``total_delay`` and ``total_cost`` are exact: the larger of two sums is no sum.
    """
    rest_there: dict[str, int] = {}
    rest_back: dict[str, int] = {}
    if bound_ns is not None:
        rest_there, rest_back = _rest_of_delay(network, end, admits)
    expanded: dict[str, list[tuple[int, int]]] = {}
    labels: list[tuple[int, int, tuple[str, ...], str, int, int, int]] = [(0, 0, (), start, 0, 0, 0)]
    while labels:
        _, hops, names, node, there, back, cost = heappop(labels)
        earlier = expanded.setdefault(node, [])
        if earlier and (bound_ns is None or any(t <= there and b <= back for t, b in earlier)):
            continue
        if node == end:
            return Found(links=names, delay_ns=PerDirection(there, back))
        budget.spend()
        earlier.append((there, back))
        for link, direction in network.links_at(node):
            if not admits(link, direction):
                continue
            head = link.ends(direction)[1]
            new_there = there + network.crossing_delay_ns(link, direction)
            new_back = back + network.crossing_delay_ns(link, direction.reverse)
            if bound_ns is not None and (
                head not in rest_there
                or new_there + rest_there[head] > bound_ns
                or new_back + rest_back[head] > bound_ns
            ):
                continue
            new_cost = cost + link.cost
            value = rank(new_there, new_back, new_cost)
            heappush(labels, (value, hops + 1, (*names, link.name), head, new_there, new_back, new_cost))
    return None


def _rest_of_delay(network: Network, end: str, admits: LinkFilter) -> tuple[dict[str, int], dict[str, int]]:
    """Least delay from each node to ``end``, and from ``end`` back to it, over the links that a route may use.

    A lower bound on what any route from there still adds; a node that is missing cannot reach ``end`` at all.
    """
    return _least_delays(network, end, admits, back=False), _least_delays(network, end, admits, back=True)


def _least_delays(network: Network, end: str, admits: LinkFilter, *, back: bool) -> dict[str, int]:
    """Dijkstra outward from ``end``; a route crosses each link the other way, towards ``end``."""
    least: dict[str, int] = {}
    queue = [(0, end)]
    while queue:
        delay_ns, node = heappop(queue)
        if node in least:
            continue
        least[node] = delay_ns
        for link, outward in network.links_at(node):
            head = link.ends(outward)[1]
            if head not in least and admits(link, outward.reverse):
                crossed = outward if back else outward.reverse
                heappush(queue, (delay_ns + network.crossing_delay_ns(link, crossed), head))
    return least


def _route(network: Network, start: str, links: tuple[str, ...]) -> Route:
    nodes = [start]
    for name in links:
        link = network.topology.link[name]
        nodes.append(link.ends(link.direction_from(nodes[-1]))[1])
    return Route(nodes=tuple(nodes), links=links)
