"""One line into the working network: its route, its reservation, its trunks and its numbers."""

from __future__ import annotations

from dataclasses import replace

from controller.compiler.inventory import Inventory
from controller.compiler.pools import PoolExhausted
from controller.domain.errors import Reason, Refusal
from controller.domain.intents import PrivateLine
from controller.domain.placement import PlacedLine, PlacedPath
from controller.domain.topology import PerDirection
from controller.paths.admission import least
from controller.paths.network import Network
from controller.paths.request import PathRequest


def place(
    network: Network, inventory: Inventory, line: PrivateLine, request: PathRequest, was: PlacedLine | None
) -> PlacedLine | Refusal:
    """Find the line a route, reserve it and take the line in, or change nothing and say why not.

    ``was`` is what the line has now, withdrawn from ``inventory`` but still reserved in ``network``: the
    line is planned as if that were free, and keeps the reservation when it is refused.
    """
    if was is not None:
        network.release(line.key)
    placed = _find(network, inventory, line, request, was)
    if not isinstance(placed, Refusal):
        network.reserve(line.key, placed.reservations(inventory.topology))
        inventory.enter(placed)
    elif was is not None:
        network.reserve(line.key, was.reservations(inventory.topology))
    return placed


def _find(
    network: Network, inventory: Inventory, line: PrivateLine, request: PathRequest, was: PlacedLine | None
) -> PlacedLine | Refusal:
    path = least(network, request)
    if isinstance(path, Refusal):
        return path
    if was is not None and was.working.route == path.route and _same_on_devices(line, was.line):
        return replace(was, line=line, paths=(path,))
    try:
        with inventory.all_or_nothing():
            return _numbered(inventory, line, path, was)
    except PoolExhausted as error:
        return Refusal(reason=Reason.TABLE_FULL, message=str(error))


def _numbered(inventory: Inventory, line: PrivateLine, path: PlacedPath, was: PlacedLine | None) -> PlacedLine:
    """A changed line gets new labels and meters, so that every packet sees the old line or the new one, whole."""
    site = inventory.topology.site
    trunks = PerDirection.both(0)
    if path.route.links:
        trunks = PerDirection(inventory.trunk_along(path.route).label, inventory.trunk_along(path.route.reversed).label)
    return PlacedLine(
        line=line,
        number=inventory.numbers.take() if was is None else was.number,
        paths=(path,),
        service_label=PerDirection(inventory.service_labels.take(), inventory.service_labels.take()),
        trunk_label=trunks,
        meter_id=PerDirection(
            inventory.meter_ids[site[line.a.site].node].take(), inventory.meter_ids[site[line.z.site].node].take()
        ),
    )


def _same_on_devices(line: PrivateLine, other: PrivateLine) -> bool:
    """Whether two specifications on one route need the same rules."""
    return (line.a, line.z, line.cir_bps, line.mtu_bytes) == (other.a, other.z, other.cir_bps, other.mtu_bytes)
