"""One request, one answer: with little around the search, as it is the search of a single line that somebody waits for.

``find`` speaks in requests and paths; ``route`` takes and gives plain values, in a microsecond and the search itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from controller.domain.placement import PlacedPath
from controller.domain.topology import PerDirection
from controller.paths.budget import LABEL_BUDGET, Budget, SearchLimit
from controller.paths.kernels.layout import BY_DELAY, BY_SLOWER, FOUND, HOPELESS, LIMIT, MTU_SHIFT, UNBOUNDED
from controller.paths.network import Network
from controller.paths.questions import (
    NO_BARS,
    Int32s,
    avoids_something,
    barred_links,
    cells,
    ends_barred,
    path_of,
)
from controller.paths.request import PathRequest


class Found(NamedTuple):
    """The links of a route in order, and its delay from a to z and from z to a in ns."""

    links: tuple[str, ...]
    there_ns: int
    back_ns: int


def find(network: Network, request: PathRequest, budget: Budget) -> PlacedPath | None:
    """The best route for ``request`` by its objective; ``None``: proved that there is none.

    Ties: fewest links, then the smallest sequence of link names. Raises ``SearchLimit``; ``ValueError`` if more than
    one plain route is asked for (``finding`` is for all requests).
    """
    return _find(network, request, budget, by=None)


def fastest(network: Network, request: PathRequest, budget: Budget) -> PlacedPath | None:
    """The route whose slower direction is least, whatever bound the request has: no lower bound has a route.

    Of several such routes the one that is best by the request's objective. Raises ``SearchLimit``.
    """
    quick = _find(network, replace(request, max_delay_ns=None), budget, by=BY_SLOWER)
    return None if quick is None else find(network, replace(request, max_delay_ns=max(quick.delay_ns)), budget)


def joined(network: Network, request: PathRequest) -> bool:
    """Whether any route at all has what ``request`` asks of its links, whatever its delay. Needs no budget."""
    from controller.paths.kernels.answering import bar_links
    from controller.paths.kernels.search import enclosed

    mirror, work = network.mirror, network.mirror.work
    bars, hopeless = _bars(network, request)
    a, z, there, back, mtu, _, _ = cells(network, mirror, request, hopeless=hopeless)
    if hopeless or not (network.node_in_service(request.a) and network.node_in_service(request.z)):
        return False
    bar_links(work.arrays, bars, 0, len(bars))
    return a == z or not enclosed(mirror.graph, work.arrays, a, z, there, back, mtu, len(mirror.nodes) + 1)


def route(
    network: Network,
    a: str,
    z: str,
    there_bps: int,
    back_bps: int = 0,
    *,
    link_mtu_bytes: int = 0,
    max_delay_ns: int | None = None,
) -> Found | None:
    """The least-delay route whose links have the rates free and the MTU, as ``find`` does; rates include overhead.

    ``None``: proved that there is none. Raises ``SearchLimit``, and ``KeyError`` for an unknown node.
    """
    mirror = network.mirror
    number = mirror.node_number
    bound = UNBOUNDED if max_delay_ns is None else max_delay_ns
    mtu = link_mtu_bytes << MTU_SHIFT
    mirror.ask(NO_BARS, number[a], number[z], there_bps, back_bps, mtu, bound, BY_DELAY, LABEL_BUDGET)
    status, hops, _, there_ns, back_ns, _ = mirror.work.answer_cells.tolist()
    if status == FOUND:
        names = mirror.arc_names
        return Found(tuple([names[arc] for arc in mirror.work.trail_cells[:hops].tolist()]), there_ns, back_ns)
    if status == LIMIT:
        raise SearchLimit
    return None


def _find(network: Network, request: PathRequest, budget: Budget, by: int | None) -> PlacedPath | None:
    request.must_be_plain()
    mirror = network.mirror
    bars, hopeless = _bars(network, request)
    question = cells(network, mirror, request, hopeless=hopeless)
    if by is not None and question[-1] != HOPELESS:
        question = (*question[:-1], by)
    budget.labels -= mirror.ask(bars, *question, budget.labels)
    status, hops, _, there_ns, back_ns, _ = mirror.work.answer_cells.tolist()
    if status == FOUND:
        return path_of(
            mirror,
            question[0],
            mirror.work.trail_cells[:hops].tolist(),
            PerDirection(there_ns, back_ns),
            PerDirection(question[2], question[3]),
        )
    if status == LIMIT:
        raise SearchLimit
    return None


def _bars(network: Network, request: PathRequest) -> tuple[Int32s, bool]:
    """(the links not to be used, whether an end of the request is not to be used)."""
    if not avoids_something(request.avoid):
        return NO_BARS, False
    return np.array(sorted(barred_links(network, request.avoid)), np.int32), ends_barred(network, request)
