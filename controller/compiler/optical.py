"""A line's way through both layers: which of them it may ride, what an ODU needs there, and why there is no way.

A network for packets keeps OTN nodes out of service. To look for a way over them, they are put into service on trial,
and what must not be used is taken out: links without room for the line's ODU, and, if the line is to ride the optical
layer alone, all links for packets. Then the searches of ``paths`` are exact here as there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

from controller.compiler.circuits import Circuits, stretch_of, stretches
from controller.domain.errors import Binding, BindingLink, Reason, Refusal
from controller.domain.intents import Isolation, LayerChoice, Objective, PrivateLine
from controller.domain.otn import OduType, slots_taken, smallest_odu
from controller.domain.placement import Circuit, PlacedLine, PlacedPath
from controller.domain.topology import Direction, Layer, Link, PerDirection, Role, Topology
from controller.domain.units import format_rate
from controller.paths.admission import least, least_pair, undecided
from controller.paths.budget import LABEL_BUDGET, Budget, SearchLimit
from controller.paths.explain import SOME_MAY_BE_MISSING
from controller.paths.finding import find_paths
from controller.paths.network import Network
from controller.paths.options import Option, nearest
from controller.paths.relax import finder, other_options
from controller.paths.relax_rate import rate_options
from controller.paths.request import PathRequest

MOST_LINKS_NAMED = 4

Usable = Callable[[Link], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What was found for a line. ``odu`` is that of its circuits, ``None`` on a way for packets alone."""

    paths: tuple[PlacedPath, ...]
    odu: OduType | None = None


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
        # Where the optical layer is, that for packets is, too: what binds, and what would do, is told of both together.
        both = f"{over_packets.message}; and over the optical layer: {over_light.message}"
        return replace(over_light, message=both)
    return over_light


def optical_alone(line: PrivateLine) -> bool:
    """Whether the line must not use links for packets."""
    return line.layer is LayerChoice.OTN or line.isolation is Isolation.DEDICATED


def odu_for(line: PrivateLine, topology: Topology) -> OduType | None:
    """The smallest ODU that holds the larger of a line's rates; ``None`` when none does."""
    return smallest_odu(max(map(topology.reservation_bps, line.cir_bps)))


def has_room_for(circuits: Circuits, odu: OduType | None, own: Collection[str] = ()) -> Usable:
    """Which links of the optical layer an ODU may use: those with room, and those named. ``None``: where no ODU would
    do, none."""
    return lambda link: link.name in own or (odu is not None and circuits.has_room(link, odu))


@contextmanager
def optical_layer(network: Network, usable: Usable, *, alone: bool) -> Iterator[None]:
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
        try:
            paths = self._find(odu, self._request)
            if paths is not None:
                return Way(paths=paths, odu=odu)
            said = self._why(odu)
        except SearchLimit:
            return undecided(self._request, LABEL_BUDGET)
        return said if said.reason is Reason.SEARCH_LIMIT else self._with_options(said, odu)

    def _find(self, odu: OduType | None, request: PathRequest) -> tuple[PlacedPath, ...] | None:
        """The best paths on which each circuit is one that the line has, as it is, or finds room beside all that there
        are. Where the best paths of all would tear up its circuits to build others, those are left that go on with all
        of them, with one, or with none. Raises ``SearchLimit``."""
        own = frozenset(link for circuit in self._kept(odu) for link in circuit.links)
        paths = self._search(has_room_for(self._circuits, odu, own), request)
        if paths is None or self._can_be_made(paths, odu):
            return paths
        found = [self._search(usable, request) for usable in self._rooms(odu)]
        possible = [paths for paths in found if paths is not None and self._can_be_made(paths, odu)]
        return min(possible, key=self._rank, default=None)

    def _kept(self, odu: OduType | None) -> tuple[Circuit, ...]:
        """The circuits that the line can go on with."""
        return tuple(circuit for circuit in self._has if circuit.odu is odu)

    def _rooms(self, odu: OduType | None) -> Iterator[Usable]:
        """What others have left; and what the line has itself, in part or in all, with that or without."""
        yield has_room_for(self._circuits, odu)
        kept = self._kept(odu)
        for part in dict.fromkeys((*((circuit,) for circuit in kept), *((kept,) if kept else ()))):
            links = frozenset(link for circuit in part for link in circuit.links)
            yield has_room_for(self._circuits, odu, links)
            yield has_room_for(self._circuits, None, links)

    def _search(self, usable: Usable, request: PathRequest) -> tuple[PlacedPath, ...] | None:
        return find_paths(self._shown(usable), request, Budget())

    def _shown(self, usable: Usable) -> Network:
        """The network as in ``optical_layer``, for searches alone: much sooner there, and back."""
        network, topology = self._network, self._topology
        lit = {
            node.name
            for node in topology.nodes
            if node.role is Role.OTN and node.enabled and network.graph.nodes[node.name]["up"]
        }
        there = lit | {node.name for node in topology.nodes if network.node_in_service(node.name)}
        serving = [
            link
            for link in topology.links
            if (usable(link) if topology.layer(link) is Layer.OTN else not self._alone)
            and link.a in there
            and link.z in there
            and network.is_on(link)
        ]
        return network.overlay.show(serving, lit)

    def _can_be_made(self, paths: tuple[PlacedPath, ...], odu: OduType | None) -> bool:
        has = {stretch_of(circuit) for circuit in self._kept(odu)}
        own = {link for circuit in self._kept(odu) for link in circuit.links}
        return all(
            stretch in has or own.isdisjoint((stretch.entry, *stretch.links, stretch.exit))
            for path in paths
            for stretch in stretches(self._topology, path.route)
        )

    def _rank(self, paths: tuple[PlacedPath, ...]) -> tuple[int, int, tuple[tuple[str, ...], ...]]:
        """The order of the searches of ``paths``: by the objective, then fewest links, then their names."""
        links = tuple(path.route.links for path in paths)
        length = sum(sum(path.delay_ns) for path in paths)
        if self._request.objective is Objective.COST:
            length = sum(self._topology.link[name].cost for route in links for name in route)
        return length, sum(map(len, links)), links

    def _why(self, odu: OduType | None) -> Refusal:
        """The first constraint in the order avoid, MTU, bandwidth, delay that takes away the last way; slots and client
        ports are bandwidth. Of one route, if even for that there is no way."""
        request = self._request
        single = replace(request, via=(), disjoint=None)
        if not request.is_plain and self._find(odu, single) is None:
            request = single
        anyway = self._roomy(request)
        if isinstance(anyway, Refusal) and anyway.reason is not Reason.DELAY_BOUND_UNREACHABLE:
            return anyway
        unbounded = replace(request, max_delay_ns=None)
        if self._find(odu, unbounded) is not None:
            return self._too_slow(odu, request)
        if isinstance(anyway, Refusal):
            anyway = self._roomy(unbounded)
        return anyway if isinstance(anyway, Refusal) else self._no_room(odu, anyway)

    def _too_slow(self, odu: OduType | None, request: PathRequest) -> Refusal:
        for usable in self._rooms(odu):
            with optical_layer(self._network, usable, alone=self._alone):
                said = _least(self._network, request)
            if isinstance(said, Refusal) and said.reason in (Reason.DELAY_BOUND_UNREACHABLE, Reason.SEARCH_LIMIT):
                return said
        message = (
            f"what is fast enough from {request.a} to {request.z} would be built of the circuits that the line has"
        )
        return Refusal(reason=Reason.DELAY_BOUND_UNREACHABLE, message=message)

    def _roomy(self, request: PathRequest) -> tuple[PlacedPath, ...] | Refusal:
        """What would be, were there slots and client ports everywhere."""
        with optical_layer(self._network, lambda link: True, alone=self._alone):
            return _least(self._network, request)

    def _with_options(self, refusal: Refusal, odu: OduType | None) -> Refusal:
        """The refusal with every single change that would do with the room there is."""
        message = refusal.message
        found: list[Option] = []
        try:
            if self._kept(odu):
                found += other_options(self._network, self._request, lambda request: self._find(odu, request))
            else:
                shown = self._shown(has_room_for(self._circuits, odu))
                found += other_options(self._network, self._request, finder(shown, Budget()))
            found += rate_options(self._network, self._request, self._is_new, self._largest_in_odus())
            if self._has:
                found += rate_options(
                    self._network, self._request, self._goes_on, self._largest_in_odus(), self._same_odu
                )
        except SearchLimit:
            message += SOME_MAY_BE_MISSING
        return replace(refusal, message=message, relaxations=tuple(option.relaxation for option in nearest(found)))

    def _odu(self, cir_bps: PerDirection[int]) -> OduType | None:
        return smallest_odu(max(map(self._topology.reservation_bps, cir_bps)))

    def _is_new(self, cir_bps: PerDirection[int]) -> bool:
        """Whether there is room for the line at other rates with other circuits than it has, or with none."""
        usable = has_room_for(self._circuits, self._odu(cir_bps))
        return self._search(usable, replace(self._request, cir_bps=cir_bps)) is not None

    def _same_odu(self, cir_bps: PerDirection[int]) -> bool:
        """Whether the line would need the ODU that it has: all its circuits are of one."""
        return self._odu(cir_bps) is self._has[0].odu

    def _goes_on(self, cir_bps: PerDirection[int]) -> bool:
        """Whether the line could have other rates with the ODU that it has."""
        return self._find(self._has[0].odu, replace(self._request, cir_bps=cir_bps)) is not None

    def _largest_in_odus(self) -> list[int]:
        """The largest CIR that each ODU holds."""
        return [int(odu.payload_bps / self._topology.overhead_factor) for odu in OduType]

    def _no_room(self, odu: OduType | None, anyway: tuple[PlacedPath, ...]) -> Refusal:
        """``anyway`` is the way that there would be."""
        if odu is None:
            asked, most = format_rate(max(self._line.cir_bps)), format_rate(self._largest_in_odus()[-1])
            message = f"no ODU holds {asked}: the largest has room for {most}"
            return Refusal(reason=Reason.NO_BANDWIDTH, message=message)
        full = [
            link
            for path in anyway
            for link, _ in path.route.hops(self._topology)
            if self._topology.layer(link) is Layer.OTN and not self._circuits.has_room(link, odu)
        ]
        named = ", ".join(self._fullness(link, odu) for link in full[:MOST_LINKS_NAMED])
        more = f" and {len(full) - MOST_LINKS_NAMED} more" if len(full) > MOST_LINKS_NAMED else ""
        return Refusal(
            reason=Reason.NO_BANDWIDTH,
            message=f"no room for an {odu} on any way as asked; on the best one {named}{more}",
            binding=Binding(links=tuple(BindingLink(link=link.name, free_bps=self._free(link)) for link in full)),
        )

    def _fullness(self, link: Link, odu: OduType) -> str:
        if self._topology.is_client_link(link):
            if any(link.name in circuit.links for circuit in self._has):
                return f"client link {link.name} has the line as it is, until another way is made"
            return f"client link {link.name} is in use"
        assert link.odu is not None
        needed = slots_taken(odu, link.odu)
        if needed is None:
            return f"{link.name} is an {link.odu}, in which no {odu} rides"
        return f"{link.name} has {link.slots - self._circuits.slots_used(link.name)} slots free, of {needed} needed"

    def _free(self, link: Link) -> PerDirection[int]:
        return PerDirection(*(self._network.residual_bps(link, direction) for direction in Direction))
