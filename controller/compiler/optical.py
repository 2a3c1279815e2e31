"""A line's way through both layers: which of them it may ride, what an ODU needs there, and why there is no way.

A network for packets keeps OTN nodes out of service. To look for a way over them, they are put into service on trial,
and what must not be used is taken out: links without room for the line's ODU, and, if the line is to ride the optical
layer alone, all links for packets. Then the searches of ``paths`` are exact here as there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

from controller.compiler.circuits import Circuits, Stretch, stretches
from controller.domain.errors import Binding, BindingLink, Reason, Refusal
from controller.domain.intents import Isolation, LayerChoice, PrivateLine
from controller.domain.otn import OduType, slots_taken, smallest_odu
from controller.domain.placement import PlacedLine, PlacedPath
from controller.domain.topology import Direction, Layer, Link, PerDirection, Role, Topology
from controller.domain.units import format_rate
from controller.paths.admission import least, least_pair
from controller.paths.budget import Budget, SearchLimit
from controller.paths.finding import find_paths
from controller.paths.network import Network
from controller.paths.options import Option
from controller.paths.relax import options
from controller.paths.relax_rate import rate_options
from controller.paths.request import PathRequest

MOST_LINKS_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What was found for a line. ``odu`` is that of its circuits, ``None`` on a way for packets alone; ``kept``: it
    goes on with the circuits that it has."""

    paths: tuple[PlacedPath, ...]
    odu: OduType | None = None
    kept: bool = False


def find_way(
    network: Network, circuits: Circuits, line: PrivateLine, request: PathRequest, was: PlacedLine | None
) -> Way | Refusal:
    """The best way in the layers that a line may ride. ``LayerChoice.AUTO`` takes the optical layer when the packet
    layer has none that will do, or when the line is to have its transmission for itself.

    ``was``: what the line has now. Its reservations are free in ``network``, its circuits are not in ``circuits``: it
    goes on with them as they are, or gets others, made before they go, so that it is never without.
    """
    over_packets: Way | Refusal | None = None
    if line.isolation is Isolation.SHARED and line.layer is not LayerChoice.OTN:
        over_packets = _over_packets(network, request)
        if line.layer is LayerChoice.PACKET or isinstance(over_packets, Way) or not _has_optical_layer(network):
            return over_packets
    over_light = _OpticalSearch(network, circuits, line, request, was).way()
    if isinstance(over_light, Refusal) and isinstance(over_packets, Refusal):
        return _neither(over_packets, over_light)
    return over_light


def optical_alone(line: PrivateLine) -> bool:
    """Whether the line must not use links for packets."""
    return line.layer is LayerChoice.OTN or line.isolation is Isolation.DEDICATED


def odu_for(line: PrivateLine, topology: Topology) -> OduType | None:
    """The smallest ODU that holds the larger of a line's rates; ``None`` when none does."""
    return smallest_odu(max(map(topology.reservation_bps, line.cir_bps)))


def has_room_for(circuits: Circuits, odu: OduType, own: Collection[str] = ()) -> Callable[[Link], bool]:
    """Which links of the optical layer an ODU may use: those with room, and those named."""
    return lambda link: link.name in own or circuits.has_room(link, odu)


@contextmanager
def optical_layer(network: Network, usable: Callable[[Link], bool], *, alone: bool) -> Iterator[None]:
    """Inside, searches cross the optical layer by its usable links. ``alone``: no link for packets is there."""
    topology = network.topology
    with network.trial():
        for node in topology.nodes:
            if node.role is Role.OTN and node.enabled:
                network.set_node_enabled(node.name, True)
        for link in topology.links:
            if alone if topology.layer(link) is Layer.PACKET else not usable(link):
                network.set_link_enabled(link, False)
        yield


def layers_of(
    network: Network, circuits: Circuits, line: PrivateLine, placed: PlacedLine | None
) -> AbstractContextManager[None]:
    """Inside, searches see what a line that is placed so, or is refused, may ride: the layer for packets, if it rides
    that alone or may not do otherwise, else the optical one as far as there is room."""
    odu = odu_for(line, network.topology)
    over_packets = placed is not None and not placed.circuits and not optical_alone(line)
    if odu is None or over_packets or line.layer is LayerChoice.PACKET or not _has_optical_layer(network):
        return nullcontext()
    own = {link for circuit in (() if placed is None else placed.circuits) for link in circuit.links}
    return optical_layer(network, has_room_for(circuits, odu, own), alone=optical_alone(line))


def _has_optical_layer(network: Network) -> bool:
    return any(node.role is Role.OTN for node in network.topology.nodes)


def _over_packets(network: Network, request: PathRequest) -> Way | Refusal:
    paths = _least(network, request)
    return paths if isinstance(paths, Refusal) else Way(paths=paths)


def _least(network: Network, request: PathRequest) -> tuple[PlacedPath, ...] | Refusal:
    if request.disjoint is not None:
        return least_pair(network, request)
    path = least(network, request)
    return path if isinstance(path, Refusal) else (path,)


class _OpticalSearch:
    """One line's search in the optical layer, alone or with that for packets."""

    def __init__(
        self, network: Network, circuits: Circuits, line: PrivateLine, request: PathRequest, was: PlacedLine | None
    ) -> None:
        self._network = network
        self._topology = network.topology
        self._circuits = circuits
        self._line = line
        self._request = request
        self._has = () if was is None else was.circuits
        self._alone = optical_alone(line)

    def way(self) -> Way | Refusal:
        odu = odu_for(self._line, self._topology)
        if odu is None:
            return self._too_large()
        if self._has and all(circuit.odu is odu for circuit in self._has):
            own = {link for circuit in self._has for link in circuit.links}
            paths = self._search(odu, own)
            if paths is not None and self._are_what_it_has(paths):
                return Way(paths=paths, odu=odu, kept=True)
        paths = self._search(odu)
        return self._refusal(odu) if paths is None else Way(paths=paths, odu=odu)

    def _search(self, odu: OduType, own: Collection[str] = (), request: PathRequest | None = None) -> _Paths:
        """``None``: there are none, or neither was proved."""
        asked = self._request if request is None else request
        with optical_layer(self._network, has_room_for(self._circuits, odu, own), alone=self._alone):
            try:
                return find_paths(self._network, asked, Budget())
            except SearchLimit:
                return None

    def _are_what_it_has(self, paths: tuple[PlacedPath, ...]) -> bool:
        found = [stretch for path in paths for stretch in stretches(self._topology, path.route)]
        return found == [
            Stretch(
                nodes=circuit.nodes,
                entry=circuit.entry,
                exit=circuit.exit,
                links=tuple(use.link for use in circuit.slots),
            )
            for circuit in self._has
        ]

    def _refusal(self, odu: OduType) -> Refusal:
        """Were there room everywhere, would there be a way? If not, the optical layer says no as that for packets
        does; if so, room is what it lacks. What would do is tried with the room there is."""
        with optical_layer(self._network, lambda link: True, alone=self._alone):
            anyway = _least(self._network, self._request)
        refusal = anyway if isinstance(anyway, Refusal) else self._no_room(odu, anyway)
        message = refusal.message
        found: list[Option] = []
        try:
            with optical_layer(self._network, has_room_for(self._circuits, odu), alone=self._alone):
                found += options(self._network, self._request, Budget())
            found = [option for option in found if not option.relaxation.field.startswith("spec.bandwidth")]
            found += rate_options(self._network, self._request, self._solves, self._largest_in_odus())
        except SearchLimit:
            message += "; not everything that would do was found within the search limit"
        found.sort(key=lambda option: option.change)
        return replace(refusal, message=message, relaxations=tuple(option.relaxation for option in found))

    def _solves(self, cir_bps: PerDirection[int]) -> bool:
        odu = smallest_odu(max(map(self._topology.reservation_bps, cir_bps)))
        return odu is not None and self._search(odu, request=replace(self._request, cir_bps=cir_bps)) is not None

    def _largest_in_odus(self) -> list[int]:
        """The largest CIR that each ODU holds."""
        return [int(odu.payload_bps / self._topology.overhead_factor) for odu in OduType]

    def _no_room(self, odu: OduType, anyway: tuple[PlacedPath, ...]) -> Refusal:
        """``anyway`` is the way that there would be."""
        full = [
            link
            for path in anyway
            for link, _ in path.route.hops(self._topology)
            if self._topology.layer(link) is Layer.OTN and not self._circuits.has_room(link, odu)
        ]
        if not full:
            message = f"the search for room for an {odu} ended without a proof either way; raise maxDelay"
            return Refusal(reason=Reason.SEARCH_LIMIT, message=message)
        named = ", ".join(self._fullness(link, odu) for link in full[:MOST_LINKS_NAMED])
        more = f" and {len(full) - MOST_LINKS_NAMED} more" if len(full) > MOST_LINKS_NAMED else ""
        return Refusal(
            reason=Reason.NO_BANDWIDTH,
            message=f"no room for an {odu} on any way as asked; on the best one {named}{more}",
            binding=Binding(links=tuple(BindingLink(link=link.name, free_bps=self._free(link)) for link in full)),
        )

    def _fullness(self, link: Link, odu: OduType) -> str:
        if self._topology.is_client_link(link):
            return f"client link {link.name} is in use"
        assert link.odu is not None
        needed = slots_taken(odu, link.odu)
        if needed is None:
            return f"{link.name} is an {link.odu}, in which no {odu} rides"
        return f"{link.name} has {link.slots - self._circuits.slots_used(link.name)} slots free, of {needed} needed"

    def _free(self, link: Link) -> PerDirection[int]:
        return PerDirection(*(self._network.residual_bps(link, direction) for direction in Direction))

    def _too_large(self) -> Refusal:
        most_bps = self._largest_in_odus()[-1]
        return Refusal(
            reason=Reason.NO_BANDWIDTH,
            message=f"no ODU holds {format_rate(max(self._line.cir_bps))}: the largest has room for "
            f"{format_rate(most_bps)}",
            relaxations=tuple(
                option.relaxation
                for option in rate_options(self._network, self._request, self._solves, self._largest_in_odus())
            ),
        )


_Paths = tuple[PlacedPath, ...] | None


def _neither(packets: Refusal, light: Refusal) -> Refusal:
    """No way for packets, and none over the optical layer: what either says. Of relaxations of one field, that of the
    packet layer stands, where it has one."""
    fields = {relaxation.field for relaxation in packets.relaxations}
    return replace(
        packets,
        message=f"{packets.message}; and over the optical layer: {light.message}",
        relaxations=(*packets.relaxations, *(one for one in light.relaxations if one.field not in fields)),
    )
