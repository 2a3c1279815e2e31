"""The one route that traffic from a source takes to a gateway, whatever it is and however much."""

from __future__ import annotations

from collections.abc import Collection

from controller.domain.intents import Avoid
from controller.domain.placement import PlacedPath
from controller.domain.topology import PerDirection
from controller.paths.budget import Budget
from controller.paths.finding import find_path
from controller.paths.network import Network
from controller.paths.request import PathRequest


def egress_route(
    network: Network,
    source: str,
    node: str,
    links_down: Collection[str] = (),
    nodes_away: Collection[str] = (),
) -> PlacedPath | None:
    """That of least delay, there and back together as for lines, over links that carry frames, past nodes that are
    away; ``None``: there is none."""
    avoid = Avoid(links=tuple(sorted(links_down)), nodes=tuple(sorted(nodes_away)))
    request = PathRequest(a=source, z=node, cir_bps=PerDirection.both(0), avoid=avoid)
    return find_path(network, request, Budget())
