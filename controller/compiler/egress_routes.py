"""The one route that traffic from a source takes to a gateway or a site, whatever it is and however much."""

from __future__ import annotations

from collections.abc import Collection

from controller.domain.intents import Avoid
from controller.domain.placement import PlacedPath
from controller.domain.topology import PerDirection
from controller.paths.budget import Budget
from controller.paths.finding import find_path
from controller.paths.network import Network
from controller.paths.request import PathRequest


class EgressRoutes:
    """Routes of least delay, there and back together as for lines, over links of ``network`` that carry frames and are
    not in ``links_down``. Each is looked for once; for one decision, as it does not see the network change."""

    def __init__(self, network: Network, links_down: Collection[str] = ()) -> None:
        self.network = network
        self._links_down = tuple(sorted(links_down))
        self._found: dict[tuple[str, str], PlacedPath | None] = {}

    def find(self, source: str, node: str) -> PlacedPath | None:
        """Between two nodes; ``None``: there is none."""
        ends = (source, node)
        if ends not in self._found:
            self._found[ends] = self.find_past(source, node, ())
        return self._found[ends]

    def find_past(self, source: str, node: str, nodes_away: Collection[str]) -> PlacedPath | None:
        """Past nodes that are away; looked for each time."""
        avoid = Avoid(links=self._links_down, nodes=tuple(sorted(nodes_away)))
        request = PathRequest(a=source, z=node, cir_bps=PerDirection.both(0), avoid=avoid)
        return find_path(self.network, request, Budget())
