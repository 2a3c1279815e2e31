"""The virtual network: simulated switches joined by links, with a clock that moves only when frames do. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from controller.domain.rules import CrossConnect, FlowRule, RuleKey, key_of
from controller.domain.topology import OpenFlowDevice, Role, Topology
from controller.forwarding.fabric import Arrival, Fabric, ForwardingLoop
from controller.forwarding.lookup import AmbiguousMatch
from controller.forwarding.optical import ClaimedTwice, OpticalNode
from controller.forwarding.switch import Switch
from controller.simulation.datapath import Datapath
from controller.simulation.links import Links
from controller.simulation.surroundings import Surroundings
from controller.simulation.traffic import Traffic, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one frame that entered at ``entered_ns``. ``fault`` says why the network lost its mind over it (a
    loop, two rules that both match); it is empty otherwise, also when the frame was dropped."""

    entered_ns: int
    arrivals: tuple[Arrival, ...]
    fault: str = ""


class Network:
    """``datapaths`` by node: every node of the topology with an OpenFlow device; ``optical``: every OTN node, which
    joins nothing until told to. Frames that reach another node are lost.

    Time is virtual, in nanoseconds from 0. Meters fill by it, so a burst that was used up is there again
    only after ``advance``, or after other frames have taken their time. Declared ``traffic`` goes on by itself: for it
    (and for the age of flows) the time of ``clock_ns`` passes, too.

    ``on_sent_out(node, port, frame)`` is told what a controller has a switch send out, ``on_told(node, port, flow,
    frame)`` what switches tell the controller.
    """

    def __init__(
        self,
        topology: Topology,
        seed: int = 0,
        clock_ns: Callable[[], int] = lambda: 0,
        on_sent_out: Callable[[str, int, bytes], None] = lambda node, port, frame: None,
        on_told: Callable[[str, int, FlowRule, bytes], None] | None = None,
    ) -> None:
        self.topology = topology
        self.traffic = Traffic(self._follow, self._count, lambda: clock_ns() + self.now_ns)
        self.links = Links(topology, seed, self.traffic.before_change)
        self.datapaths = {
            node.name: Datapath(
                node.name,
                node.device.datapath_id,
                tuple(_ports(topology, node.name)),
                Surroundings(
                    port_up=partial(self.links.port_up, node.name),
                    now_ns=self.traffic.now_ns,
                    before_change=self.traffic.before_change,
                    before_counts=self.traffic.settle,
                    on_sent_out=partial(on_sent_out, node.name),
                ),
            )
            for node in topology.nodes
            if isinstance(node.device, OpenFlowDevice)
        }
        self.site_at = {(site.node, site.port): site.name for site in topology.sites}
        self.gateway_at = {(gateway.node, gateway.port): gateway.name for gateway in topology.gateways}
        self._gateway = {name: place for place, name in self.gateway_at.items()}
        self.now_ns = 0
        self.counters: Counter[str] = Counter()
        """Frames that entered, copies that arrived, frames of which nothing arrived."""
        self.optical = {node.name: OpticalNode() for node in topology.nodes if node.role is Role.OTN}
        nodes = _Nodes(self.datapaths, self.optical)
        self._fabric = Fabric(topology, nodes, self.links.carries, self.links.delay_ns, on_told)
        self._lossless = Fabric(topology, nodes, self.links.has_signal)

    def port_of(self, site: str) -> tuple[str, int]:
        """(node, port) of a site; ``KeyError`` when there is none."""
        found = self.topology.site[site]
        return found.node, found.port

    def port_of_gateway(self, gateway: str) -> tuple[str, int]:
        """(node, port) of a gateway; ``KeyError`` when there is none."""
        return self._gateway[gateway]

    def join(self, node: str, cross_connects: Iterable[CrossConnect]) -> None:
        """What an OTN node does from now on."""
        self.traffic.before_change()
        self.optical[node] = OpticalNode(cross_connects)

    def advance(self, duration_ns: int) -> None:
        """Let time pass."""
        if duration_ns < 0:
            raise ValueError(f"time does not pass by {duration_ns} ns")
        self.now_ns += duration_ns

    def enter(self, node: str, port: int, frame: bytes, at_ns: int) -> Outcome:
        """Follow one frame to its end. The clock stays as it is: it is the caller who has the schedule."""
        arrivals: tuple[Arrival, ...] = ()
        fault = ""
        try:
            if self.links.port_up(node, port):
                out = self._fabric.send(node, port, frame, at_ns, self._count_one)
                arrivals = tuple(arrival for arrival in out if self.links.port_up(arrival.node, arrival.port))
        except (ForwardingLoop, AmbiguousMatch, ClaimedTwice) as error:
            fault = str(error)
        self.counters["frames entered"] += 1
        self.counters["frames arrived"] += len(arrivals)
        self.counters["frames lost"] += not arrivals
        return Outcome(entered_ns=at_ns, arrivals=arrivals, fault=fault)

    def come_in(self, node: str, port: int, frame: bytes) -> None:
        """A frame enters that nobody waits for the end of, at the time that goes on by itself."""
        self.enter(node, port, frame, self.traffic.now_ns())

    def send(self, frames: Sequence[tuple[str, int, bytes]], interval_ns: int = 0) -> list[Outcome]:
        """Let frames (node, port, bytes) enter one after the other, ``interval_ns`` apart; the clock
        then stands at the last arrival."""
        if interval_ns < 0:
            raise ValueError(f"frames cannot be {interval_ns} ns apart")
        outcomes = []
        for number, (node, port, frame) in enumerate(frames):
            outcomes.append(self.enter(node, port, frame, self.now_ns + number * interval_ns))
        ends = (
            outcome.entered_ns + max((arrival.delay_ns for arrival in outcome.arrivals), default=0)
            for outcome in outcomes
        )
        self.now_ns = max(ends, default=self.now_ns)
        return outcomes

    def _follow(self, node: str, port: int, frame: bytes) -> Way:
        """What a packet of declared traffic meets."""
        if not self.links.port_up(node, port):
            return Way()
        met: list[tuple[str, RuleKey, int]] = []
        try:
            arrivals = self._lossless.send(
                node, port, frame, on_match=lambda at, flow, size: met.append((at, key_of(flow), size))
            )
        except (ForwardingLoop, AmbiguousMatch, ClaimedTwice) as error:
            return Way(tuple(met), fault=str(error))
        out = ((arrival.node, arrival.port) for arrival in arrivals)
        return Way(tuple(met), tuple(place for place in out if self.links.port_up(*place)))

    def _count(self, node: str, flow: RuleKey, packets: int, size: int) -> None:
        self.datapaths[node].tables.counters.add(flow, packets, size)

    def _count_one(self, node: str, flow: FlowRule, size: int) -> None:
        self._count(node, key_of(flow), 1, size)


class _Nodes(Mapping[str, Switch | OpticalNode]):
    """What forwards at each node at the moment: a restart puts another in its place."""

    def __init__(self, datapaths: Mapping[str, Datapath], optical: Mapping[str, OpticalNode]) -> None:
        self._datapaths = datapaths
        self._optical = optical
        self._nothing = Switch()

    def __getitem__(self, node: str) -> Switch | OpticalNode:
        datapath = self._datapaths.get(node)
        return self._optical.get(node, self._nothing) if datapath is None else datapath.tables.switch

    def __iter__(self) -> Iterator[str]:
        yield from self._datapaths
        yield from self._optical

    def __len__(self) -> int:
        return len(self._datapaths) + len(self._optical)


def _ports(topology: Topology, node: str) -> Iterator[int]:
    for link in topology.links:
        if link.a == node:
            yield link.a_port
        if link.z == node:
            yield link.z_port
    yield from (site.port for site in topology.sites if site.node == node)
    yield from (gateway.port for gateway in topology.gateways if gateway.node == node)
