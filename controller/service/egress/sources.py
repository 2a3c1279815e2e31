"""Where a server has its routes from: a region map, dumps of routing tables, a station that routers connect to."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from controller.documents.regions import load_regions
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.regions import RegionMap
from controller.domain.topology import Topology
from controller.domain.validation import unknown
from controller.service.egress.following import PlannerWork, RouteFollowing
from controller.service.egress.routing import RouteLimits
from controller.southbound.routing.peers import gateways_by_address

if TYPE_CHECKING:  # os-ken is for those who have routes
    from controller.southbound.routing.mrt import Dump
    from controller.southbound.routing.station import BmpStation

log = logging.getLogger(__name__)


class RouteSources:
    """``ribs`` are dumps, each with the gateway that all of it is of, or ``None``; ``bmp`` where routers connect to, as
    ``HOST:PORT``; there those routes count that are before or (``post_policy``) after the routers' policies. Files are
    read at once: ``InvalidInput`` tells what is wrong with them."""

    def __init__(
        self,
        topology: Topology,
        regions: Path | None,
        ribs: Sequence[tuple[str | None, Path]] = (),
        bmp: str | None = None,
        *,
        post_policy: bool = False,
        most: RouteLimits | None = None,
    ) -> None:
        self.regions = RegionMap() if regions is None else load_regions(regions, topology)
        self._gateways = gateways_by_address(topology)
        self._dumps = [_dump(topology, self._gateways, name, file) for name, file in ribs]
        self._bmp = bmp
        self._post_policy = post_policy
        self.most = RouteLimits() if most is None else most
        self._mapped = regions is not None
        self._station: BmpStation | None = None
        self.any = bool(ribs) or bmp is not None
        """Whether there are routes to follow."""

    async def begin(self, planner: PlannerWork, following: RouteFollowing) -> None:
        """Tell what is known, before anything is decided, and listen for the rest; until that has been told, prefixes
        lead where they led before. ``OSError`` when nothing can listen there."""
        if self._bmp is not None:
            await planner.run(lambda one: one.wait_for_routes())
        elif self._mapped and not self._dumps:
            await planner.run(lambda one: one.follow_routes(None, self.regions, ()))
        for dump in self._dumps:
            following.routing.load(dump.feeds, dump.routes, f"file {dump.source}")
            log.info("%s: %d routes of %s", dump.source, len(dump.routes), ", ".join(dump.gateways))
        self._dumps = []
        if self._bmp is not None:
            from controller.southbound.routing.station import BmpStation

            host, _, port = self._bmp.rpartition(":")
            self._station = BmpStation(
                self._gateways, following.routing, post_policy=self._post_policy, most_paths=self.most.of_feed
            )
            log.info("BMP on %s:%d", host, await self._station.start(host.strip("[]"), int(port)))
        else:
            await following.follow()

    async def close(self) -> None:
        """Hear no more."""
        if self._station is not None:
            await self._station.close()


def _dump(topology: Topology, gateways: dict[str, str], name: str | None, file: Path) -> Dump:
    from controller.southbound.routing.mrt import load_dump

    known = [gateway.name for gateway in topology.gateways]
    if name is not None and name not in known:
        fault = unknown("", "gateway", name, known)
        raise InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, message=fault.message, source=f"--rib {name}="),))
    return load_dump(file, gateways, name)
