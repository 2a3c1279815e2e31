"""One line into the working network: its route or pair of routes, its reservation, its trunks and its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.compiler.circuits import stretch_of, stretches
from controller.compiler.inventory import Inventory
from controller.compiler.optical import Way, find_way
from controller.compiler.pools import PoolExhausted
from controller.domain.errors import Reason, Refusal
from controller.domain.intents import PrivateLine
from controller.domain.placement import Circuit, PlacedLine, Route
from controller.domain.topology import PerDirection
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
    way = find_way(network, inventory.circuits, line, request, was)
    if isinstance(way, Refusal):
        return way
    paths, routes = way.paths, tuple(path.route for path in way.paths)
    if was is not None and was.routes == routes and _same_on_devices(line, was.line):
        # The circuits are the same, too: others would need client ports beside those that it has.
        return replace(was, line=line, paths=paths)
    try:
        with inventory.all_or_nothing():
            return _numbered(inventory, line, way, was)
    except PoolExhausted as error:
        return Refusal(reason=Reason.TABLE_FULL, message=str(error))


def _numbered(inventory: Inventory, line: PrivateLine, way: Way, was: PlacedLine | None) -> PlacedLine:
    """A changed line gets new labels and meters, so that every packet sees the old line or the new one, whole. Its
    circuits stay, or it gets others beside them."""
    paths = way.paths
    site = inventory.topology.site
    there = _ridden(inventory, tuple(path.route for path in paths))
    back = _ridden(inventory, tuple(path.route.reversed for path in paths))
    return PlacedLine(
        line=line,
        number=inventory.numbers.take() if was is None else was.number,
        paths=paths,
        service_label=PerDirection(inventory.service_labels.take(), inventory.service_labels.take()),
        trunk_label=PerDirection(there[0], back[0]),
        protect_label=PerDirection(there[1], back[1]),
        meter_id=PerDirection(
            inventory.meter_ids[site[line.a.site].node].take(), inventory.meter_ids[site[line.z.site].node].take()
        ),
        circuits=tuple(_circuits(inventory, way, () if was is None else was.circuits)),
    )


def _circuits(inventory: Inventory, way: Way, has: tuple[Circuit, ...]) -> Iterator[Circuit]:
    """Those on the way, in order: of them that the line ``has``, these."""
    if way.odu is None:
        return
    kept = {stretch_of(circuit): circuit for circuit in has if circuit.odu is way.odu}
    for path in way.paths:
        for stretch in stretches(inventory.topology, path.route):
            yield kept[stretch] if stretch in kept else inventory.circuits.take(way.odu, stretch)


def _ridden(inventory: Inventory, routes: tuple[Route, ...]) -> tuple[int, int]:
    """The labels of the working and the protect trunk along these routes of one direction, 0 where there is none."""
    if not routes[0].links:
        return 0, 0
    working, *others = (inventory.trunk_along(route) for route in routes)
    for protect in others:
        return inventory.pair_of(working, protect).key
    return working.label, 0


def _same_on_devices(line: PrivateLine, other: PrivateLine) -> bool:
    """Whether two specifications on the same routes need the same rules."""
    return (line.a, line.z, line.cir_bps, line.mtu_bytes) == (other.a, other.z, other.cir_bps, other.mtu_bytes)
